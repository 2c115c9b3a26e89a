"""Curves of a run as SVG pictures."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mammoscribe.support.charts import Points, line_chart
from mammoscribe.support.files import write_text
from mammoscribe.training.engine.run_folder import is_validation, read_metrics


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
