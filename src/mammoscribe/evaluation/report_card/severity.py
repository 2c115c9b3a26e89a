"""A severity-weighted score of findings, by arithmetic over fact tables, after CRIMSON (which asks a language model).

A finding weighs w by the urgency of its breast's category in the report that states it. A matched finding earns
w * w / (w + sum of attribute errors), each 0.5 or 0. With R the weights of the reference's findings and F those of the
false findings, S = (credit - F) / R; a negative S is shown as -d / (1 + d) with d = F - credit, so that it stays above -1.
Without a finding that weighs anything in the reference, S is 1 without an error, else -(E + 1) shown in the same way,
E being the weights of the false findings. A finding in the wrong breast is a missing and a false one.

Choices of ours, where the definition leaves them open: without a category a finding weighs 0.5; in a breast called 1 it
weighs 0.25; category 6 weighs 1. The category itself is an attribute: an error of 0.5 where its weight differs.
"""

from collections.abc import Sequence

from mammoscribe.domain.assessment import Category
from mammoscribe.domain.lexicon import Axis
from mammoscribe.evaluation.report_card.fact_table import FactTable, StatedFinding
from mammoscribe.evaluation.report_card.matching import Difference, Match, Matching

WEIGHTS = {"0": 0.5, "1": 0.25, "2": 0.0, "3": 0.5, "4": 1.0, "5": 1.0, "6": 1.0}
"""Weight of a finding by the first character of its category."""
UNKNOWN_WEIGHT = 0.5
ATTRIBUTE_ERROR = 0.5
_MATTERS = frozenset(
    {
        Difference.DESCRIPTOR_WRONG, Difference.DESCRIPTOR_OMITTED, Difference.PLACE_WRONG, Difference.PLACE_OMITTED,
        Difference.SIZE, Difference.CHANGE, Difference.CERTAINTY, Difference.KIND,
    }
)  # fmt: skip
"""Differences that are an error of 0.5; a depth is one of 0."""
_MATTERING_AXES = frozenset({Axis.SHAPE, Axis.MARGIN, Axis.MORPHOLOGY, Axis.DISTRIBUTION})
"""Axes of which a difference is an error of 0.5; a mass's density and the kind of an asymmetry are errors of 0."""


def weight_of(category: Category | None) -> float:
    """Weight of a finding in a breast of this category."""
    return UNKNOWN_WEIGHT if category is None else WEIGHTS[category.value[0]]


def severity_score(reference: FactTable, candidate: FactTable, matching: Matching) -> float:
    """S as shown, above -1 and at most 1."""
    stated = [*(m.reference for m in matching.matches), *(r for r, _ in matching.wrong_side), *matching.missing]
    false = [*(c for _, c in matching.wrong_side), *matching.false]
    total = sum(weight_of(reference.category(f.side)) for f in stated)
    wrong = sum(weight_of(candidate.category(f.side)) for f in false)
    if total == 0:
        return 1.0 if wrong == 0 else _shown_negative(wrong + 1)
    credit = sum(_credit(m, reference, candidate) for m in matching.matches)
    return (credit - wrong) / total if credit >= wrong else _shown_negative(wrong - credit)


def _shown_negative(distance: float) -> float:
    return -distance / (1 + distance)


def _credit(match: Match, reference: FactTable, candidate: FactTable) -> float:
    weight = weight_of(reference.category(match.reference.side))
    if weight == 0:
        return 0.0
    errors = ATTRIBUTE_ERROR * (_mattering(match) + _category_differs(match.reference, reference, candidate))
    return weight * weight / (weight + errors)


def _mattering(match: Match) -> int:
    """How many attribute errors of 0.5 a match has."""
    axes: Sequence[Axis] = match.axes
    descriptors = sum(axis in _MATTERING_AXES for axis in axes)
    return descriptors + sum(d in _MATTERS for d in match.differences[len(axes) :])


def _category_differs(finding: StatedFinding, reference: FactTable, candidate: FactTable) -> bool:
    true, given = reference.category(finding.side), candidate.category(finding.side)
    return true is not None and (given is None or weight_of(true) != weight_of(given))
