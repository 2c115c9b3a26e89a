"""Figures of incremental runs against scikit-learn, forgetting on a matrix worked out by hand, and the map's page."""

import json
import math
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from sklearn import metrics

from mammoscribe.evaluation.bootstrap import Interval
from mammoscribe.evaluation.classification import f1, macro_accuracy
from mammoscribe.evaluation.heat_map import heat_map, page, summary
from mammoscribe.evaluation.incremental import (
    IncrementalResult,
    Metric,
    Step,
    StepFigures,
    macro_auroc_interval,
    mean_defined,
    measure_step,
    result_json,
)
from mammoscribe.support.errors import InputError, InvalidNoun

MATRIX = ((0.6, 0.5, 0.55), (0.9, 0.4, 0.5), (0.8, 0.85, 0.6), (0.7, 0.88, 0.95))


def figures(row: tuple[float, ...]) -> StepFigures:
    return StepFigures(row, tuple(v / 2 for v in row), (10, 20, 30), (100, 100, 90), 0.25, 90)


def by_class(**fields) -> IncrementalResult:
    """Three classes learned one after the other."""
    steps = [Step("zero-shot", (), 0, figures(MATRIX[0]))]
    steps += [Step(f"class {c}", (c,), 50, figures(MATRIX[c + 1])) for c in range(3)]
    return IncrementalResult(
        **({"scenario": "class-incremental", "classes": ("a", "b", "c"), "steps": tuple(steps)} | fields)
    )


def scores(n: int = 80):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, (n, 3)).astype(float)
    positive, negative = rng.uniform(-1, 1, (2, n, 3))
    return positive + 0.3 * labels, negative, labels


def test_figures_are_scikit_learns():
    positive, negative, labels = scores()
    found, given = measure_step(positive, negative, labels), positive > negative
    assert found.exact == pytest.approx(metrics.accuracy_score(labels, given))
    for average, kind in (("macro", found.macro), ("weighted", found.weighted)):
        assert kind(Metric.F1) == pytest.approx(metrics.f1_score(labels, given, average=average))
        expected = metrics.roc_auc_score(labels, (positive + 1) / 2, average=average)
        assert kind(Metric.AUROC) == pytest.approx(expected)


def test_the_auroc_looks_at_the_positive_prompts_only():
    positive, negative, labels = scores()
    assert measure_step(positive, negative, labels).auroc == measure_step(positive, -negative, labels).auroc


def test_a_tie_is_negative():
    found = measure_step(np.zeros((2, 1)), np.zeros((2, 1)), np.array([[0.0], [1.0]]))
    assert (found.f1, found.exact) == ((0.0,), 0.5)


def test_unknown_labels_count_nowhere():
    positive, negative, labels = scores()
    holes = labels.copy()
    holes[:30, 1] = np.nan
    found = measure_step(positive, negative, holes)
    assert found.known == (80, 50, 80) and found.exact_n == 50
    assert found.auroc[1] == pytest.approx(metrics.roc_auc_score(labels[30:, 1], positive[30:, 1]))
    assert found.exact == measure_step(positive[30:], negative[30:], labels[30:]).exact


def test_a_class_of_one_sort_has_no_auroc_and_does_not_spoil_the_mean():
    positive, negative, labels = scores()
    labels[:, 0] = 0
    found = measure_step(positive, negative, labels)
    assert math.isnan(found.auroc[0]) and math.isnan(found.f1[0])
    assert found.macro(Metric.AUROC) == pytest.approx(np.mean(found.auroc[1:]))
    labels[:, 0] = np.nan
    assert measure_step(positive, negative, labels).exact_n == 0


def test_arrays_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match=r"expected three \[N, C\] arrays"):
        measure_step(np.zeros((2, 1)), np.zeros((2, 1)), np.zeros((2, 2)))


def test_forgetting_and_backward_transfer_start_where_a_class_is_learned():
    result = by_class()
    assert result.forgetting() == pytest.approx((0.2, -0.03, math.nan), nan_ok=True)
    assert result.backward_transfer() == pytest.approx((-0.2, 0.03, math.nan), nan_ok=True)
    assert mean_defined(result.forgetting()) == pytest.approx(0.085)
    assert result.forgetting(Metric.F1)[0] == pytest.approx(0.1)


def test_forgetting_is_from_the_best_and_transfer_from_the_first():
    rows = (0.5, 0.7, 0.9, 0.8)
    steps = tuple(
        Step(f"part {t}", (0,) if t else (), t, StepFigures((v,), (v,), (1,), (2,), 0.5, 2)) for t, v in enumerate(rows)
    )
    result = IncrementalResult("data", ("a",), steps)
    assert result.forgetting()[0] == pytest.approx(0.1)
    assert result.backward_transfer()[0] == pytest.approx(0.1)


def test_a_run_without_later_tasks_has_no_forgetting():
    joint = by_class(steps=(by_class().steps[0], Step("joint", (0, 1, 2), 9, figures(MATRIX[3]))))
    assert all(map(math.isnan, joint.forgetting()))
    assert "forgetting" not in summary(joint)


def test_the_interval_is_over_patients_and_holds_the_figure():
    positive, negative, labels = scores()
    middle = measure_step(positive, negative, labels).macro(Metric.AUROC)
    alone = macro_auroc_interval(positive, labels, range(80), 200)
    paired = macro_auroc_interval(
        np.repeat(positive, 2, 0), np.repeat(labels, 2, 0), np.repeat(range(80), 2).tolist(), 200
    )
    assert alone is not None and alone.low < middle < alone.high
    assert paired == alone


@pytest.mark.parametrize(
    "fields",
    [{"steps": ()}, {"steps": by_class().steps[1:]}, {"classes": ("a", "b")}, {"classes": ("a",)}],
)
def test_a_result_cannot_be_built_wrong(fields):
    with pytest.raises(InvalidNoun):
        by_class(**fields)


def test_json_has_null_where_a_figure_is_not_defined():
    plain = json.loads(result_json(by_class(interval=Interval(0.8, 0.9)), model="numbers"))
    assert plain["forgetting_auroc"] == {
        "per_class": [pytest.approx(0.2), pytest.approx(-0.03), None],
        "mean": pytest.approx(0.085),
    }
    assert plain["steps"][2]["optimised"] == ["b"]
    assert plain["steps"][3]["macro_auroc"] == pytest.approx(np.mean(MATRIX[3]))
    assert plain["final_macro_auroc_interval"]["low"] == 0.8
    assert plain["provenance"] == {"model": "numbers"}


def test_every_cell_of_the_map_shows_its_number():
    svg = heat_map(by_class(), Metric.AUROC)
    shown = [t.text for t in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]
    for row in MATRIX:
        assert all(f"{v:.3f}" in shown for v in row)
    assert {
        "AUROC on held-out pictures, class-incremental",
        "class",
        "after task",
        "forgotten",
        "+0.200",
        "−0.030",
    } <= set(shown)


def test_a_frame_marks_what_a_task_optimises_unless_every_task_optimises_all():
    def frames(result: IncrementalResult) -> int:
        return heat_map(result, Metric.AUROC).count('stroke="#d9480f"')

    assert frames(by_class()) == 3 + 1  # and one in the legend
    every = tuple(Step(s.name, (0, 1, 2) if s.optimised else (), s.rows, s.figures) for s in by_class().steps)
    assert frames(by_class(steps=every)) == 0


def test_the_colour_scale_is_the_same_in_every_map():
    one = re.findall(r'fill="(#\w{6})"', heat_map(by_class(), Metric.AUROC))
    alone = by_class(steps=(by_class().steps[0],))
    assert set(re.findall(r'fill="(#\w{6})"', heat_map(alone, Metric.AUROC))) <= set(one)


def test_the_page_is_whole_and_names_are_escaped():
    html = page(by_class(classes=("<b>", "b", "c")), ["model <x>"])
    assert "<b>" not in html.split("<body>")[1]
    assert "model &lt;x&gt;" in html and html.count("<svg") == 2
    assert "http" not in html.replace("http://www.w3.org/2000/svg", "")
    assert "After task class 2: macro AUROC 0.843" in html


def test_an_undefined_cell_is_a_dash():
    nothing = by_class(steps=(Step("zero-shot", (), 0, figures((math.nan, 0.5, 0.5))),))
    assert "a after zero-shot: AUROC –" in heat_map(nothing, Metric.AUROC)


def test_f1_and_macro_accuracy_are_scikit_learns():
    rng = np.random.default_rng(1)
    truth, given = rng.integers(0, 2, (2, 40))
    assert f1(given, truth) == pytest.approx(metrics.f1_score(truth, given))
    assert math.isnan(f1([1, 0], [0, 0]))
    assert macro_accuracy(truth, given) == pytest.approx(metrics.balanced_accuracy_score(truth, given))
    assert math.isnan(macro_accuracy([], []))
