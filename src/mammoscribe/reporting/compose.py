"""The report of an exam: facts and, if a model wrote some, its claims go in; a Report with cited sentences comes out."""

import dataclasses
from collections.abc import Iterable

from mammoscribe.domain.evidence import Claim, Section, Writer
from mammoscribe.domain.finding import Finding
from mammoscribe.domain.lexicon import Edition, term
from mammoscribe.domain.report import Provenance, Report
from mammoscribe.domain.view import Laterality
from mammoscribe.reporting.chart import Chart, Statement
from mammoscribe.reporting.cite import compared_pairs, speaks_of_change
from mammoscribe.reporting.facts import in_words_of
from mammoscribe.reporting.findings import AS_ASSOCIATED
from mammoscribe.reporting.gate import GateOutcome, gate
from mammoscribe.reporting.render import render

_SECTIONS = list(Section)
_SIDES = [*Laterality, None]


def compose_report(
    chart: Chart,
    provenance: Provenance,
    claims: tuple[Claim, ...] = (),
    writer: Writer = Writer.RENDERER,
    warnings: tuple[str, ...] = (),
    possible: tuple[Finding, ...] = (),
) -> Report:
    """Write the report of one exam.

    Args:
        chart: the exam, what was searched in it, its breasts, and its findings above threshold, which are written in
            the terms of `provenance.edition`.
        provenance: what made the facts.
        claims: sentences of a language model; they always pass the gate, and what fails is kept in `rejected_claims`.
        writer: RENDERER writes from the facts alone; DECODER or EXTERNAL puts the claims that pass in their place,
            and the renderer appends what they left out.
        warnings: carried into the report.
        possible: candidates below the threshold, which "possible" may refer to; carried into the report as marks.

    Returns:
        The report; every sentence cites what it rests on.
    """
    exam = chart.exam
    readable, dropped = _printable(chart, chart.findings, provenance.edition)
    chart = dataclasses.replace(chart, findings=readable)
    weaker = _printable(chart, possible, provenance.edition)[0]
    outcome = gate(claims, chart, weaker)
    written = render(chart) if writer is Writer.RENDERER else _merged(outcome, render(chart))
    return Report(
        exam=exam,
        search=chart.search,
        breasts=chart.breasts,
        findings=readable,
        sentences=tuple(s.sentence for s in written),
        provenance=provenance,
        rejected_claims=outcome.rejected,
        warnings=(*warnings, *dropped),
        possible=weaker,
    )


def _printable(
    chart: Chart, findings: Iterable[Finding], edition: Edition
) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    """Findings in the edition's terms, with the words that may be printed of them, and warnings of what was left out.

    Change needs a prior of a view that shows the finding. No finding is a feature of itself. Descriptors and change are
    withheld where it was not measured how often they are right.
    """
    kept, dropped = [], []
    for finding in findings:
        if not chart.words_measured:
            finding = dataclasses.replace(finding, descriptors=(), change=None)
        worded = in_words_of(_without_itself(finding), edition)
        if speaks_of_change(worded) and not compared_pairs(worded, chart.exam):
            called = worded.change or "developing"
            dropped.append(f"{worded.id} was called {called}, but no prior of a view that shows it was read.")
            worded = dataclasses.replace(worded, change=None, descriptors=_without_developing(worded))
        kept.append(worded)
    return tuple(kept), tuple(dropped)


def _without_itself(finding: Finding) -> Finding:
    """`Calcifications with associated calcifications` is a pleonasm."""
    words = tuple(d for d in finding.descriptors if AS_ASSOCIATED.get(d) is not finding.type)
    return dataclasses.replace(finding, descriptors=words)


def _without_developing(finding: Finding) -> tuple[str, ...]:
    """Its descriptors; `developing` is a focal asymmetry that is new or larger, and without a prior only that."""
    return tuple(term(d).becomes or d if d == "asymmetry.developing" else d for d in finding.descriptors)


def _merged(outcome: GateOutcome, rendered: tuple[Statement, ...]) -> tuple[Statement, ...]:
    """Claims that passed and what they left out of the rendered report, in the order of a report."""
    stated = {point for s in outcome.statements for point in s.points}
    appended = tuple(part for s in rendered for part in s.beyond(stated))
    return tuple(sorted((*outcome.statements, *appended), key=_place))


def _place(statement: Statement) -> tuple[int, int]:
    return _SECTIONS.index(statement.sentence.section), _SIDES.index(statement.side)
