"""Synthetic exams as `mammoscribe phantom` leaves them: PNG or DICOM files beside the truth."""

import json
from pathlib import Path

from tests.data.datasets.made import Case, Made, write_dicom, write_picture

VIEWS = ("R_CC", "L_CC", "R_MLO", "L_MLO")
FINDING = {
    "id": "m1", "type": "mass", "laterality": "R", "descriptors": ["shape.irregular", "margin.spiculated"],
    "marks": [{"view": "R_CC", "box_px": [10, 20, 30, 44]}, {"view": "R_MLO", "box_px": [8, 10, 26, 30]}],
    "suspicion": 0.9, "malignant": True, "change": "new",
}  # fmt: skip


def _truth(seed: int, prior: bool) -> str:
    dates = {"current": "2020-06-15"} | ({"prior": "2018-06-11"} if prior else {})
    breasts = [
        {"laterality": "R", "density": "c", "birads": "5", "malignant": True},
        {"laterality": "L", "density": "b", "birads": "1", "malignant": False},
    ]
    truth = {"seed": seed, "exam_id": f"phantom-{seed}", "dates": dates, "breasts": breasts, "findings": [FINDING]}
    return json.dumps(truth)


def _exam(folder: Path, seed: int, prior: bool, suffix: str) -> None:
    for number, view in enumerate(VIEWS):
        if suffix == "png":
            write_picture(folder / f"{view}.png", number)
            if prior:
                write_picture(folder / f"prior_{view}.png", number + 10)
        else:
            side, projection = view.split("_")
            write_dicom(folder / "current" / f"{view}.dcm", number, ImageLaterality=side, ViewPosition=projection)
    (folder / "truth.json").write_text(_truth(seed, prior))


def files(root: Path) -> Made:
    _exam(root / "phantom-5", 5, True, "png")
    _exam(root / "phantom-6", 6, False, "dcm")
    counts = {"records": 3, "patients": 2, "images": 12, "files": 12, "regions": 4, "set_aside": 0, "faults": 0}
    return Made(counts)


CASES = (Case("phantom", "files", files),)
