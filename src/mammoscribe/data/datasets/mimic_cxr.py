"""MIMIC-CXR (DICOM and reports) and MIMIC-CXR-JPG (pictures, labels and the split): PhysioNet's folders and tables.

Folders, columns, meanings of labels and all counts: from PhysioNet's pages of versions 2.0.0 and 2.1.0 (one whole in a
public copy) and from loaders in public repositories; studies per split: from issue threads, they add up to the whole.
Recalled only: that the text of a report lies at `files/` in mimic-cxr-reports.zip, so that any folder is taken.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from mammoscribe.data.dataset import Dataset, Edition, Fault, Item, Label, State
from mammoscribe.data.formats.archives import Limits, members
from mammoscribe.data.formats.spool import Spool
from mammoscribe.data.formats.study_table import Moment, StudyTable, day, read_study_table, time_of_day
from mammoscribe.data.formats.tables import Row
from mammoscribe.data.formats.view_table import Join, Value, column, whole
from mammoscribe.data.records import Kind, ListedImage
from mammoscribe.data.supervision import Question, Supervision, Teaching
from mammoscribe.data.texts.decoding import text_of_bytes
from mammoscribe.data.texts.report_sections import report_of
from mammoscribe.data.texts.report_text import ReportText
from mammoscribe.imaging.decode import is_dicom, open_dicom
from mammoscribe.support.errors import InputError

_RECORDS, _METADATA, _SPLIT = "cxr-record-list.csv*", "mimic-cxr-2*-metadata.csv*", "mimic-cxr-2*-split.csv*"
_LABELLED = {
    "chexpert": "mimic-cxr-2*-chexpert.csv*", "negbio": "mimic-cxr-2*-negbio.csv*",
    "radiologist": "mimic-cxr-2*-test-set-labeled.csv*",
}  # fmt: skip
_ARCHIVE, _TREES = "mimic-cxr-reports.zip", ("mimic-cxr-reports/files", "mimic-cxr-reports", "reports", "files")
"""Where reports are sought: in unpacked trees first, by study, then in the archive."""
_MAX_REPORT_BYTES = 1 << 20
_OBSERVATIONS = (
    "Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Enlarged Cardiomediastinum", "Fracture", "Lung Lesion",
    "Lung Opacity", "No Finding", "Pleural Effusion", "Pleural Other", "Pneumonia", "Pneumothorax", "Support Devices",
)  # fmt: skip
_ALSO_CALLED = {"Lung Opacity": "Airspace Opacity", "No Finding": "No Findings"}
"""Names in the table of the radiologist's labels."""
_HEADER = ("StudyDate", "StudyTime", "ViewPosition", "PerformedProcedureStepDescription")
_ORIENTATION = "PatientOrientationCodeSequence_CodeMeaning"
_SPLITS = {"validate": "val"}
_STUDY, _PATIENT, _PICTURE = column("study_id"), column("subject_id"), column("dicom_id")


class _Reports:
    """The reports that lie in the dataset's folder, unpacked or in their archive, which waits in `packed`."""

    def __init__(self, root: Path, packed: Spool) -> None:
        self._trees = [root / tree for tree in _TREES if (root / tree).is_dir()]
        self._archive, self._packed = root / _ARCHIVE, packed
        self._unpacked = (root / "mimic-cxr-reports").is_dir()

    def spool(self) -> Iterator[Fault]:
        """Put the archive on disk, by study, unless it has been unpacked; gives what cannot be read of it."""
        if self._unpacked or not self._archive.is_file():
            return
        try:
            for name, raw in members(self._archive, ".txt", Limits(member_bytes=_MAX_REPORT_BYTES)):
                if found := re.search(r"(?:^|/)s(\d+)\.txt$", name, re.ASCII):
                    self._packed.add_one(found[1], Row(self._archive.name, 0, {"text": text_of_bytes(raw)}))
        except InputError as error:
            yield Fault(self._archive.name, error)

    def of(self, study: str, rows: Sequence[Row]) -> ReportText | None:
        """The report of a study, None when there is none; its ids were checked with its pictures."""
        patient = _PATIENT(rows[0])
        for tree in self._trees:
            path = tree / f"p{patient[:2]}" / f"p{patient}" / f"s{study}.txt"
            if path.is_file():
                if path.stat().st_size > _MAX_REPORT_BYTES:
                    raise InputError(f"{path.name} has {path.stat().st_size:,} bytes", "a report")
                return report_of(text_of_bytes(path.read_bytes()))
        packed = self._packed.rows_of(study)
        return report_of(packed[0].get("text")) if packed else None


def _key(observation: str) -> str:
    return observation.lower().replace(" ", "_")


def _labels_by(who: str) -> dict[str, Value]:
    """Label -> value of one table of labels: 1, 0, -1, or "" where the text does not mention it."""

    def of(observation: str) -> Value:
        other = _ALSO_CALLED.get(observation, observation)
        return lambda row: row.get(observation, other).removesuffix(".0")

    return {f"{who}_{_key(o)}": of(o) for o in _OBSERVATIONS}


def _beside(root: Path, pattern: str) -> str | None:
    """The name of a table in the folder, None when it is not there."""
    return min((path.name for path in root.glob(pattern)), default=None)


def _joins(root: Path) -> list[Join]:
    """The split and the tables of labels, as far as they are there."""
    found = []
    if split := _beside(root, _SPLIT):
        value: Value = lambda row: _SPLITS.get(row.get("split"), row.get("split"))  # noqa: E731
        found.append(Join(split, ("dicom_id", "split"), _PICTURE, _PICTURE, {"split": value}))
    for who, pattern in _LABELLED.items():
        if table := _beside(root, pattern):
            found.append(Join(table, ("study_id",), _STUDY, _STUDY, _labels_by(who)))
    return found


def _metadata(root: Path) -> list[Join]:
    """JPG's metadata, where they lie beside the DICOM."""
    table = _beside(root, _METADATA)
    names = (*_HEADER, _ORIENTATION)
    values: dict[str, Value] = {name: column(name) for name in names}
    return [Join(table, ("dicom_id", *_HEADER[:3]), _PICTURE, _PICTURE, values)] if table else []


def _checked(row: Row) -> None:
    for name in ("subject_id", "study_id"):
        if not re.fullmatch(r"\d+", row.get(name), re.ASCII):
            raise InputError(f"the {name} {row.get(name)!r}", "a number")


def _image(row: Row, path: str) -> ListedImage:
    _checked(row)
    labels = {"orientation": row.get(_ORIENTATION).lower()} if row.get(_ORIENTATION) else {}
    return ListedImage(path, row.get("ViewPosition"), labels)


def _dicom_image(row: Row) -> ListedImage:
    return _image(row, row.get("path"))


def _jpg_image(row: Row) -> ListedImage:
    patient, name = _PATIENT(row), _PICTURE(row)
    if not re.fullmatch(r"[\w\-]+", name, re.ASCII):
        raise InputError(f"the dicom_id {name!r}", "a name such as 02aa804e-bde0afdd-112c0b34-7bc16630-4e384014")
    return _image(row, f"files/p{patient[:2]}/p{patient}/s{_STUDY(row)}/{name}.jpg")


def _moment(row: Row) -> Moment:
    return day(whole("StudyDate")(row)), time_of_day(row.get("StudyTime"))


def _with_header(root: Path) -> Callable[[Row], Row]:
    """A row with date, time and view out of the header of its DICOM, where that is there; its pixels are not read."""

    def widened(row: Row) -> Row:
        path = root / (_dicom_image(row).path or "")
        if not path.is_file():
            return row
        if not is_dicom(path):
            raise InputError(f"{path.name} is not a DICOM file", "the picture of MIMIC-CXR", "fetch it again")
        header = open_dicom(path, pixels=False)
        values = {name: str(header.get(name) or "").strip() for name in _HEADER}
        return replace(row, fields={**row.fields, **values})

    return widened


def _read(root: Path, spec: StudyTable) -> Iterator[Item]:
    with Spool() as packed:
        reports = _Reports(root, packed)
        yield from reports.spool()
        labels = {name: column(name) for who in _LABELLED for name in _labels_by(who)}
        labels["procedure"] = column("PerformedProcedureStepDescription")
        joins = (*spec.joins, *_joins(root))
        whole_spec = replace(spec, labels=labels, joins=joins, split=column("split"), report=reports.of)
        yield from read_study_table(root, whole_spec)


def _read_dicom(root: Path) -> Iterator[Item]:
    columns, joins = ("subject_id", "study_id", "dicom_id", "path"), tuple(_metadata(root))
    spec = StudyTable(
        _beside(root, _RECORDS) or "",
        columns,
        _STUDY,
        _PATIENT,
        _dicom_image,
        moment=_moment,
        joins=joins,
        kept=columns,
    )
    return _read(root, spec if joins else replace(spec, widened=_with_header(root)))


def _read_jpg(root: Path) -> Iterator[Item]:
    columns = ("subject_id", "study_id", "dicom_id", *_HEADER[:3])
    kept = (*columns, _HEADER[3], _ORIENTATION)
    table = _beside(root, _METADATA) or ""
    return _read(root, StudyTable(table, columns, _STUDY, _PATIENT, _jpg_image, moment=_moment, kept=kept))


_MEANT = {
    "chexpert": "CheXpert's labeller in the report's text", "negbio": "NegBio in the report's text",
    "radiologist": "one radiologist in the report's text (687 studies of the test split; Airspace Opacity there)",
}  # fmt: skip
_LABELS = (
    *(
        Label(f"{who}_{_key(o)}", "exam", f"{o}, by {by}: 1 said to be there, 0 said not to be, -1 unsure; none: not mentioned")
        for who, by in _MEANT.items()
        for o in _OBSERVATIONS
    ),
    Label("procedure", "exam", "what was ordered and done (CHEST (PA AND LAT), CHEST (PORTABLE AP))"),
    Label("orientation", "image", "of the patient: erect or recumbent"),
)  # fmt: skip
_SUPERVISION = Supervision(
    tuple(
        Teaching(f"{who}_{_key(o)}", "exam", Question.CLASSES, {value: f"{o.lower()}={value}" for value in "01"})
        for who in ("radiologist", "chexpert")
        for o in _OBSERVATIONS
    )
)  # fmt: skip
"""The radiologist goes before the labeller; what is unsure or not mentioned is unknown."""
_LICENCE = (
    "PhysioNet Credentialed Health Data License 1.5.0: no sharing, no attempt to identify people; code is published"
)
_OBTAIN = (
    "credentialed account, CITI training (Data or Specimens Only Research) and the data use agreement 1.5.0 signed"
)
_ADD_REPORTS = f"put {_ARCHIVE} of mimic-cxr, or it unpacked, into the folder"
_FAULTS = (
    "what could identify people is ___ in the texts; dates are shifted, but their order and distances within a patient hold",
    "reports compare with earlier studies, which may not be in the dataset: choose what becomes of such sentences",
    "about 15,770 pictures have no view position, and of the others about 0.1 % are said to be wrong",
    "CheXpert and NegBio labelled the text, not the picture; a lateral picture may not show what its study's label says",
    "8 studies have no findings or impression, so no label; 2,414 more have none of CheXpert's",
    "train is 97.8 % of the studies: the test split has 3,269",
)  # fmt: skip
_TOTALS = {"records": 227_835, "patients": 65_379, "images": 377_110}
"""The paper and PhysioNet's page; 222,758 + 1,808 + 3,269 studies by split make the same sum."""

MIMIC_CXR = Dataset(
    name="mimic-cxr",
    title="MIMIC-CXR: chest X-rays of Beth Israel Deaconess with reports, 2011 to 2016 (DICOM)",
    kind=Kind.IMAGE_TEXT,
    language="en",
    licence=_LICENCE,
    obtain=f"physionet.org/content/mimic-cxr: {_OBTAIN}",
    cite="Johnson et al., MIMIC-CXR, a de-identified publicly available database of chest radiographs with free-text"
    " reports, Sci Data 2019;6:317, doi 10.1038/s41597-019-0322-0",
    labels=_LABELS,
    supervision=_SUPERVISION,
    known_faults=(
        *_FAULTS,
        "dates and views stand in the DICOM headers only: each is opened, without pixels, unless JPG's metadata lie beside it",
        "the split and the labels are in MIMIC-CXR-JPG; its tables are read where they lie in this folder",
    ),
    editions=(
        Edition(
            "physionet 2", (_RECORDS,),
            f"cxr-record-list.csv.gz; {_ARCHIVE}, or it unpacked; files/p10/p10000032/s50414267/<dicom_id>.dcm",
            _TOTALS, State.DOCUMENTED, _read_dicom,
        ),
    ),
    patients="subject_id",
    add_reports=_ADD_REPORTS,
)  # fmt: skip

MIMIC_CXR_JPG = Dataset(
    name="mimic-cxr-jpg",
    title="MIMIC-CXR-JPG: the pictures of MIMIC-CXR in 8 bits, labels out of the reports, and the split",
    kind=Kind.IMAGE_TEXT,
    language="en",
    licence=_LICENCE,
    obtain=f"physionet.org/content/mimic-cxr-jpg: {_OBTAIN}; the reports are in mimic-cxr",
    cite="Johnson et al., MIMIC-CXR-JPG, chest radiographs with structured labels (version 2.1.0), PhysioNet 2024,"
    " doi 10.13026/jsn5-t979",
    labels=_LABELS,
    supervision=_SUPERVISION,
    known_faults=(
        *_FAULTS,
        "pictures are histogram-equalised to 8 bits, JPEG of quality 95: grey values are not those of the DICOM",
        f"the reports are not in this download: {_ADD_REPORTS}",
    ),
    editions=(
        Edition(
            "physionet 2", (_METADATA,),
            "mimic-cxr-2.0.0-metadata.csv.gz and, as far as there, -split, -chexpert, -negbio,"
            " mimic-cxr-2.1.0-test-set-labeled.csv; files/p10/p10000032/s50414267/<dicom_id>.jpg",
            {**_TOTALS, "split:train": 222_758, "split:val": 1_808, "split:test": 3_269},
            State.DOCUMENTED, _read_jpg,
        ),
    ),
    patients="subject_id",
    add_reports=_ADD_REPORTS,
)  # fmt: skip
