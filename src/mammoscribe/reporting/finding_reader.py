"""Facts about findings from one clause: which descriptor, place, view, size and change belongs to which finding."""

from itertools import pairwise

from mammoscribe.domain.lexicon import Axis, term
from mammoscribe.domain.location import Region
from mammoscribe.reporting.clauses import LOCATION_KINDS, Clause, phrase_start
from mammoscribe.reporting.facts import Fact, FactKind, Status
from mammoscribe.reporting.ledger import Ledger
from mammoscribe.reporting.subjects import Statuses, Subject
from mammoscribe.reporting.synonyms import ADENOPATHY, EITHER_ROUND, NOUNS_OF_TERMS
from mammoscribe.reporting.vocabulary import EITHER, Kind

_NOUN_KINDS = (Kind.HEAD, Kind.ASSOCIATED, Kind.NODES, Kind.STRUCTURE)
_IN_LIST = (Kind.COMMA, Kind.AND, Kind.OR, Kind.FILLER, Kind.ARTICLE, Kind.NEGATION, Kind.UNCERTAIN)
_MASS_AXES = ("shape", "margin", "density", EITHER_ROUND)


class FindingReader:
    """Reads findings, associated features and named structures; ticks off in the ledger what it takes up."""

    def __init__(self, clause: Clause, statuses: Statuses, ledger: Ledger) -> None:
        self.words, self.sides = clause.lexemes, clause.sides
        self.statuses, self.ledger = statuses, ledger
        self.heads = self._heads()
        self.group_of = self._groups()
        self.shown_by: dict[int, list[Subject]] = {}

    def read(self) -> list[Fact]:
        """Facts in the order findings, associated features."""
        about_structures = self._structures()
        nodes = self._nodes()
        self._describe()
        associated = [f for i, ids in self.ledger.open(Kind.ASSOCIATED) for f in self._associated(i, ids)]
        self._check_joints()
        found = [h.fact(s) for h in self.heads for s in self.sides]
        return [*found, *associated, *nodes, *about_structures]

    # --- which nouns are findings ---------------------------------------------------------------------------------

    def _heads(self) -> list[Subject]:
        """Findings that the clause states, denies or doubts; a lesion that only words another one is left out."""
        hedge = min(self.ledger.places(Kind.HEDGE), default=len(self.words))
        hedged_before = max(self.ledger.places(Kind.HEDGE_AFTER), default=-1)
        heads = [
            Subject(i, self._kind(i, value[0]), self.statuses.of[i], {value[1]} if value[1] else set())
            for i, value in self.ledger.open(Kind.HEAD)
            if i in self.statuses.of and hedged_before < i < hedge
        ]
        heads = [h for h in heads if not self._words_a_category(h) and not self._words_a_finding(h)]
        if any(h.kind is not FactKind.ANY_FINDING for h in heads):
            heads = [h for h in heads if h.kind is not FactKind.ANY_FINDING or h.status is Status.NEGATIVE]
        kept = [h for h in heads if not self._is_limited(h)]
        self.ledger.take(*(h.at for h in kept))
        return kept

    def _kind(self, at: int, kind: FactKind) -> FactKind:
        """A lesion that is given the shape, margin or density of a mass is one."""
        if kind is not FactKind.ANY_FINDING:
            return kind
        nouns = [i for i in self.ledger.places(*_NOUN_KINDS) if i > at]
        end = phrase_start(self.words, nouns[0], at + 1) if nouns else len(self.words)
        phrase = self.words[phrase_start(self.words, at, 0) : end]
        described = any(x.kind is Kind.TERM and str(x.value).split(".")[0] in _MASS_AXES for x in phrase)
        return FactKind.MASS if described else kind

    def _words_a_category(self, head: Subject) -> bool:
        """`BI-RADS 4, suspicious abnormality`: the abnormality belongs to the wording."""
        before = self.words[max(head.at - 1, 0)]
        worded = before.kind is Kind.WORDING and any(i < head.at for i in self.ledger.places(Kind.BIRADS))
        if worded and head.kind is FactKind.ANY_FINDING:
            self.ledger.take(head.at)
            return True
        return False

    def _words_a_finding(self, head: Subject) -> bool:
        """`a mass suggests a lesion`, `no findings suggestive of malignancy`: the second is the first in other words."""
        first = min(self.statuses.of)
        worded = any(first < i < head.at for i in self.ledger.places(Kind.INTERPRETS))
        if worded and head.kind is FactKind.ANY_FINDING and head.status is Status.NEGATIVE:
            self.ledger.take(head.at)
        return worded and head.kind is FactKind.ANY_FINDING

    def _is_limited(self, head: Subject) -> bool:
        """`no other mass`, `no mass in the skin`: the denial is not one of every mass."""
        if head.status is not Status.NEGATIVE:
            return False
        in_structure = head.kind is not FactKind.ANY_FINDING and self.ledger.has(Kind.STRUCTURE)
        others = self.ledger.places(Kind.OTHER)
        return in_structure or any(i < head.at or i > max(self.statuses.of) for i in others)

    def _groups(self) -> dict[int, list[Subject]]:
        """Findings listed one after the other share place, views and size."""
        groups: list[list[Subject]] = []
        for head in self.heads:
            start = phrase_start(self.words, head.at, groups[-1][-1].at + 1) if groups else 0
            between = self.words[groups[-1][-1].at + 1 : start] if groups else ()
            if groups and all(x.kind in _IN_LIST for x in between):
                groups[-1].append(head)
            else:
                groups.append([head])
        return {head.at: group for group in groups for head in group}

    # --- named structures -----------------------------------------------------------------------------------------

    def _structures(self) -> list[Fact]:
        """`skin and nipple: no abnormality` denies the features of these structures and nothing else."""
        named = self.ledger.open(Kind.STRUCTURE) + [
            (i, (ADENOPATHY,)) for i, v in self.ledger.open(Kind.REGION) if v is Region.AXILLA
        ]
        denied = [h for h in self.heads if h.kind is FactKind.ANY_FINDING and h.status is Status.NEGATIVE]
        normal = [i for i, _ in self.ledger.open(Kind.NORMAL)] if not self.statuses.of else []
        if not named or len(denied) != len(self.heads) or not (denied or normal) or self.ledger.has(Kind.OTHER):
            return []
        self.heads = []
        self.ledger.take(*normal, *(i for i, _ in named))
        features = dict.fromkeys(d for _, ids in named for d in ids)
        return [
            Fact(Status.NEGATIVE, FactKind.ASSOCIATED, s, descriptors=frozenset({d}))
            for d in features
            for s in self.sides
        ]

    def _nodes(self) -> list[Fact]:
        """Nodes are an adenopathy where they are called enlarged or the like; a denied node denies it."""
        facts = []
        for at, _ in self.ledger.open(Kind.NODES):
            before = range(phrase_start(self.words, at, 0), at)
            enlarged = [i for i in before if self._is_enlarged(i)]
            status = self.statuses.of[at]
            if (enlarged or status is Status.NEGATIVE) and not self.ledger.has(Kind.OTHER):
                self.ledger.take(at, *enlarged)
                descriptors = frozenset({ADENOPATHY})
                facts += [Fact(status, FactKind.ASSOCIATED, s, descriptors=descriptors) for s in self.sides]
        return facts

    def _is_enlarged(self, at: int) -> bool:
        return self.words[at].text in ("enlarged", "pathological", "pathologic", "prominent", "suspicious", "abnormal")

    # --- what is said of a finding --------------------------------------------------------------------------------

    def _describe(self) -> None:
        for at, value in self.ledger.open(Kind.TERM):
            self._attach_term(at, value)
        for at, _ in self.ledger.open(*LOCATION_KINDS, Kind.SIZE, Kind.CHANGE):
            self._attach_shared(at)
        for at, _ in self.ledger.open(Kind.VIEW, Kind.PROJECTION):
            self._attach_views(at)
        for at, _ in self.ledger.open(Kind.ONLY):
            self._attach_only(at)
        for at, count in self.ledger.open(Kind.VIEW_COUNT):
            if self.heads and count == len(self.heads[0].seen_on(None)):
                self.ledger.take(at)

    def _noun_after(self, at: int) -> int | None:
        """The noun that the adjective at this place opens the phrase of."""
        if self.words[at].text in NOUNS_OF_TERMS:
            return None
        noun = next((i for i in range(at + 1, len(self.words)) if self.words[i].kind in _NOUN_KINDS), None)
        return noun if noun is not None and phrase_start(self.words, noun, 0) <= at else None

    def _head_at(self, at: int | None) -> Subject | None:
        return next((h for h in self.heads if h.at == at), None)

    def _previous(self, at: int) -> Subject | None:
        return next((h for h in reversed(self.heads) if h.at < at), None)

    def _attach_term(self, at: int, value: str) -> None:
        noun = self._noun_after(at)
        first = next(iter(self.heads), None)
        head = self._head_at(noun) if noun is not None else self._previous(at) or first
        axes = {Axis.SHAPE, Axis.MORPHOLOGY} if value == EITHER_ROUND else {term(value).axis}
        if head is None or not axes & head.axes:
            return
        if value == EITHER_ROUND:
            value = "morphology.round" if head.kind is FactKind.CALCIFICATION else "shape.round"
        if value not in head.descriptors:
            head.descriptors.add(value)
            self.ledger.take(at)

    def _owners(self, at: int) -> list[Subject]:
        """Findings that a place, size, change or view at this place is said of."""
        if (noun := self._head_at(self._noun_after(at))) is not None and self.words[at].kind is Kind.CHANGE:
            return [noun]
        owner = self._previous(at) or next(iter(self.heads), None)
        return self.group_of[owner.at] if owner is not None else []

    def _attach_shared(self, at: int) -> None:
        owners = self._owners(at)
        if self.words[at].kind is Kind.CHANGE and not self._noun_after(at):
            owners = [h for h in owners if h.status is not Status.NEGATIVE]
        put = [head.put(self.words[at]) for head in owners]
        if put and all(put):
            self.ledger.take(at)

    def _attach_views(self, at: int) -> None:
        lexeme, owners = self.words[at], self._owners(at)
        side, shown = (None, lexeme.value) if lexeme.kind is Kind.PROJECTION else (lexeme.value[0], {lexeme.value[1]})
        if not owners or (side is not None and side not in self.sides):
            return
        fresh = [not shown & head.seen_on(side) for head in owners]
        for head in owners:
            head.views.setdefault(side, set()).update(shown)
        self.shown_by[at] = owners
        if all(fresh):
            self.ledger.take(at)

    def _attach_only(self, at: int) -> None:
        beside = next((i for i in self.ledger.beside(at) if i in self.shown_by), None)
        owners = self.shown_by[beside] if beside is not None else []
        if owners and self._ends_views(at) and all(h.status is not Status.NEGATIVE and not h.only for h in owners):
            for head in owners:
                head.only = True
            self.ledger.take(at)

    def _ends_views(self, at: int) -> bool:
        """Whether all views named are one list on one side of `only`; not in `on CC only, seen on MLO`."""
        first, last = min(self.shown_by), max(self.shown_by)
        one_list = Kind.VERB not in [x.kind for x in self.words[first:last]]
        return one_list and not first < at < last

    def _associated(self, at: int, ids: tuple[str, ...]) -> list[Fact]:
        """Features of a finding in the same clause become its descriptors; others are facts of the breast."""
        self.ledger.take(at)
        status = self.statuses.of[at]
        owner = self._previous(at) or next(iter(self.heads), None)
        if owner is not None and owner.status is status is not Status.NEGATIVE and Axis.ASSOCIATED in owner.axes:
            if owner.descriptors & set(ids):
                self.ledger.doubt(at)
            owner.descriptors |= set(ids)
            return []
        return [Fact(status, FactKind.ASSOCIATED, s, descriptors=frozenset({d})) for d in ids for s in self.sides]

    # --- words that leave it open what is meant -------------------------------------------------------------------

    def _check_joints(self) -> None:
        self._check_plurals()
        if self.statuses.all_negative:
            self.ledger.take(*(i for i in self.ledger.places(Kind.AMOUNT) if self.words[i].text.endswith(" of")))
        self._check_denied_lists()
        if not self.statuses.all_negative:
            alternatives = [i for i in self.ledger.places(Kind.OR) if not self._joins_views(i)]
            either = [i for i in self.ledger.places(Kind.SIDE) if self.words[i].value == EITHER]
            self.ledger.doubt(*alternatives, *either)

    def _joins_views(self, at: int) -> bool:
        beside = self.ledger.beside(at)
        return self.words[at].text == "/" and all(self.words[i].kind in (Kind.VIEW, Kind.PROJECTION) for i in beside)

    def _check_plurals(self) -> None:
        """`masses` are more than one, which no fact of one finding says."""
        for head in self.heads:
            text = self.words[head.at].text
            plural = text.endswith("s") and not text.endswith("ss") and head.kind is not FactKind.CALCIFICATION
            if plural and head.status is not Status.NEGATIVE:
                self.ledger.doubt(head.at)

    def _check_denied_lists(self) -> None:
        """`no mass and calcifications`, `no mass with calcifications`: whether the second is meant too is a guess."""
        places = list(self.statuses.of)
        for first, second in pairwise(places):
            between = [x.kind for x in self.words[first + 1 : second]]
            named_again = {Kind.NEGATION, Kind.UNCERTAIN, Kind.INTERPRETS} & set(between)
            closed = Kind.OR in [x.kind for x in self.words[first + 1 : places[-1]]] and Kind.WITH not in between
            backwards = self.ledger.has(Kind.NEGATION_AFTER, Kind.UNCERTAIN_AFTER)
            if self._may_be_meant(first, second) and not (named_again or closed or backwards):
                self.ledger.doubt(second)

    def _may_be_meant(self, first: int, second: int) -> bool:
        status = self.statuses.of[first]
        features = Kind.ASSOCIATED in (self.words[first].kind, self.words[second].kind)
        same = status is self.statuses.of[second] is not Status.POSITIVE
        return same and not (features and status is Status.UNCERTAIN)
