"""Which finding of the candidate is which of the reference, and where its description differs.

A finding is matched with one of its kind in its breast; several of one kind are paired so that the closest descriptions
come first. One that is left over may be matched with `a lesion` of that breast, and one of its kind in the other breast
is a finding on the wrong side.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from mammoscribe.domain.lexicon import Axis
from mammoscribe.evaluation.report_card.fact_table import FactTable, StatedFinding, same_size
from mammoscribe.reporting.facts import FactKind

ANY = FactKind.ANY_FINDING.value


class Difference(StrEnum):
    """How the candidate's description of a finding differs from the reference's."""

    KIND = "kind not named"
    DESCRIPTOR_WRONG = "descriptor wrong or added"
    DESCRIPTOR_OMITTED = "descriptor omitted"
    PLACE_WRONG = "place wrong"
    PLACE_OMITTED = "place omitted"
    DEPTH = "depth differs"
    SIZE = "size differs"
    CHANGE = "change wrong or omitted"
    CERTAINTY = "certainty differs"


@dataclass(frozen=True)
class Match:
    """A finding of both reports, with the differences; an axis that differs twice counts twice."""

    reference: StatedFinding
    candidate: StatedFinding
    differences: tuple[Difference, ...]
    axes: tuple[Axis, ...] = ()
    """Axes of the descriptors that differ, in the order of their differences."""


@dataclass(frozen=True)
class Matching:
    """All findings of a pair of reports: in both, on the wrong side, missing in the candidate, false in it."""

    matches: tuple[Match, ...]
    wrong_side: tuple[tuple[StatedFinding, StatedFinding], ...]
    missing: tuple[StatedFinding, ...]
    false: tuple[StatedFinding, ...]


def match_findings(reference: FactTable, candidate: FactTable) -> Matching:
    """Match the findings of two reports, one to one."""
    missing, false = list(reference.findings), list(candidate.findings)
    compares = reference.compares
    found = _paired(missing, false, _same_kind_and_side) + _paired(missing, false, _one_is_any)
    wrong_side = _paired(missing, false, lambda r, c: r.what == c.what and r.what != ANY)
    matches = tuple(_match(r, c, compares) for r, c in found)
    return Matching(matches, tuple(wrong_side), tuple(missing), tuple(false))


_Pair = tuple[StatedFinding, StatedFinding]


def _same_kind_and_side(one: StatedFinding, other: StatedFinding) -> bool:
    return one.what == other.what and _same_side(one, other)


def _one_is_any(one: StatedFinding, other: StatedFinding) -> bool:
    kinds = {one.what, other.what}
    return ANY in kinds and not any(k.startswith("associated.") for k in kinds) and _same_side(one, other)


def _same_side(one: StatedFinding, other: StatedFinding) -> bool:
    return one.side is other.side or None in (one.side, other.side)


def _paired(
    missing: list[StatedFinding], false: list[StatedFinding], fits: Callable[[StatedFinding, StatedFinding], bool]
) -> list[_Pair]:
    """Pairs that fit, the closest first; they are taken out of the two lists."""
    options = sorted((_distance(r, c), i, j) for i, r in enumerate(missing) for j, c in enumerate(false) if fits(r, c))
    taken_r: set[int] = set()
    taken_c: set[int] = set()
    pairs: list[_Pair] = []
    for _, i, j in options:
        if i not in taken_r and j not in taken_c:
            taken_r.add(i)
            taken_c.add(j)
            pairs.append((missing[i], false[j]))
    missing[:] = [r for i, r in enumerate(missing) if i not in taken_r]
    false[:] = [c for j, c in enumerate(false) if j not in taken_c]
    return pairs


def _distance(reference: StatedFinding, candidate: StatedFinding) -> tuple[int, int, int]:
    """Place first, then the description: a second mass elsewhere is another mass, whatever its margin."""
    elsewhere = reference.place.is_elsewhere(candidate.place)
    shared = len(reference.descriptors & candidate.descriptors)
    return int(elsewhere), len(_match(reference, candidate, True).differences), -shared


def _match(reference: StatedFinding, candidate: StatedFinding, compares: bool) -> Match:
    given = list(_descriptor_differences(reference, candidate))
    others = _other_differences(reference, candidate, compares)
    return Match(reference, candidate, (*(d for d, _ in given), *others), tuple(axis for _, axis in given))


def _descriptor_differences(reference: StatedFinding, candidate: StatedFinding) -> Iterable[tuple[Difference, Axis]]:
    true, given = reference.by_axis(), candidate.by_axis()
    for axis in sorted({*true, *given}):
        if axis not in given:
            yield Difference.DESCRIPTOR_OMITTED, axis
        elif not given[axis] <= true.get(axis, frozenset()):
            yield Difference.DESCRIPTOR_WRONG, axis


def _other_differences(reference: StatedFinding, candidate: StatedFinding, compares: bool) -> Iterable[Difference]:
    """A change is compared only where the reference compares; elsewhere it is an unsupported comparison."""
    if reference.what != candidate.what:
        yield Difference.KIND
    if reference.place.is_elsewhere(candidate.place):
        yield Difference.PLACE_WRONG
    elif reference.place.is_stated and not reference.place.shares_a_part_with(candidate.place):
        yield Difference.PLACE_OMITTED
    elif reference.place.differs_in_depth(candidate.place):
        yield Difference.DEPTH
    if not same_size(reference.size_mm, candidate.size_mm):
        yield Difference.SIZE
    if compares and reference.change is not candidate.change:
        yield Difference.CHANGE
    if reference.certain is not candidate.certain:
        yield Difference.CERTAINTY
