"""A text that a model wrote about an exam, as claims: each sentence with the breast that it is about."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mammoscribe.domain.evidence import Claim, Evidence, EvidenceKind, Writer
from mammoscribe.domain.view import Laterality, View
from mammoscribe.reporting.clauses import Sides
from mammoscribe.reporting.layout import lines_of, side_at_start, split_sentences

_NAMES_A_SIDE = re.compile(r"\b(?:right|left|rt|lt|both|bilateral(?:ly)?|either|breasts)\b", re.IGNORECASE)
_OF_EXAM = re.compile(r"(?:comparison|technique|procedure|indication|history|clinical)\b[^:]*:", re.IGNORECASE)
"""Begins a line about the exam, which is about no breast, also in a text about one."""
_SECTION = re.compile(
    r"(?:(?:findings?|impression|conclusion|opinion|summary|results?)\s*:\s*"
    r"|(?:breast\s+)?composition\s*:\s*(?=.*(?:dens|fatty|fibroglandular))"
    r"|(?:final\s+)?assessment\s*:\s*(?=.*bi-?rads))(?=\S)",
    re.IGNORECASE,
)
"""A heading before a sentence that says the same without it; as in `Composition: b`, another is part of what is said."""
_WORD = re.compile(r"\w")


@dataclass(frozen=True)
class Passage:
    """A text about the whole exam, about one breast, or about one view of it."""

    text: str
    view: View | None = None
    side: Laterality | None = None

    @property
    def about(self) -> Laterality | None:
        """The one breast that it is about."""
        return self.side if self.view is None else self.view.laterality


def claims_of(passages: Iterable[Passage]) -> tuple[Claim, ...]:
    """The sentences of texts, each once; one that names no breast gets that of its heading, of its view or of its text.

    A text about one view or one breast is about that breast, whether it says so or not. A claim about a view points at it; what
    a claim rests on is the gate's to say.
    """
    once: dict[str, Claim] = {}
    for passage in passages:
        view = passage.view
        pointers = () if view is None else (Evidence(EvidenceKind.VIEW, view.id),)
        for sentence in _headed(passage):
            once.setdefault(sentence.casefold(), Claim(sentence, Writer.EXTERNAL, pointers=pointers))
    return tuple(once.values())


def headed_sentences(text: str, default: Sides = (None,)) -> Iterator[str]:
    """The sentences of a text without the headings of sections; one that names no breast begins with that of its heading, or of `default`."""
    for line in lines_of(text, with_history=True):
        unsaid = (None,) if _OF_EXAM.match(line.text) else default
        sides = unsaid if line.sides == (None,) else line.sides
        for sentence in filter(_WORD.search, map(_without_section, split_sentences(line.text))):
            sides = side_at_start(sentence) or sides
            yield sentence if _NAMES_A_SIDE.search(sentence) else _heading(sides) + sentence


def _without_section(sentence: str) -> str:
    heading = _SECTION.match(sentence)
    return sentence[heading.end() :] if heading else sentence


def _headed(passage: Passage) -> Iterator[str]:
    return headed_sentences(passage.text, (passage.about,))


def _heading(sides: Sides) -> str:
    """`Right breast: `; "" where no breast is known."""
    known = [side for side in Laterality if side in sides]
    if len(known) == len(Laterality):
        return "Both breasts: "
    return f"{known[0].word.capitalize()} breast: " if known else ""
