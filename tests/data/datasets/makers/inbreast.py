"""INbreast's release 1.0: a semicolon table, DICOM named after patient and view, contours as property lists."""

import plistlib
from pathlib import Path

from tests.data.datasets.made import Case, Made, write_dicom, write_lines

HEADER = "Patient ID;Patient age;Laterality;View;Acquisition date;File Name;ACR;Bi-Rads"
_ROWS = [
    ("101", "6c613a14b80a8591", "R;CC", "201001", "2", "1"),
    ("102", "6c613a14b80a8591", "R;MLO", "201001", "2", "4a"),
    ("103", "6c613a14b80a8591", "R;CC", "201106", "     ", "2"),
    ("104", "b03f1dd34eb3c55f", "L;CC", "200803", "4", "5"),
    ("105", "b03f1dd34eb3c55f", "L;FB", "200803", "4", "5"),
]


def write_contours(path: Path, *contours: tuple[str, list[tuple[float, float]]]) -> Path:
    """A property list as the release has it."""
    rois = [
        {"Name": name, "NumberOfPoints": len(points), "Point_px": [f"({x:.6f}, {y:.6f})" for x, y in points]}
        for name, points in contours
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(plistlib.dumps({"Images": [{"ImageIndex": 0, "NumberOfROIs": len(rois), "ROIs": rois}]}))
    return path


def release(root: Path) -> Made:
    write_lines(
        root / "INbreast.csv", HEADER,
        *(f"removed;removed;{view};{month};{file};{acr};{birads}" for file, _, view, month, acr, birads in _ROWS),
    )  # fmt: skip
    for number, (file, patient, view, *_) in enumerate(_ROWS):
        side, projection = view.replace("MLO", "ML").split(";")
        write_dicom(root / "AllDICOMs" / f"{file}_{patient}_MG_{side}_{projection}_ANON.dcm", number)
    write_contours(
        root / "AllXML" / "102.xml",
        ("Mass", [(10.5, 20.25), (30.0, 18.0), (22.0, 41.75)]), ("Calcification", [(-0.4, 7.9)]), ("Unnamed", []),
    )  # fmt: skip
    write_contours(root / "AllXML" / "104.xml", ("Espiculated  Region", [(1.0, 2.0), (3.0, 4.0)]))
    counts = {"records": 3, "patients": 2, "images": 4, "files": 4, "regions": 3, "set_aside": 1, "faults": 0}
    # no picture to unlink here: the patient stands in its name only, so that a lost one is an error of its row
    return Made(counts, None, "INbreast.csv", "removed;removed;L")


CASES = (Case("inbreast", "release 1.0", release),)
