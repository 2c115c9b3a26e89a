"""Named random streams: every part of a drawn exam has its own, so that changing one part changes no other."""

import hashlib

import numpy as np

GENERATOR_VERSION = "1"
"""Part of every stream's key; raise it whenever a change alters what a seed draws."""


def stream(seed: int, *names: str) -> np.random.Generator:
    """Generator keyed by (generator version, seed, names); equal keys give equal numbers on every machine."""
    key = "/".join((GENERATOR_VERSION, str(int(seed)), *names))
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
