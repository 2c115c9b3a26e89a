"""DMID (2023): single mammography views with a report each, as figshare has them, and an export of the reports alone.

Folders (each inside one of its name), names, the codes of Metadata.xlsx and that it has no header: from loaders in
public repositories. The form of the reports is that of the export, read whole.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from mammoscribe.data.dataset import Dataset, Edition, Fault, Item, Label, State
from mammoscribe.data.formats.spool import Spool
from mammoscribe.data.formats.tables import Row, headless_rows, read_rows
from mammoscribe.data.records import Kind, ListedView, MammoExam
from mammoscribe.data.texts.decoding import text_of_bytes
from mammoscribe.data.texts.report_sections import report_of
from mammoscribe.domain.view import Laterality, Projection
from mammoscribe.support.errors import InputError, MammoscribeError

MAX_TEXT_BYTES = 4 << 20
_COLUMNS = ("image", "view", "tissue", "abnormality", "class", "x", "y", "radius")
_VIEWS = {
    f"{projection}{side}": (laterality, projection)
    for projection in Projection
    for side, laterality in (("RT", Laterality.RIGHT), ("LT", Laterality.LEFT))
}
_PATHOLOGY = {"B": "benign", "M": "malignant", "N": "normal"}
_CATEGORY_LINE = re.compile(r"^[^\S\n]*BI-?(?:RA|AR)DS[^\S\n]*:(.*)$", re.IGNORECASE | re.MULTILINE)
"""`BIRADS: 3, 4a`, also misspelt as BIARDS; categories in the findings are not read here."""
_CATEGORY = re.compile(r"[0-6][abc]?", re.IGNORECASE)
_DENSITY = re.compile(r"\bACR\s*[-:]?\s*([A-D])\b", re.IGNORECASE)


def _read_figshare(root: Path) -> Iterator[Item]:
    reports = {path.stem.upper(): path for path in sorted((_folder(root, "Reports")).glob("*.txt"))}
    with Spool() as spool:
        for row in headless_rows(
            root / "Metadata.xlsx", _COLUMNS, lambda word: re.match(r"IMG\d", word.upper()) is not None
        ):
            if isinstance(row, Fault):
                yield row
            else:
                spool.add_one(row.get("image").upper(), row)
        for image, rows in spool.groups():
            yield from _exam(root, image, rows, reports.pop(image, None))
    for image, path in reports.items():
        yield from _exam(root, image, (), path)


def _read_export(root: Path) -> Iterator[Item]:
    for row in read_rows(root / "dmid_reports.csv", ("id", "report")):
        if isinstance(row, Fault):
            yield row
        elif row.get("id") and row.get("report"):
            yield _recorded(row.get("id"), row.get("report"), None, {})
        else:
            yield row.fault("no id or no report", "both")


def _folder(root: Path, name: str) -> Path:
    """The folder of that name, which lies in another one of that name when its zip was unpacked."""
    return root / name / name if (root / name / name).is_dir() else root / name


def _exam(root: Path, image: str, rows: Sequence[Row], report: Path | None) -> Iterator[Item]:
    text, view = "", None
    try:
        text = _text(report) if report is not None else ""
    except InputError as error:
        yield Fault(str(report), error)
    try:
        view = _view(root, image, rows) if rows else None
    except MammoscribeError as error:
        yield rows[0].fault(error.found, error.expected)
    if view is not None or text.strip():
        yield _recorded(image, text, view, _breast(rows))


def _recorded(image: str, text: str, view: ListedView | None, breast: Mapping[str, str]) -> Item:
    """The exam, or a Fault where its text cannot be decoded."""
    try:
        return _record(image, text, view, breast)
    except InputError as error:
        return Fault(image, InputError(f"the report of {image}: {error.found}", error.expected, error.do))


def _record(image: str, text: str, view: ListedView | None, breast: Mapping[str, str]) -> MammoExam:
    """The exam of one picture: nobody published which ones are of the same woman."""
    categories = [c.upper() for line in _CATEGORY_LINE.findall(text) for c in _CATEGORY.findall(line)]
    density = _DENSITY.search(text)
    labels = {"birads": "|".join(dict.fromkeys(categories)), "density": density[1].lower() if density else ""}
    return MammoExam(
        image, image, () if view is None else (view,), report=report_of(text),
        breasts={view.laterality: breast} if view is not None and breast else {},
        labels={name: value for name, value in labels.items() if value},
    )  # fmt: skip


def _view(root: Path, image: str, rows: Sequence[Row]) -> ListedView:
    """The picture of its rows, one per abnormality; what is said of each stands at the same place in every label."""
    codes = list(dict.fromkeys(row.get("view").upper().replace(" ", "") for row in rows))
    if len(codes) > 1 or codes[0] not in _VIEWS:
        raise InputError(f"{image}: the view {' and '.join(codes) or 'left blank'}", f"one of {', '.join(_VIEWS)}")
    mask = _folder(root, "ROI Masks") / f"{image}.tif"
    labels = {
        "abnormality": "|".join(row.get("abnormality") for row in rows),
        "pathology": "|".join(_pathology(row) for row in rows),
        "circle": "|".join(" ".join(row.get(edge) for edge in ("x", "y", "radius")).strip() for row in rows),
        "mask": mask.relative_to(root).as_posix() if mask.is_file() else "",
    }
    path = (_folder(root, "TIFF Images") / f"{image}.tif").relative_to(root).as_posix()
    return ListedView(
        path, *_VIEWS[codes[0]], labels={name: value for name, value in labels.items() if value.strip("|")}
    )


def _breast(rows: Sequence[Row]) -> dict[str, str]:
    values = {
        "tissue": "|".join(dict.fromkeys(t for row in rows if (t := row.get("tissue").strip("-").upper()))),
        "pathology": "|".join(dict.fromkeys(p for row in rows if (p := _pathology(row)))),
    }
    return {name: value for name, value in values.items() if value}


def _pathology(row: Row) -> str:
    code = row.get("class").upper()
    return "normal" if not code and row.get("abnormality").upper() == "NORM" else _PATHOLOGY.get(code, code)


def _text(path: Path) -> str:
    if path.stat().st_size > MAX_TEXT_BYTES:
        raise InputError(f"{path.name} has {path.stat().st_size >> 20} MB", "a report of less than 4 MB")
    raw = path.read_bytes()
    if b"\0" in raw or not raw.strip():
        raise InputError(
            f"{path.name} is {'empty' if not raw.strip() else 'not a text file'}", "a report as plain text"
        )
    return text_of_bytes(raw)


DMID = Dataset(
    name="dmid",
    title="DMID, Digital mammography Dataset for Breast Cancer Diagnosis Research",
    kind=Kind.MAMMO_EXAM,
    language="en",
    licence="CC BY 4.0",
    obtain="figshare, item 24522883: Metadata.xlsx, Reports.zip, TIFF Images.zip and ROI Masks.zip, unpacked into one folder",
    cite="Oza et al., Digital mammography dataset for breast cancer diagnosis research (DMID) with breast mass segmentation"
    " analysis, Biomedical Engineering Letters 2024;14:317-330, doi 10.1007/s13534-023-00339-y",
    labels=(
        Label("birads", "exam", "0 to 5 with 4A, 4B, 4C: the BIRADS line of the report, several joined by |"),
        Label("density", "exam", "a to d: the ACR class in the report"),
        Label("tissue", "breast", "F fatty, G fatty-glandular or D dense-glandular; not the BI-RADS density"),
        Label("pathology", "breast", "normal, benign or malignant; a picture with several joined by |"),
        Label("abnormality", "view", "NORM, or for each abnormality its classes, such as MISC+CALC; several joined by | (CALC,"
              " CIRC, SPIC or MISC masses, ARCH, ASYM)"),
        Label("pathology", "view", "the same for benign, malignant or normal"),
        Label("circle", "view", "the same for `x y radius` in pixels, as the table has them: see the faults"),
        Label("mask", "view", "the picture in which the abnormalities are painted, one for all of them"),
    ),
    known_faults=(
        ("nobody published who the women are: every picture counts as a patient, so that CC and MLO of one woman may fall into"
        " different splits"),
        "reports are near copies of each other: 375 different ones among the 414 of the export",
        "reports 51/52, 53/54, 55/56 and 93/94 share rare sentences: probably two pictures of one exam each",
        ("it is not published whether y counts from the top or the bottom (the table is modelled on mini-MIAS, whose y counts"
        " from the bottom): circles are labels here, not boxes"),
        "pictures are 8-bit RGBA TIFF without pixel spacing; the masks are packed by LZW",
        "one loader finds 511 TIFF pictures where 510 are described; those without a row of the table are not listed",
        "headings are misspelt in some reports (BIARDS, Brest Composition, Fundings); 4 of the export have none of findings",
        "the export's column acr is blank in 34 rows whose text has a class, and birads_raw is wrong in 7: the text is read",
        "in 4 reports of the export the findings name a category that the BIRADS line does not",
        "Info.txt (without views), the pictures with drawn outlines (Pixel-level annotation) and DICOM copies are not read",
    ),
    editions=(
        Edition(
            "figshare", ("Metadata.xlsx",),
            "Metadata.xlsx; Reports/Reports/Img001.txt; TIFF Images/TIFF Images/IMG001.tif; ROI Masks/ROI Masks/IMG001.tif",
            {"reports": 510}, State.DOCUMENTED, _read_figshare,
        ),
        Edition(
            "reports only", ("dmid_reports.csv",), "dmid_reports.csv with id and report, a part of the reports, no pictures",
            {}, State.TESTED, _read_export,
        ),
    ),
    patients="not published: each picture counts as a patient of its own",
)  # fmt: skip
