"""The gate: a claim is kept only in words that our own writers have for the facts of the chart; else it is written anew.

1. Generate and match: a claim whose text is among the wordings of true statements (`wordings`) is kept word for word.
2. Any other claim is read by the report parser, and each fact that it states is looked up in the chart. What the chart
   says of it is printed in the renderer's words (`corrected`, the claim's text beside it); a fact that the chart says
   nothing of is not printed (`rejected_claims`).

So no text but our writers' reaches a report, and a mistake of the parser can lose a true claim but print no false one.
"""

import dataclasses
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from mammoscribe.domain.evidence import Claim, Evidence, EvidenceKind, GateResult, RejectedClaim, Sentence, Writer
from mammoscribe.domain.finding import Finding
from mammoscribe.reporting.chart import Chart, Point, Statement
from mammoscribe.reporting.facts import Fact
from mammoscribe.reporting.judge import Judge, Unsupported
from mammoscribe.reporting.parse import parse_claim
from mammoscribe.reporting.wordings import book_of, plain
from mammoscribe.support.errors import InvalidNoun

LONGEST_CLAIM = 2000
"""Characters; no sentence of a report is nearly as long, and reading takes time that grows with the square."""


@dataclass(frozen=True)
class GateOutcome:
    """What passed, as statements, and what did not."""

    statements: tuple[Statement, ...]
    rejected: tuple[RejectedClaim, ...]

    @property
    def sentences(self) -> tuple[Sentence, ...]:
        """The sentences that go into the report."""
        return tuple(s.sentence for s in self.statements)


def gate(claims: Iterable[Claim], chart: Chart, lower_band: tuple[Finding, ...] = ()) -> GateOutcome:
    """Hold claims against the facts of an exam; what one has said, the next does not say again.

    Args:
        claims: in the order they were written.
        chart: the exam, what was searched in it, its breasts, and its findings above threshold.
        lower_band: candidates below the threshold.

    Returns:
        Statements that passed (`consistent` word for word, `corrected` written anew) and rejected claims with reasons.
    """
    keeper = Gate(chart, lower_band)
    passed: list[Statement] = []
    rejected: list[RejectedClaim] = []
    stated: set[Point] = set()
    for claim in claims:
        fresh, reasons = keeper.judge(claim, stated)
        passed += fresh
        stated.update(point for s in fresh for point in s.points)
        if reasons:
            rejected.append(RejectedClaim(claim, "; ".join(dict.fromkeys(reasons))))
    return GateOutcome(tuple(passed), tuple(rejected))


class Gate:
    """The gate of one chart.

    Args:
        chart: what is true.
        lower_band: candidates below the threshold.
    """

    def __init__(self, chart: Chart, lower_band: tuple[Finding, ...] = ()) -> None:
        self._book, self._known_to_chart = book_of(chart, lower_band), Judge(chart, lower_band)

    def judge(self, claim: Claim, stated: Collection[Point] = ()) -> tuple[list[Statement], list[str]]:
        """What may be printed of a claim, beyond what was `stated` before, and why the rest of it is not printed."""
        sentences = _sentences(claim.text)
        ours = [self._in_our_words(s, claim.pointers, stated) for s in sentences]
        reasons: list[str] = []
        if ours and None not in ours:
            given = [(s, text) for s, text in zip(ours, sentences, strict=True) if s]
            fresh = _new(given, stated, claim.writer, GateResult.CONSISTENT)
        else:
            supporting, reasons = self._supporting(claim, stated)
            given = [(s, claim.text.strip()) for s in supporting]
            fresh = _new(given, stated, claim.writer, GateResult.CORRECTED)
        return fresh, reasons or ([] if fresh else ["the report says so already"])

    def _in_our_words(self, text: str, pointers: Sequence[Evidence], stated: Collection[Point]) -> Statement | None:
        """The true statement that our writers word exactly so: of several, one not yet made, then the one pointed at."""
        pointed = {e for e in pointers if e.kind is EvidenceKind.FINDING}

        def fit(option: Statement) -> tuple[bool, bool]:
            return option.points.isdisjoint(stated), not pointed.isdisjoint(option.sentence.evidence)

        return max(self._book.get(plain(text), []), key=fit, default=None)

    def _supporting(self, claim: Claim, stated: Collection[Point]) -> tuple[list[Statement], list[str]]:
        """What the chart says of the facts that a claim states, and why nothing is said of the others."""
        facts, reason = _facts(claim.text)
        if reason:
            return [], [reason]
        supporting, reasons = [], []
        for fact in facts:
            try:
                supporting += self._known_to_chart.of(fact, claim.pointers, stated)
            except Unsupported as unsupported:
                reasons.append(str(unsupported))
        return supporting, reasons


def _facts(text: str) -> tuple[Sequence[Fact], str]:
    """The facts that the parser reads from a claim, or why there are none."""
    if len(text) > LONGEST_CLAIM:
        return (), f"could not be read ({len(text)} characters are no sentence of a report)"
    try:
        parsed = parse_claim(text)
    except InvalidNoun as impossible:
        return (), f"could not be read ({impossible})"
    unread = ", ".join(parsed.unread) or "it states nothing"
    return parsed.facts, "" if parsed.facts else f"could not be read ({unread})"


def _new(
    given: Iterable[tuple[Statement, str]], stated: Collection[Point], writer: Writer, result: GateResult
) -> list[Statement]:
    """What (statement, text of the claim) pairs say beyond what was said; a part of a sentence is not the claim's own."""
    known: set[Point] = set(stated)
    fresh: list[Statement] = []
    for statement, original in given:
        new = list(statement.beyond(known))
        fresh += [_signed(s, writer, result if s is statement else GateResult.CORRECTED, original) for s in new]
        known |= statement.points
    return fresh


def _signed(statement: Statement, writer: Writer, result: GateResult, original: str) -> Statement:
    sentence = statement.sentence
    differs = None if original == sentence.text else original
    signed = dataclasses.replace(sentence, writer=writer, gate=result, original=differs)
    return dataclasses.replace(statement, sentence=signed, parts=statement.parts or (statement,))


def _sentences(text: str) -> list[str]:
    """A claim's sentences: it may hold several, and each can be one of ours."""
    return [s for s in re.split(r"(?<=[.!?])\s+(?=[A-Z])", text.strip()) if s]
