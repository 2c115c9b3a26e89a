"""The contract that every family of chat models keeps: views become pixel inputs with a known number of tokens each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import torch
from torch import Tensor, nn

from mammoscribe.models.chat.family import Family, ImagePolicy, Preparation
from mammoscribe.support.errors import InputError, InvalidNoun


@dataclass(frozen=True)
class Pixels:
    """The pictures of one conversation as the network takes them.

    Args:
        tensors: name of the network's argument -> rows of all pictures, one picture after the other.
        tokens: tokens of each view; 0 for one that is in the picture of the first (a montage).
    """

    tensors: Mapping[str, Tensor]
    tokens: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.tensors or not self.tokens or self.tokens[0] < 1 or min(self.tokens) < 0:
            raise InvalidNoun(f"pictures of {self.tokens} tokens", "at least one, of 1 token or more")


class Adapter(Protocol):
    """A family, made ready for the model in one folder."""

    @property
    def family(self) -> Family:
        """What is known of it."""
        ...

    @property
    def preparation(self) -> Preparation:
        """What is done to each view."""
        ...

    @property
    def view_tokens(self) -> tuple[int, int]:
        """(fewest, most) tokens that this model has for a view."""
        ...

    def tokens_for(self, views: int) -> int:
        """The most tokens that so many views of one conversation can have."""
        ...

    @classmethod
    def opened(cls, folder: Path, config: Any, family: Family, preparation: Preparation) -> Self:
        """The adapter for a folder; InputError when its files do not fit each other.

        Args:
            folder: of the model.
            config: as `transformers` has read its config.json.
            family: of the model.
            preparation: of each view.
        """
        ...

    def pixels(self, views: Sequence[np.ndarray]) -> Pixels:
        """Views, uint8 [H, W] of grey that was windowed, as the network takes them, in their order."""
        ...

    def unused(self, network: nn.Module) -> tuple[str, ...]:
        """Dotted names of modules that no output depends on, and that cannot be trained."""
        ...


def checked_views(views: Sequence[np.ndarray], family: Family) -> Sequence[np.ndarray]:
    """The views, when there is at least one and not more than the family takes.

    Raises:
        InputError: for too many, none, or an array that is no windowed view.
    """
    if len(views) > family.most_images:
        more = "" if family.policy is ImagePolicy.MONTAGE else ", or put views together in a montage"
        raise InputError(
            f"{len(views)} pictures in one conversation", f"at most {family.most_images} for {family.name}",
            f"leave out priors{more}",
        )  # fmt: skip
    if not views:
        raise InputError("no picture", "at least one view")
    for view in views:
        if view.dtype != np.uint8 or view.ndim != 2 or min(view.shape) < 2:
            raise InputError(f"a view of {view.dtype} {view.shape}", "8 bits of grey, [H, W], 2 x 2 pixels or more")
    return views


def rgb(view: np.ndarray) -> np.ndarray:
    """Grey as three equal channels.

    Shapes: uint8 [H, W] -> [H, W, 3].
    """
    return np.repeat(view[:, :, None], 3, axis=2)


def square(picture: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """The picture in the middle of a square of the colour; nothing is cropped.

    As `expand2square` of LLaVA: an odd pixel goes to the bottom or right.

    Shapes: uint8 [H, W, 3] -> [S, S, 3] with S the longer side.
    """
    high, wide, _ = picture.shape
    side = max(high, wide)
    out = np.empty((side, side, 3), np.uint8)
    out[:] = colour
    top, left = (side - high) // 2, (side - wide) // 2
    out[top : top + high, left : left + wide] = picture
    return out


def blank(adapter: Adapter) -> Pixels:
    """A small black picture: what the image encoder runs on where no conversation of a batch has a picture."""
    return adapter.pixels([np.zeros((28, 28), np.uint8)])


def joined(pixels: Sequence[Pixels]) -> dict[str, Tensor]:
    """The pictures of several conversations, one after the other; {} for none."""
    if not pixels:
        return {}
    return {name: torch.cat([p.tensors[name] for p in pixels]) for name in pixels[0].tensors}
