"""Breast implants: a smooth dense body at the chest wall that pushes the tissue, and with it every lesion, in front of it."""

from dataclasses import dataclass

import numpy as np

from mammoscribe.domain.view import Laterality
from mammoscribe.phantom.geometry import ViewGeometry
from mammoscribe.phantom.streams import GeneratorVersion, stream

_CLEAR_MM = 7.0
"""Least distance of a lesion's centre from an implant."""


@dataclass(frozen=True)
class Implant:
    """An implant of one breast, as parts of the breast's size in each view.

    Args:
        reach: front of the implant over nipple distance.
        height: half height over half height of the outline.
        silicone: dense throughout; saline lets tissue shine through and has a denser shell.
    """

    laterality: Laterality
    reach: float
    height: float
    silicone: bool

    def middle(self, view: ViewGeometry) -> float:
        """Height u of its middle: an implant sits high behind the muscle that an MLO shows."""
        return 0.1 * view.up if view.pectoral else 0.0

    def half_height(self, view: ViewGeometry) -> float:
        """Half of its height in a view, mm."""
        return self.height * min(view.up, view.down)

    def front(self, view: ViewGeometry, u) -> np.ndarray:
        """Distance of its surface from the chest-wall edge at height u, mm; 0 above and below it.

        Shapes: u of any shape -> the same shape.
        """
        part = np.abs(np.asarray(u, dtype=float) - self.middle(view)) / self.half_height(view)
        return self.reach * view.depth * np.sqrt(np.clip(1 - part**2.3, 0, None))

    def covers(self, view: ViewGeometry, x: float, u: float) -> bool:
        """Whether a lesion's centre would lie on it, or too near."""
        return any(x - _CLEAR_MM < float(self.front(view, u + d)) for d in (-_CLEAR_MM, 0.0, _CLEAR_MM))


def draw_implants(seed: int, rate: float) -> tuple[Implant, ...]:
    """Implants of a patient: mostly none, mostly in both breasts where there is one."""
    rng = stream(seed, "implants", version=GeneratorVersion.V2)
    here, both, one = rng.random() < 0.05 * rate, rng.random() < 0.88, int(rng.integers(2))
    reach, height, silicone = rng.uniform(0.42, 0.60), rng.uniform(0.66, 0.86), rng.random() < 0.65
    uneven = rng.uniform(0.96, 1.04, 2)
    if not here:
        return ()
    sides = tuple(Laterality) if both else (tuple(Laterality)[one],)
    return tuple(Implant(side, float(reach * uneven[k]), float(height), bool(silicone)) for k, side in enumerate(sides))
