"""What the reader learns from: canvases of an exam's views with whatever labels its dataset has; a missing label is masked."""

from dataclasses import dataclass

import numpy as np

from mammoscribe.models.reader.detection_head import TYPES

UNKNOWN = -1
"""Value of a label that is not there."""


@dataclass(frozen=True)
class LabelledMark:
    """A true box on a canvas.

    Args:
        finding: index of its finding in the exam.
        box: (x0, y0, x1, y1) in canvas pixels.
    """

    finding: int
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class LabelledFinding:
    """Labels of one finding.

    Args:
        type: index into `marks.TYPES`.
        descriptors: lexicon term ids; an axis without one teaches nothing.
        suspicion: 0..1. change: index into `queries.CHANGES`. Both UNKNOWN where the dataset does not say.
        named: whether the dataset says which boxes of other views show the same finding.
    """

    type: int
    descriptors: tuple[str, ...] = ()
    suspicion: float = UNKNOWN
    change: int = UNKNOWN
    named: bool = False


@dataclass(frozen=True)
class BreastLabels:
    """Labels of one breast, each UNKNOWN where it is not labelled.

    Args:
        density: 0..3 for a..d. recall, malignant: 0 or 1.
        lesion: 0 or 1, whether anything suspicious is to be seen, without a place: it teaches by the strongest place of
            the breast alone.
        kinds: the same for each type of finding, in the order of `marks.TYPES`.
    """

    density: int = UNKNOWN
    recall: int = UNKNOWN
    malignant: int = UNKNOWN
    lesion: int = UNKNOWN
    kinds: tuple[int, ...] = (UNKNOWN,) * len(TYPES)

    @property
    def teaches(self) -> bool:
        """Whether any of them is known."""
        return any(v != UNKNOWN for v in (self.density, self.recall, self.malignant, self.lesion, *self.kinds))


@dataclass(frozen=True)
class ViewSample:
    """One view on its canvas.

    Args:
        slot: index into `batch.SLOTS`.
        canvas: [H, W] uint8 or uint16; `prior` the same, or None.
        nipple: (x, y) in canvas pixels.
        mm_per_px: scale of the canvas.
        marks: true boxes.
        boxed: indices of the types of finding of which `marks` holds every one, so that other places show none.
    """

    slot: int
    canvas: np.ndarray
    nipple: tuple[float, float]
    mm_per_px: float
    marks: tuple[LabelledMark, ...] = ()
    boxed: frozenset[int] = frozenset()
    prior: np.ndarray | None = None


@dataclass(frozen=True)
class TrainingExam:
    """An exam as training sees it.

    Args:
        id, patient_id: as its dataset names them.
        views: several views of one slot are alternatives, of which a batch takes one.
        findings: of all views.
        breasts: labels, right first.
        synthetic: whether it was drawn, which decides its batch statistics.
    """

    id: str
    patient_id: str
    views: tuple[ViewSample, ...]
    findings: tuple[LabelledFinding, ...] = ()
    breasts: tuple[BreastLabels, BreastLabels] = (BreastLabels(), BreastLabels())
    synthetic: bool = False

    @property
    def teaches(self) -> bool:
        """Whether anything of it is labelled."""
        return any(b.teaches for b in self.breasts) or any(v.boxed or v.marks for v in self.views)

    def of_breast(self, side: int) -> "TrainingExam":
        """One breast as an exam, with its breast-level labels; 0 is right, 1 left.

        In an enriched set the number of views tells the label (in RSNA four views almost imply "no cancer"), so a network
        that sees which other views exist would learn the archive and not the breast.
        """
        views = tuple(v for v in self.views if v.slot % 2 == side)
        right, left = (b if i == side else BreastLabels() for i, b in enumerate(self.breasts))
        return TrainingExam(
            f"{self.id}-{'RL'[side]}", self.patient_id, views, self.findings, (right, left), self.synthetic
        )
