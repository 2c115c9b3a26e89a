"""CDD-CESM (2022): contrast-enhanced mammography as TCIA publishes it, and a squashed export of a part of it.

Folders, names of files and sheets, blanks and numbers in names, the outlines (VIA) and the form of the reports: from
the authors' tools and from loaders in public repositories. The columns of the sheet `all`: from the export, read whole.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from mammoscribe.data.dataset import Dataset, Edition, Fault, Item, Label, State
from mammoscribe.data.formats.docx import docx_text
from mammoscribe.data.formats.spool import DiskSet, Spool
from mammoscribe.data.formats.tables import Row, read_rows
from mammoscribe.data.formats.view_table import Value, box_of, column, merged, projection_in, spooled, whole
from mammoscribe.data.naming import parse_laterality
from mammoscribe.data.records import Kind, ListedView, MammoExam, Region
from mammoscribe.data.texts.report_sections import report_of
from mammoscribe.data.texts.report_text import ReportText
from mammoscribe.domain.view import Laterality
from mammoscribe.support.errors import InputError, MammoscribeError, NotAMammogram
from mammoscribe.support.parsing import json_value

_COLUMNS = (
    "Image_name", "Patient_ID", "Side", "Type", "Age", "Breast density (ACR)", "BIRADS", "Findings", "View", "Tags",
    "Machine", "Pathology Classification/ Follow up",
)  # fmt: skip
_MODALITY = {"DM": "low energy", "CESM": "subtracted"}
_FOLDERS = {"DM": "Low energy images of CDD-CESM", "CESM": "Subtracted images of CDD-CESM"}
_NAME = re.compile(r"P(\d+)_([LR])_(DM|CM)_(CC|MLO)\d*")
_VIEW: dict[str, Value] = {
    "modality": lambda row: _MODALITY[row.get("Type")],
    "birads": lambda row: row.get("BIRADS").replace("$", "|"),
    "findings": column("Findings"),
    "tags": column("Tags"),
    "pathology": lambda row: _pathology(row),
}
_BREAST: dict[str, Value] = {
    "density": lambda row: row.get("Breast density (ACR)").strip("_").lower(),
    "pathology": lambda row: _pathology(row),
}
_EXAM: dict[str, Value] = {"age": whole("Age"), "machine": whole("Machine")}

PathOf = Callable[[Row, int], str | None]
"""The picture of a row, which is the n-th of its exam with this name."""
RegionsOf = Callable[[str], Iterator[Region | Fault]]
"""The places marked in a picture, by its name."""
ReportOf = Callable[[str], ReportText | None]
"""The report of a patient, by number."""


def _pathology(row: Row) -> str:
    return row.get("Pathology Classification/ Follow up").lower()


def _read_tcia(root: Path) -> Iterator[Item]:
    table = sorted(root.glob("Radiology*manual*annotations.xlsx"))[0]
    reports = {path.stem[1:]: path for path in sorted(root.glob("**/P*.docx"))}
    used = DiskSet()
    with Spool() as outlines:
        for path in sorted(root.glob("**/Radiology_hand_drawn_segmentations*.csv"))[-1:]:  # the newest
            yield from spooled(path, ("#filename", "region_shape_attributes"), _outlined, outlines)
        yield from _exams(
            read_rows(table, _COLUMNS, sheet="all"), _tcia_paths(root), _outlines_in(outlines, used),
            lambda patient: report_of(docx_text(reports[patient])) if patient in reports else None,
        )  # fmt: skip
        for name, rows in outlines.groups():
            if used.add(name):
                yield rows[0].fault(f"outlines in {name}, which is not in {table.name}", "a picture of the sheet `all`")
    used.close()


def _read_export(root: Path) -> Iterator[Item]:
    with Spool() as there:
        yield from spooled(root / "metadata.csv", ("Image_name",), column("Image_name"), there)

        def path_of(row: Row, nth: int) -> str | None:
            name = row.get("Image_name")
            return f"images/{name}.jpg" if nth < len(there.rows_of(name)) else None

        rows = read_rows(root / "annotations_all.csv", _COLUMNS)
        yield from _exams(rows, path_of, lambda _: iter(()), lambda _: None)


def _tcia_paths(root: Path) -> PathOf:
    """Where the pictures lie; some names end in a blank, and the second file of a name that comes twice ends in `2`."""
    low = next(iter(sorted(root.glob(f"**/{_FOLDERS['DM']}"))))

    def path_of(row: Row, nth: int) -> str:
        folder = low.parent / _FOLDERS[row.get("Type")]
        name = row.get("Image_name")
        stems = [f"{name}{nth + 1}"] if nth else []
        for stem in (*stems, name):
            for path in (folder / f"{stem}.jpg", folder / f"{stem} .jpg"):
                if path.is_file():
                    return path.relative_to(root).as_posix()
        return (folder / f"{name}.jpg").relative_to(root).as_posix()

    return path_of


def _exams(rows: Iterator[Row | Fault], path_of: PathOf, regions: RegionsOf, report: ReportOf) -> Iterator[Item]:
    """One exam per patient, in the order of the table."""
    with Spool() as spool:
        for row in rows:
            if isinstance(row, Fault):
                yield row
            elif patient := whole("Patient_ID")(row):
                spool.add_one(patient, row)
            else:
                yield row.fault("no Patient_ID", "a patient in every row")
        for patient, of_patient in spool.groups():
            yield from _exam(patient, of_patient, path_of, regions, report)


def _exam(patient: str, rows: Sequence[Row], path_of: PathOf, regions: RegionsOf, report: ReportOf) -> Iterator[Item]:
    kept: list[tuple[Row, ListedView]] = []
    for number, row in enumerate(rows):
        try:
            nth = sum(earlier.get("Image_name") == row.get("Image_name") for earlier in rows[:number])
            view = _view(row, nth, path_of)
        except MammoscribeError as error:
            yield (
                Fault(row.where, error) if isinstance(error, NotAMammogram) else row.fault(error.found, error.expected)
            )
            continue
        places: list[Region] = []
        for place in regions(_stem(view.path)) if view.path else ():
            if isinstance(place, Fault):
                yield place
            else:
                places.append(place)
        kept.append(
            (row, ListedView(view.path, view.laterality, view.projection, labels=view.labels, regions=tuple(places)))
        )
    text: ReportText | None = None
    try:
        text = report(patient)
    except InputError as error:
        yield Fault(f"the report of patient {patient}", error)
    if kept:
        yield _record(patient, kept, text)


def _record(patient: str, kept: Sequence[tuple[Row, ListedView]], report: ReportText | None) -> MammoExam:
    """Low-energy pictures stand first: of two pictures of a kind they are the mammogram."""
    views = sorted(merged([view for _, view in kept]), key=lambda view: view.labels["modality"] != "low energy")
    breasts = {side: _labels([r for r, v in kept if v.laterality is side], _BREAST) for side in Laterality}
    return MammoExam(
        f"P{patient}", f"P{patient}", tuple(views), report=report, labels=_labels([row for row, _ in kept], _EXAM),
        breasts={side: labels for side, labels in breasts.items() if labels},
    )  # fmt: skip


def _view(row: Row, nth: int, path_of: PathOf) -> ListedView:
    """The picture of a row; a name that contradicts the columns beside it is refused."""
    if row.get("Type") not in _MODALITY:
        raise InputError(f"the type {row.get('Type')!r}", "DM or CESM")
    side, projection = parse_laterality(row.get("Side")), projection_in(row.get("View"))
    name = _NAME.fullmatch(row.get("Image_name"))
    kind = "DM" if row.get("Type") == "DM" else "CM"
    if name is not None and name.groups() != (whole("Patient_ID")(row), str(side), kind, str(projection)):
        raise InputError(f"{name[0]} is patient {row.get('Patient_ID')} {side} {kind} {projection}", "the same in both")
    labels = {label: text for label, value in _VIEW.items() if (text := value(row))}
    return ListedView(path_of(row, nth), side, projection, labels=labels)


def _labels(rows: Sequence[Row], labels: Mapping[str, Value]) -> dict[str, str]:
    found = {name: "|".join(dict.fromkeys(v for row in rows if (v := value(row)))) for name, value in labels.items()}
    return {name: value for name, value in found.items() if value}


def _stem(name: str) -> str:
    return Path(name).name.removesuffix(".jpg").strip()


def _outlined(row: Row) -> str:
    return _stem(row.get("#filename"))


def _outlines_in(outlines: Spool, used: DiskSet) -> RegionsOf:
    def regions(name: str) -> Iterator[Region | Fault]:
        used.add(name)
        for row in outlines.rows_of(name):
            try:
                yield from _regions(row.get("region_shape_attributes"))
            except InputError as error:
                yield row.fault(error.found, error.expected, error.do)

    return regions


def _regions(shape: str) -> tuple[Region, ...]:
    """The box around an outline of the VGG Image Annotator, none for `{}`: the pixels that it touches."""
    try:
        outline = json_value(shape)
        if not outline:
            return ()
        if outline["name"] in ("polygon", "polyline"):
            across, down = outline["all_points_x"], outline["all_points_y"]
            edges = (min(across), min(down), max(across) + 1, max(down) + 1)
        else:
            reach = [outline.get(name, outline.get("r", 0)) for name in ("rx", "ry")]
            edges = (
                outline["cx"] - reach[0],
                outline["cy"] - reach[1],
                outline["cx"] + reach[0] + 1,
                outline["cy"] + reach[1] + 1,
            )
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"the outline {shape[:60]!r}", "a polygon, polyline, ellipse, circle or point") from error
    return (Region(box_of(edges), {"shape": outline["name"]}),)


CDD_CESM = Dataset(
    name="cdd-cesm",
    title="CDD-CESM, low-energy and subtracted contrast-enhanced spectral mammography",
    kind=Kind.MAMMO_EXAM,
    language="en",
    licence="CC BY 4.0",
    obtain="The Cancer Imaging Archive, collection CDD-CESM: pictures, Radiology-manual-annotations.xlsx, the outlines and"
    " the zip of reports, unpacked into one folder",
    cite="Khaled et al., Categorized contrast enhanced mammography dataset, Scientific Data 2022,"
    " doi 10.1038/s41597-022-01238-0; TCIA 10.7937/29kw-ae92",
    labels=(
        Label("age", "exam", "years"),
        Label("machine", "exam", "1 or 2"),
        Label("density", "breast", "a to d, read in the low-energy pictures"),
        Label("pathology", "breast", "normal, benign or malignant, by biopsy or follow-up; where its pictures differ, joined"
              " by |"),
        Label("modality", "view", "low energy (looks like a mammogram, stands first) or subtracted (shows the contrast agent"
              " only: another modality). Both are views of one exam"),
        Label("birads", "view", "1 to 6, one per finding of the picture, joined by | (the table joins them by $)"),
        Label("findings", "view", "what was read in this picture, in words; several findings joined by $. They stay at the"
              " picture, since the two modalities are read apart"),
        Label("tags", "view", "the same in catchwords"),
        Label("pathology", "view", "normal, benign or malignant, as the table has it at this picture"),
        Label("shape", "region", "polygon, polyline, ellipse, circle or point: what the outline was drawn with"),
    ),
    known_faults=(
        "pictures are JPEG of many sizes (2355 x 1315 pixels on average), without pixel spacing",
        "P281_L_DM_MLO and P281_L_CM_MLO are twice in the table: the second files are called ..._MLO2.jpg",
        "names of some files end in a blank before .jpg; nothing need be renamed",
        "density is blank (_) for subtracted pictures, except two of patient 64",
        "in 41 of 490 breasts of the export the pathology differs from picture to picture",
        "24 of 1,720 rows of the export have fewer BI-RADS than findings",
        "words are misspelt throughout (speculated, heterogenously)",
        "the reports tell of the subtracted pictures behind their opinion; here that part is in the findings, below its heading",
        "sheets of single kinds of finding are not read",
        ("the export is squashed to 512 x 512 pixels and has subtracted pictures only: low-energy views are listed without a"
        " file, and a tool that takes the first picture of a kind takes a subtracted one"),
    ),
    editions=(
        Edition(
            "tcia", ("Radiology*manual*annotations.xlsx", "**/Low energy images of CDD-CESM"),
            "Radiology-manual-annotations.xlsx (sheet `all`), Radiology_hand_drawn_segmentations_v2.csv; Low energy images of"
            " CDD-CESM/ and beside it Subtracted images of CDD-CESM/, in whatever folder; Medical reports for cases/P<n>.docx",
            # data descriptor: 1,003 pictures of each kind, 326 patients; the outlines and reports may be left away
            {"records": 326, "patients": 326, "images": 2_006, "label:modality=low energy": 1_003,
             "label:modality=subtracted": 1_003},
            State.DOCUMENTED, _read_tcia,
        ),
        Edition(
            "export 512", ("metadata.csv", "annotations_all.csv", "images/P*_CM_*.jpg"),
            "metadata.csv (which pictures are there), annotations_all.csv (all rows of their patients); images/<name>.jpg",
            {}, State.TESTED, _read_export,
        ),
    ),
    patients="one exam per patient",
)  # fmt: skip
