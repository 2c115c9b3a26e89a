"""The geometry of one view of one breast: canvas, outline, muscle, nipple, and what lies around it on film or detector.

Breast frame (mm): x from chest wall (0) to nipple (L), lat positive towards the armpit, z positive upwards. A view at
gantry angle t shows column = x and height u = lat cos t + z sin t above the nipple line (CC 0 degrees, MLO about 45).
Everything here is in the canonical frame, chest wall at the left; right views are mirrored when they are finished.
"""

import math
from dataclasses import dataclass

import numpy as np

from mammoscribe.domain.view import Laterality, Projection, Role, standard_view_id

PIXEL_MM = 0.1


@dataclass(frozen=True)
class Field:
    """Pixels of air that a film or detector shows around the canvas of a view: above, below, behind and before it."""

    top: int = 0
    bottom: int = 0
    wall: int = 0
    front: int = 0


@dataclass(frozen=True)
class ViewGeometry:
    """One view's canvas and outline, canonical frame; lengths in mm.

    Args:
        rows, cols: size in 0.1 mm pixels, multiples of 16.
        top: height u of the upper image edge above the nipple line.
        depth: nipple distance from the chest-wall edge.
        up, down: half heights of the outline above and below the nipple.
        p, q: exponents of the super-ellipse.
        axilla: width of the tail at the upper image edge (0 in CC).
        pectoral: width of the muscle at the upper edge (0 in CC); `pectoral_end`: height u where it ends.
        wobble: amplitudes and phases of the outline's low-order waviness.
        angle: gantry angle in radians.
        shift: (x, u) by which inner structures are displaced in this view.
        abdomen: width of the skin of the belly at the lower image edge of an MLO, 0 where it is not in the picture.
        nipple_inside: where a nipple is that is not in profile: millimetres behind the skin line, and height u.
        field: what is stored around the canvas.
    """

    laterality: Laterality
    projection: Projection
    role: Role
    rows: int
    cols: int
    top: float
    depth: float
    up: float
    down: float
    p: float
    q: float
    axilla: float
    pectoral: float
    pectoral_end: float
    wobble: tuple[float, ...]
    angle: float
    thickness: float
    nipple: float
    shift: tuple[float, float]
    abdomen: float = 0.0
    nipple_inside: tuple[float, float] | None = None
    field: Field = Field()

    @property
    def stored_size(self) -> tuple[int, int]:
        """Rows and columns of the stored picture."""
        field = self.field
        return self.rows + field.top + field.bottom, self.cols + field.wall + field.front

    @property
    def view_id(self) -> str:
        """`R_CC`, `prior_L_MLO`."""
        return standard_view_id(self.laterality, self.projection, self.role)

    @property
    def kind(self) -> str:
        """Name shared by a view and its prior, for streams of what does not change between visits."""
        return f"{self.laterality}_{self.projection}"

    def project(self, x, lat, z):
        """(x, u) of points of the breast frame in this view, mm."""
        u = np.asarray(lat) * math.cos(self.angle) + np.asarray(z) * math.sin(self.angle)
        return np.asarray(x) + self.shift[0], u + self.shift[1]

    def to_px(self, x, u, pitch: float = PIXEL_MM):
        """(row, column) in pixels of the given pitch; pixel i spans [i, i + 1)."""
        return (self.top - np.asarray(u)) / pitch, np.asarray(x) / pitch

    def heights(self, pitch: float = PIXEL_MM) -> np.ndarray:
        """Height u of the middle of each row of a grid of that pitch.

        Shapes: [rows].
        """
        count = round(self.rows * PIXEL_MM / pitch)
        return self.top - (np.arange(count) + 0.5) * pitch

    def outline(self, u) -> np.ndarray:
        """Distance of the skin from the chest-wall edge at height u, without the nipple; 0 where there is only air.

        Shapes: u of any shape -> the same shape.
        """
        return np.maximum(self.breast_outline(u), self.abdomen_outline(u)) if self.abdomen else self.breast_outline(u)

    @property
    def fold_height(self) -> float:
        """Height u of the inframammary fold, where the belly begins."""
        return 0.45 * self.abdomen - self.down

    def abdomen_outline(self, u) -> np.ndarray:
        """Distance of the belly's skin from the chest-wall edge at height u; 0 above the inframammary fold.

        Shapes: u of any shape -> the same shape.
        """
        below = np.clip(self.fold_height - np.asarray(u, dtype=float), 0, None)
        return self.abdomen * (1 - np.exp(-below / (3.0 + 0.3 * self.abdomen))) * (1 + below / 60.0)

    def breast_outline(self, u) -> np.ndarray:
        """Distance of the breast's skin from the chest-wall edge at height u, without nipple and belly; 0 outside.

        Shapes: u of any shape -> the same shape.
        """
        u = np.asarray(u, dtype=float)
        half = np.where(u >= 0, self.up, self.down)
        body = np.clip(1 - (np.abs(u) / half) ** self.p, 0, None) ** (1 / self.q)
        if self.axilla:
            rise = np.clip(u / self.top, 0, 1)
            tail = self.axilla / self.depth * (1.25 - 0.25 * rise) * np.sin(0.5 * np.pi * np.clip(rise * 1.5, 0, 1))
            body = (body**4 + tail**4) ** 0.25
        a, b, c, d = self.wobble
        waves = a * np.sin(u / 23.0 + b) + c * np.sin(u / 11.0 + d)
        return np.where(body > 0, np.clip(self.depth * body + waves * np.minimum(1, 3 * body), 0, None), 0.0)

    def pectoral_edge(self, u) -> np.ndarray:
        """Distance of the muscle's edge from the chest-wall edge at height u; 0 below its end and in CC.

        Shapes: u of any shape -> the same shape.
        """
        if not self.pectoral:
            return np.zeros_like(np.asarray(u, dtype=float))
        rise = np.clip((np.asarray(u, dtype=float) - self.pectoral_end) / (self.top - self.pectoral_end), 0, 1)
        return self.pectoral * rise ** (0.8 + 0.12 * self.p)

    def nipple_place(self) -> tuple[float, float]:
        """(x, u) of the nipple: its tip where it is in profile, else its middle."""
        if self.nipple_inside is None:
            return float(self.outline(0.0)) + self.nipple, 0.0
        behind, u = self.nipple_inside
        return float(self.outline(u)) - behind, u
