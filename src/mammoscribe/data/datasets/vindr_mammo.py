"""VinDr-Mammo (2022): the PhysioNet release, and the cropped PNG copy that its users share on Kaggle.

Layout, columns and words of values: from the read-me and loaders of public repositories that read the release
(folders, the two annotation tables, `BI-RADS 4`, `DENSITY C`, the list in `finding_categories`, the DICOM-style
names of `metadata.csv` with one of them twice), the counts from the data descriptor and such a loader. Recalled
only: the form `053Y` of an age. The Kaggle copy: from the script that made it and the loaders that read it.
"""

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
)  # fmt: skip
from mammoscribe.data.naming import parse_laterality
from mammoscribe.data.records import Kind, ListedView, Region
from mammoscribe.support.errors import InputError

_BREAST_COLUMNS = (
    "study_id", "image_id", "laterality", "view_position", "height", "width", "breast_birads", "breast_density",
    "split",
)  # fmt: skip
_FINDING_COLUMNS = (*_BREAST_COLUMNS, "finding_categories", "finding_birads", "xmin", "ymin", "xmax", "ymax")
_SPLIT = worded("split", {"training": "train"})


def _last_word(name: str) -> Value:
    """`4` of `BI-RADS 4`, `c` of `DENSITY C`; also of a bare `4` or `C`."""
    number = whole(name)
    return lambda row: number(row).lower().rpartition(" ")[2]


_BREAST: dict[str, Value] = {"birads": _last_word("breast_birads"), "density": _last_word("breast_density")}


def _age(row: Row) -> str:
    """Whole years of a DICOM age (`053Y`); another unit is kept as it is written."""
    age = row.get("Patient's Age")
    return age[:-1].lstrip("0") if re.fullmatch(r"\d+Y", age) else age


def _machine(row: Row) -> str:
    return " ".join(w for w in (row.get("Manufacturer"), row.get("Manufacturer's Model Name")) if w)


def _regions(row: Row, prefix: str = "", width: str = "", height: str = "") -> tuple[Region, ...]:
    """The box of a row with a finding; none where the row says `No Finding`, or is about the breast only."""
    found = [a or b for a, b in re.findall(r"'([^']*)'|\"([^\"]*)\"", row.get("finding_categories"))]
    edges = [row.get(prefix + edge) for edge in ("xmin", "ymin", "xmax", "ymax")]
    if found == ["No Finding"] or not (found or any(edges)):
        return ()
    labels = {"finding": "|".join(found).lower(), "birads": _last_word("finding_birads")(row)}
    return (Region(box_of(edges, width, height), {name: value for name, value in labels.items() if value}),)


def _view(row: Row) -> ListedView:
    side, projection = parse_laterality(row.get("laterality")), projection_in(row.get("view_position"))
    regions = _regions(row, width=row.get("width"), height=row.get("height"))
    return ListedView(f"images/{row.get('study_id')}/{row.get('image_id')}.dicom", side, projection, regions=regions)


def _read_physionet(root: Path) -> Iterator[Item]:
    study = column("study_id")
    # several loaders find the column of the image's id twice in metadata.csv
    header = Join(
        "metadata.csv", ("SOP Instance UID",), column("SOP Instance UID"), column("image_id"),
        {"age": _age, "machine": _machine}, twice=("SOP Instance UID",),
    )  # fmt: skip
    spec = ViewTable(
        "breast-level_annotations.csv", _BREAST_COLUMNS, study, study, _view,
        {"age": column("age"), "machine": column("machine")}, _BREAST, _SPLIT,
        more=(("finding_annotations.csv", _FINDING_COLUMNS),), joins=(header,),
    )  # fmt: skip
    return read_view_table(root, spec)


def _png_view(row: Row) -> ListedView:
    name = row.get("image_id").removesuffix(".png")
    if not name:
        raise InputError("no image_id", "the name of a picture")
    side, projection = parse_laterality(row.get("laterality")), projection_in(row.get("view"))
    path = f"images_png/{row.get('patient_id')}/{name}.png"
    return ListedView(path, side, projection, regions=_regions(row, "resized_"))


def _read_png(root: Path) -> Iterator[Item]:
    study = column("patient_id")
    columns = ("patient_id", "image_id", "laterality", "view", "breast_birads", "breast_density", "split")
    return read_view_table(
        root, ViewTable("vindr_detection_v1_folds.csv", columns, study, study, _png_view, {}, _BREAST, _SPLIT)
    )


VINDR_MAMMO = Dataset(
    name="vindr-mammo",
    title="VinDr-Mammo, full-field digital mammography with breast-level assessment and findings",
    kind=Kind.MAMMO_EXAM,
    language="",
    licence="PhysioNet restricted access under a data use agreement; do not redistribute",
    obtain="PhysioNet, project vindr-mammo 1.0.0, after signing its agreement",
    cite="Nguyen et al., VinDr-Mammo, Scientific Data 2023, doi 10.1038/s41597-023-02100-7; doi 10.13026/br2v-7517",
    labels=(
        Label("age", "exam", "years, from the DICOM header; often not there"),
        Label("machine", "exam", "manufacturer and model, from the DICOM header"),
        Label("birads", "breast", "1 to 5, by two readers and an arbiter; no 0, and no pathology behind it"),
        Label("density", "breast", "a to d"),
        Label("finding", "region", "mass, suspicious calcification, asymmetry, ...; several at one place joined by |"),
        Label("birads", "region", "3 to 5, of the finding; benign findings are not marked"),
    ),
    known_faults=(
        "nobody published who the patients are: two exams of one woman count as two patients",
        "metadata.csv names the column of the image's id twice",
        "some boxes begin at negative coordinates; they are cut off at the picture's edge",
        "both photometric interpretations occur",
        "the labels are readings, not pathology: BI-RADS 5 is not cancer proven",
        "the Kaggle PNG are cropped and squashed to 912 x 1520 pixels, without VOI LUT; their pixel spacing is lost",
        "users report other PNG copies on Kaggle whose pictures do not match their table",
    ),
    editions=(
        Edition(
            "physionet 1.0.0", ("breast-level_annotations.csv", "finding_annotations.csv", "metadata.csv"),
            "breast-level_annotations.csv, finding_annotations.csv, metadata.csv; images/<study_id>/<image_id>.dicom",
            # 5,000 exams of four views: data descriptor; 2,254 of the 20,486 finding rows have a box: a public loader
            {"records": 5_000, "images": 20_000, "regions": 2_254}, State.DOCUMENTED, _read_physionet,
        ),
        Edition(
            "kaggle png", ("vindr_detection_v1_folds.csv", "images_png"),
            "vindr_detection_v1_folds.csv; images_png/<patient_id>/<image_id>.png (the set of shantanughosh)",
            {}, State.DOCUMENTED, _read_png,
        ),
    ),
    patients="not published: each study counts as a patient of its own",
)  # fmt: skip
