"""mini-MIAS: the list with a text around it and PGM beside it, and the export as CSV and JPEG."""

from pathlib import Path

from tests.data.datasets.made import Case, Made, write_lines, write_picture

LIST = (
    "INFORMATION:", "1st column: MIAS database reference number.", "=====", "",
    "mdb001 G CIRC B 100 0 30", "mdb001 G SPIC M 500 600 20", "mdb002 G NORM ", "mdb003 F CALC M *NOTE 3* ",
    "mdb004 F MISC B", "", "=====",
)  # fmt: skip
COLUMNS = "name,tissue,abnormality,severity,x,y,r,pair,laterality,view"


def info_txt(root: Path) -> Made:
    write_lines(root / "Info.txt", *LIST)
    for number in range(1, 5):
        write_picture(root / f"mdb{number:03d}.pgm", number)
    counts = {"records": 2, "patients": 2, "images": 4, "files": 4, "regions": 2, "set_aside": 0, "faults": 0}
    return Made(counts, "mdb002.pgm", "Info.txt", "mdb999 G BLOB B 1 2 3")


def export(root: Path) -> Made:
    write_lines(
        root / "labels.csv", COLUMNS, "mdb001,G,CIRC,B,100,0,30.0,1,R,MLO", "mdb002,G,NORM,,,,,1,L,MLO",
        "mdb003,F,CALC,M,*NOTE,3*,,2,R,MLO",
    )  # fmt: skip
    for number in range(1, 4):
        write_picture(root / f"images/mdb{number:03d}.jpg", number)
    counts = {"records": 2, "patients": 2, "images": 3, "files": 3, "regions": 1, "set_aside": 0, "faults": 0}
    return Made(counts, "images/mdb003.jpg", "labels.csv", "mdb999,G")


CASES = (Case("mini-mias", "info.txt", info_txt), Case("mini-mias", "export jpeg", export))
