"""DMID: a spreadsheet below a text, folders inside folders of their name; and the reports alone."""

from pathlib import Path

import openpyxl

from tests.data.datasets.made import Case, Made, write_lines, write_picture

ROWS = (
    ("IMG001", "MLOLT", "G", "MISC+CALC", "M", 1567, 3644, 295),
    ("IMG001", "MLOLT", "G", "CIRC", "B", 100, 200, 30),
    ("IMG002", "CCRT", "F", "NORM", None, None, None, None),
    ("IMG003", "CC RT", "D", "ASYM", "B", None, None, None),
)
REPORT = "Breast Composition:\nFatty (ACR-B).\n\nBIRADS: 3, 4a\n\nFindings:\nA mass (BIRADS 4b).\n"


def write_metadata(path: Path) -> None:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    for line in (["A text for people"], [], ["1st column: the reference number of the picture"], *ROWS):
        page.append(line)
    book.save(path)


def figshare(root: Path) -> Made:
    write_metadata(root / "Metadata.xlsx")
    for number in range(1, 4):
        write_picture(root / f"TIFF Images/TIFF Images/IMG00{number}.tif", number)
    write_picture(root / "ROI Masks/ROI Masks/IMG001.tif")
    write_lines(root / "Reports/Reports/Img001.txt", REPORT)
    write_lines(root / "Reports/Reports/Img004.txt", "BIARDS: 1")
    counts = {"records": 4, "patients": 4, "images": 3, "files": 3, "reports": 2, "regions": 0, "faults": 0}
    return Made(counts, "TIFF Images/TIFF Images/IMG002.tif")


def reports_only(root: Path) -> Made:
    write_lines(
        root / "dmid_reports.csv", "id,report,birads_json,composition_json,birads_raw,acr,birads_max",
        f'IMG001,"{REPORT}",BIRADS,,4b).,,4B', 'IMG004,"BIARDS: 1",BIRADS,,1,,1',
    )  # fmt: skip
    counts = {"records": 2, "patients": 2, "images": 0, "reports": 2, "set_aside": 0, "faults": 0}
    return Made(counts, None, "dmid_reports.csv", "IMG009,")


CASES = (Case("dmid", "figshare", figshare), Case("dmid", "reports only", reports_only))
