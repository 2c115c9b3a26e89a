"""Losses of the joint space: statements against whole views, against boxes, and against the cells of a view.

Each contrastive loss is InfoNCE (van den Oord et al. 2018) in both directions with the negatives of all processes, as
CLIP, ConVIRT and BioViL train. Two views of a batch may both be what a statement says, so a row may have several right
answers, which share its target evenly (UniCL, Yang et al. 2022), and pairs without a label are left out of its
softmax. Sums are over a process's own rows, so training in several processes is that of one with the whole batch.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mammoscribe.models.reader.joint_head import AIR
from mammoscribe.training.contrastive import contrast
from mammoscribe.training.engine.collectives import gather_rows
from mammoscribe.training.joint.batches import JointBatch, affirming
from mammoscribe.training.joint.truth import fits, truth

LARGEST_SCALE = 100.0
"""No learned scale of cosines exceeds this (Radford et al. 2021)."""


@dataclass(frozen=True)
class JointWeights:
    """Weight of each loss in the sum that is minimised.

    Args:
        global_images, global_texts: each view against all statements, and each true statement against all views.
        local_boxes, local_texts: each box against all statements, and each statement about a finding against all boxes.
        pointing: each statement about a finding against the cells of its view.
    """

    global_images: float = 0.5
    global_texts: float = 0.5
    local_boxes: float = 0.5
    local_texts: float = 0.5
    pointing: float = 1.0


class Scales(nn.Module):
    """The learned factors of cosines (inverse temperatures) of the three kinds of loss, which only training needs."""

    def __init__(self) -> None:
        super().__init__()
        self.log = nn.Parameter(torch.tensor([12.0, 12.0, 20.0]).log())

    def forward(self) -> tuple[Tensor, Tensor, Tensor]:
        """Of the global and local losses, and of pointing."""
        first, second, third = self.log.exp().clamp(max=LARGEST_SCALE)
        return first, second, third


@dataclass(frozen=True)
class Embedded:
    """A batch in the joint space: `cells` [N, J, h, w] and `whole` [N, J] are not normalised, `texts` [S, J] are."""

    cells: Tensor
    whole: Tensor
    texts: Tensor
    tissue: Tensor


def losses(embedded: Embedded, batch: JointBatch, scales: tuple[Tensor, Tensor, Tensor]) -> dict[str, Tensor]:
    """The sum of each loss over the rows of this process; every process has to call this at the same time.

    Args:
        embedded: the batch of this process.
        batch: its labels.
        scales: factors of the cosines of global, local and pointing losses.
    """
    views = gather_rows(F.normalize(embedded.whole.float(), dim=1))
    texts = gather_rows(embedded.texts.float())
    statements, denies = gather_rows(batch.statements).rows, gather_rows(batch.denies.long()).rows.bool()
    things, known = gather_rows(batch.things).rows, gather_rows(batch.known.long()).rows.bool()
    thing_view = gather_rows(batch.thing_view + views.start).rows
    true, false = truth(statements, denies, things, thing_view, known)
    own_views, own_texts = _own(views.start, len(embedded.whole)), _own(texts.start, len(embedded.texts))
    speaks = _speaks(batch)
    return {
        "global_images": contrast(
            views.rows[own_views], texts.rows, true[own_views], false[own_views], scales[0], speaks
        ),
        "global_texts": contrast(
            texts.rows[own_texts], views.rows, true.T[own_texts], false.T[own_texts], scales[0], batch.holds
        ),
        **_local(embedded, batch, texts.rows, own_texts, (statements, denies), scales[1]),
        "pointing": pointing(embedded, batch, scales[2]),
    }  # fmt: skip


def counts(batch: JointBatch) -> dict[str, float]:
    """How many rows each sum of `losses` is over, from the labels alone."""
    found = {
        "global_images": _speaks(batch), "global_texts": batch.holds, "local_boxes": batch.box_view >= 0,
        "local_texts": batch.placed, "pointing": batch.point_statement >= 0,
    }  # fmt: skip
    return {name: float(rows.sum()) for name, rows in found.items()}


def _own(start: int, length: int) -> slice:
    return slice(start, start + length)


def _speaks(batch: JointBatch) -> Tensor:
    """[N] bool: views with a statement of their own that is true."""
    found = torch.zeros(len(batch.known), dtype=torch.long, device=batch.known.device)
    return found.index_add(0, batch.statement_view, batch.holds.long()) > 0


def _local(
    embedded: Embedded, batch: JointBatch, texts: Tensor, own_texts: slice, stated: tuple[Tensor, Tensor], scale: Tensor
) -> Mapping[str, Tensor]:
    """Boxes, each the mean of its cells, against statements that there is a finding."""
    boxes = gather_rows(box_means(embedded, batch))
    shown = gather_rows(batch.things[: len(batch.boxes)]).rows
    yes, no = fits(stated[0], shown)
    positive = affirming(*stated)[:, None]
    yes, no = yes & positive, no & positive
    own = _own(boxes.start, len(batch.boxes))
    every = torch.ones(len(batch.boxes), dtype=torch.bool, device=yes.device)
    return {
        "local_boxes": contrast(boxes.rows[own], texts, yes.T[own], no.T[own], scale, every),
        "local_texts": contrast(texts[own_texts], boxes.rows, yes[own_texts], no[own_texts], scale, batch.placed),
    }


def box_means(embedded: Embedded, batch: JointBatch) -> Tensor:
    """[F, J]: the mean of the normalised cells of each box, normalised again."""
    cells = F.normalize(embedded.cells.float(), dim=1)[batch.box_view]
    inside = batch.boxes.float()
    means = torch.einsum("fjhw,fhw->fj", cells, inside) / inside.sum(dim=(1, 2)).clamp(min=1)[:, None]
    return F.normalize(means, dim=1)


def pointing(embedded: Embedded, batch: JointBatch, scale: Tensor) -> Tensor:
    """Where a statement's finding is, of all cells of the view that show the breast: cross-entropy against its cells.

    Shapes: a scalar; scale a scalar.

    A softmax over cells, and not a yes or no for each: one cell in a thousand is right, and what counts is that it comes
    first.
    """
    views = batch.statement_view[batch.point_statement]
    chance = (scale * cell_cosines(embedded, batch)).masked_fill(~embedded.tissue[views], AIR).flatten(1).log_softmax(1)
    right = batch.points.flatten(1)
    return -(chance.masked_fill(~right, 0.0).sum(dim=1) / right.sum(dim=1).clamp(min=1)).sum()


def cell_cosines(embedded: Embedded, batch: JointBatch) -> Tensor:
    """[P, h, w]: cosine of each statement that points with the cells of its view."""
    cells = F.normalize(embedded.cells.float(), dim=1)[batch.statement_view[batch.point_statement]]
    return torch.einsum("pjhw,pj->phw", cells, embedded.texts.float()[batch.point_statement])
