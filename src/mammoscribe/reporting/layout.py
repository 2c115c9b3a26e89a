"""The lines of a report: headings, list marks, wrapped lines put together again, and sentences."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mammoscribe.domain.view import Laterality
from mammoscribe.reporting.clauses import Sides

NO_SIDE: Sides = (None,)

_BULLET = re.compile(r"(?:[-*•·–]+|\(?\d{1,2}[.)])\s+(?=\S)")
_SIDE = r"(?P<side>right|left|both|bilateral|b/l|overall|rt|lt|r|l)\b\.?"
_SIDE_HEADING = re.compile(rf"{_SIDE}(?:\s+(?:breasts?|side|mammograms?|findings?))*\s*[:.-]*", re.IGNORECASE)
_INLINE_SIDE = re.compile(
    rf"{_SIDE}(?:\s+(?:breasts?|side|mammograms?))?\s*(?::|\s-)|(?:{_SIDE.replace('side>', 'named>')})\s+breasts?\s*,",
    re.IGNORECASE,
)
_SECTION_HEADING = re.compile(r"[A-Za-z][A-Za-z /&-]{1,40}:")
_GIVEN_BEFORE = re.compile(
    r"(?:clinical\s+)?(?:history|indications?|information|details|complaints?|data)\b[^:]{0,30}:|reason\s+for\s+[^:]{1,30}:",
    re.IGNORECASE,
)
"""Heading of what was known before the exam was read: nothing that this report finds."""
_INLINE_HEADING = re.compile(r"[A-Za-z][A-Za-z /&-]{1,40}:")
_ABBREVIATIONS = "".join(rf"(?<!\b{a}\.)" for a in ("approx", "cat", "vs", "rt", "lt", "dr", "incl"))
_SENTENCE_END = re.compile(rf"(?<=[.!?]){_ABBREVIATIONS}\s+|(?<=[a-z)]\.)(?=[A-Za-z]{{2}})", re.IGNORECASE)
_WRAPPED_AT = 55
"""A line at least this long, without a full stop and followed by a lower-case line, is a wrapped one."""
_STAYS_OPEN = re.compile(
    r"\b(?:of|in|on|at|the|an?|and|or|with|to|by|from|is|are|suggests?|suggestive|may|upper|lower|inner|outer|small|large|"
    r"low|moderate|high|benign|suspicious|malignant|probably)$",
    re.IGNORECASE,
)
_CONTINUES = re.compile(
    r"(?:of|in|on|at|and|or|with|within|adjacent|near|which|that|is|are|seen|noted|suggests?|suggesting|suggestive|resulting|causing|"
    r"quadrants?|lesions?|region|breast|likely)\b|\(",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Line:
    """Text of one line, wrapped ones put together, and the breasts of the heading it is under."""

    text: str
    sides: Sides


def lines_of(text: str, with_history: bool = False) -> Iterator[Line]:
    """Lines that are no headings; a heading such as `Right breast:` gives its side to the lines below it.

    Args:
        text: of a report.
        with_history: give also lines of what was known before the exam, such as its indication.
    """
    sides, given_before = NO_SIDE, False
    for line in _joined_lines(text):
        if _INLINE_HEADING.match(line):
            given_before = _GIVEN_BEFORE.match(line) is not None
        if heading := _SIDE_HEADING.fullmatch(line):
            sides = sides_named(heading["side"])
        elif _SECTION_HEADING.fullmatch(line):
            sides = NO_SIDE
        elif with_history or not given_before:
            yield Line(line, sides)


def side_at_start(sentence: str) -> Sides | None:
    """Breasts of a sentence that begins with a side as its heading: `Left breast: ...`, `R - ...`."""
    inline = _INLINE_SIDE.match(sentence)
    return sides_named(inline["side"] or inline["named"]) if inline else None


def sides_named(word: str) -> Sides:
    """Breasts of a heading: `right`, `lt`, `both`, `overall`."""
    lowered = word.lower()
    if lowered in ("both", "bilateral", "b/l"):
        return tuple(Laterality)
    return {"r": (Laterality.RIGHT,), "l": (Laterality.LEFT,)}.get(lowered[0], NO_SIDE)


def split_sentences(line: str) -> list[str]:
    """Sentences of a line, empty ones dropped."""
    return [s.strip() for s in _SENTENCE_END.split(line) if s.strip(" .\t")]


def _joined_lines(text: str) -> list[str]:
    """Non-empty lines without list marks, with wrapped sentences put back together."""
    lines: list[str] = []
    previous = ""
    for raw in text.splitlines():
        line = raw.strip()
        bullet = _BULLET.match(line)
        if line and not bullet and lines and _is_wrapped(previous, line):
            lines[-1] += " " + line
        elif line:
            lines.append(line[bullet.end() :] if bullet else line)
        previous = line
    return lines


def _is_wrapped(previous: str, line: str) -> bool:
    """Whether the line goes on with the sentence of the one before it."""
    if not previous or previous[-1] in ".:;!?":
        return False
    if _STAYS_OPEN.search(previous) or _CONTINUES.match(line):
        return True
    return len(previous) >= _WRAPPED_AT and line[0].islower()
