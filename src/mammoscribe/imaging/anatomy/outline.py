"""The outline of the breast as a line: opened masks, the boundary in order, and pictures sampled along the skin."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from mammoscribe.imaging.mask import largest_piece
from mammoscribe.support.errors import InvalidNoun

STEP_MM = 1.0
"""Distance of neighbouring points on a skin line."""

_CLOCKWISE = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))
_EAST = 2


@dataclass(frozen=True)
class SkinLine:
    """The outline of a breast whose chest wall is left, from the upper to the lower end, one point per millimetre.

    Args:
        points: [n, 2] (x, y) in pixels; pixel i covers [i, i + 1).
        normals: [n, 2] unit vectors that lead out of the breast.
        mm_per_px: millimetres per pixel, the same on both axes.

    Raises:
        InvalidNoun: when the arrays do not fit each other.
    """

    points: np.ndarray
    normals: np.ndarray
    mm_per_px: float

    def __post_init__(self) -> None:
        if self.points.shape != self.normals.shape or self.points.ndim != 2 or self.points.shape[1] != 2:
            raise InvalidNoun(f"a skin line of {self.points.shape} points and {self.normals.shape} normals", "[n, 2]")
        if not 0 < self.mm_per_px < 100:
            raise InvalidNoun(f"a skin line at {self.mm_per_px} mm per pixel", "a positive scale")

    @property
    def turn(self) -> np.ndarray:
        """[n] angle of the normals in radians: 0 away from the chest wall, positive towards the feet."""
        return np.unwrap(np.arctan2(self.normals[:, 1], self.normals[:, 0]))

    def sample(self, grey: np.ndarray, offsets_mm: np.ndarray) -> np.ndarray:
        """[n, k] grey values at k distances from the line; positive offsets are outside the breast."""
        steps = (offsets_mm / self.mm_per_px)[None, :, None]
        at = self.points[:, None, :] + self.normals[:, None, :] * steps - 0.5
        return ndimage.map_coordinates(grey, [at[..., 1], at[..., 0]], order=1, mode="nearest")


def skin_line(mask: np.ndarray, mm_per_px: float, smoothing_mm: float) -> SkinLine | None:
    """The line around `mask` without its part along the left edge, which is the chest wall.

    Args:
        mask: bool [h, w], one piece; of several, the largest counts.
        mm_per_px: millimetres per pixel.
        smoothing_mm: standard deviation of the Gaussian that smooths the line.

    Returns:
        None when the mask is empty or its outline is shorter than 30 mm.
    """
    edge = boundary(mask)
    if edge is None:
        return None
    run = _longest_run(edge, edge[:, 0] > 1)
    walked = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(run, axis=0).T)))) if len(run) > 1 else np.zeros(1)
    count = int(walked[-1] * mm_per_px / STEP_MM)
    if count < 30:
        return None
    along = np.arange(count) * STEP_MM / mm_per_px
    points = np.stack([np.interp(along, walked, run[:, i] + 0.5) for i in (0, 1)], axis=1)
    points = ndimage.gaussian_filter1d(points, smoothing_mm / STEP_MM, axis=0, mode="nearest")
    tangents = np.gradient(points, axis=0)
    tangents /= np.maximum(np.hypot(tangents[:, 0], tangents[:, 1]), 1e-9)[:, None]
    return SkinLine(points, np.stack([tangents[:, 1], -tangents[:, 0]], axis=1), mm_per_px)


def opened(mask: np.ndarray, radius_px: float) -> np.ndarray:
    """The mask without what a disc of that radius does not fit into; it is thought to go on beyond the picture.

    Shapes: mask [H, W] bool -> [H, W] bool.
    """
    step = max(1, int(radius_px / 8))  # a disc of eight pixels is round enough
    small, radius = mask[::step, ::step], radius_px / step
    margin = int(np.ceil(radius)) + 1
    core = np.asarray(ndimage.distance_transform_edt(np.pad(small, margin, mode="edge"))) > radius
    if not core.any():
        return mask
    grown = (np.asarray(ndimage.distance_transform_edt(~core)) <= radius)[margin:-margin, margin:-margin]
    return np.kron(grown, np.ones((step, step), bool))[: mask.shape[0], : mask.shape[1]] & mask


def boundary(mask: np.ndarray) -> np.ndarray | None:
    """The outer boundary pixels of the largest piece, [n, 2] (column, row), clockwise from its first pixel (Moore)."""
    piece = largest_piece(mask)
    if not piece.any():
        return None
    wide = piece.shape[1] + 2
    inside = np.pad(piece, 1).ravel().tobytes()
    steps = [row * wide + column for row, column in _CLOCKWISE]
    first = inside.index(1)
    walk, at, facing = [first], first, _EAST
    while len(walk) < len(inside):
        # One came from a pixel inside; the search begins with the direction that follows it clockwise.
        facing = next((d % 8 for d in range(facing + 5, facing + 13) if inside[at + steps[d % 8]]), -1)
        at += steps[facing]
        if facing < 0 or at == first:
            break
        walk.append(at)
    rows, columns = np.divmod(np.array(walk), wide)
    return np.stack([columns - 1, rows - 1], axis=1)


def _longest_run(points: np.ndarray, keep: np.ndarray) -> np.ndarray:
    """The longest run of kept points on a closed line."""
    if keep.all():
        return points
    dropped = np.nonzero(~keep)[0]
    gaps = np.diff(np.concatenate((dropped, [dropped[0] + len(points)])))
    longest = int(gaps.argmax())
    return points[np.arange(dropped[longest] + 1, dropped[longest] + gaps[longest]) % len(points)]
