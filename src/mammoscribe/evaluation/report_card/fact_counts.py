"""What one pair of reports adds to every figure over facts: counts by name, which sum over reports.

Every figure of the card is a function of sums of such counts (`figures`), so that a bootstrap sums them anew.
"""

from collections.abc import Iterator, Mapping

from mammoscribe.domain.assessment import Category, most_severe
from mammoscribe.domain.view import Laterality
from mammoscribe.evaluation.facts import count_facts
from mammoscribe.evaluation.report_card.entailment import entities_of, logical_counts
from mammoscribe.evaluation.report_card.fact_table import FactTable, StatedFinding
from mammoscribe.evaluation.report_card.matching import Difference, Match, Matching, match_findings
from mammoscribe.evaluation.report_card.places import CLOCK_TOLERANCE_H
from mammoscribe.evaluation.report_card.severity import severity_score, weight_of

Counts = dict[str, float]
ERRORS = (
    "false finding", "missing finding", "finding mischaracterised", "wrong place or breast", "wrong or omitted BI-RADS",
    "wrong or omitted density", "unsupported comparison", "report contradicts itself",
)  # fmt: skip
DENSITIES = "abcd"
CATEGORIES = "0123456"
ORDINAL = "12345"
RECALLS = {"0, 4, 5 against 1, 2, 3": "045", "0, 3, 4, 5 against 1, 2": "0345"}
"""Two usual readings of `recalled`; category 6 is set aside in both."""
_PLACE = (Difference.PLACE_WRONG, Difference.PLACE_OMITTED, Difference.DEPTH)


def fact_counts(reference: FactTable, candidate: FactTable) -> Counts:
    """All counts of one pair."""
    matching = match_findings(reference, candidate)
    counts: Counts = {
        "reports": 1.0,
        "findings matched": len(matching.matches),
        "findings in the other breast": len(matching.wrong_side),
        "severity score": severity_score(reference, candidate, matching),
    }
    for part in (
        _finding_sets(reference, candidate), _descriptors(matching), _places(matching), _triplets(reference, candidate),
        _negation(reference, candidate), _changes(reference, matching), _density(reference, candidate),
        _birads(reference, candidate), _errors(reference, candidate, matching), _reading(reference, candidate),
        _f1("entities", entities_of(candidate, weight_of), entities_of(reference, weight_of)),
        logical_counts(reference, candidate),
    ):  # fmt: skip
        counts |= part
    return counts


def _f1(name: str, stated: frozenset, true: frozenset) -> Counts:
    c = count_facts(stated, true)
    return {
        f"{name} right": c.right,
        f"{name} wrong": c.wrong,
        f"{name} missed": c.missed,
        f"{name} mean": c.f1,
        f"{name} mean not empty": 0.0 if c.empty else c.f1,
        f"{name} not empty": float(not c.empty),
    }


def _finding_sets(reference: FactTable, candidate: FactTable) -> Counts:
    """(breast, kind) of what is stated to be there for certain."""
    stated, true = (
        frozenset((str(f.side or "?"), f.what) for f in table.findings if f.certain) for table in (candidate, reference)
    )
    return _f1("findings", stated, true)


def _descriptors(matching: Matching) -> Counts:
    """Descriptors of findings that both reports have."""
    right = wrong = missed = 0
    for m in matching.matches:
        true, given = m.reference.descriptors, m.candidate.descriptors
        right, wrong, missed = right + len(true & given), wrong + len(given - true), missed + len(true - given)
    return {"descriptors right": right, "descriptors wrong": wrong, "descriptors missed": missed}


def _places(matching: Matching) -> Counts:
    """Of matched findings whose place the reference states."""
    placed = [m for m in matching.matches if m.reference.place.is_stated]
    counts: Counts = {"placed": len(placed)}
    counts["place right"] = sum(not set(m.differences).intersection(_PLACE[:2]) for m in placed)
    parts = {
        "quadrant": lambda p: None if None in (p.upper, p.outer) else (p.upper, p.outer),
        "depth": lambda p: p.depth,
    }
    for name, part in parts.items():
        true = [(part(m.reference.place), part(m.candidate.place)) for m in matching.matches]
        counts[f"{name} stated"] = sum(t is not None for t, _ in true)
        counts[f"{name} right"] = sum(t is not None and t == c for t, c in true)
    clocks = [(m.reference.place.clock, m.candidate.place.clock) for m in matching.matches]
    near = [c is not None and min((t - c) % 12, (c - t) % 12) <= CLOCK_TOLERANCE_H for t, c in clocks if t is not None]
    return counts | {"clock stated": len(near), "clock right": sum(near)}


def _triplets(reference: FactTable, candidate: FactTable) -> Counts:
    stated, true = (
        frozenset(t for f in table.findings if f.certain for t in triplets_of(f)) for table in (candidate, reference)
    )
    return _f1("triplets", stated, true)


def triplets_of(finding: StatedFinding) -> Iterator[tuple[str, str, str]]:
    """(finding, relation, value): its breast, descriptors, place and change."""
    subject, place = f"{finding.side or '?'} {finding.what}", finding.place
    yield subject, "breast", str(finding.side or "?")
    for axis, terms in finding.by_axis().items():
        yield from ((subject, str(axis), t) for t in terms)
    parts = {
        "upper": place.upper,
        "outer": place.outer,
        "clock": place.clock,
        "depth": place.depth,
        "region": place.region,
    }
    yield from (
        (subject, name, str(value)) for name, value in (*parts.items(), ("change", finding.change)) if value is not None
    )


def _negation(reference: FactTable, candidate: FactTable) -> Counts:
    """Denials of the candidate that no finding of the reference contradicts, and findings that it denies."""
    there = {(s, f.what): f for f in reference.findings if f.certain for s in _sides(f)}
    weighing = {key for key, f in there.items() if weight_of(reference.category(f.side)) > 0}
    every = candidate.denied | candidate.denied_suspicious
    contradicted = (candidate.denied & there.keys()) | (candidate.denied_suspicious & weighing)
    return {
        "denials": len(every),
        "denials borne out": len(every) - len(contradicted),
        "findings there": len(there),
        "findings denied": len(contradicted),
    }


def _sides(finding: StatedFinding) -> tuple[Laterality, ...]:
    return (finding.side,) if finding.side else ()


def _changes(reference: FactTable, matching: Matching) -> Counts:
    """Of matched findings whose change the reference states."""
    changed = [m for m in matching.matches if m.reference.change is not None and reference.compares]
    return {
        "changes stated": len(changed),
        "changes right": sum(m.reference.change is m.candidate.change for m in changed),
    }


# --- density and category -----------------------------------------------------------------------------------------


def _density(reference: FactTable, candidate: FactTable) -> Counts:
    """One answer for each exam, the densest letter: of every pair of letters how often it came."""
    counts: Counts = {f"density {t}{c}": 0.0 for t in DENSITIES for c in f"{DENSITIES}-"}
    if reference.density is not None:
        counts[f"density {reference.density}{candidate.density or '-'}"] = 1.0
    return counts


def category_pairs(reference: FactTable, candidate: FactTable) -> list[tuple[Category, Category | None]]:
    """(reference, candidate) for each breast, or for the exam where the reference names no breast.

    A breast takes the candidate's category of the exam only where the candidate gives no breast one.
    """
    sided = any(side is not None for side in candidate.categories)
    overall = None if sided else candidate.categories.get(None)
    breasts = [side for side in reference.categories if side is not None]
    if breasts:
        return [(reference.categories[side], candidate.categories.get(side, overall)) for side in breasts]
    if None not in reference.categories:
        return []
    given = most_severe(candidate.categories.values()) if candidate.categories else None
    return [(reference.categories[None], given)]


def _birads(reference: FactTable, candidate: FactTable) -> Counts:
    """Of every pair of categories (4A to 4C as 4) how often it came; `-` where the candidate gives none."""
    counts: Counts = {f"birads {t}{c}": 0.0 for t in CATEGORIES for c in f"{CATEGORIES}-"}
    for true, given in category_pairs(reference, candidate):
        counts[f"birads {true.value[0]}{given.value[0] if given else '-'}"] += 1.0
    return counts


def _is_wrong(true: Category, given: Category | None) -> bool:
    """A plain 4 agrees with 4A to 4C, which do not agree with each other."""
    if given is None:
        return True
    return not (true.value.startswith(given.value) or given.value.startswith(true.value))


# --- errors -------------------------------------------------------------------------------------------------------


def _errors(reference: FactTable, candidate: FactTable, matching: Matching) -> Counts:
    """Errors in eight categories, and the share of what is right: right / (right + errors), 1 where there is neither."""
    categories = [_is_wrong(t, c) for t, c in category_pairs(reference, candidate)]
    density_wrong = reference.density is not None and reference.density != candidate.density
    numbers = (
        len(matching.false),
        len(matching.missing),
        sum(_is_mischaracterised(m) for m in matching.matches),
        len(matching.wrong_side) + sum(bool(set(m.differences).intersection(_PLACE)) for m in matching.matches),
        sum(categories),
        int(density_wrong),
        _unsupported_comparisons(reference, candidate),
        _contradictions(candidate),
    )
    right = len(matching.matches) + categories.count(False) + (reference.density is not None and not density_wrong)
    total = sum(numbers)
    counts: Counts = {f"error {name}": float(n) for name, n in zip(ERRORS, numbers, strict=True)}
    return counts | {"errors": total, "fact agreement": right / (right + total) if right + total else 1.0}


def _is_mischaracterised(match: Match) -> bool:
    return bool(set(match.differences).difference(_PLACE))


def _unsupported_comparisons(reference: FactTable, candidate: FactTable) -> int:
    """Statements of change, or one of a comparison, where the reference compares with nothing."""
    return 0 if reference.compares or not candidate.compares else max(1, candidate.num_changes)


def _contradictions(candidate: FactTable) -> int:
    """Findings that the same report denies."""
    return sum((s, f.what) in candidate.denied for f in candidate.findings if f.certain for s in _sides(f))


def _reading(reference: FactTable, candidate: FactTable) -> Counts:
    tables: Mapping[str, FactTable] = {"reference": reference, "candidate": candidate}
    counts: Counts = {}
    for name, table in tables.items():
        counts |= {f"{name} sentences": table.num_sentences, f"{name} sentences unread": table.num_unread}
    return counts
