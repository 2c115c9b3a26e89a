"""A report in a few terminal lines: breasts, findings, assessment, warnings."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from mammoscribe.domain.finding import Finding
from mammoscribe.domain.report import Breast, Report
from mammoscribe.exports import words
from mammoscribe.exports.limits import folded


def summary_of(report: Report) -> RenderableType:
    """Breasts, findings and the assessment of a report, for a person at a terminal."""
    parts: list[RenderableType] = [Text(words.SYNTHETIC, style="bold magenta")] if report.exam.synthetic else []
    parts += [*_assessment(report), _breasts(report.breasts)]
    if report.findings:
        parts.append(_findings(report.findings))
    parts += [Text(f"warning: {w}", style="yellow") for w in folded(report.warnings)]
    return Group(*parts)


def _assessment(report: Report) -> list[Text]:
    given = report.assessment
    if given is None:
        reason = words.capitalised(words.rule_words(report.assessment_reason or ""))
        return [Text("No BI-RADS category is given. ", style="bold"), Text(f"{reason}.")]
    return [Text(f"BI-RADS {given.category}: {given.category.facts.wording}. ", style="bold"), Text(given.management)]


def _breasts(breasts: Sequence[Breast]) -> Table:
    table = Table("breast", "BI-RADS", "density", "probability of malignancy", box=None, pad_edge=False)
    for breast in breasts:
        if not breast.imaged:
            table.add_row(breast.laterality.word, "-", "-", Text(words.rule_words(breast.reason or "")))
            continue
        category = str(breast.assessment.category) if breast.assessment else "-"
        chance = words.probability_words(breast)
        malignancy = f"{chance.value}, {chance.meaning}" if chance else "not given"
        table.add_row(breast.laterality.word, category, breast.density or "-", Text(malignancy))
    return table


def _findings(findings: Sequence[Finding]) -> Table:
    table = Table("finding", "what", "where", "seen in", "score", box=None, pad_edge=False)
    for finding in findings:
        what = ", ".join(w for w in (words.finding_noun(finding), words.descriptor_words(finding)) if w)
        seen = ", ".join(mark.view_id for mark in finding.marks)
        table.add_row(finding.id, Text(what), Text(words.location_words(finding)), Text(seen), f"{finding.score:.2f}")
    return table
