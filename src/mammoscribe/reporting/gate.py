"""The gate: a claim is kept only in words that our own writers have for the facts of the chart; else it is written anew.

1. Generate and match: a claim whose text is among the wordings of true statements (`wordings`) is kept word for word.
2. Any other claim is read by the report parser, and each fact that it states is looked up in the chart. What the chart
   says of it is printed in the renderer's words (`corrected`, the claim's text beside it); a fact that the chart says
   nothing of is not printed (`rejected_claims`).

So no text but our writers' reaches a report, and a mistake of the parser can lose a true claim but print no false one.
"""

import dataclasses
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mammoscribe.domain.evidence import Claim, Evidence, EvidenceKind, GateResult, RejectedClaim, Sentence
from mammoscribe.domain.finding import Finding
from mammoscribe.reporting.chart import Chart, Point, Statement
from mammoscribe.reporting.judge import Judge, Unsupported
from mammoscribe.reporting.parse import parse_claim
from mammoscribe.reporting.wordings import book_of, plain


@dataclass(frozen=True)
class GateOutcome:
    """What passed, as statements, and what did not."""

    statements: tuple[Statement, ...]
    rejected: tuple[RejectedClaim, ...]

    @property
    def sentences(self) -> tuple[Sentence, ...]:
        """Sentences that may stand in the report."""
        return tuple(s.sentence for s in self.statements)


def gate(claims: Iterable[Claim], chart: Chart, lower_band: tuple[Finding, ...] = ()) -> GateOutcome:
    """Hold claims against the facts of an exam.

    Args:
        claims: in the order they were written.
        chart: the exam, what was searched in it, its breasts, and its findings above threshold.
        lower_band: candidates below the threshold.

    Returns:
        Statements that passed (`consistent` word for word, `corrected` written anew) and rejected claims with reasons.
    """
    gatekeeper = _Gate(chart, lower_band)
    for claim in claims:
        gatekeeper.take(claim)
    return GateOutcome(tuple(gatekeeper.passed), tuple(gatekeeper.rejected))


class _Gate:
    """Takes one claim after the other; what one has said, the next does not say again."""

    def __init__(self, chart: Chart, lower_band: tuple[Finding, ...]) -> None:
        self.book, self.judge = book_of(chart, lower_band), Judge(chart, lower_band)
        self.said: set[Point] = set()
        self.passed: list[Statement] = []
        self.rejected: list[RejectedClaim] = []

    def take(self, claim: Claim) -> None:
        """Print what is true of a claim and new, and record what is not printed of it."""
        sentences = _sentences(claim.text)
        kept = [self._in_our_words(s, claim.pointers) for s in sentences]
        reasons: list[str] = []
        if kept and None not in kept:
            fresh = [f for s, text in zip(kept, sentences, strict=True) if s for f in self._new(s, claim, text)]
        else:
            supporting, reasons = self._supporting(claim)
            fresh = [f for s in supporting for f in self._new(s, claim)]
        self.passed += fresh
        if not fresh and not reasons:
            reasons = ["the report says so already"]
        if reasons:
            self.rejected.append(RejectedClaim(claim, "; ".join(dict.fromkeys(reasons))))

    def _in_our_words(self, text: str, pointers: Sequence[Evidence]) -> Statement | None:
        """The true statement that our writers word exactly so: of several, one not yet made, then the one pointed at."""
        options = self.book.get(plain(text), [])
        pointed = {e for e in pointers if e.kind is EvidenceKind.FINDING}
        fit = lambda s: (s.points.isdisjoint(self.said), not pointed.isdisjoint(s.sentence.evidence))  # noqa: E731
        return max(options, key=fit, default=None)

    def _supporting(self, claim: Claim) -> tuple[list[Statement], list[str]]:
        """What the chart says of the facts that a claim states, and why nothing is said of the others."""
        parsed = parse_claim(claim.text)
        if not parsed.facts:
            return [], [f"could not be read ({', '.join(parsed.unread) or 'it states nothing'})"]
        supporting, reasons = [], []
        for fact in parsed.facts:
            try:
                supporting += self.judge.statements(fact, claim.pointers, self.said)
            except Unsupported as unsupported:
                reasons.append(str(unsupported))
        return supporting, reasons

    def _new(self, statement: Statement, claim: Claim, kept: str | None = None) -> list[Statement]:
        """What a statement says beyond what was said, signed by the claim's writer; `kept` is its own text if it fits."""
        fresh = list(statement.beyond(self.said))
        self.said |= statement.points
        result = GateResult.CONSISTENT if kept is not None and fresh == [statement] else GateResult.CORRECTED
        original = claim.text.strip() if kept is None else kept
        return [_signed(s, claim, result, original) for s in fresh]


def _signed(statement: Statement, claim: Claim, result: GateResult, original: str) -> Statement:
    sentence = statement.sentence
    differs = None if original == sentence.text else original
    signed = dataclasses.replace(sentence, writer=claim.writer, gate=result, original=differs)
    return dataclasses.replace(statement, sentence=signed, parts=statement.parts or (statement,))


def _sentences(text: str) -> list[str]:
    """A claim's sentences: it may hold several, and each can be one of ours."""
    return [s for s in re.split(r"(?<=[.!?])\s+(?=[A-Z])", text.strip()) if s]
