"""The must-pass suite: pairs of reports of which one must score higher, and how many of them every score gets right.

In each pair `better` says what the reference says in other words, and `worse` has nearly the words of the reference and
one wrong fact. A score that is good for choosing between systems gets them right; word overlap cannot.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

import numpy as np

from mammoscribe.evaluation.report_card.figures import FIGURES, Figure, Sums
from mammoscribe.evaluation.report_card.scoring import PairScorer
from mammoscribe.support.errors import InvalidNoun
from mammoscribe.support.parsing import toml_table

OURS = "R-GREEN: facts right / (facts right + errors)"
"""The score that must get every pair right: the only one that looks at all kinds of facts."""
SCORES = (
    OURS, "severity-weighted score (after CRIMSON)", "finding-set F1, mean of reports (none and none: 1)",
    "triplet-set F1, mean of reports (none and none: 1)", "BLEU-1 (corpus, coco-caption)",
    "BLEU-4 (corpus, coco-caption)", "ROUGE-1 (F1, rouge-score, no stemmer)", "ROUGE-2 (F1, rouge-score, no stemmer)",
    "ROUGE-L (F1, rouge-score, no stemmer)", "CIDEr-D (coco-caption)", "METEOR (exact matches only, nltk formula)",
)  # fmt: skip
HEAD = ("score", "passed", "tied", "pairs", "share passed", "kinds passed whole")
_EQUAL = 1e-9


@dataclass(frozen=True)
class MustPass:
    """One pair: `better` must score higher than `worse` against `reference`; `kind` names the fault of `worse`."""

    kind: str
    reference: str
    better: str
    worse: str

    def __post_init__(self) -> None:
        if not all(text.strip() for text in (self.kind, self.reference, self.better, self.worse)):
            raise InvalidNoun("a must-pass pair with an empty part")


def read_suite() -> tuple[MustPass, ...]:
    """The pairs that come with the package."""
    text = files("mammoscribe.evaluation.report_card").joinpath("must_pass.toml").read_text(encoding="utf-8")
    return tuple(MustPass(**pair) for pair in toml_table(text)["pair"])


def margins(suite: Sequence[MustPass]) -> Mapping[str, list[float]]:
    """Of every score, by how much `better` scores higher, pair by pair; document frequencies are those of the suite."""
    scorer = PairScorer([pair.reference for pair in suite])
    figures = [next(f for f in FIGURES if f.name == name) for name in SCORES]
    found: dict[str, list[float]] = {figure.name: [] for figure in figures}
    for pair in suite:
        reference = scorer.read(pair.reference)
        better, worse = (scorer.counts(reference, scorer.read(text)) for text in (pair.better, pair.worse))
        for figure in figures:
            found[figure.name].append(_value(figure, better) - _value(figure, worse))
    return found


def _value(figure: Figure, counts: Mapping[str, float]) -> float:
    """The figure of one report; 0 where it has none."""
    value = float(figure.value(Sums(tuple(counts), np.array(list(counts.values()), dtype=np.float64))))
    return 0.0 if np.isnan(value) else value


def must_pass_rows(suite: Sequence[MustPass]) -> list[tuple[str, ...]]:
    """Rows for HEAD; a tie is not passed."""
    rows = []
    for name, differences in margins(suite).items():
        passed = sum(d > _EQUAL for d in differences)
        tied = sum(abs(d) <= _EQUAL for d in differences)
        kinds = {p.kind for p in suite}
        whole = kinds - {p.kind for p, d in zip(suite, differences, strict=True) if d <= _EQUAL}
        share, of_kinds = f"{passed / len(suite):.3f}", f"{len(whole)} of {len(kinds)}"
        rows.append((name, str(passed), str(tied), str(len(suite)), share, of_kinds))
    return rows
