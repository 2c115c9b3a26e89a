"""What training reads: canvases of an exam's views with whatever labels its data set has; a missing label is masked."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from mammoscribe.training.details import Detail

GREY_SCALE = 255 / 1.2
"""Canvases are stored as bytes; 1.2 is the brightest value that preparation lets through."""
UNKNOWN = -1


@dataclass(frozen=True)
class LabelledMark:
    """A true box on a canvas: [x0, y0, x1, y1] in canvas pixels, and the index of its finding in the exam."""

    finding: int
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class LabelledFinding:
    """Labels of one finding; `change` and `suspicion` are UNKNOWN (-1) where the data set does not say."""

    type: int
    descriptors: tuple[str, ...] = ()
    suspicion: float = UNKNOWN
    change: int = UNKNOWN


@dataclass(frozen=True)
class BreastLabels:
    """Breast-level labels, each UNKNOWN (-1) where not labelled: density 0..3, BI-RADS 0..4 for 1..5, 0/1 others."""

    density: int = UNKNOWN
    birads: int = UNKNOWN
    recall: int = UNKNOWN
    malignant: int = UNKNOWN


@dataclass(frozen=True)
class ViewSample:
    """One view on its canvas.

    Args:
        slot: index into models.reader.batch.SLOTS.
        canvas: [H, W] uint8; `prior` the same, or None.
        nipple: (x, y) in canvas px. mm_per_px: scale.
        marks: true boxes; meaningful only when `marks_labelled`.
        marks_labelled: whether "nothing here" is known for this view.
        details: the view (`current`) and its prior (`prior`) for the second look, where they were asked for.
    """

    slot: int
    canvas: np.ndarray
    nipple: tuple[float, float]
    mm_per_px: float
    marks: tuple[LabelledMark, ...] = ()
    marks_labelled: bool = False
    prior: np.ndarray | None = None
    details: Mapping[str, Detail] = field(default_factory=dict)


@dataclass(frozen=True)
class TrainingExam:
    """An exam as training sees it; several views of one slot are alternatives, of which a batch takes one."""

    id: str
    patient_id: str
    domain: str
    views: tuple[ViewSample, ...]
    findings: tuple[LabelledFinding, ...] = ()
    breasts: tuple[BreastLabels, BreastLabels] = (BreastLabels(), BreastLabels())
