"""Fixed exams for the reporting tests."""

import pytest

from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import Finding, FindingType, Mark
from mammoscribe.domain.location import Depth, Location, Quadrant
from mammoscribe.domain.search import everything_searched
from mammoscribe.domain.view import Box, Laterality, Projection
from mammoscribe.reporting.chart import Chart
from tests.reporting.strategies import breast, view

RIGHT, LEFT = Laterality.RIGHT, Laterality.LEFT


@pytest.fixture
def four_views() -> Chart:
    """Four views without a prior; an irregular spiculated mass in the right breast; the left is negative."""
    exam = Exam("exam-1", tuple(view(s, p) for s in Laterality for p in Projection))
    box = Box(100, 200, 240, 320)
    mass = Finding(
        "f1",
        FindingType.MASS,
        RIGHT,
        (Mark("R_CC", Projection.CC, box, 0.9), Mark("R_MLO", Projection.MLO, box, 0.8)),
        0.9,
        0.8,
        ("shape.irregular", "margin.spiculated", "density.high"),
        Location(Quadrant.UPPER_OUTER, 10, Depth.MIDDLE),
    )
    breasts = (breast(RIGHT, exam, "c", "5"), breast(LEFT, exam, "c", "1"))
    return Chart(exam, everything_searched(exam), breasts, (mass,))
