"""Splitting a report into its sections, in English and Spanish, by the headings of headings.toml."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from mammoscribe.data.report_text import ReportText, Section
from mammoscribe.support.lookup import look_up

_BEFORE = re.compile(r"[\s*#_>•·\-–]*(?:\d{1,2}[.)]\s*)?[\s*#_]*\Z")
"""What may stand before a heading on its line."""
_SENTENCE_END = ".;:?!)]"


@dataclass(frozen=True)
class _Headings:
    """The headings of one language: one pattern, and the section and fate of each."""

    pattern: re.Pattern[str]
    sections: Mapping[str, tuple[Section, bool]]


def report_of(raw: str, language: str = "en") -> ReportText | None:
    """A report with its sections, None for blank text; a language without headings raises InputError."""
    return ReportText(raw, split_sections(raw, language), language) if raw.strip() else None


def split_sections(raw: str, language: str = "en") -> Mapping[Section, str]:
    """Section -> text without its heading, in the order in which they come; text under no known heading is `other`.

    A heading is a known one before a colon: at the beginning of a line, in capitals anywhere, or with a capital letter
    after the end of a sentence; or alone on its line; or in capitals at the beginning of a line before a dash. A section
    that comes twice is joined. Every word that is no heading is in exactly one section.
    """
    headings = _headings(language)
    parts: dict[Section, list[str]] = {}
    section, start = Section.OTHER, 0
    for begin, match, (following, kept) in _found(raw, headings):
        _put(parts, section, raw[start:begin])
        section, start = following, match.start() if kept else match.end()
    _put(parts, section, raw[start:])
    return {name: "\n".join(texts) for name, texts in parts.items()}


def _put(parts: dict[Section, list[str]], section: Section, text: str) -> None:
    text = re.sub(r"[\s*#_>]*\Z", "", text) if text.rstrip().endswith(("*", "#", "_", ">")) else text
    if text.strip():
        parts.setdefault(section, []).append(text.strip())


def _found(raw: str, headings: _Headings) -> Iterator[tuple[int, re.Match[str], tuple[Section, bool]]]:
    """Every heading: where it begins with the number or mark before it, its match, its section and whether it stays."""
    for match in headings.pattern.finditer(raw):
        line_start = raw.rfind("\n", 0, match.start()) + 1
        before = raw[line_start : match.start()]
        first = _BEFORE.fullmatch(before) is not None
        if _is_heading(match, first, before):
            yield line_start if first else match.start(), match, headings.sections[_key(match["heading"])]


def _is_heading(match: re.Match[str], first: bool, before: str) -> bool:
    word, end = match["heading"], match["end"]
    if ":" in end or "：" in end:
        after_sentence = before.rstrip()[-1:] in tuple(_SENTENCE_END)
        return first or word.isupper() or (word[0].isupper() and after_sentence)
    return first and (word.isupper() if end.strip() else True)


@cache
def _headings(language: str) -> _Headings:
    text = resources.files("mammoscribe.data").joinpath("headings.toml").read_text("utf-8")
    table = look_up(language, tomllib.loads(text), "language with report headings")
    sections: dict[str, tuple[Section, bool]] = {}
    for kept, names in ((False, {k: v for k, v in table.items() if k != "kept"}), (True, table["kept"])):
        for section, words in names.items():
            sections |= {_key(word): (Section(section), kept) for word in words}
    longest_first = sorted(sections, key=len, reverse=True)
    words = "|".join(re.escape(w).replace(r"\ ", r"[\s\-/]+") for w in longest_first)
    pattern = rf"(?<![\w\-])(?P<heading>{words})(?P<end>[ \t*_]*[:：][*_]*|[ \t]+[-–](?=[ \t])|[ \t*_]*$)"
    return _Headings(re.compile(pattern, re.IGNORECASE | re.MULTILINE), sections)


def _key(heading: str) -> str:
    return re.sub(r"[\s\-/]+", " ", heading.lower()).strip()
