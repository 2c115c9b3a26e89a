"""The robustness sweep: a reader made up here moves as far as the pictures say, and differences are paired."""

from dataclasses import replace

import numpy as np
import pytest

import mammoscribe.evaluation.reader_card.robustness as robustness
from mammoscribe.evaluation.card_page import Page
from mammoscribe.evaluation.card_writers import page_markdown
from mammoscribe.evaluation.labelled_exams import LabelledBreast
from mammoscribe.evaluation.outputs.changes import CHANGES
from mammoscribe.evaluation.outputs.exam_output import BreastOutput
from mammoscribe.evaluation.outputs.store import Outputs
from mammoscribe.evaluation.reader_card.robustness import robustness_json, robustness_section, sweep
from mammoscribe.evaluation.reader_card.run import Request, measure
from mammoscribe.support.errors import InputError
from tests.evaluation.reader_card.made import exam, output
from tests.evaluation.reader_card.test_run import lab, model  # noqa: F401

NUM = 24
LABELS = [exam(i, LabelledBreast(i % 2 == 0, density="b"), LabelledBreast(False, density="c")) for i in range(NUM)]


def outputs(change) -> Outputs:
    """A reader that ranks well, but for noise, which turns its ranking round; blur moves one probability by 0.1 in four."""
    made = {}
    for i in range(NUM):
        p = 0.8 if i % 2 == 0 else 0.3
        p = round(1 - p, 2) if change.name == "noise" else p + 0.1 * (change.name == "blur" and i % 2 == 0)
        right = BreastOutput(p, "b", None, "0" if p > 0.5 else "1")
        made[f"e{i}"] = output(i, right, BreastOutput(0.2, "c" if change.name != "gamma" else "d", None, "1"))
    if change.name == "without MLO":
        made = dict(list(made.items())[:10])
    return Outputs(change.words, {"code": {"sha256": "0" * 64}}, made if change.name != "without CC" else {}, "1" * 64)


@pytest.fixture(scope="module")
def shifts():
    return {s.change.name: s for s in sweep(LABELS, outputs, 60)}


def test_answers_that_do_not_move_differ_by_nothing(shifts):
    found = shifts["8 bits"]
    assert [line.entries[0].value for line in found.moves] == [0.0, 0.0, 0.0]
    assert found.differences and all(d.value == 0 for d in found.differences)


def test_a_ranking_that_is_turned_round_is_a_difference_with_an_interval(shifts):
    by_name = {d.figure.name: d for d in shifts["noise"].differences}
    # clean: malignant 0.8, others 0.3 and 0.2: AUC 1. Noise: malignant 0.2 ties with the left breasts, and is below the other right ones of 0.7
    area = by_name["malignant breast: AUC"]
    assert area.value == pytest.approx((0.5 * NUM) / (NUM + NUM / 2) - 1)
    assert area.interval is not None and area.interval.high < 0 and area.p_holm < 0.01
    assert by_name["malignant breast, called by the report's category: sensitivity"].value == -1.0


def test_moves_are_means_over_breasts(shifts):
    moved = {line.figure.name.split(": ")[-1]: line.entries[0] for line in shifts["blur"].moves}
    assert moved["mean change of the probability of malignancy"].value == pytest.approx(0.1 / 4)
    assert moved["mean change of the probability of malignancy"].n == 2 * NUM
    assert shifts["gamma"].moves[2].entries[0].value == 0.5


def test_exams_that_lose_their_views_are_left_out_and_a_change_without_an_exam_too(shifts):
    found = shifts
    assert found["without MLO"].num_exams == 10 and "without CC" not in found
    assert set(found) == {c.name for c in CHANGES} - {"without CC"}


def test_the_page_and_the_values_hold_every_change(shifts):
    found = list(shifts.values())
    page = page_markdown(Page("t", ("reader",), (), (), (robustness_section(found),)))
    assert all(s.change.words in page for s in found)
    values = robustness_json(found)
    assert [v["change"] for v in values] == [s.change.name for s in found]
    assert values[0]["differences"][0]["interval"] is not None


def test_a_reader_is_read_again_with_every_change_and_only_once(model, lab, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr(robustness, "CHANGES", (CHANGES[0], CHANGES[-1]))  # reading takes its time
    request = Request(lab, "train", (model,), num_draws=100, robustness=1)
    read: list[None] = []
    first = measure(request, tmp_path, lambda: read.append(None))
    assert len(read) == 3 + 1 * (2 + 1)
    assert [s["change"] for s in first.values["robustness"]] == ["noise", "without MLO"]
    assert all(s["exams"] == 1 for s in first.values["robustness"])
    moved = [m["candidates"][0]["value"] for s in first.values["robustness"] for m in s["moves"]]
    assert np.any(np.array(moved, dtype=float) > 0)
    assert "Robustness" in [s.title for s in first.page.sections]
    read.clear()
    measure(request, tmp_path, lambda: read.append(None))
    assert read == []
    with pytest.raises(InputError, match="--model"):
        replace(request, models=(), predictions=(tmp_path,))
