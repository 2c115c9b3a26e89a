"""The trees of Kermany et al.: both versions of Mendeley, and Kaggle's chest part with its second copy."""

from collections.abc import Sequence
from pathlib import Path

from tests.data.datasets.made import Case, Made, write_picture


def tree(base: Path, *paths: str) -> None:
    for seed, path in enumerate(paths):
        write_picture(base / path, seed, height=24, width=32)


def litter(base: Path, *paths: str) -> None:
    """What macOS leaves beside pictures."""
    for path in paths:
        beside = (base / path).with_name(f"._{(base / path).name}")
        beside.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(b"\0\5\x16\7Mac OS X")
    (base / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")


def oct_tree(base: Path) -> Made:
    names = (
        "train/CNV/CNV-1016042-1.jpeg", "train/CNV/CNV-1016042-2.jpeg", "train/DRUSEN/DRUSEN-1016042-1.jpeg",
        "train/NORMAL/NORMAL-4872585-1.jpeg", "test/DME/DME-119840-1.jpeg", "test/CNV/CNV-6294785-1.jpeg",
    )  # fmt: skip
    tree(base, *names)
    litter(base, *names)
    counts = {
        "records": 6, "patients": 4, "images": 6, "files": 6, "split:train": 4, "split:test": 2, "label:class=CNV": 3,
        "reports": 0, "faults": 0, "set_aside": 0,
    }  # fmt: skip
    return Made(counts)


def oct_2(root: Path) -> Made:
    return oct_tree(root / "OCT2017")


def oct_3(root: Path) -> Made:
    return oct_tree(root / "CellData" / "OCT")


NUMBERED = (
    "train/NORMAL/IM-0429-0001.jpeg", "train/NORMAL/IM-0429-0001-0001.jpeg", "test/NORMAL/NORMAL2-IM-0173-0001-0002.jpeg",
    "train/PNEUMONIA/person101_virus_187.jpeg", "train/PNEUMONIA/person101_virus_188.jpeg",
    "test/PNEUMONIA/person101_bacteria_484.jpeg", "train/PNEUMONIA/person447_virus_921_1.jpeg",
)  # fmt: skip
COUNTS = {
    "records": 7, "patients": 5, "images": 7, "files": 7, "split:train": 5, "split:test": 2, "label:class=NORMAL": 3,
    "label:class=PNEUMONIA": 4, "reports": 0, "faults": 0, "set_aside": 0,
}  # fmt: skip


def chest_2(root: Path) -> Made:
    tree(root / "chest_xray", *NUMBERED)
    litter(root / "__MACOSX" / "chest_xray", *NUMBERED)
    litter(root / "chest_xray" / "train" / "NORMAL")
    return Made(COUNTS)


def chest_3(root: Path) -> Made:
    names: Sequence[str] = (
        "train/NORMAL/NORMAL-28501-0001.jpeg", "train/PNEUMONIA/BACTERIA-1008087-0001.jpeg",
        "train/PNEUMONIA/BACTERIA-1008087-0002.jpeg", "test/PNEUMONIA/VIRUS-1013-0001.jpeg",
    )  # fmt: skip
    tree(root / "CellData" / "chest_xray", *names)
    counts = {"records": 4, "patients": 3, "images": 4, "split:train": 3, "split:test": 1, "faults": 0, "set_aside": 0}
    return Made(counts)


def kaggle(root: Path) -> Made:
    names = (*NUMBERED, "val/PNEUMONIA/person1946_bacteria_4874.jpeg", "val/NORMAL/NORMAL2-IM-1427-0001.jpeg")
    for base in (root / "chest_xray", root / "chest_xray" / "chest_xray"):
        tree(base, *names)
    litter(root / "chest_xray" / "__MACOSX" / "chest_xray", *names)
    counts = COUNTS | {
        "records": 9, "patients": 7, "images": 9, "files": 9, "split:val": 2, "label:class=NORMAL": 4,
        "label:class=PNEUMONIA": 5, "set_aside": 1,
    }  # fmt: skip
    return Made(counts)


CASES = (
    Case("mendeley-oct", "version 2", oct_2),
    Case("mendeley-oct", "version 3", oct_3),
    Case("mendeley-cxr", "version 2", chest_2),
    Case("mendeley-cxr", "version 3", chest_3),
    Case("kaggle-cxr", "kaggle", kaggle),
)
