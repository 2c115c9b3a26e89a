"""Every wording that our writers have for what is true of a chart: what the gate may keep word for word.

The writers themselves make the sentences, the renderer and the reference styles, led through all their choices.
"""

from collections.abc import Callable, Iterator, Sequence

from mammoscribe.domain.finding import Finding, FindingType
from mammoscribe.domain.view import Laterality
from mammoscribe.reporting.chart import Chart, Statement, joined
from mammoscribe.reporting.choices import Pick, every
from mammoscribe.reporting.facts import box_mm
from mammoscribe.reporting.findings import (
    finding_statement,
    negative_statement,
    negative_statements,
    searched_alike,
    single_negatives,
    uncertain_statement,
    unmeasured_statement,
    without_lengths,
)
from mammoscribe.reporting.impression import birads_statement, overall_statement
from mammoscribe.reporting.render import comparison_statement, density_statement, render
from mammoscribe.reporting.styles import (
    ALL_STYLES,
    Style,
    birads_text,
    comparison_text,
    density_text,
    negative_text,
    overall_text,
)

_ONE_SIGN = str.maketrans({"–": "-", "—": "-", "‑": "-", "−": "-", "’": "'", "‘": "'", "×": "x"})


def plain(text: str) -> str:
    """The text as it is compared: lower case, plain dashes and quotes, single spaces."""
    return " ".join(text.translate(_ONE_SIGN).lower().split())


def book_of(chart: Chart, possible: Sequence[Finding] = ()) -> dict[str, list[Statement]]:
    """Plain text -> the true statements that are worded so; two findings that are alike share their wordings.

    Args:
        chart: what is true.
        possible: findings in the lower score band, which may be called possible.
    """
    book: dict[str, list[Statement]] = {}
    for statement in _wordings(chart, possible):
        book.setdefault(plain(statement.sentence.text), []).append(statement)
    return book


def _wordings(chart: Chart, possible: Sequence[Finding]) -> Iterator[Statement]:
    exam = chart.exam
    yield from (s for s in render(chart) if s.facts)
    yield from (uncertain_statement(f, exam) for f in possible)
    yield from _in_styles(comparison_statement(exam), lambda style, pick: comparison_text(style, exam, pick))
    for finding in chart.findings:
        yield from _of_finding(finding, chart)
    for side in exam.imaged:
        yield from _of_breast(side, chart)
    if len(exam.imaged) == 2:
        yield from _of_both(chart)
    overall = overall_statement(chart)
    if category := chart.category:
        yield from _in_styles(overall, lambda style, pick: overall_text(style, category, pick))


def _in_styles(statement: Statement, write: Callable[[Style, Pick], str | None]) -> Iterator[Statement]:
    """The statement in every wording of every style; a style that has none for it gives None."""
    for style in ALL_STYLES:
        for text in every(lambda pick, style=style: write(style, pick)):
            if text:
                yield statement.in_words(text)


def _of_finding(finding: Finding, chart: Chart) -> Iterator[Statement]:
    """With its lengths, and without them as a decoder writes that is not shown them."""
    exam, unmeasured = chart.exam, without_lengths(finding)
    box = box_mm(finding, exam)
    yield from _in_styles(finding_statement(finding, exam), lambda style, pick: style.finding(finding, box, pick))
    without = unmeasured_statement(finding, exam)
    yield without
    yield from _in_styles(without, lambda style, pick: style.finding(unmeasured, None, pick))


def _of_breast(side: Laterality, chart: Chart) -> Iterator[Statement]:
    breast = chart.breast(side)
    yield density_statement(side, breast.density)
    if letter := breast.density:
        density = density_statement(side, letter)
        yield from _in_styles(density, lambda style, pick: density_text(style, side, letter, pick))
    if breast.assessment:
        category = breast.assessment.category
        birads = birads_statement(breast, chart)
        yield from _in_styles(birads, lambda style, pick: birads_text(style, side, category, pick))
    single = [(k,) for k in single_negatives(chart, side)]
    for kinds in single if chart.findings_of(side) else searched_alike(side, chart.search):
        yield from _of_negative(side, chart, kinds)


def _of_negative(side: Laterality, chart: Chart, kinds: tuple[FindingType, ...]) -> Iterator[Statement]:
    statement = negative_statement(side, chart.search, kinds)
    yield statement
    yield from _in_styles(statement, lambda style, pick: negative_text(style, side, chart.search, kinds, pick))


def _of_both(chart: Chart) -> Iterator[Statement]:
    """One negative for both breasts, where both were searched for everything and show nothing."""
    if not chart.findings and all(chart.search.complete(s) for s in Laterality):
        parts = [s for side in Laterality for s in negative_statements(side, chart.search)]
        yield joined("No suspicious finding in either breast.", *parts)
