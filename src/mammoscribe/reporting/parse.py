"""Free report text to facts: sentences, headings, sides, negation, uncertainty, descriptors, places, categories.

Deterministic: no model, no network, the same facts for the same text everywhere. The parser is careful rather than
clever: a word that no fact takes up is reported as unread, and so is what can be meant in two ways.

    text ─► layout: lines and sentences ─► lexemes: known phrases ─► clauses: one finding or list, its breasts
         ─► subjects: there, not there, perhaps there ─► finding_reader, exam_reader: facts ─► ledger: words left over
"""

from collections.abc import Mapping
from dataclasses import dataclass

from mammoscribe.domain.assessment import Category, most_severe
from mammoscribe.domain.view import Laterality
from mammoscribe.reporting.clauses import Clause, Sides, clauses_of
from mammoscribe.reporting.exam_reader import ExamReader
from mammoscribe.reporting.facts import Fact, FactKind, Status
from mammoscribe.reporting.finding_reader import FindingReader
from mammoscribe.reporting.layout import lines_of, side_at_start, split_sentences
from mammoscribe.reporting.ledger import SILENT, Ledger
from mammoscribe.reporting.lexemes import lexemes_of
from mammoscribe.reporting.subjects import DoubleNegation, statuses_of
from mammoscribe.reporting.vocabulary import Kind


@dataclass(frozen=True)
class ParsedSentence:
    """A sentence, the facts read from it, and the words that no fact has taken up."""

    text: str
    facts: tuple[Fact, ...]
    unread: tuple[str, ...] = ()

    @property
    def fully_read(self) -> bool:
        """Whether the facts say all that the sentence says."""
        return bool(self.facts) and not self.unread


@dataclass(frozen=True)
class ParsedReport:
    """A report, sentence by sentence."""

    sentences: tuple[ParsedSentence, ...]

    @property
    def facts(self) -> tuple[Fact, ...]:
        """All facts, in the order of the text."""
        return tuple(f for s in self.sentences for f in s.facts)

    @property
    def unread_sentences(self) -> tuple[str, ...]:
        """Sentences from which nothing could be read."""
        return tuple(s.text for s in self.sentences if not s.facts)

    @property
    def birads(self) -> Mapping[Laterality | None, Category]:
        """Most severe category per breast; under None what names no breast."""
        stated = self._values(FactKind.BIRADS)
        return {side: most_severe(Category(v) for v in values) for side, values in stated.items()}

    @property
    def density(self) -> Mapping[Laterality | None, str]:
        """Densest letter per breast; under None what names no breast."""
        return {side: max(values) for side, values in self._values(FactKind.DENSITY).items()}

    @property
    def birads_overall(self) -> Category | None:
        """Most severe category anywhere in the report, or None."""
        return most_severe(self.birads.values()) if self.birads else None

    @property
    def density_overall(self) -> str | None:
        """Densest letter anywhere in the report, or None."""
        return max(self.density.values(), default=None)

    def _values(self, kind: FactKind) -> dict[Laterality | None, list[str]]:
        stated: dict[Laterality | None, list[str]] = {}
        for fact in self.facts:
            if fact.kind is kind and fact.status is Status.POSITIVE and fact.value is not None:
                stated.setdefault(fact.laterality, []).append(fact.value)
        return stated


def parse_claim(text: str, side: Laterality | None = None) -> ParsedSentence:
    """Read one claim, as a rule one sentence; `side` is the breast of the heading it is under."""
    return _parse(text, (side,))


def parse_report(text: str) -> ParsedReport:
    """Read a whole report; a heading such as `Right breast:` gives its side to the lines below it."""
    sentences: list[ParsedSentence] = []
    for line in lines_of(text):
        sides = line.sides
        for sentence in split_sentences(line.text):
            sides = side_at_start(sentence) or sides
            sentences.append(_parse(sentence, sides))
    return ParsedReport(tuple(sentences))


def _parse(text: str, default: Sides) -> ParsedSentence:
    facts: list[Fact] = []
    unread: list[str] = []
    for sentence in split_sentences(text):
        default = side_at_start(sentence) or default
        for new, left_over in _read_sentence(sentence, default):
            unread += left_over
            for fact in new:
                unread += [str(fact.kind)] if _is_stated_before(fact, facts) else []
                facts.append(fact)
    return ParsedSentence(text, tuple(dict.fromkeys(facts)), tuple(unread))


def _is_stated_before(fact: Fact, facts: list[Fact]) -> bool:
    """Whether it, or a finding of this kind and breast, was stated: two of them may be one finding or two."""
    another = fact.kind.is_finding and fact.status is not Status.NEGATIVE and fact.key in [f.key for f in facts]
    return another or fact in facts


_Reading = tuple[list[Fact], list[str]]


def _read_sentence(sentence: str, default: Sides) -> list[_Reading]:
    """Facts and unread words, clause by clause."""
    lexemes = lexemes_of(sentence)
    excepts = any(x.kind is Kind.EXCEPT for x in lexemes)
    readings: list[_Reading] = []
    for clause in clauses_of(lexemes, default):
        before = readings[-1][0] if readings else []
        facts, unread = _read_clause(clause, before)
        if excepts:
            kept = [f for f in facts if f.status is not Status.NEGATIVE and f.kind is not FactKind.CHANGE]
            facts, unread = kept, [*unread, "except"]
        readings.append((facts, unread))
    return readings


def _read_clause(clause: Clause, before: list[Fact]) -> _Reading:
    """Facts of one clause and the words in it that no fact takes up.

    Args:
        clause: to be read.
        before: facts of the clause before it in its sentence; `or` carries their denial on.
    """
    carried_on = clause.follows is Kind.OR and bool(before) and all(f.status is Status.NEGATIVE for f in before)
    alone = clause.follows in (None, Kind.BREAK)
    try:
        statuses = statuses_of(clause.lexemes, Status.NEGATIVE if carried_on else Status.POSITIVE, alone)
    except DoubleNegation:
        return [], [" ".join(x.text for x in clause.lexemes)]
    ledger = Ledger(clause.lexemes, statuses.taken, statuses.unclear)
    found = FindingReader(clause, statuses, ledger).read()
    facts = [*found, *ExamReader(clause, statuses, ledger).read(found)]
    joint = ["or"] if clause.follows is Kind.OR else []
    if not facts:
        return [], [x.text for x in clause.lexemes if x.kind not in SILENT] + joint
    if {f.laterality for f in facts}.issuperset(clause.sides) and not clause.side_unclear:
        ledger.take(*clause.side_at)
    return facts, ledger.unread() + joint
