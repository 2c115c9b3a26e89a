"""A report in a few terminal lines: breasts, findings, assessment, warnings."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from mammoscribe.domain.finding import Finding
from mammoscribe.domain.lexicon import term
from mammoscribe.domain.report import Breast, Report


def summary_of(report: Report) -> RenderableType:
    """Breasts, findings and the assessment of a report, for a person at a terminal."""
    parts: list[RenderableType] = [*_assessment(report), _breasts(report.breasts)]
    if report.findings:
        parts.append(_findings(report.findings))
    parts += [Text(f"warning: {w}", style="yellow") for w in report.warnings]
    return Group(*parts)


def _assessment(report: Report) -> list[Text]:
    given = report.assessment
    if given is None:
        return [Text("No BI-RADS category is given. ", style="bold"), Text(report.assessment_reason or "")]
    return [Text(f"BI-RADS {given.category}: {given.category.facts.wording}. ", style="bold"), Text(given.management)]


def _breasts(breasts: Sequence[Breast]) -> Table:
    table = Table("breast", "BI-RADS", "density", "prob. malignant", "calibrated on", box=None, pad_edge=False)
    for breast in breasts:
        if not breast.imaged:
            table.add_row(breast.laterality.word, "not imaged")
            continue
        category = str(breast.assessment.category) if breast.assessment else "-"
        prob, population = "-", breast.reason or ""
        if breast.prob_malignant is not None and breast.calibration is not None:
            prob = f"{breast.prob_malignant:.2f}"
            population = f"{breast.calibration.population} (prevalence {breast.calibration.prevalence:.2f})"
        table.add_row(breast.laterality.word, category, breast.density or "-", prob, population)
    return table


def _findings(findings: Sequence[Finding]) -> Table:
    table = Table("finding", "what", "where", "seen in", "score", box=None, pad_edge=False)
    for finding in findings:
        what = ", ".join([finding.type.value.replace("_", " "), *(term(d).label for d in finding.descriptors)])
        seen = ", ".join(mark.view_id for mark in finding.marks)
        table.add_row(finding.id, Text(what), Text(_where(finding)), Text(seen), f"{finding.score:.2f}")
    return table


def _where(finding: Finding) -> str:
    place = finding.location
    clock = f"{place.clock} o'clock" if place.clock else None
    parts = [place.quadrant or place.half, clock, place.region, place.depth and f"{place.depth} depth"]
    return ", ".join([finding.laterality.word, *(str(p) for p in parts if p)])
