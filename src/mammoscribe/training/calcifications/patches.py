"""Patches of fine views with the reading of every cell, varied, as batches of tensors."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mammoscribe.evaluation.stored_views import grey
from mammoscribe.imaging.prepare import BRIGHTEST
from mammoscribe.models.reader.calcifications import BENIGN, SUSPICIOUS, cut_patches
from mammoscribe.models.reader.tophat import CELL_PX
from mammoscribe.training.calcifications.views import (
    EITHER,
    IGNORED,
    NOTHING,
    FineView,
    Group,
    cells_of,
)

LOOK_ALIKES = 0.8
"""Share of the patches without calcifications that are taken where the top-hat points; the others come from anywhere."""
_BY_WEIGHT = (IGNORED, EITHER, BENIGN, SUSPICIOUS)


@dataclass(frozen=True)
class Variation:
    """How much a patch is varied; every amount 0 gives it as a reading would.

    Args:
        shift_cells: largest distance of a patch's middle from the speck, or the place, that it is taken for.
        gamma, gain: largest exponent (natural log), and relative brightness.
        blur_chance, noise_chance: of a 3 x 3 binomial filter, and of noise of a level up to `noise`.
        turns: whether the patch is turned and mirrored.
    """

    shift_cells: int = 7
    gamma: float = 0.25
    gain: float = 0.18
    blur_chance: float = 0.15
    noise_chance: float = 0.3
    noise: float = 0.006
    turns: bool = True


@dataclass(frozen=True)
class PatchBatch:
    """N patches as tensors.

    Args:
        pixels: [N, 1, s, s] float32 grey 0..1.2, air 0.
        reading: [N, h, w] long, SUSPICIOUS, BENIGN, EITHER, NOTHING or IGNORED for every cell of 8 x 8 pixels.
        morphology, distribution: [N, h, w] long, terms of cells that hold calcifications, or NOTHING.
    """

    pixels: Tensor
    reading: Tensor
    morphology: Tensor
    distribution: Tensor


Patch = tuple[np.ndarray, np.ndarray]
"""Pixels [s, s] float32 and cells [3, h, w] int64: reading, morphology, distribution."""


@dataclass(frozen=True)
class PatchMaker:
    """Takes and varies one patch at a spot: `vary` of the source."""

    patch_px: int
    variation: Variation

    def __call__(self, item: tuple[FineView, int | None], rng: np.random.Generator) -> Patch:
        """A patch at a spot, with the generator of its place in the stream."""
        view, group = item
        side, reach = self.patch_px // CELL_PX, self.variation.shift_cells
        middle = _beside(view, rng) if group is None else _on_speck(view.groups[group], rng)
        row, column = np.array(middle) - side // 2 + rng.integers(-reach, reach + 1, 2)
        pixels = _window(view.pixels, int(row) * CELL_PX, int(column) * CELL_PX, self.patch_px)
        cells = cell_targets(view, int(row), int(column), side)
        turns, mirror = (int(rng.integers(4)), bool(rng.integers(2))) if self.variation.turns else (0, False)
        return exposed(grey(_turned(pixels, turns, mirror)), rng, self.variation), _turned(cells, turns, mirror)


def _on_speck(group: Group, rng: np.random.Generator) -> tuple[int, int]:
    """A cell of the group, or the middle of its box where the top-hat sees nothing in it."""
    if not len(group.cells):
        x, y = group.box.centre
        return int(y // CELL_PX), int(x // CELL_PX)
    row, column = group.cells[int(rng.integers(len(group.cells)))]
    return int(row), int(column)


def _beside(view: FineView, rng: np.random.Generator) -> tuple[int, int]:
    """Where the top-hat points, or anywhere in the breast."""
    if view.centres and rng.random() < LOOK_ALIKES:
        x, y = view.centres[int(rng.integers(len(view.centres)))]
        return y // CELL_PX, x // CELL_PX
    rows, columns = (rng.integers(n, size=20) for n in view.pixels.shape)
    in_tissue = int(np.argmax(view.pixels[rows, columns] > 0))
    return int(rows[in_tissue]) // CELL_PX, int(columns[in_tissue]) // CELL_PX


def cell_targets(view: FineView, row: int, column: int, side: int) -> np.ndarray:
    """[3, side, side] reading, morphology and distribution of the cells from (row, column) on.

    A cell in a box is positive where the top-hat sees a speck in it, and else teaches nothing; of two groups in a cell a
    suspicious one wins. A cell outside all boxes holds nothing where every calcification of the view is boxed.

    Args:
        view: with its groups.
        row, column: the first cell; outside the view cells hold what a place without a box does.
        side: number of cells along each side.
    """
    high, wide = (-(-n // CELL_PX) for n in view.pixels.shape)
    whole = np.full((3, high, wide), NOTHING, np.int64)
    whole[0] = NOTHING if view.boxed else IGNORED
    for group in view.groups:
        whole[0][cells_of(group.box, (high, wide))] = IGNORED
    for group in sorted(view.groups, key=lambda g: _BY_WEIGHT.index(g.reading)):
        rows, columns = group.cells.T
        labels = group.reading, group.morphology, group.distribution
        whole[:, rows, columns] = np.array(labels if group.reading != IGNORED else (IGNORED, NOTHING, NOTHING))[:, None]
    out = np.full((3, side, side), NOTHING, np.int64)
    out[0] = NOTHING if view.boxed else IGNORED
    top, left = max(0, -row), max(0, -column)
    part = whole[:, max(0, row) : max(0, row + side), max(0, column) : max(0, column + side)]
    out[:, top : top + part.shape[1], left : left + part.shape[2]] = part
    return out


def _window(pixels: np.ndarray, top: int, left: int, side: int) -> np.ndarray:
    """[side, side] of `pixels` from (top, left); zero where it reaches outside."""
    return cut_patches(pixels, [(left + side // 2, top + side // 2)], side)[0, 0].astype(pixels.dtype)


def _turned(square: np.ndarray, turns: int, mirror: bool) -> np.ndarray:
    return np.rot90(square[..., ::-1] if mirror else square, turns, axes=(-2, -1))


def exposed(pixels: np.ndarray, rng: np.random.Generator, amount: Variation) -> np.ndarray:
    """Grey [s, s] under another tone curve, sharpness and dose; air stays 0."""
    air = pixels <= 0
    out = pixels ** np.float32(np.exp(rng.uniform(-1, 1) * amount.gamma))
    out = out * np.float32(1 + rng.uniform(-1, 1) * amount.gain)
    if rng.random() < amount.blur_chance:
        out[1:-1] = 0.25 * out[:-2] + 0.5 * out[1:-1] + 0.25 * out[2:]
        out[:, 1:-1] = 0.25 * out[:, :-2] + 0.5 * out[:, 1:-1] + 0.25 * out[:, 2:]
    if rng.random() < amount.noise_chance:
        level = np.float32(rng.uniform(0, amount.noise))
        out = out + rng.standard_normal(out.shape, dtype=np.float32) * level
    out = np.clip(out, 1e-4, BRIGHTEST)
    out[air] = 0
    return out


def collate(patches: Sequence[Patch]) -> PatchBatch:
    """Patches as one batch of tensors."""
    cells = torch.from_numpy(np.stack([np.ascontiguousarray(cells) for _, cells in patches]))
    pixels = np.stack([np.ascontiguousarray(pixels, np.float32) for pixels, _ in patches])[:, None]
    return PatchBatch(torch.from_numpy(pixels), cells[:, 0], cells[:, 1], cells[:, 2])
