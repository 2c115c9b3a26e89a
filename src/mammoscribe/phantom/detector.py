"""From log attenuation to the stored picture: tone curve, quantum noise, background, view markers."""

import numpy as np

from mammoscribe.domain.view import Laterality
from mammoscribe.phantom.anatomy import PIXEL_MM, Look, ViewGeometry
from mammoscribe.phantom.streams import stream

MAX_GREY = 4095
_KNEE, _TOP = 0.78, 1.0


def expose(log_attenuation: np.ndarray, edge_mm: np.ndarray, look: Look, view: ViewGeometry, seed: int) -> np.ndarray:
    """Picture for presentation, canonical frame: uint16 [rows, cols], 12 bit, bright = dense, air near 0.

    Args:
        log_attenuation: over fat, on the 0.1 mm grid.
        edge_mm: skin position of each row, mm from the chest-wall edge.
    """
    rng = stream(seed, "noise", view.view_id)
    noise = rng.standard_normal(log_attenuation.shape, dtype=np.float32)
    noise[1:] = 0.8 * noise[1:] + 0.45 * noise[:-1]
    # fewer photons behind denser tissue: the noise of the log signal grows as exp(signal / 2)
    grain = np.exp(np.clip(log_attenuation, -1.0, 2.5) * np.float32(0.5)) * np.float32(look.noise)
    value = log_attenuation + noise * grain
    value *= np.float32(look.gain)
    value += np.float32(look.fat_grey)
    excess = np.maximum(value - np.float32(_KNEE), 0)
    room = np.float32(_TOP - _KNEE)
    value = np.minimum(value, np.float32(_KNEE)) + room * (1 - np.exp(excess * np.float32(-1 / room)))
    columns = (np.arange(view.cols, dtype=np.float32) + 0.5)[None, :]
    inside = np.clip((edge_mm / PIXEL_MM).astype(np.float32)[:, None] - columns + 0.5, 0, 1)
    value = np.maximum(value, np.float32(0.035)) * inside
    return np.rint(np.clip(value, 0, 1) * MAX_GREY).astype(np.uint16)


def lay_marker(stored: np.ndarray, view: ViewGeometry, seed: int) -> None:
    """Lead letters (`RCC`, `LMLO`) in the air at the armpit corner of some exams' stored pictures, in place."""
    rng = stream(seed, "marker", view.role)
    if rng.random() >= 0.4:
        return
    grey, dot = int(rng.integers(2600, 4096)), int(rng.integers(5, 9))
    dots = np.concatenate([_letter(c) for c in f"{view.laterality}{view.projection}"], axis=1)
    block = np.kron(dots, np.ones((dot, dot), dtype=bool))
    rows, cols = block.shape
    r0 = 20 + int(rng.integers(0, 40))
    c0 = 12 if view.laterality is Laterality.RIGHT else stored.shape[1] - cols - 12
    if c0 < 4 or r0 + rows > stored.shape[0]:
        return
    place = stored[r0 : r0 + rows, c0 : c0 + cols]
    around = stored[max(0, r0 - 20) : r0 + rows + 20, max(0, c0 - 20) : c0 + cols + 20]
    if not around.any():
        place[block] = grey


_LETTERS = {
    "R": (30, 17, 17, 30, 20, 18, 17), "L": (16, 16, 16, 16, 16, 16, 31), "C": (14, 17, 16, 16, 16, 17, 14),
    "M": (17, 27, 21, 21, 17, 17, 17), "O": (14, 17, 17, 17, 17, 17, 14),
}  # fmt: skip


def _letter(name: str) -> np.ndarray:
    """A letter as 7 x 6 dots; each row of the table is five bits."""
    return np.array([[bool(row >> (4 - k) & 1) for k in range(5)] + [False] for row in _LETTERS[name]])


def hang(picture: np.ndarray, laterality: Laterality) -> np.ndarray:
    """The canonical picture as stored: right breasts have their chest wall at the right edge."""
    return np.ascontiguousarray(picture[:, ::-1] if laterality is Laterality.RIGHT else picture)
