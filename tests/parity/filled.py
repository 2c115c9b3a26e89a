"""Seeded values for every tensor of a model, by key: default initialisation has zero biases and unit norms, which hide faults.

The values come from numpy's frozen `RandomState` stream, one per key, so that the reference's environment and ours draw
the same ones, in any order.
"""

import zlib
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

STREAM = 20230320


def filled(state: Mapping[str, Tensor], seed: int = STREAM) -> dict[str, Tensor]:
    """Values for all keys of a state dict, in its shapes and dtypes; sizes are such that features stay near 1."""
    return {name: _values(name, tensor, seed).to(tensor.dtype) for name, tensor in state.items()}


def images(seed: int, *shape: int) -> Tensor:
    """Noise of `shape` in 0..1 with a slope across it, so that no two places are alike."""
    noise = np.random.RandomState(seed).random_sample(shape)
    slope = np.linspace(0, 1, shape[-1]) * np.linspace(0.3, 1, shape[-2])[:, None]
    return torch.from_numpy(0.5 * noise + 0.5 * slope).float()


def _values(name: str, like: Tensor, seed: int) -> Tensor:
    draw = np.random.RandomState((seed + zlib.crc32(name.encode())) % 2**32)
    if not like.is_floating_point():
        return torch.full(like.shape, 7)
    low, high = _range(name, like)
    return torch.from_numpy(np.asarray(draw.uniform(low, high, tuple(like.shape))))


def _range(name: str, like: Tensor) -> tuple[float, float]:
    last = name.rsplit(".", 1)[-1]
    if last == "running_var":
        return 0.5, 1.5
    if last == "running_mean":
        return -0.3, 0.3
    if name.endswith("bn3.weight"):
        return 0.1, 0.4  # the residual branch stays small beside its shortcut
    if last == "weight" and like.ndim == 1:
        return 0.5, 1.5
    if last == "bias":
        return -0.2, 0.2
    if "embeddings" in name or last in ("type_embed", "missing_previous_emb"):
        return -0.5, 0.5
    reach = (3.0 * 1.5 / max(1, like[0].numel())) ** 0.5
    return -reach, reach
