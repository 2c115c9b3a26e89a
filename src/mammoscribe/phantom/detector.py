"""From log attenuation to the stored picture: tone curve, quantum noise, background, view markers."""

import numpy as np
from scipy import ndimage

from mammoscribe.domain.view import Box, Laterality
from mammoscribe.phantom.geometry import PIXEL_MM, ViewGeometry
from mammoscribe.phantom.letters import glyph_dots
from mammoscribe.phantom.looks import Look
from mammoscribe.phantom.streams import stream
from mammoscribe.phantom.structures import DistractorKind, Sighting
from mammoscribe.phantom.texture import upsample2

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
    if look.grain:
        noise[:, 1:] = (1 - 0.5 * look.grain) * noise[:, 1:] + np.float32(look.grain) * noise[:, :-1]
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
    value = np.maximum(value, np.float32(look.floor)) * inside
    if look.background:
        value += np.float32(look.background) * (1 - inside) + np.float32(0.003) * noise * (1 - inside)
    grey = np.rint(np.clip(value, 0, 1) * MAX_GREY).astype(np.uint16)
    return grey if look.tone == 1.0 else _toned(grey, look)


def _toned(grey: np.ndarray, look: Look) -> np.ndarray:
    """The tone curve of film or display; air keeps its grey."""
    ramp = np.arange(MAX_GREY + 1) / MAX_GREY
    curve = (
        look.background
        + (1 - look.background) * np.clip((ramp - look.background) / (1 - look.background), 0, 1) ** look.tone
    )
    curve = np.where(ramp < look.background, ramp, curve)
    return np.rint(curve * MAX_GREY).astype(np.uint16)[grey]


def sharpened(log_attenuation: np.ndarray, amount: float) -> np.ndarray:
    """The picture with what is finer than about 2 mm raised by `amount`, as hard processing does.

    Args:
        log_attenuation: [rows, cols], both multiples of 16.
    """
    if amount <= 0:
        return log_attenuation
    rows, cols = log_attenuation.shape
    coarse = log_attenuation.reshape(rows // 4, 4, cols // 4, 4).mean(axis=(1, 3))
    smooth = upsample2(upsample2(ndimage.gaussian_filter(coarse, 2.2)))
    return log_attenuation + np.float32(amount) * (log_attenuation - smooth)


def lay_marker(stored: np.ndarray, view: ViewGeometry, seed: int) -> list[Sighting]:
    """Lead letters (`RCC`, `LMLO`) of version 1, in the air at the armpit corner of some exams' stored pictures, in place.

    Shapes: stored [H, W], written into.
    """
    rng = stream(seed, "marker", view.role)
    if rng.random() >= 0.4:
        return []
    grey, dot = int(rng.integers(2600, 4096)), int(rng.integers(5, 9))
    dots = np.concatenate([glyph_dots(c) for c in f"{view.laterality}{view.projection}"], axis=1)
    block = np.kron(dots, np.ones((dot, dot), dtype=bool))
    rows, cols = block.shape
    r0 = 20 + int(rng.integers(0, 40))
    c0 = 12 if view.laterality is Laterality.RIGHT else stored.shape[1] - cols - 12
    if c0 < 4 or r0 + rows > stored.shape[0]:
        return []
    place = stored[r0 : r0 + rows, c0 : c0 + cols]
    around = stored[max(0, r0 - 20) : r0 + rows + 20, max(0, c0 - 20) : c0 + cols + 20]
    if around.any():
        return []
    place[block] = grey
    return [Sighting(DistractorKind.LETTER, Box(float(c0), float(r0), float(c0 + cols), float(r0 + rows)))]


def hang(picture: np.ndarray, laterality: Laterality) -> np.ndarray:
    """The canonical picture as stored: right breasts have their chest wall at the right edge.

    Shapes: picture [H, W] -> [H, W].
    """
    return np.ascontiguousarray(picture[:, ::-1] if laterality is Laterality.RIGHT else picture)
