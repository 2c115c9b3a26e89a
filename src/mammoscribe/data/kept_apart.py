"""What leads back from a pseudonymous catalogue to its source, in a folder beside the key: links to pictures, and errors."""

import csv
import os
import shutil
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from types import TracebackType

from mammoscribe.data.dataset import Fault, Item
from mammoscribe.data.pseudonyms import PICTURE_SUFFIX, read_or_make_key
from mammoscribe.support.errors import InputError, SetAside, printable
from mammoscribe.support.files import working_folder

PICTURES, ERRORS = "pictures", "errors.csv"


class KeptApart:
    """Turns what is read into pseudonyms, and keeps what leads back in `KEY.files/NAME`, for its owner alone; a context.

    `pictures` holds a link for every picture, under the name that the catalogue has for it (`exam-1f.../1.dcm`), so that
    the catalogue is read as any other while the folder is there; `errors.csv` holds the errors, which name files and ids.

    Args:
        key_file: the key; made where it is not there.
        root: the folder from which the paths of pictures start.
        catalogue: the catalogue's folder.

    Raises:
        InputError: as `read_or_make_key`; when the system has no links, or another run writes to this folder.
    """

    def __init__(self, key_file: Path, root: Path, catalogue: Path) -> None:
        self._key_file, self._root = Path(key_file), root
        self._catalogue = catalogue
        self.folder = private_folder(self._key_file, catalogue)

    def __enter__(self) -> "KeptApart":
        self._pseudonyms = read_or_make_key(self._key_file, (self._root, self._catalogue))
        self.folder.parent.mkdir(mode=0o700, exist_ok=True)
        with ExitStack() as stack:
            self._part = stack.enter_context(working_folder(self.folder, "writing"))
            (self._part / PICTURES).mkdir(mode=0o700)
            self._errors = stack.enter_context((self._part / ERRORS).open("w", encoding="utf-8", newline=""))
            self._rows = csv.writer(self._errors, lineterminator="\n")
            self._rows.writerow(["what", "where", "found", "expected", "do"])
            self._num_errors = 0
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def pseudonymous(self, item: Item) -> Item:
        """A record under pseudonyms, its pictures linked; or a Fault that names nothing, the true one being kept apart."""
        if not isinstance(item, Fault):
            return self._pseudonyms.record(item, self._linked)
        self._num_errors += 1
        what = "set aside" if item.set_aside else "error"
        self._rows.writerow([what, printable(item.where), item.error.found, item.error.expected, item.error.do])
        where = f"line {self._num_errors + 1} of the errors that are kept with the key"
        kind = SetAside if item.set_aside else InputError
        return Fault(where, kind("not shown here, since it may name a patient", "", f"see {where}"), item.count)

    def _linked(self, exam: str, path: str) -> str:
        """The new path of a picture of an exam, whose link is made."""
        folder = self._part / PICTURES / exam
        folder.mkdir(mode=0o700, exist_ok=True)
        new = picture_name(exam, sum(1 for _ in folder.iterdir()) + 1, path)
        try:
            os.symlink(self._root / path, self._part / PICTURES / new)
        except (OSError, NotImplementedError) as error:
            found = f"no link to a picture can be made in {self.folder} ({error})"
            raise InputError(found, "a disk that has links", "keep the key on another one") from error
        return new

    def finish(self) -> Path:
        """Move everything to its place; gives the folder of the links, from which the catalogue's paths start."""
        self._errors.close()
        if self.folder.exists():
            shutil.rmtree(self.folder)
        os.replace(self._part, self.folder)
        return (self.folder / PICTURES).resolve()


def picture_name(exam: str, number: int, path: str) -> str:
    """What the picture of that number of an exam is called instead of `path`: `exam-1f.../2.dcm`."""
    suffix = PurePosixPath(path).suffix.lower()
    return f"{exam}/{number}{suffix if PICTURE_SUFFIX.fullmatch(suffix) else ''}"


def private_folder(key_file: Path, catalogue: Path) -> Path:
    """The folder beside a key for what leads back from a catalogue: `clinic.key.files/NAME`."""
    return key_file.with_name(f"{key_file.name}.files") / catalogue.resolve().name
