"""A lab at fine pixels: formula-made views of 0.1 mm with squares and specks, in the layout of phantoms; a reader for them."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from mammoscribe.data.datasets.phantom import PHANTOM
from mammoscribe.models.reader.calcifications import PatchConfig, PatchNet
from mammoscribe.models.reader.card import ModelCard, write_card
from mammoscribe.models.reader.crop_refiner import CropRefiner, CropRefinerConfig
from mammoscribe.models.reader.network import ReaderNet, debug_config
from mammoscribe.models.reader.norm_statistics import NormStatistics
from mammoscribe.models.reader.reader import Reader
from mammoscribe.models.weights_file import save_weights
from mammoscribe.training.calibration.point import neutral
from tests.training.reader.lab import prepared

HIGH, WIDE = 480, 400
MASS_BOX = (150, 200, 190, 240)
SPECKS_BOX = (120, 260, 180, 320)
"""In pixels of a left view, chest wall at the left; a right view is its mirror image."""
VIEWS = ("R_CC", "L_CC", "R_MLO", "L_MLO")


def breast(seed: int) -> np.ndarray:
    """[HIGH, WIDE] float 0..1: a half-disc at the left edge with a little noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:HIGH, :WIDE]
    inside = ((y - HIGH / 2) / (HIGH / 2.1)) ** 2 + (x / (WIDE / 1.2)) ** 2 < 1
    return np.where(inside, 0.4 + 0.01 * rng.standard_normal((HIGH, WIDE)) + 0.1 * np.exp(-x / 200), 0.0)


def with_mass(grey: np.ndarray) -> np.ndarray:
    """A bright square in MASS_BOX."""
    x0, y0, x1, y1 = MASS_BOX
    out = grey.copy()
    out[y0:y1, x0:x1] += 0.3
    return out


def speck_places(seed: int) -> np.ndarray:
    """[8, 2] rows and columns of the specks of a view in SPECKS_BOX."""
    x0, y0, x1, y1 = SPECKS_BOX
    rng = np.random.default_rng(seed + 1000)
    return np.stack((rng.integers(y0 + 2, y1 - 2, 8), rng.integers(x0 + 2, x1 - 2, 8)), axis=1)


def with_specks(grey: np.ndarray, seed: int) -> np.ndarray:
    """Specks of 2 x 2 pixels at `speck_places`."""
    out = grey.copy()
    for row, column in speck_places(seed):
        out[row : row + 2, column : column + 2] += 0.3
    return out


def _write(path: Path, grey: np.ndarray, mirrored: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    codes = np.clip(grey * 40000, 0, 65535).astype(np.uint16)
    Image.fromarray(codes[:, ::-1] if mirrored else codes).save(path)


def _mirrored(box: tuple[int, int, int, int]) -> list[int]:
    return [WIDE - box[2], box[1], WIDE - box[0], box[3]]


def fine_files(root: Path, exams: int = 6, prior: bool = True) -> Path:
    """Exams with a mass in the right breast and specks in the left one; the first has a prior in which the mass is not."""
    for number in range(exams):
        folder = root / f"phantom-{number}"
        for place, view in enumerate(VIEWS):
            seed = 10 * number + place
            drawn = with_mass(breast(seed)) if view[0] == "R" else with_specks(breast(seed), seed)
            _write(folder / f"{view}.png", drawn, view[0] == "R")
            if prior and number == 0:
                _write(folder / f"prior_{view}.png", breast(seed), view[0] == "R")
        (folder / "truth.json").write_text(json.dumps(_truth(number, prior and number == 0)))
    return root


def _truth(number: int, prior: bool) -> dict:
    mass = {
        "id": "m1", "type": "mass", "laterality": "R", "suspicion": 0.9 if number % 2 else 0.1, "malignant": False,
        "descriptors": ["shape.irregular" if number % 2 else "shape.oval", "margin.spiculated"],
        "marks": [{"view": v, "box_px": _mirrored(MASS_BOX)} for v in ("R_CC", "R_MLO")],
        "change": "new" if prior else None,
    }  # fmt: skip
    specks = {
        "id": "c1", "type": "calcification", "laterality": "L", "suspicion": 0.9, "malignant": True, "change": None,
        "descriptors": ["morphology.fine_pleomorphic", "distribution.grouped"],
        "marks": [{"view": v, "box_px": list(SPECKS_BOX)} for v in ("L_CC", "L_MLO")],
    }  # fmt: skip
    dates = {"current": "2020-06-15"} | ({"prior": "2018-06-11"} if prior else {})
    sides = [{"laterality": s, "density": "b", "birads": "4" if s == "L" else "2", "malignant": s == "L"} for s in "RL"]
    name = {"seed": number, "exam_id": f"phantom-{number}"}
    return name | {"dates": dates, "breasts": sides, "findings": [mass, specks]}


def fine_lab(root: Path, exams: int = 6, as_name: str = "calcifications") -> Path:
    """The files, ingested, split and prepared; gives the prepared folder."""
    return prepared(PHANTOM, fine_files(root / "files", exams), root, as_name)


def tiny_reader(folder: Path, refiner: bool = False, calcifications: bool = False) -> Path:
    """A model folder with random weights of the debug size, on request with the two further networks."""
    torch.manual_seed(0)
    net = ReaderNet(debug_config()).eval()
    crops = CropRefiner(CropRefinerConfig(32, 8)).eval() if refiner else None
    fine = PatchNet(PatchConfig(patch_px=64, per_view=4, width=8)).eval() if calcifications else None
    card = ModelCard(
        "tiny", "nothing", debug_config(), "", neutral("drawn"), neutral("acquired"),
        patches=None if fine is None else asdict(fine.config), looks=None if crops is None else asdict(crops.config),
    )  # fmt: skip
    reader = Reader(net, card, NormStatistics(net), fine, crops)
    folder.mkdir(parents=True, exist_ok=True)
    digest = save_weights(reader.parts, folder / "weights.safetensors")
    write_card(ModelCard(**{**vars(card), "weights_sha256": digest}), folder / "card.json")
    return folder
