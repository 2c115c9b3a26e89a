"""RSNA Screening Mammography Breast Cancer Detection (2023): the Kaggle download, and an 8-bit JPEG export of it."""

from collections.abc import Iterator
from pathlib import Path

from mammoscribe.data.dataset import Dataset, Edition, Item, Label, State
from mammoscribe.data.formats.tables import Row
from mammoscribe.data.formats.view_table import Value, ViewTable, column, flag, projection_in, read_view_table, whole
from mammoscribe.data.naming import parse_laterality
from mammoscribe.data.records import Kind, ListedView
from mammoscribe.data.supervision import Question, Supervision, Teaching

_COLUMNS = (
    "site_id", "patient_id", "image_id", "laterality", "view", "age", "cancer", "biopsy", "invasive", "BIRADS",
    "implant", "density", "machine_id", "difficult_negative_case",
)  # fmt: skip
_BREAST: dict[str, Value] = {
    "cancer": flag("cancer"), "biopsy": flag("biopsy"), "invasive": flag("invasive"), "implant": flag("implant"),
    "difficult_negative": flag("difficult_negative_case"), "birads": whole("BIRADS"),
    "density": lambda row: row.get("density").lower(),
}  # fmt: skip
_EXAM: dict[str, Value] = {"age": whole("age"), "site": column("site_id"), "machine": column("machine_id")}


def _kaggle_view(row: Row) -> ListedView:
    side, projection = parse_laterality(row.get("laterality")), projection_in(row.get("view"))
    return ListedView(f"train_images/{row.get('patient_id')}/{row.get('image_id')}.dcm", side, projection)


def _export_view(row: Row) -> ListedView:
    side, projection = parse_laterality(row.get("laterality")), projection_in(row.get("view"))
    return ListedView(
        f"images/{row.get('file_name')}", side, projection, labels={"chest_wall_on": row.get("image_side")}
    )


def _read_kaggle(root: Path) -> Iterator[Item]:
    patient = column("patient_id")
    spec = ViewTable("train.csv", _COLUMNS, patient, patient, _kaggle_view, _EXAM, _BREAST)
    return read_view_table(root, spec)


def _read_export(root: Path) -> Iterator[Item]:
    patient = column("patient_id")
    columns = (*_COLUMNS, "file_name", "image_side", "split")
    spec = ViewTable("metadata.csv", columns, patient, patient, _export_view, _EXAM, _BREAST, column("split"))
    return read_view_table(root, spec)


RSNA = Dataset(
    name="rsna-2023",
    title="RSNA Screening Mammography Breast Cancer Detection challenge",
    kind=Kind.MAMMO_EXAM,
    language="",
    licence="competition terms: non-commercial and academic research; do not redistribute",
    obtain="Kaggle, competition rsna-breast-cancer-detection, after accepting its rules",
    cite="Carr et al., RSNA Screening Mammography Breast Cancer Detection, Kaggle 2022-2023",
    labels=(
        Label("age", "exam", "years, top-coded at 89"),
        Label("site", "exam", "1 (United States) or 2 (Australia)"),
        Label("machine", "exam", "number of the mammography unit"),
        Label("cancer", "breast", "1 when the breast had biopsy-proven cancer, else 0"),
        Label("biopsy", "breast", "1 when a biopsy followed"),
        Label("invasive", "breast", "1 when the cancer was invasive"),
        Label("implant", "breast", "1 with an implant; known by patient at site 1"),
        Label("difficult_negative", "breast", "1 for a negative breast that was difficult to read"),
        Label("birads", "breast", "0 recalled, 1 negative, 2 benign: a recall label (every labelled cancer is 0)"),
        Label("density", "breast", "a to d, site 1 only"),
        Label("chest_wall_on", "view", "L or R: side of the stored picture with the chest wall (export only)"),
    ),
    known_faults=(
        "several pictures of one view in an exam, and views other than CC and MLO (AT, LM, ML, LMO)",
        "a few DICOM pictures are inverted against their photometric interpretation",
        "machine 49: the chest wall is on the unexpected side in 40 % of the pictures of the export",
        "the export is squashed to 512 x 512 pixels and without VOI LUT; the pixel spacing is lost",
        "density is blank for site 2, and BI-RADS is 0 there for difficult negative breasts without a biopsy, else blank",
    ),
    editions=(
        Edition(
            "kaggle", ("train.csv", "train_images"),
            "train.csv; train_images/<patient_id>/<image_id>.dcm (the hidden test set has no labels and is not read)",
            # 54,706 rows: MLO 27,903, CC 26,765, AT 19, LM 10, ML 8, LMO 1
            {"records": 11_913, "patients": 11_913, "images": 54_668, "set_aside": 38}, State.DOCUMENTED, _read_kaggle,
        ),
        Edition(
            "export 512", ("metadata.csv", "images/*_*.jpg"), "metadata.csv; images/<patient>_<image>.jpg",
            {}, State.TESTED, _read_export,
        ),
    ),
    patients="one exam per patient",
    supervision=Supervision(
        (
            Teaching("cancer", "breast", Question.MALIGNANT),
            Teaching("birads", "breast", Question.RECALL, {"0": "1", "1": "0", "2": "0"}),
            Teaching("density", "breast", Question.DENSITY),
        )
    ),
)  # fmt: skip
