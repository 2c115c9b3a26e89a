"""More rows than memory holds: they wait in a temporary database and come back group by group; sets of names, too."""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from mammoscribe.data.formats.tables import Row
from mammoscribe.support.errors import InputError


class _Database(sqlite3.Connection):
    """A temporary database; a full disk is the user's to mend, and says so."""

    def execute(self, *args: Any) -> sqlite3.Cursor:
        with _full_disk_reported():
            return super().execute(*args)

    def executemany(self, *args: Any) -> sqlite3.Cursor:
        with _full_disk_reported():
            return super().executemany(*args)


@contextmanager
def _full_disk_reported() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode not in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE):
            raise
        found = "there is no room for temporary files"
        raise InputError(found, "", "make room, or set SQLITE_TMPDIR to a folder of a larger disk") from error


def temporary_database(schema: str, cache_mb: int = 4) -> sqlite3.Connection:
    """An empty SQLite database that uses no more memory than its cache; its file is gone when it is closed.

    Raises:
        InputError: while it is written to, when the disk of the temporary files is full.
    """
    database = sqlite3.connect("", factory=_Database)  # SQLite's name for a file of its own that it deletes itself
    database.executescript(
        f"PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-{cache_mb * 1024};{schema}"
    )
    return database


class DiskSet:
    """A set of texts that memory need not hold."""

    def __init__(self) -> None:
        self._db = temporary_database("CREATE TABLE seen (name TEXT PRIMARY KEY) WITHOUT ROWID;")
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def add(self, name: str) -> bool:
        """Put `name` in; False when it was there already."""
        new = self._db.execute(
            "INSERT OR IGNORE INTO seen VALUES (?)", (name.encode("utf-8", "surrogatepass"),)
        ).rowcount
        self._size += new
        return bool(new)

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()


class Spool:
    """Rows by group, on disk; a context, since its file goes when it is left.

    Groups come back in the order in which each was first seen, rows of a group in the order in which they were added.
    """

    def __init__(self) -> None:
        self._db = temporary_database(
            "CREATE TABLE row (n INTEGER PRIMARY KEY, grp TEXT, tbl TEXT, line INTEGER, fields TEXT);"
        )

    def __enter__(self) -> "Spool":
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def add_one(self, group: str, row: Row) -> None:
        """Keep one row."""
        self._db.execute(
            "INSERT INTO row (grp, tbl, line, fields) VALUES (?, ?, ?, ?)",
            (group, row.table, row.line, json.dumps(row.fields)),
        )

    def groups(self) -> Iterator[tuple[str, list[Row]]]:
        """Every group with its rows."""
        self._db.execute("CREATE INDEX IF NOT EXISTS by_group ON row (grp, n)")
        names = self._db.execute("SELECT grp FROM row GROUP BY grp ORDER BY MIN(n)")
        for (name,) in names:
            found = self._db.execute("SELECT tbl, line, fields FROM row WHERE grp = ? ORDER BY n", (name,))
            yield name, [Row(table, line, _fields(fields)) for table, line, fields in found]

    def rows_of(self, group: str) -> list[Row]:
        """The rows of one group, [] when there is none."""
        self._db.execute("CREATE INDEX IF NOT EXISTS by_group ON row (grp, n)")
        found = self._db.execute("SELECT tbl, line, fields FROM row WHERE grp = ? ORDER BY n", (group,))
        return [Row(table, line, _fields(fields)) for table, line, fields in found]


def _fields(text: str) -> Mapping[str, str]:
    return json.loads(text)
