"""Statements about views, each with the facts that it states: what the text side learns from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mammoscribe.domain.finding import Finding, FindingType, Mark
from mammoscribe.domain.lexicon import Axis, term
from mammoscribe.domain.location import Location, from_one_view, from_two_views
from mammoscribe.domain.view import Box, Laterality, Projection
from mammoscribe.models.reader.batch import SLOTS
from mammoscribe.models.reader.detection_head import TYPES
from mammoscribe.models.reader.queries import CHANGES
from mammoscribe.reporting import finding_styles
from mammoscribe.reporting.phrases import NOUNS, core_phrase, place_parts
from mammoscribe.training.reader.samples import TrainingExam, ViewSample

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
COMPOSITION = {
    "a": ("The breast is almost entirely fatty.", "fatty breast", "Density a."),
    "b": ("There are scattered areas of fibroglandular density.", "scattered fibroglandular density", "Density b."),
    "c": ("The breast is heterogeneously dense.", "heterogeneously dense breast", "Density c."),
    "d": ("The breast is extremely dense.", "extremely dense breast", "Density d."),
}
TISSUE = "tissue"
"""The kind of a statement about the composition of a breast, beside the kinds of finding."""

Facts = Mapping[str, str]
"""Field -> value of what is stated or shown (`truth.FIELDS` lists them); a field that is absent is not said."""


@dataclass(frozen=True)
class Statement:
    """A phrase and what it states.

    Args:
        text: the phrase.
        facts: what something in the view must be like for the phrase to be about it; none: any finding.
        denies: whether it states that there is no such thing.
    """

    text: str
    facts: Facts
    denies: bool = False


def facts_of(finding: Finding) -> dict[str, str]:
    """The facts of a finding."""
    place = finding.location
    found = {"kind": finding.type.value, "side": finding.laterality.value}
    for descriptor in finding.descriptors:
        axis = term(descriptor).axis
        found |= {descriptor: "yes"} if axis is Axis.ASSOCIATED else {axis.value: descriptor}
    for name in ("quadrant", "clock", "depth", "half", "region"):
        if getattr(place, name) is not None:
            found[name] = str(getattr(place, name))
    return found | ({} if finding.change is None else {"change": finding.change.value})


def findings_of_view(exam: TrainingExam, view: int) -> dict[int, Finding]:
    """What one view of a labelled exam shows, as findings with places, by their number in the exam."""
    return {mark.finding: _finding(exam, mark.finding, exam.views[view]) for mark in exam.views[view].marks}


def _finding(exam: TrainingExam, index: int, own: ViewSample) -> Finding:
    label = exam.findings[index]
    shown = {v.slot: (v, m.box) for v in (*exam.views, own) for m in v.marks if m.finding == index}
    side, kind = Laterality("RL"[own.slot % 2]), TYPES[label.type]
    marks = tuple(
        Mark(SLOTS[slot], Projection(SLOTS[slot][2:]), Box(*box), 1.0) for slot, (_, box) in sorted(shown.items())
    )
    change = CHANGES[label.change] if label.change >= 0 else None
    return Finding(
        f"f{index + 1}", kind, side, marks, 1.0, max(0.0, label.suspicion), fitting(label.descriptors, kind),
        _place(side, shown), change,
    )  # fmt: skip


def fitting(descriptors: Sequence[str], kind: FindingType) -> tuple[str, ...]:
    """The terms that describe the kind; an axis with several values says nothing."""
    axes = [term(d).axis for d in descriptors]
    return tuple(
        d
        for d, axis in zip(descriptors, axes, strict=True)
        if axis in kind.axes and (axis is Axis.ASSOCIATED or axes.count(axis) == 1)
    )


def _place(side: Laterality, shown: Mapping[int, tuple[ViewSample, tuple[float, float, float, float]]]) -> Location:
    return place_of(side, {Projection(SLOTS[slot][2:]): (view.nipple, box) for slot, (view, box) in shown.items()})


def place_of(
    side: Laterality, shown: Mapping[Projection, tuple[tuple[float, float], tuple[float, float, float, float]]]
) -> Location:
    """Quadrant and clock where CC and MLO show it; else what one view says (nipple line of the canvas).

    Args:
        side: of the breast.
        shown: nipple (x, y) and box (x0, y0, x1, y1) on the canvas of each view that shows it; canvases have the chest wall
            at x = 0, and one scale.
    """
    offsets, depths = {}, []
    for projection, (nipple, box) in shown.items():
        x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        offsets[projection] = nipple[1] - y
        depths.append(min(1.0, max(0.0, (nipple[0] - x) / max(nipple[0], 1.0))))
    depth = float(np.mean(depths))
    if len(offsets) == 2:
        return from_two_views(side, offsets[Projection.CC], offsets[Projection.MLO], depth)
    ((projection, offset),) = offsets.items()
    return from_one_view(projection, offset, depth)


def describe(finding: Finding, rng: np.random.Generator) -> Statement:
    """A phrase about this finding: a whole sentence of a report, or as little as the noun."""
    if rng.random() < 0.5:
        style = STYLES[int(rng.integers(len(STYLES)))]
        pick: Callable[[Sequence[str]], str] = lambda words: words[int(rng.integers(len(words)))]  # noqa: E731
        return Statement(style(finding, None, pick), facts_of(finding))
    kept = tuple(d for d in finding.descriptors if rng.random() < 0.5)
    place = finding.location if rng.random() < 0.3 else Location()
    about = replace(finding, descriptors=kept, location=place, change=None)
    words = ", ".join([core_phrase(about), *place_parts(place)])
    template = PRESENT[int(rng.integers(len(PRESENT)))] if rng.random() < 0.5 else "{what}"
    named = {f: v for f, v in facts_of(about).items() if f != "side" and v != "yes"}  # the phrase names neither
    return Statement(template.format(what=words), named)


def of_kind(kind: FindingType, denies: bool, rng: np.random.Generator) -> Statement:
    """`There is a mass`, `No evidence of calcifications`: a kind of finding, present or absent, anywhere."""
    templates = ABSENT if denies else PRESENT
    return Statement(
        templates[int(rng.integers(len(templates)))].format(what=NOUNS[kind]), {"kind": kind.value}, denies
    )


def nothing(rng: np.random.Generator) -> Statement:
    """That a view shows no finding at all."""
    return Statement(NOTHING[int(rng.integers(len(NOTHING)))], {}, denies=True)


def of_tissue(letter: str, rng: np.random.Generator) -> Statement:
    """The composition of the breast, density a to d."""
    words = COMPOSITION[letter]
    return Statement(words[int(rng.integers(len(words)))], {"kind": TISSUE, "composition": letter})
