"""How a crop refiner under training is measured on the validation split: on true marks and on proposals of the first pass."""

from collections.abc import Callable, Sequence

import numpy as np

from mammoscribe.domain.lexicon import Axis
from mammoscribe.evaluation.classification import auc
from mammoscribe.models.reader.crop_refiner import CropOutput
from mammoscribe.training.crop_refiner.crops import CropBatch
from mammoscribe.training.engine.task import Modules
from mammoscribe.training.reader.samples import UNKNOWN

Pass = Callable[[Modules, CropBatch], CropOutput]
Answer = tuple[str, float, int]
"""(question, score, label): of `mark` and `suspicion` a probability; else 1 where the likeliest word is right."""


def measure(modules: Modules, batch: CropBatch | None, run: Pass) -> tuple[Answer, ...]:
    """Answers to every question whose label is known."""
    if batch is None:
        return ()
    out = run(modules, batch)
    found: list[Answer] = []
    there = (1 - out.type.float().softmax(1)[:, -1]).tolist()
    for score, allowed in zip(there, batch.allowed.tolist(), strict=True):
        if not all(allowed):
            found.append(("mark", score, int(not allowed[-1])))
    for score, label in zip(out.suspicion.float().sigmoid().tolist(), batch.suspicion.tolist(), strict=True):
        if label >= 0:
            found.append(("suspicion", score, int(label >= 0.5)))
    named = {axis: (out.descriptors[Axis(axis)], goal) for axis, goal in batch.words.items()}
    for name, (logits, goal) in {**named, "change": (out.change, batch.change)}.items():
        likeliest = logits.argmax(1)
        right = ((likeliest == goal)[goal != UNKNOWN]).tolist()
        found += [(name, float(r), 1) for r in right]
    return tuple(found)


def summary(measured: Sequence[tuple[Answer, ...]]) -> dict[str, float]:
    """`auc/mark` (is anything there) and `auc/suspicion`, the share of right words by axis and of right changes; and `score`.

    `score` is the mean of all that could be measured.
    """
    answers: dict[str, list[tuple[float, int]]] = {}
    for question, score, label in (a for batch in measured for a in batch):
        answers.setdefault(question, []).append((score, label))
    figures: dict[str, float] = {}
    for question, pairs in answers.items():
        scores, labels = (np.array(values) for values in zip(*pairs, strict=True))
        if question not in ("mark", "suspicion"):
            figures[f"right/{question}"] = float(scores.mean())
        elif len(set(labels.tolist())) == 2:
            figures[f"auc/{question}"] = auc(scores, labels)
    figures["score"] = float(np.mean(list(figures.values()))) if figures else 0.0
    return figures
