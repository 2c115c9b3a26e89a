"""A card as a page: sections with figures, tables, charts and pictures, whatever is measured; and figures as JSON values."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mammoscribe.evaluation.bootstrap import Interval
from mammoscribe.evaluation.comparison import Difference, Entry, Line

COMPARISON = (
    "First minus second on the same draws of patients. p by the standard error of the bootstrap, then corrected over all "
    "figures of the table (Holm). `detectable` is the smallest true difference that a set of this size shows in four of "
    "five tests at 5 % without correction."
)
DIFFERENCES = ("figure", "difference", "95 % interval", "p", "p (Holm)", "detectable")
NONE = float("nan")


@dataclass(frozen=True)
class Table:
    """A table of text. `counts` colours numeric cells by their size (a confusion matrix); `figures` keeps cells on one line."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    counts: bool = False
    figures: bool = False


@dataclass(frozen=True)
class Chart:
    """An SVG picture with words about it, which are also there where no pictures are."""

    name: str
    svg: str
    caption: str


@dataclass(frozen=True)
class CaseBox:
    """A box on a picture, in its pixels: `truth` or `mark`."""

    box: tuple[float, float, float, float]
    kind: str


@dataclass(frozen=True)
class CasePicture:
    """A JPEG of a view with boxes on it."""

    name: str
    jpeg: bytes
    width_px: int
    height_px: int
    boxes: tuple[CaseBox, ...] = ()


@dataclass(frozen=True)
class Case:
    """One exam worth a look: what is wrong with it, and its views."""

    caption: str
    pictures: tuple[CasePicture, ...]


@dataclass(frozen=True)
class Section:
    """A part of the page under a heading."""

    title: str
    text: str = ""
    lines: tuple[Line, ...] = ()
    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = ()
    cases: tuple[Case, ...] = ()


@dataclass(frozen=True)
class Page:
    """The whole card.

    Args:
        title: of the page. systems: their names, in the order of the entries of every line.
        intro: paragraphs: what was measured, on what, how. notes: what to be careful about.
    """

    title: str
    systems: tuple[str, ...]
    intro: tuple[str, ...]
    notes: tuple[str, ...]
    sections: tuple[Section, ...]


# --- cells --------------------------------------------------------------------------------------------------------


def lines_table(systems: Sequence[str], lines: Sequence[Line]) -> Table:
    """Figures as a table: value, interval, n and what a difference must have to be told, for each system, then baselines."""
    baselines = list(dict.fromkeys(name for line in lines for name, value in line.baselines if not math.isnan(value)))
    several = len(systems) > 1
    heads = [head for name in systems for head in (name if several else "value", "95 % interval", "n", "detectable")]
    return Table(("figure", *heads, "of", *baselines), tuple(_cells(line, baselines) for line in lines), figures=True)


def _cells(line: Line, baselines: Sequence[str]) -> tuple[str, ...]:
    digits, cells = line.figure.digits, [line.figure.name]
    for e in line.entries:
        told = detectable_words(e.detectable, digits)
        cells += [number(e.value, digits), interval_words(e.interval, digits), cases_words(e), told]
    known = dict(line.baselines)
    return (*cells, line.figure.of, *(number(known.get(name, NONE), digits, "") for name in baselines))


def cases_words(entry: Entry) -> str:
    """`210`, or `37 of 210 (17.6 %)` where the prevalence matters."""
    if entry.positives is None or not entry.n:
        return str(entry.n)
    return f"{entry.positives} of {entry.n} ({100 * entry.positives / entry.n:.1f} %)"


def differences_table(differences: Sequence[Difference]) -> Table:
    """Differences of two systems as a table."""
    rows = []
    for d in differences:
        digits = d.figure.digits
        rows.append(
            (
                d.figure.name, f"{d.value:+.{digits}f}", interval_words(d.interval, digits), number(d.p, 4),
                number(d.p_holm, 4), detectable_words(d.detectable, digits),
            )
        )  # fmt: skip
    return Table(DIFFERENCES, tuple(rows))


def confusion_table(corner: str, classes: str, rows: Sequence[Sequence[int]]) -> Table:
    """A confusion matrix: true classes by the answers, the last one for none; classes without a case are left out."""
    shown = tuple((c, *map(str, row)) for c, row in zip(classes, rows, strict=True) if sum(row))
    return Table((corner, *classes, "none"), shown, counts=True)


def interval_words(ends: Interval | None, digits: int) -> str:
    """`0.61 to 0.79`, or nothing."""
    return f"{ends.low:.{digits}f} to {ends.high:.{digits}f}" if ends else ""


def detectable_words(difference: float, digits: int) -> str:
    """The difference that a set shows; `none at this n` where it would be more than the figure can differ by."""
    return "none at this n" if math.isinf(difference) else number(difference, digits, "")


def number(value: float, digits: int, undefined: str = "not defined") -> str:
    """A figure in words."""
    return undefined if math.isnan(value) else f"{value:.{digits}f}"


# --- JSON ---------------------------------------------------------------------------------------------------------


def line_json(line: Line) -> dict[str, Any]:
    """A figure with all its systems and baselines."""
    return {
        "name": line.figure.name,
        "group": line.figure.group,
        "higher_is_better": line.figure.higher_is_better,
        "n_counts": line.figure.of,
        "candidates": [
            {
                "value": e.value, "n": e.n, "positives": e.positives,
                "prevalence": e.positives / e.n if e.positives is not None and e.n else None,
                "interval": ends_json(e.interval), "detectable": e.detectable,
            }
            for e in line.entries
        ],
        **{name.replace(" ", "_"): value for name, value in line.baselines},
    }  # fmt: skip


def difference_json(d: Difference) -> dict[str, Any]:
    """A difference of two systems."""
    return {
        "name": d.figure.name,
        "difference": d.value,
        "interval": ends_json(d.interval),
        "p": d.p,
        "p_holm": d.p_holm,
        "detectable": d.detectable,
    }


def ends_json(interval: Interval | None) -> list[float] | None:
    """Both ends of an interval."""
    return [interval.low, interval.high] if interval else None


def finite(value: Any) -> Any:
    """The value with null for every number that is none."""
    if isinstance(value, dict):
        return {k: finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
