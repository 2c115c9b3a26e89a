"""An exam of four small views, findings in it, and reports on it, built in the test's own words."""

from collections.abc import Callable, Iterable

import pytest

from mammoscribe.domain.assessment import Setting
from mammoscribe.domain.assessment_rules import Circumstances, assess_breast
from mammoscribe.domain.exam import HANGING, Exam
from mammoscribe.domain.finding import Change, Finding, FindingType, Mark
from mammoscribe.domain.report import Breast, Calibration, Provenance, Report
from mammoscribe.domain.search import everything_searched
from mammoscribe.domain.view import Box, Laterality, Projection, View, standard_view_id
from mammoscribe.phantom import BENCH_V1, PhantomExam, draw_exam
from mammoscribe.reporting.chart import Chart
from mammoscribe.reporting.compose import compose_report


@pytest.fixture
def exam() -> Exam:
    """Four views of 200 x 200 pixels, no prior."""
    return Exam("e1", tuple(View(standard_view_id(s, p), s, p, 200, 200, f"{s}{p}") for s, p in HANGING), "p1")


@pytest.fixture
def make_finding() -> Callable[..., Finding]:
    """A finding from name, kind, side, boxes by view id, descriptors, score."""

    def make(
        name: str,
        kind: FindingType,
        side: str,
        boxes: dict[str, Box],
        descriptors: tuple[str, ...] = (),
        score: float = 0.8,
        change: Change | None = None,
    ) -> Finding:
        marks = tuple(Mark(v, Projection(v.split("_")[1]), b, score) for v, b in boxes.items())
        return Finding(name, kind, Laterality(side), marks, score, 0.5, descriptors, change=change)

    return make


@pytest.fixture
def make_report(exam) -> Callable[..., Report]:
    """The rendered report of findings; densities right, then left."""

    def make(findings: Iterable[Finding], density: str = "bb") -> Report:
        found = tuple(findings)

        def breast(side: Laterality, letter: str) -> Breast:
            assessment = assess_breast([f for f in found if f.laterality is side], Circumstances(Setting.DIAGNOSTIC))
            probability = 0.9 if assessment.category == "5" else 0.5
            return Breast(side, True, letter, None, assessment, probability, Calibration("made up", 0.5, 10))

        breasts = (breast(Laterality.RIGHT, density[0]), breast(Laterality.LEFT, density[1]))
        chart = Chart(exam, everything_searched(exam), breasts, found)
        return compose_report(chart, Provenance("p", "m", "0" * 64, "nothing"))

    return make


@pytest.fixture(scope="session")
def bench_exams() -> tuple[PhantomExam, ...]:
    """Three exams of bench_v1; drawing one takes about a second."""
    return tuple(draw_exam(BENCH_V1.seeds[n], BENCH_V1.spec) for n in (0, 11, 12))
