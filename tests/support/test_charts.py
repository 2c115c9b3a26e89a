"""Charts: valid SVG whose lines and intervals go through their values, inside the picture."""

from xml.etree import ElementTree as ET

import pytest

from mammoscribe.support.charts import UNIT, Bar, interval_chart, line_chart, thinned

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


def circles(svg: str) -> list[tuple[float, float]]:
    return [(float(c.attrib["cx"]), float(c.attrib["cy"])) for c in ET.fromstring(svg).iter(f"{SVG}circle")]


def test_axes_with_fixed_ends_do_not_follow_the_values():
    low = drawn(line_chart("t", "x", {"a": [(0, 0), (0.1, 0.1)]}, UNIT))["a"]
    high = drawn(line_chart("t", "x", {"a": [(0, 0), (1, 1)]}, UNIT))["a"]
    assert low[0] == high[0]
    assert low[1][0] - low[0][0] == pytest.approx((high[1][0] - high[0][0]) / 10, abs=0.2)


def test_an_upright_interval_is_drawn_at_its_place():
    svg = line_chart("t", "x", {"a": [(0.5, 0.5)]}, UNIT, bars={"a": [Bar(0.5, 0.25, 0.75, x=0.5)]})
    (x, y), (point,) = circles(svg)[0], drawn(svg)["a"]
    assert (x, y) == pytest.approx(point, abs=0.2)


def test_intervals_are_in_the_order_of_their_values_and_an_undefined_one_has_its_name_only():
    bars = [Bar(0.6, 0.5, 0.7, name="a"), Bar(0.8, 0.7, 0.9, name="b <c>"), Bar(*[float("nan")] * 3, name="few")]
    svg = interval_chart("t", "AUC", bars, reference=0.5)
    (xa, ya), (xb, yb) = circles(svg)
    assert xa < xb and ya < yb
    assert {"a", "b <c>", "few"} <= {e.text for e in ET.fromstring(svg).iter(f"{SVG}text")}


def test_an_interval_chart_without_any_value_can_be_drawn():
    ET.fromstring(interval_chart("t", "x", [Bar(*[float("nan")] * 3, name="few")]))
