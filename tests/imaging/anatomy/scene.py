"""Drawn mammograms in millimetres: a half-ellipse of tissue with what a test puts on it; chest wall at the left edge."""

from dataclasses import dataclass

import numpy as np

from mammoscribe.domain.view import Box
from mammoscribe.imaging.prepare import PreparedView, prepare_view
from tests.imaging.drawn import a_picture, a_view

HEIGHT_MM, WIDTH_MM, MM = 200.0, 120.0, 0.5
MIDDLE_MM, DEPTH_MM, HALF_MM = 100.0, 70.0, 80.0
FAT, SKIN = 0.35, 0.5


@dataclass
class Scene:
    """A picture under construction; x from the chest wall and y from the top are in millimetres."""

    grey: np.ndarray
    mm: float = MM

    @property
    def x(self) -> np.ndarray:
        return (np.arange(self.grey.shape[1]) + 0.5)[None, :] * self.mm

    @property
    def y(self) -> np.ndarray:
        return (np.arange(self.grey.shape[0]) + 0.5)[:, None] * self.mm

    def add_disc(self, x: float, y: float, radius: float, grey: float) -> "Scene":
        self.grey[(self.x - x) ** 2 + (self.y - y) ** 2 < radius**2] = grey
        return self

    def add_ring(self, x: float, y: float, radius: float, grey: float = 1.0, width: float = 1.0) -> "Scene":
        self.grey[np.abs(np.hypot(self.x - x, self.y - y) - radius) < width / 2] = grey
        return self

    def add_rectangle(self, x0: float, y0: float, x1: float, y1: float, grey: float = 1.0) -> "Scene":
        self.grey[(self.x >= x0) & (self.x < x1) & (self.y >= y0) & (self.y < y1)] = grey
        return self

    def add_nipple(self, y: float, grey: float = SKIN, height: float = 6.0, half_width: float = 5.0) -> "Scene":
        """A bump on the skin at that height."""
        edge = depth_at(y)
        bump = edge + height * np.exp(-(np.abs((self.y - y) / half_width) ** 2.6))
        inside = (self.x < bump) & (self.x > edge - 3) & (np.abs(self.y - y) < 2 * half_width)
        self.grey[inside] = np.maximum(self.grey[inside], grey)
        return self

    def add_muscle(self, width: float = 40.0, length: float = 110.0, grey: float = 0.75) -> "Scene":
        """A bright triangle in the upper corner at the chest wall."""
        inside = self.x / width + self.y / length < 1
        self.grey[inside & (self.grey > 0.1)] = grey
        return self

    def add_arm(self) -> "Scene":
        """Tissue from the breast to the upper border, as an MLO view shows it."""
        self.grey[(self.y < MIDDLE_MM) & (self.x < 55) & (self.grey < 0.1)] = FAT
        return self

    def add_abdomen(self) -> "Scene":
        """A strip of abdomen below the breast, 10 mm wide."""
        self.grey[(self.y > MIDDLE_MM) & (self.x < 10) & (self.grey < 0.1)] = FAT
        return self

    def prepared(self, name: str = "LCC", um: float = 500.0, size: tuple[int, int] | None = (400, 240)) -> PreparedView:
        pixels = self.grey[:, ::-1] if name[0] == "R" else self.grey
        picture = a_picture(np.ascontiguousarray(pixels, np.float32), self.mm)
        return prepare_view(a_view(picture, name), picture, um, size)


def depth_at(y: float) -> float:
    """Distance of the skin from the chest wall at a height."""
    return DEPTH_MM * float(np.sqrt(max(0.0, 1 - ((y - MIDDLE_MM) / HALF_MM) ** 2)))


def breast(mm: float = MM, seed: int = 0) -> Scene:
    """Fat with a little texture and a thin skin line, in air."""
    rng = np.random.default_rng(seed)
    scene = Scene(np.zeros((round(HEIGHT_MM / mm), round(WIDTH_MM / mm)), np.float32), mm)
    radius = np.hypot(scene.x / DEPTH_MM, (scene.y - MIDDLE_MM) / HALF_MM)
    texture = 0.04 * np.sin(scene.x / 7) * np.cos(scene.y / 9) + 0.01 * rng.standard_normal(radius.shape)
    scene.grey[radius < 1] = (FAT + texture)[radius < 1]
    scene.grey[(radius < 1) & (radius > 0.98)] = SKIN
    return scene


def canvas_box(view: PreparedView, x: float, y: float, side: float, mm: float = MM) -> Box:
    """A square around a place of the scene (a left view's), on the canvas."""
    return view.placement.to_canvas_box(
        Box((x - side / 2) / mm, (y - side / 2) / mm, (x + side / 2) / mm, (y + side / 2) / mm)
    )


def mm_from(view: PreparedView, x: float, y: float, mm: float = MM) -> float:
    """Distance of the view's nipple from a place of the scene, in millimetres."""
    cx, cy = view.placement.to_canvas_point(x / mm, y / mm)
    return float(np.hypot(cx - view.nipple_xy[0], cy - view.nipple_xy[1])) * view.um_per_px / 1000
