"""CMMD, the Chinese Mammography Database (2021): TCIA's folders of DICOM and the clinical table beside them.

Folders, columns, header attributes and all counts: from an inventory of the download and from issue threads in
public repositories. Which view a file shows stands only in its header, which is read without its pixels.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from mammoscribe.data.dataset import Dataset, Edition, Fault, Item, Label, State
from mammoscribe.data.formats.spool import DiskSet, Spool
from mammoscribe.data.formats.tables import Row
from mammoscribe.data.formats.view_table import Value, column, spooled, whole
from mammoscribe.data.records import Kind, ListedView, MammoExam
from mammoscribe.domain.view import Laterality
from mammoscribe.imaging.header import ViewHeader, read_header
from mammoscribe.support.errors import InputError

_COLUMNS = ("ID1", "LeftRight", "Age", "abnormality", "classification", "subtype")
_BREAST: dict[str, Value] = {
    "pathology": lambda row: row.get("classification").lower(),
    "abnormality": lambda row: row.get("abnormality").lower(),
    "subtype": column("subtype"),
}


def _read(root: Path) -> Iterator[Item]:
    with closing(DiskSet()) as seen, Spool() as spool:
        yield from spooled(_clinical_table(root), _COLUMNS, column("ID1"), spool)
        for folder in sorted(f for f in (root / "CMMD").iterdir() if f.is_dir()):
            yield from _exam(root, folder, spool, seen)
        for patient, rows in spool.groups():
            if seen.add(patient):
                yield rows[0].fault(f"no picture of {patient}", f"a folder CMMD/{patient}", "fetch it again")


def _clinical_table(root: Path) -> Path:
    """The spreadsheet as published, or what somebody saved it as."""
    found = sorted(
        root.glob("CMMD_clinicaldata_revision*"), key=lambda path: (path.suffix.lower() != ".xlsx", path.name)
    )
    return found[0]


def _exam(root: Path, folder: Path, spool: Spool, seen: DiskSet) -> Iterator[Item]:
    """The exam of one folder; files whose header does not say one CC or MLO view become faults."""
    headers: list[ViewHeader] = []
    for path in sorted(folder.rglob("*.dcm")):
        try:
            headers.append(_header(path))
        except InputError as error:
            yield Fault(path.relative_to(root).as_posix(), error)
    patients = list(dict.fromkeys(h.patient_id or folder.name for h in headers)) or [folder.name]
    for patient in patients:
        seen.add(patient)
    if len(patients) > 1:
        yield Fault(folder.name, InputError(f"{folder.name} holds {', '.join(patients)}", "one patient"))
    elif headers:
        yield from _record(root, folder.name, patients[0], headers, spool.rows_of(patients[0]))


def _header(path: Path) -> ViewHeader:
    header = read_header(path)
    if header.conflicts:
        raise InputError(f"the header of {path} contradicts itself ({'; '.join(header.conflicts)})", "one view")
    if header.laterality is None or header.projection is None:
        missing = "side" if header.laterality is None else "projection"
        raise InputError(f"the header of {path} does not say its {missing}", "Image Laterality, View Code Sequence")
    return header


def _record(root: Path, name: str, patient: str, headers: Sequence[ViewHeader], rows: Sequence[Row]) -> Iterator[Item]:
    images = tuple(
        ListedView(h.path.relative_to(root).as_posix(), h.laterality, h.projection)
        for h in headers
        if h.laterality is not None and h.projection is not None
    )
    breasts: dict[Laterality, Mapping[str, str]] = {}
    for row in rows:
        side = row.get("LeftRight").upper()
        if not any(image.laterality == side for image in images):
            yield row.fault(f"no picture of the breast {side!r} of {patient}", "L or R, with its pictures")
        else:
            values = {label: value(row) for label, value in _BREAST.items()}
            breasts[Laterality(side)] = {label: value for label, value in values.items() if value}
    ages = list(dict.fromkeys(age for row in rows if (age := whole("Age")(row))))
    labels = {"age": "|".join(ages), "cohort": patient.partition("-")[0]}
    yield MammoExam(name, patient, images, breasts=breasts, labels={k: v for k, v in labels.items() if v})


CMMD = Dataset(
    name="cmmd",
    title="CMMD, the Chinese Mammography Database",
    kind=Kind.MAMMO_EXAM,
    language="",
    licence="CC BY 4.0",
    obtain="The Cancer Imaging Archive, collection CMMD: images by the NBIA Data Retriever; put the clinical table"
    " beside the folder CMMD",
    cite="Cui et al., The Chinese Mammography Database, The Cancer Imaging Archive 2021, doi 10.7937/tcia.eqde-4b16",
    labels=(
        Label("age", "exam", "years"),
        Label("cohort", "exam", "D1, or D2 (with molecular subtypes, nearly all malignant)"),
        Label("pathology", "breast", "benign or malignant, by biopsy; only breasts that are in the table"),
        Label("abnormality", "breast", "mass, calcification or both"),
        Label("subtype", "breast", "Luminal A, Luminal B, HER2-enriched or triple negative; D2 only"),
    ),
    known_faults=(
        "729 patients of D2 have pictures of a breast that is not in the table: unlabelled, not proven normal",
        "dates in headers and folder names are made up; they are not read, and no exam has a prior",
        "the view stands only in Image Laterality and View Code Sequence; View Position is blank",
        "8 bits, all 2294 x 1914 pixels; only the two pictures of D1-1343 have 16 bits",
        "D2 is 98 % malignant and D1 half: the cohort gives the label away",
        "no manufacturer in the headers, no boxes, no density, no normal exams",
    ),
    editions=(
        Edition(
            "tcia", ("CMMD_clinicaldata_revision*", "CMMD/*"),
            "CMMD_clinicaldata_revision.xlsx (or saved as .csv); CMMD/<patient>/<study>/<series>/1-1.dcm, as the NBIA"
            " Data Retriever writes them",
            # a published inventory: 5,202 files of 1,775 patients (one folder each), 1,872 labelled breasts
            {"records": 1_775, "patients": 1_775, "images": 5_202, "label:pathology=malignant": 1_316,
             "label:pathology=benign": 556, "set_aside": 0},
            State.DOCUMENTED, _read,
        ),
    ),
    patients="one exam per patient",
)  # fmt: skip
