"""One spelling for each value of a label, however a table writes it: `BI-RADS IV b` and `cat. 4B` are `4B`.

Kinds follow the name of the label, so that one rule reads the same label of every dataset. A value that is not understood
raises InputError: it is never passed on, and never taken for another one. Words and their sources: words.toml; categories
and density classes are those of ACR BI-RADS (5th edition), letters R1 to R5 and M1 to M5 those of the Royal College of
Radiologists' Breast Group classification (Maxwell et al. 2009, doi:10.1016/j.crad.2009.01.010).
"""

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache
from importlib import resources
from typing import Any

from mammoscribe.support.errors import InputError

JOINT = "|"
"""Between several values of one label (an exam with two findings)."""


class ValueKind(StrEnum):
    """What kind of values a label has."""

    BIRADS = "a BI-RADS category"
    DENSITY = "a density class"
    YES_NO = "yes or no"
    PATHOLOGY = "a pathology"
    LATERALITY = "a side"


EXPECTED: Mapping[ValueKind, str] = {
    ValueKind.BIRADS: "0, 1, 2, 3, 4, 4A, 4B, 4C, 5 or 6",
    ValueKind.DENSITY: "a, b, c or d",
    ValueKind.YES_NO: "1 or 0",
    ValueKind.PATHOLOGY: "normal, benign, benign_without_callback or malignant",
    ValueKind.LATERALITY: "R, L or B (both)",
}
_NAMES = (
    (re.compile(r"(?:\w+_)?bi_?rads(?:_(?:right|left|r|l|exam|breast|overall|final|max|worst|category|assessment|mammo\w*|us|mri|"
                r"reader\w*|\d+))?"), ValueKind.BIRADS),
    (re.compile(r"(?:(?:breast|acr|birads|reader\w*)_)?density(?:_(?:right|left|r|l|class|category))?"), ValueKind.DENSITY),
    (re.compile(r"(?:\w+_)?(?:cancer|malignancy)(?:_(?:right|left|r|l))?|malignant|biopsy|invasive|implant|difficult_negative|"
                r"recall|recalled"), ValueKind.YES_NO),
    (re.compile(r"(?:\w+_)?pathology(?:_(?:right|left|r|l))?"), ValueKind.PATHOLOGY),
    (re.compile(r"laterality|side"), ValueKind.LATERALITY),
)  # fmt: skip


@lru_cache(1024)
def kind_of(label: str) -> ValueKind | None:
    """The kind of a label by its name (`birads`, `reader_1_birads`, `density`, `cancer_left`); None where it has none."""
    return next((kind for pattern, kind in _NAMES if pattern.fullmatch(label)), None)


@lru_cache(4096)
def normalised(kind: ValueKind, text: str) -> str:
    """A value in the one spelling of its kind; "" for a word that means that it is not known (`N/A`, `-`).

    Values joined by `|` (one for each finding) are read one by one, and each keeps its place. Values joined by `;`, `and`
    or a comma with a space are joined by `|`, each once.

    Raises:
        InputError: for a value that is not understood, or that means two things ("4 or 5", "4 (benign)").
    """
    found = [_one(kind, part) for part in text.split(JOINT)]
    if found == [None]:
        several = dict.fromkeys(_one(kind, part) for part in _SEVERAL.split(text))
        found = [value for value in several if value != ""]
    if None in found:
        raise InputError(f"{text!r} is not understood as {kind}", EXPECTED[kind])
    return JOINT.join(map(str, found)) if any(found) else ""


_SEVERAL = re.compile(r"\s*;\s*|,\s+|\s+(?:and|y|e|und|et)\s+|\s+[&+]\s+")


def _one(kind: ValueKind, text: str) -> str | None:
    """A single value in one spelling, None when it is not understood."""
    words = plain_words(text)
    if not words or words in _words().missing:
        return ""
    if kind is ValueKind.BIRADS:
        return _on_scale(text, _words().birads)
    if kind is ValueKind.DENSITY:
        return _on_scale(text, _words().density)
    if kind is ValueKind.YES_NO and (number := re.fullmatch(r"([01])[.,]0+", text.strip())):
        return number[1]
    bare, known = _plain_letters(text), _words().named[kind]
    if _other_marks(bare) or _NEGATIVE.match(bare):
        return None
    each = {known.get(word) for word in words.split()}  # `1 (yes)`
    return known.get(words, each.pop() if len(each) == 1 else None)


def plain_words(text: str) -> str:
    """Words in small letters without accents, one space between them, without any other mark."""
    return " ".join(re.sub(r"[\W_]+", " ", _plain_letters(text)).split())


def _plain_letters(text: str) -> str:
    """The text in small letters without accents and trade marks; marks between words stay."""
    bare = unicodedata.normalize("NFKD", re.sub("[®™©\u200b-\u200d\u2060\ufeff]", "", text))
    folded = "".join(c for c in bare if not unicodedata.combining(c)).casefold()
    return re.sub(r"\s+", " ", re.sub("[\u2010-\u2015\u2212]", "-", folded)).strip()


# --- scales: BI-RADS and density ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Scale:
    """How the values of a scale are written.

    Args:
        before: words that may come before the value.
        filler: the same words, anywhere.
        letters: letters that may be joined to its number (`R4`).
        values: number, letter or numeral -> value.
        code: the value as a number, numeral or word, with the letter that may follow it (`4B`).
        phrases, phrase: words for a value -> value, and an expression that finds them.
    """

    before: re.Pattern[str]
    filler: re.Pattern[str]
    letters: str
    values: Mapping[str, str]
    code: re.Pattern[str]
    phrases: Mapping[str, str]
    phrase: re.Pattern[str]


_STRONG = re.compile(r"rads|acr|cat|kat|cla|kla|dens|dicht|typ|tipo|assess|valora|avalia|pattern|patron|padrao|compos")
"""Words that leave no doubt that the value of the scale follows."""
_SEPARATORS = r"[\s:;.,\-_=#/()\[\]\"']*"
_MARKS = re.compile(r"[\s:;.,\-_/()\[\]\"'*]*")
"""Marks without a meaning of their own beside a value."""
_NEGATIVE = re.compile(r"-\s*\d")
"""`-1`: in many tables a code for what is missing, and no value of any kind."""
_DOUBT = re.compile(
    r"\b(?:or|vs|versus|to|not?|ou|oder|months?|weeks?|days?|years?|mm|cm|mes(?:es)?|semanas?|anos?|dias?|monate?|jahre?|"
    r"previous(?:ly)?|before|earlier|prior|was|previo|previa|anterior|pending|ii|iii|iv|vi)\b|\d"
)
"""Words with which a number may be something else than the value, or not the present one."""


def _on_scale(text: str, scale: _Scale) -> str | None:
    rest, strong = _without_words_before(_plain_letters(text), scale)
    match = scale.code.match(rest)
    if match is None:
        return _in_words(plain_words(rest), scale)
    if match["o"] and not strong:
        return None
    value = scale.values.get(_code(match))
    behind = rest[match.end() :]
    if value is None or not _agrees(behind, value, strong, scale):
        return None
    return value


def _in_words(words: str, scale: _Scale) -> str | None:
    """The value that words mean; with a number behind them (`benign (2)`), that one where it agrees."""
    if words in scale.phrases:
        return scale.phrases[words]
    named = scale.phrase.match(words)
    if named is None:
        return None
    value = _on_scale(words[named.end() :], scale)
    return value if value and _same(value, scale.phrases[named[0]]) else None


def _same(value: str, other: str) -> bool:
    """Whether two values are the same, or one is the other more exactly (4 and 4A)."""
    return value == other or (value[:1] == other[:1] and 1 in (len(value), len(other)))


def _code(match: re.Match[str]) -> str:
    """The number with its letter as the scale's table has it."""
    number = (match["number"] or match["numeral"] or match["word"] or match["o"]).lstrip("0") or "0"
    return f"{number}{match['letter'] or ''}"


def _without_words_before(text: str, scale: _Scale) -> tuple[str, bool]:
    """The text from the value on, and whether a word before it leaves no doubt about what the value is."""
    rest, strong = text if _NEGATIVE.match(text) else re.sub(rf"^{_SEPARATORS}", "", text), False
    while match := scale.before.match(rest):
        strong = strong or _STRONG.search(match[0]) is not None
        rest = rest[match.end() :]
    if scale.letters and (match := re.match(rf"[{scale.letters}][ -]?(?=[0-6](?![a-z]{{2}}))", rest)):
        rest, strong = rest[match.end() :], True
    return rest, strong


def _other_marks(text: str) -> bool:
    """Whether there is a mark with a meaning of its own: `4?`, `3 %`, `4+`."""
    return any(not c.isalnum() and not _MARKS.fullmatch(c) for c in text)


def _agrees(behind: str, value: str, strong: bool, scale: _Scale) -> bool:
    """Whether what follows a value means nothing else: nothing at all, or words for that value."""
    if _other_marks(behind):
        return False
    words = plain_words(behind)
    named = {scale.phrases[found] for found in scale.phrase.findall(words)}
    if named:
        return any(_same(value, other) for other in named)
    if _DOUBT.search(words):
        return False
    return strong or not scale.filler.sub(" ", words).strip()


# --- words.toml --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Words:
    missing: frozenset[str]
    birads: _Scale
    density: _Scale
    named: Mapping[ValueKind, Mapping[str, str]]


@cache
def _words() -> _Words:
    text = resources.files("mammoscribe.data.labels").joinpath("words.toml").read_text("utf-8")
    table = tomllib.loads(text)
    named = {ValueKind.YES_NO: "yes_no", ValueKind.PATHOLOGY: "pathology", ValueKind.LATERALITY: "laterality"}
    return _Words(
        frozenset(map(plain_words, table["missing"])), _birads(table), _density(table),
        {kind: _values_of(table[name]) for kind, name in named.items()},
    )  # fmt: skip


def _values_of(table: Mapping[str, list[str]]) -> dict[str, str]:
    return {plain_words(word): value for value, words in table.items() for word in words}


_NUMERALS = ("i", "ii", "iii", "iv", "v", "vi")


def _birads(table: Mapping[str, Any]) -> _Scale:
    numbers = {plain_words(word): number for number, words in table["numbers"].items() for word in words}
    numbers |= {str(n): str(n) for n in range(7)} | {n: str(at) for at, n in enumerate(_NUMERALS, 1)} | {"o": "0"}
    fours = {f"{word}{letter}": f"4{letter.upper()}" for word, n in numbers.items() if n == "4" for letter in "abc"}
    return _scale(table["birads"], numbers | fours, "0?[0-6]", "vi|iv|v|i{1,3}", "[a-c]")


def _density(table: Mapping[str, Any]) -> _Scale:
    classes = (
        dict(zip("1234", "abcd", strict=True)) | dict(zip(_NUMERALS, "abcd", strict=False)) | {c: c for c in "abcd"}
    )
    return _scale(table["density"], classes, "0?[1-4]|[a-d]", "iv|i{1,3}", "(?!)")


def _scale(table: Mapping[str, Any], values: Mapping[str, str], number: str, numeral: str, letter: str) -> _Scale:
    phrases = _values_of(table["words"])
    spelled = (
        "|".join(sorted((w for w in values if len(w) > 2 and w not in _NUMERALS), key=len, reverse=True)) or "(?!)"
    )
    before = "|".join(_flexible(word) for word in sorted(map(plain_words, table["before"]), key=len, reverse=True))
    code = (
        rf"(?:(?P<number>{number})(?:[.,]0+(?!\d))?|(?P<numeral>{numeral})|(?P<word>{spelled})|(?P<o>o))"
        rf"(?:[\s._\-(\[/]{{0,2}}(?P<letter>{letter})(?![a-z0-9])\)?|(?![a-z0-9]|[.,]\d))"
    )
    return _Scale(
        re.compile(rf"(?:{before})(?:(?![a-z])|(?=(?:vi|iv|v|i{{1,3}})[a-c]?(?![a-z0-9]))){_SEPARATORS}"), re.compile(rf"\b(?:{before})\b"),
        "".join(table.get("letters", ())), values, re.compile(code), phrases,
        re.compile(rf"\b(?:{'|'.join(sorted(phrases, key=len, reverse=True))})\b"),
    )  # fmt: skip


def _flexible(word: str) -> str:
    return word.replace(" ", r"[\s\-_./]*")
