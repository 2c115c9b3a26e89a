"""Sentences that compare with an earlier exam: found, and kept, dropped or rewritten, with a note of what was done.

Deterministic, by the expressions of comparisons.toml. A sentence is rewritten only by a few rules that leave a whole
sentence about what is seen now; whatever they do not cover is dropped.
"""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from importlib import resources

from mammoscribe.data.report_text import Edit, ReportText, Section
from mammoscribe.data.rewriting import rewritten
from mammoscribe.data.sentences import sentence_spans
from mammoscribe.support.lookup import look_up

_UNTOUCHED = (Section.INDICATION, Section.TECHNIQUE)
"""Sections that say why and how, not what is seen."""


class Comparisons(StrEnum):
    """What becomes of sentences that compare with another exam: a model of single exams must not learn to invent them."""

    KEEP = "keep"
    DROP = "drop"
    REWRITE = "rewrite"


@dataclass(frozen=True)
class _Words:
    comparing: re.Pattern[str]
    not_comparing: re.Pattern[str]
    negating: re.Pattern[str]
    not_negating: re.Pattern[str]


def comparisons_in(sentence: str, language: str = "en") -> tuple[str, ...]:
    """The words of a sentence that refer to another exam or another time, () when there are none."""
    words = _words(language)
    rest = words.not_comparing.sub(lambda match: " " * len(match[0]), sentence)
    return tuple(match[0] for match in words.comparing.finditer(rest))


def is_negative(sentence: str, language: str = "en") -> bool:
    """Whether a sentence denies something anywhere in it; what exactly it denies is not looked for."""
    words = _words(language)
    return words.negating.search(words.not_negating.sub(" ", sentence)) is not None


def with_comparisons(report: ReportText, how: Comparisons) -> ReportText:
    """The report with its comparisons kept, dropped or rewritten.

    DROP leaves out every comparing sentence, and the section that names earlier exams. REWRITE takes the comparing words
    out where a whole sentence about what is seen now is left, and drops the sentence otherwise. Every change is an Edit;
    `raw` stays as it is.
    """
    if how is Comparisons.KEEP:
        return report
    sections: dict[Section, str] = {}
    edits: list[Edit] = []
    for section, text in report.sections.items():
        if section is Section.COMPARISON:
            edits.append(Edit(section, text, ""))
        elif section in _UNTOUCHED:
            sections[section] = text
        else:
            kept, changes = _edited(section, text, how, report.language)
            edits += changes
            if kept:
                sections[section] = kept
    return replace(report, sections=sections, edits=(*report.edits, *edits))


def _edited(section: Section, text: str, how: Comparisons, language: str) -> tuple[str, Sequence[Edit]]:
    kept, edits, end = "", [], 0
    for start, stop in sentence_spans(text):
        sentence, gap = text[start:stop], text[end:start]
        end = stop
        if comparisons_in(sentence, language):
            after = _rewritten(sentence, language) if how is Comparisons.REWRITE else ""
            edits.append(Edit(section, sentence, after))
            sentence = after
        if sentence:
            kept += (gap if kept else "") + sentence
    return kept, edits


def _rewritten(sentence: str, language: str) -> str:
    """The sentence without its comparison, "" where no rule leaves a whole one, or one that still compares."""
    after = rewritten(sentence, is_negative(sentence, language)) if language == "en" else ""
    return "" if comparisons_in(after, language) else after


@cache
def _words(language: str) -> _Words:
    text = resources.files("mammoscribe.data").joinpath("comparisons.toml").read_text("utf-8")
    table = look_up(language, tomllib.loads(text), "language with words of comparison")
    return _Words(**{name: _one_of(expressions) for name, expressions in table.items()})


def _one_of(expressions: Sequence[str]) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(expressions)})", re.IGNORECASE)
