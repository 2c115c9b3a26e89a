"""Splitting a report into its sections, in English and Spanish, by the headings of headings.toml."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from mammoscribe.data.texts.accents import without_accents
from mammoscribe.data.texts.report_text import ReportText, Section
from mammoscribe.data.texts.sentences import is_cut, is_finished
from mammoscribe.support.lookup import look_up

_BEFORE = re.compile(r"[ \t\r>*#•·–\-]*(?:\d{1,2}[.)][ \t]*)?(?:\*\*|__)?")
"""What may stand before a heading on its line: a bullet, a number, marks of bold type."""
_MARKS = re.compile(r"[*#>]+[ \t]*\Z")
_COLON = r"[ \t]*(?:\*\*|__)?[ \t]*[:：](?:\*\*|__)?"
_ENDS = {
    "colon": _COLON,
    "remark": r"[ \t]*(?=\([^()\n]{1,40}\)[ \t]*[:：])",
    "stroke": r"[ \t]*\.[ \t]?[-–—]+",
    "dash": r"[ \t]+[-–—]+(?=[ \t])",
    "number": r"[ \t]*(?=#?\d)",
    "alone": r"[ \t]*(?:\*\*|__)?[ \t]*\.?[ \t\r]*$",
}  # fmt: skip
"""How a heading ends: `X:`, `X (remark):`, `X.-`, `X -`, `X 4`, or with the line."""
_LEADS_ON = re.compile(
    r"\b(?:the|these|those|this|our|of|and|with|in|no|el|la|los|las|estos|estas|de|y|con|en|sin) *\Z", re.IGNORECASE
)
"""Words before which a heading in a text of capitals is a noun of its sentence: `THE FINDINGS: NONE`."""
_STOPS = ".!?:;)]"
_KINDS = ("kept", "numbered", "within")
_BEGUN = (Section.FINDINGS, Section.IMPRESSION)


@dataclass(frozen=True)
class Heading:
    """One heading that was found.

    Args:
        start, end: the part of the raw text that is the heading, with the bullet or number before it and its colon.
        section: the section it begins.
        kind: `plain` (left out of the text), or `kept`, `numbered`, `within` (stays in the text).
    """

    start: int
    end: int
    section: Section
    kind: str = "plain"


@dataclass(frozen=True)
class _Headings:
    """The headings of one language: one pattern, and the section and kind of each."""

    pattern: re.Pattern[str]
    known: Mapping[str, tuple[Section, str]]


def report_of(raw: str, language: str = "en") -> ReportText | None:
    """A report with its sections, None for blank text; a language without headings raises InputError."""
    return ReportText(raw, split_sections(raw, language), language) if raw.strip() else None


def split_sections(raw: str, language: str = "en") -> Mapping[Section, str]:
    """Section -> text without its headings, in the order in which they come; text under no known heading is `other`.

    A section that comes twice is joined by a line break. Every word that belongs to no heading is in exactly one
    section. Nothing is guessed: in a report without headings all is `other` (the rule that takes the last paragraph of
    such a report for its impression, as MIMIC-CXR's own tools do, is not applied).
    """
    parts: dict[Section, list[str]] = {}
    section, start = Section.OTHER, 0
    for heading in headings_in(raw, language):
        _put(parts, section, raw[start : heading.start])
        section, start = heading.section, heading.end if heading.kind == "plain" else heading.start
    _put(parts, section, raw[start:])
    return {name: "\n".join(texts) for name, texts in parts.items()}


def headings_in(raw: str, language: str = "en") -> tuple[Heading, ...]:
    """The headings of a report.

    A heading is a known one (headings.toml) before a colon, at the beginning of a line or after the end of a sentence;
    in capitals also behind other words that are not in capitals; alone on its line; or, at the beginning of a line,
    before `.-`, or in capitals before a dash. A word in small letters at the beginning of a line that goes on with the
    sentence of the line before is none, nor is one in the middle of a sentence (`we discussed the findings: ...`).

    Raises:
        InputError: when there are no headings for the language.
    """
    headings = _headings(language)
    found: list[Heading] = []
    for match in headings.pattern.finditer(without_accents(raw)):
        section, kind = headings.known[_key(match["heading"])]
        end = next(name for name in _ENDS if match[name] is not None)
        begun = found[-1].section if found else Section.OTHER
        if kind == "within" and begun in _BEGUN:
            continue
        start = _start(raw, match.start(), raw[match.start() : match.end("heading")], kind, end)
        if start is not None:
            found.append(Heading(start, match.end(), section, kind))
    return tuple(found)


def _start(raw: str, at: int, word: str, kind: str, end: str) -> int | None:
    """Where a heading begins with what belongs to it before it; None when the word is no heading there."""
    line = raw.rfind("\n", 0, at) + 1
    before = raw[line:at]
    previous = raw[raw.rfind("\n", 0, line - 1) + 1 : line - 1] if line else ""
    marks = _MARKS.search(before[-8:])
    if _BEFORE.fullmatch(before[-80:]) and len(before) <= 80:
        return line if _opens_line(word, previous, kind, end) else None
    if kind == "within" or not _opens_behind(word, before, end):
        return None
    return at - (len(marks[0]) if marks else 0)


def _opens_line(word: str, line_before: str, kind: str, end: str) -> bool:
    """Whether a word at the beginning of a line is a heading."""
    goes_on = bool(line_before.strip()) and not is_finished(line_before)
    if word[0].islower() and line_before.strip()[:1].isupper():
        goes_on = line_before.rstrip()[-1] not in _STOPS
    if end in ("colon", "remark", "stroke"):
        return not (word[0].islower() and goes_on)
    if end == "number":
        return kind == "numbered" and not goes_on
    if kind != "plain":
        return False
    if end == "dash":
        return word.isupper()
    return word.isupper() or (not line_before.strip() if word[0].islower() else not is_cut(line_before))


def _opens_behind(word: str, before: str, end: str) -> bool:
    """Whether a word behind others on its line is a heading."""
    if end not in ("colon", "remark", "stroke"):
        return False
    last = before.rstrip(" \t*#>_")[-1:] or "."
    if last in ".?!)]":
        return word[0].isupper() or last != ")"
    if last in ";:|":
        return word[0].isupper()
    near = before[-30:]
    return word.isupper() and (near != near.upper() or not _LEADS_ON.search(near))


def _put(parts: dict[Section, list[str]], section: Section, text: str) -> None:
    if text.strip():
        parts.setdefault(section, []).append(text.strip())


@cache
def _headings(language: str) -> _Headings:
    text = resources.files("mammoscribe.data.texts").joinpath("headings.toml").read_text("utf-8")
    table = look_up(language, tomllib.loads(text), "language with report headings")
    known = {key: (section, "plain") for key, section in _each({k: v for k, v in table.items() if k not in _KINDS})}
    for kind in _KINDS:
        known |= {key: (section, kind) for key, section in _each(table.get(kind, {}))}
    words = "|".join(_flexible(word) for word in sorted(known, key=len, reverse=True))
    ends = "|".join(f"(?P<{name}>{pattern})" for name, pattern in _ENDS.items())
    pattern = rf"(?<![\w\-/])(?P<heading>{words})(?:{ends})"
    return _Headings(re.compile(pattern, re.IGNORECASE | re.MULTILINE), known)


def _each(table: Mapping[str, list[str]]) -> Iterator[tuple[str, Section]]:
    for section, words in table.items():
        yield from ((_key(word), Section(section)) for word in words)


def _flexible(word: str) -> str:
    """An expression for a heading whose spaces may be hyphens, and whose `and` may be `&` or a slash."""
    return re.escape(word).replace(r"\ and\ ", r"[ \t]*(?:\band\b|&|/)[ \t]*").replace(r"\ ", r"[ \t\-]+")


def _key(heading: str) -> str:
    plain = re.sub(r"\s*[&/]\s*", " and ", without_accents(heading).lower())
    return re.sub(r"[\s\-]+", " ", plain).strip()
