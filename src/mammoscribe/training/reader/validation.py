"""How a reader under training is measured on the validation split: marks against boxes, breast heads against labels."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from mammoscribe.domain.view import Box
from mammoscribe.evaluation.classification import auc
from mammoscribe.evaluation.detection import ViewMarks, froc, sensitivity_at
from mammoscribe.models.reader.batch import ViewBatch
from mammoscribe.models.reader.detection_head import STRIDE, TYPES
from mammoscribe.models.reader.network import ReaderNetOutput
from mammoscribe.training.engine.task import Modules
from mammoscribe.training.reader.batches import Targets
from mammoscribe.training.reader.place_losses import lesion_logits, strongest_heat
from mammoscribe.training.reader.samples import UNKNOWN

FALSE_PER_VIEW = 0.5
"""False marks a view at which the share of found lesions is stated."""
LOWEST_SCORE = 0.02
LEAST_CASES = 10
"""Lesions of a kind, or breasts of either answer, from which a figure counts in the choice of the best weights."""


@dataclass(frozen=True)
class Measured:
    """What one validation batch gives.

    Args:
        marks: (kind, marks of a view, whether all boxes of the kind are known there), for each view and kind.
        breasts: (question, score, label) of every labelled breast.
    """

    marks: tuple[tuple[int, ViewMarks], ...]
    breasts: tuple[tuple[str, float, int], ...]


Pass = Callable[[Modules, ViewBatch, bool], ReaderNetOutput]


def measure(modules: Modules, batch: tuple[ViewBatch, Targets], run: Pass) -> Measured:
    """Marks and breast scores of one batch of exams."""
    views, targets = batch
    out = run(modules, views, targets.synthetic)
    return Measured(tuple(_marks(out, targets)), tuple(_breasts(out, views, targets)))


def _marks(out: ReaderNetOutput, targets: Targets):
    q = out.queries
    types = q.type.float().softmax(1).cpu().numpy()
    boxes, views = q.box.float().cpu().numpy(), q.anchors.view.cpu().numpy()
    for view, kind in torch.nonzero(targets.boxed).tolist():
        own = np.nonzero(views == view)[0]
        found = tuple(
            (_box(boxes[i]), float(types[i, kind])) for i in own if types[i, kind] >= LOWEST_SCORE
        )  # fmt: skip
        truth = [
            (str(int(targets.mark_finding[n])), Box(*targets.mark_box[n].tolist()))
            for n in range(len(targets.mark_view))
            if int(targets.mark_view[n]) == view and targets.findings[int(targets.mark_finding[n])].type == kind
        ]
        yield kind, ViewMarks(found, tuple(truth))


def _box(edges: np.ndarray) -> Box:
    x0, y0, x1, y1 = map(float, edges)
    return Box(min(x0, x1 - STRIDE), min(y0, y1 - STRIDE), x1, y1)


def _breasts(out: ReaderNetOutput, views: ViewBatch, targets: Targets):
    heads = out.breasts
    dense = heads.density.float().softmax(1)[:, 2:].sum(1).tolist()
    strongest = strongest_heat(out.maps, views).sigmoid()
    lesion = lesion_logits(out.maps, views).tolist()
    for b, labels in enumerate(targets.breasts):
        if not bool(heads.imaged[b]):
            continue
        if labels.density != UNKNOWN:
            yield "dense", dense[b], int(labels.density >= 2)
        if labels.lesion != UNKNOWN:
            yield "lesion", lesion[b], labels.lesion
        for name in ("recall", "malignant"):
            if getattr(labels, name) != UNKNOWN:
                yield name, float(getattr(heads, name)[b]), getattr(labels, name)
        for kind, label in enumerate(labels.kinds):
            if label != UNKNOWN:
                yield TYPES[kind].value, float(strongest[b, kind]), label


def summary(measured: Sequence[Measured]) -> dict[str, float]:
    """Figures of the split: lesions found, areas under the ROC curve, and `score`, by which the best weights are kept.

    `found/KIND` is the share of lesions found at half a false mark a view; `auc/QUESTION` is of breasts. `score` is the mean
    of those that rest on `LEAST_CASES` lesions, or breasts of either answer: a kind of which a split has two lesions would
    choose the weights by chance. Where none rests on so many, it is the mean of all.
    """
    figures: dict[str, float] = {}
    cases: dict[str, int] = {}
    for kind, name in enumerate(TYPES):
        views = [_renamed(v, n) for n, m in enumerate(measured) for k, v in m.marks if k == kind]
        if lesions := sum(len(v.lesions) for v in views):
            cases[f"found/{name.value}"] = lesions
            figures[f"found/{name.value}"] = sensitivity_at(froc(views), FALSE_PER_VIEW)
    answers: dict[str, list[tuple[float, int]]] = {}
    for m in measured:
        for question, score, label in m.breasts:
            answers.setdefault(question, []).append((score, label))
    for question, pairs in answers.items():
        scores, labels = zip(*pairs, strict=True)
        if len(set(labels)) == 2:
            cases[f"auc/{question}"] = min(sum(labels), len(labels) - sum(labels))
            figures[f"auc/{question}"] = auc(np.array(scores), np.array(labels))
    counted = [v for name, v in figures.items() if cases[name] >= LEAST_CASES] or list(figures.values())
    figures["score"] = float(np.mean(counted)) if counted else 0.0
    return figures


def _renamed(view: ViewMarks, number: int) -> ViewMarks:
    """Lesion names are unique over the whole split."""
    return ViewMarks(view.marks, tuple((f"{number}/{name}", box) for name, box in view.lesions))
