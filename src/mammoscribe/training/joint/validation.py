"""How a joint space under training is measured on the validation split: the pointing game, and retrieval of views by phrases."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mammoscribe.explain.grounding import smoothed
from mammoscribe.models.reader.space import SMOOTHING_PATCHES
from mammoscribe.training.engine.task import Modules
from mammoscribe.training.joint.batches import JointBatch
from mammoscribe.training.joint.losses import Embedded, cell_cosines
from mammoscribe.training.joint.truth import truth

BEST = (1, 10)
"""How many of the nearest views are looked at."""
Pass = Callable[[Modules, JointBatch], Embedded]


@dataclass(frozen=True)
class Measured:
    """What one validation batch gives, on the CPU.

    Args:
        pointed: (hit, chance of a blind pointer) of every statement about a finding with a box.
        whole, texts: [N, J] and [Q, J] normalised; the texts are the statements that hold of their views.
        statements, denies, things, thing_view, known: as `truth` takes them, of those texts.
    """

    pointed: tuple[tuple[bool, float], ...]
    whole: Tensor
    texts: Tensor
    statements: Tensor
    denies: Tensor
    things: Tensor
    thing_view: Tensor
    known: Tensor


def measure(modules: Modules, batch: JointBatch, run: Pass) -> Measured:
    """One batch of views and statements."""
    embedded = run(modules, batch)
    holds = batch.holds & ~batch.denies
    found = (
        F.normalize(embedded.whole.float(), dim=1), embedded.texts.float()[holds], batch.statements[holds],
        batch.denies[holds], batch.things, batch.thing_view, batch.known,
    )  # fmt: skip
    with torch.autocast(batch.ids.device.type, enabled=False):
        pointed = tuple(_pointed(embedded, batch))
    return Measured(pointed, *(part.detach().cpu() for part in found))


def _pointed(embedded: Embedded, batch: JointBatch):
    """Whether the strongest cell of the smoothed map, as `ground` shows it, is one of a box that the statement is about."""
    views = batch.statement_view[batch.point_statement].tolist()
    shown = (batch.views.images[:, 0] > 0).cpu().numpy()
    for cosines, view, box in zip(cell_cosines(embedded, batch).cpu().numpy(), views, batch.point_boxes, strict=True):
        grid = smoothed(cosines, SMOOTHING_PATCHES, shown[view])
        cells = int(embedded.tissue[view].sum())
        yield bool(box.flatten()[int(grid.argmax())]), float(box.sum()) / max(1, cells)


def summary(measured: Sequence[Measured]) -> dict[str, float]:
    """Figures of the split; `score` is the mean of the pointing game and of R@1, as far as they could be measured.

    `pointing` is the share of statements whose strongest cell is in a box that they are about; `retrieval/r@K` the share of
    statements for which one of the K nearest views is one that they are true of, of the views of which that is known;
    `…/chance` is what a blind choice gives.
    """
    figures: dict[str, float] = {}
    pointed = [p for m in measured for p in m.pointed]
    if pointed:
        hits, chances = zip(*pointed, strict=True)
        figures |= {"pointing": float(np.mean(hits)), "pointing/chance": float(np.mean(chances))}
    figures |= _retrieval(measured)
    counted = [figures[name] for name in ("pointing", "retrieval/r@1") if name in figures]
    return figures | {"score": float(np.mean(counted)) if counted else 0.0}


def _retrieval(measured: Sequence[Measured]) -> dict[str, float]:
    starts = np.cumsum([0, *(len(m.whole) for m in measured)])
    whole, texts, statements, denies, things, known = (
        torch.cat([getattr(m, name) for m in measured])
        for name in ("whole", "texts", "statements", "denies", "things", "known")
    )
    thing_view = torch.cat([m.thing_view + int(start) for m, start in zip(measured, starts[:-1], strict=True)])
    true, false = (part.T for part in truth(statements, denies, things, thing_view, known))
    asked = false.any(dim=1)  # of a statement that is true of every view there is nothing to find
    if not asked.any():
        return {}
    true, false = true[asked], false[asked]
    cosines = (texts[asked] @ whole.T).masked_fill(~(true | false), -2.0)
    figures = {"retrieval/chance": float((true.sum(1) / (true | false).sum(1)).mean())}
    for number in BEST:
        nearest = cosines.topk(min(number, cosines.shape[1]), dim=1).indices
        figures[f"retrieval/r@{number}"] = float(true.gather(1, nearest).any(dim=1).float().mean())
    return figures
