"""Where sentences begin and end in a report: abbreviations, decimals, numbered lists and wrapped lines are kept right."""

import re
from collections.abc import Iterator

_ABBREVIATIONS = frozenset(
    [
        "dr",
        "mr",
        "mrs",
        "ms",
        "prof",
        "vs",
        "e.g",
        "i.e",
        "approx",
        "no",
        "st",
        "fig",
        "cf",
        "al",
        "etc",
        "inc",
        "jr",
        "sr",
        "ca",
        "a.m",
        "p.m",
        "sra",
        "sres",
        "dra",
        "aprox",
        "núm",
        "ej",
        "p.ej",
        "ud",
    ]
)
_END = re.compile(r"[.!?]+[\"')\]]*(?=\s|$)")
_BULLET = re.compile(r"\s*(?:[-•*·]|\d{1,2}[.)])\s+")
WRAPPED = 60
"""A line of at least so many characters may be a wrapped one; a shorter one before a capital letter is a sentence of its own."""


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """(start, end) of every sentence, without the space around it; what stands between two is white space only.

    A sentence ends at a full stop, question or exclamation mark before white space (not after an abbreviation, an initial or
    the number of a list), at a blank line, before a bullet, and at the end of a line that is too short to be wrapped when
    the next one begins with a capital letter.
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
    if match[0][0] != ".":
        return True
    word = re.search(r"(\S*)\Z", text[: match.start()])
    before = word[1].lower().lstrip("(\"'") if word else ""
    following = text[match.end() :].lstrip()[:1]
    if before in _ABBREVIATIONS or re.fullmatch(r"[a-z]", before):
        return not following
    line = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
    numbered = re.fullmatch(r"\s*\d{1,2}", line) or (
        before.isdigit() and len(before) < 3 and _after_stop(text, match, before)
    )
    return not numbered


def _after_stop(text: str, match: re.Match[str], number: str) -> bool:
    """Whether a number stands at the beginning of a sentence, as in `Normal. 2. No effusion.`."""
    ahead = text[: match.start() - len(number)].rstrip()
    return not ahead or ahead[-1] in ".!?:;"


def _line_cuts(text: str) -> Iterator[int]:
    start = 0
    while (end := text.find("\n", start)) >= 0:
        line, following = text[start:end].strip(), text[end + 1 :]
        blank = not following.split("\n", 1)[0].strip()
        capital = following.lstrip()[:1].isupper()
        if line and (blank or _BULLET.match(following) or (capital and len(line) < WRAPPED)):
            yield end
        start = end + 1
