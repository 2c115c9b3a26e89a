"""R-RadFact: which statements of one report the other one entails, and whether their boxes agree; by facts, without a model.

After RadFact (Bannur et al. 2024), which asks a language model whether sentences entail each other. Units of the logical
numbers are facts: findings, denials, density and categories. A candidate's finding is entailed when the reference has it and
says all that the candidate says of it, and the other way round for recall; saying less is no error here. Units of the
spatial numbers are sentences that rest on boxes: entailed in logic when every finding of the sentence is entailed, and in
space when each box has at least half of its pixels in the union of the other report's boxes for these findings.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from mammoscribe.domain.assessment import Category
from mammoscribe.domain.grounded import GroundedSentence
from mammoscribe.domain.view import Box, Laterality
from mammoscribe.evaluation.report_card.fact_table import FactTable, StatedFinding, read_table, same_size
from mammoscribe.evaluation.report_card.matching import ANY, Match, match_findings

LEAST_SHARE = 0.5
"""Share of a box that must be in the other report's boxes (RadFact's threshold)."""
_NUMBERS = ("given", "given entailed", "true", "true entailed")
_GROUNDED = tuple(
    f"{side} {what}" for side in ("given", "true") for what in ("grounded", "grounded entailed", "grounded in place")
)
COUNTS = tuple(f"radfact {name}" for name in (*_NUMBERS, *_GROUNDED))
Boxes = Sequence[tuple[str, Box]]


def logical_counts(reference: FactTable, candidate: FactTable) -> dict[str, float]:
    """Facts of both reports and how many the other one entails; without boxes."""
    matches = match_findings(reference, candidate).matches
    given, given_entailed = _breast_facts(candidate, reference)
    true, true_entailed = _breast_facts(reference, candidate)
    return dict.fromkeys(COUNTS, 0.0) | {
        "radfact given": len(candidate.findings) + given,
        "radfact given entailed": sum(entails(m.reference, m.candidate) for m in matches) + given_entailed,
        "radfact true": len(reference.findings) + true,
        "radfact true entailed": sum(entails(m.candidate, m.reference) for m in matches) + true_entailed,
    }


def entails(premise: StatedFinding, stated: StatedFinding) -> bool:
    """Whether all that is stated of a finding is in the premise, which may say more; both are known to be one finding."""
    known, said = premise.by_axis(), stated.by_axis()
    described = all(words <= known.get(axis, frozenset()) for axis, words in said.items())
    there = not stated.place.is_stated or (
        premise.place.shares_a_part_with(stated.place) and not premise.place.is_elsewhere(stated.place)
    )
    sized = stated.size_mm is None or (premise.size_mm is not None and same_size(premise.size_mm, stated.size_mm))
    changed = stated.change in (None, premise.change)
    deep = stated.place.depth in (None, premise.place.depth)
    named = stated.what in (premise.what, ANY)
    return all((described, there, sized, changed, deep, named, stated.certain is premise.certain))


def _breast_facts(one: FactTable, other: FactTable) -> tuple[int, int]:
    """Denials, density and categories of one report, and how many of them the other one entails."""
    denied, others = one.denied | one.denied_suspicious, other.denied | other.denied_suspicious
    total = len(denied) + (one.density is not None) + len(one.categories)
    entailed = len(denied & others) + (one.density is not None and one.density == other.density)
    return total, entailed + sum(other.categories.get(side) is c for side, c in one.categories.items())


# --- boxes --------------------------------------------------------------------------------------------------------


def grounded_counts(
    reference: Sequence[GroundedSentence], candidate: Sequence[GroundedSentence], tables: tuple[FactTable, FactTable]
) -> dict[str, float]:
    """Sentences with boxes on both sides, and how many are entailed in logic, and in place.

    Args:
        reference, candidate: sentences of both reports, without boxes those that rest on none.
        tables: facts of the whole reference and of the whole candidate.
    """
    known, stated = tables
    given = _side(candidate, reference, known, own_is_candidate=True)
    true = _side(reference, candidate, stated, own_is_candidate=False)
    names = ("grounded", "grounded entailed", "grounded in place")
    return {
        f"radfact {side} {n}": v
        for side, vs in (("given", given), ("true", true))
        for n, v in zip(names, vs, strict=True)
    }


def _side(
    own: Sequence[GroundedSentence], other: Sequence[GroundedSentence], table: FactTable,
    own_is_candidate: bool,
) -> tuple[float, float, float]:  # fmt: skip
    """(sentences with boxes and findings, those entailed by a table, those whose boxes agree too) of one report."""
    others = [(read_table(s.text).findings, s.boxes) for s in other if s.boxes]
    total = logical = spatial = 0
    for sentence in own:
        rows = read_table(sentence.text).findings if sentence.boxes else ()
        if not rows:
            continue
        alone = FactTable(findings=rows, compares=table.compares)
        pair = (table, alone) if own_is_candidate else (alone, table)
        matches = match_findings(*pair).matches
        right = len(matches) == len(rows) and all(_entailed(m, own_is_candidate) for m in matches)
        boxes = [b for there, bs in others if _about_one(rows, there) for b in bs]
        total, logical = total + 1, logical + right
        spatial += right and all(share_inside(view, box, boxes) >= LEAST_SHARE for view, box in sentence.boxes)
    return float(total), float(logical), float(spatial)


def _entailed(match: Match, candidate: bool) -> bool:
    """Whether the candidate's (or the reference's) finding is entailed by the other one."""
    premise, stated = (match.reference, match.candidate) if candidate else (match.candidate, match.reference)
    return entails(premise, stated)


def _about_one(rows: Sequence[StatedFinding], others: Sequence[StatedFinding]) -> bool:
    """Whether two sentences are about a finding of one kind in one breast."""
    return any(r.what == o.what and (r.side is o.side or None in (r.side, o.side)) for r in rows for o in others)


def share_inside(view: str, box: Box, others: Boxes) -> float:
    """Share of a box that is in the union of the boxes of its view."""
    clipped = [b for v, other in others if v == view and (b := _overlap(box, other)) is not None]
    if not clipped:
        return 0.0
    xs = np.unique([e for b in clipped for e in (b.x0, b.x1)])
    ys = np.unique([e for b in clipped for e in (b.y0, b.y1)])
    covered = sum(
        (x1 - x0) * (y1 - y0)
        for x0, x1 in pairwise(xs.tolist())
        for y0, y1 in pairwise(ys.tolist())
        if any(b.x0 <= x0 and x1 <= b.x1 and b.y0 <= y0 and y1 <= b.y1 for b in clipped)
    )
    return float(covered / (box.width * box.height))


def _overlap(one: Box, other: Box) -> Box | None:
    x0, x1 = max(one.x0, other.x0), min(one.x1, other.x1)
    y0, y1 = max(one.y0, other.y0), min(one.y1, other.y1)
    return Box(x0, y0, x1, y1) if x1 > x0 and y1 > y0 else None


# --- entities -----------------------------------------------------------------------------------------------------


def entities_of(table: FactTable, urgency: Callable[[Category], float]) -> frozenset[tuple[str, ...]]:
    """Entities of a report: findings, their locations, the suspicion of breasts, and what is uncertain.

    Args:
        table: facts. urgency: weight of a category, which groups categories of one suspicion.
    """
    found: set[tuple[str, ...]] = set()
    for f in table.findings:
        key = (_side_name(f.side), f.what)
        found.add(("finding", *key))
        place = f.place
        parts = {
            "upper": place.upper,
            "outer": place.outer,
            "clock": place.clock,
            "depth": place.depth,
            "region": place.region,
        }
        found.update(("location", *key, name, str(value)) for name, value in parts.items() if value is not None)
        if not f.certain:
            found.add(("uncertainty", *key))
    found.update(("suspicion", _side_name(side), str(urgency(c))) for side, c in table.categories.items())
    return frozenset(found)


def _side_name(side: Laterality | None) -> str:
    return "?" if side is None else side.value
