"""Reading a DICOM mammography header: laterality, projection, identity, spacing, and what is not a mammogram."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.pixels.utils import get_expected_length

from mammoscribe.domain.view import SYNTHETIC_SOURCE, Laterality, Origin, Projection, SpacingSource
from mammoscribe.imaging.decode import check_readable, is_dicom, open_dicom
from mammoscribe.imaging.mgcodes import IMPLANT_DISPLACED, PROJECTIONS
from mammoscribe.imaging.orientation import hung_side, oblique_side, patient_orientation
from mammoscribe.imaging.refusal import refusal
from mammoscribe.imaging.spacing import header_spacing
from mammoscribe.support.errors import InputError, MammoscribeError, NotAMammogram

_UNDEFINED = 0xFFFFFFFF


@dataclass(frozen=True)
class ViewHeader:
    """What a mammogram's header says; values the header does not give are None or "".

    Args:
        path: the file.
        laterality, projection: None when the header does not say or contradicts itself.
        patient_id, study_uid, accession: identity, for grouping files into exams.
        date: acquisition day, else study day.
        width_px, height_px: size of the stored array.
        spacing_mm: (row, column) in the breast, or None.
        sop_class_uid, sop_instance_uid, series_uid, frame_of_reference_uid: for exported objects.
        conflicts: contradictions between attributes, each naming the candidates.
        warnings: what the reader should know (partial view, implant, 2D made from tomosynthesis, ...).
        origin: synthetic where the phantom wrote the file.
    """

    path: Path
    laterality: Laterality | None
    projection: Projection | None
    patient_id: str | None
    study_uid: str | None
    accession: str
    date: dt.date | None
    width_px: int
    height_px: int
    spacing_mm: tuple[float, float] | None
    spacing_source: SpacingSource
    manufacturer: str
    model: str
    intent: str
    sop_class_uid: str
    sop_instance_uid: str
    series_uid: str
    frame_of_reference_uid: str
    conflicts: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    origin: Origin = Origin.ACQUIRED

    @property
    def exam_key(self) -> str:
        """What tells exams apart: the study, else the accession number, else the day."""
        return self.study_uid or self.accession or (self.date.isoformat() if self.date else "")


def read_header(path: Path) -> ViewHeader:
    """Read the header of a DICOM file without its pixels.

    Raises:
        NotAMammogram: for anything but a two-dimensional CC or MLO view, with the reason.
        InputError: when the file cannot be read as DICOM, or is shorter than the pixels that its header tells of.
    """
    path = Path(path)
    check_readable(path)
    if not is_dicom(path):
        raise InputError(f"{path} is not a DICOM file", "a mammogram with a DICOM header")
    with damage_told(path):
        header = open_dicom(path, pixels=False)
        begin = end_of(header)
        found = _view_header(path, header)
        check_length(path, header, begin)
        return found


@contextmanager
def damage_told(path: Path) -> Iterator[None]:
    """Whatever fails inside, as an InputError that names the file.

    pydicom makes a value of its bytes when it is first looked at, which fails in as many ways as files are damaged.
    """
    try:
        yield
    except (MammoscribeError, MemoryError):
        raise
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:120]
        raise InputError(f"{path} is damaged ({reason})", "a whole DICOM file") from error


def end_of(header: Dataset) -> int:
    """Where a header without pixels ends in its file, at least; 0 once its last value was read, for pydicom forgets it."""
    last = header.get_item(max(header.keys())) if header else None
    if not isinstance(last, RawDataElement):
        return 0
    return last.value_tell + (last.length if last.length != _UNDEFINED else 0)


def check_length(path: Path, header: Dataset, begin: int) -> None:
    """InputError for a file of uncompressed pixels that was cut off (PS3.5 sections 7.1 and 8.1).

    Args:
        path: the file.
        header: of it, without pixels.
        begin: where the element with the pixels begins, as `end_of` says.
    """
    try:
        syntax = header.file_meta.TransferSyntaxUID
        if syntax.is_compressed or syntax.is_deflated:
            return
        expected = get_expected_length(header)
    except (AttributeError, TypeError, ValueError):
        return  # what lacks is said by who decodes
    begin += 8 if header.original_encoding[0] else 12  # tag, VR and length of the element
    if (length := path.stat().st_size) < begin + expected:
        found = f"{path} is cut off: it has {length} bytes, and its header tells of {expected} of pixels"
        raise InputError(found, "a whole DICOM file")


def made_on(header: Dataset) -> dt.date | None:
    """The acquisition day, else the study day; None when neither is a date of this or the last century."""
    return next((d for d in map(_day, (header.get("AcquisitionDate"), header.get("StudyDate"))) if d), None)


def _view_header(path: Path, header: Dataset) -> ViewHeader:
    if reason := refusal(header):
        raise NotAMammogram(f"{path} is {reason}, not a mammogram this software reads", "a CC or MLO view of a breast")
    lateralities, projections = _lateralities(header), _projections(header)
    spacing, spacing_warning = header_spacing(header)
    conflicts = tuple(c for c in (_conflict("laterality", lateralities), _conflict("projection", projections)) if c)
    return ViewHeader(
        path=path,
        laterality=_laterality(header, lateralities),
        projection=Projection(projection) if (projection := _agreed(projections)) else None,
        patient_id=_text(header, "PatientID") or None,
        study_uid=_text(header, "StudyInstanceUID") or None,
        accession=_text(header, "AccessionNumber"),
        date=made_on(header),
        width_px=int(header.get("Columns") or 0),
        height_px=int(header.get("Rows") or 0),
        spacing_mm=spacing,
        spacing_source=SpacingSource.HEADER if spacing else SpacingSource.UNKNOWN,
        manufacturer=_text(header, "Manufacturer"),
        model=_text(header, "ManufacturerModelName"),
        intent=_text(header, "PresentationIntentType"),
        sop_class_uid=_text(header, "SOPClassUID"),
        sop_instance_uid=_text(header, "SOPInstanceUID"),
        series_uid=_text(header, "SeriesInstanceUID"),
        frame_of_reference_uid=_text(header, "FrameOfReferenceUID"),
        conflicts=conflicts,
        warnings=tuple(_warnings(header, spacing_warning)),
        origin=Origin.SYNTHETIC if _text(header, "Manufacturer") == SYNTHETIC_SOURCE else Origin.ACQUIRED,
    )


def _lateralities(header: Dataset) -> dict[str, str]:
    """Attribute name -> R or L, in order of trust."""
    frame = _frame_laterality(header)
    found = {
        "Image Laterality": _text(header, "ImageLaterality"),
        "Laterality": _text(header, "Laterality"),
        "Frame Laterality": frame,
        "Patient Orientation": oblique_side(header),
    }
    return {name: value.upper() for name, value in found.items() if value.upper() in ("R", "L")}


def _laterality(header: Dataset, known: dict[str, str]) -> Laterality | None:
    """What the attributes agree on; when all are silent, what the hanging says."""
    if not known:
        return hung_side(header)
    side = _agreed(known)
    return Laterality(side) if side else None


def _frame_laterality(header: Dataset) -> str:
    shared = header.get("SharedFunctionalGroupsSequence") or [Dataset()]
    anatomy = shared[0].get("FrameAnatomySequence") or [Dataset()]
    return _text(anatomy[0], "FrameLaterality")


def _projections(header: Dataset) -> dict[str, str]:
    """Attribute name -> CC or MLO, in order of trust; Patient Orientation only when the others are silent."""
    codes = (PROJECTIONS.get(_text(item, "CodeValue")) for item in header.get("ViewCodeSequence") or [])
    position = _text(header, "ViewPosition").upper()
    found = {
        "View Code Sequence": next((c.value for c in codes if c), ""),
        "View Position": position if position in Projection.__members__ else "",
    }
    found = {name: value for name, value in found.items() if value}
    if not found:
        down = patient_orientation(header)[1]
        guess = "MLO" if down in ("FL", "FR", "LF", "RF") else "CC" if down in ("L", "R") else ""
        return {"Patient Orientation": guess} if guess else {}
    return found


def _agreed(found: dict[str, str]) -> str:
    return next(iter(found.values())) if len(set(found.values())) == 1 else ""


def _conflict(what: str, found: dict[str, str]) -> str:
    if len(set(found.values())) < 2:
        return ""
    return f"{what}: " + ", ".join(f"{name} says {value}" for name, value in found.items())


def _warnings(header: Dataset, spacing_warning: str) -> Iterator[str]:
    if spacing_warning:
        yield spacing_warning
    if _text(header, "PartialView").upper() == "YES":
        yield "a partial view: part of the breast lies outside the picture"
    if _text(header, "BreastImplantPresent").upper() == "YES":
        yield "a breast with an implant"
    views = header.get("ViewCodeSequence") or []
    modifiers = {_text(m, "CodeValue") for v in views for m in v.get("ViewModifierCodeSequence") or []}
    if modifiers & IMPLANT_DISPLACED:
        yield "an implant-displaced view"
    if _text(header, "PresentationIntentType").upper() == "FOR PROCESSING":
        yield "a FOR PROCESSING image: raw exposure, not what readers are shown"
    image_type = {str(v).upper() for v in header.get("ImageType") or []}
    series = _text(header, "SeriesDescription").upper()
    if "GENERATED_2D" in image_type or "C-VIEW" in series or "S-VIEW" in series:
        yield "a 2D view synthesised from tomosynthesis"
    if "1.2.840.10008.5.1.4.1.1.1.2" not in _text(header, "SOPClassUID"):
        yield "a mammogram stored as another kind of object"


def _day(value: object) -> dt.date | None:
    digits = str(value or "").replace("-", "").replace(".", "")[:8]
    try:
        day = dt.date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        return None
    return day if day.year >= 1900 else None  # de-identified files carry year 1


def _text(header: Dataset, name: str) -> str:
    value = header.get(name)
    return "" if value is None else str(value).strip()
