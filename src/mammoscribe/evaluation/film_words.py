"""Words and suspicion of marks on real films, out of fold: what is said of a found lesion against what its label says."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mammoscribe.domain.lexicon import Axis, term
from mammoscribe.domain.view import Box
from mammoscribe.evaluation.bootstrap import interval_or_none, ratio_interval
from mammoscribe.evaluation.calibration import ReliabilityBin, reliability_table
from mammoscribe.evaluation.card import Row
from mammoscribe.evaluation.classification import auc, auc_interval
from mammoscribe.evaluation.detection import match_marks
from mammoscribe.evaluation.films import views_of_marks
from mammoscribe.support.errors import InputError

LEVELS = (0.0, 0.5, 0.6, 0.7)
"""Probabilities of a word from which its agreement is printed."""


@dataclass(frozen=True)
class Answered:
    """What a mark says of one axis of the lesion that it hits.

    Args:
        patient: whose film. axis: what is described.
        answer, true: words. prob: of `answer`.
    """

    patient: str
    axis: Axis
    answer: str
    prob: float
    true: str

    @property
    def right(self) -> bool:
        """Whether the word is that of the label."""
        return self.answer == self.true


@dataclass(frozen=True)
class FilmWords:
    """Lesions of one dataset that a mark hits: words of the marks, and (patient, suspicion, malignant) where that is known."""

    answers: tuple[Answered, ...]
    suspicions: tuple[tuple[str, float, int], ...]
    lesions: int
    found: int


def read_film_words(path: Path, dataset: str) -> FilmWords:
    """From the `marks.json` that `mammoscribe calibrate --fold` writes; every lesion is held against its best mark of any score.

    Raises:
        InputError: for a missing file, another one, or one without a lesion of the dataset.
    """
    with views_of_marks(path) as every:
        views = [v for v in every if v["dataset"] == dataset]
        pairs = [(view["patient_id"], mark, lesion) for view in views for mark, lesion in _hits(view)]
    lesions = sum(len(v["truth"]) for v in views)
    if not lesions:
        raise InputError(f"no lesion of {dataset} in {path}", "its left-out exams with boxes")
    suspicions = [(p, m["suspicion"], int(t["suspicion"])) for p, m, t in pairs if t["suspicion"] in (0.0, 1.0)]
    answers = [a for p, m, t in pairs for a in _answers(p, m["words"], t["descriptors"])]
    return FilmWords(tuple(answers), tuple(suspicions), lesions, len(pairs))


def _hits(view: Mapping) -> Iterator[tuple[Mapping, Mapping]]:
    marks = [(Box(*m["box"]), m["score"]) for m in view["marks"]]
    for match in match_marks(marks, [Box(*t["box"]) for t in view["truth"]]):
        yield view["marks"][match.mark], view["truth"][match.truth]


def _answers(patient: str, words: Mapping[str, Mapping[str, float]], labels: Sequence[str]) -> Iterator[Answered]:
    for name, probs in words.items():
        own = [w for w in labels if term(w).axis == name]
        if len(own) == 1 and own[0] in probs:  # a label of several words names no single right one
            answer = max(probs, key=lambda w: probs[w])
            yield Answered(patient, Axis(name), answer, probs[answer], own[0])


def word_rows(words: FilmWords) -> list[Row]:
    """Agreement of each axis at rising probabilities beside the commonest label, and malignant against benign."""
    rows: list[Row] = []
    for axis in dict.fromkeys(a.axis for a in words.answers):
        own = [a for a in words.answers if a.axis is axis]
        common, count = Counter(a.true for a in own).most_common(1)[0]
        rows.append(Row(f"{axis}: always {common.split('.')[1]}", count / len(own), f"{len(own)} found lesions"))
        rows += [row for level in LEVELS if (row := _agreement(axis, own, level)) is not None]
    if len({label for _, _, label in words.suspicions}) == 2:
        patients, scores, labels = zip(*words.suspicions, strict=True)
        interval = interval_or_none(lambda: auc_interval(scores, labels, patients, 400))
        n = f"{sum(labels)} of {len(labels)} found lesions"
        rows.append(Row("malignant against benign lesions that are found, AUC", auc(scores, labels), n, interval))
    return rows


def _agreement(axis: Axis, answers: Sequence[Answered], level: float) -> Row | None:
    stated = [a for a in answers if a.prob >= level]
    if not stated:
        return None
    right: Counter[str] = Counter()
    of: Counter[str] = Counter()
    for a in stated:
        right[a.patient] += a.right
        of[a.patient] += 1
    what = f"{axis}: right where stated from a probability of {level:g}" if level else f"{axis}: likeliest word right"
    interval = interval_or_none(lambda: ratio_interval([right[p] for p in of], list(of.values())))
    return Row(what, sum(right.values()) / len(stated), f"{len(stated)} of {len(answers)} found lesions", interval)


def confusion(words: FilmWords, axis: Axis) -> tuple[tuple[str, ...], np.ndarray]:
    """The words of an axis that occur, and counts [true, answer] of them."""
    own = [a for a in words.answers if a.axis is axis]
    names = tuple(sorted({a.true for a in own} | {a.answer for a in own}))
    counts = np.zeros((len(names), len(names)), dtype=int)
    for a in own:
        counts[names.index(a.true), names.index(a.answer)] += 1
    return names, counts


def calibration_of(words: FilmWords, axis: Axis, bins: int = 5) -> tuple[ReliabilityBin, ...]:
    """How often the likeliest word of an axis was right, by its probability."""
    own = [a for a in words.answers if a.axis is axis]
    return reliability_table([a.prob for a in own], [int(a.right) for a in own], bins)
