"""EMBED, the Emory Breast Imaging Dataset (2023): its open release on AWS, 2D and synthetic 2D pictures.

Tables, columns, codes, the order of a box's corners, how findings join pictures, and the paths: from Emory's own
read-me and notebooks. That `ROI_coords` are those of PNG with the chest wall on the left: from Emory's later notebook
(whose table has both), from its conversion script, and from its users' threads. Recalled only: nothing that is read.
"""

import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path

from mammoscribe.data.dataset import Dataset, Edition, Item, Label, State
from mammoscribe.data.formats.tables import Row
from mammoscribe.data.formats.view_table import (
    Join,
    Value,
    ViewTable,
    box_of,
    column,
    projection_in,
    read_view_table,
    whole,
    worded,
)
from mammoscribe.data.naming import parse_laterality
from mammoscribe.data.records import Kind, ListedView, Region
from mammoscribe.support.errors import InputError, NotAMammogram

_METADATA, _CLINICAL = "tables/EMBED_OpenData_metadata.csv", "tables/EMBED_OpenData_clinical.csv"
_PICTURE_COLUMNS = (
    "empi_anon", "acc_anon", "anon_dicom_path", "study_date_anon", "FinalImageType", "ImageLateralityFinal",
    "ViewPosition", "spot_mag",
)  # fmt: skip
_PLACE_COLUMNS = (
    "ROI_coords",
    "DCM_ROI_coords",
    "match_level",
    "ROI_match_level",
    "PatientOrientation",
    "Columns",
    "Rows",
)
_MACHINE_COLUMNS = ("Manufacturer", "ManufacturerModelName")
_FINDING_COLUMNS = ("acc_anon", "side", "desc", "asses", "tissueden", "path_severity")
_BIRADS = {"A": "0", "N": "1", "B": "2", "P": "3", "S": "4", "M": "5", "K": "6"}
_DENSITY = {"1": "a", "2": "b", "3": "c", "4": "d", "5": "male"}
_KINDS = {
    **dict.fromkeys("GROXNYDL", "mass"),
    **dict.fromkeys("TBSFV", "asymmetry"),
    **dict.fromkeys("QA", "distortion"),
}
_IMAGE_TYPES = {"2d": "2d", "cview": "c-view", "c-view": "c-view"}
_EXAM, _PATIENT = whole("acc_anon"), whole("empi_anon")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def _finding(row: Row) -> str:
    """What a row of the clinical table describes, by the rules of Emory's notebook."""
    kinds = [_KINDS.get(row.get("massshape"), "")]
    if row.get("massmargin") in tuple("DUMIS") or row.get("massdens") in tuple("+-="):
        kinds.append("mass")
    if row.get("calcfind", "calcdistri") or whole("calcnumber")(row) not in ("", "0"):
        kinds.append("calcification")
    return " and ".join(dict.fromkeys(k for k in kinds if k))


def _age(row: Row) -> str:
    return row.get("age_at_study", "age_at_study_anon").partition(".")[0]


_BREAST: dict[str, Value] = {
    "birads": worded("asses", _BIRADS), "density": worded("tissueden", _DENSITY), "finding": _finding,
    "pathology_severity": whole("path_severity"),
}  # fmt: skip
_EXAM_VALUES: dict[str, Value] = {"description": column("desc"), "age": _age}
_FINDING_VALUES: dict[str, Value] = {**_BREAST, **_EXAM_VALUES, "side": column("side")}


def _same_side(finding: Row, picture: Row) -> bool:
    """A finding of both breasts, or of no named one, is about every picture of its exam."""
    return finding.get("side") in ("", "B", picture.get("ImageLateralityFinal"))


def _date(row: Row) -> dt.date | None:
    day = row.get("study_date_anon")[:10]
    try:
        return dt.date.fromisoformat(day) if day else None
    except ValueError as error:
        raise InputError(f"the study date {day!r}", "YYYY-MM-DD") from error


def _path(row: Row, folder: str) -> str:
    """The part of a path from its cohort on; what stands before it is Emory's own and differs between tables."""
    found = re.search(r"(?:^|/)(cohort_\d+/.+)", row.get("anon_dicom_path"))
    if found is None:
        raise InputError(
            f"the path {row.get('anon_dicom_path')!r}", ".../cohort_1/<patient>/<study>/<series>/<file>.dcm"
        )
    return folder + found[1]


def _stored_with_chest_wall_right(row: Row) -> bool:
    """Whether Emory's conversion mirrored the picture: by Patient Orientation, where it is blank by the breast."""
    towards = re.findall(r"[A-Z]+", row.get("PatientOrientation").upper())
    return towards[0].startswith("P") if towards else row.get("ImageLateralityFinal") == "R"


def _regions(row: Row) -> tuple[Region, ...]:
    """Marks in stored pixels: `DCM_ROI_coords` as they are, `ROI_coords` mirrored back where the PNG was mirrored."""
    numbers = [float(n) for n in _NUMBER.findall(row.get("DCM_ROI_coords", "ROI_coords"))]
    if len(numbers) % 4:
        raise InputError(f"marks with {len(numbers)} numbers", "ymin, xmin, ymax, xmax of each")
    mirrored = bool(numbers) and not row.get("DCM_ROI_coords") and _stored_with_chest_wall_right(row)
    width = row.get("Columns")
    if mirrored and not width:
        raise InputError("marks of a mirrored picture whose width is not told", "the column Columns")
    levels = _NUMBER.findall(row.get("match_level", "ROI_match_level"))
    regions = []
    for index, (y0, x0, y1, x1) in enumerate(zip(*[iter(numbers)] * 4, strict=True)):
        left, right = (float(width) - x1, float(width) - x0) if mirrored else (x0, x1)
        labels = {"mirrored": "1" if mirrored else "0"}
        if len(levels) * 4 == len(numbers):
            labels["match_level"] = levels[index]
        regions.append(Region(box_of((left, y0, right, y1), width, row.get("Rows")), labels))
    return tuple(regions)


def _view(row: Row, folder: str) -> ListedView:
    image_type = _IMAGE_TYPES.get(row.get("FinalImageType").lower())
    if image_type is None:
        raise NotAMammogram(f"a picture of the type {row.get('FinalImageType') or 'none'}", "2D or cview")
    if whole("spot_mag")(row) not in ("", "0"):
        raise NotAMammogram("a spot or magnification view", "a full view")
    side, projection = parse_laterality(row.get("ImageLateralityFinal")), projection_in(row.get("ViewPosition"))
    return ListedView(_path(row, folder), side, projection, labels={"image_type": image_type}, regions=_regions(row))


def _read(root: Path) -> Iterator[Item]:
    folder = "images/" if (root / "images").is_dir() else ""
    findings = Join(_CLINICAL, _FINDING_COLUMNS, _EXAM, _EXAM, _FINDING_VALUES, _same_side)
    exam: dict[str, Value] = {
        **{name: column(name) for name in _EXAM_VALUES},
        "machine": lambda row: " ".join(w for w in map(row.get, _MACHINE_COLUMNS) if w),
        "cohort": lambda row: row.get("anon_dicom_path").partition("cohort_")[2][:1],
    }
    spec = ViewTable(
        _METADATA, _PICTURE_COLUMNS, _EXAM, _PATIENT, lambda row: _view(row, folder), exam,
        {name: column(name) for name in _BREAST}, date=_date, joins=(findings,),
        kept=(*_PICTURE_COLUMNS, *_PLACE_COLUMNS, *_MACHINE_COLUMNS),
        rank=lambda view: int(view.labels["image_type"] != "2d"),
    )  # fmt: skip
    return read_view_table(root, spec)


EMBED = Dataset(
    name="embed",
    title="EMBED, the Emory Breast Imaging Dataset: the open data release",
    kind=Kind.MAMMO_EXAM,
    language="",
    licence="Emory's research use agreement: non-commercial research; no copies, no derivatives, no release of models"
    " or weights trained on it",
    obtain="AWS Open Data, bucket embed-dataset-open, after the form at github.com/Emory-HITI/EMBED_Open_Data",
    cite="Jeong et al., The EMory BrEast imaging Dataset (EMBED), Radiology: AI 2023;5(1):e220047",
    labels=(
        Label("description", "exam", "the procedure; screening exams have `screen` in it"),
        Label("age", "exam", "whole years"),
        Label("machine", "exam", "manufacturer and model"),
        Label("cohort", "exam", "1 or 2, without common patients"),
        Label("birads", "breast", "0 to 6, of each finding, joined by |; one of side B or of no side is of both breasts"),
        Label("density", "breast", "a to d, or male; said of the exam"),
        Label("finding", "breast", "mass, asymmetry, distortion, calcification, by the descriptors of each finding"),
        Label("pathology_severity", "breast", "worst result of each biopsied finding: 0 invasive cancer, 1 in situ,"
              " 2 high-risk, 3 borderline, 4 benign, 5 normal tissue, 6 not of the breast"),
        Label("image_type", "view", "2d, or c-view: a 2D picture synthesised from tomosynthesis; 2d stand first"),
        Label("match_level", "region", "1 when the mark was drawn on this picture, 2 when carried over from its twin"),
        Label("mirrored", "region", "1 when the published box was turned left to right, to lie on the stored picture"),
    ),
    known_faults=(
        "ROI_coords are of PNG with the chest wall on the left; here they are turned back by Patient Orientation",
        "users report that turning them by the side of the breast leaves some wrong: look before training on them",
        "Emory's read-me counts 22,382 patients and 76,373 exams, the tables have 23,256 and 72,770",
        "a negative breast beside one with a finding often has no row of its own, so no label",
        "pathology is entered by hand, sometimes on the diagnostic exam only, not on the screening exam before it",
        "paths in the table begin with a folder of Emory's; a picture is sought from its cohort on",
        "dates are shifted, by the same days for all exams of a patient; the clinical table has the day of signing",
        "C-View and 2D pictures of one view lie side by side in an exam",
        "marks exist for few pictures (7,577 of 480,081 in a later count by Emory)",
    ),
    editions=(
        Edition(
            "open data", (_METADATA, _CLINICAL),
            "tables/EMBED_OpenData_metadata.csv, tables/EMBED_OpenData_clinical.csv (not the reduced ones);"
            " images/cohort_<n>/<patient>/<study>/<series>/<file>.dcm",
            # 480,323 pictures in all, but how many of them are full CC or MLO views is not published
            {}, State.DOCUMENTED, _read,
        ),
    ),
    patients="empi_anon",
)  # fmt: skip
