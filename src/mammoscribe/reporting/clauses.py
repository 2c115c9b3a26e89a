"""One clause of a sentence to facts: who is negated, which side, which descriptor belongs to which finding.

A *subject* is a finding noun (head) or an associated feature. Operators (no, possible, ...) act forwards on the
subjects after them, `cannot be excluded` and its like backwards. Two operators without a subject between them are a
double negation: nothing is read from such a clause.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.lexicon import Axis, term
from mammoscribe.domain.location import Location
from mammoscribe.domain.view import Laterality
from mammoscribe.reporting.facts import NOT_IMAGED, ONE_VIEW, Fact, FactKind, Status, birads_fact, density_fact
from mammoscribe.reporting.lexemes import Lexeme
from mammoscribe.reporting.vocabulary import BOTH, EITHER_ROUND, HEAD_AS_ASSOCIATED, WHOLE_EXAM, Kind

_ASSOCIATED_LIST = (Kind.ASSOCIATED, Kind.FILLER, Kind.COMMA, Kind.JUDGEMENT, Kind.ASSOCIATED_MARK)
_OPENERS = (Kind.TERM, Kind.COMMA, Kind.JUDGEMENT, Kind.WORDING, Kind.CHANGE)
_LOCATION_PARTS = {
    Kind.QUADRANT: "quadrant",
    Kind.CLOCK: "clock",
    Kind.DEPTH: "depth",
    Kind.HALF: "half",
    Kind.REGION: "region",
    Kind.DISTANCE: "nipple_distance_mm",
}
_SHARED = (*_LOCATION_PARTS, Kind.SIZE, Kind.VIEW, Kind.PROJECTION, Kind.CHANGE)
_ALL_AXES = frozenset(Axis) - {Axis.COMPOSITION}


def clauses_of(lexemes: Sequence[Lexeme]) -> list[tuple[Lexeme, ...]]:
    """The sentence cut at `but`, `;` and the like wherever both parts name a subject."""
    marked = _with_associated(lexemes)
    clauses: list[list[Lexeme]] = [[]]
    for i, lexeme in enumerate(marked):
        if lexeme.kind is not Kind.BREAK:
            clauses[-1].append(lexeme)
        elif _has_subject(clauses[-1]) and _has_subject(marked[i + 1 :]):
            clauses.append([])
    return [tuple(c) for c in clauses]


def _has_subject(lexemes: Iterable[Lexeme]) -> bool:
    return any(x.kind in (Kind.HEAD, Kind.ASSOCIATED, Kind.BIRADS, Kind.DENSITY) for x in lexemes)


def _with_associated(lexemes: Sequence[Lexeme]) -> list[Lexeme]:
    """Heads listed after `associated` turned into associated features of another finding."""
    turned: list[Lexeme] = []
    listing = False
    for lexeme in lexemes:
        if lexeme.kind is Kind.ASSOCIATED_MARK:
            listing = True
        elif listing and lexeme.kind is Kind.HEAD and _head(lexeme) in HEAD_AS_ASSOCIATED:
            lexeme = Lexeme(Kind.ASSOCIATED, HEAD_AS_ASSOCIATED[_head(lexeme)], lexeme.text)
        elif lexeme.kind not in _ASSOCIATED_LIST:
            listing = False
        turned.append(lexeme)
    return turned


def _head(lexeme: Lexeme) -> FactKind:
    kind, _ = _value(lexeme)
    return kind


def _value(lexeme: Lexeme) -> Any:
    """The lexeme's value; its type follows from its kind (see `vocabulary`)."""
    return lexeme.value


class _DoubleNegation(Exception):
    """The clause negates a negation, or negates something that is not a subject."""


@dataclass
class _Subject:
    """A finding being put together while its clause is read."""

    at: int
    kind: FactKind
    status: Status = Status.POSITIVE
    descriptors: set[str] = field(default_factory=set)
    parts: dict[str, Any] = field(default_factory=dict)
    views: set = field(default_factory=set)
    size_mm: int | None = None
    change: Any = None

    @property
    def axes(self) -> frozenset[Axis]:
        return _ALL_AXES if self.kind is FactKind.ANY_FINDING else frozenset(FindingType(self.kind.value).axes)

    def fact(self, side: Laterality | None) -> Fact:
        return Fact(
            self.status,
            self.kind,
            side,
            descriptors=frozenset(self.descriptors),
            location=Location(**self.parts),
            views=frozenset(self.views),
            size_mm=self.size_mm,
            change=self.change,
        )


def read_clause(clause: Sequence[Lexeme], side: Laterality | None) -> tuple[list[Fact], list[str]]:
    """Facts of one clause and the words in it that could not be placed.

    Args:
        clause: lexemes.
        side: breast of the heading above, used where the clause names none.
    """
    try:
        return _ClauseReader(clause, side).read()
    except _DoubleNegation:
        return [], [" ".join(x.text for x in clause)]


class _ClauseReader:
    def __init__(self, clause: Sequence[Lexeme], side: Laterality | None) -> None:
        self.clause = clause
        self.default = side
        self.unread = [x.text for x in clause if x.kind is Kind.UNKNOWN]
        self.statuses, doubt = _statuses(clause)
        self.unread += doubt
        self.heads = [_Subject(i, _head(x), self.statuses[i]) for i, x in enumerate(clause) if x.kind is Kind.HEAD]
        self.group_of = self._groups()

    def read(self) -> tuple[list[Fact], list[str]]:
        facts: list[Fact] = []
        for head in self.heads:
            _, term_id = _value(self.clause[head.at])
            if term_id:
                head.descriptors.add(term_id)
        for i, lexeme in enumerate(self.clause):
            if lexeme.kind is Kind.TERM:
                self._attach_term(i, lexeme)
            elif lexeme.kind in _SHARED:
                self._attach_shared(i, lexeme)
            elif lexeme.kind is Kind.ASSOCIATED:
                facts += self._associated(i, lexeme)
            elif lexeme.kind in (Kind.WORDING, Kind.JUDGEMENT):
                self._check_judgement(lexeme)
        named = [h for h in self.heads if h.kind is not FactKind.ANY_FINDING]
        found = [h.fact(s) for h in named or self.heads if not self._is_wording(h) for s in self._sides(h.at)]
        return [*found, *facts, *self._breast_facts(), *self._exam_facts(bool(found))], self.unread

    def _is_wording(self, head: _Subject) -> bool:
        """`suspicious abnormality` beside a category words the category; it is no finding."""
        before = self.clause[head.at - 1 : head.at]
        categorised = any(x.kind is Kind.BIRADS for x in self.clause)
        return (
            categorised
            and head.kind is FactKind.ANY_FINDING
            and bool(before)
            and before[0].text == "suspicious"
            and (self.clause[head.at].text == "abnormality")
        )

    # --- which subject a word belongs to -------------------------------------------------------------------

    def _groups(self) -> dict[int, list[_Subject]]:
        """Heads joined by nothing but commas, `and`, `or` and descriptors share place, side and views."""
        groups: list[list[_Subject]] = []
        for head in self.heads:
            between = self.clause[groups[-1][-1].at + 1 : head.at] if groups else ()
            if groups and all(x.kind in (*_OPENERS, Kind.NEGATION) or x.text in ("and", "or", "/") for x in between):
                groups[-1].append(head)
            else:
                groups.append([head])
        return {head.at: group for group in groups for head in group}

    def _previous(self, at: int) -> _Subject | None:
        return next((h for h in reversed(self.heads) if h.at < at), None)

    def _opens(self, at: int) -> _Subject | None:
        """The head that the word at `at` stands before as an adjective, if it does."""
        for j in range(at + 1, len(self.clause)):
            lexeme = self.clause[j]
            if lexeme.kind is Kind.HEAD:
                return next(h for h in self.heads if h.at == j)
            if lexeme.kind not in _OPENERS and lexeme.text not in ("and", "or"):
                return None
        return None

    def _attach_term(self, at: int, lexeme: Lexeme) -> None:
        value = _value(lexeme)
        axes = {Axis.SHAPE, Axis.MORPHOLOGY} if value == EITHER_ROUND else {term(value).axis}
        opens, previous = self._opens(at), self._previous(at)
        following = next((h for h in self.heads if h.at > at), None)
        for head in (opens, previous, following):
            if head is not None and axes & head.axes:
                if value == EITHER_ROUND:
                    value = "morphology.round" if head.kind is FactKind.CALCIFICATION else "shape.round"
                head.descriptors.add(value)
                return
        self.unread.append(lexeme.text)

    def _attach_shared(self, at: int, lexeme: Lexeme) -> None:
        opens = self._opens(at) if lexeme.kind is Kind.CHANGE and self._touches_head(at) else None
        owner = opens or self._previous(at) or next(iter(self.heads), None)
        if owner is None:
            if lexeme.kind in _LOCATION_PARTS or lexeme.kind is Kind.SIZE:
                self.unread.append(lexeme.text)
            return
        for head in [owner] if opens else self.group_of[owner.at]:
            if not _put(head, lexeme):
                self.unread.append(lexeme.text)
                return

    def _touches_head(self, at: int) -> bool:
        after = self.clause[at + 1 : at + 2]
        return bool(after) and after[0].kind in (Kind.TERM, Kind.HEAD)

    def _associated(self, at: int, lexeme: Lexeme) -> list[Fact]:
        status, owner = self.statuses[at], self._previous(at) or next(iter(self.heads), None)
        joined = owner is not None and status is owner.status and status is not Status.NEGATIVE
        if joined and owner is not None and Axis.ASSOCIATED in owner.axes:
            owner.descriptors.add(_value(lexeme))
            return []
        return [Fact(status, FactKind.ASSOCIATED, s, descriptors=frozenset({_value(lexeme)})) for s in self._sides(at)]

    def _check_judgement(self, lexeme: Lexeme) -> None:
        """`suspicious`, `benign`: right beside its category, harmless in a negation, otherwise an unread claim."""
        categories = {c.value for x in self.clause if x.kind is Kind.BIRADS for c in _value(x)}
        if lexeme.kind is Kind.WORDING and categories & _value(lexeme):
            return
        statuses = list(self.statuses.values())
        if not statuses or any(s is not Status.NEGATIVE for s in statuses):
            self.unread.append(lexeme.text)

    # --- sides ----------------------------------------------------------------------------------------------

    def _sides(self, at: int) -> list[Laterality | None]:
        """Breasts that the word at `at` is about; [None] where none is named."""
        named = [(i, _value(x)) for i, x in enumerate(self.clause) if x.kind is Kind.SIDE]
        if not named:
            views = {_value(x)[0] for x in self.clause if x.kind is Kind.VIEW}
            return [*views] if len(views) == 1 else [self.default]
        before = [v for i, v in named if i < at]
        after = [v for i, v in named if i > at]
        first_subject = min(self.statuses, default=at)
        prefixed = named[0][0] < first_subject
        value = (before[-1] if prefixed else after[0]) if (before if prefixed else after) else (before or after)[-1]
        if value == BOTH:
            return list(Laterality)
        return [None if value == WHOLE_EXAM else value]

    # --- facts of breasts and exam --------------------------------------------------------------------------

    def _breast_facts(self) -> list[Fact]:
        facts: list[Fact] = []
        letters = {_value(x) for x in self.clause if x.kind is Kind.DENSITY}
        for i, lexeme in enumerate(self.clause):
            sides = self._sides(i) if lexeme.kind is not Kind.SIDE else []
            if lexeme.kind is Kind.BIRADS:
                facts += [birads_fact(s, c) for c in _value(lexeme) for s in sides]
            elif lexeme.kind is Kind.DENSITY or (lexeme.kind is Kind.DENSITY_WORDS and not letters):
                facts += [density_fact(s, _value(lexeme)) for s in sides]
            elif lexeme.kind is Kind.DENSITY_WORDS and _value(lexeme) not in letters:
                self.unread.append(lexeme.text)
            elif lexeme.kind is Kind.NO_DENSITY:
                facts += [density_fact(s, None) for s in sides]
            elif lexeme.kind is Kind.NO_BIRADS:
                facts += [birads_fact(s, None) for s in sides]
            elif lexeme.kind is Kind.LIMIT and _value(lexeme) == NOT_IMAGED:
                facts += [Fact(Status.NEGATIVE, FactKind.LIMIT, s, NOT_IMAGED) for s in sides]
        return facts

    def _exam_facts(self, has_finding: bool) -> list[Fact]:
        views = [_value(x) for x in self.clause if x.kind is Kind.VIEW]
        dates = [_value(x) for x in self.clause if x.kind is Kind.DATE]
        kinds = {x.kind for x in self.clause}
        facts = [
            Fact(Status.POSITIVE, FactKind.RECOMMENDATION, None, _value(x))
            for x in self.clause
            if x.kind is Kind.MANAGEMENT
        ]
        for limit in (_value(x) for x in self.clause if x.kind is Kind.LIMIT and _value(x) != NOT_IMAGED):
            if limit == ONE_VIEW:
                facts += [Fact(Status.POSITIVE, FactKind.LIMIT, s, limit, views=frozenset({p})) for s, p in views]
            else:
                facts.append(Fact(Status.POSITIVE, FactKind.LIMIT, None, limit))
        changes = [] if has_finding else [(i, _value(x)) for i, x in enumerate(self.clause) if x.kind is Kind.CHANGE]
        facts += [Fact(Status.POSITIVE, FactKind.CHANGE, s, change=c) for i, c in changes for s in self._sides(i)]
        if Kind.NO_PRIOR in kinds:
            facts.append(Fact(Status.NEGATIVE, FactKind.COMPARISON))
        elif Kind.PRIOR in kinds and Kind.CHANGE not in kinds:
            facts.append(Fact(Status.POSITIVE, FactKind.COMPARISON, None, dates[0] if dates else None))
            if has_finding:  # it may speak of what the prior showed: never word for word
                self.unread.append("prior")
        elif dates and Kind.PRIOR not in kinds:
            self.unread += dates
        if Kind.TECHNIQUE in kinds and views and not has_finding and Kind.LIMIT not in kinds:
            for side in Laterality:
                if projections := frozenset(p for s, p in views if s is side):
                    facts.append(Fact(Status.POSITIVE, FactKind.TECHNIQUE, side, views=projections))
        return facts


def _put(head: _Subject, lexeme: Lexeme) -> bool:
    """Record a place, size, view or change with a head; False when it contradicts what is already there."""
    value = _value(lexeme)
    if lexeme.kind is Kind.VIEW:
        head.views.add(value[1])
        return True
    if lexeme.kind is Kind.PROJECTION:
        head.views.add(value)
        return True
    if lexeme.kind in (Kind.SIZE, Kind.CHANGE):
        name = "size_mm" if lexeme.kind is Kind.SIZE else "change"
        if getattr(head, name) not in (None, value):
            return False
        setattr(head, name, value)
        return True
    part = _LOCATION_PARTS[lexeme.kind]
    clash = {"half": ("quadrant", "clock"), "quadrant": ("half",), "clock": ("half",)}.get(part, ())
    if head.parts.get(part, value) != value or any(other in head.parts for other in clash):
        return False
    head.parts[part] = value
    return True


def _statuses(clause: Sequence[Lexeme]) -> tuple[dict[int, Status], list[str]]:
    """Status of every subject by its place in the clause, and words of doubt that meet no subject.

    Raises:
        _DoubleNegation: for two operators on one subject, or a negation that meets no subject.
    """
    statuses: dict[int, Status] = {}
    current, pending, doubt = Status.POSITIVE, False, ""
    for i, lexeme in enumerate(clause):
        if lexeme.kind in (Kind.NEGATION, Kind.UNCERTAIN):
            operator = Status.NEGATIVE if lexeme.kind is Kind.NEGATION else Status.UNCERTAIN
            if pending and Status.NEGATIVE in (operator, current):
                raise _DoubleNegation
            current, pending, doubt = operator, True, lexeme.text
        elif lexeme.kind in (Kind.HEAD, Kind.ASSOCIATED):
            statuses[i], pending = current, False
        elif lexeme.kind in (Kind.NEGATION_AFTER, Kind.UNCERTAIN_AFTER):
            if not statuses or any(s is not Status.POSITIVE for s in statuses.values()):
                raise _DoubleNegation
            after = Status.NEGATIVE if lexeme.kind is Kind.NEGATION_AFTER else Status.UNCERTAIN
            statuses = dict.fromkeys(statuses, after)
    if pending and current is Status.NEGATIVE:
        raise _DoubleNegation
    return statuses, [doubt] if pending else []
