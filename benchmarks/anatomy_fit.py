"""Fits the weights of `imaging.anatomy.nipple` to the development half of `benchmarks/labels/nipples.csv`.

The place is a conditional logit over the points of the skin line, being in profile a logistic regression at the place;
both with a ridge, both on standardised features. Prints what belongs into the module. Real data: MAMMOSCRIBE_DATA.

    python benchmarks/anatomy_fit.py
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from anatomy_labels import NippleLabel, read_nipples, seen_by_finder
from scipy.optimize import minimize
from scipy.special import softmax

from mammoscribe.imaging.anatomy.nipple import line_features

PLACE_RIDGE, PROFILE_RIDGE = 2.0, 1.0
UNSURE_WEIGHT = 0.4
TARGET_SPREAD_MM = 3.0
OF_PLACE = (
    "near", "beyond", "rim", "under", "deep", "metal", "corner", "forward",
    "cc_height", "cc_height_squared", "mlo_height", "mlo_height_squared",
)  # fmt: skip
OF_PROFILE = ("near", "beyond", "rim", "under", "deep", "metal", "corner")


@dataclass(frozen=True)
class Line:
    """One labelled image: features [n, k] along its skin line, the wanted distribution [n] over it, and its weight."""

    label: NippleLabel
    features: np.ndarray
    wanted: np.ndarray
    weight: float


def lines(labels: Sequence[NippleLabel]) -> list[Line]:
    """The skin line of every labelled image, with its features."""
    out = []
    for label in labels:
        shown = seen_by_finder(label)
        judged = line_features(shown.grey, shown.mask, shown.mm_per_px, label.view.projection)
        if judged is None:
            continue
        line, features = judged
        away = np.hypot(*(line.points - shown.nipple_xy).T)
        wanted = np.exp(-0.5 * ((np.arange(away.size) - away.argmin()) / TARGET_SPREAD_MM) ** 2)
        stacked = np.stack([features[name] for name in OF_PLACE], axis=1)
        out.append(Line(label, stacked, wanted / wanted.sum(), 1.0 if label.sure else UNSURE_WEIGHT))
    return out


def place_weights(fitted: Sequence[Line]) -> np.ndarray:
    """[k] weights of the place."""
    scale = np.concatenate([line.features for line in fitted]).std(axis=0) + 1e-9

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = PLACE_RIDGE * float(weights @ weights), 2 * PLACE_RIDGE * weights
        for line in fitted:
            scaled = line.features / scale
            likely = softmax(scaled @ weights)
            value -= line.weight * float(line.wanted @ np.log(likely + 1e-12))
            slope = slope + line.weight * scaled.T @ (likely - line.wanted)
        return value, slope

    return minimize(loss, np.zeros(len(scale)), jac=True).x / scale


def profile_weights(fitted: Sequence[Line], place: np.ndarray) -> tuple[np.ndarray, float]:
    """([k] weights, offset) of being in profile, at the place that the other weights choose."""
    rows = np.stack([line.features[int((line.features @ place).argmax()), : len(OF_PROFILE)] for line in fitted])
    seen = np.array([line.label.visible for line in fitted], dtype=float)
    scale = rows.std(axis=0) + 1e-9
    scaled = np.column_stack([rows / scale, np.ones(len(rows))])

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        ridge = np.append(weights[:-1], 0.0)
        signed = scaled @ weights
        value = float(np.logaddexp(0, signed).sum() - seen @ signed + PROFILE_RIDGE * (ridge @ ridge))
        return value, scaled.T @ (1 / (1 + np.exp(-signed)) - seen) + 2 * PROFILE_RIDGE * ridge

    weights = minimize(loss, np.zeros(scaled.shape[1]), jac=True).x
    return weights[:-1] / scale, float(weights[-1])


def main() -> int:
    """Print both tables of weights."""
    fitted = lines([label for label in read_nipples() if not label.measuring])
    place = place_weights(fitted)
    profile, offset = profile_weights(fitted, place)
    print(f"{len(fitted)} labelled images of the development half\n")
    print("POSITION_WEIGHTS =", {n: round(float(w), 3) for n, w in zip(OF_PLACE, place, strict=True)})
    print("PROFILE_WEIGHTS =", {n: round(float(w), 3) for n, w in zip(OF_PROFILE, profile, strict=True)})
    print("PROFILE_OFFSET =", round(offset, 3))
    return 0


if __name__ == "__main__":
    sys.exit(main())
