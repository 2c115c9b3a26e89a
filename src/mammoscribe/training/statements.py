"""Phrases for the joint space, each with the findings it is true of: what the starter's text side learns from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mammoscribe.domain.finding import Finding, FindingType, Mark
from mammoscribe.domain.location import Location, from_one_view, from_two_views
from mammoscribe.domain.view import Box, Laterality, Projection
from mammoscribe.models.reader.batch import SLOTS
from mammoscribe.models.reader.detection_head import TYPES
from mammoscribe.models.reader.queries import CHANGES
from mammoscribe.reporting import finding_styles
from mammoscribe.reporting.phrases import NOUNS, core_phrase, place_parts
from mammoscribe.training.samples import TrainingExam

STYLES = (finding_styles.prose, finding_styles.telegraphic, finding_styles.structured, finding_styles.by_view,
          finding_styles.academic, finding_styles.dictation)  # fmt: skip
ABSENT = (
    "No {what} is seen.",
    "There is no {what}.",
    "No evidence of {what}.",
    "no {what}",
    "No {what} is identified.",
    "No suspicious {what} in the breast.",
    "Without {what}.",
)
PRESENT = (
    "{what}",
    "Findings consistent with {what}.",
    "Findings of {what}.",
    "Presence of {what}.",
    "{what} present in the breast.",
    "{what} noted.",
    "Evidence of {what}.",
)
NOTHING = ("No suspicious finding is seen.", "Normal breast.", "No abnormality.", "There is no evidence of malignancy.")


@dataclass(frozen=True)
class Statement:
    """A phrase and what it says.

    Args:
        text: the phrase.
        about: what a finding must be like for the phrase to be about it; None says that nothing is there.
        side: the breast it names, or None.
        negated: whether it says that there is no such finding.
    """

    text: str
    about: Finding | None
    side: Laterality | None = None
    negated: bool = False

    def fits(self, finding: Finding) -> bool:
        """Whether the finding is one that the words describe; what they leave out does not matter."""
        if self.about is None:
            return True
        return (
            finding.type is self.about.type
            and self.side in (None, finding.laterality)
            and set(self.about.descriptors) <= set(finding.descriptors)
            and _within(finding.location, self.about.location)
            and self.about.change in (None, finding.change)
        )

    def true_of(self, findings: Sequence[Finding]) -> bool:
        """Whether it is true of a view that shows exactly these findings."""
        return any(self.fits(f) for f in findings) is not (self.negated or self.about is None)


def _within(place: Location, said: Location) -> bool:
    parts = ("quadrant", "clock", "depth", "half", "region")
    return all(getattr(said, p) in (None, getattr(place, p)) for p in parts)


def findings_of_view(exam: TrainingExam, view: int) -> list[tuple[Finding, tuple[float, float, float, float]]]:
    """What one view of a labelled exam shows, as findings with places, beside their boxes on the canvas."""
    return [(_finding(exam, mark.finding, view), mark.box) for mark in exam.views[view].marks]


def _finding(exam: TrainingExam, index: int, view: int) -> Finding:
    label = exam.findings[index]
    boxes = {v.slot: (v, m.box) for v in exam.views for m in v.marks if m.finding == index}
    own = exam.views[view]
    side = Laterality("RL"[own.slot % 2])
    marks = tuple(
        Mark(SLOTS[slot], Projection(SLOTS[slot][2:]), Box(*box), 1.0) for slot, (_, box) in sorted(boxes.items())
    )
    change = CHANGES[label.change] if label.change >= 0 else None
    suspicion = max(0.0, label.suspicion)
    return Finding(
        f"f{index + 1}", TYPES[label.type], side, marks, 1.0, suspicion, label.descriptors, _place(side, boxes), change
    )


def _place(side: Laterality, boxes: dict) -> Location:
    """Quadrant and clock where CC and MLO show it; else what one view says (nipple line of the canvas)."""
    offsets, depths = {}, []
    for slot, (view, box) in boxes.items():
        x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        offsets[SLOTS[slot][2:]] = view.nipple[1] - y
        depths.append(min(1.0, max(0.0, (view.nipple[0] - x) / max(view.nipple[0], 1.0))))
    depth = float(np.mean(depths))
    if len(offsets) == 2:
        return from_two_views(side, offsets["CC"], offsets["MLO"], depth)
    ((projection, offset),) = offsets.items()
    return from_one_view(Projection(projection), offset, depth)


def describe(finding: Finding, rng: np.random.Generator) -> Statement:
    """A phrase about this finding: a whole sentence of a report, or as little as the noun."""
    if rng.random() < 0.5:
        style = STYLES[int(rng.integers(len(STYLES)))]
        pick: Callable[[Sequence[str]], str] = lambda words: words[int(rng.integers(len(words)))]  # noqa: E731
        return Statement(style(finding, None, pick), finding, finding.laterality)
    kept = tuple(d for d in finding.descriptors if rng.random() < 0.5)
    place = finding.location if rng.random() < 0.3 else Location()
    about = replace(finding, descriptors=kept, location=place, change=None)
    words = ", ".join([core_phrase(about), *place_parts(place)])
    template = PRESENT[int(rng.integers(len(PRESENT)))] if rng.random() < 0.5 else "{what}"
    return Statement(template.format(what=words), about)


def of_kind(kind: FindingType, negated: bool, rng: np.random.Generator) -> Statement:
    """`There is a mass`, `No evidence of calcifications`: a kind of finding, present or absent, anywhere."""
    templates = ABSENT if negated else PRESENT
    about = Finding("f1", kind, Laterality.RIGHT, (Mark("R_CC", Projection.CC, Box(0, 0, 1, 1), 1.0),), 1.0, 0.0)
    return Statement(templates[int(rng.integers(len(templates)))].format(what=NOUNS[kind]), about, negated=negated)


def nothing(rng: np.random.Generator) -> Statement:
    """That a view shows nothing at all."""
    return Statement(NOTHING[int(rng.integers(len(NOTHING)))], None)
