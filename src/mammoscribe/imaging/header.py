"""Reading a DICOM mammography header: laterality, projection, identity, spacing, and what is not a mammogram."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.pixels.utils import get_expected_length

from mammoscribe.domain.view import SYNTHETIC_SOURCE, Laterality, Origin, Projection, SpacingSource
from mammoscribe.imaging.damage import named_damage, worded
from mammoscribe.imaging.decode import check_readable, is_dicom, open_dicom
from mammoscribe.imaging.enhanced import flattened
from mammoscribe.imaging.header_words import BOTH, NOT_UNDERSTOOD, position_of, side_of, text_of
from mammoscribe.imaging.mgcodes import OTHER_VIEWS, PROJECTIONS
from mammoscribe.imaging.orientation import hung_side, oblique_side, projection_hint
from mammoscribe.imaging.refusal import refusal
from mammoscribe.imaging.remarks import is_displaced, is_for_processing, is_generated, is_partial
from mammoscribe.imaging.spacing import header_spacing
from mammoscribe.support.errors import InputError, NotAMammogram

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
        acquired: date and time of the acquisition in digits, "" when the header does not say; a later one sorts after.
        is_raw, is_generated, is_displaced, is_partial: FOR PROCESSING; synthesised from tomosynthesis; implant displaced;
            part of the breast outside.
        conflicts: contradictions between attributes, each naming the candidates.
        warnings: what was guessed of the view's name; what is to be known of its picture comes with the picture.
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
    sop_class_uid: str
    sop_instance_uid: str
    series_uid: str
    frame_of_reference_uid: str
    acquired: str = ""
    is_raw: bool = False
    is_generated: bool = False
    is_displaced: bool = False
    is_partial: bool = False
    conflicts: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    origin: Origin = Origin.ACQUIRED

    @property
    def exam_key(self) -> str:
        """What tells exams apart: the study, else the accession number, else the day."""
        return self.study_uid or self.accession or (self.date.isoformat() if self.date else "")


def read_header(path: Path, named: bool = False) -> ViewHeader:
    """Read the header of a DICOM file without its pixels.

    Args:
        path: the file.
        named: whether the user says which view it is (see `refusal`).

    Raises:
        NotAMammogram: for anything but a two-dimensional CC or MLO view, with the reason.
        InputError: when the file cannot be read as DICOM, or is shorter than the pixels that its header tells of.
    """
    path = Path(path)
    check_readable(path)
    if not is_dicom(path):
        raise InputError(f"{path} is not a DICOM file", "a mammogram with a DICOM header")
    with named_damage(path):
        header = open_dicom(path, pixels=False)
        begin = end_of(header)
        found = _view_header(path, flattened(header), named)
        check_length(path, header, begin)
        return found


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


def _view_header(path: Path, header: Dataset, named: bool) -> ViewHeader:
    if reason := refusal(header, named):
        do = "" if named or refusal(header, named=True) else f"if it shows one, say which with --view {path.name}=RCC"
        expected = "a CC or MLO view of a breast"
        raise NotAMammogram(f"{path} is {worded(reason)}, not a mammogram this software reads", expected, do)
    lateralities, projections = _lateralities(header), _projections(header)
    spacing, _ = header_spacing(header)
    conflicts = tuple(c for c in (_conflict("laterality", lateralities), _conflict("projection", projections)) if c)
    return ViewHeader(
        path=path,
        laterality=_laterality(header, lateralities),
        projection=Projection(projection) if (projection := _agreed(projections)) in Projection.__members__ else None,
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
        sop_class_uid=_text(header, "SOPClassUID"),
        sop_instance_uid=_text(header, "SOPInstanceUID"),
        series_uid=_text(header, "SeriesInstanceUID"),
        frame_of_reference_uid=_text(header, "FrameOfReferenceUID"),
        acquired=_acquired(header),
        is_raw=is_for_processing(header),
        is_generated=is_generated(header),
        is_displaced=is_displaced(header),
        is_partial=is_partial(header),
        conflicts=conflicts,
        warnings=_guessed(header, lateralities, projections),
        origin=Origin.SYNTHETIC if _text(header, "Manufacturer") == SYNTHETIC_SOURCE else Origin.ACQUIRED,
    )


def _lateralities(header: Dataset) -> dict[str, str]:
    """Attribute name -> R, L or B (both), in order of trust."""
    found = {
        **{name: side_of(text_of(header, keyword)) for name, keyword in _SIDE_ELEMENTS.items()},
        "View Position": position_of(header).side,
        "Patient Orientation": oblique_side(header),
    }
    return {name: side for name, side in found.items() if side and side != NOT_UNDERSTOOD}


_SIDE_ELEMENTS = {
    "Image Laterality": "ImageLaterality", "Laterality": "Laterality", "Frame Laterality": "FrameLaterality",
}  # fmt: skip


def _laterality(header: Dataset, known: dict[str, str]) -> Laterality | None:
    """What the attributes agree on; when all are silent, what the hanging says."""
    if not known:
        return hung_side(header)
    side = _agreed(known)
    return Laterality(side) if side else None


def _projections(header: Dataset) -> dict[str, str]:
    """Attribute name -> CC, MLO or another view's name, in order of trust; the orientation when the others are silent."""
    codes = [_text(item, "CodeValue") for item in header.get("ViewCodeSequence") or []]
    known = [str(PROJECTIONS[code]) if code in PROJECTIONS else OTHER_VIEWS[code] for code in codes if code in _VIEWS]
    position = position_of(header)
    found = {"View Code Sequence": known[0] if known else "", "View Position": position.view}
    found = {name: value for name, value in found.items() if value}
    if found:
        return found
    if position.text:  # a view that is not understood may be another than the picture's hanging makes of it
        found = {"View Position": worded(position.text, 40)}
    hint = projection_hint(header)
    return found | ({"Patient Orientation": hint} if hint else {})


_VIEWS = frozenset((*PROJECTIONS, *OTHER_VIEWS))


def _agreed(found: dict[str, str]) -> str:
    values = set(found.values())
    value = values.pop() if len(values) == 1 else ""
    return "" if value == BOTH else value


def _conflict(what: str, found: dict[str, str]) -> str:
    if len(set(found.values())) < 2 and BOTH not in found.values():
        return ""
    words = {BOTH: "B, both breasts"}
    return f"{what}: " + ", ".join(f"{name} says {words.get(value, value)}" for name, value in found.items())


def _guessed(header: Dataset, lateralities: dict[str, str], projections: dict[str, str]) -> tuple[str, ...]:
    """What no attribute says or says in words not understood, and what was taken from how the picture lies."""
    found = [
        f"{name} {worded(text_of(header, keyword), 40)!r} is not understood"
        for name, keyword in _SIDE_ELEMENTS.items()
        if side_of(text_of(header, keyword)) == NOT_UNDERSTOOD
    ]
    position = position_of(header)
    if position.text and not position.view:
        found.append(f"View Position {worded(position.text, 40)!r} is not understood")
    if not lateralities and (side := hung_side(header)) is not None:
        found.append(f"the header does not say which breast it is; {side.word} is guessed from Patient Orientation")
    elif list(lateralities) == ["Patient Orientation"]:
        side = Laterality(lateralities["Patient Orientation"])
        found.append(f"the header does not say which breast it is; {side.word} is taken from Patient Orientation")
    if list(projections) == ["Patient Orientation"]:
        found.append(
            f"the header names no view; {projections['Patient Orientation']} is taken from Patient Orientation"
        )
    return tuple(found)


def _acquired(header: Dataset) -> str:
    """Digits of the day and time, from Acquisition, else Content, else Series; "" without a time."""
    for kind in ("Acquisition", "Content", "Series"):
        if moment := _text(header, f"{kind}DateTime"):
            return _digits(moment)
        if time := _text(header, f"{kind}Time"):
            return (_digits(_text(header, f"{kind}Date")) or "0" * 8) + _digits(time)
    return ""


def _digits(text: str) -> str:
    """Those before a fraction of a second."""
    return "".join(c for c in text.split(".")[0] if c.isdigit())


def _day(value: object) -> dt.date | None:
    digits = str(value or "").replace("-", "").replace(".", "")[:8]
    try:
        day = dt.date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        return None
    return day if day.year >= 1900 else None  # de-identified files carry year 1


def _text(header: Dataset, name: str) -> str:
    return text_of(header, name)
