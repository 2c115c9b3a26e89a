"""How a table is laid out: the mark between its fields, where its header is, and fields cleaned of what programs add."""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

PREVIEW = 40
"""Lines that are looked at for the header."""
_MARKS = ",;\t|"
_SEP = re.compile(r'\ufeff?"?sep=(?P<mark>.)"?[\s,;]*', re.IGNORECASE | re.DOTALL)
"""The line that names the mark between fields for Excel."""
_INVISIBLE = {
    **dict.fromkeys([0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000], " "),
    **dict.fromkeys([*range(0x200B, 0x2010), *range(0x202A, 0x202F), 0x2060, *range(0x2066, 0x206A), 0xFEFF], ""),
}
_BYTES = re.compile("[\u00c2-\u00f4\u0160\u0178\u017d\u0152][\u0080-\u00bf]|\u00e2\u20ac")
_PROTECTED = re.compile(r'="([^"]*)"|\'(?=\d[\w.\-/]*\Z)(.*)')
"""How numbers are kept as text in a CSV for Excel: `="00123"`, or an apostrophe before them."""
NOT_COMPUTED = "#FORMULA!"
"""What `sheets` gives for a formula whose value the file does not have."""
_ERROR = re.compile(r"#(?:NAME\?|VALUE!|REF!|N/A|DIV/0!|NUM!|NULL!|SPILL!|CALC!|FORMULA!|#+)")
_NUMBER = re.compile(r"[-+]?\d[\d.,:/ \-T]*")


def clean(field: str) -> str:
    """A field without the space around it, without invisible characters, and without what keeps Excel from changing it.

    Where letters may be UTF-8 that was read byte by byte (`Ã` and a no-break space are an `à`), only the space goes.
    """
    if not field.isascii() and _BYTES.search(field):
        return field.strip(" \t\r\n\v\f")
    text = (field if field.isascii() else field.translate(_INVISIBLE)).strip()
    if text[:1] in ("=", "'") and (match := _PROTECTED.fullmatch(text)):
        return (match[1] or match[2] or "").strip()
    return text


def spreadsheet_error(field: str) -> str:
    """What a spreadsheet put in place of a value, in words; "" where the field is a value."""
    text = field.strip()
    if text == NOT_COMPUTED:
        return "a formula that was never computed (open the table in a spreadsheet and save it)"
    return f"the error {text} of a spreadsheet" if _ERROR.fullmatch(text) else ""


def beginning(lines: Sequence[str], names: Sequence[str] | None) -> tuple[int, str]:
    """(lines before the header, the mark between fields) of a table's first lines.

    Args:
        lines: as they are in the file, with their ends.
        names: columns that the header has, as far as they are known; None for a table without a header.
    """
    if lines and (match := _SEP.fullmatch(lines[0])):
        mark = match["mark"]
        return 1 + (header_at(_fields(lines[1:], mark), names) if names is not None else 0), mark
    for mark in _MARKS if names else "":
        rows = _fields(lines, mark)
        if (at := _named(rows, names or ())) is not None:
            return at, mark
    mark = _mark_between(lines)
    return (header_at(_fields(lines, mark), names) if names is not None else 0), mark


def _mark_between(lines: Sequence[str]) -> str:
    """The mark that is most often in the first line; behind a title (without it, or above a blank line), in the next."""
    counts = [Counter({mark: _unquoted(line).count(mark) for mark in _MARKS}) for line in lines]
    filled = [at for at, line in enumerate(lines) if line.strip("\r\n\ufeff \t,;")]
    if not filled:
        return ","
    first = filled[0]
    mark = _most(counts[first])
    behind = next((at for before, at in pairwise(filled) if at > before + 1), None)
    if counts[first][mark] == 0:
        return _most(counts[next((at for at in filled if max(counts[at].values())), first)])
    if behind is not None and counts[behind][mark] == 0 and max(counts[behind].values()):
        return _most(counts[behind])
    return mark


def _most(counts: Counter[str]) -> str:
    return max(_MARKS, key=lambda mark: counts[mark])


def _unquoted(line: str) -> str:
    return re.sub(r'"[^"]*"', "", line)


def _fields(lines: Sequence[str], mark: str) -> list[list[str]]:
    """The fields of each line, roughly: enough to know a header by."""
    return [[clean(field.strip().strip('"')) for field in line.rstrip("\r\n").split(mark)] for line in lines]


def header_at(rows: Sequence[Sequence[str]], names: Sequence[str] | None) -> int:
    """Which of the first rows is the header: the one with these columns, else the first one that is no title above it.

    A title is a row of one field above rows of more; further such rows, and pairs such as `Date, 2024-01-01`, belong to it.
    """
    if names and (at := _named(rows, names)) is not None:
        return at
    filled = [sum(1 for field in row if field.strip()) for row in rows]
    first = next((at for at, number in enumerate(filled) if number), 0)
    widths = Counter(number for number in filled[first + 1 :] if number > 1)
    if not filled or filled[first] != 1 or not widths:
        return 0
    usual = min(2, widths.most_common(1)[0][0])
    blank = max((at for at in range(first, min(len(rows), PREVIEW // 2)) if not filled[at]), default=first)
    after = [at for at in range(max(first + 1, blank), len(rows)) if filled[at] >= usual and not _is_pair(rows[at])]
    return after[0] if after else 0


def _is_pair(row: Sequence[str]) -> bool:
    """`Date, 2024-01-01`: a name and a value."""
    filled = [field.strip() for field in row if field.strip()]
    return len(filled) == 2 and (filled[0].endswith(":") or _NUMBER.fullmatch(filled[1]) is not None)


def _named(rows: Sequence[Sequence[str]], names: Sequence[str]) -> int | None:
    """The first row that has all these columns, None where none has."""
    wanted = {" ".join(name.split()) for name in names}
    return next(
        (at for at, row in enumerate(rows) if wanted <= {" ".join(clean(field).split()) for field in row}), None
    )
