"""What a chart says of a fact that somebody states: the true statements about it, or why there is none."""

from collections.abc import Callable, Collection, Iterable, Sequence

from mammoscribe.domain.evidence import Evidence, EvidenceKind
from mammoscribe.domain.finding import Finding, FindingType
from mammoscribe.domain.view import Laterality
from mammoscribe.reporting.chart import Chart, Point, Statement
from mammoscribe.reporting.facts import NOT_IMAGED, Fact, FactKind, Status, fact_of_finding, prior_pairs
from mammoscribe.reporting.findings import (
    AS_ASSOCIATED,
    finding_statement,
    kinds_shown,
    negative_statement,
    searched_alike,
    single_negatives,
    uncertain_statement,
)
from mammoscribe.reporting.impression import (
    birads_statement,
    overall_statement,
    recommendation,
    recommendations,
    suspicion_statements,
)
from mammoscribe.reporting.render import (
    comparison_statement,
    composition,
    density_statement,
    limits,
    technique_statement,
)

Statements = Sequence[Statement]


class Unsupported(Exception):
    """The chart says nothing of a fact; the message is the reason."""


class Judge:
    """Answers for one chart.

    Args:
        chart: what is true.
        lower_band: candidates below the threshold, which may be called possible.
    """

    def __init__(self, chart: Chart, lower_band: tuple[Finding, ...]) -> None:
        self.chart, self.exam, self.lower_band = chart, chart.exam, lower_band

    def of(self, fact: Fact, pointers: Sequence[Evidence] = (), stated: Collection[Point] = ()) -> Statements:
        """What is true about the matter of `fact`, in the renderer's words, whether or not it is what the fact states.

        Args:
            fact: as it was read.
            pointers: what the claim pointed at, which decides between findings that fit alike.
            stated: what has been said before; of findings that fit alike, one not yet named comes first.

        Raises:
            Unsupported: when nothing in the chart is about it.
        """
        self._check_reach(fact)
        if fact.kind.is_finding:
            if fact.status is Status.NEGATIVE:
                return self._denied(fact, _types_of(fact.kind))
            return self._positive(fact, pointers, stated) if fact.status is Status.POSITIVE else self._uncertain(fact)
        by_kind: dict[FactKind, Callable[[Fact], Statements]] = {
            FactKind.ASSOCIATED: self._associated,
            FactKind.CHANGE: self._change,
            FactKind.DENSITY: self._density,
            FactKind.BIRADS: self._birads,
            FactKind.RECOMMENDATION: self._recommendation,
            FactKind.SUSPICION: self._suspicion,
            FactKind.TECHNIQUE: lambda _: [technique_statement(self.exam)],
            FactKind.COMPARISON: self._comparison,
            FactKind.LIMIT: self._limit,
        }
        return by_kind[fact.kind](fact)

    def _check_reach(self, fact: Fact) -> None:
        """Whether the exam can speak to the fact at all."""
        side = fact.laterality
        if side is not None and side not in self.exam.imaged and fact.value != NOT_IMAGED:
            raise Unsupported(f"the {side.word} breast was not imaged")
        shown = {v.projection for v in (self.exam.views_of(side) if side else self.exam.current)}
        if missing := sorted(fact.views - shown):
            raise Unsupported(f"the {missing[0]} view{f' of the {side.word} breast' if side else ''} was not imaged")
        if fact.change is not None and not prior_pairs(self.exam, side):
            raise Unsupported("it speaks of change, and no prior was read")

    def _sides(self, fact: Fact) -> tuple[Laterality, ...]:
        return (fact.laterality,) if fact.laterality else self.exam.imaged

    # --- findings -------------------------------------------------------------------------------------------------

    def _candidates(self, fact: Fact, findings: Iterable[Finding]) -> list[Finding]:
        kinds, sides = _types_of(fact.kind), self._sides(fact)
        return [f for f in findings if f.type in kinds and f.laterality in sides]

    def _rendered(self, findings: Iterable[Finding]) -> Statements:
        return [finding_statement(f, self.exam) for f in findings]

    def _check_specific(self, fact: Fact) -> None:
        if fact.kind is FactKind.ANY_FINDING:
            raise Unsupported("it names no kind of finding")
        if fact.laterality is None and len(self.exam.imaged) > 1:
            raise Unsupported("it names no breast")

    def _positive(self, fact: Fact, pointers: Sequence[Evidence], stated: Collection[Point]) -> Statements:
        self._check_specific(fact)
        candidates = self._candidates(fact, self.chart.findings)
        if not candidates:
            below = " (only below the threshold)" if self._candidates(fact, self.lower_band) else ""
            raise Unsupported(f"no {_kind_words(fact)} was found{_in_breast(fact)}{below}")
        pointed = {e.ref for e in pointers if e.kind is EvidenceKind.FINDING}

        def fit(finding: Finding) -> tuple[int, bool, bool]:
            fresh = finding_statement(finding, self.exam).points.isdisjoint(stated)
            return -_clashes(fact, fact_of_finding(finding, self.exam)), finding.id in pointed, fresh

        return self._rendered([max(candidates, key=fit)])

    def _denied(self, fact: Fact, kinds: Sequence[FindingType]) -> Statements:
        """The findings that contradict a denial; of a breast without them, what can be denied of it."""
        stated: list[Statement] = []
        for side in self._sides(fact):
            contradicting = [f for f in self.chart.findings_of(side) if not kinds_shown([f]).isdisjoint(kinds)]
            stated += self._rendered(contradicting) or self._negatives(side, kinds)
        if not stated:
            raise Unsupported(f"{_kind_words(fact)} was not searched for{_in_breast(fact)}")
        return stated

    def _negatives(self, side: Laterality, kinds: Sequence[FindingType]) -> Statements:
        if self.chart.findings_of(side):
            return [s for kind, s in single_negatives(self.chart, side).items() if kind in kinds]
        alike = searched_alike(side, self.chart.search)
        return [
            negative_statement(side, self.chart.search, group) for group in alike if not set(group).isdisjoint(kinds)
        ]

    def _uncertain(self, fact: Fact) -> Statements:
        self._check_specific(fact)
        if above := self._candidates(fact, self.chart.findings):
            return self._rendered(above)
        if not (below := self._candidates(fact, self.lower_band)):
            raise Unsupported(f"no {_kind_words(fact)} in the lower score band{_in_breast(fact)}")
        best = min(below, key=lambda f: _clashes(fact, fact_of_finding(f, self.exam)))
        return [uncertain_statement(best, self.exam)]

    def _associated(self, fact: Fact) -> Statements:
        kinds = {AS_ASSOCIATED[d] for d in fact.descriptors if d in AS_ASSOCIATED}
        here = [f for side in self._sides(fact) for f in self.chart.findings_of(side)]
        bearing = [f for f in here if fact.descriptors & set(f.descriptors) or f.type in kinds]
        if fact.status is Status.NEGATIVE and kinds and not bearing:
            return self._denied(fact, tuple(kinds))
        if not bearing:
            raise Unsupported(f"no finding{_in_breast(fact)} shows {_kind_words(fact)}")
        return self._rendered(bearing)

    def _change(self, fact: Fact) -> Statements:
        here = [f for side in self._sides(fact) for f in self.chart.findings_of(side)]
        if not (same := [f for f in here if f.change is fact.change]):
            raise Unsupported("no finding shows this change")
        return self._rendered(same)

    # --- breasts and exam -----------------------------------------------------------------------------------------

    def _density(self, fact: Fact) -> Statements:
        if fact.laterality is None:
            return composition(self.chart)
        return [density_statement(fact.laterality, self.chart.breast(fact.laterality).density)]

    def _birads(self, fact: Fact) -> Statements:
        if fact.laterality is None:
            return [overall_statement(self.chart)]
        return [birads_statement(self.chart.breast(fact.laterality), self.chart)]

    def _recommendation(self, fact: Fact) -> Statements:
        if fact.laterality is None:
            return recommendations(self.chart)
        return [recommendation(self.chart, self.chart.breast(fact.laterality))]

    def _suspicion(self, fact: Fact) -> Statements:
        stated = [s for side in self._sides(fact) for s in suspicion_statements(self.chart, self.chart.breast(side))]
        if not stated:
            raise Unsupported("no level of suspicion was given")
        return stated

    def _comparison(self, fact: Fact) -> Statements:
        if fact.status is Status.POSITIVE and not prior_pairs(self.exam):
            raise Unsupported("it compares, and no prior was read")
        return [comparison_statement(self.exam)]

    def _limit(self, fact: Fact) -> Statements:
        matter = [
            s
            for s in limits(self.chart)
            if any(f.value == fact.value and fact.laterality in (None, f.laterality) for f in s.facts)
        ]
        if not matter:
            raise Unsupported("the exam does not have this limit")
        return matter


def _types_of(kind: FactKind) -> tuple[FindingType, ...]:
    return tuple(FindingType) if kind is FactKind.ANY_FINDING else (FindingType(kind.value),)


def _kind_words(fact: Fact) -> str:
    if fact.kind is FactKind.ASSOCIATED:
        return " or ".join(sorted(d.split(".", 1)[1].replace("_", " ") for d in fact.descriptors))
    return "suspicious finding" if fact.kind is FactKind.ANY_FINDING else fact.kind.value.replace("_", " ")


def _in_breast(fact: Fact) -> str:
    return f" in the {fact.laterality.word} breast" if fact.laterality else ""


def _clashes(claimed: Fact, truth: Fact) -> int:
    """How many stated attributes differ from the finding's; what was left unsaid does not count."""
    place, true_place = claimed.location, truth.location
    wrong = len(claimed.descriptors - truth.descriptors - {"asymmetry.asymmetry"}) + len(claimed.views - truth.views)
    for name in ("quadrant", "clock", "depth", "half", "region", "nipple_distance_mm"):
        value = getattr(place, name)
        wrong += value is not None and value != getattr(true_place, name)
    for name in ("size_mm", "shorter_mm"):
        value = getattr(claimed, name)
        wrong += value is not None and value != getattr(truth, name)
    wrong += claimed.only and not (truth.only and claimed.views == truth.views)
    wrong += claimed.change is not None and claimed.change is not truth.change
    return wrong
