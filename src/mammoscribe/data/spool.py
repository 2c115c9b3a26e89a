"""Grouping more rows than memory holds: rows wait in a temporary database and come back group by group."""

import json
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from mammoscribe.data.tables import Row


class Spool:
    """Rows by group, on disk; a context, since its file goes when it is left.

    Groups come back in the order in which each was first seen, rows of a group in the order in which they were added.
    """

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="mammoscribe-")
        self._db = sqlite3.connect(Path(self._folder.name) / "rows.sqlite")
        self._db.executescript(
            "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-16000;"
            "CREATE TABLE row (n INTEGER PRIMARY KEY, grp TEXT, tbl TEXT, line INTEGER, fields TEXT);"
        )

    def __enter__(self) -> "Spool":
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()
        self._folder.cleanup()

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
