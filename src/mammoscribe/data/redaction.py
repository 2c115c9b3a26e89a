"""Messages without identifiers: what a file's header, its path and a manifest's row say of a patient is taken out of them."""

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from pydicom import Dataset
from pydicom.multival import MultiValue

from mammoscribe.imaging.decode import is_dicom, open_dicom
from mammoscribe.support.errors import InputError, MammoscribeError, printable

FILE, DATE, UID, ID, VALUE = "[file]", "[date]", "[UID]", "[id]", "[value]"
"""What stands for an identifier that has no other name."""
_ID_TAGS = ("PatientID", "OtherPatientIDs", "AccessionNumber", "StudyID", "RequestedProcedureID")
_STANDARD_UIDS = "1.2.840.10008."
"""UIDs of the standard itself (PS3.6 Annex A), which say what an object is and not whose."""
_MIN_CHARS = 3
_SUFFIXES = r"dcm|dicom|ima|png|jpe?g|tiff?|pgm|json|csv"
_GENERAL = (
    (re.compile(r"(?<!\w)'[^']*'(?!\w)|(?<!\w)\"[^\"]*\"(?!\w)"), VALUE),
    (re.compile(rf"(?<!\w)(?:[\w.~-]*[\\/])+[^\s;,()'\"]*\.(?:{_SUFFIXES})\b", re.IGNORECASE), FILE),
    (re.compile(r"(?<![\w/\\.])(?:[A-Za-z]:|~|\.{1,2})?[\\/][^\s;,()'\"]+"), FILE),
    (re.compile(rf"(?<!\w)[^\s;,()'\"\[\]]+\.(?:{_SUFFIXES})\b", re.IGNORECASE), FILE),
    (re.compile(r"(?<![\w.])(?!1\.2\.840\.10008\.)\d+(?:\.\d+){4,}(?![\w.]*\w)"), UID),
    (re.compile(r"(?<!\d)(?:19|20)\d\d([-./]?)(?:0\d|1[0-2])\1[0-3]\d(?!\d)"), DATE),
    (re.compile(r"(?<!\d)[0-3]?\d([-./])[01]?\d\1(?:19|20)\d\d(?!\d)"), DATE),
)
"""What is an identifier by its form, for those that no header or row has named; what is quoted from a file may be one."""


class Redactor:
    """Replaces known identifiers in a text, then whatever is quoted or has the form of a path, a UID or a date.

    Args:
        known: identifier -> what stands for it. Matched as whole words, whatever the case of their letters; those of
            fewer than three characters, and short numbers, are left out, since they would be found by chance.
    """

    def __init__(self, known: Mapping[str, str]) -> None:
        self._given = known
        self._known = {printable(k).lower(): v for k, v in known.items() if _is_sought(k)}

    def text(self, text: str) -> str:
        """The text without identifiers."""
        text = self._pattern(text).sub(lambda match: self._known.get(match[0].lower(), ID), text)
        for pattern, name in _GENERAL:
            text = pattern.sub(name, text)
        return text

    def _pattern(self, text: str) -> re.Pattern[str]:
        """Of the identifiers that are in the text, the longest first; one of all that are known is slow to make."""
        lower = text.lower()
        words = sorted((known for known in self._known if known in lower), key=len, reverse=True)
        listed = "|".join(map(re.escape, words))
        return re.compile(rf"(?<![^\W_])(?:{listed})(?![^\W_])" if listed else r"(?!)", re.IGNORECASE)

    def also(self, known: Mapping[str, str]) -> "Redactor":
        """One that knows more identifiers, or better names for some of them."""
        return Redactor({**self._given, **known})

    def names_patient(self, text: str) -> bool:
        """Whether the text holds an id, a name or a UID that is known; folders of files and dates are no matter."""
        return any(self._known.get(m[0].lower()) in (ID, UID) for m in self._pattern(text).finditer(text))

    def error(self, error: Exception) -> MammoscribeError:
        """The error without identifiers; one that is not ours becomes an InputError."""
        if isinstance(error, OSError) and error.strerror:
            return InputError(f"a file cannot be read: {error.strerror}")
        if not isinstance(error, MammoscribeError):
            return InputError(self.text(f"unexpected {type(error).__name__}: {error}"))
        return type(error)(self.text(error.found), self.text(error.expected), self.text(error.do))

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Errors of the block come without identifiers, and without the error that they came from."""
        try:
            yield
        except Exception as error:
            raise self.error(error) from None


def _is_sought(identifier: str) -> bool:
    return len(identifier) >= _MIN_CHARS and not (identifier.isdigit() and len(identifier) <= _MIN_CHARS)


def identifiers_of_files(files: Iterable[Path]) -> dict[str, str]:
    """Identifier -> what stands for it, of the headers of DICOM files: ids, names of persons, UIDs and dates.

    A file that is no DICOM or cannot be read has none: who opens it says what is wrong with it.
    """
    found: dict[str, str] = {}
    for file in files:
        try:
            found |= identifiers_of_header(open_dicom(file, pixels=False)) if is_dicom(file) else {}
        except (MammoscribeError, OSError, ValueError):
            continue
    return found


def identifiers_of_header(header: Dataset) -> dict[str, str]:
    """Identifier -> what stands for it, of a header and its sequences."""
    found: dict[str, str] = {}
    for element in header.iterall():
        with suppress(Exception):  # a damaged value can fail in any way; it is not printed as it is either
            values = element.value if isinstance(element.value, MultiValue) else [element.value]
            for value in map(str, values):
                found |= _identifiers(element.VR, element.keyword, value.strip())
    return found


def _identifiers(kind: str, keyword: str, value: str) -> dict[str, str]:
    """What one value of a header tells, by its value representation (PS3.5 section 6.2)."""
    if kind == "PN":
        return dict.fromkeys((value, *re.split(r"[\s^=]+", value)), ID)
    if kind == "UI":
        return {} if value.startswith(_STANDARD_UIDS) else {value: UID}
    if kind in ("DA", "DT"):
        day = value[:8]
        return dict.fromkeys((value, day, f"{day[:4]}-{day[4:6]}-{day[6:]}"), DATE)
    return {value: ID} if keyword in _ID_TAGS else {}


def identifiers_of_paths(files: Mapping[Path, str]) -> dict[str, str]:
    """Identifier -> what stands for it, of the paths of files: whole, their names, and folders that hold no mere word.

    Args:
        files: path as it was given -> what stands for it.
    """
    found: dict[str, str] = {}
    shared = Counter(name for path in files for name in {path.name, path.stem})
    for path, name in files.items():
        whole = {str(path), str(path.absolute()), os.path.realpath(path)}
        folders = {str(Path(p).parent) for p in whole if len(Path(p).parent.parts) > 1}
        parts = [part for part in path.absolute().parts[1:-1] if not part.isalpha()]
        own = {path.name} if path.stem.isalpha() else {path.name, path.stem}
        found |= dict.fromkeys([*parts, *folders], FILE) | dict.fromkeys(whole, name)
        found |= {part: name if shared[part] == 1 else FILE for part in own}
    return found
