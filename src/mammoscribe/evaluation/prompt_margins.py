"""Where an answer becomes yes: fixed on labelled scores of one set of exams, its errors measured on another."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mammoscribe.domain.view import Origin
from mammoscribe.evaluation.classification import auc, auc_interval
from mammoscribe.explain.zero_shot import PromptSet
from mammoscribe.models.space_measures import AnswerFigures, PromptMargin
from mammoscribe.support.errors import InputError, InvalidNoun

LEAST_EXAMS = 10
"""Exams with, and exams without, below which no margin is fixed or measured: each would move the figures by ten points."""
DIGITS = 5


@dataclass(frozen=True)
class LabelledScores:
    """Scores that an answer is given by, with what is true of each case.

    Args:
        population: what the exams are, in words.
        scores: of each case, [N]: the difference of a prompt set's cosines on a picture, the similarity of two sentences.
        present: whether the right answer is yes, [N].
        exams: the exam each case is from, [N].

    Raises:
        InvalidNoun: for lists of several lengths, or a score that is no number.
    """

    population: str
    scores: tuple[float, ...]
    present: tuple[bool, ...]
    exams: tuple[str, ...]

    def __post_init__(self) -> None:
        if not len(self.scores) == len(self.present) == len(self.exams):
            found = f"{len(self.scores)} scores, {len(self.present)} labels and {len(self.exams)} exams"
            raise InvalidNoun(found, "one of each for every case")
        if not np.isfinite(self.scores).all():
            raise InvalidNoun("a score that is no number", "a number for every case")

    def exams_where(self, present: bool) -> int:
        """Exams with at least one such case."""
        return len({e for e, p in zip(self.exams, self.present, strict=True) if p is present})


def balanced_margin(scores: ArrayLike, present: ArrayLike) -> float:
    """The score at which sensitivity and specificity are nearest to each other.

    It is half-way between two neighbouring scores; of equally good places, the one with the larger sum of both, then
    the lowest. This criterion takes neither how often the finding occurs nor what an error costs into account, and moves
    less with single cases than the place of the best sum does.

    Args:
        scores: [N].
        present: [N] bool.

    Raises:
        InputError: without cases of both kinds.
    """
    scores, truth = np.asarray(scores, float), np.asarray(present, bool)
    if not truth.any() or truth.all():
        raise InputError("a margin from cases of one kind", "some where the answer is yes and some where it is no")
    values = np.unique(scores)
    places = np.array([values[0] - 1e-6, *(values[1:] + values[:-1]) / 2, values[-1] + 1e-6])
    sensitivity, specificity = at_margin(scores, truth, places)
    order = np.lexsort((places, -(sensitivity + specificity), np.round(np.abs(sensitivity - specificity), 9)))
    return float(places[order[0]])


def at_margin(scores: ArrayLike, present: ArrayLike, margin: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Sensitivity and specificity where the answer is yes from the margin on; margin may be an array."""
    scores, truth, at = np.asarray(scores, float), np.asarray(present, bool), np.asarray(margin, float)
    missed = np.searchsorted(np.sort(scores[truth]), at, side="left") / truth.sum()
    refused = np.searchsorted(np.sort(scores[~truth]), at, side="left") / (~truth).sum()
    return 1 - missed, refused


def fix_margin(prompts: PromptSet, fixing: LabelledScores, measuring: LabelledScores, origin: Origin) -> PromptMargin:
    """Fix the margin on some exams, and measure it on others.

    Args:
        prompts: the set that gave the differences, which are the scores.
        fixing: what the margin is chosen on.
        measuring: what its sensitivity and specificity are stated on.
        origin: of all the pictures.

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
    margin = round(balanced_margin(fixing.scores, fixing.present), DIGITS)
    figures = (figures_at(part, margin) for part in (fixing, measuring))
    return PromptMargin(prompts.name, prompts.sha256, margin, origin, *figures)


def figures_at(part: LabelledScores, margin: float) -> AnswerFigures:
    """AUC with its interval over exams, and sensitivity and specificity where the answer is yes from `margin` on."""
    scores, truth = np.array(part.scores), np.array(part.present)
    interval = auc_interval(scores, truth, part.exams)
    sensitivity, specificity = at_margin(scores, truth, margin)
    numbers = (auc(scores, truth), interval.low, interval.high, float(sensitivity), float(specificity))
    counts = (len({*part.exams}), int(truth.sum()), int((~truth).sum()))
    return AnswerFigures(part.population, *counts, *(round(v, DIGITS) for v in numbers))
