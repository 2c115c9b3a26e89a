"""An exam of four small views and findings in it, built in the test's own words."""

from collections.abc import Callable

import pytest

from mammoscribe.domain.exam import HANGING, Exam
from mammoscribe.domain.finding import Finding, FindingType, Mark
from mammoscribe.domain.view import Box, Laterality, Projection, View, standard_view_id


@pytest.fixture
def exam() -> Exam:
    """Four views of 200 x 200 pixels, no prior."""
    return Exam("e1", tuple(View(standard_view_id(s, p), s, p, 200, 200, f"{s}{p}") for s, p in HANGING), "p1")


@pytest.fixture
def make_finding() -> Callable[..., Finding]:
    """A finding from id, type, side, boxes by view id, descriptors, score."""

    def make(
        id: str,
        type: FindingType,
        side: str,
        boxes: dict[str, Box],
        descriptors: tuple[str, ...] = (),
        score: float = 0.8,
        change=None,
    ) -> Finding:
        marks = tuple(Mark(v, Projection(v.split("_")[1]), b, score) for v, b in boxes.items())
        return Finding(id, type, Laterality(side), marks, score, 0.5, descriptors, change=change)

    return make
