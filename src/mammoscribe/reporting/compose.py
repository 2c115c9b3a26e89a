"""The report of an exam: facts and, if a model wrote some, its claims go in; a Report with cited sentences comes out."""

import dataclasses
from collections.abc import Iterable

from mammoscribe.domain.evidence import Claim, Section, Writer
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import Finding
from mammoscribe.domain.lexicon import Edition
from mammoscribe.domain.report import Provenance, Report
from mammoscribe.domain.view import Laterality
from mammoscribe.reporting.facts import in_words_of, prior_pairs
from mammoscribe.reporting.gate import GateOutcome, gate
from mammoscribe.reporting.render import Chart, Statement, render

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
    readable, dropped = _with_readable_change(exam, chart.findings, provenance.edition)
    chart = dataclasses.replace(chart, findings=readable)
    weaker = _with_readable_change(exam, possible, provenance.edition)[0]
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


def _with_readable_change(
    exam: Exam, findings: Iterable[Finding], edition: Edition
) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    """Findings in the edition's terms, without a change where no prior view of the breast pairs with a current one."""
    kept, dropped = [], []
    for finding in findings:
        worded = in_words_of(finding, edition)
        if worded.change is not None and not prior_pairs(exam, worded.laterality):
            dropped.append(f"{worded.id} was called {worded.change}, but no prior view of its breast was read.")
            worded = dataclasses.replace(worded, change=None)
        kept.append(worded)
    return tuple(kept), tuple(dropped)


def _merged(outcome: GateOutcome, rendered: tuple[Statement, ...]) -> tuple[Statement, ...]:
    """Claims that passed, and the rendered statements they left out, in the order of a report.

    A fact counts as said only in its own section: a density mentioned among the findings does not stand for the
    density statement. What states no fact, the indication, no claim can stand for.
    """
    said = {(s.sentence.section, f) for s in outcome.statements for f in s.facts}
    cited = {e for s in outcome.statements for e in s.sentence.evidence}

    def left_out(statement: Statement) -> bool:
        wanted = {(statement.sentence.section, f) for f in statement.facts}
        return not wanted or not said.issuperset(wanted) or not cited.issuperset(statement.sentence.evidence)

    appended = tuple(s for s in rendered if left_out(s))
    return tuple(sorted((*outcome.statements, *appended), key=_place))


def _place(statement: Statement) -> tuple[int, int]:
    return _SECTIONS.index(statement.sentence.section), _SIDES.index(statement.side)
