"""starter-chat: each view on the canvas of a reader of this project, whose frozen encoder gives 64 tokens of it at most."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mammoscribe.imaging.picture import Picture
from mammoscribe.imaging.prepare import BRIGHTEST, SMALLEST_PX, prepare_unnamed, whole_numbers
from mammoscribe.models.biovil.image_encoder import sine_position_code
from mammoscribe.models.chat.adapter import Pixels, checked_views
from mammoscribe.models.chat.family import Canvas, Family, Preparation
from mammoscribe.models.reader.batch import ENCODER_STRIDE
from mammoscribe.models.reader.loading import load_reader
from mammoscribe.models.reader.reader import Reader
from mammoscribe.support.errors import InputError

MOST_TOKENS = 32
"""Of a view."""
READER = "reader"
"""Folder inside a chat model for a reader that goes with it; without it, that of the package is taken."""
PLACE_DIM = 16
"""Length of the code that says where on the canvas a token is."""
Encode = Callable[[np.ndarray], Tensor]
"""A view, uint8 [H, W] of any size -> [T, D]."""


def grid_of(size_px: tuple[int, int]) -> tuple[int, int]:
    """(rows, columns) of the tokens of a canvas: cells of the encoder, or fewer of the same shape where these are too many."""
    cells = size_px[0] // ENCODER_STRIDE, size_px[1] // ENCODER_STRIDE
    if cells[0] * cells[1] <= MOST_TOKENS:
        return cells
    rows = max(1, min(MOST_TOKENS, math.floor(math.sqrt(MOST_TOKENS * size_px[0] / size_px[1]))))
    return rows, max(1, MOST_TOKENS // rows)


class ViewEncoder:
    """The image encoder of a reader, frozen: what of it goes into a conversation.

    A token holds, of its part of the canvas, the largest values of the encoder's maps at strides 8 and 16 and the mean ones
    at stride 32, and a code of its place. A reader may have two sets of batch statistics, for drawn and for acquired images. A
    picture in a conversation does not say which it is, so a token then holds the maps with both sets.

    Args:
        reader: whose encoder it is.
    """

    def __init__(self, reader: Reader) -> None:
        config = reader.card.config
        nets = (reader.net, reader.film_net) if len(reader.films.state_dict()) else (reader.net,)
        self._backbones = tuple(net.image_encoder.encoder.eval() for net in nets)
        self._channels = config.encoder.backbone.in_channels
        self.size_px, self.grid = config.canvas_px, grid_of(config.canvas_px)
        self.width = len(nets) * sum(config.encoder.backbone.channels[1:]) + PLACE_DIM
        """Length of a token."""
        self._place = sine_position_code(*self.grid, PLACE_DIM)

    @torch.no_grad()
    def __call__(self, canvas: np.ndarray) -> Tensor:
        """[T, D] of a canvas, uint8 [H, W] with full scale at 1.2 times the 99th percentile, as the reader learnt from it."""
        grey = torch.from_numpy(canvas.astype(np.float32)).mul_(BRIGHTEST / 255)[None, None]
        images = grey.expand(-1, self._channels, -1, -1)
        parts = [part for backbone in self._backbones for part in self._pooled(backbone(images))]
        tokens = torch.cat(parts, dim=1)[0].flatten(1).T
        return torch.cat((tokens, self._place), dim=1)

    def _pooled(self, stages: Sequence[Tensor]) -> list[Tensor]:
        fine = [F.adaptive_max_pool2d(stage, self.grid) for stage in stages[1:3]]
        return [*fine, F.adaptive_avg_pool2d(stages[3], self.grid)]


@dataclass(frozen=True)
class SeenOnCanvas:
    """Views of any size as the encoder sees them.

    Args:
        encoder: of the reader.
        canvas: of the same reader.
    """

    encoder: ViewEncoder
    canvas: Canvas

    def __call__(self, view: np.ndarray) -> Tensor:
        """[T, D]; errors as `on_canvas`."""
        return self.encoder(on_canvas(view, self.canvas))


@dataclass(frozen=True)
class StarterChat:
    """The adapter of starter-chat.

    Args:
        family: starter-chat.
        preparation: with the canvas of the reader.
        canvas: the same canvas.
        tokens: of each view.
        width: length of a token.
        encode: puts a view on the canvas and gives what the reader's encoder sees of it.
    """

    family: Family
    preparation: Preparation
    canvas: Canvas
    tokens: int
    width: int
    encode: Encode

    @classmethod
    def opened(cls, folder: Path, config: Any, family: Family, preparation: Preparation) -> Self:  # noqa: ARG003
        """The adapter for a folder, with the encoder of the reader that its canvas names; another reader is refused.

        Args:
            folder: of the chat model; it may hold the reader.
            config: not needed.
            family: starter-chat.
            preparation: with the canvas.

        Raises:
            InputError: for another reader than the model was trained on.
        """
        canvas = preparation.canvas
        if canvas is None:
            raise InputError(f"{folder} names no reader", "the canvas of one", "fetch the folder again")
        place = str(folder / READER) if (folder / READER).is_dir() else canvas.reader
        reader = load_reader(place)
        if reader.card.weights_sha256 != canvas.reader_sha256:
            raise InputError(
                f"{folder} was trained on the encoder of {canvas.reader} (weights {canvas.reader_sha256[:12]}), and the "
                f"reader {place} has weights {reader.card.weights_sha256[:12]}",
                "the same reader",
                f"take the release of mammoscribe that it came with, or put its reader into {folder / READER}",
            )
        encoder = ViewEncoder(reader)
        if encoder.size_px != tuple(canvas.size_px) or reader.card.config.um_per_px != canvas.um_per_px:
            raise InputError(f"{folder} has another canvas than its reader", f"{encoder.size_px}")
        tokens = encoder.grid[0] * encoder.grid[1]
        return cls(family, preparation, canvas, tokens, encoder.width, SeenOnCanvas(encoder, canvas))

    @property
    def view_tokens(self) -> tuple[int, int]:
        """The same for every view."""
        return self.tokens, self.tokens

    def tokens_for(self, views: int) -> int:
        """So many times those of a view."""
        return views * self.tokens

    def pixels(self, views: Sequence[np.ndarray]) -> Pixels:
        """`pixel_values` [N, T, D] of N views, which are the encoder's tokens and no pixels; see `Adapter.pixels`."""
        checked = checked_views(views, self.family)
        return Pixels(
            {"pixel_values": torch.stack([self.encode(view) for view in checked])},
            (self.tokens,) * len(checked),
        )

    def unused(self, network: nn.Module) -> tuple[str, ...]:  # noqa: ARG002
        """None: the encoder is no part of the network."""
        return ()


def on_canvas(view: np.ndarray, canvas: Canvas) -> np.ndarray:
    """A view on a reader's canvas: itself where it has the canvas' size, else as a reader prepares a picture without a header.

    A picture without anything on it is an empty canvas.

    Shapes: uint8 [H, W] -> [canvas height, canvas width].

    Raises:
        InputError: for a picture that no breast can fill.
    """
    if view.shape == tuple(canvas.size_px):
        return view
    if int(np.ptp(view)) == 0:
        return np.zeros(canvas.size_px, np.uint8)
    wider = [(0, max(0, SMALLEST_PX - side)) for side in view.shape]
    picture = Picture(np.pad(view, wider).astype(np.float32) / np.float32(255))
    prepared = prepare_unnamed(picture, "the picture", canvas.um_per_px, canvas.size_px)
    return whole_numbers(prepared.pixels, BRIGHTEST, 8)
