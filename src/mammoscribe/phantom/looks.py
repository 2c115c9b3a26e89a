"""How one machine or film shows a breast: grey of fat, gain, skin line, noise, window setting, uneven compression."""

from dataclasses import dataclass, replace

import numpy as np

from mammoscribe.domain.view import Role
from mammoscribe.phantom.streams import GeneratorVersion, choose, stream


@dataclass(frozen=True)
class Look:
    """How one machine shows a breast.

    Args:
        fat_grey, gain: grey of fat and grey per unit of log attenuation, of a white of 1.
        equalise: share of the dark rim that processing takes away, 0..1.
        skin: log attenuation of the skin line.
        noise: of the log signal behind fat.
        film: whether the exam was taken on film and digitised.
        background: grey of air, of a white of 1; 0 on a detector.
        floor: least grey in the breast.
        grain: 0..1, how coarse the noise is along rows.
        sharpen: how much an unsharp mask of about 1 mm adds.
        tone: exponent of the tone curve that is applied last (1 changes nothing).
        uneven: log attenuation by which compression differs from end to end of a breast.
    """

    fat_grey: float
    gain: float
    equalise: float
    skin: float
    noise: float
    film: bool = False
    background: float = 0.0
    floor: float = 0.035
    grain: float = 0.0
    sharpen: float = 0.0
    tone: float = 1.0
    uneven: float = 0.0


def draw_look(seed: int, role: Role) -> Look:
    """Look of version 1: a processed digital picture, never far from one setting."""
    rng = stream(seed, "look", role)
    return Look(
        fat_grey=float(rng.uniform(0.18, 0.32)),
        gain=float(rng.uniform(0.36, 0.48)),
        equalise=float(rng.uniform(0.80, 0.95)),
        skin=float(rng.uniform(0.05, 0.22)),
        noise=float(rng.uniform(0.010, 0.020)),
    )


_KINDS = {
    Role.CURRENT: {"processed": 0.42, "flat": 0.23, "film": 0.35},
    Role.PRIOR: {"processed": 0.32, "flat": 0.18, "film": 0.50},
}
"""How often an exam is processed hard, hardly at all, or on film; an earlier one is on film more often."""


_GAIN = {"a": 1.06, "b": 1.0, "c": 0.90, "d": 0.78}
"""Exposure and window follow the breast, so that dense tissue is not lost in white."""


def draw_varied_look(seed: int, role: Role, density: str) -> Look:
    """Look of version 2: a hard or a soft digital picture, or a film; the same for all views of a visit.

    Args:
        density: composition letter of the breasts.
    """
    rng = stream(seed, "look", role, version=GeneratorVersion.V2)
    kind, uneven = choose(rng, _KINDS[role]), abs(float(rng.normal(0, 0.07)))
    look = {"film": _film, "processed": _processed, "flat": _flat}[kind](rng, uneven)
    return replace(look, gain=look.gain * _GAIN[density])


def _processed(rng: np.random.Generator, uneven: float) -> Look:
    """Dark fat, bright gland, bright skin line, sharpened."""
    return Look(
        fat_grey=float(rng.uniform(0.16, 0.30)), gain=float(rng.uniform(0.40, 0.58)),
        equalise=float(rng.uniform(0.84, 0.97)), skin=float(rng.uniform(0.08, 0.42)), noise=float(rng.uniform(0.010, 0.028)),
        sharpen=float(rng.uniform(0.0, 1.1)), tone=float(rng.uniform(0.85, 1.15)), uneven=uneven,
    )  # fmt: skip


def _flat(rng: np.random.Generator, uneven: float) -> Look:
    """Light fat and little contrast, as a wide window shows an unprocessed detector picture."""
    return Look(
        fat_grey=float(rng.uniform(0.40, 0.60)), gain=float(rng.uniform(0.20, 0.32)),
        equalise=float(rng.uniform(0.86, 0.97)), skin=float(rng.uniform(0.02, 0.12)), noise=float(rng.uniform(0.008, 0.020)),
        floor=float(rng.uniform(0.05, 0.2)), tone=float(rng.uniform(0.9, 1.1)), uneven=uneven,
    )  # fmt: skip


def _film(rng: np.random.Generator, uneven: float) -> Look:
    """A dark rim that hides the skin, grain, and air that is not quite black."""
    background = float(rng.uniform(0.004, 0.036))
    return Look(
        fat_grey=float(rng.uniform(0.26, 0.44)), gain=float(rng.uniform(0.34, 0.50)),
        equalise=float(rng.uniform(0.45, 0.78)), skin=float(rng.uniform(0.0, 0.08)), noise=float(rng.uniform(0.014, 0.032)),
        film=True, background=background, floor=background, grain=float(rng.uniform(0.3, 0.7)),
        tone=float(rng.uniform(0.85, 1.25)), uneven=uneven,
    )  # fmt: skip
