"""Fact F1: what a report states about findings, held against ground truth, never against another report's words.

A fact is (breast, kind) of a positive finding, (breast, kind, axis, value) of one of its descriptors, or (breast,
`associated`, value) of an associated feature, which belongs to the breast whichever finding it was stated with.
Negative and uncertain statements are no facts. A positive without a side or without a kind matches nothing and so
counts as wrong. Facts are read by the report parser, and what the parser overlooks it cannot count: so a sentence of a
report to which the oracle objects (`evaluation.oracle`, which shares no code with the parser) is counted as false,
whatever was read from it. Sources: set F1 of MammoRGTool (side-aware, positives only); GREEN-like strictness of exact
values.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mammoscribe.domain.evidence import Section, Sentence
from mammoscribe.domain.finding import Finding
from mammoscribe.domain.lexicon import Axis, Edition, term
from mammoscribe.evaluation.oracle import KnownOfExam, objections
from mammoscribe.reporting.facts import Fact, FactKind, Status, fact_of_finding, in_words_of
from mammoscribe.reporting.parse import parse_report

FactKey = tuple[str, ...]
OBJECTED = "objected to"
"""Begins the keys of a printed sentence that its evidence does not bear out."""


def fact_keys(facts: Iterable[Fact]) -> frozenset[FactKey]:
    """Comparable keys of the positive finding facts; everything else is left out."""
    keys: set[FactKey] = set()
    for fact in facts:
        if fact.status is not Status.POSITIVE or not (fact.kind.is_finding or fact.kind is FactKind.ASSOCIATED):
            continue
        side = str(fact.laterality or "?")
        if fact.kind.is_finding:
            keys.add((side, str(fact.kind)))
        keys |= {_descriptor_key(side, fact.kind, d) for d in fact.descriptors}
    return frozenset(keys)


def _descriptor_key(side: str, kind: FactKind, descriptor: str) -> FactKey:
    axis, word = term(descriptor).axis, term(descriptor).word
    return (side, "associated", word) if axis is Axis.ASSOCIATED else (side, str(kind), str(axis), word)


def truth_keys(findings: Iterable[Finding], edition: Edition = Edition.BIRADS_2013) -> frozenset[FactKey]:
    """Keys of ground-truth findings, in the terms of the edition that the report is written in."""
    return fact_keys(fact_of_finding(in_words_of(f, edition)) for f in findings)


def text_keys(texts: Iterable[str]) -> frozenset[FactKey]:
    """Keys read from sentences by the report parser, as any reader of the text would."""
    return fact_keys(parse_report("\n".join(texts)).facts)


def sentence_keys(
    sentences: Iterable[Sentence], known: KnownOfExam, possible: Sequence[Finding] = ()
) -> frozenset[FactKey]:
    """Keys read from the findings sections of a report, and a false key for each sentence that its evidence does not bear out.

    Args:
        sentences: of the report, or some of them.
        known: the report, or the chart that it was written from.
        possible: candidates below the threshold that the report shows.
    """
    keys: set[FactKey] = set()
    for sentence in sentences:
        read = text_keys([sentence.text]) if sentence.section is Section.FINDINGS else frozenset()
        if objections(sentence, known, possible):
            read = frozenset((OBJECTED, *key) for key in read) | {(OBJECTED, sentence.text)}
        keys |= read
    return frozenset(keys)


def findings_only(keys: Iterable[FactKey]) -> frozenset[FactKey]:
    """The (breast, kind) keys, without descriptors."""
    return frozenset(k for k in keys if len(k) == 2)


@dataclass(frozen=True)
class FactCounts:
    """Facts of one report or of many: stated and true, stated and false, true and not stated."""

    right: int
    wrong: int
    missed: int

    @property
    def f1(self) -> float:
        """2 right / (2 right + wrong + missed); 1 when nothing is true and nothing is stated."""
        total = 2 * self.right + self.wrong + self.missed
        return 2 * self.right / total if total else 1.0

    @property
    def precision(self) -> float:
        """Share of stated facts that are true; 1 when none is stated."""
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 1.0

    @property
    def recall(self) -> float:
        """Share of true facts that are stated; 1 when there is none."""
        return self.right / (self.right + self.missed) if self.right + self.missed else 1.0

    @property
    def empty(self) -> bool:
        """Whether nothing is true and nothing is stated."""
        return not (self.right or self.wrong or self.missed)

    def __add__(self, other: "FactCounts") -> "FactCounts":
        return FactCounts(self.right + other.right, self.wrong + other.wrong, self.missed + other.missed)


def count_facts(stated: frozenset[FactKey], true: frozenset[FactKey]) -> FactCounts:
    """Counts of one report."""
    return FactCounts(len(stated & true), len(stated - true), len(true - stated))


@dataclass(frozen=True)
class FactScore:
    """Fact F1 of many reports.

    Args:
        pooled: counts over all reports; its F1 is the micro F1, the figure of the report card.
        mean: mean F1 per report; one where nothing is true and nothing stated counts as 1.
        mean_not_empty: the same with those reports left out (NaN when none is left), since they dominate the mean
            where findings are rare.
        num_reports, num_empty: how many there were.
    """

    pooled: FactCounts
    mean: float
    mean_not_empty: float
    num_reports: int
    num_empty: int


def score_facts(reports: Sequence[FactCounts]) -> FactScore:
    """Micro and per-report F1 of many reports; none at all gives NaN means."""
    not_empty = [r for r in reports if not r.empty]
    return FactScore(
        pooled=sum(reports, FactCounts(0, 0, 0)),
        mean=_mean([r.f1 for r in reports]),
        mean_not_empty=_mean([r.f1 for r in not_empty]),
        num_reports=len(reports),
        num_empty=len(reports) - len(not_empty),
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else float("nan")
