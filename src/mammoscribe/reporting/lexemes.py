"""Cutting a sentence into lexemes: known phrases, categories, densities, clock hours, sizes, dates and view counts."""

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mammoscribe.domain.assessment import Category
from mammoscribe.domain.view import Laterality, Projection
from mammoscribe.reporting.vocabulary import PHRASES, Kind


@dataclass(frozen=True)
class Lexeme:
    """A piece of the sentence: what it does, what it stands for (its type follows from the kind), and the text itself."""

    kind: Kind
    value: Any
    text: str


_ROMAN = {"0": "0", "i": "1", "ii": "2", "iii": "3", "iv": "4", "v": "5", "vi": "6"}
_CATEGORY = r"(?:(?:vi|iv|v|iii|ii|i)(?![a-z])|iv(?=[abc](?![a-z]))|[0-6](?![0-9]))"
_LETTER = r"(?:[\s-]*\([abc]\)|-?[abc](?![a-z])|\s+[abc](?![a-z])(?!\s+[a-z]))?"
_ONE = rf"{_CATEGORY}{_LETTER}"
_BIRADS = re.compile(
    r"(?:acr\s*)?\(?bi[\s-]*rads?(?:\s*®)?\)?"
    r"(?:[\s:=#-]|categor(?:y|ies)|cat\b\.?|score|assessment|final|overall|classification|class|grade|is|of)*"
    rf"\(?(?P<list>{_ONE}(?:\s*(?:,|/|&|and\b|or\b|to\b)\s*{_ONE}(?!\s*(?:mm|cm|o'?\s*clock|x\s|\d)))*)"
)
_BARE_CATEGORY = re.compile(rf"(?:assessment\s*)?category[\s:=-]*(?P<list>{_ONE})")
_ITEM = re.compile(rf"({_CATEGORY})[\s-]*\(?([abc])?(?![a-z])")
_DENSITY = re.compile(
    r"\(?(?:(?:acr|bi[\s-]*rads)[\s:()-]*)+(?:breast\s*)?(?:density|composition|type|category|class|grade|[\s:=-])*"
    r"\(?(?P<a>[a-d])\s*\)?(?![a-z0-9])"
    r"|(?:breast\s+)?(?:density|composition)[\s:=-]*(?:category|type|class|grade|letter)?[\s:=-]*\(?(?P<b>[b-d](?![a-z0-9])|a(?![a-z0-9])(?!\s+[a-z]))\)?"
    r"|(?:type|category|class)[\s:-]*(?P<c>[a-d])\s+(?:breast\s+)?(?:density|composition|parenchyma|tissue)"
    r"|acr[\s:-]*(?:density|type)?[\s:-]*(?P<d>[1-4]|iv|iii|ii|i)(?![a-z0-9])"
)
_CLOCK = re.compile(
    r"(?P<hour>1[0-2]|[1-9])(?::00|\s*o[\s']*\s*clock)(?:\s+position)?|clock\s*:?\s*(?P<bare>1[0-2]|[1-9])(?![\d:])"
)
_UNIT = r"mm|cm|millimet(?:re|er)s?|centimet(?:re|er)s?"
_NUMBER = r"\d+(?:\.\d+)?"
_SIZE = re.compile(
    rf"(?P<first>{_NUMBER})(?:\s*-?(?:{_UNIT})?\s*(?:x|by|×)\s*(?P<second>{_NUMBER}))?\s*-?(?P<unit>{_UNIT})\b"
)
_DISTANCE = re.compile(rf"(?P<length>{_NUMBER})\s*-?(?P<unit>mm|cm)\s+from\s+(?:the\s+)?nipple\b")
_LENGTH_FROM = re.compile(
    rf"{_SIZE.pattern}\s+(?:away\s+)?(?:from|behind|above|below|deep to|posterior to|medial to|lateral to)\b"
)
_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_VIEW = re.compile(r"(right|left|rt|lt|r|l)[\s-]?(cc|mlo)(?![a-z])")
_NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight")
_COUNT = re.compile(rf"(?P<count>\d{{1,2}}|{'|'.join(_NUMBERS)})[\s-]+(?:views?|projections?)\b(?!\s+only)")
_WORD = re.compile(r"[a-z0-9](?:[a-z0-9'’]|[.](?=\d))*|[^\s\w]")
_QUIET = frozenset(".\"'*•-")
_MARKS = frozenset(":()[]")
_LABEL = re.compile(r"(?:findings?|impression|conclusion|opinion)\s*:")
"""Name of a section at the start of a sentence; elsewhere `finding:` is a finding."""
_FEATURE_APART = re.compile(
    r"\b(skin|nipple|areola) ((?:of|in|on|over) the (?:right|left) breast) ((?:is|appears) (?:thickened|retracted|inverted))\b"
)
"""`the skin of the right breast is thickened` names its feature in two pieces."""
_DASH = re.compile(r"-+(?=\s)|(?<=\s)-+")


def _phrase_pattern(phrase: str) -> str:
    body = r"[\s-]+".join(re.escape(word) for word in re.split(r"[\s-]+", phrase))
    return body + (r"(?![a-z0-9])" if phrase[-1].isalnum() else "")


def _canonical(phrase: str) -> str:
    return re.sub(r"[\s-]+", " ", phrase)


_BY_CANONICAL = {_canonical(p): entry for p, entry in PHRASES.items()}
_PHRASE = re.compile("|".join(_phrase_pattern(p) for p in sorted(PHRASES, key=len, reverse=True)))


def normalised(text: str) -> str:
    """Lower case, plain quotes and dashes, single spaces."""
    plain = text.lower().translate(str.maketrans({"–": "-", "—": "-", "‑": "-", "−": "-", "’": "'", "‘": "'"}))
    return re.sub(r"\s+", " ", plain).strip()


def categories_in(listing: str) -> tuple[Category, ...]:
    """Categories of a listing such as `3, 4a`, in its order."""
    found = []
    for number, letter in _ITEM.findall(listing):
        digit = _ROMAN.get(number, number)
        found.append(Category(digit + letter.upper()) if digit == "4" and letter else Category(digit))
    return tuple(found)


def _birads(match: re.Match) -> tuple[Kind, Any]:
    return Kind.BIRADS, categories_in(match["list"])


def _density(match: re.Match) -> tuple[Kind, Any]:
    letter = match["a"] or match["b"] or match["c"]
    if letter is None:
        grade: str = match["d"]
        letter = "abcd"[int(_ROMAN.get(grade, grade)) - 1]
    return Kind.DENSITY, letter


def _clock(match: re.Match) -> tuple[Kind, Any]:
    return Kind.CLOCK, int(match["hour"] or match["bare"])


def _size(match: re.Match) -> tuple[Kind, Any]:
    """Longer and shorter side in whole mm; the shorter one None where one length is given."""
    factor = 10 if match["unit"].startswith("c") else 1
    sides = sorted((max(1, round(float(n) * factor)) for n in (match["first"], match["second"]) if n), reverse=True)
    return Kind.SIZE, (sides[0], sides[1] if len(sides) > 1 else None)


def _distance(match: re.Match) -> tuple[Kind, Any]:
    return Kind.DISTANCE, round(float(match["length"]) * (10 if match["unit"] == "cm" else 1))


def _date(match: re.Match) -> tuple[Kind, Any]:
    try:
        return Kind.DATE, dt.date(*map(int, match.groups())).isoformat()
    except ValueError:
        return Kind.UNKNOWN, None


def _view(match: re.Match) -> tuple[Kind, Any]:
    side = Laterality.RIGHT if match[1].startswith("r") else Laterality.LEFT
    return Kind.VIEW, (side, Projection(match[2].upper()))


def _phrase(match: re.Match) -> tuple[Kind, Any]:
    return _BY_CANONICAL[_canonical(match[0])]


def _view_count(match: re.Match) -> tuple[Kind, Any]:
    word = match["count"]
    return Kind.VIEW_COUNT, _NUMBERS.index(word) + 1 if word in _NUMBERS else int(word)


_RULES: tuple[tuple[re.Pattern[str], Callable[[re.Match], tuple[Kind, Any]]], ...] = (
    (re.compile(r"no bi-rads category(?: was assigned)?"), lambda _: (Kind.NO_BIRADS, None)),
    (_BIRADS, _birads),
    (_DENSITY, _density),
    (_BARE_CATEGORY, _birads),
    (_DATE, _date),
    (_DISTANCE, _distance),
    (_LENGTH_FROM, lambda _: (Kind.UNKNOWN, None)),
    (_SIZE, _size),
    (_CLOCK, _clock),
    (_COUNT, _view_count),
    (_VIEW, _view),
    (_PHRASE, _phrase),
)


def lexemes_of(text: str) -> tuple[Lexeme, ...]:
    """The sentence as lexemes, in order; an unknown word is an UNKNOWN lexeme."""
    line, found = _FEATURE_APART.sub(r"\1 \3 \2", normalised(text)), []
    label = _LABEL.match(line)
    at = label.end() if label else 0
    while at < len(line):
        if line[at].isspace():
            at += 1
            continue
        lexeme, at = _next(line, at)
        found.append(lexeme)
    return tuple(x for x in found if x.text not in _QUIET)


def _next(line: str, at: int) -> tuple[Lexeme, int]:
    for pattern, read in _RULES:
        if match := pattern.match(line, at):
            kind, value = read(match)
            return Lexeme(kind, value, match[0]), match.end()
    if line[at] in _MARKS or _DASH.match(line, at):
        return Lexeme(Kind.MARK, None, "dash" if line[at] == "-" else line[at]), at + 1
    if line[at] in _QUIET:
        return Lexeme(Kind.FILLER, None, line[at]), at + 1
    if line[at] == ",":
        return Lexeme(Kind.COMMA, None, ","), at + 1
    match = _WORD.match(line, at)
    word = match[0] if match else line[at]
    return Lexeme(Kind.UNKNOWN, None, word), at + len(word)
