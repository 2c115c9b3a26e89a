"""Facts about breasts and the exam from one clause: density, category, limits, technique, comparison, advice."""

from mammoscribe.domain.view import Laterality, Projection
from mammoscribe.reporting.clauses import Clause
from mammoscribe.reporting.facts import (
    NOT_IMAGED,
    ONE_VIEW,
    UNDATED,
    Fact,
    FactKind,
    Status,
    birads_fact,
    density_fact,
)
from mammoscribe.reporting.ledger import Ledger
from mammoscribe.reporting.subjects import Statuses
from mammoscribe.reporting.vocabulary import COMPARATORS, Kind

_STATES_MORE = (
    Kind.HEAD, Kind.ASSOCIATED, Kind.NODES, Kind.STRUCTURE, Kind.BIRADS, Kind.DENSITY, Kind.DENSITY_WORDS,
    Kind.MANAGEMENT, Kind.LIMIT,
)  # fmt: skip
_AFTER_PRIOR = frozenset(
    {Kind.COMMA, Kind.MARK, Kind.AND, Kind.DATE, Kind.UNDATED, Kind.CHANGE, Kind.THERE, Kind.ARTICLE, Kind.PREPOSITION}
)
"""What can come after the words of a comparison."""


class ExamReader:
    """Reads what is not a finding; ticks off in the ledger what it takes up."""

    def __init__(self, clause: Clause, statuses: Statuses, ledger: Ledger) -> None:
        self.words, self.sides = clause.lexemes, clause.sides
        self.names_side = bool(clause.side_at)
        self.statuses, self.ledger = statuses, ledger

    def read(self, found: list[Fact]) -> list[Fact]:
        """Facts of breasts, then of the exam; `found` are the findings of the clause."""
        facts = [*self._density(), *self._birads(), *self._limits(bool(found)), *self._recommendations()]
        facts += self._normal()
        facts += self._technique(bool(found))
        facts += [*self._change(), *self._comparison(bool(found))]
        self._check_judgements()
        if self.statuses.all_negative or not self.statuses.of:
            self.ledger.take(*self.ledger.places(Kind.EVERY_VIEW))
        return facts

    def _density(self) -> list[Fact]:
        """Letter and words together state one density; a second one in the clause is left unread."""
        facts, read = [], {}
        for at, letter in self.ledger.open(Kind.DENSITY) + self.ledger.open(Kind.DENSITY_WORDS):
            kind = self.words[at].kind
            if kind in read or (read and letter not in read.values()):
                continue
            facts += [density_fact(s, letter) for s in self.sides] if not read else []
            read[kind] = letter
            self.ledger.take(at)
        for at, _ in self.ledger.open(Kind.NO_DENSITY):
            facts += [density_fact(s, None) for s in self.sides]
            self.ledger.take(at)
        return facts

    def _birads(self) -> list[Fact]:
        facts, read = [], set()
        for at, categories in self.ledger.open(Kind.BIRADS):
            facts += [birads_fact(s, c) for c in categories for s in self.sides]
            if not read & set(categories):
                self.ledger.take(at)
            read |= set(categories)
        for at, _ in self.ledger.open(Kind.NO_BIRADS):
            facts += [birads_fact(s, None) for s in self.sides]
            self.ledger.take(at)
        return facts

    def _limits(self, has_finding: bool) -> list[Fact]:
        facts = []
        for at, limit in self.ledger.open(Kind.LIMIT):
            if has_finding:
                continue
            if limit == NOT_IMAGED:
                facts += [Fact(Status.NEGATIVE, FactKind.LIMIT, s, NOT_IMAGED) for s in self.sides]
            elif limit == ONE_VIEW:
                views = self.ledger.open(Kind.VIEW)
                self.ledger.take(*(i for i, _ in views))
                facts += [Fact(Status.POSITIVE, FactKind.LIMIT, s, limit, views=frozenset({p})) for _, (s, p) in views]
            else:
                facts.append(Fact(Status.POSITIVE, FactKind.LIMIT, None, limit))
            self.ledger.take(at)
        return facts

    def _recommendations(self) -> list[Fact]:
        facts = []
        for at, group in self.ledger.open(Kind.MANAGEMENT):
            self.ledger.take(at)
            facts += [Fact(self.statuses.of[at], FactKind.RECOMMENDATION, s, group) for s in self.sides]
        return facts

    def _normal(self) -> list[Fact]:
        """`the left breast is normal` denies every finding; of what else is normal nothing follows."""
        normal = self.ledger.open(Kind.NORMAL) or [x for x in self.ledger.open(Kind.WORDING) if x[1] == {"1"}]
        about_breasts = self.names_side or self.ledger.has(Kind.BREAST, Kind.TECHNIQUE)
        adds_facts = self.ledger.has(*_STATES_MORE, Kind.UNKNOWN, Kind.OTHER, Kind.REGION, Kind.HEDGE, Kind.NOUN)
        if not normal or not about_breasts or adds_facts:
            return []
        self.ledger.take(*(i for i, _ in normal))
        return [Fact(Status.NEGATIVE, FactKind.ANY_FINDING, s) for s in self.sides]

    def _technique(self, has_finding: bool) -> list[Fact]:
        """`Mammography, two views: right CC, right MLO`; the number of views must be that of those listed."""
        if has_finding:
            self.ledger.take(*self.ledger.places(Kind.TECHNIQUE))
            return []
        counts = self.ledger.open(Kind.VIEW_COUNT)
        if not (counts or self.ledger.has(Kind.TECHNIQUE)) or self.ledger.has(Kind.LIMIT):
            return []
        shown = self._shown()
        self.ledger.take(*(i for i, n in counts if n == len(shown) and len(counts) == 1))
        by_side = {s: frozenset(p for side, p in shown if side is s) for s in Laterality}
        facts = [Fact(Status.POSITIVE, FactKind.TECHNIQUE, s, views=views) for s, views in by_side.items() if views]
        if facts:
            self.ledger.take(*self.ledger.places(Kind.TECHNIQUE))
        return facts

    def _shown(self) -> set[tuple[Laterality, Projection]]:
        """Views that are listed: `right CC`, or a projection of every breast named."""
        shown: set[tuple[Laterality, Projection]] = set()
        for at, value in self.ledger.open(Kind.VIEW, Kind.PROJECTION):
            named = {value} if self.words[at].kind is Kind.VIEW else {(s, p) for s in self.sides if s for p in value}
            if named and not named & shown:
                shown |= named
                self.ledger.take(at)
        return shown

    def _change(self) -> list[Fact]:
        """A change that is stated of a breast as a whole."""
        changes = self.ledger.open(Kind.CHANGE)
        states_more = any(x.kind in _STATES_MORE for x in self.words) and not self.statuses.all_negative
        if len(changes) != 1 or states_more:
            return []
        at, change = changes[0]
        self.ledger.take(at)
        return [Fact(Status.POSITIVE, FactKind.CHANGE, s, change=change) for s in self.sides]

    def _comparison(self, has_finding: bool) -> list[Fact]:
        """Comparison with a prior; a date of the prior is a fact even where a change is what is stated."""
        facts = [Fact(Status.NEGATIVE, FactKind.COMPARISON) for _ in self.ledger.open(Kind.NO_PRIOR)]
        self.ledger.take(*self.ledger.places(Kind.NO_PRIOR))
        changed = self.ledger.has(Kind.CHANGE)
        if not (priors := self.ledger.places(Kind.PRIOR)):
            return facts
        dated = self.ledger.open(Kind.DATE, Kind.UNDATED)
        values = [v or UNDATED for _, v in dated]
        self.ledger.take(*(i for i, _ in dated))
        if changed or not has_finding:  # else the finding may be the prior's
            self.ledger.take(*self._first_comparison(priors))
        if not values and not changed:
            values = [None]
        return facts + [Fact(Status.POSITIVE, FactKind.COMPARISON, None, v) for v in values]

    def _first_comparison(self, priors: list[int]) -> list[int]:
        """Words of one comparison (`compared with the prior exam`); none where they go elsewhere (`prior mass`)."""
        run = [priors[0]]
        for at in priors[1:]:
            if all(x.kind in (Kind.ARTICLE, Kind.PREPOSITION) for x in self.words[run[-1] + 1 : at]):
                run.append(at)
        after = [x.kind for x in self.words[run[-1] + 1 : run[-1] + 2]]
        compares = self.words[run[0]].text in COMPARATORS or not self.ledger.has(Kind.HEAD)
        beside_change = any(self.words[i].kind is Kind.CHANGE for at in run for i in self.ledger.beside(at))
        return run if (compares or beside_change) and set(after) <= _AFTER_PRIOR else []

    def _check_judgements(self) -> None:
        """`suspicious`, `benign`: read beside its category and in a denial, else a claim that no fact holds."""
        stated = {c.value for x in self.words if x.kind is Kind.BIRADS for c in x.value}
        for at, meant in self.ledger.open(Kind.WORDING, Kind.JUDGEMENT):
            fits = self.words[at].kind is Kind.WORDING and stated & meant
            if fits or self.statuses.all_negative:
                self.ledger.take(at)
