"""Where sentences begin and end in a report: abbreviations, decimals, dates, lists and wrapped lines stay whole."""

import re
from collections.abc import Iterator

_TITLES = frozenset({"dr", "dra", "mr", "mrs", "ms", "prof", "profa", "sr", "sra", "st", "sta"})
_BEFORE_ANYTHING = frozenset(
    {
        "vs",
        "e.g",
        "i.e",
        "p.ej",
        "ej",
        "cf",
        "fig",
        "figs",
        "approx",
        "aprox",
        "núm",
        "nº",
        "u.s",
        "ee.uu",
        "p.ex",
        "ex",
    }
)
_BEFORE_LOWER_CASE = frozenset({
    "a.m", "p.m", "etc", "al", "inc", "jr", "cm", "mm", "mg", "ml", "cc", "yr", "yrs", "mo", "min", "max", "incl",
    "ant", "post", "lat", "med", "inf", "sup", "bilat", "dept", "izq", "izqda", "dcha", "der", "ud", "uds", "esq", "dir",
})  # fmt: skip
"""Abbreviations that may also be the last word of a sentence: the next word decides."""
_LIST_WORDS = frozenset(["no", "nos", "núm", "fig", "figs", "grade", "level", "t", "l", "c"])
"""Words whose full stop before a number is an abbreviation's: `No. 5`."""
_END = re.compile(r"[.!?]+[\"'”’)\]]*(?=\s|$)|(?<=[a-zà-ÿ]{2})\.(?=[A-ZÀ-Ý][a-zà-ÿ])|(?<=XXXX)\.(?=[A-Z][a-z])")
_INITIALS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]")
_BULLET = re.compile(r"\s*(?:[-–•*·]|\d{1,2}[.)])\s+")
_UNFINISHED = re.compile(
    r"(?:,|\b(?:the|an?|of|and|or|with|without|in|to|at|on|by|for|from|no|is|are|"
    r"el|la|los|las|un|una|de|del|y|o|con|sin|en|por|al|os|as|um|uma|do|da|dos|das|e|com|sem|em|na|nas|nos|ao|à))\Z",
    re.IGNORECASE,
)
WRAPPED = 60
"""A line of at least so many characters may be a wrapped one; a shorter one before a capital letter is a sentence."""


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """(start, end) of every sentence, without the space around it; what stands between two is white space only.

    A sentence ends at a full stop, question or exclamation mark before white space (not after an abbreviation, an
    initial or the number of a list), at a full stop that lost the space behind it (`clear.The`), at a blank line,
    before a bullet or a numbered line, and at the end of a line that is too short to be wrapped when the next begins
    with a capital letter.
    """
    spans = []
    start = 0
    for cut in [*_cuts(text), len(text)]:
        part = text[start:cut]
        if part.strip():
            spans.append((start + len(part) - len(part.lstrip()), start + len(part.rstrip())))
        start = cut
    return spans


def sentences(text: str) -> list[str]:
    """The sentences themselves."""
    return [text[start:end] for start, end in sentence_spans(text)]


def _cuts(text: str) -> list[int]:
    cuts = {match.end() for match in _END.finditer(text) if _ends(text, match)}
    return sorted(cuts | set(_line_cuts(text)))


def _ends(text: str, match: re.Match[str]) -> bool:
    """Whether a mark ends a sentence: not an abbreviation, an initial or the number of a list."""
    following = text[match.end() : match.end() + 80].lstrip()
    if match[0][0] != "." or not following:
        return True
    words = text[max(0, match.start() - 80) : match.start()].split(" ")
    word = words[-1].rsplit("\n", 1)[-1].lstrip("(\"'[")
    key = word.lower()
    if key in _TITLES or key in _BEFORE_ANYTHING:
        return False
    lower = following[0].islower()
    if key in _BEFORE_LOWER_CASE:
        return not (lower or following[0].isdigit() or following.startswith(("XXXX", "__")))
    if key in _LIST_WORDS and following[0].isdigit():
        return False
    if _INITIALS.fullmatch(word):
        return not (
            _is_initial(words) or (lower and (word.isupper() or following.startswith(("m.", "ej.", "ex.", "g.", "e."))))
        )
    return not _is_list_number(text, match.start(), word)


def _is_initial(words: list[str]) -> bool:
    """Whether the letter at the end is a name's or a list's: first of all, after a title or after another initial."""
    before = words[-2] if len(words) > 1 else ""
    return not before or before.lower().rstrip(".") in _TITLES or re.fullmatch(r"[A-Z]\.", before) is not None


def _is_list_number(text: str, stop: int, word: str) -> bool:
    """Whether `1` before its full stop begins a line or a sentence, as in `Normal. 2. No effusion.`."""
    if not (word.isdigit() and len(word) < 3):
        return False
    ahead = text[max(0, stop - len(word) - 80) : stop - len(word)].rstrip(" \t")
    last = ahead.rsplit(maxsplit=1)[-1] if ahead.strip() else ""
    return not ahead or (ahead[-1] in ".!?:;\n)" and last.lower().rstrip(".") not in _LIST_WORDS)


def _line_cuts(text: str) -> Iterator[int]:
    start = 0
    while (end := text.find("\n", start)) >= 0:
        line, following = text[start:end].strip(), text[end + 1 : end + 200]
        blank = not following.split("\n", 1)[0].strip()
        capital = following.lstrip()[:1].isupper() and len(line) < WRAPPED and not is_cut(line)
        if line and (blank or _BULLET.match(following) or capital):
            yield end
        start = end + 1


def is_finished(line: str) -> bool:
    """Whether a line looks as if its sentence ended with it: by its last mark, or as it is short and not cut off."""
    line = line.strip()
    return line[-1:] in tuple(".!?:;)]") or (len(line) < WRAPPED and not is_cut(line))


def is_cut(line: str) -> bool:
    """Whether a line ends with a word or mark after which a sentence must go on (`with the`)."""
    return _UNFINISHED.search(line.rstrip()) is not None
