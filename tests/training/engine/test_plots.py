"""Plots: valid SVG whose lines have as many points as there are values, inside the picture."""

import json
from xml.etree import ElementTree as ET

import pytest

from mammoscribe.training.engine.plots import draw_plots, line_chart, thinned

SVG = "{http://www.w3.org/2000/svg}"


def drawn(svg: str) -> dict[str, list[tuple[float, float]]]:
    """Points of each line by its name in the legend."""
    root = ET.fromstring(svg)
    lines = [[tuple(map(float, p.split(","))) for p in e.attrib["points"].split()] for e in root.iter(f"{SVG}polyline")]
    names = [e.text for e in root.iter(f"{SVG}text")][-len(lines) :]
    return dict(zip(names, lines, strict=True))


def test_a_line_goes_through_its_values():
    lines = drawn(line_chart("Losses", "step", {"a": [(0, 1), (5, 3), (10, 2)], "b <c>": [(0, 2), (10, 2)]}))
    assert set(lines) == {"a", "b <c>"}
    (x0, y0), (x1, y1), (x2, y2) = lines["a"]
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.2)
    assert y0 > y2 > y1  # the y axis of a picture points down
    assert lines["b <c>"][0][1] == pytest.approx(y2, abs=0.1)


def test_values_over_decades_are_drawn_on_a_logarithmic_axis():
    (_, (y0, y1, y2)) = zip(*drawn(line_chart("t", "x", {"a": [(0, 1), (1, 100), (2, 10_000)]}))["a"], strict=True)
    assert y0 - y1 == pytest.approx(y1 - y2, abs=0.2)


@pytest.mark.parametrize(
    "points", [[(1, 2)], [(0, 0), (1, 0)], [(0, -5), (1, -5)], [(0, 1e-30), (1, 1e30)], [(3, 1e9)]]
)
def test_any_values_give_points_inside_the_picture(points):
    for x, y in drawn(line_chart("t", "x", {"a": points}))["a"]:
        assert 0 <= x <= 720 and 0 <= y <= 400


def test_long_curves_are_thinned_by_means_of_neighbours():
    thin = thinned([(n, n % 2) for n in range(10_000)])
    assert len(thin) <= 400
    assert all(abs(y - 0.5) < 0.05 for _, y in thin)
    assert thinned([(1, 2), (3, 4)]) == [(1, 2), (3, 4)]


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
