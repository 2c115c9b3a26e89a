"""Fine pictures of training views: the 200 um canvases that crops are cut from, kept beside the exams."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mammoscribe.support.errors import InputError


@dataclass(frozen=True)
class Detail:
    """One view at the scale of the crop refiner.

    Args:
        pixels: [h, w] uint8, the breast's crop; grey as in `samples`.
        top_px: canvas row at which the crop begins (the crop's left edge is the canvas' left edge).
        zoom: detail pixels per canvas pixel.
    """

    pixels: np.ndarray
    top_px: float
    zoom: float

    def from_canvas(self, xy: np.ndarray) -> np.ndarray:
        """[..., 2] canvas points in detail pixels."""
        return (np.asarray(xy, float) - np.array([0.0, self.top_px])) * self.zoom


def save_details(details: Sequence[Mapping[str, Detail]], path: Path) -> None:
    """Write the details of an exam's views, each with the roles (`current`, `prior`) it has."""
    arrays = {}
    for i, roles in enumerate(details):
        for role, detail in roles.items():
            arrays[f"{role}_{i}"] = detail.pixels
            arrays[f"{role}_{i}_place"] = np.array([detail.top_px, detail.zoom])
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part.npz")
    np.savez(temporary, **arrays)
    temporary.rename(path)


def load_details(path: Path, num_views: int) -> list[dict[str, Detail]]:
    """Read what `save_details` wrote, one mapping per view; a missing file raises InputError."""
    if not path.is_file():
        raise InputError(
            f"no details in {path}", "the fine pictures beside the exams", "empty the cache and prepare it again"
        )
    with np.load(path) as arrays:
        return [
            {
                role: Detail(arrays[f"{role}_{i}"], *(float(v) for v in arrays[f"{role}_{i}_place"]))
                for role in ("current", "prior")
                if f"{role}_{i}" in arrays
            }
            for i in range(num_views)
        ]


def details_folder(folder: Path) -> Path:
    """Where the details of a folder's exams lie."""
    return folder.with_name(f"{folder.name}_details")
