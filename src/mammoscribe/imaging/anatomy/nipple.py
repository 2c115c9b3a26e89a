"""Where the nipple is: every millimetre of the skin line is judged by its shape, what is beside it, and its height.

The weights were fitted to hand labels of real images, half of `benchmarks/labels/nipples.csv`, by
`benchmarks/anatomy_fit.py`; the other half is for measuring.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from mammoscribe.domain.view import Projection
from mammoscribe.imaging.anatomy.outline import STEP_MM, SkinLine, opened, skin_line
from mammoscribe.support.errors import InvalidNoun

FINDER_UM = 800.0
"""Pixel size that the finder works at; the nipple is about 10 mm across."""

MARGIN_MM = 20.0
"""Air around the breast that the finder wants to see: a faint nipple is often no part of the mask."""

FOUND_IN_PROFILE, FOUND_ELSEWHERE = 0.5, 0.7
"""Certainty from which a nipple counts as found, seen at the skin line or not; below it, the place is a guess."""

POSITION_WEIGHTS: Mapping[str, float] = {
    "near": 1.001, "beyond": 0.511, "rim": 0.521, "under": 0.282, "deep": -0.421, "metal": 0.07,
    "corner": 1.939, "forward": 2.19,
    "cc_height": 0.039, "cc_height_squared": -0.267, "mlo_height": 0.392, "mlo_height_squared": -0.222,
}  # fmt: skip
"""Weights of what speaks for a nipple at a point of the skin line; see `line_features`."""

PROFILE_WEIGHTS: Mapping[str, float] = {
    "near": 2.369, "beyond": 0.435, "rim": 0.014, "under": 0.194, "deep": -0.854, "metal": 1.136, "corner": 0.979,
}  # fmt: skip
PROFILE_OFFSET = -1.848
"""A weighted sum of these features at the place, with this offset, is positive where the nipple is in profile."""

_OFFSETS_MM = np.arange(-24.0, 15.2, 0.8)
_BANDS_MM = {"near": (1, 4), "beyond": (4, 9), "rim": (-4, 1), "under": (-10, -4), "deep": (-20, -10)}
_OPENING_MM, _SMOOTHING_MM = 9.0, 6.0
_NIPPLE_WIDTH_MM = 2.5
_NEIGHBOURHOOD_MM = 61
_TIP_MM = 1.5
_CERTAIN_WITHIN_MM = 8.0


@dataclass(frozen=True)
class Nipple:
    """The nipple on a picture.

    Args:
        x, y: pixels of that picture.
        certainty: 0..1, how much of the judgement of the whole skin line is within 8 mm of the place.
        in_profile: whether it was seen at the skin line; if not, it lies over the breast or is not to be told.

    Raises:
        InvalidNoun: for a certainty outside 0..1.
    """

    x: float
    y: float
    certainty: float
    in_profile: bool

    def __post_init__(self) -> None:
        if not 0.0 <= self.certainty <= 1.0:
            raise InvalidNoun(f"a nipple with a certainty of {self.certainty}", "a number from 0 to 1")

    @property
    def found(self) -> bool:
        """Whether it is certain enough to measure from."""
        return self.certainty >= (FOUND_IN_PROFILE if self.in_profile else FOUND_ELSEWHERE)


def find_nipple(grey: np.ndarray, mask: np.ndarray, mm_per_px: float, projection: Projection) -> Nipple | None:
    """The likeliest place of the nipple.

    Args:
        grey: float32 [h, w] in 0..1, chest wall left, isotropic, with some air around the breast.
        mask: bool [h, w], the breast.
        mm_per_px: millimetres per pixel, best near 0.8.
        projection: the nipple is lower in MLO than in CC.

    Returns:
        None when the mask has no outline to speak of.
    """
    judged = line_features(grey, mask, mm_per_px, projection)
    if judged is None:
        return None
    line, features = judged
    score = sum(weight * features[name] for name, weight in POSITION_WEIGHTS.items())
    likely = np.exp(score - np.max(score))
    likely /= likely.sum()
    best = int(ndimage.gaussian_filter1d(likely, 3.0 / STEP_MM).argmax())
    near = np.abs(np.arange(likely.size) - best) * STEP_MM <= _CERTAIN_WITHIN_MM
    x, y = line.points[best] + line.normals[best] * _TIP_MM / mm_per_px
    profile = sum(weight * features[name][best] for name, weight in PROFILE_WEIGHTS.items()) + PROFILE_OFFSET
    return Nipple(float(x), float(y), float(min(1.0, likely[near].sum())), bool(profile > 0))


def line_features(
    grey: np.ndarray, mask: np.ndarray, mm_per_px: float, projection: Projection
) -> tuple[SkinLine, dict[str, np.ndarray]] | None:
    """The stretch of the skin line on which a nipple may be, and for each of its points [n] what speaks for one.

    Grey values count as far as they differ from the skin line around: `near` and `beyond` it outside, its `rim`, `under`
    and `deep` inside; `metal` is a bright spot such as a nipple marker, `corner` how sharply the outline turns.
    """
    line = skin_line(opened(mask, _OPENING_MM / mm_per_px), mm_per_px, _SMOOTHING_MM)
    if line is None:
        return None
    features = _grey_features(line.sample(np.sqrt(np.clip(grey, 0, 1)), _OFFSETS_MM))
    turn = line.turn
    features["corner"] = np.clip(30 * ndimage.gaussian_filter1d(np.gradient(turn), 3, mode="nearest"), -3, 3)
    forward = line.points[:, 0] / line.points[:, 0].max()
    rows = np.nonzero(mask.any(axis=1))[0]
    height = (line.points[:, 1] - rows[0]) / max(1, rows[-1] - rows[0])
    is_cc = projection is Projection.CC
    features |= {"forward": 5 * forward} | _height_features(height, is_cc)
    possible = _possible(height, forward, ndimage.gaussian_filter1d(turn, 10, mode="nearest"), is_cc)
    if not possible.any():
        possible = forward >= forward.max()
    stretch = SkinLine(line.points[possible], line.normals[possible], mm_per_px)
    return stretch, {name: values[possible] for name, values in features.items()}


def _grey_features(strip: np.ndarray) -> dict[str, np.ndarray]:
    """What the picture shows beside each point: [n] per band, in units of the step from air to tissue or of its spread."""
    step = max(0.05, float(np.median(strip[:, _OFFSETS_MM < -6]) - np.median(strip[:, _OFFSETS_MM > 8])))
    excess = {
        name: ndimage.gaussian_filter1d(_unusual(strip[:, _within(low, high)].mean(axis=1)) / step, _NIPPLE_WIDTH_MM)
        for name, (low, high) in _BANDS_MM.items()
    }
    spots = _unusual(strip[:, _within(-3, 12)].max(axis=1)) / step
    features = {name: np.tanh(excess[name] / 0.08) for name in ("near", "deep")}
    features |= {name: _compressed(excess[name]) for name in ("beyond", "rim", "under")}
    features["metal"] = np.tanh(np.clip(ndimage.maximum_filter1d(spots, 5) - 0.4, 0, None) / 0.3)
    return features


def _within(low_mm: float, high_mm: float) -> np.ndarray:
    return (low_mm <= _OFFSETS_MM) & (high_mm > _OFFSETS_MM)


def _unusual(values: np.ndarray) -> np.ndarray:
    """Values less their running median along the line."""
    return values - ndimage.median_filter(values, size=_NEIGHBOURHOOD_MM, mode="nearest")


def _compressed(values: np.ndarray) -> np.ndarray:
    """Values over their spread along the line, on a logarithmic scale for both signs."""
    spread = float(np.median(np.abs(values))) * 1.48 + 1e-3
    scaled = np.clip(values / spread, -3, 12)
    return np.sign(scaled) * np.log1p(np.abs(scaled))


def _height_features(height: np.ndarray, is_cc: bool) -> dict[str, np.ndarray]:
    """Height on the breast, 0 uppermost to 1 lowest, with a scale for either projection."""
    cc, mlo = (10 * (height - 0.5), np.zeros_like(height)) if is_cc else (np.zeros_like(height), 10 * (height - 0.7))
    return {"cc_height": cc, "cc_height_squared": cc**2, "mlo_height": mlo, "mlo_height_squared": mlo**2}


def _possible(height: np.ndarray, forward: np.ndarray, turn: np.ndarray, is_cc: bool) -> np.ndarray:
    """Where a nipple may be at all: neither at the ends of the outline nor on the arm or the abdomen."""
    if is_cc:
        return (height > 0.3) & (height < 0.78) & (forward > 0.75)
    facing = (turn > np.radians(-30)) & (turn < np.radians(85))
    return (height > 0.45) & (height < 0.97) & (forward > 0.65) & facing
