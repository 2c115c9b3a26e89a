"""Tables that name pictures: which rows are about a file, by its path, or by its bare name where only one file has it."""

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from mammoscribe.data.dataset import Fault
from mammoscribe.data.formats.spool import DiskSet, Spool, temporary_database
from mammoscribe.data.formats.tables import Row
from mammoscribe.support.errors import InputError

SHOWN = 3


class NamedPictures:
    """The rows of a table by picture, on disk; a context, since its files go when it is left."""

    def __init__(self) -> None:
        self._rows, self._claimed = Spool(), DiskSet()
        self._files = temporary_database("CREATE TABLE bare (name TEXT PRIMARY KEY, n INTEGER, first TEXT);")
        self._some: list[str] = []

    def __enter__(self) -> "NamedPictures":
        return self

    def __exit__(self, *_: object) -> None:
        self._rows.__exit__()
        self._claimed.close()
        self._files.close()

    def add(self, picture: str, row: Row) -> None:
        """Keep a row under the picture as the table writes it."""
        self._rows.add_one(picture.replace("\\", "/").removeprefix("./"), row)

    @property
    def num_claimed(self) -> int:
        """Names that were files."""
        return len(self._claimed)

    def count(self, files: Iterable[str]) -> None:
        """Count the bare names of all files, before any is asked for."""
        known = "INSERT INTO bare VALUES (?, 1, ?) ON CONFLICT (name) DO UPDATE SET n = n + 1"
        for path in files:
            self._some += [path] if len(self._some) < SHOWN else []
            self._files.executemany(known, [(name, path) for name in _bare(path)])

    def rows_of(self, path: str) -> list[Row]:
        """The rows that name a file; a bare name that several files have raises InputError."""
        for name in (path, *_bare(path)):
            if not (rows := self._rows.rows_of(name)):
                continue
            self._claimed.add(name)
            known = "SELECT n, first FROM bare WHERE name = ?"
            number, first = self._files.execute(known, (name,)).fetchone() or (1, "")
            if name != path and number > 1:
                found = f"{rows[0].where} names {name}, which is {number} files, {first} and others"
                raise InputError(found, "the path from the root")
            return rows
        return []

    def orphans(self, unknown: str = "no file is the picture", key: str = "report_image") -> Iterator[Fault]:
        """A Fault for each picture that no file is, or one for all of them where no file was named at all.

        Args:
            unknown: words before the name of such a picture.
            key: of the TOML file, that names the column.
        """
        joined = len(self._claimed) > 0
        left = ((name, rows) for name, rows in self._rows.groups() if self._claimed.add(name))
        for name, rows in left:
            if joined:
                yield rows[0].fault(f"{unknown} {name}", "one that images finds, by its path from the root")
                continue
            examples = [name, *(other for (other, _), _ in zip(left, range(SHOWN - 1), strict=False))]
            found = f"{rows[0].table} names {', '.join(examples)}, the files are {', '.join(self._some)}"
            yield Fault(rows[0].table, InputError(found, "the same names in both", f"look at images and {key}"))
            return


def _bare(path: str) -> list[str]:
    """The name of a file without its folder, and without its ending."""
    file = PurePosixPath(path)
    return list(dict.fromkeys((file.name, file.stem)))
