"""What a report states, as a table: findings (one row for each, however often it is mentioned), denials, categories.

Read by the report parser. A finding that the impression mentions again is one finding as long as what is stated
of it does not contradict the first mention. A feature of a finding (`skin thickening`) has its own row, because reports
differ in whether they state it with the finding or by itself.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from mammoscribe.domain.assessment import Category
from mammoscribe.domain.finding import Change
from mammoscribe.domain.lexicon import Axis, term
from mammoscribe.domain.location import Location
from mammoscribe.domain.view import Laterality
from mammoscribe.evaluation.report_card.places import Place, place_of
from mammoscribe.reporting.facts import Fact, FactKind, Status
from mammoscribe.reporting.parse import ParsedReport, ParsedSentence, parse_report
from mammoscribe.support.errors import InvalidNoun

Side = Laterality | None
KINDS = (FactKind.MASS, FactKind.CALCIFICATION, FactKind.DISTORTION, FactKind.ASYMMETRY)
SIZE_TOLERANCE_MM, SIZE_TOLERANCE_SHARE = 5, 0.25
"""Two sizes are one where they differ by no more than the larger of the two tolerances."""
_ANOTHER = re.compile(r"\b(?:another|second|third|additional|further|other)\b", re.IGNORECASE)
_JUDGED = re.compile(
    r"\b(?:suspicious|worrisome|concerning|dominant|significant|malignan\w+|abnormal)\b", re.IGNORECASE
)
"""`No suspicious calcification` does not deny benign ones."""


@dataclass(frozen=True)
class StatedFinding:
    """One finding or associated feature.

    Args:
        what: kind of finding (`mass`), or lexicon id of an associated feature.
        side: breast, None where the report names none.
        certain: False where the report says that it may be there.
        descriptors: lexicon ids, without associated features.
        place: where in the breast. size_mm: largest extent. change: against the prior.
    """

    what: str
    side: Side
    certain: bool = True
    descriptors: frozenset[str] = frozenset()
    place: Place = Place()
    size_mm: int | None = None
    change: Change | None = None

    def by_axis(self) -> Mapping[Axis, frozenset[str]]:
        """Descriptors on each axis."""
        axes = {term(d).axis for d in self.descriptors}
        return {axis: frozenset(d for d in self.descriptors if term(d).axis is axis) for axis in axes}


@dataclass(frozen=True)
class FactTable:
    """The facts of one report.

    Args:
        findings: present, or perhaps present.
        denied: (breast, kind) that the report denies outright.
        denied_suspicious: (breast, kind) of which it denies suspicious ones only; `no abnormality` does so for every kind.
        density: densest letter stated. categories: most severe category by breast, by None of the exam.
        num_changes: statements of change. compares: whether it compares with an earlier exam at all.
        num_sentences, num_unread: how many there are, and from how many nothing was read.
    """

    findings: tuple[StatedFinding, ...] = ()
    denied: frozenset[tuple[Laterality, str]] = frozenset()
    denied_suspicious: frozenset[tuple[Laterality, str]] = frozenset()
    density: str | None = None
    categories: Mapping[Side, Category] = field(default_factory=dict)
    num_changes: int = 0
    compares: bool = False
    num_sentences: int = 0
    num_unread: int = 0

    def category(self, side: Side) -> Category | None:
        """Category that holds for findings of this breast: its own, else that of the exam."""
        if side is None:
            return next(iter(self.categories.values())) if len(self.categories) == 1 else self.categories.get(None)
        return self.categories.get(side, self.categories.get(None))


def read_table(text: str) -> FactTable:
    """The facts of a report; a text that states an impossible thing gives a table without facts."""
    try:
        parsed = parse_report(text)
    except InvalidNoun:
        return FactTable(num_sentences=1, num_unread=1)
    facts = parsed.facts
    changes = [f for f in facts if f.change is not None]
    compared = any(f.kind is FactKind.COMPARISON and f.status is Status.POSITIVE for f in facts)
    outright, suspicious = _denials(parsed.sentences)
    return FactTable(
        _findings(parsed),
        outright,
        suspicious,
        parsed.density_overall,
        parsed.birads,
        len(changes),
        bool(changes) or compared,
        len(parsed.sentences),
        len(parsed.unread_sentences),
    )


# --- findings -----------------------------------------------------------------------------------------------------


def _findings(parsed: ParsedReport) -> tuple[StatedFinding, ...]:
    rows: list[StatedFinding] = []
    for sentence in parsed.sentences:
        another = _ANOTHER.search(" ".join(sentence.unread)) is not None
        for stated in (row for fact in sentence.facts for row in _rows_of(fact)):
            at = None if another else next((i for i, row in enumerate(rows) if _is_same(row, stated)), None)
            if at is None:
                rows.append(stated)
            else:
                rows[at] = _merged(rows[at], stated)
    return tuple(row for row in rows if not _is_summary(row, rows))


def _rows_of(fact: Fact) -> Iterable[StatedFinding]:
    """The finding that a fact states, and its associated features; nothing for other facts."""
    if fact.status is Status.NEGATIVE or not (fact.kind.is_finding or fact.kind is FactKind.ASSOCIATED):
        return
    certain = fact.status is Status.POSITIVE
    features = {d for d in fact.descriptors if term(d).axis is Axis.ASSOCIATED}
    if fact.kind.is_finding:
        yield StatedFinding(
            fact.kind.value,
            fact.laterality,
            certain,
            fact.descriptors - features,
            place_of(fact.location, fact.laterality),
            fact.size_mm,
            fact.change,
        )
    for feature in sorted(features):
        yield StatedFinding(_AS_FINDING.get(feature, feature), fact.laterality, certain)


_AS_FINDING = {
    "associated.architectural_distortion": FactKind.DISTORTION.value,
    "associated.calcifications": FactKind.CALCIFICATION.value,
}


def _is_same(one: StatedFinding, other: StatedFinding) -> bool:
    """Whether both can be one finding that is mentioned twice."""
    if one.what != other.what or (one.side is not other.side and None not in (one.side, other.side)):
        return False
    axes, others = one.by_axis(), other.by_axis()
    differ = any(axes[axis] != others[axis] for axis in axes.keys() & others.keys())
    changed = None not in (one.change, other.change) and one.change is not other.change
    return not (differ or changed or one.place.contradicts(other.place) or not same_size(one.size_mm, other.size_mm))


def same_size(one: int | None, other: int | None) -> bool:
    """Whether two sizes in mm are one within the tolerances; an unstated one agrees with any."""
    if one is None or other is None:
        return True
    return abs(one - other) <= max(SIZE_TOLERANCE_MM, SIZE_TOLERANCE_SHARE * max(one, other))


def _merged(first: StatedFinding, again: StatedFinding) -> StatedFinding:
    return replace(
        first,
        side=first.side or again.side,
        certain=first.certain or again.certain,
        descriptors=first.descriptors | again.descriptors,
        place=first.place.completed_by(again.place),
        size_mm=first.size_mm if first.size_mm is not None else again.size_mm,
        change=first.change or again.change,
    )


def _is_summary(row: StatedFinding, rows: Iterable[StatedFinding]) -> bool:
    """Whether `a lesion`, `an abnormality` only refers to a finding that is named."""
    if row.what != FactKind.ANY_FINDING.value:
        return False
    return any(r.what != row.what and (row.side is None or r.side in (row.side, None)) for r in rows)


# --- denials ------------------------------------------------------------------------------------------------------

_Denials = frozenset[tuple[Laterality, str]]


def _denials(sentences: Iterable[ParsedSentence]) -> tuple[_Denials, _Denials]:
    """What is denied outright, and what is denied as far as it is suspicious; a denial of part of a breast is neither."""
    outright: set[tuple[Laterality, str]] = set()
    suspicious: set[tuple[Laterality, str]] = set()
    for sentence in sentences:
        judged = _JUDGED.search(sentence.text) is not None
        for fact in sentence.facts:
            if fact.status is not Status.NEGATIVE or fact.descriptors or fact.location != Location():
                continue
            sides = (fact.laterality,) if fact.laterality else tuple(Laterality)
            if fact.kind is FactKind.ANY_FINDING:
                suspicious |= {(side, kind.value) for side in sides for kind in KINDS}
            elif fact.kind.is_finding:
                (suspicious if judged else outright).update((side, fact.kind.value) for side in sides)
    return frozenset(outright), frozenset(suspicious)
