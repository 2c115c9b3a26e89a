"""Free report text to facts: sentences, headings, sides, negation, uncertainty, descriptors, places, categories.

Deterministic: no model, no network, the same facts for the same text everywhere. The parser is careful rather than
clever: words it does not know, double negations and descriptors that fit no finding are reported as unread.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from mammoscribe.domain.assessment import Category, most_severe
from mammoscribe.domain.view import Laterality
from mammoscribe.reporting.clauses import clauses_of, read_clause
from mammoscribe.reporting.facts import Fact, FactKind, Status
from mammoscribe.reporting.lexemes import lexemes_of


@dataclass(frozen=True)
class ParsedSentence:
    """A sentence, the facts read from it, and the words nobody could place."""

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
    """Read one claim, as a rule one sentence; `side` is the breast of the heading it stands under."""
    facts: list[Fact] = []
    unread: list[str] = []
    inline = _INLINE_SIDE.match(text)
    default = _SIDES[inline[1].lower()] if inline else side
    for sentence in split_sentences(text):
        for clause in clauses_of(lexemes_of(sentence)):
            clause_facts, clause_unread = read_clause(clause, default)
            facts += clause_facts
            unread += clause_unread
    return ParsedSentence(text, tuple(dict.fromkeys(facts)), tuple(unread))


def parse_report(text: str) -> ParsedReport:
    """Read a whole report; a heading such as `Right breast:` gives its side to the lines below it."""
    sentences: list[ParsedSentence] = []
    side: Laterality | None = None
    for line in _joined_lines(text):
        if heading := _SIDE_HEADING.fullmatch(line):
            side = _SIDES.get(heading[1].lower())
        elif _SECTION_HEADING.fullmatch(line):
            side = None
        else:
            inline = _INLINE_SIDE.match(line)
            line_side = _SIDES[inline[1].lower()] if inline else side
            sentences += [parse_claim(s, line_side) for s in split_sentences(line)]
    return ParsedReport(tuple(sentences))


_SIDES = {"right": Laterality.RIGHT, "left": Laterality.LEFT}
_SIDE_HEADING = re.compile(r"(right|left|both|overall)(?:\s+breasts?)?\s*[:\-]?", re.IGNORECASE)
_INLINE_SIDE = re.compile(r"(right|left)\s+breast\s*[:,\-]", re.IGNORECASE)
_SECTION_HEADING = re.compile(r"[A-Za-z][A-Za-z /&-]{1,40}:")
_SENTENCE_END = re.compile(r"(?<=[.!?])(?<!approx\.)(?<!cat\.)(?<!vs\.)\s+|(?<=[a-z)]\.)(?=[A-Za-z]{2})")
_WRAPPED_AT = 55
"""A line at least this long, without a full stop and followed by a lower-case line, is a wrapped one."""


def split_sentences(line: str) -> list[str]:
    """Sentences of a line, empty ones dropped."""
    return [s.strip() for s in _SENTENCE_END.split(line) if s.strip(" .\t")]


def _joined_lines(text: str) -> list[str]:
    """Non-empty lines, with wrapped sentences put back together."""
    lines: list[str] = []
    wrapped = False
    for raw in text.splitlines():
        line = raw.strip()
        if line and wrapped and (line[0].islower() or line[0] == "("):
            lines[-1] += " " + line
        elif line:
            lines.append(line)
        wrapped = bool(line) and len(line) >= _WRAPPED_AT and line[-1] not in ".:;!?"
    return lines
