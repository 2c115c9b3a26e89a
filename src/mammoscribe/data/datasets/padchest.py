"""PadChest (2019): chest X-rays of San Juan de Alicante with Spanish reports and labels in English.

Columns, their meaning, folders and archives: from the authors' repository (read-me, and the scripts that made the
table and packed the pictures). That projections are checked or predicted, and names of files: from the same and from
loaders in public repositories. Published counts contradict each other, so none is held against a download.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from mammoscribe.data.dataset import Dataset, Edition, Item, Label, State
from mammoscribe.data.formats.study_table import Moment, StudyTable, day, read_study_table
from mammoscribe.data.formats.tables import Row
from mammoscribe.data.formats.view_table import Value, column, whole
from mammoscribe.data.records import Kind, ListedImage
from mammoscribe.data.supervision import Question, Supervision, Teaching
from mammoscribe.data.texts.report_text import ReportText, Section
from mammoscribe.support.errors import InputError

_TABLE = "PADCHEST_chest_x_ray_images_labels_160K*.csv*"
_COLUMNS = (
    "ImageID", "ImageDir", "StudyDate_DICOM", "StudyID", "PatientID", "PatientBirth", "PatientSex_DICOM", "Projection",
    "MethodProjection", "Pediatric", "Modality_DICOM", "Manufacturer_DICOM",
    "PhotometricInterpretation_DICOM", "Report", "MethodLabel", "Labels",
    "Localizations", "LabelsLocalizationsBySentence", "labelCUIS", "LocalizationsCUIS",
)  # fmt: skip
_REQUIRED = (
    "ImageID", "ImageDir", "StudyDate_DICOM", "StudyID", "PatientID", "Projection", "Report", "MethodLabel", "Labels",
)  # fmt: skip
_BASES = ("", "images/", "image/")
_ITEM = re.compile(r"'([^']*)'|\"([^\"]*)\"")
_LIST = re.compile(r"\[.*\]", re.DOTALL)


def _items(text: str) -> list[str]:
    """The quoted items of a list as Python or NumPy prints it, with single blanks; nothing is evaluated.

    Raises:
        InputError: when it is no such list.
    """
    if text in ("", "nan"):
        return []
    if not _LIST.fullmatch(text):
        raise InputError(f"labels {text[:60]!r}", "a list such as ['normal', 'pacemaker']")
    found = (" ".join((single or double).split()) for single, double in _ITEM.findall(text))
    return [item for item in found if item]


def _listed(name: str) -> Value:
    return lambda row: "|".join(_items(row.get(name)))


def _sentences(row: Row) -> str:
    """Labels and places of each sentence, in order: sentences are joined by `|`, what is said in one by `;`."""
    text = row.get("LabelsLocalizationsBySentence")
    _items(text)
    return "|".join(";".join(_items(part)) for part in re.findall(r"\[[^\[\]]*\]", text))


_VALUES: dict[str, Value] = {
    "labels": _listed("Labels"), "localizations": _listed("Localizations"), "sentence_labels": _sentences,
    "label_method": column("MethodLabel"), "label_cuis": _listed("labelCUIS"),
    "localization_cuis": _listed("LocalizationsCUIS"), "sex": column("PatientSex_DICOM"),
    "birth_year": whole("PatientBirth"), "pediatric": column("Pediatric"),
}  # fmt: skip
_OF_IMAGE: dict[str, Value] = {
    "projection_method": column("MethodProjection"), "modality": column("Modality_DICOM"),
    "machine": column("Manufacturer_DICOM"), "photometric": column("PhotometricInterpretation_DICOM"),
}  # fmt: skip


def _image(row: Row, base: str, numbered: bool) -> ListedImage:
    name, folder = row.get("ImageID"), whole("ImageDir")(row)
    if not name or "/" in name or not (folder.isascii() and folder.isdigit()):
        raise InputError(f"the picture {name!r} in the folder {folder!r}", "ImageID a file name, ImageDir a number")
    labels = {label: value for label, of in _OF_IMAGE.items() if (value := of(row))}
    return ListedImage(f"{base}{folder}/{name}" if numbered else f"{base}{name}", row.get("Projection"), labels)


def _moment(row: Row) -> Moment:
    return day(whole("StudyDate_DICOM")(row)), None


def _report(_: str, rows: Sequence[Row]) -> ReportText | None:
    """The text as findings: the table has the interpretation only, cut out of the report by the authors."""
    reports = dict.fromkeys(row.get("Report") for row in rows)
    text = "\n".join(part for part in reports if part not in ("", "nan"))
    return ReportText(text, {Section.FINDINGS: text}, "es") if text else None


def _place(root: Path) -> tuple[str, bool]:
    """Where pictures lie: a folder, and whether they are in numbered folders there, as ImageDir says."""
    for base in _BASES:
        if any(path.name.isdigit() for path in (root / base).glob("[0-9]*")):
            return base, True
    return next(((base, False) for base in _BASES if next((root / base).glob("*.png"), None)), ("", True))


def _read(root: Path) -> Iterator[Item]:
    base, numbered = _place(root)
    spec = StudyTable(
        min(path.name for path in root.glob(_TABLE)), _REQUIRED, column("StudyID"), column("PatientID"),
        lambda row: _image(row, base, numbered), _VALUES, moment=_moment, report=_report, kept=_COLUMNS,
    )  # fmt: skip
    return read_study_table(root, spec)


PADCHEST = Dataset(
    name="padchest",
    title="PadChest: chest X-rays of Hospital San Juan, Alicante, with Spanish reports, 2009 to 2017",
    kind=Kind.IMAGE_TEXT,
    language="es",
    licence="PadChest research use agreement: research only; no sharing, no links to others, no attempt to identify people",
    obtain="bimcv.cipf.es/bimcv-projects/padchest, after the form; 1 TB: unpack each archive N.zip into a folder N",
    cite="Bustos et al., PadChest: A large chest x-ray image dataset with multi-label annotated reports,"
    " Medical Image Analysis 2020;66:101797",
    labels=(
        Label("label_method", "exam", "who labelled the report: Physician, or RNN_model, a network trained on the former;"
              " only 27 % of the reports were labelled by physicians"),
        Label("labels", "exam", "findings and diagnoses in the report (174 and 19 in the paper), joined by |; see label_method"),
        Label("localizations", "exam", "places in the report, each beginning with loc, joined by |; see label_method"),
        Label("sentence_labels", "exam", "labels and places sentence by sentence: sentences joined by |, those of one by ;"
              " (normal there is of the sentence, not of the study)"),
        Label("label_cuis", "exam", "UMLS concepts of labels, joined by |; labels without one are left out, so not in step"),
        Label("localization_cuis", "exam", "UMLS concepts of localizations, joined by |"),
        Label("sex", "exam", "M or F, out of the DICOM header"),
        Label("birth_year", "exam", "of the patient"),
        Label("pediatric", "exam", "No for an adult, else the table's own word"),
        Label("projection_method", "image", "Manual review of DICOM fields, or a network's guess (which tells PA and L only)"),
        Label("modality", "image", "CR or DX"),
        Label("machine", "image", "manufacturer"),
        Label("photometric", "image", "MONOCHROME1 or MONOCHROME2 in the DICOM header"),
    ),
    supervision=Supervision((Teaching("labels", "exam", Question.LISTED, unknown=("exclude",)),)),
    known_faults=(
        "73 % of the reports were labelled by a network (label_method RNN_model): do not measure a model on them",
        "reports are lower case and stemmed, without accents: no writer of Spanish can learn from them",
        "a row may have no report or no labels; exclude and unchanged are labels too",
        "counts contradict each other: the paper has 160,868 pictures, others count 160,861 rows; 67,625 or 69,882 patients",
        "views are the authors' words: PA, L, AP, AP_horizontal (lying), COSTAL (ribs) and rare others",
        "two readers list 11 and 19 PNG that are missing or cut off: `mammoscribe data check padchest --open` names yours",
        "pictures are 16-bit PNG; whether those of MONOCHROME1 DICOM were inverted for it is not told",
        "54.zip has pictures that were forgotten at first; archives hold their pictures without a folder",
    ),
    editions=(
        Edition(
            "160K 01.02.19", (_TABLE,),
            "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv (or .csv.gz); 0/<ImageID>.png to 54/<ImageID>.png, or"
            " images/..., or all pictures in one folder",
            {}, State.DOCUMENTED, _read,
        ),
    ),
    patients="PatientID",
)  # fmt: skip
