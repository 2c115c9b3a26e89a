"""Random numbers as a function of where they are used, so that a run that goes on draws what it would have drawn."""

import hashlib
import random

import numpy as np
import torch


def derived(*parts: int | str) -> int:
    """A seed of 63 bits that `parts` decide; other parts give an unrelated one."""
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:8], "big") >> 1


def generator(*parts: int | str) -> np.random.Generator:
    """A numpy generator that `parts` decide."""
    return np.random.Generator(np.random.PCG64(derived(*parts)))


def seed_all(seed: int) -> None:
    """Set the global generators of Python, numpy and torch, on every device."""
    random.seed(seed)
    np.random.seed(seed & 0xFFFFFFFF)  # noqa: NPY002 - libraries and tasks draw from the global generator
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_available():
        torch.cuda.manual_seed_all(seed)
    elif torch.backends.mps.is_available():
        torch.mps.manual_seed(seed)
