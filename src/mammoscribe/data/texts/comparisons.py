"""Sentences that compare with an earlier exam: found, and kept, dropped or rewritten, with a note of what was done.

Deterministic, by the expressions of comparisons.toml. A sentence is rewritten only by a few rules that leave a whole
sentence about what is seen now; whatever they do not cover is dropped.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from importlib import resources

from mammoscribe.data.texts.accents import without_accents
from mammoscribe.data.texts.report_text import Edit, ReportText, Section
from mammoscribe.data.texts.rewriting import rewritten
from mammoscribe.data.texts.sentences import sentence_spans
from mammoscribe.support.lookup import look_up

_UNTOUCHED = (Section.INDICATION, Section.TECHNIQUE)
"""Sections that say why and how, not what is seen."""


class Comparisons(StrEnum):
    """What becomes of sentences that compare with another exam: a model of single exams must not learn them."""

    KEEP = "keep"
    DROP = "drop"
    REWRITE = "rewrite"


@dataclass(frozen=True)
class _Words:
    """The expressions of one language."""

    comparing: re.Pattern[str]
    not_comparing: re.Pattern[str]
    joining: re.Pattern[str]
    negating: re.Pattern[str]
    not_negating: re.Pattern[str]
    referring: re.Pattern[str]


def comparisons_in(sentence: str, language: str = "en") -> tuple[str, ...]:
    """The phrases of a sentence that refer to another exam or another time, () when there are none.

    Found: change and its absence (`unchanged`, `new`, `no significant change`), what was seen before (`again`), other
    exams (`the prior study`, also that there is none: `no previous study for comparison`, since a picture does not
    show it). Not found, for a single exam and what is known of the patient can say them: history (`old fracture`,
    `prior surgery`, `chronic`, `known`, `status post`), the other breast (`larger than on the left`), extra views of
    the same day (`persists on spot compression`) and what is to be done later (`short-interval follow-up`, `to
    document resolution`).

    Raises:
        InputError: when there are no words for the language.
    """
    words = _words(language)
    rest = words.not_comparing.sub(lambda match: "\0" * len(match[0]), without_accents(sentence))
    spans: list[tuple[int, int]] = []
    for match in words.comparing.finditer(rest):
        if spans and words.joining.fullmatch(rest[spans[-1][1] : match.start()]):
            spans[-1] = (spans[-1][0], match.end())
        else:
            spans.append(match.span())
    return tuple(sentence[start:end].strip() for start, end in spans)


def is_negative(sentence: str, language: str = "en") -> bool:
    """Whether a sentence denies a finding: a negating word stands in it that is not part of a known harmless phrase.

    The idea is that of NegEx (Chapman et al. 2001, doi:10.1006/jbin.2001.1029) with the whole sentence as the scope.
    Its limits: what exactly is denied is not looked for (`A mass without calcifications` is negative), a finding
    denied by other means is not seen (`The lungs are clear`, `The effusion has resolved`), nor is a doubt (`possible
    mass`).
    """
    words = _words(language)
    return words.negating.search(words.not_negating.sub("\0", without_accents(sentence))) is not None


def with_comparisons(report: ReportText, how: Comparisons) -> ReportText:
    """The report with its comparisons kept, dropped or rewritten.

    DROP leaves out every comparing sentence, and the section that names earlier exams. REWRITE takes the comparing
    words out where a whole sentence about what is seen now is left, and drops the sentence otherwise. A sentence that
    speaks of a dropped one (`It measures 5 mm.`) goes with it. Indication and technique stay as they are. Every change
    is an Edit; `raw` stays as it is.
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
    """A section's text after its sentences were gone through, and what was done to them."""
    words = _words(language)
    kept, gap, end, edits, dropped = "", "", 0, [], False
    for start, stop in sentence_spans(text):
        sentence, gap = text[start:stop], _wider(gap, text[end:start])
        end, after = stop, sentence
        if comparisons_in(sentence, language):
            after = _rewritten(sentence, language) if how is Comparisons.REWRITE else ""
        elif dropped and words.referring.match(without_accents(sentence)):
            after = ""
        dropped = not after
        if after != sentence:
            edits.append(Edit(section, sentence, after))
        if after:
            kept, gap = kept + (gap if kept else "") + after, ""
    return kept, edits


def _wider(gap: str, other: str) -> str:
    """The white space that stays where a sentence between two gaps went: a line break is not lost."""
    return max(gap, other, key=lambda space: (space.count("\n"), len(space)))


def _rewritten(sentence: str, language: str) -> str:
    """The sentence without its comparison, "" where no rule leaves a whole one, or one that still compares."""
    after = rewritten(sentence, is_negative(sentence, language), language)
    return "" if comparisons_in(after, language) else after


@cache
def _words(language: str) -> _Words:
    text = resources.files("mammoscribe.data.texts").joinpath("comparisons.toml").read_text("utf-8")
    table = look_up(language, tomllib.loads(text), "language with words of comparison")
    parts = table["words"]
    found = {
        name: _one_of(expressions, parts) for name, expressions in table.items() if name not in ("words", "joining")
    }
    joining = re.compile(rf"[\s,]*(?:(?:{'|'.join(table['joining'])})\b[\s,]*)*", re.IGNORECASE)
    return _Words(joining=joining, **found)


def _one_of(expressions: Sequence[str], parts: Mapping[str, str]) -> re.Pattern[str]:
    """One pattern for all expressions, with `<name>` replaced by its part (which may hold others) and no accents."""
    filled = "|".join(expressions)
    while (more := re.sub(r"<([a-z]+)>", lambda match: parts[match[1]], filled)) != filled:
        filled = more
    return re.compile(rf"\b(?:{without_accents(filled)})", re.IGNORECASE)
