"""Seen exams made by hand: marks with scores, beside truth and labels."""

from collections.abc import Sequence
from types import SimpleNamespace

import numpy as np
import torch

from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import Finding, FindingType, Mark
from mammoscribe.domain.lexicon import Axis
from mammoscribe.domain.view import Box, Laterality, Projection, View
from mammoscribe.models.reader.assemble import RawMark
from mammoscribe.models.reader.detection_head import TYPES
from mammoscribe.models.reader.judging import Seen
from mammoscribe.models.reader.queries import AXIS_TERMS
from mammoscribe.training.calibration.seen import SeenExam
from mammoscribe.training.reader.samples import BreastLabels

ALL = frozenset(FindingType)
MASS, CALC = FindingType.MASS, FindingType.CALCIFICATION
UNLABELLED = BreastLabels()
VIEWS = {side: View(f"{side}_MLO", side, Projection.MLO, 1000, 1000, "file") for side in Laterality}


def box(x: float) -> Box:
    return Box(x, 100, x + 40, 140)


def mark(
    x: float, score: float, kind: FindingType = MASS, look: float | None = None, side: Laterality = Laterality.RIGHT,
    words: dict[str, float] | None = None,
) -> RawMark:  # fmt: skip
    """A mark whose box starts at column x; `words` are descriptors with their probabilities."""
    told: dict[Axis, np.ndarray] = {}
    for axis in kind.axes:
        terms = AXIS_TERMS[axis]
        found = np.array([(words or {}).get(t, 0.0) for t in terms])
        told[axis] = found if axis is Axis.ASSOCIATED else found + (1 - found.sum()) / len(terms) / 10
    types = np.array([float(t is kind) for t in TYPES])
    return RawMark(VIEWS[side], box(x), score, types, told, 0.5, None, None, 1.0, 1.0, 0.5, crop_score=look)


def lesion(
    name: str, x: float, kind: FindingType = MASS, side: Laterality = Laterality.RIGHT, words: Sequence[str] = ()
) -> Finding:
    marks = (Mark(VIEWS[side].id, Projection.MLO, box(x), 1.0),)
    return Finding(name, kind, side, marks, 1.0, 0.5, tuple(words))


def seen(
    name: str, marks: Sequence[RawMark] = (), truth: Sequence[Finding] = (), boxed: frozenset[FindingType] = ALL,
    searched: frozenset[FindingType] = ALL, right: BreastLabels = UNLABELLED, malignant: float = 0.0,
    density: Sequence[float] = (0, 0, 0, 0), dataset: str = "made", patient: str | None = None,
) -> SeenExam:  # fmt: skip
    """An exam of both breasts in MLO; `malignant` and `density` are logits of the right breast."""
    exam = Exam(name, tuple(VIEWS.values()))
    breasts = SimpleNamespace(
        malignant=torch.tensor([malignant, 0.0]), recall=torch.zeros(2), pooled_malignant=None,
        density=torch.tensor([list(map(float, density)), [0.0] * 4]),
    )  # fmt: skip
    return SeenExam(
        exam, patient or name, dataset, tuple(truth), boxed, searched, (right, UNLABELLED),
        Seen(tuple(marks), breasts, torch.tensor([1.0, 0.0])),
    )  # fmt: skip
