"""The gate: every claim of a language model is read back into facts, and each fact is held against the findings.

Rules (DESIGN, "Gate rules"): a positive agrees only with a finding of the same type and breast; a stated attribute
that differs is re-rendered from the finding (corrected); a negative against a finding is corrected; an uncertain one
needs a finding in the lower score band; what was not imaged, change without a prior, and text that cannot be read are
rejected. A claim stands word for word only when every word of it was read and every fact agrees.
"""

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from mammoscribe.domain.evidence import Claim, Evidence, EvidenceKind, GateResult, RejectedClaim, Section, Sentence
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import Change, Finding
from mammoscribe.domain.report import Breast
from mammoscribe.domain.view import Laterality
from mammoscribe.reporting import render
from mammoscribe.reporting.facts import (
    NOT_IMAGED,
    Fact,
    FactKind,
    Status,
    fact_of_finding,
    prior_pairs,
)
from mammoscribe.reporting.parse import ParsedSentence, parse_claim
from mammoscribe.reporting.render import Chart, Statement

_Identity = tuple[tuple[Fact, ...], tuple[Evidence, ...]]


@dataclass(frozen=True)
class GateOutcome:
    """What passed, as statements, and what did not."""

    statements: tuple[Statement, ...]
    rejected: tuple[RejectedClaim, ...]

    @property
    def sentences(self) -> tuple[Sentence, ...]:
        """Sentences that may stand in the report."""
        return tuple(s.sentence for s in self.statements)


@dataclass(frozen=True)
class _Verdict:
    """On one fact: statements that say it truly, or a reason why nothing does."""

    result: GateResult
    statements: tuple[Statement, ...] = ()
    reason: str = ""


def gate(
    claims: Iterable[Claim],
    exam: Exam,
    findings: tuple[Finding, ...],
    breasts: tuple[Breast, Breast],
    lower_band: tuple[Finding, ...] = (),
) -> GateOutcome:
    """Hold claims against the findings of an exam.

    Args:
        claims: in the order they were written.
        exam: what was read.
        findings: above threshold.
        breasts: right, then left.
        lower_band: candidates below the threshold.

    Returns:
        Statements that passed (`consistent` word for word, `corrected` re-rendered) and rejected claims with reasons.
    """
    judge = _Judge(Chart(exam, breasts, findings), lower_band)
    passed: list[Statement] = []
    rejected: list[RejectedClaim] = []
    for claim in claims:
        statements, reason = _pass(claim, parse_claim(claim.text), judge, {_identity(s) for s in passed})
        passed += statements
        judge.stated |= {e.ref for s in statements for e in s.sentence.evidence if e.kind is EvidenceKind.FINDING}
        if reason:
            rejected.append(RejectedClaim(claim, reason))
    return GateOutcome(tuple(passed), tuple(rejected))


def _pass(claim: Claim, parsed: ParsedSentence, judge: "_Judge", said: set[_Identity]) -> tuple[list[Statement], str]:
    """Statements a claim is good for, and the reason for what it is not good for ("" when nothing is lost)."""
    if not parsed.facts:
        return [], f"could not be read ({', '.join(parsed.unread) or 'it states nothing'})"
    verdicts = [judge.fact(f, claim.pointers) for f in parsed.facts]
    reasons = [v.reason for v in verdicts if v.result is GateResult.UNSUPPORTED]
    if parsed.fully_read and all(v.result is GateResult.CONSISTENT for v in verdicts):
        return [_verbatim(claim, parsed, verdicts)], ""
    corrected = {_identity(s): s for v in verdicts for s in v.statements}
    fresh = [_corrected(s, claim) for identity, s in corrected.items() if identity not in said]
    if corrected and not fresh and not reasons:
        reasons = ["corrected, it repeats a sentence that is already there"]
    return fresh, "; ".join(dict.fromkeys(reasons))


def _identity(statement: Statement) -> _Identity:
    """What a statement says of what: two wordings of it are one statement."""
    return statement.facts, statement.sentence.evidence


def _verbatim(claim: Claim, parsed: ParsedSentence, verdicts: Sequence[_Verdict]) -> Statement:
    support = [s for v in verdicts for s in v.statements]
    evidence = tuple(dict.fromkeys(e for s in support for e in s.sentence.evidence))
    section = _section(parsed.facts)
    sentence = Sentence(claim.text.strip(), section, evidence, claim.writer, GateResult.CONSISTENT)
    return Statement(sentence, tuple(dict.fromkeys(f for s in support for f in s.facts)))


def _corrected(statement: Statement, claim: Claim) -> Statement:
    sentence = dataclasses.replace(statement.sentence, writer=claim.writer, gate=GateResult.CORRECTED)
    return dataclasses.replace(statement, sentence=sentence)


_SECTION_OF = {
    FactKind.DENSITY: Section.COMPOSITION,
    FactKind.BIRADS: Section.IMPRESSION,
    FactKind.RECOMMENDATION: Section.RECOMMENDATION,
    FactKind.TECHNIQUE: Section.TECHNIQUE,
    FactKind.COMPARISON: Section.COMPARISON,
    FactKind.LIMIT: Section.LIMITS,
}


def _section(facts: Sequence[Fact]) -> Section:
    """Findings first: a sentence that names one belongs there, whatever else it says."""
    sections = [_SECTION_OF.get(f.kind, Section.FINDINGS) for f in facts]
    return Section.FINDINGS if Section.FINDINGS in sections else sections[0]


def _agree(*statements: Statement) -> _Verdict:
    return _Verdict(GateResult.CONSISTENT, statements)


def _correct(*statements: Statement) -> _Verdict:
    return _Verdict(GateResult.CORRECTED, statements)


def _reject(reason: str) -> _Verdict:
    return _Verdict(GateResult.UNSUPPORTED, (), reason)


class _Judge:
    """Holds single facts against one chart; `stated` are the findings that earlier claims have used."""

    def __init__(self, chart: Chart, lower_band: tuple[Finding, ...]) -> None:
        self.chart, self.exam, self.lower_band = chart, chart.exam, lower_band
        self.stated: set[str] = set()

    def fact(self, fact: Fact, pointers: Sequence[Evidence] = ()) -> _Verdict:
        """The verdict on one fact."""
        if reason := self._out_of_reach(fact):
            return _reject(reason)
        if fact.kind.is_finding:
            rules: dict[Status, Callable[[], _Verdict]] = {
                Status.POSITIVE: lambda: self._positive(fact, pointers),
                Status.NEGATIVE: lambda: self._negative(fact),
                Status.UNCERTAIN: lambda: self._uncertain(fact),
            }
            return rules[fact.status]()
        by_kind: dict[FactKind, Callable[[Fact], _Verdict]] = {
            FactKind.ASSOCIATED: self._associated,
            FactKind.CHANGE: self._change,
            FactKind.DENSITY: self._density,
            FactKind.BIRADS: self._birads,
            FactKind.RECOMMENDATION: lambda f: self._same(f, [render.recommendation(self.chart)]),
            FactKind.TECHNIQUE: lambda f: self._same(f, [render.technique(self.chart)]),
            FactKind.COMPARISON: self._comparison,
            FactKind.LIMIT: self._limit,
        }
        return by_kind[fact.kind](fact)

    def _out_of_reach(self, fact: Fact) -> str:
        """Why the exam cannot speak to the fact at all, or ""."""
        side = fact.laterality
        if side is not None and side not in self.exam.imaged and fact.value != NOT_IMAGED:
            return f"the {side.word} breast was not imaged"
        shown = {v.projection for v in (self.exam.views_of(side) if side else self.exam.current)}
        if missing := sorted(fact.views - shown):
            return f"the {missing[0]} view{f' of the {side.word} breast' if side else ''} was not imaged"
        if fact.change is not None and not prior_pairs(self.exam, side):
            return "it speaks of change, and no prior was read"
        return ""

    def _sides(self, fact: Fact) -> tuple[Laterality, ...]:
        return (fact.laterality,) if fact.laterality else self.exam.imaged

    def _candidates(self, fact: Fact, findings: Iterable[Finding]) -> list[Finding]:
        kinds = {k.value for k in FactKind} if fact.kind is FactKind.ANY_FINDING else {fact.kind.value}
        return [f for f in findings if f.type.value in kinds and f.laterality in self._sides(fact)]

    def _render(self, findings: Iterable[Finding]) -> tuple[Statement, ...]:
        return tuple(render.finding_statement(f, self.exam) for f in findings)

    def _positive(self, fact: Fact, pointers: Sequence[Evidence]) -> _Verdict:
        if fact.kind is FactKind.ANY_FINDING:
            return _reject("it names no kind of finding")
        if fact.laterality is None and len(self.exam.imaged) > 1:
            return _reject("it names no breast")
        candidates = self._candidates(fact, self.chart.findings)
        if not candidates:
            below = " (only below the threshold)" if self._candidates(fact, self.lower_band) else ""
            return _reject(f"no {_kind_words(fact)} was found{_in_breast(fact)}{below}")
        pointed = {e.ref for e in pointers if e.kind is EvidenceKind.FINDING}

        def fit(finding: Finding) -> tuple[int, bool, bool]:
            clashes = _clashes(fact, fact_of_finding(finding, self.exam))
            return -clashes, finding.id in pointed, finding.id not in self.stated

        best = max(candidates, key=fit)
        if fact.laterality is None or fit(best)[0] < 0:
            return _correct(*self._render([best]))
        return _agree(*self._render([best]))

    def _negative(self, fact: Fact) -> _Verdict:
        if contradicting := self._candidates(fact, self.chart.findings):
            return _correct(*self._render(contradicting))
        return _agree(self._stated(fact, render.cite_searched(self.exam, self._sides(fact))))

    def _uncertain(self, fact: Fact) -> _Verdict:
        if fact.kind is FactKind.ANY_FINDING:
            return _reject("it names no kind of finding")
        if fact.laterality is None and len(self.exam.imaged) > 1:
            return _reject("it names no breast")
        if above := self._candidates(fact, self.chart.findings):
            return _correct(*self._render(above))
        if not (below := self._candidates(fact, self.lower_band)):
            return _reject(f"no {_kind_words(fact)} in the lower score band{_in_breast(fact)}")
        best = min(below, key=lambda f: _clashes(fact, fact_of_finding(f, self.exam)))
        said = render.uncertain_statement(best, self.exam)
        return _correct(said) if _clashes(fact, said.facts[0]) or fact.laterality is None else _agree(said)

    def _associated(self, fact: Fact) -> _Verdict:
        bearing = [
            f
            for f in self.chart.findings
            if f.laterality in self._sides(fact)
            and (fact.descriptors & set(f.descriptors) or f"associated.{f.type.value}" in fact.descriptors)
        ]
        if fact.status is Status.NEGATIVE and not bearing:
            return _agree(self._stated(fact, render.cite_searched(self.exam, self._sides(fact))))
        if not bearing:
            return _reject(f"no finding{_in_breast(fact)} shows it")
        named = fact.laterality is not None and fact.status is Status.POSITIVE
        return _agree(*self._render(bearing)) if named else _correct(*self._render(bearing))

    def _change(self, fact: Fact) -> _Verdict:
        here = [f for f in self.chart.findings if f.laterality in self._sides(fact)]
        same = [f for f in here if f.change is fact.change]
        if not same:
            return _reject("no finding shows this change")
        stable = fact.change is Change.STABLE and len(same) == len(here)
        return _agree(*self._render(same)) if stable else _correct(*self._render(same))

    def _density(self, fact: Fact) -> _Verdict:
        breasts = [self.chart.breast(s) for s in self._sides(fact)]
        truth = [render.density_statement(b) for b in breasts]
        if fact.value and any(b.density is None for b in breasts):
            return _reject("the density was not assessed")
        return _agree(*truth) if all(b.density == fact.value for b in breasts) else _correct(*truth)

    def _birads(self, fact: Fact) -> _Verdict:
        if fact.laterality is None:
            truth = render.overall_statement(self.chart)
        else:
            truth = render.birads_statement(self.chart.breast(fact.laterality))
        return self._same(fact, [truth])

    def _comparison(self, fact: Fact) -> _Verdict:
        truth = render.comparison(self.chart)
        if fact.status is Status.POSITIVE and truth.facts[0].status is Status.NEGATIVE:
            return _reject("it compares, and no prior was read")
        undated = fact.value is None and fact.status is truth.facts[0].status
        return _agree(truth) if undated else self._same(fact, [truth])

    def _limit(self, fact: Fact) -> _Verdict:
        for statement in render.limits(self.chart):
            if fact in statement.facts:
                return _agree(statement)
        return _reject("the exam does not have this limit")

    def _same(self, fact: Fact, truth: list[Statement]) -> _Verdict:
        """Agrees when one of the true statements holds exactly this fact."""
        return _agree(*truth) if any(fact in s.facts for s in truth) else _correct(*truth)

    def _stated(self, fact: Fact, evidence: tuple[Evidence, ...]) -> Statement:
        """A negative that no finding contradicts; used word for word, or rendered when the claim had unread words."""
        sides = [s.word for s in self._sides(fact)]
        where = f"the {sides[0]} breast" if len(sides) == 1 else "either breast"
        text = f"No {_kind_words(fact)} in {where}."
        sentence = Sentence(text, Section.FINDINGS, evidence)
        return Statement(sentence, tuple(dataclasses.replace(_bare(fact), laterality=s) for s in self._sides(fact)))


def _bare(fact: Fact) -> Fact:
    """The negative without attributes: what is not there at all is not there in any form."""
    kept = fact.descriptors if fact.kind is FactKind.ASSOCIATED else frozenset()
    return Fact(fact.status, fact.kind, fact.laterality, descriptors=kept)


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
    wrong += claimed.only and claimed.views != truth.views
    for name in ("quadrant", "clock", "depth", "half", "region"):
        value = getattr(place, name)
        wrong += value is not None and value != getattr(true_place, name)
    for name in ("size_mm", "shorter_mm"):
        wrong += getattr(claimed, name) is not None and getattr(claimed, name) != getattr(truth, name)
    wrong += claimed.change is not None and claimed.change is not truth.change
    return wrong
