"""A sentence with the places in the pictures that it rests on, wherever it comes from."""

from collections.abc import Iterable
from dataclasses import dataclass

from mammoscribe.domain.evidence import Evidence
from mammoscribe.domain.finding import Finding
from mammoscribe.domain.view import Box


@dataclass(frozen=True)
class GroundedSentence:
    """A sentence of a report.

    Args:
        text: the sentence.
        boxes: (view such as `R_CC`, box in stored pixels) of every mark of the findings that it rests on.
    """

    text: str
    boxes: tuple[tuple[str, Box], ...] = ()


def boxes_of(evidence: Iterable[Evidence], findings: Iterable[Finding]) -> tuple[tuple[str, Box], ...]:
    """(view id, box) of every mark of the findings that are cited."""
    cited = {e.ref for e in evidence}
    return tuple((m.view_id, m.box) for f in findings if f.id in cited for m in f.marks)
