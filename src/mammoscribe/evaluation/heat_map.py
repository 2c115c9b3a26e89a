"""Heat maps of an incremental run, class by task, as one self-contained HTML page with SVG figures."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from mammoscribe.evaluation.incremental import IncrementalResult, Metric, mean_defined

_RAMP = ((252, 250, 232), (188, 223, 190), (95, 172, 184), (49, 108, 162), (33, 44, 104))
"""Light to dark at even steps; readable in grey and with any colour vision."""
_CELL_W, _CELL_H, _HEAD_H, _GAP, _CHAR_W = 92, 34, 46, 10, 6.6


@dataclass(frozen=True)
class Look:
    """Title and fixed colour scale of one figure, the same in every run so that maps can be compared."""

    title: str
    low: float
    high: float


LOOKS = {Metric.AUROC: Look("AUROC", 0.5, 1.0), Metric.F1: Look("F1", 0.0, 1.0)}


def page(result: IncrementalResult, lines: Sequence[str] = ()) -> str:
    """The run as HTML: its figures in words, a map for AUROC and one for F1, and a table of the steps.

    Args:
        result: the run.
        lines: lines about where it comes from, printed below.
    """
    title, line = f"RE-tune, {result.scenario}", summary(result)
    maps = "".join(f"<figure>{heat_map(result, metric)}</figure>" for metric in Metric)
    notes = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_CSS}</style></head><body><h1>{escape(title)}</h1><p>{escape(line[0].upper() + line[1:])}</p>"
        f"{maps}{_table(result)}<ul>{_DEFINITIONS}{notes}</ul></body></html>\n"
    )


def summary(result: IncrementalResult) -> str:
    """The run in one line."""
    last, ends = result.last, result.interval
    interval = f" (95 % interval {ends.low:.3f} to {ends.high:.3f})" if ends else ""
    lost = mean_defined(result.forgetting())
    forgot = "" if math.isnan(lost) else f"; mean forgetting {_signed(lost)} AUROC"
    right = f"all labels right on {last.exact:.1%} of {last.exact_n:,} pictures" if last.exact_n else "no exact match"
    when = f"after task {result.steps[-1].name}" if len(result.steps) > 1 else "without training"
    return (
        f"{when}: macro AUROC {_number(last.macro(Metric.AUROC))}{interval}, macro F1 {_number(last.macro(Metric.F1))}, "
        f"{right}{forgot}."
    )


def heat_map(result: IncrementalResult, metric: Metric) -> str:
    """One map as SVG: rows are steps, columns classes and their mean; classes optimised in a step are framed."""
    look, matrix = LOOKS[metric], result.matrix(metric)
    chosen = any(len(s.optimised) < len(result.classes) for s in result.steps[1:])
    left = 34 + max(_CHAR_W * len(s.name) for s in result.steps) + 12
    top, wide = 58 + _HEAD_H, len(result.classes) * _CELL_W
    mean_x = left + wide + _GAP
    parts = [_axes(result, look, left, top, mean_x)]
    for t, step in enumerate(result.steps):
        y = top + t * _CELL_H
        parts.append(_text(left - 10, y + _CELL_H / 2, step.name, "end"))
        for c, name in enumerate(result.classes):
            words = f"{name} after {step.name}: {look.title} {_number(matrix[t, c])}"
            parts.append(_cell(left + c * _CELL_W, y, matrix[t, c], look, words, chosen and c in step.optimised))
        mean = step.figures.macro(metric)
        parts.append(_cell(mean_x, y, mean, look, f"mean after {step.name}: {look.title} {_number(mean)}", False))
    bottom = top + len(result.steps) * _CELL_H
    parts.append(_lost(result, metric, left, bottom, mean_x))
    parts.append(_legend(look, metric, left, bottom + 58, chosen))
    width, height = max(mean_x + _CELL_W + 16, left + 420), bottom + 104
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'height="{height:.0f}" role="img" aria-label="{look.title} of every class after every task" '
        f'font-family="{_FONT}" font-size="13"><rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}</svg>'
    )


def _axes(result: IncrementalResult, look: Look, left: float, top: float, mean_x: float) -> str:
    """Title, names of the axes and of the columns."""
    middle = top + len(result.steps) * _CELL_H / 2
    heads = [(left + (c + 0.5) * _CELL_W, name) for c, name in enumerate(result.classes)]
    heads.append((mean_x + _CELL_W / 2, "mean"))
    title = f"{look.title} on held-out pictures, {result.scenario}"
    return (
        f'<text x="{left:.0f}" y="20" font-size="16" font-weight="600">{escape(title)}</text>'
        + _text(left + (mean_x - left - _GAP) / 2, 44, "class", "middle", "#56606b")
        + f'<text transform="translate(16 {middle:.0f}) rotate(-90)" text-anchor="middle" fill="#56606b">after task</text>'
        + "".join(_head(x, top - 8, name) for x, name in heads)
    )


def _head(x: float, y: float, name: str) -> str:
    """A column's name on one or two lines; what does not fit is cut, and whole when the pointer rests on it."""
    room = int(_CELL_W / _CHAR_W)
    lines = [""]
    for word in name.replace("_", " ").split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > room:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    if len(lines) > 2:
        lines = [lines[0], " ".join(lines[1:])]
    shown = [line if len(line) <= room + 1 else f"{line[:room]}…" for line in lines]
    spans = "".join(
        f'<tspan x="{x:.1f}" y="{y - 16 * (len(shown) - 1 - i):.1f}">{escape(s)}</tspan>' for i, s in enumerate(shown)
    )
    return f'<text text-anchor="middle"><title>{escape(name)}</title>{spans}</text>'


def _cell(x: float, y: float, value: float, look: Look, words: str, framed: bool) -> str:
    if math.isnan(value):
        fill, ink, shown = "#e6e8ea", "#56606b", "–"
    else:
        colour = _colour((value - look.low) / (look.high - look.low))
        fill, ink, shown = _hex(colour), "#111" if _luminance(colour) > 0.19 else "#fff", f"{value:.3f}"
    frame = (
        f'<rect x="{x + 2:.1f}" y="{y + 2}" width="{_CELL_W - 5}" height="{_CELL_H - 5}" fill="none" stroke="#d9480f" '
        'stroke-width="2.5"/>'
    )
    return (
        f'<g><title>{escape(words)}</title><rect x="{x:.1f}" y="{y}" width="{_CELL_W - 1}" height="{_CELL_H - 1}" '
        f'fill="{fill}"/>{frame if framed else ""}{_text(x + _CELL_W / 2, y + _CELL_H / 2, shown, "middle", ink)}</g>'
    )


def _lost(result: IncrementalResult, metric: Metric, left: float, bottom: float, mean_x: float) -> str:
    """The row below the map: how much of each class was forgotten."""
    values = result.forgetting(metric)
    if all(map(math.isnan, values)):
        return ""
    y = bottom + _GAP + _CELL_H / 2
    cells = [_text(left + (c + 0.5) * _CELL_W, y, _signed(v), "middle") for c, v in enumerate(values)]
    cells.append(_text(mean_x + _CELL_W / 2, y, _signed(mean_defined(values)), "middle"))
    line = f'<path d="M{left:.0f} {bottom + 6} H{mean_x + _CELL_W:.0f}" stroke="#b6bdc4"/>'
    return line + _text(left - 10, y, "forgotten", "end", "#56606b") + "".join(cells)


def _legend(look: Look, metric: Metric, left: float, y: float, frames: bool) -> str:
    """The colour scale with its ends, and what a frame means where tasks differ in their classes."""
    stops = "".join(f'<stop offset="{i / (len(_RAMP) - 1)}" stop-color="{_hex(c)}"/>' for i, c in enumerate(_RAMP))
    low = f"≤ {look.low:g}" if look.low else "0"
    frame = (
        f'<rect x="{left + 244:.0f}" y="{y - 1}" width="24" height="16" fill="none" stroke="#d9480f" stroke-width="2.5"/>'
        + _text(left + 276, y + 7, "optimised in this task", "start", "#56606b")
    )
    return (
        f'<defs><linearGradient id="ramp-{metric}">{stops}</linearGradient></defs>'
        + _text(left, y + 7, low, "start", "#56606b")
        + f'<rect x="{left + 40:.0f}" y="{y}" width="150" height="14" fill="url(#ramp-{metric})" stroke="#b6bdc4"/>'
        + _text(left + 198, y + 7, f"{look.high:g}", "start", "#56606b")
        + (frame if frames else "")
    )


def _table(result: IncrementalResult) -> str:
    head = "".join(f"<th>{h}</th>" for h in _COLUMNS)
    rows = []
    for step in result.steps:
        f = step.figures
        figures = [k(m) for m in Metric for k in (f.macro, f.weighted)] + [f.exact]
        cells = "".join(f"<td>{_number(v)}</td>" for v in figures)
        rows.append(f"<tr><th>{escape(step.name)}</th><td>{step.rows or '–'}</td>{cells}</tr>")
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _text(x: float, y: float, text: str, anchor: str, ink: str = "#16191d") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" dominant-baseline="central"'
    return f'<text {place} fill="{ink}">{escape(text)}</text>'


def _colour(share: float) -> tuple[int, ...]:
    """The ramp's colour at a share of its length, clipped to its ends."""
    place = min(max(share, 0.0), 1.0) * (len(_RAMP) - 1)
    i = min(int(place), len(_RAMP) - 2)
    return tuple(round(a + (b - a) * (place - i)) for a, b in zip(_RAMP[i], _RAMP[i + 1], strict=True))


def _hex(colour: Sequence[int]) -> str:
    return "#" + "".join(f"{v:02x}" for v in colour)


def _luminance(colour: Sequence[int]) -> float:
    """Relative luminance (WCAG 2), 0..1."""
    linear = [v / 255 / 12.92 if v <= 10 else ((v / 255 + 0.055) / 1.055) ** 2.4 for v in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3f}"


def _signed(value: float) -> str:
    """Forgetting with its sign; a minus is a gain."""
    return "–" if math.isnan(value) else f"{value:+.3f}".replace("-", "−")


_FONT = "Inter, Segoe UI, Helvetica Neue, Arial, Liberation Sans, sans-serif"
_COLUMNS = (
    "after task", "pictures", "AUROC, macro", "AUROC, weighted", "F1, macro", "F1, weighted", "all labels right",
)  # fmt: skip
_DEFINITIONS = (
    "<li>A label is given when the picture is nearer to the class's positive prompts than to its negative ones; the "
    "AUROC's score is (cosine with the positive prompts + 1) / 2.</li>"
    "<li>Forgotten: best figure from the task that learned the class to the last but one, less the final one; "
    "a minus is a gain.</li><li>– is a figure that is not defined: no picture, or none of one sort.</li>"
)
_CSS = (
    f"body{{font:15px/1.5 {_FONT};color:#16191d;background:#fff;margin:28px auto;max-width:1600px;padding:0 20px}}"
    "h1{font-size:22px;margin:0 0 6px}p{margin:0 0 18px}figure{display:inline-block;margin:0 24px 18px 0;max-width:100%;"
    "overflow-x:auto}table{border-collapse:collapse;margin:0 0 18px;font-variant-numeric:tabular-nums}"
    "th,td{padding:4px 12px;text-align:right;border-bottom:1px solid #dfe3e7;font-weight:400}"
    "th:first-child{text-align:left}thead th{color:#56606b}ul{color:#56606b;font-size:13px;padding-left:18px;margin:0}"
)
