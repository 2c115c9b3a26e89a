"""Folds of skin: where the outline of the breast turns inwards, or meets the chest wall."""

from dataclasses import dataclass

import numpy as np

from mammoscribe.domain.anatomy import Structure
from mammoscribe.domain.view import Projection
from mammoscribe.imaging.anatomy.outline import STEP_MM, SkinLine

_REACH_MM = 6.0
_TURN = np.radians(-35)
_END_MM = 12.0
_NEAR_CHEST = 0.6


@dataclass(frozen=True)
class Fold:
    """A fold of skin on a canvas.

    Args:
        structure: the inframammary fold, or another fold of skin.
        x, y: its deepest point, in canvas pixels.
        lower: whether it is below the breast rather than above it.
        inward: whether the outline turns inwards there, so that what follows is no longer breast; otherwise the skin
            simply meets the chest wall.
    """

    structure: Structure
    x: float
    y: float
    lower: bool
    inward: bool


def find_folds(line: SkinLine, projection: Projection) -> tuple[Fold, ...]:
    """The folds below and above the most forward point of the breast, at most one of each.

    Args:
        line: the skin line on the canvas, lightly smoothed.
        projection: the lower fold of an MLO view is the inframammary one; its upper end is the axilla, not a fold.
    """
    across = line.points[:, 0]
    forward, near = int(across.argmax()), across < _NEAR_CHEST * across.max()
    is_mlo = projection is Projection.MLO
    name = Structure.INFRAMAMMARY_FOLD if is_mlo else Structure.SKIN_FOLD
    lower = _fold(line, name, near & (np.arange(near.size) > forward), lower=True)
    upper = None if is_mlo else _fold(line, name, near & (np.arange(near.size) < forward), lower=False)
    return tuple(fold for fold in (lower, upper) if fold is not None)


def _fold(line: SkinLine, structure: Structure, part: np.ndarray, lower: bool) -> Fold | None:
    """The sharpest inward turn on a part of the line, or else its end at the chest wall."""
    reach = round(_REACH_MM / STEP_MM)
    change = np.zeros(part.size)
    change[reach:-reach] = line.turn[2 * reach :] - line.turn[: -2 * reach]
    change[~part] = 0.0
    sharpest = int(change.argmin())
    inward = bool(change[sharpest] < _TURN)
    x, y = line.points[sharpest if inward else (-1 if lower else 0)]
    if not inward and x * line.mm_per_px > _END_MM:
        return None
    return Fold(structure, float(x), float(y), lower, inward)
