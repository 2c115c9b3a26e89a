"""How much the crop refiner counts beside the first pass in a mark's words and in its suspicion, fixed on labelled lesions."""

from collections.abc import Iterator, Sequence

import numpy as np

from mammoscribe.domain.finding import Finding
from mammoscribe.domain.lexicon import term
from mammoscribe.evaluation.detection import is_hit
from mammoscribe.models.reader.assemble import GUESSED_AXES, RawMark
from mammoscribe.models.reader.queries import AXIS_TERMS
from mammoscribe.training.calibration.seen import SeenExam

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Candidates, from the first pass alone to the crop refiner alone."""
EVEN = 0.5
"""Share where too few labels could be held against marks: both count alike."""
LEAST_ANSWERS = 20
"""Labelled words, or suspicions, on which a share may be fixed."""
FLOOR = 1e-3
"""Least probability that an answer is counted with, so that one mark cannot decide."""


def crop_shares(exams: Sequence[SeenExam]) -> tuple[float, float]:
    """Shares in the words and in the suspicion with the highest likelihood of the labels of the lesions that marks hit.

    (1, 1) where no mark was seen by a crop refiner, which leaves everything as it is.
    """
    hits = list(_hits(exams))
    if not hits:
        return (1.0, 1.0)
    return _best(hits, _words_given), _best(hits, _suspicion_given)


def _hits(exams: Sequence[SeenExam]) -> Iterator[tuple[RawMark, Finding]]:
    """Marks that a crop refiner saw, each with the lesion that it hits."""
    for exam in exams:
        for mark in (m for m in exam.seen.marks if m.crop_suspicion is not None):
            for lesion in exam.truth:
                place = lesion.mark_in(mark.view.id)
                if place is not None and is_hit(mark.box, place.box):
                    yield mark, lesion
                    break


def _best(hits: Sequence[tuple[RawMark, Finding]], given) -> float:
    likelihood = {share: [p for m, lesion in hits for p in given(m.mixed((share, share)), lesion)] for share in SHARES}
    if len(likelihood[EVEN]) < LEAST_ANSWERS:
        return EVEN
    return max(SHARES, key=lambda share: float(np.log(np.maximum(likelihood[share], FLOOR)).sum()))


def _words_given(mark: RawMark, lesion: Finding) -> Iterator[float]:
    """Probability that the mark gives to each labelled word of the lesion."""
    for word in lesion.descriptors:
        axis = term(word).axis
        if axis in GUESSED_AXES and axis in mark.words and word in AXIS_TERMS[axis]:
            yield float(mark.words[axis][AXIS_TERMS[axis].index(word)])


def _suspicion_given(mark: RawMark, lesion: Finding) -> Iterator[float]:
    """Probability that the mark gives to the lesion's pathology, where that is known."""
    if lesion.suspicion in (0.0, 1.0):
        yield mark.suspicion if lesion.suspicion else 1 - mark.suspicion
