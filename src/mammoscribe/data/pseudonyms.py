"""Pseudonyms: ids become a keyed hash, dates move by a number of days per patient, pictures get other names.

What leads back is kept apart from the catalogue, beside the key: links from the new names of pictures to their files, and
the errors of reading them, which name files and ids. Who has the catalogue without the key cannot tell who a patient is by
these; names in a report's text or in a DICOM header are another matter, and stay as they are.
"""

import datetime as dt
import hashlib
import hmac
import os
import re
import secrets
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from mammoscribe.data.records import ImageText, ListedImage, ListedView, MammoExam, Record, TextDocument
from mammoscribe.data.texts.report_text import ReportText
from mammoscribe.support.errors import InputError, InvalidNoun

KEY_BYTES = 32
MAX_DAYS = 3652
"""Dates move back by 1 to so many days (ten years)."""
_FIRST_LINE = "mammoscribe pseudonym key 1"
_DIGITS = 20
"""Hex digits of a pseudonym, 80 bits: two of a million patients share one once in a trillion such datasets."""
_MIN_ID_CHARS = 4
"""Shorter ids are not looked for in texts and labels, where they would be found by chance."""
_DAY_FORMS = ("%Y-%m-%d", "%Y%m%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y")
_UID = re.compile(r"\d+(?:\.\d+){4,}")
_DAY = re.compile(r"(?<!\d)(?:(?:19|20)\d\d([-./]?)[01]\d\1[0-3]\d|[0-3]?\d([-./])[0-3]?\d\2(?:19|20)\d\d)(?!\d)")
_PSEUDONYM = re.compile(rf"(?:patient|exam)-[0-9a-f]{{{_DIGITS}}}")
PICTURE_SUFFIX = re.compile(r"\.(?:dcm|dicom|ima|png|jpe?g|tiff?|pgm)", re.IGNORECASE)
"""Endings that say what a file is; others may be a part of an id (`1.2.840.113619`)."""


@dataclass(frozen=True)
class Pseudonyms:
    """The pseudonyms of one key: the same id gives the same pseudonym, in every catalogue made with it.

    They are HMAC-SHA256 (RFC 2104) of the id, so that without the key an id can neither be read from its pseudonym nor
    be tried out.

    Args:
        key: `KEY_BYTES` random bytes.

    Raises:
        InvalidNoun: for a key of another length.
    """

    key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.key) != KEY_BYTES:
            raise InvalidNoun(f"a key of {len(self.key)} bytes", f"{KEY_BYTES} bytes")

    def patient(self, patient_id: str) -> str:
        """The pseudonym of a patient."""
        return f"patient-{self._digest('patient', patient_id).hex()[:_DIGITS]}"

    def exam(self, exam_id: str) -> str:
        """The pseudonym of an exam, or of any other record."""
        return f"exam-{self._digest('exam', exam_id).hex()[:_DIGITS]}"

    def days(self, patient_id: str) -> int:
        """By how many days the dates of a patient move back; the same for all of them, so that intervals stay."""
        return 1 + int.from_bytes(self._digest("days", patient_id)[:8], "big") % MAX_DAYS

    def _own_dates(self, patient: str, day: dt.date | None) -> dict[str, str]:
        """The day of an exam as texts may write it in digits -> the day that it is moved to, written alike."""
        if day is None:
            return {}
        moved = self.date(patient, day)
        return {f"{day:{form}}": f"{moved:{form}}" for form in _DAY_FORMS}

    @property
    def fingerprint(self) -> str:
        """Eight hex digits that differ from key to key and tell nothing of it."""
        return self._digest("key", "").hex()[:8]

    def date(self, patient_id: str, day: dt.date) -> dt.date:
        """A day of a patient, moved back; one that would be before the year 1 raises InputError."""
        try:
            return day - dt.timedelta(self.days(patient_id))
        except OverflowError as error:
            raise InputError(f"the date {day}", "a day of our time") from error

    def record(self, record: Record, new_path: Callable[[str, str], str] = lambda _, path: path) -> Record:
        """A record without ids, dates and paths; in its text its own ids and day alone are replaced.

        Labels that are a path, or hold an id, a UID or a day, are left out.

        Args:
            record: any; `prior_id` becomes the pseudonym of that record.
            new_path: (the exam's pseudonym, a path) -> the new path of that picture.
        """
        exam, patient = self.exam(record.id), record.patient_id or record.id
        ids = _Ids({**self._own_dates(patient, record.date), record.id: exam, patient: self.patient(patient)})
        changed: dict[str, object] = {
            "id": exam,
            "patient_id": self.patient(record.patient_id) if record.patient_id else None,
            "date": None if record.date is None else self.date(patient, record.date),
            "labels": ids.labels(record.labels),
        }
        if isinstance(record, TextDocument):
            return replace(record, **changed, text=ids.text(record.text), title=ids.text(record.title))  # type: ignore[arg-type]
        changed["prior_id"] = None if record.prior_id is None else self.exam(record.prior_id)
        changed["report"] = None if record.report is None else ids.report(record.report)
        changed["images"] = tuple(_image(image, ids, lambda path: new_path(exam, path)) for image in record.images)
        if isinstance(record, MammoExam):
            changed["breasts"] = {side: ids.labels(labels) for side, labels in record.breasts.items()}
        if isinstance(record, ImageText):
            changed["conversation"] = tuple(replace(turn, text=ids.text(turn.text)) for turn in record.conversation)
        return replace(record, **changed)  # type: ignore[arg-type]  # the fields of each kind, by name

    def _digest(self, what: str, text: str) -> bytes:
        return hmac.new(self.key, f"{what}\0{text}".encode("utf-8", "surrogatepass"), hashlib.sha256).digest()


def is_pseudonym(name: str) -> bool:
    """Whether a name has the form of a pseudonym, so that it must not be replaced once more."""
    return _PSEUDONYM.fullmatch(name) is not None


class _Ids:
    """The ids of one record, to find them in its texts and labels."""

    def __init__(self, pseudonyms: Mapping[str, str]) -> None:
        self._pseudonyms = {name: new for name, new in pseudonyms.items() if len(name) >= _MIN_ID_CHARS}
        words = "|".join(re.escape(name) for name in sorted(self._pseudonyms, key=len, reverse=True))
        self._pattern = re.compile(rf"(?<!\w)(?:{words})(?!\w)" if words else r"(?!)")

    def text(self, text: str) -> str:
        """A text with these ids replaced."""
        return self._pattern.sub(lambda match: self._pseudonyms[match[0]], text)

    def report(self, report: ReportText) -> ReportText:
        """A report with these ids replaced."""
        edits = tuple(replace(e, before=self.text(e.before), after=self.text(e.after)) for e in report.edits)
        sections = {section: self.text(text) for section, text in report.sections.items()}
        return replace(report, raw=self.text(report.raw), sections=sections, edits=edits)

    def labels(self, labels: Mapping[str, str]) -> dict[str, str]:
        """Labels without those that are paths, or hold one of these ids, a UID or a day."""
        return {name: value for name, value in labels.items() if not self._tells(value)}

    def _tells(self, value: str) -> bool:
        is_path = PICTURE_SUFFIX.fullmatch(PurePosixPath(value.replace("\\", "/")).suffix) is not None
        return is_path or any(p.search(value) is not None for p in (self._pattern, _UID, _DAY))


def _image(image: ListedView | ListedImage, ids: _Ids, new_path: Callable[[str], str]) -> ListedView | ListedImage:
    regions = tuple(replace(region, labels=ids.labels(region.labels)) for region in image.regions)
    path = None if image.path is None else new_path(image.path)
    return replace(image, path=path, labels=ids.labels(image.labels), regions=regions)


# --- the key -----------------------------------------------------------------------------------------------------------


def read_or_make_key(path: Path, apart_from: tuple[Path, ...] = ()) -> Pseudonyms:
    """The pseudonyms of the key in a file; a new key, readable by its owner alone, where there is no such file.

    Args:
        path: the file.
        apart_from: folders in which a key must not be.

    Raises:
        InputError: when it is in one of these folders, others may read it, it is no such key, or cannot be written.
    """
    path = Path(path)
    for folder in apart_from:
        if path.resolve().is_relative_to(folder.resolve()):
            raise InputError(
                f"the key {path} is in {folder}", "a file outside it, to be kept apart", "give another file"
            )
    try:
        return Pseudonyms(_read_key(path) if path.exists() else _made_key(path))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}", "a file for the key", "give another one") from error


def _read_key(path: Path) -> bytes:
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise InputError(f"the key {path} may be read by others", "its owner alone", f"chmod 600 {path}")
    lines = path.read_text(encoding="ascii", errors="replace").split("\n")
    if lines[0] != _FIRST_LINE or not re.fullmatch(r"[0-9a-f]{64}", "".join(lines[1:2])) or any(lines[2:]):
        raise InputError(f"{path} is no key for pseudonyms", "a file that `data ingest --pseudonymous` made")
    return bytes.fromhex(lines[1])


def _made_key(path: Path) -> bytes:
    key = secrets.token_bytes(KEY_BYTES)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as stream:
        stream.write(f"{_FIRST_LINE}\n{key.hex()}\n")
    return key
