"""Weights on disk: one safetensors file in half precision, loaded strictly and checked against the card's digest."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from mammoscribe.support.errors import InputError
from mammoscribe.support.files import sha256_of, write_bytes


def save_weights(parts: Mapping[str, nn.Module], path: Path) -> str:
    """Write the parts' parameters and buffers as fp16 under `part.` prefixes; returns the file's SHA-256."""
    tensors = {
        f"{part}.{key}": value.detach().to("cpu", torch.float16).contiguous()
        for part, module in parts.items()
        for key, value in module.state_dict().items()
    }
    write_bytes(path, save(tensors))
    return sha256_of(path)


@torch.no_grad()
def round_as_stored(parts: Mapping[str, nn.Module]) -> None:
    """Make parameters and buffers what they will be when they are loaded again, so that what is fixed on them holds then."""
    for module in parts.values():
        for value in module.state_dict().values():
            value.copy_(value.to(torch.float16))


def load_weights(parts: Mapping[str, nn.Module], path: Path, sha256: str | None = None) -> None:
    """Load what `save_weights` wrote; any missing, unexpected or misshapen key is an error.

    Raises:
        InputError: for a file that is absent, damaged, of another digest or of another architecture.
    """
    if not path.is_file():
        raise InputError(f"no weights at {path.name}", "the file that ships with the package", "reinstall mammoscribe")
    if sha256 is not None and sha256_of(path) != sha256:
        raise InputError(f"{path.name} has another SHA-256 than its card", sha256[:12], "fetch the file again")
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise InputError(f"{path.name} is not a safetensors file ({error})") from error
    for part, module in parts.items():
        _load_part(module, part, tensors, path.name)
    left = sorted(k for k in tensors if k.split(".", 1)[0] not in parts)
    if left:
        raise InputError(f"{path.name} holds {len(left)} keys that nothing uses, first {left[0]}")


def read_checkpoint(path: Path) -> dict[str, Any]:
    """What `torch.save` wrote of a training run; only tensors, numbers and texts are read, never code.

    Raises:
        InputError: for a file that is absent, or no such checkpoint.
    """
    if not path.is_file():
        raise InputError(f"no checkpoint at {path}", "checkpoint.pt of a run", "run the stage before this one")
    try:
        state = torch.load(path, weights_only=True, map_location="cpu")
    except Exception as error:  # zip files, pickles and tensors can each be damaged in ways of their own
        reason = (" ".join(str(error).split()) or type(error).__name__)[:100]
        raise InputError(f"{path} is not a checkpoint ({reason})", "checkpoint.pt of a run") from error
    if not isinstance(state, dict) or not isinstance(state.get("net"), dict):
        raise InputError(f"{path} holds no network", "checkpoint.pt of a run")
    return state


def load_net(module: nn.Module, state: Mapping[str, Any], path: Path) -> None:
    """Put the network of a checkpoint's content into `module`; one of another shape raises InputError."""
    try:
        module.load_state_dict(state["net"], strict=True)
    except (RuntimeError, AttributeError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"{path} is of another network: {reason}", "a checkpoint of the same recipe and size"
        ) from error


def _load_part(module: nn.Module, part: str, tensors: Mapping[str, Tensor], name: str) -> None:
    own = {k.removeprefix(f"{part}."): v.float() for k, v in tensors.items() if k.startswith(f"{part}.")}
    try:
        module.load_state_dict(own, strict=True)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:300]
        raise InputError(f"{name} does not fit the {part} network: {reason}") from error
