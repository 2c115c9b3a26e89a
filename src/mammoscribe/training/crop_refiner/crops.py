"""Crops: what the crop refiner sees of a mark, varied, with labels, as batches of tensors."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from mammoscribe.domain.lexicon import Axis, term
from mammoscribe.domain.view import Box
from mammoscribe.models.reader.crop_refiner import CROP_AXES, GREY_PLANES, PRIOR_PLANES
from mammoscribe.models.reader.queries import AXIS_TERMS, NO_FINDING
from mammoscribe.models.reader.refine import mark_planes
from mammoscribe.training.crop_refiner.marks import NOTHING, MarkedView, MarkedViews
from mammoscribe.training.reader.samples import UNKNOWN, LabelledFinding

WORD_AXES = tuple(axis for axis in CROP_AXES if axis is not Axis.ASSOCIATED)
"""Axes of which a finding has one word at most."""
MEAN_SIDE_PX = 0.05
"""Side of a box that stands in for a proposal, relative to the view's height, where the first pass proposed nothing."""


@dataclass(frozen=True)
class Variation:
    """How much a crop is varied; every amount 0 gives it as a reading would.

    Args:
        shift, scale: of the mark's box: spread of its centre in sides, and largest change of its sides (natural log).
        gamma, gain: largest exponent (natural log), and relative brightness; a prior differs by a part of them.
        blur_chance: of a 3 x 3 mean of the near window.
        turns: whether the crop is turned and mirrored; no word of the lexicon depends on it.
    """

    shift: float = 0.08
    scale: float = 0.2
    gamma: float = 0.25
    gain: float = 0.12
    blur_chance: float = 0.1
    turns: bool = True


@dataclass(frozen=True)
class LabelledCrop:
    """One crop.

    Args:
        planes: [PLANES, s, s] float32.
        label: what it shows.
        boxed: kinds of which every box of the view is known.
        has_prior: whether a prior is seen.
        associated: associated features that the label would name.
    """

    planes: np.ndarray
    label: LabelledFinding
    boxed: frozenset[int]
    has_prior: bool
    associated: frozenset[str] = frozenset(AXIS_TERMS[Axis.ASSOCIATED])


@dataclass(frozen=True)
class CropBatch:
    """N crops as tensors; UNKNOWN (-1) where a label is not known.

    Args:
        planes: [N, PLANES, s, s] float32.
        allowed: [N, 5] bool, kinds that the crop may show by its labels, the last is `no finding`.
        words: axis -> [N] long, the word of that axis.
        associated: [N, terms] float, independent words; meaningful where `named`.
        named: [N, terms] bool, whether it is known if the crop has that word.
        suspicion: [N] float. change: [N] long, UNKNOWN without a prior.
        synthetic: whether the views were drawn; a batch never mixes both.
    """

    planes: Tensor
    allowed: Tensor
    words: dict[str, Tensor]
    associated: Tensor
    named: Tensor
    suspicion: Tensor
    change: Tensor
    synthetic: bool


def crop(view: MarkedView, box: Box, label: LabelledFinding, size_px: int) -> LabelledCrop:
    """The crop of a box, as a reading cuts it.

    Args:
        view: that it is cut from.
        box: in stored pixels.
        label: what it shows.
        size_px: side of the crop in its own pixels.
    """
    shown = view.exam.current[0]
    planes = mark_planes(shown, box, view.exam, view.canvases.first, view.canvases.detail, size_px)
    return LabelledCrop(planes, label, view.boxed, view.exam.prior_of(shown) is not None, view.associated)


@dataclass(frozen=True)
class CropMaker:
    """Takes and varies one crop at a spot: `vary` of the source."""

    size_px: int
    variation: Variation

    def __call__(self, item: tuple[MarkedView, int | None], rng: np.random.Generator) -> LabelledCrop:
        """A crop at a spot, with the generator of its place in the stream."""
        view, truth = item
        box, label = _chosen(view, truth, rng)
        found = crop(view, _moved(box, rng, self.variation), label, self.size_px)
        return replace(found, planes=varied(found.planes, rng, self.variation))


def _chosen(view: MarkedView, truth: int | None, rng: np.random.Generator) -> tuple[Box, LabelledFinding]:
    """A box at the spot: the true one or a proposal that shows it; or a proposal that shows nothing."""
    wanted = NOTHING if truth is None else view.truths[truth][1]
    boxes = [box for box in view.proposals if view.shown(box) is wanted]
    if truth is not None:
        boxes.append(view.truths[truth][0])
    if not boxes:
        return _somewhere(view, rng)
    return boxes[int(rng.integers(len(boxes)))], wanted


def _somewhere(view: MarkedView, rng: np.random.Generator) -> tuple[Box, LabelledFinding]:
    """A box anywhere in the breast, with what it shows: nothing, unless it happens to hit a lesion."""
    prepared = view.canvases.first[view.exam.current[0].id]
    rows, columns = np.nonzero(prepared.mask)
    n = int(rng.integers(len(rows)))
    x, y, half = columns[n] + 0.5, rows[n] + 0.5, MEAN_SIDE_PX / 2 * prepared.pixels.shape[0]
    box = prepared.placement.to_stored_box(Box(x - half, y - half, x + half, y + half), clip=False)
    assert box is not None
    label = view.shown(box)
    return box, LabelledFinding(UNKNOWN) if label is None else label


def _moved(box: Box, rng: np.random.Generator, amount: Variation) -> Box:
    """The box with its centre shifted and its sides scaled."""
    sides = np.array([box.width, box.height])
    centre = np.array(box.centre) + rng.normal(0, 1, 2) * amount.shift * sides
    half = sides * np.exp(rng.uniform(-1, 1, 2) * amount.scale) / 2
    return Box(*(centre - half).tolist(), *(centre + half).tolist())


def varied(planes: np.ndarray, rng: np.random.Generator, amount: Variation) -> np.ndarray:
    """The same place turned over, and lit, sharpened and exposed differently; grey 0..1.2.

    Shapes: planes [PLANES, size, size] -> the same.
    """
    out = planes.copy()
    if amount.turns:
        out = out[:, :: rng.choice((-1, 1)), :: rng.choice((-1, 1))]
        out = out.transpose(0, 2, 1) if rng.random() < 0.5 else out
    out = np.ascontiguousarray(out)
    gamma, gain = np.exp(rng.uniform(-1, 1) * amount.gamma), 1 + rng.uniform(-1, 1) * amount.gain
    again = np.exp(rng.uniform(-0.4, 0.4) * amount.gamma), 1 + rng.uniform(-0.4, 0.4) * amount.gain
    for i in GREY_PLANES:
        g, a = (gamma * again[0], gain * again[1]) if i in PRIOR_PLANES else (gamma, gain)
        out[i] = np.clip(out[i] ** np.float32(g) * np.float32(a), 0, 1.2)
    if rng.random() < amount.blur_chance:
        out[0, 1:-1] = (out[0, :-2] + out[0, 1:-1] + out[0, 2:]) / 3
        out[0, :, 1:-1] = (out[0, :, :-2] + out[0, :, 1:-1] + out[0, :, 2:]) / 3
    return out


def collate(crops: Sequence[LabelledCrop], synthetic: bool) -> CropBatch:
    """Crops as one batch of tensors."""
    labels = [c.label for c in crops]
    associated = AXIS_TERMS[Axis.ASSOCIATED]
    return CropBatch(
        torch.from_numpy(np.stack([c.planes for c in crops])),
        torch.tensor([[_allowed(kind, c) for kind in range(NO_FINDING + 1)] for c in crops]),
        {axis.value: torch.tensor([_word(label, axis) for label in labels]) for axis in WORD_AXES},
        torch.tensor([[float(t in label.descriptors) for t in associated] for label in labels]),
        torch.tensor([[bool(c.label.descriptors) and t in c.associated for t in associated] for c in crops]),
        torch.tensor([float(label.suspicion) for label in labels]),
        torch.tensor([label.change if c.has_prior else UNKNOWN for label, c in zip(labels, crops, strict=True)]),
        synthetic,
    )  # fmt: skip


def _allowed(kind: int, crop: LabelledCrop) -> bool:
    """Whether the crop may show this kind: its own; where it shows nothing, also any kind that is not boxed there."""
    if crop.label.type == UNKNOWN:
        return True
    return kind == crop.label.type or (crop.label.type == NO_FINDING and kind not in crop.boxed)


def _word(label: LabelledFinding, axis: Axis) -> int:
    words = AXIS_TERMS[axis]
    return next((words.index(d) for d in label.descriptors if term(d).axis is axis), UNKNOWN)


@dataclass(frozen=True)
class ViewItems:
    """Every view of a split that has a spot, as items: all the crops in it whose content is known, unvaried."""

    views: MarkedViews
    size_px: int

    def __len__(self) -> int:
        return len(self.views.places)

    def __getitem__(self, number: int) -> list[LabelledCrop]:
        view = self.views.view(*self.views.places[number])
        found = [*view.truths, *((box, label) for box in view.proposals if (label := view.shown(box)) is not None)]
        return [crop(view, box, label, self.size_px) for box, label in found]


def collate_views(items: Sequence[list[LabelledCrop]], synthetic: bool) -> CropBatch | None:
    """The crops of views as one batch; None where there is none."""
    crops = [c for item in items for c in item]
    return collate(crops, synthetic) if crops else None
