"""CSAW-CC: one table, and pictures in the folders that the batches unpack into."""

from pathlib import Path

from tests.data.datasets.made import Case, Made, write_dicom, write_lines

HEADER = (
    "anon_patientid,exam_year,x_age,x_case,x_cancer_laterality,x_type,x_lymphnode_met,rad_timing,rad_r1,rad_r2,"
    "rad_recall,rad_recall_type_right,rad_recall_type_left,imagelaterality,viewposition,libra_breastarea,"
    "libra_densearea,libra_percentdensity,anon_filename"
)
_CASE_EARLY = "7,2012,1,1,Left,2.0,0.0,3.0,0.0,0.0,0.0,0.0,0.0"
_CASE_FOUND = "7,2014,1,1,Left,2.0,0.0,1.0,1.0,0.0,1.0,0.0,1.0"
_CONTROL = "8,2013,2,0,,,,,,,,,"


def _rows() -> list[str]:
    pictures = [
        (_CASE_EARLY, "L", "CC", 1), (_CASE_EARLY, "R", "CC", 1), (_CASE_FOUND, "L", "MLO", 2),
        (_CASE_FOUND, "R", "MLO", 2), (_CONTROL, "L", "CC", 1), (_CONTROL, "R", "CC", 1),
    ]  # fmt: skip
    sides = {"L": "Left", "R": "Right"}
    return [
        f"{said},{sides[side]},{view},180.5,20.25,11.2,{said[0]:0>5}_20990909_{side}_{view}_{number}.dcm"
        for said, side, view, number in pictures
    ]


def _make(root: Path, table: str) -> Made:
    write_lines(root / table, HEADER, *_rows())
    for number, row in enumerate(_rows()):
        folder = "CSAW-CC_batch_1" if number < 2 else "batches/CSAW-CC_batch_2" if number < 4 else ""
        write_dicom(root / folder / row.rpartition(",")[2], number)
    counts = {"records": 3, "patients": 2, "images": 6, "files": 6, "set_aside": 0, "faults": 0}
    return Made(counts, "00008_20990909_L_CC_1.dcm", table, "9,2013,1")


def screening_data(root: Path) -> Made:
    return _make(root, "CSAW-CC_breast_cancer_screening_data.csv")


def nonhidden(root: Path) -> Made:
    return _make(root, "anon_dataset_nonhidden_211125.csv")


CASES = (Case("csaw-cc", "screening data", screening_data), Case("csaw-cc", "nonhidden", nonhidden))
