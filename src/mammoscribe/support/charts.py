"""Charts as SVG pictures, drawn without a plotting library: lines over a common axis, and intervals one below the other."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

Points = Sequence[tuple[float, float]]
COLOURS = ("#1f5fa8", "#c8501e", "#2f8f4e", "#8a3fa0", "#a07a12", "#117f8a", "#b0284f", "#5a5a5a")
MOST_POINTS = 400


@dataclass(frozen=True)
class Frame:
    """Size of a chart and what its axes are.

    Args:
        width, height, left, right, top, bottom: pixels; the last four are the margins.
        x_range, y_range: ends of the axes; None takes those of the values, and a logarithmic y axis where positive values
            span two decades.
        diagonal: whether to draw the line from the lower left to the upper right end.
    """

    width: int = 720
    height: int = 400
    left: int = 70
    right: int = 190
    top: int = 36
    bottom: int = 40
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None
    diagonal: bool = False


@dataclass(frozen=True)
class Bar:
    """A value with its interval at a place of the x axis (`line_chart`), or in a row with its name (`interval_chart`)."""

    value: float
    low: float
    high: float
    x: float = 0.0
    name: str = ""


UNIT = Frame(width=560, height=380, left=60, right=150, x_range=(0.0, 1.0), y_range=(0.0, 1.0))
"""Both axes from 0 to 1."""


def line_chart(
    title: str, x_name: str, series: Mapping[str, Points], frame: Frame = Frame(), y_name: str = "",
    bars: Mapping[str, Sequence[Bar]] = {},
) -> str:  # fmt: skip
    """Lines over a common x axis as an SVG picture.

    Args:
        title, x_name, y_name: words. series: name -> points.
        frame: size and axes.
        bars: name of a series -> intervals that are drawn upright in its colour.
    """
    thin = {name: thinned(points) for name, points in series.items()}
    values = [y for points in thin.values() for _, y in points]
    x_ends = frame.x_range or _ends([x for points in thin.values() for x, _ in points])
    log = frame.y_range is None and min(values) > 0 and max(values) / min(values) > 100
    x_axis = Axis(x_ends, frame.left, frame.width - frame.right)
    y_axis = Axis(frame.y_range or _ends(values), frame.height - frame.bottom, frame.top, log)
    parts = [*_head(title, x_name, y_name, frame), *_rows(y_axis, frame), *_columns(x_axis, frame)]
    if frame.diagonal:
        ends = f'x1="{x_axis.place(x_ends[0]):.1f}" y1="{y_axis.place(x_ends[0]):.1f}" x2="{x_axis.place(x_ends[1]):.1f}" y2="{y_axis.place(x_ends[1]):.1f}"'
        parts.append(f'<line {ends} stroke="#999" stroke-dasharray="4 4"/>')
    for number, (name, points) in enumerate(thin.items()):
        colour = COLOURS[number % len(COLOURS)]
        places = " ".join(f"{x_axis.place(x):.1f},{y_axis.place(y):.1f}" for x, y in points)
        parts.append(f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        parts += [_upright(b, x_axis, y_axis, colour) for b in bars.get(name, ())]
        parts += _key(name, number, colour, frame)
    return "\n".join([*parts, "</svg>\n"])


def interval_chart(title: str, x_name: str, bars: Sequence[Bar], reference: float | None = None) -> str:
    """Values with their intervals one below the other (a forest plot) as an SVG picture.

    Args:
        title, x_name: words. bars: top row first; of a value that is NaN only the name is drawn.
        reference: where an upright line is drawn.
    """
    frame = Frame(width=720, height=76 + 24 * len(bars), left=270, right=30)
    known = [v for b in bars for v in (b.value, b.low, b.high) if not math.isnan(v)]
    known += [] if reference is None else [reference]
    low, high = _ends(known or [0.0, 1.0])
    margin = 0.04 * (high - low)
    axis = Axis((low - margin, high + margin), frame.left, frame.width - frame.right)
    parts = [*_head(title, x_name, "", frame), *_columns(axis, frame)]
    if reference is not None:
        at = f"{axis.place(reference):.1f}"
        parts.append(
            f'<line x1="{at}" y1="{frame.top}" x2="{at}" y2="{frame.height - frame.bottom}" stroke="#999" stroke-dasharray="4 4"/>'
        )
    for number, bar in enumerate(bars):
        y = frame.top + 24 * number + 14
        parts.append(f'<text x="{frame.left - 10}" y="{y + 4}" text-anchor="end">{escape(bar.name)}</text>')
        if not math.isnan(bar.value):
            if not math.isnan(bar.low + bar.high):
                parts.append(
                    f'<line x1="{axis.place(bar.low):.1f}" y1="{y}" x2="{axis.place(bar.high):.1f}" y2="{y}" stroke="{COLOURS[0]}" stroke-width="1.5"/>'
                )
            parts.append(f'<circle cx="{axis.place(bar.value):.1f}" cy="{y}" r="4" fill="{COLOURS[0]}"/>')
    return "\n".join([*parts, "</svg>\n"])


def thinned(points: Points) -> Points:
    """At most 400 points: means of neighbours, so that a long noisy curve stays readable."""
    size = -(-len(points) // MOST_POINTS)
    groups = [points[n : n + size] for n in range(0, len(points), size)]
    return [(sum(x for x, _ in g) / len(g), sum(y for _, y in g) / len(g)) for g in groups]


def _ends(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    margin = 0.0 if high > low else max(abs(high), 1.0) * 0.05
    return low - margin, high + margin


class Axis:
    """Values to pixels, and where its lines are.

    Args:
        ends: values at the two ends. first_px, last_px: where these are. log: whether decades are equally long.
    """

    def __init__(self, ends: tuple[float, float], first_px: float, last_px: float, log: bool = False) -> None:
        self.log, self._first, self._last = log, first_px, last_px
        self._low, self._high = (self._scaled(e) for e in ends)

    def _scaled(self, value: float) -> float:
        return math.log10(value) if self.log else value

    def place(self, value: float) -> float:
        """Pixels of a value."""
        return self._first + (self._scaled(value) - self._low) / (self._high - self._low) * (self._last - self._first)

    def ticks(self) -> list[float]:
        """Round values inside the axis: whole decades, or about five steps of 1, 2 or 5."""
        if self.log:
            return [10.0**n for n in range(math.ceil(self._low), math.floor(self._high) + 1)]
        rough = (self._high - self._low) / 5
        decade = 10 ** math.floor(math.log10(rough))
        step = next((m * decade for m in (1, 2, 5) if m * decade >= rough * 0.999), 10 * decade)
        first, last = math.ceil(self._low / step - 1e-9), math.floor(self._high / step + 1e-9)
        return [n * step for n in range(first, last + 1)]


def _head(title: str, x_name: str, y_name: str, frame: Frame) -> list[str]:
    middle = (frame.top + frame.height - frame.bottom) / 2
    upright = (
        f'<text x="14" y="{middle}" text-anchor="middle" transform="rotate(-90 14 {middle})">{escape(y_name)}</text>'
    )
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {frame.width} {frame.height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{frame.width}" height="{frame.height}" fill="#fff"/><text x="{frame.left}" y="20" font-size="14">{escape(title)}</text>',
        f'<text x="{(frame.left + frame.width - frame.right) / 2}" y="{frame.height - 6}" text-anchor="middle">{escape(x_name)}</text>',
        *([upright] if y_name else []),
    ]  # fmt: skip


def _key(name: str, number: int, colour: str, frame: Frame) -> list[str]:
    """The name of a line at the right margin."""
    x, y = frame.width - frame.right, frame.top + 16 * number + 10
    return [
        f'<line x1="{x + 12}" y1="{y - 4}" x2="{x + 30}" y2="{y - 4}" stroke="{colour}" stroke-width="2"/>',
        f'<text x="{x + 36}" y="{y}">{escape(name)}</text>',
    ]


def _upright(bar: Bar, x_axis: Axis, y_axis: Axis, colour: str) -> str:
    x = f"{x_axis.place(bar.x):.1f}"
    line = f'<line x1="{x}" y1="{y_axis.place(bar.low):.1f}" x2="{x}" y2="{y_axis.place(bar.high):.1f}" stroke="{colour}"/>'
    return f'{line}<circle cx="{x}" cy="{y_axis.place(bar.value):.1f}" r="3" fill="{colour}"/>'


def _rows(axis: Axis, frame: Frame) -> list[str]:
    """Level lines with their values."""
    lines = []
    for value in axis.ticks():
        at = f"{axis.place(value):.1f}"
        lines.append(f'<line x1="{frame.left}" y1="{at}" x2="{frame.width - frame.right}" y2="{at}" stroke="#ddd"/>')
        lines.append(
            f'<text x="{frame.left - 6}" y="{at}" text-anchor="end" dominant-baseline="middle">{value:.4g}</text>'
        )
    return lines


def _columns(axis: Axis, frame: Frame) -> list[str]:
    """Upright lines with their values."""
    lines = []
    for value in axis.ticks():
        at = f"{axis.place(value):.1f}"
        lines.append(f'<line x1="{at}" y1="{frame.top}" x2="{at}" y2="{frame.height - frame.bottom}" stroke="#ddd"/>')
        lines.append(f'<text x="{at}" y="{frame.height - frame.bottom + 16}" text-anchor="middle">{value:.6g}</text>')
    return lines
