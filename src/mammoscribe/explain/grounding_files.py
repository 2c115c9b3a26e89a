"""What `ground` leaves behind: overlay.png to look at, heat.npy to compute with, grounding.json to keep."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import numpy as np

from mammoscribe import __version__
from mammoscribe.domain.view import Box
from mammoscribe.explain.grounding import BOX_RULE, Grounding
from mammoscribe.explain.overlay import Caption, overlay_png
from mammoscribe.imaging.decode import decode
from mammoscribe.imaging.joint_pixels import JointPixels
from mammoscribe.support.files import write_bytes, write_text

SCHEMA = "mammoscribe.grounding/1"
NOTICE = "Research software, not a medical device."


@dataclass(frozen=True)
class Grounded:
    """A grounding with where it comes from.

    Args:
        grounding: what was found.
        image: the prepared picture.
        path, prior: the files.
        model: name of the joint space.
        given: a box to compare with, in stored pixels.
        figures: name -> value of the map held against `given`.
    """

    grounding: Grounding
    image: JointPixels
    path: Path
    prior: Path | None
    model: str
    given: Box | None
    figures: Mapping[str, float]

    @property
    def summary(self) -> str:
        """One line: similarity, where, and how well it fits the given box."""
        best = self.grounding.best
        where = "no best place, the map is flat"
        if best is not None:
            where = f"best place x {best.x0:.0f}-{best.x1:.0f}, y {best.y0:.0f}-{best.y1:.0f}"
        figures = "".join(f", {name} {value:.2f}" for name, value in self.figures.items())
        return f"similarity {self.grounding.similarity:.3f}, {where}{figures}"


def write_grounding(grounded: Grounded, folder: Path) -> list[Path]:
    """Write the three files into `folder`."""
    about = (
        f"{grounded.path.name}, {grounded.model}, {grounded.image.mode}, {grounded.grounding.interpolation}. {NOTICE}"
    )
    picture = decode(grounded.path).pixels
    png = overlay_png(picture, grounded.grounding, Caption(grounded.summary, about), grounded.given)
    text = json.dumps(record(grounded), indent=1, allow_nan=False) + "\n"  # all is made before anything is written
    heat = io.BytesIO()
    np.save(heat, grounded.grounding.heat)
    return [
        write_bytes(folder / "overlay.png", png),
        write_bytes(folder / "heat.npy", heat.getvalue()),
        write_text(folder / "grounding.json", text),
    ]


def record(grounded: Grounded) -> dict[str, object]:
    """The values of grounding.json; figures that are not finite are null."""
    grounding, place = grounded.grounding, grounded.image.placement
    return {
        "schema": SCHEMA,
        "package": f"mammoscribe {__version__}",
        "model": grounded.model,
        "image": str(grounded.path),
        "prior": None if grounded.prior is None else str(grounded.prior),
        "size_px": [place.stored_width_px, place.stored_height_px],
        "phrase": grounding.phrase,
        "similarity": grounding.similarity,
        "best_box_px": None if grounding.best is None else grounding.best.as_list(),
        "best_box_rule": BOX_RULE,
        "threshold": _finite(grounding.threshold),
        "heat": {
            "file": "heat.npy",
            "lowest": _finite(float(np.nanmin(grounding.heat))),
            "highest": _finite(float(np.nanmax(grounding.heat))),
            "interpolation": grounding.interpolation.value,
        },
        "given_box_px": None if grounded.given is None else grounded.given.as_list(),
        "figures": {name: _finite(value) for name, value in grounded.figures.items()},
        "mode": grounded.image.mode,
        "steps": list(grounded.image.steps),
    }


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None
