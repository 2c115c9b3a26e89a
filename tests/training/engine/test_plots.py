"""Curves of a run: a line for each column of its metrics, with as many points as it has values."""

import json
from xml.etree import ElementTree as ET

from mammoscribe.training.engine.plots import draw_plots

SVG = "{http://www.w3.org/2000/svg}"


def drawn(svg: str) -> dict[str, list[tuple[float, float]]]:
    """Points of each line by its name in the legend."""
    root = ET.fromstring(svg)
    lines = [[tuple(map(float, p.split(","))) for p in e.attrib["points"].split()] for e in root.iter(f"{SVG}polyline")]
    names = [e.text for e in root.iter(f"{SVG}text")][-len(lines) :]
    return dict(zip(names, lines, strict=True))


def test_a_runs_curves_are_drawn_from_its_lines(tmp_path):
    rows = [
        {"step": n, "loss/total": 1 / n, "loss/a": None if n == 3 else 2.0, "rate": 0.1, "grad_norm": 1.0}
        for n in range(1, 9)
    ]
    rows += [{"step": 4, "val/auc": 0.5}, {"step": 8, "val/auc": 0.6}]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert sorted(p.name for p in draw_plots(tmp_path)) == ["gradient.svg", "losses.svg", "rate.svg", "validation.svg"]
    losses = drawn((tmp_path / "plots" / "losses.svg").read_text())
    assert {name: len(points) for name, points in losses.items()} == {"total": 8, "a": 7}
    assert len(drawn((tmp_path / "plots" / "validation.svg").read_text())["auc"]) == 2


def test_a_run_without_lines_draws_nothing(tmp_path):
    assert draw_plots(tmp_path) == []
