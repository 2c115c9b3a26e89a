"""Counts of every pair of reports, for each system and for constant reports: the numbers that all figures are sums of."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mammoscribe.evaluation.bootstrap import FloatArray
from mammoscribe.evaluation.report_card.entailment import grounded_counts
from mammoscribe.evaluation.report_card.fact_counts import fact_counts
from mammoscribe.evaluation.report_card.fact_table import FactTable, read_table
from mammoscribe.evaluation.report_card.figures import FIGURES, Figure, Sums
from mammoscribe.evaluation.report_card.pairs import Sentences
from mammoscribe.evaluation.report_card.text_scores import CiderD, Prepared, prepared, text_counts, words_of

NUM_CONSTANTS = 8
MOST_BASELINE = 1000
"""Exams, evenly spaced, on which a baseline without an interval is scored."""
Grounded = Sequence[tuple[Sentences, Sentences]]
_UNDEFINED = -1e300
"""Fit of a constant whose figure is not defined: worse than any other, better than the exam's own report."""
OnDone = Callable[[int], None]


def ignore_done(_: int) -> None:
    """Do nothing when exams are done."""


@dataclass(frozen=True)
class Scored:
    """Counts of systems on the same exams.

    Args:
        names: of the counts.
        systems: [systems, exams, counts].
        constants: [constants, exams, counts]; the shortlisted references, each emitted for every exam.
        own: [constants, exams], whether the constant is the exam's reference and no other exam's.
        baselines: [baselines, counts], summed over the exams that have one, at most `MOST_BASELINE`.
    """

    names: tuple[str, ...]
    systems: FloatArray
    constants: FloatArray
    own: np.ndarray
    baselines: FloatArray

    def sums(self, system: int) -> Sums:
        """Sums of one system over all exams."""
        return Sums(self.names, self.systems[system].sum(axis=0))


@dataclass(frozen=True)
class _Read:
    table: FactTable
    text: Prepared


class PairScorer:
    """Scores pairs of texts against one set of references.

    Args:
        references: of all exams; CIDEr-D takes its document frequencies from them.
        repeated: texts that come often, which are read once and kept.
    """

    def __init__(self, references: Sequence[str], repeated: Sequence[str] = ()) -> None:
        self._cider = CiderD(references)
        self._kept: dict[str, _Read] = {}
        for text in repeated:
            self._kept[text] = self.read(text)

    def read(self, text: str) -> _Read:
        """The text with its facts."""
        return self._kept.get(text) or _Read(read_table(text), prepared(text, self._cider))

    def counts(self, reference: _Read, candidate: _Read) -> dict[str, float]:
        """Counts of one pair."""
        return fact_counts(reference.table, candidate.table) | text_counts(candidate.text, reference.text)


def score_all(
    references: Sequence[str], systems: Sequence[Sequence[str]], on_done: OnDone = ignore_done,
    grounded: Sequence[Grounded] = (), baselines: Sequence[Sequence[str | None]] = (),
) -> Scored:  # fmt: skip
    """Score the candidate texts of each system, and constant reports, on every exam.

    Args:
        references: one text for each exam.
        systems: for each system one text for each exam.
        on_done: called with the number of exams that were scored since its last call.
        grounded: for each system the sentences of reference and candidate with their boxes, or none.
        baselines: further texts for each exam that have no interval, None where there is none.
    """
    texts = Counter(text for side in (references, *systems) for text in side)
    constants = constant_candidates(references)
    scorer = PairScorer(references, [*constants, *(t for t, n in texts.items() if n > 1)])
    rows: list[list[list[float]]] = []
    names: tuple[str, ...] = ()
    sums = [Counter[str]() for _ in baselines]
    every = -(-len(references) // MOST_BASELINE)
    for i, text in enumerate(references):
        reference = scorer.read(text)
        candidates = [scorer.read(c) for c in (*(s[i] for s in systems), *constants)]
        counts = [scorer.counts(reference, c) for c in candidates]
        for own, candidate, given in zip(counts, candidates, grounded, strict=False):
            if given:
                own |= grounded_counts(*given[i], (reference.table, candidate.table))
        for total, given in zip(sums, baselines, strict=True):
            if i % every == 0 and (other := given[i]) is not None:
                total.update(scorer.counts(reference, scorer.read(other)))
        names = names or tuple(counts[0])
        rows.append([[c[name] for name in names] for c in counts])
        on_done(1)
    values = np.array(rows, dtype=np.float64).swapaxes(0, 1)
    copies = Counter(references)
    own = np.array([[c == r and copies[r] == 1 for r in references] for c in constants], dtype=bool)
    summed = np.array([[s[name] for name in names] for s in sums]).reshape(len(sums), len(names))
    return Scored(names, values[: len(systems)], values[len(systems) :], own, summed)


def constant_candidates(references: Sequence[str], most: int = NUM_CONSTANTS) -> list[str]:
    """The references that are most like all of them: those whose words are in most references, for their number."""
    vocabularies = {text: frozenset(words_of(text)) for text in dict.fromkeys(references)}
    documents: Counter[str] = Counter()
    for text, copies in Counter(references).items():
        documents.update(dict.fromkeys(vocabularies[text], copies))

    def likeness(text: str) -> float:
        words = vocabularies[text]
        return sum(documents[w] for w in words) / len(words) ** 0.5 if words else 0.0

    return sorted(vocabularies, key=likeness, reverse=True)[:most]


def best_constants(scored: Scored, figures: Sequence[Figure] = FIGURES) -> list[float]:
    """Each figure of the best constant report: for every exam the constant that is best by it on all other exams.

    The exam's own reference is never emitted for it, unless another exam has the same text. NaN with a single exam.
    """
    counts = scored.constants
    rest = Sums(scored.names, counts.sum(axis=1, keepdims=True) - counts)
    exams = np.arange(counts.shape[1])
    values = []
    for figure in figures:
        fit = figure.value(rest) * (1 if figure.higher_is_better else -1)
        fit = np.where(np.isnan(fit), _UNDEFINED, fit)
        fit = np.where(scored.own, -np.inf, fit)
        chosen = counts[np.argmax(fit, axis=0), exams]
        possible = len(exams) > 1 and not scored.own.all(axis=0).any()
        values.append(float(figure.value(Sums(scored.names, chosen.sum(axis=0)))) if possible else float("nan"))
    return values
