"""Named random streams: every part of a drawn exam has its own, so that changing one part changes no other."""

import hashlib
from enum import StrEnum

import numpy as np


class GeneratorVersion(StrEnum):
    """What an exam is drawn with; a change that alters what a seed draws is a new version, and the old ones stay.

    Version 2 draws the tissue of version 1 with the same numbers, so that a seed is the same patient in both, and adds
    what real pictures have besides: folds, nipples out of profile, implants, markers, clips, films.
    """

    V1 = "1"
    V2 = "2"


def stream(seed: int, *names: str, version: GeneratorVersion = GeneratorVersion.V1) -> np.random.Generator:
    """Generator keyed by (version, seed, names); equal keys give equal numbers on every machine.

    Args:
        version: the generator version that first drew this part of an exam.
    """
    key = "/".join((version, str(int(seed)), *names))
    return np.random.Generator(np.random.PCG64(int.from_bytes(hashlib.sha256(key.encode()).digest()[:16], "little")))


def choose(rng: np.random.Generator, table: dict[str, float]) -> str:
    """One key of `table`, drawn with its value as (unnormalised) weight."""
    names = list(table)
    edges = np.cumsum([table[n] for n in names])
    return names[min(int(np.searchsorted(edges, rng.random() * edges[-1], side="right")), len(names) - 1)]


def log_normal(rng: np.random.Generator, median: float, sigma: float, low: float, high: float) -> float:
    """Log-normal number cut to [low, high] by drawing again, so that no mass piles up at the ends."""
    for _ in range(64):
        value = float(median * np.exp(sigma * rng.standard_normal()))
        if low <= value <= high:
            return value
    return float(np.clip(median, low, high))
