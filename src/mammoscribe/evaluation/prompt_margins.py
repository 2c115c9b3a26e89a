"""The margin of a prompt set: fixed on labelled pictures of one set of exams, its errors measured on another."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mammoscribe.domain.view import Origin
from mammoscribe.evaluation.classification import auc, auc_interval
from mammoscribe.explain.zero_shot import PromptSet
from mammoscribe.models.space_measures import PromptFigures, PromptMargin
from mammoscribe.support.errors import InputError, InvalidNoun

LEAST_EXAMS = 20
"""Exams with, and exams without, below which no margin is fixed: each would move the figures by more than five points."""
DIGITS = 5


@dataclass(frozen=True)
class LabelledDifferences:
    """Zero-shot differences of pictures for one prompt set, with what is true of each.

    Args:
        population: what the exams are, in words.
        differences: positive less negative cosine of each picture, [N].
        present: whether the picture shows what the positive prompts state, [N].
        exams: the exam each picture is from, [N].

    Raises:
        InvalidNoun: for lists of several lengths, or a difference that is no number.
    """

    population: str
    differences: tuple[float, ...]
    present: tuple[bool, ...]
    exams: tuple[str, ...]

    def __post_init__(self) -> None:
        if not len(self.differences) == len(self.present) == len(self.exams):
            found = f"{len(self.differences)} differences, {len(self.present)} labels and {len(self.exams)} exams"
            raise InvalidNoun(found, "one of each for every picture")
        if not np.isfinite(self.differences).all():
            raise InvalidNoun("a difference of cosines that is no number", "a number for every picture")

    def exams_where(self, present: bool) -> int:
        """Exams with at least one such picture."""
        return len({e for e, p in zip(self.exams, self.present, strict=True) if p is present})


def balanced_margin(differences: ArrayLike, present: ArrayLike) -> float:
    """The difference at which sensitivity and specificity are nearest to each other.

    It is half-way between two neighbouring differences; of equally good places, the one with the larger sum of both, then
    the lowest. This criterion takes neither how often the finding occurs nor what an error costs into account, and moves
    less with single pictures than the place of the best sum does.

    Args:
        differences: [N].
        present: [N] bool.

    Raises:
        InputError: without pictures of both kinds.
    """
    scores, truth = np.asarray(differences, float), np.asarray(present, bool)
    if not truth.any() or truth.all():
        raise InputError("a margin from pictures of one kind", "some with and some without what the prompts state")
    values = np.unique(scores)
    places = np.array([values[0] - 1e-6, *(values[1:] + values[:-1]) / 2, values[-1] + 1e-6])
    sensitivity, specificity = at_margin(scores, truth, places)
    order = np.lexsort((places, -(sensitivity + specificity), np.round(np.abs(sensitivity - specificity), 9)))
    return float(places[order[0]])


def at_margin(differences: ArrayLike, present: ArrayLike, margin: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Sensitivity and specificity where a difference from the margin on counts as present; margin may be an array."""
    scores, truth, at = np.asarray(differences, float), np.asarray(present, bool), np.asarray(margin, float)
    missed = np.searchsorted(np.sort(scores[truth]), at, side="left") / truth.sum()
    refused = np.searchsorted(np.sort(scores[~truth]), at, side="left") / (~truth).sum()
    return 1 - missed, refused


def fix_margin(
    prompts: PromptSet, fixing: LabelledDifferences, measuring: LabelledDifferences, origin: Origin
) -> PromptMargin:
    """Fix the margin on some exams, and measure it on others.

    Args:
        prompts: the set that gave the differences.
        fixing: what the margin is chosen on.
        measuring: what its sensitivity and specificity are stated on.
        origin: of all these pictures.

    Raises:
        InputError: when an exam is in both, or one of them has fewer than `LEAST_EXAMS` exams with or without.
    """
    if shared := sorted({*fixing.exams} & {*measuring.exams}):
        raise InputError(
            f"exam {shared[0]} both fixes and measures the margin of {prompts.name}", "an exam in one part"
        )
    for part in (fixing, measuring):
        for present, word in ((True, "with"), (False, "without")):
            if part.exams_where(present) < LEAST_EXAMS:
                found = f"{part.exams_where(present)} exams {word} {prompts.name} among {part.population}"
                raise InputError(found, f"at least {LEAST_EXAMS}")
    margin = round(balanced_margin(fixing.differences, fixing.present), DIGITS)
    figures = (_figures(part, margin) for part in (fixing, measuring))
    return PromptMargin(prompts.name, prompts.sha256, margin, origin, *figures)


def _figures(part: LabelledDifferences, margin: float) -> PromptFigures:
    scores, truth = np.array(part.differences), np.array(part.present)
    interval = auc_interval(scores, truth, part.exams)
    sensitivity, specificity = at_margin(scores, truth, margin)
    numbers = (auc(scores, truth), interval.low, interval.high, float(sensitivity), float(specificity))
    counts = (len({*part.exams}), int(truth.sum()), int((~truth).sum()))
    return PromptFigures(part.population, *counts, *(round(v, DIGITS) for v in numbers))
