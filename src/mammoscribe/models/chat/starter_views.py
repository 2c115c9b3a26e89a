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
from mammoscribe.models.reader.batch import ENCODER_STRIDE, ViewBatch
from mammoscribe.models.reader.detection_head import TYPES, MarkMaps
from mammoscribe.models.reader.loading import load_reader
from mammoscribe.models.reader.reader import Reader
from mammoscribe.support.errors import InputError

MOST_TOKENS = 32
"""Of a view."""
READER = "reader"
"""Folder inside a chat model for a reader that goes with it; without it, that of the package is taken."""
PLACE_DIM = 16
"""Length of the code that says where on the canvas a token is."""
HARDLY_GREY = 1e-6
"""Of an empty canvas, instead of 0."""
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
    """The first pass of a reader, frozen: what it sees in one view goes into a conversation, and no finding of the reader does.

    A token holds, of its part of the canvas, the largest values of the encoder's maps at strides 8 and 16 and the mean ones
    at stride 32; the largest values of the map that the reader's marks are read from, and of the logits of each type of
    finding and of suspicion on it; and a code of its place. A reader may have two sets of batch statistics, for drawn and for
    acquired images. A picture in a conversation does not say which it is, so a token then holds the maps with both sets.

    Args:
        reader: whose first pass it is.
    """

    def __init__(self, reader: Reader) -> None:
        config = reader.card.config
        nets = (reader.net, reader.film_net) if len(reader.films.state_dict()) else (reader.net,)
        self._nets = tuple(net.eval() for net in nets)
        self.size_px, self.grid = config.canvas_px, grid_of(config.canvas_px)
        self._mm_per_px = config.um_per_px / 1000
        logits = len(TYPES) + int(config.suspicion_map)
        maps = sum(config.encoder.backbone.channels[1:]) + config.mark_channels + logits
        self.width = len(self._nets) * maps + PLACE_DIM
        """Length of a token."""
        self._place = sine_position_code(*self.grid, PLACE_DIM)

    @torch.no_grad()
    def __call__(self, canvas: np.ndarray) -> Tensor:
        """[T, D] of a canvas, uint8 [H, W] with full scale at 1.2 times the 99th percentile, as the reader learnt from it."""
        batch = self._batch(canvas)
        parts = [part for net in self._nets for part in self._pooled(*net.marked(batch))]
        tokens = torch.cat(parts, dim=1)[0].flatten(1).T
        return torch.cat((tokens, self._place), dim=1)

    def _batch(self, canvas: np.ndarray) -> ViewBatch:
        """The view by itself. Which it is no picture says: it stands in the place of the first, and its nipple is guessed."""
        grey = torch.from_numpy(canvas.astype(np.float32)).mul_(BRIGHTEST / 255)[None, None]
        if not canvas.any():  # the fusion looks at tissue alone, and at an empty canvas there would be none
            grey = torch.full_like(grey, HARDLY_GREY)
        return ViewBatch(
            images=grey, exam=torch.zeros(1, dtype=torch.long), slot=torch.zeros(1, dtype=torch.long),
            nipple=torch.tensor([foremost(canvas)]), mm_per_px=torch.tensor([self._mm_per_px]), previous=None,
            has_prior=torch.tensor([False]), num_exams=1,
        )  # fmt: skip

    def _pooled(self, stages: Sequence[Tensor], maps: MarkMaps) -> list[Tensor]:
        suspicion = [] if maps.suspicion is None else [maps.suspicion[:, None]]
        peaked = [*stages[1:3], maps.features, maps.heat, *suspicion]
        return [
            *(F.adaptive_max_pool2d(part, self.grid) for part in peaked), F.adaptive_avg_pool2d(stages[3], self.grid),
        ]  # fmt: skip


def foremost(canvas: np.ndarray) -> tuple[float, float]:
    """(x, y) of the tissue that is farthest from the chest wall, which is at the left: near the nipple, as a rule.

    The middle of the left edge where there is none.
    """
    columns = np.flatnonzero(canvas.any(axis=0))
    if not len(columns):
        return 0.0, canvas.shape[0] / 2
    last = int(columns[-1])
    return float(last), float(np.flatnonzero(canvas[:, last]).mean())


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
