"""Splitting a report into its sections, in English, Spanish and Portuguese, by the headings of headings.toml."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from mammoscribe.data.texts.accents import without_accents
from mammoscribe.data.texts.decoding import decoded
from mammoscribe.data.texts.headings_alike import Alike
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
    "dash": r"[ \t]*[-–—]+(?=[ \t])",
    "number": r"[ \t]*[-–—=]?[ \t]*(?=#?\d|(?:vi|iv|v|i{1,3})[ \t]?[abc]?(?!\w))",
    "alone": r"[ \t]*(?:\*\*|__)?[ \t]*\.?[ \t\r]*$",
}  # fmt: skip
"""How a heading ends: `X:`, `X (remark):`, `X.-`, `X -`, `X 4` or `X IV b`, or with the line."""
_NUMBER = re.compile(_ENDS["number"], re.IGNORECASE)
_LEADS_ON = re.compile(
    r"\b(?:the|these|those|this|our|of|and|with|in|no|el|la|los|las|estos|estas|de|y|con|en|sin|os|as|estes|do|da|dos|das|e|"
    r"com|em|sem|nos|nas) *\Z",
    re.IGNORECASE,
)
"""Words before which a heading in a text of capitals is a noun of its sentence: `THE FINDINGS: NONE`."""
_STOPS = ".!?:;)]"
_KINDS = ("kept", "numbered", "within", "graded", "later")
_BEGUN = (Section.FINDINGS, Section.IMPRESSION)
_PARAGRAPH = re.compile(r"\n[ \t\r]*\n")


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
    """The headings of one language: one pattern, the section and kind of each, and those that a misspelt one may mean."""

    pattern: re.Pattern[str]
    known: Mapping[str, tuple[Section, str]]
    graded: Mapping[str, Section]
    alike: Alike


def report_of(raw: str, language: str = "en") -> ReportText | None:
    """A report with its sections, None for blank text.

    Raises:
        InputError: for a language without headings, and for a text that cannot be decoded (`texts.decoding`).
    """
    return sectioned(decoded(raw), language)


def sectioned(text: str, language: str = "en") -> ReportText | None:
    """As `report_of`, for a text that is decoded already."""
    return ReportText(text, _sections(text, language), language) if text.strip() else None


def split_sections(raw: str, language: str = "en") -> Mapping[Section, str]:
    """Section -> text without its headings, in the order in which they come; text under no known heading is `other`.

    The text is decoded first (`texts.decoding`). A section that comes twice is joined by a line break. Every word that
    belongs to no heading is in exactly one section. Nothing is guessed: in a report without headings all is `other`, and in
    one without findings so is what comes after the first paragraph of `EXAMINATION:` and the like (the rule that takes the
    last paragraph of such a report for its impression, as MIMIC-CXR's own tools do, is not applied).

    Raises:
        InputError: as `report_of`.
    """
    return _sections(decoded(raw), language)


def _sections(text: str, language: str) -> Mapping[Section, str]:
    parts: dict[Section, list[str]] = {}
    section, start = Section.OTHER, 0
    headings = headings_in(text, language)
    has_body = any(heading.section is Section.FINDINGS for heading in headings)
    for heading in headings:
        _put(parts, section, text[start : heading.start], has_body)
        section, start = heading.section, heading.end if heading.kind == "plain" else heading.start
    _put(parts, section, text[start:], has_body)
    return {name: "\n".join(texts) for name, texts in parts.items()}


def languages() -> tuple[str, ...]:
    """The languages whose headings are known, `en` first."""
    return tuple(_table())


def headings_in(raw: str, language: str = "en") -> tuple[Heading, ...]:
    """The headings of a report whose text is decoded already.

    A heading is a known one (headings.toml) before a colon, at the beginning of a line or after the end of a sentence;
    in capitals also behind other words that are not in capitals; alone on its line; or, at the beginning of a line,
    before `.-`, or in capitals before a dash. A word in small letters at the beginning of a line that goes on with the
    sentence of the line before is none, nor is one in the middle of a sentence (`we discussed the findings: ...`). A word
    in such a place that is known by its likeness only (`NDICATION:`, `F I N D I N G S:`) must begin with a capital.

    Raises:
        InputError: when there are no headings for the language.
    """
    headings = _headings(language)
    found: list[Heading] = []
    for match in _candidates(without_accents(raw), headings):
        begun = found[-1].section if found else Section.OTHER
        section, kind = match.section, match.kind
        if match.ends_with == "number" and match.key in headings.graded:
            section, kind = (headings.graded[match.key] if begun in _BEGUN else section), "numbered"
        if (kind == "within" and begun in _BEGUN) or (kind == "later" and begun not in _BEGUN):
            continue
        start = _start(raw, match.start, raw[match.start : match.word_end], kind, match.ends_with)
        if start is not None and (not found or start >= found[-1].end):
            found.append(Heading(start, match.end, section, "plain" if kind == "later" else kind))
    return tuple(found)


@dataclass(frozen=True)
class _Candidate:
    """A place that reads like a heading: from `start` to `word_end` the word, to `end` with its colon."""

    start: int
    word_end: int
    end: int
    key: str
    section: Section
    kind: str
    ends_with: str


def _candidates(text: str, headings: _Headings) -> list[_Candidate]:
    """Known headings, and where none is, words in their place that are like one or printed letter by letter."""
    found: list[_Candidate] = []
    for match in headings.pattern.finditer(text):
        key = _key(match["heading"])
        found.append(_candidate(match, key, headings.known[key]))
    for match in _LIKE_HEADINGS.finditer(text):
        key = headings.alike.meant_by(_key(match["heading"]), match["heading"].isupper())
        over = [candidate for candidate in found if candidate.start < match.end() and match.start() < candidate.end]
        # `CLINCAL HISTORY:` takes the place of the `HISTORY:` in it
        if key is not None and all(match.start() < other.start and other.end == match.end() for other in over):
            found = [other for other in found if other not in over]
            found.append(_candidate(match, key, headings.known[key]))
    return sorted(found, key=lambda candidate: candidate.start)


def _candidate(match: re.Match[str], key: str, known: tuple[Section, str]) -> _Candidate:
    ends_with = next(name for name in _ENDS if match[name] is not None)
    if ends_with == "dash" and known[1] == "numbered" and _NUMBER.match(match.string, match.end("heading")):
        ends_with = "number"  # `BI-RADS - 4`
    return _Candidate(match.start(), match.end("heading"), match.end(), key, *known, ends_with)


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
    if kind not in ("plain", "later"):
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


def _put(parts: dict[Section, list[str]], section: Section, text: str, has_body: bool) -> None:
    """A text of a section; in a report without findings only its first paragraph is of it, save in an impression."""
    whole = has_body or section in (Section.IMPRESSION, Section.OTHER)
    texts = [text.strip()] if whole else _PARAGRAPH.split(text.strip(), maxsplit=1)
    for of, some in zip((section, Section.OTHER), texts, strict=False):
        if some.strip():
            parts.setdefault(of, []).append(some.strip())


@cache
def _table() -> Mapping[str, Any]:
    return tomllib.loads(resources.files("mammoscribe.data.texts").joinpath("headings.toml").read_text("utf-8"))


@cache
def _headings(language: str) -> _Headings:
    table = look_up(language, _table(), "language with report headings")
    known = {key: (section, "plain") for key, section in _each({k: v for k, v in table.items() if k not in _KINDS})}
    meant = [key for key, (section, _) in known.items() if section is not Section.OTHER]
    alike = Alike([*meant, *(key for key, _ in _each(table.get("numbered", {})))])
    for kind in ("kept", "numbered", "within", "later"):
        known |= {key: (section, kind) for key, section in _each(table.get(kind, {}))}
    words = "|".join(_flexible(word) for word in sorted(known, key=len, reverse=True))
    pattern = re.compile(rf"(?<![\w\-/])(?P<heading>{words})[®™]?(?:{_ENDINGS})", re.IGNORECASE | re.MULTILINE)
    return _Headings(pattern, known, dict(_each(table.get("graded", {}))), alike)


_ENDINGS = "|".join(f"(?P<{name}>{pattern})" for name, pattern in _ENDS.items())
_LIKE_HEADINGS = re.compile(
    rf"(?<![\w\-/])(?P<heading>[A-Z](?: [A-Z]){{3,}}(?:  +[A-Z](?: [A-Z])*)*|[A-Z][A-Za-z]{{4,}}(?:[ \t&/\-]+[A-Za-z]+){{0,3}}?)"
    rf"(?:{_ENDINGS})",
    re.MULTILINE,
)
"""A word or up to four where headings are, or letters with a space between each two, with an end like theirs."""


def _each(table: Mapping[str, list[str]]) -> Iterator[tuple[str, Section]]:
    for section, words in table.items():
        yield from ((_key(word), Section(section)) for word in words)


def _flexible(word: str) -> str:
    """An expression for a heading whose spaces may be hyphens, and whose `and` may be `&` or a slash."""
    return re.escape(word).replace(r"\ and\ ", r"[ \t]*(?:\band\b|&|/)[ \t]*").replace(r"\ ", r"[ \t\-®™]+")


def _key(heading: str) -> str:
    plain = re.sub(r"\s*[&/]\s*", " and ", without_accents(heading).lower())
    return re.sub(r"[\s\-®™]+", " ", plain).strip()
