"""Ids that two sources write differently: what spreadsheets do to them, and which known id one is like."""

import difflib
import re
from collections.abc import Iterator

from mammoscribe.data.formats.spool import Spool
from mammoscribe.data.formats.table_layout import spreadsheet_error
from mammoscribe.data.formats.tables import Row

KEPT_DIGITS = 15
"""Digits of a number that a spreadsheet keeps (IEEE 754 double); the others become zeros."""
COMPARED, LOOKED = 2000, 200
"""Ids that are compared letter by letter, and how often: more would take long, and the plain forms are compared of all."""
_SCIENTIFIC = re.compile(r"-?\d[.,]?\d*E\+?\d{1,3}", re.IGNORECASE)
_DAY_AND_MONTH = re.compile(r"\d{1,2}-[A-Za-z]{3}|[A-Za-z]{3}-\d{2}")


def lost_by_a_spreadsheet(text: str) -> str:
    """What a spreadsheet did to an id that cannot be undone, "" where there is no sign of it."""
    if _SCIENTIFIC.fullmatch(text) and "+" in text:
        return f"a spreadsheet changed this id to {text}, so that its last digits are lost"
    error = spreadsheet_error(text)
    return f"in place of the id there is {error}" if error else ""


def plain_id(text: str) -> str:
    """An id as it is after everything that programs do to ids: `A-00123`, `a123` and `A123.0` are the same."""
    bare = re.sub(r"[^0-9a-z]", "", re.sub(r"\.0+$", "", text.strip()).casefold())
    return re.sub(r"(?<!\d)0+(?=\d)", "", bare)


class KnownIds:
    """The ids of one source, on disk, to find the one that another id is like; a context."""

    def __init__(self) -> None:
        self._forms, self._some, self._looked = Spool(), list[str](), 0

    def __enter__(self) -> "KnownIds":
        return self

    def __exit__(self, *_: object) -> None:
        self._forms.__exit__()

    def add(self, name: str) -> None:
        """Keep an id."""
        for form in _forms(name):
            self._forms.add_one(form, Row("", 0, {"id": name}))
        if len(self._some) < COMPARED:
            self._some.append(name)

    def first(self, number: int) -> list[str]:
        """The first ids that were kept."""
        return self._some[:number]

    def alike(self, name: str) -> str:
        """The known id that `name` most likely means, "" where none is like it."""
        for form in _forms(name):
            if rows := self._forms.rows_of(form):
                return rows[0].get("id")
        self._looked += 1
        if self._looked > LOOKED:
            return ""
        return next(iter(difflib.get_close_matches(name, self._some, n=1, cutoff=0.8)), "")


def why_unlike(name: str, known: str) -> str:
    """How an id came to differ from the known one it is like, as far as that can be seen."""
    digits = re.sub(r"\D", "", name)
    if _DAY_AND_MONTH.fullmatch(name):
        return f"a spreadsheet made a date of {known or 'an id'}"
    if digits == name and len(name) > KEPT_DIGITS and name.endswith("0" * (len(name) - KEPT_DIGITS)) and name != known:
        return (
            f"a spreadsheet keeps {KEPT_DIGITS} digits: is it {known}?"
            if known
            else f"a spreadsheet keeps {KEPT_DIGITS} digits"
        )
    if known and known.lstrip("0") == re.sub(r"\.0+$", "", name).lstrip("0"):
        return f"is it {known}, and did a spreadsheet change the id?"
    return f"is it {known}?" if known else ""


def _forms(name: str) -> Iterator[str]:
    """The forms in which an id may be known, the surest first."""
    yield f"plain {plain_id(name)}"
    if name.isdecimal() and len(name) > KEPT_DIGITS:
        yield f"digits {len(name)} {name[:KEPT_DIGITS]}"
