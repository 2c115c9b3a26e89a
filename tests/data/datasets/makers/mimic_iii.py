"""NOTEEVENTS of MIMIC-III: notes over many lines, with quotation marks, one marked as an error."""

import csv
from pathlib import Path

from tests.data.datasets.made import Case, Made

COLUMNS = (
    "ROW_ID", "SUBJECT_ID", "HADM_ID", "CHARTDATE", "CHARTTIME", "STORETIME", "CATEGORY", "DESCRIPTION", "CGID", "ISERROR",
    "TEXT",
)  # fmt: skip
ROWS = (
    ("174", "22532", "167853", "2151-08-04", "", "", "Discharge summary", "Report", "", "",
     "Admission Date:  [**2151-7-16**]\n\nAllergies:\nPenicillin, \"sulfa\"\n"),
    ("175", "22532", "", "2151-08-06", "2151-08-06 13:45:00", "2151-08-06 13:50:00", "Radiology", "CHEST (PA & LAT)", "", "",
     "FINAL REPORT\nIMPRESSION: No effusion."),
    ("176", "13702", "107527.0", "2118-06-14", "2118-06-14 02:00:00", "", "Nursing/other", "Report", "16023", "1", "Wrong pt."),
    ("177", "13702", "107527", "2118-06-14", "2118-06-14 03:00:00", "", "Physician ", "ICU note", "16023", "", "Stable."),
)  # fmt: skip


def write_notes(path: Path, rows=ROWS) -> Path:
    """The table as PostgreSQL writes it: quotation marks where they are needed, and around the column names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow(COLUMNS)
        csv.writer(stream, lineterminator="\n").writerows(rows)
    return path


def physionet(root: Path) -> Made:
    write_notes(root / "NOTEEVENTS.csv")
    counts = {"records": 3, "patients": 2, "reports": 3, "images": 0, "set_aside": 1, "faults": 0}
    return Made(counts, None, "NOTEEVENTS.csv", '178,13702,107527,2118-06-14,soon,,Radiology,Report,,,"Text"')


CASES = (Case("mimic-iii", "physionet 1.4", physionet),)
