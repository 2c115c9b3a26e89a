"""What a model wrote about exams with full ground truth, beside what needs no model: false claims that the gate caught, constants."""

from collections.abc import Sequence
from dataclasses import dataclass

from mammoscribe.domain.evidence import GateResult, Sentence, Writer
from mammoscribe.evaluation.facts import FactCounts, FactKey, count_facts, text_keys


@dataclass(frozen=True)
class ClaimCounts:
    """Claims of a writer.

    Args:
        claims: how many there were.
        false: of these, how many state a fact that is not true of the exam.
        caught: of the false ones, how many the report does not print word for word.
    """

    claims: int
    false: int
    caught: int

    def __add__(self, other: "ClaimCounts") -> "ClaimCounts":
        return ClaimCounts(self.claims + other.claims, self.false + other.false, self.caught + other.caught)

    @property
    def share_caught(self) -> float:
        """Of the false claims; NaN when there is none."""
        return self.caught / self.false if self.false else float("nan")


def count_claims(claims: Sequence[str], printed: Sequence[Sentence], truth: frozenset[FactKey]) -> ClaimCounts:
    """Which claims are false of the exam, and which of these the report prints all the same.

    A claim that states no finding is not counted as false, whatever it denies.

    Args:
        claims: sentences that the model wrote.
        printed: sentences of the report.
        truth: `facts.truth_keys` of the exam.
    """
    kept = {s.text for s in printed if s.gate is GateResult.CONSISTENT and s.writer is not Writer.RENDERER}
    false = [claim for claim in claims if text_keys([claim]) - truth]
    return ClaimCounts(len(claims), len(false), sum(claim not in kept for claim in false))


def best_constant(truths: Sequence[frozenset[FactKey]]) -> list[FactCounts]:
    """For each exam, the facts of the one report that is best on all other exams: what a writer reaches that never looks.

    Candidates are what is true of each other exam, and a report without a finding.
    """
    candidates = list(dict.fromkeys([frozenset(), *truths]))
    counts = [[count_facts(stated, truth) for truth in truths] for stated in candidates]
    totals = [sum(own, FactCounts(0, 0, 0)) for own in counts]
    found = []
    for exam, truth in enumerate(truths):
        alone = truths.count(truth) == 1  # then no other exam could have given this report
        best = max(
            (n for n, stated in enumerate(candidates) if not (alone and stated == truth and stated)),
            key=lambda n: _without(totals[n], counts[n][exam]).f1,
        )
        found.append(counts[best][exam])
    return found


def _without(total: FactCounts, one: FactCounts) -> FactCounts:
    return FactCounts(total.right - one.right, total.wrong - one.wrong, total.missed - one.missed)
