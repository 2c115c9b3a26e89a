"""From which probability a word for shape, margin, density or distribution is stated, and whether words are stated at all."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mammoscribe.domain.finding import Finding
from mammoscribe.domain.lexicon import Axis, term
from mammoscribe.evaluation.detection import match_findings
from mammoscribe.evaluation.facts import FactCounts
from mammoscribe.models.reader.assemble import GUESSED_AXES
from mammoscribe.models.reader.card import OperatingPoint
from mammoscribe.models.reader.judging import judge
from mammoscribe.training.calibration.seen import SeenExam

WORD_LEVELS = (0.0, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.7, 1.0)
"""Candidates for the least probability of a word; at 1 none is stated."""
LEAST_WORDS = 30
"""Stated words that must be held against labels before words count as measured."""
MIN_PRECISION = 0.5
"""Share of stated words that must be right."""

NOTHING = FactCounts(0, 0, 0)


@dataclass(frozen=True)
class Counted:
    """What the reports of some exams stated: kinds of finding, and words of them, each held against labels."""

    kinds: FactCounts = NOTHING
    words: FactCounts = NOTHING

    def __add__(self, other: "Counted") -> "Counted":
        return Counted(self.kinds + other.kinds, self.words + other.words)

    @property
    def f1(self) -> float:
        """Of kinds and words together: a word that is wrong costs as much as one that is missing."""
        return (self.kinds + self.words).f1


def words_at(exams: Sequence[SeenExam], point: OperatingPoint) -> Counted:
    """Kinds and words that reports at an operating point state, right, wrong and missed.

    Only what is labelled is counted: kinds of which an exam has all boxes, and axes for which its dataset has words.
    """
    axes = {name: _axes(e for e in exams if e.dataset == name) for name in {e.dataset for e in exams}}
    total = Counted()
    for exam in (e for e in exams if e.measurable):
        stated = [f for f in judge(exam.seen, exam.exam, point).findings if f.type in exam.measurable]
        total += _counted(stated, exam, axes[exam.dataset])
    return total


def _axes(exams) -> frozenset[Axis]:
    """Axes that the labels of a dataset have words for."""
    return frozenset(a for e in exams for f in e.truth for a in _words(f, frozenset(GUESSED_AXES)))


def _words(finding: Finding, axes: frozenset[Axis]) -> dict[Axis, str]:
    return {term(d).axis: d for d in finding.descriptors if term(d).axis in axes}


def _counted(stated: Sequence[Finding], exam: SeenExam, axes: frozenset[Axis]) -> Counted:
    truth = [f for f in exam.truth if f.type in exam.measurable]
    matches = match_findings(stated, truth)
    right = wrong = missed = 0
    for match in matches:
        words, true = _words(stated[match.mark], axes), _words(truth[match.truth], axes)
        agreed = sum(words.get(axis) == word for axis, word in true.items())
        right += agreed
        wrong += sum(axis in words for axis in true) - agreed
        missed += len(true) - agreed
    false = set(range(len(stated))) - {m.mark for m in matches}
    unseen = set(range(len(truth))) - {m.truth for m in matches}
    wrong += sum(len(_words(stated[i], axes)) for i in false)
    missed += sum(len(_words(truth[i], axes)) for i in unseen)
    return Counted(FactCounts(len(matches), len(false), len(unseen)), FactCounts(right, wrong, missed))


def with_word_level(exams: Sequence[SeenExam], point: OperatingPoint) -> OperatingPoint:
    """The point with the least probability of a word at which kinds and words of the reports together have the best F1.

    Of levels at which words are mostly wrong none is taken. Where fewer than `LEAST_WORDS` words could be held against
    labels, words count as not measured and are not stated.
    """
    if not _axes(exams):
        return replace(point, words_measured=False, least_word=0.0)
    asked = replace(point, words_measured=True)
    counted = {level: words_at(exams, replace(asked, least_word=level)) for level in WORD_LEVELS}
    if counted[0.0].words.right + counted[0.0].words.wrong < LEAST_WORDS:
        return replace(point, words_measured=False, least_word=0.0)
    sound = [level for level, c in counted.items() if c.words.precision >= MIN_PRECISION]
    return replace(asked, least_word=max(sound, key=lambda level: (counted[level].f1, -level)))
