"""Days as tables write them: numbers in several orders, names of months in five languages, with or without a time."""

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache

from mammoscribe.data.labels.values import plain_words
from mammoscribe.support.errors import InputError

EXPECTED = "a day such as 2020-01-31, 31.01.2020 or 31 Jan 2020"
FIRST_YEAR_OF_CENTURY = 70
"""`69` is 2069 and `70` is 1970, as in POSIX."""


class DateOrder(StrEnum):
    """What comes first in `01/02/2020`: the day (dmy) or the month (mdy)."""

    DMY = "dmy"
    MDY = "mdy"


_ISO = re.compile(r"(?P<y>\d{4})(?:(?P<mark>[-/.])(?P<m>\d{1,2})(?P=mark)(?P<d>\d{1,2})|(?P<m2>\d{2})(?P<d2>\d{2}))")
_DOTS = re.compile(r"(?P<d>\d{1,2})\.(?P<m>\d{1,2})\.(?P<y>\d{4}|\d{2})(?!\d)")
_NUMBERS = re.compile(r"(?P<first>\d{1,2})(?P<mark>[-/])(?P<second>\d{1,2})(?P=mark)(?P<y>\d{4}|\d{2})(?!\d)")
_NAMED = re.compile(
    r"(?:(?P<d>\d{1,2})(?:st|nd|rd|th|\.|º)?[ \-/]*(?:de |of )?(?P<name>[^\W\d_]{3,})|(?P<name2>[^\W\d_]{3,})[ .\-]*(?P<d2>\d{1,2})"
    r"(?:st|nd|rd|th)?)[., \-/]*(?:de |of )?(?P<y>\d{4}|\d{2})(?!\d)",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"(?:[T ,]+\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d+)?(?: ?[AaPp]\.?[Mm]\.?| ?h|Z| ?[+-]\d{2}:?\d{2})?|\d{4}(?:\d{2})?)?"
)
_SERIAL = re.compile(r"[1-6]\d{4}(?:\.\d+)?")
"""A spreadsheet's count of days since the end of 1899, when a cell lost its format."""
_MONTHS = (
    "january enero janeiro janvier januar", "february febrero fevereiro fevrier februar", "march marzo marco mars marz mrz",
    "april abril avril", "may mayo maio mai", "june junio junho juin juni", "july julio julho juillet juli",
    "august agosto aout", "september septiembre setiembre setembro septembre", "october octubre outubro octobre oktober",
    "november noviembre novembro novembre", "december diciembre dezembro decembre dezember",
)  # fmt: skip


def date_of(text: str, order: DateOrder | None = None) -> dt.date | None:
    """The day in a text, a time behind it passed over; None for "".

    Args:
        text: `2020-01-02` (also with `/`, `.` or nothing between), `02.01.2020` (the day is first before a full stop),
            `2 Jan 2020`, `January 2, 2020`, `2 de enero de 2020`, or numbers with `/` or `-`.
        order: of such numbers, where they can be a day and a month in both orders.

    Raises:
        InputError: when it is no day, or could be two.
    """
    if not text:
        return None
    for read in (_iso, _with_dots, _named, lambda words: _numbers(words, order)):
        if (day := read(text)) is not None:
            return day
    if _SERIAL.fullmatch(text):
        day = dt.date(1899, 12, 30) + dt.timedelta(int(float(text)))
        found = f"the date {text!r}, a spreadsheet's count of days ({day}?)"
        raise InputError(found, EXPECTED, "give the column the format of a date and save it again")
    if _orders(text) == set(DateOrder):
        raise InputError(
            f"the date {text!r} can be two days",
            EXPECTED,
            'write report_date_order = "dmy" or "mdy" into the TOML file',
        )
    raise InputError(f"the date {text!r}", EXPECTED)


def is_day(text: str) -> bool:
    """Whether a text is a day, in whatever order of its numbers."""
    try:
        return bool(_orders(text)) or date_of(text) is not None
    except InputError:
        return False


@dataclass
class OrderFound:
    """What the dates of a column show of its order, with an example of each."""

    examples: dict[DateOrder, str] = field(default_factory=dict)
    either: str = ""

    def note(self, text: str) -> None:
        """Look at one date."""
        orders = _orders(text)
        if len(orders) == 1:
            self.examples.setdefault(orders.pop(), text)
        elif orders and not self.either:
            self.either = text

    def order(self, column: str) -> DateOrder | None:
        """The order of the column; None where no date needs one.

        Raises:
            InputError: where the dates show both orders, or some need one and none shows it.
        """
        if len(self.examples) > 1 and self.either:
            both = " and ".join(repr(self.examples[order]) for order in DateOrder)
            found = f"the dates of {column} are of two orders, {both}, so that {self.either!r} can be two days"
            raise InputError(found, "one order", "write them as 2020-01-31")
        if self.either and not self.examples:
            found = f"the dates of {column}, such as {self.either!r}, can all be two days"
            raise InputError(
                found, 'report_date_order = "dmy" (day first) or "mdy" (month first)', "write it into the TOML file"
            )
        return next(iter(self.examples), None) if len(self.examples) == 1 else None


def _iso(text: str) -> dt.date | None:
    match = _ISO.match(text)
    if match is None or not _ends(text, match):
        return None
    return _day(match["y"], match["m"] or match["m2"], match["d"] or match["d2"])


def _with_dots(text: str) -> dt.date | None:
    match = _DOTS.match(text)
    return _day(match["y"], match["m"], match["d"]) if match and _ends(text, match) else None


def _named(text: str) -> dt.date | None:
    match = _NAMED.match(text)
    if match is None or not _ends(text, match):
        return None
    month = _month(plain_words(match["name"] or match["name2"]))
    return _day(match["y"], str(month), match["d"] or match["d2"]) if month else None


def _numbers(text: str, order: DateOrder | None) -> dt.date | None:
    match = _NUMBERS.match(text)
    possible = _orders(text)
    if match is None or not possible:
        return None
    if len(possible) == 2 and (match["first"] != match["second"] or len(match["y"]) == 2):
        if order is None:
            return None
        possible = {order}
    elif order is not None and order not in possible:
        return None
    first, second = int(match["first"]), int(match["second"])
    day, month = (first, second) if DateOrder.DMY in possible else (second, first)
    return _day(match["y"], str(month), str(day))


def _orders(text: str) -> set[DateOrder]:
    """The orders in which numbers with a slash or a hyphen between are a day; none where they are something else.

    Both, where the year has two digits and could be the first number as well (`20-01-02`).
    """
    match = _NUMBERS.match(text)
    if match is None or not _ends(text, match):
        return set()
    first, second = match["first"], match["second"]
    if len(match["y"]) == 2 and _day(first.zfill(2), second, match["y"]) is not None:
        return set(DateOrder)
    found = {DateOrder.DMY: _day(match["y"], second, first), DateOrder.MDY: _day(match["y"], first, second)}
    return {order for order, day in found.items() if day is not None}


def _ends(text: str, match: re.Match[str]) -> bool:
    """Whether nothing but a time follows."""
    return _TIME.fullmatch(text, match.end()) is not None


def _day(year: str, month: str, day: str) -> dt.date | None:
    whole = int(year) if len(year) == 4 else int(year) + (1900 if int(year) >= FIRST_YEAR_OF_CENTURY else 2000)
    try:
        return dt.date(whole, int(month), int(day))
    except ValueError:
        return None


def _month(word: str) -> int | None:
    """The month that a name, or its first letters, means; None where there is none or more than one."""
    found = {number for name, number in _month_names().items() if name.startswith(word)}
    return found.pop() if len(found) == 1 else None


@cache
def _month_names() -> Mapping[str, int]:
    return {name: number for number, names in enumerate(_MONTHS, 1) for name in names.split()}
