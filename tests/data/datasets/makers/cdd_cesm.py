"""CDD-CESM: TCIA's spreadsheet, outlines, reports and two folders of JPEG; and the export as CSV and squashed JPEG."""

import json
import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

import openpyxl

from tests.data.datasets.made import Case, Made, write_lines, write_picture

COLUMNS = (
    "Image_name", "Patient_ID", "Side", "Type", "Age", "Breast density (ACR)", "BIRADS", "Findings", "View", "Tags",
    "Machine", "Pathology Classification/ Follow up",
)  # fmt: skip
ROWS = (
    ("P7_L_DM_CC", "7", "L", "DM", "52", "C", "4$2", "A mass $A coarse calcification", "CC", "mass", "1", "Malignant"),
    ("P7_L_CM_CC", "7", "L", "CESM", "52", "_", "5", "Rim enhancement", "CC", "rim", "1", "Malignant"),
    ("P7_R_DM_MLO", "7", "R", "DM", "52", "C", "1", "Normal", "MLO", "normal", "1", "Normal"),
    ("P7_R_DM_MLO", "7", "R", "DM", "52", "C", "1", "Normal", "MLO", "normal", "1", "Normal"),
    ("P8_R_DM_CC", "8", "R", "DM", "40", "_", "2", "Scar", "CC", "scar", "2", "Benign"),
)
REPORT = (
    "PATIENT NO.7", "DIGITALIZED LOW DOSE SOFT TISSUE MAMMOGRAPHY REVEALED:", "ACR C: Dense.", "Left Breast:",
    "A mass & more.", "OPINION:", "A mass (BIRADS 4).", "CONTRAST ENHANCED SPECTRAL MAMMOGRAPHY REVEALED:",
    "Rim enhancement (BIRADS 5).",
)  # fmt: skip
LOW, SUBTRACTED = "CDD-CESM/Low energy images of CDD-CESM", "CDD-CESM/Subtracted images of CDD-CESM"
_WORDS = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def write_docx(path: Path, *paragraphs: str) -> Path:
    """As little of a Word document as one can read."""
    body = "".join(f"<w:p><w:r><w:t>{escape(p)}</w:t></w:r></w:p>" for p in paragraphs)
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", f'<w:document xmlns:w="{_WORDS}"><w:body>{body}</w:body></w:document>')
    return path


def write_sheet(path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["another sheet"])  # type: ignore[union-attr]
    page = book.create_sheet("all")
    for row in (COLUMNS, *ROWS):
        page.append(row)
    book.save(path)


def outline(picture: str, **shape: object) -> str:
    said = json.dumps(shape).replace('"', '""')
    return f'{picture},100,{{}},1,0,"{said}",{{}}'


def tcia(root: Path) -> Made:
    write_sheet(root / "Radiology-manual-annotations.xlsx")
    write_lines(
        root / "Radiology_hand_drawn_segmentations_v2.csv",
        "#filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes",
        outline("P7_L_DM_CC.jpg", name="polygon", all_points_x=[3, 9, 5], all_points_y=[4, 6, 12]),
        outline("P7_L_DM_CC.jpg", name="ellipse", cx=20, cy=30, rx=4, ry=2),
        outline("P7_L_CM_CC.jpg", name="circle", cx=20, cy=30, r=5), outline("P8_R_DM_CC.jpg"),
    )  # fmt: skip
    for number, (folder, name) in enumerate(
        [
            (LOW, "P7_L_DM_CC"),
            (SUBTRACTED, "P7_L_CM_CC "),
            (LOW, "P7_R_DM_MLO"),
            (LOW, "P7_R_DM_MLO2"),
            (LOW, "P8_R_DM_CC"),
        ]
    ):
        write_picture(root / folder / f"{name}.jpg", number)
    write_docx(root / "Medical reports for cases/P7.docx", *REPORT)
    (root / "Medical reports for cases/~$P7.docx").write_bytes(b"lock")
    counts = {
        "records": 2, "patients": 2, "images": 5, "files": 5, "regions": 3, "reports": 1, "set_aside": 0, "faults": 0,
    }  # fmt: skip
    return Made(counts, f"{LOW}/P8_R_DM_CC.jpg", "Radiology_hand_drawn_segmentations_v2.csv", "P7_L_DM_CC.jpg,1")


def export(root: Path) -> Made:
    quoted = [",".join(f'"{field}"' for field in row) for row in ROWS]
    write_lines(root / "annotations_all.csv", ",".join(COLUMNS), *quoted)
    write_lines(root / "metadata.csv", "Image_name,folder", "P7_L_CM_CC,Malignant")
    write_picture(root / "images/P7_L_CM_CC.jpg")
    counts = {"records": 2, "patients": 2, "images": 5, "files": 1, "unnamed": 4, "set_aside": 0, "faults": 0}
    return Made(counts, "images/P7_L_CM_CC.jpg", "annotations_all.csv", "P9_L_CM_CC,9")


CASES = (Case("cdd-cesm", "tcia", tcia), Case("cdd-cesm", "export 512", export))
