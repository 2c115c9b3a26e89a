"""CMMD as the NBIA Data Retriever writes it, with the clinical table beside it."""

from pathlib import Path

from pydicom import Dataset, Sequence

from tests.data.datasets.made import Case, Made, write_dicom, write_lines

HEADER = "ID1,LeftRight,Age,number,abnormality,classification,subtype"
ROWS = (
    "D1-0001,R,44,2,calcification,Benign,",
    "D2-0032,L,60,4,both,Malignant,Luminal B",
)
_CODES = {"CC": ("399162004", "cranio-caudal"), "MLO": ("399368009", "medio-lateral oblique")}


def picture(folder: Path, number: int, patient: str, side: str, view: str, **more: object) -> Path:
    """A file whose header says its view as the collection's do: by code, without View Position."""
    code = Dataset()
    code.CodeValue, code.CodeMeaning = _CODES[view]
    code.CodingSchemeDesignator = "SCT"
    series = folder / patient / "07-18-2010-NA-NA-79377" / "1.000000-NA-70244"
    return write_dicom(
        series / f"1-{number}.dcm", number, PatientID=patient, ImageLaterality=side, ViewPosition=None,
        ViewCodeSequence=Sequence([code]), StudyDate="20100718", **more,
    )  # fmt: skip


def tcia(root: Path) -> Made:
    write_lines(root / "CMMD_clinicaldata_revision.csv", HEADER, *ROWS)
    for number, (patient, side, view) in enumerate(
        [("D1-0001", "R", "CC"), ("D1-0001", "R", "MLO"), ("D2-0032", "L", "CC"), ("D2-0032", "R", "MLO")], start=1
    ):
        picture(root / "CMMD", number, patient, side, view)
    counts = {"records": 2, "patients": 2, "images": 4, "files": 4, "set_aside": 0, "faults": 0}
    # no picture to unlink here: the pictures list themselves, so that a lost one is an error of the clinical table
    return Made(counts, None, "CMMD_clinicaldata_revision.csv", "D1-0009,L")


CASES = (Case("cmmd", "tcia", tcia),)
