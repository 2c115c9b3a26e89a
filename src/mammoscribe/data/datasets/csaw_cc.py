"""CSAW-CC (2022): the case-control part of the Cohort of Screen-Aged Women, from the Swedish National Data Service.

Names of the table, its columns, the words Left and Right, the codes, the name of a file and the counts: from loaders
and an audit of the table in public repositories. Recalled only: that the batches of pictures unpack into one folder
each, which is why a file is sought in every folder. The codes of rad_recall_type were not found explained.
"""

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path

from mammoscribe.data.dataset import Dataset, Edition, Item, Label, State
from mammoscribe.data.formats.tables import Row
from mammoscribe.data.formats.view_table import Value, ViewTable, projection_in, read_view_table, whole, worded
from mammoscribe.data.naming import parse_laterality
from mammoscribe.data.records import Kind, ListedView
from mammoscribe.support.errors import InputError

_COLUMNS = (
    "anon_patientid", "exam_year", "imagelaterality", "viewposition", "anon_filename", "x_case", "x_cancer_laterality",
    "rad_timing",
)  # fmt: skip
_PATIENT, _YEAR, _CASE, _TIMING = whole("anon_patientid"), whole("exam_year"), whole("x_case"), whole("rad_timing")
_MEASURED = ("libra_percentdensity", "libra_densearea", "libra_breastarea")
_EXAM: dict[str, Value] = {
    "case": _CASE,
    "timing": worded("rad_timing", {"1": "screen-detected", "2": "interval", "3": "prior"}),
    "cancer_type": worded("x_type", {"1": "in situ", "2": "invasive up to 15 mm", "3": "invasive over 15 mm"}),
    "lymph_node": whole("x_lymphnode_met"),
    "age_band": worded("x_age", {"1": "40-55", "2": "over 55"}),
    "recall": whole("rad_recall"),
    "reader_1": whole("rad_r1"),
    "reader_2": whole("rad_r2"),
}


def _in_this_breast(row: Row) -> bool:
    return row.get("x_cancer_laterality").lower() == row.get("imagelaterality").lower()


def _cancer(row: Row) -> str:
    """1 for a cancer found at this exam, 0 for a breast without one during the study; in between it is not known."""
    if _CASE(row) == "0" or (_CASE(row) == "1" and row.get("x_cancer_laterality") and not _in_this_breast(row)):
        return "0"
    return "1" if _CASE(row) == "1" and _in_this_breast(row) and _TIMING(row) == "1" else ""


def _recall_type(row: Row) -> str:
    return whole(f"rad_recall_type_{row.get('imagelaterality').lower()}")(row)


_BREAST: dict[str, Value] = {
    "cancer": _cancer,
    "study_cancer": lambda row: str(int(_CASE(row) == "1" and _in_this_breast(row))) if _CASE(row) else "",
    "recall_type": _recall_type,
}


def _date(row: Row) -> dt.date | None:
    """The first day of the year: no more is published."""
    year = _YEAR(row)
    if not (year.isdigit() and 1900 <= int(year) <= 2100):
        raise InputError(f"the exam year {year!r}", "a year, such as 2013")
    return dt.date(int(year), 1, 1)


def _finder(root: Path) -> Callable[[str], str]:
    """Where a picture of a name lies: in the folder itself, or one or two below it; beside the table when nowhere."""
    folders = [
        "",
        *(f"{f.relative_to(root).as_posix()}/" for f in sorted((*root.glob("*"), *root.glob("*/*"))) if f.is_dir()),
    ]
    return lambda name: next((f"{f}{name}" for f in folders if (root / f / name).is_file()), name)


def _reader(table: str) -> Callable[[Path], Iterator[Item]]:
    def read(root: Path) -> Iterator[Item]:
        find = _finder(root)

        def view(row: Row) -> ListedView:
            side, projection = parse_laterality(row.get("imagelaterality")), projection_in(row.get("viewposition"))
            name = row.get("anon_filename")
            if not name or "/" in name:
                raise InputError(f"the file name {name!r}", "<patient>_<date>_<side>_<view>_<number>.dcm")
            measured = {label: value for label in _MEASURED if (value := row.get(label))}
            return ListedView(find(name), side, projection, labels=measured)

        def exam(row: Row) -> str:
            return f"{_PATIENT(row)}_{_YEAR(row)}" if _PATIENT(row) and _YEAR(row) else ""

        found = sorted(root.glob(table))
        if len(found) > 1:
            raise InputError(f"{root} holds {', '.join(f.name for f in found)}", "one table", "move the others away")
        return read_view_table(
            root, ViewTable(found[0].name, _COLUMNS, exam, _PATIENT, view, _EXAM, _BREAST, date=_date)
        )

    return read


_LAYOUT = "{}; <patient>_<date>_<side>_<view>_<number>.dcm beside it or in folders of any name, as the batches unpack"
CSAW_CC = Dataset(
    name="csaw-cc",
    title="CSAW-CC, the case-control part of the Cohort of Screen-Aged Women",
    kind=Kind.MAMMO_EXAM,
    language="",
    licence="asked for at the data service; research on the terms of Karolinska Institutet; do not redistribute",
    obtain="researchdata.se (Swedish National Data Service), dataset 2021-204-1, on request",
    cite="Dembrower et al., CSAW, Journal of Digital Imaging 2020;33:408-413; Strand, CSAW-CC (mammography), SND 2022",
    labels=(
        Label("case", "exam", "1 when the woman got breast cancer during the study: an outcome, known afterwards only"),
        Label("timing", "exam", "cancer after this exam: screen-detected (within 60 days), interval (60 to 729 days) or"
              " prior (730 days and more)"),
        Label("cancer_type", "exam", "in situ, invasive up to 15 mm, or invasive over 15 mm: an outcome"),
        Label("lymph_node", "exam", "1 with metastasis in a lymph node: an outcome"),
        Label("age_band", "exam", "40-55 or over 55; no more is published"),
        Label("recall", "exam", "1 when the woman was recalled"),
        Label("reader_1", "exam", "mark of the first reader"),
        Label("reader_2", "exam", "mark of the second reader"),
        Label("cancer", "breast", "1 when a cancer of the breast was found within 60 days of this exam, 0 when it got"
              " none during the study; not there where its cancer came later"),
        Label("study_cancer", "breast", "1 for the breast that got cancer at any time during the study"),
        Label("recall_type", "breast", "the table's own code of the recall of this breast (its codebook explains it)"),
        Label("libra_percentdensity", "view", "share of dense tissue, measured by LIBRA, per cent"),
        Label("libra_densearea", "view", "dense area, by LIBRA"),
        Label("libra_breastarea", "view", "area of the breast, by LIBRA"),
    ),
    known_faults=(
        "cases are a tenth of the women, in screening less than one in a hundred: rates are not those of screening",
        "case, cancer_type and lymph_node say the future of early exams: never an input",
        "only the year of an exam is published: every date is the first of January",
        "three exams have eight pictures; two exams of one woman in one year cannot be told apart",
        "recall and the readers' marks are blank for about a twelfth of the exams",
        "the masks of tumours (<file>_mask.png) are not read, since a record opens no picture",
    ),
    editions=(
        Edition(
            "screening data", ("CSAW-CC_breast_cancer_screening_data.csv",),
            _LAYOUT.format("CSAW-CC_breast_cancer_screening_data.csv"),
            # an audit of the whole table in a public repository: 98,788 rows of 24,694 exams of 8,723 women
            {"records": 24_694, "patients": 8_723, "images": 98_788}, State.DOCUMENTED,
            _reader("CSAW-CC_breast_cancer_screening_data.csv"),
        ),
        Edition(
            "nonhidden", ("anon_dataset_nonhidden_*.csv",), _LAYOUT.format("anon_dataset_nonhidden_<date>.csv"),
            {}, State.DOCUMENTED, _reader("anon_dataset_nonhidden_*.csv"),
        ),
    ),
    patients="anon_patientid",
)  # fmt: skip
