"""A lab's folder of DICOM with a CSV of reports."""

from pathlib import Path

from tests.data.datasets.made import Case, Made, write_dicom, write_lines

TOML = """
name = "ours"
kind = "mammo-exam"
images = "dicom/**/*.dcm"
exam = "header:AccessionNumber"
reports = "reports.csv"
report_exam = "Accession"
report_text = "Report"
"""


def toml(root: Path) -> Made:
    (root / "ours.toml").write_text(TOML)
    for number, (patient, accession, side, view) in enumerate(
        [("P1", "A1", "R", "CC"), ("P1", "A1", "L", "MLO"), ("P1", "A2", "R", "CC"), ("P2", "A3", "L", "CC")]
    ):
        write_dicom(
            root / "dicom" / patient / f"{number}.dcm", number, PatientID=patient, AccessionNumber=accession,
            ImageLaterality=side, ViewPosition=view, StudyInstanceUID=f"1.2.{accession[1]}", StudyDate=f"202{accession[1]}0304",
            SOPInstanceUID=f"1.2.3.{number + 1}",
        )  # fmt: skip
    write_lines(root / "reports.csv", "Accession,Report", 'A1,"Findings: A mass.', 'Impression: Benign."', "A3,Normal.")
    counts = {"records": 3, "patients": 2, "images": 4, "files": 4, "reports": 2, "faults": 0, "set_aside": 0}
    return Made(counts, None, "reports.csv", "A9,Of nobody.")


CASES = (Case("folder", "toml", toml),)
