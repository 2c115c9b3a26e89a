"""Checkpoints of image-text models on disk: tensors read without running code in them, strict loading, our own copies."""

import pickle
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from mammoscribe.models.biovil.card import JointCard, read_joint_card, write_joint_card
from mammoscribe.models.biovil.published import refuse_replaced
from mammoscribe.support.errors import InputError
from mammoscribe.support.files import file_mode, sha256_of

UNREADABLE = (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, AttributeError, IndexError)


@dataclass(frozen=True)
class Checkpoint:
    """Tensors by name as a file held them, with the file's name and SHA-256 for provenance.

    `source_file` and `source_sha256` are of the published file: the file itself, or for a copy of ours what its card says.
    `card` is that card, None for any other file.
    """

    tensors: Mapping[str, Tensor]
    file: str
    sha256: str
    source_file: str
    source_sha256: str
    card: JointCard | None = None


def read_checkpoint(path: Path) -> Checkpoint:
    """Tensors of a `.pt`, `.bin` or `.safetensors` file, on the CPU.

    Pickles are read with `weights_only=True`: nothing in them is run. A file of ours is held against its card.

    Raises:
        InputError: for a file that is absent, damaged, replaced by its publisher, or more than names and tensors.
    """
    if not path.is_file():
        raise InputError(f"no weights at {path}", "a .pt, .bin or .safetensors file", "see `mammoscribe weights list`")
    digest = sha256_of(path)
    refuse_replaced(path.name, digest)
    if path.suffix == ".safetensors":
        card = read_joint_card(path)
        if card is not None and card.weights_sha256 != digest:
            raise InputError(f"{path.name} has another SHA-256 than its card", card.weights_sha256[:12], "import again")
        try:
            tensors = load_file(path)
        except SafetensorError as error:
            raise InputError(f"{path.name} is not a safetensors file ({error})") from error
        source = (path.name, digest) if card is None else (card.source_file, card.source_sha256)
        return Checkpoint(tensors, path.name, digest, *source, card)
    try:
        tensors = torch.load(path, map_location="cpu", weights_only=True)
    except UNREADABLE as error:
        raise InputError(
            f"{path.name} is not a checkpoint of tensors ({_reason(error)})", "", "fetch the file again"
        ) from error
    if not isinstance(tensors, Mapping) or not all(
        isinstance(n, str) and isinstance(t, Tensor) for n, t in tensors.items()
    ):
        raise InputError(f"{path.name} holds other things than tensors", "a flat state dict")
    return Checkpoint(dict(tensors), path.name, digest, path.name, digest)


def _reason(error: Exception) -> str:
    """Why torch refused a file, in its first words; never its advice to read the file without care."""
    text = " ".join(str(error).split())
    if "weights_only" in text or "Weights only" in text:
        return "a pickle of other things"
    return text.split(". ")[0][:120] or "it ends too early"


def split_ignored(names: Iterable[str], ignored: re.Pattern[str]) -> tuple[list[str], tuple[str, ...]]:
    """The names to load, and those that `ignored` matches from their start, which are left out and reported."""
    kept: list[str] = []
    left: list[str] = []
    for name in names:
        (left if ignored.match(name) else kept).append(name)
    return kept, tuple(left)


def load_strictly(module: nn.Module, tensors: Mapping[str, Tensor], file: str) -> None:
    """Load all of `tensors` into `module`; a missing, unexpected or misshapen key raises InputError naming it."""
    try:
        module.load_state_dict(dict(tensors), strict=True)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:300]
        raise InputError(f"{file} does not fit the published layout: {reason}") from error


def write_joint(module: nn.Module, path: Path, name: str, source: Checkpoint) -> JointCard:
    """Write a module's tensors in full precision, and a card beside them.

    Args:
        module: whose tensors are written.
        path: of the `.safetensors` file; the card is the `.json` file of the same name.
        name: of the model, for the card.
        source: the file that it was read from.
    """
    _write_tensors(module, path)
    size, pixels = (None, None) if source.card is None else (source.card.size_px, source.card.pixels)
    card = JointCard(name, source.source_file, source.source_sha256, sha256_of(path), size_px=size, pixels=pixels)
    write_joint_card(card, path)
    return card


def write_trained(module: nn.Module, path: Path, name: str, size_px: int, pixels: str | None) -> JointCard:
    """Write an image model that was trained here: its card says what it is shown (`JointCard`).

    Args:
        module: whose tensors are written.
        path: of the `.safetensors` file; the card is the `.json` file of the same name.
        name: of the model, for the card.
        size_px: side of the pictures that it is shown.
        pixels: how they are prepared; None as published.
    """
    _write_tensors(module, path)
    digest = sha256_of(path)
    card = JointCard(name, path.name, digest, digest, size_px=size_px, pixels=pixels)
    write_joint_card(card, path)
    return card


def _write_tensors(module: nn.Module, path: Path) -> None:
    tensors = {k: v.detach().to("cpu").clone().contiguous() for k, v in module.state_dict().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    try:
        save_file(tensors, temporary)
        temporary.chmod(file_mode())  # safetensors makes it readable by its owner alone
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
