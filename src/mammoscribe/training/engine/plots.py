"""Curves of a run as SVG pictures, drawn without a plotting library."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from mammoscribe.support.files import write_text
from mammoscribe.training.engine.run_folder import is_validation, read_metrics

Points = Sequence[tuple[float, float]]
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 400, 70, 190, 36, 40
COLOURS = ("#1f5fa8", "#c8501e", "#2f8f4e", "#8a3fa0", "#a07a12", "#117f8a", "#b0284f", "#5a5a5a")
MOST_POINTS = 400


def draw_plots(folder: Path) -> list[Path]:
    """Write losses.svg, rate.svg, gradient.svg and validation.svg to `plots/` of a run, as far as metrics.jsonl has them."""
    rows = read_metrics(folder)
    steps, validations = [r for r in rows if not is_validation(r)], [r for r in rows if is_validation(r)]
    charts = {
        "losses": ("Losses", _series(steps, "loss/")), "rate": ("Learning rate", _series(steps, "rate")),
        "gradient": ("Norm of the gradient", _series(steps, "grad_norm")),
        "validation": ("Validation", _series(validations, "val/")),
    }  # fmt: skip
    drawn = {name: line_chart(title, "step", series) for name, (title, series) in charts.items() if series}
    return [write_text(folder / "plots" / f"{name}.svg", svg) for name, svg in drawn.items()]


def _series(rows: Sequence[Mapping[str, Any]], start: str) -> dict[str, Points]:
    """The columns whose names begin so, without lines that have none."""
    names = dict.fromkeys(name for row in rows for name in row if name.startswith(start))
    series = {n: [(float(r["step"]), float(r[n])) for r in rows if r.get(n) is not None] for n in names}
    return {name.removeprefix(start) or name: points for name, points in series.items() if points}


def line_chart(title: str, x_name: str, series: Mapping[str, Points]) -> str:
    """Lines over a common x axis as an SVG picture; the y axis is logarithmic where positive values span two decades."""
    thin = {name: thinned(points) for name, points in series.items()}
    values = [y for points in thin.values() for _, y in points]
    log = min(values) > 0 and max(values) / min(values) > 100
    x_axis = _Axis([x for points in thin.values() for x, _ in points], LEFT, WIDTH - RIGHT, False)
    y_axis = _Axis(values, HEIGHT - BOTTOM, TOP, log)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/><text x="{LEFT}" y="20" font-size="14">{escape(title)}</text>',
        *(_grid(y_axis, horizontal=True)), *(_grid(x_axis, horizontal=False)),
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 6}" text-anchor="middle">{escape(x_name)}</text>',
    ]  # fmt: skip
    for number, (name, points) in enumerate(thin.items()):
        colour = COLOURS[number % len(COLOURS)]
        places = " ".join(f"{x_axis.place(x):.1f},{y_axis.place(y):.1f}" for x, y in points)
        y = TOP + 16 * number + 10
        parts.append(f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        parts.append(
            f'<line x1="{WIDTH - RIGHT + 12}" y1="{y - 4}" x2="{WIDTH - RIGHT + 30}" y2="{y - 4}" stroke="{colour}" stroke-width="2"/>'
        )
        parts.append(f'<text x="{WIDTH - RIGHT + 36}" y="{y}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>\n"])


def thinned(points: Points) -> Points:
    """At most 400 points: means of neighbours, so that a long noisy curve stays readable."""
    size = -(-len(points) // MOST_POINTS)
    groups = [points[n : n + size] for n in range(0, len(points), size)]
    return [(sum(x for x, _ in g) / len(g), sum(y for _, y in g) / len(g)) for g in groups]


class _Axis:
    """Values to pixels, and where its lines are."""

    def __init__(self, values: Sequence[float], first_px: float, last_px: float, log: bool) -> None:
        self.log, self._first, self._last = log, first_px, last_px
        low, high = self._scaled(min(values)), self._scaled(max(values))
        margin = 0.0 if high > low else max(abs(high), 1.0) * 0.05
        self._low, self._high = low - margin, high + margin

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
        step = next((m * decade for m in (1, 2, 5) if m * decade >= rough), 10 * decade)
        return [n * step for n in range(math.ceil(self._low / step), math.floor(self._high / step) + 1)]


def _grid(axis: _Axis, horizontal: bool) -> list[str]:
    lines = []
    for value in axis.ticks():
        at = f"{axis.place(value):.1f}"
        if horizontal:
            lines.append(f'<line x1="{LEFT}" y1="{at}" x2="{WIDTH - RIGHT}" y2="{at}" stroke="#ddd"/>')
            lines.append(
                f'<text x="{LEFT - 6}" y="{at}" text-anchor="end" dominant-baseline="middle">{value:.4g}</text>'
            )
        else:
            lines.append(f'<line x1="{at}" y1="{TOP}" x2="{at}" y2="{HEIGHT - BOTTOM}" stroke="#ddd"/>')
            lines.append(f'<text x="{at}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{value:.6g}</text>')
    return lines
