"""Plans: what they may hold, when a bar is met, and that a plan after a look is seen."""

import hashlib

import pytest

from mammoscribe.evaluation.bootstrap import Interval
from mammoscribe.evaluation.comparison import Entry, Line
from mammoscribe.evaluation.plan import is_met, late_plan, looks_before, note_look, plan_section, read_plan
from mammoscribe.evaluation.reader_card.measures import Measure
from mammoscribe.support.errors import InputError

AUC, BRIER = "malignant breast: AUC", "malignant breast: Brier score"
TEXT = f"""title = "Ours on the test set"
endpoints = ["{AUC}"]
secondary = ["{BRIER}"]
split = "test"
specificity = 0.9

[bars]
"{AUC}" = 0.7
"""


def plan_of(tmp_path, text=TEXT, name="plan.toml"):
    (tmp_path / name).write_text(text)
    return read_plan(tmp_path / name)


def line(name: str, value: float, low: float, high: float, better: bool = True) -> Line:
    measure = Measure(name, "Malignancy", "breasts", 100, 10, higher_is_better=better)
    return Line(measure, (Entry(value, 100, Interval(low, high)),))


def test_a_plan_has_the_digest_of_its_file(tmp_path):
    plan = plan_of(tmp_path)
    assert plan.sha256 == hashlib.sha256(TEXT.encode()).hexdigest()
    assert (plan.endpoints, plan.secondary, dict(plan.bars)) == ((AUC,), (BRIER,), {AUC: 0.7})
    assert plan.options == {"split": "test", "specificity": 0.9}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("endpoints = []", "no endpoint"),
        ('title = "x"', "no endpoint"),
        ('endpoint = ["a"]', "endpoints"),
        ("endpoints = 3", "endpoints = 3"),
        ("endpoints = [3]", "that are none"),
        ('endpoints = ["a"]\ndraws = "many"', "draws"),
        ('endpoints = ["a"]\n[bars]\nb = 0.5', "endpoint of plan.toml"),
        ('endpoints = ["a"]\n[bars]\na = "high"', "that are none"),
        ("endpoints = [", "not TOML"),
    ],
)
def test_a_plan_that_cannot_be_is_one_sentence(tmp_path, text, words):
    with pytest.raises(InputError, match=words):
        plan_of(tmp_path, text)


def test_a_bar_is_met_by_the_worse_end_of_the_interval():
    assert is_met(line(AUC, 0.8, 0.71, 0.9), 0, 0.7)
    assert not is_met(line(AUC, 0.8, 0.69, 0.9), 0, 0.7)
    assert is_met(line(BRIER, 0.1, 0.05, 0.15, better=False), 0, 0.16)
    assert not is_met(line(BRIER, 0.1, 0.05, 0.17, better=False), 0, 0.16)


def test_the_card_says_which_bars_were_met_and_a_figure_that_is_not_there_is_refused(tmp_path):
    plan = plan_of(tmp_path)
    section = plan_section(plan, ["m"], [line(AUC, 0.8, 0.69, 0.9), line(BRIER, 0.1, 0.05, 0.15)], [], 1)
    assert [row[-2] for row in section.tables[0].rows] == ["no", ""]
    assert plan.sha256 in section.text
    with pytest.raises(InputError, match="Brier"):
        plan_section(plan, ["m"], [line(AUC, 0.8, 0.69, 0.9)], [], 1)


def test_a_plan_that_comes_after_a_look_is_seen(tmp_path):
    plan = plan_of(tmp_path)
    assert late_plan(plan, looks_before(tmp_path, ["o1"])) == []
    note_look(tmp_path, ["o1"], plan)
    assert late_plan(plan, looks_before(tmp_path, ["o1"])) == []  # the same plan again
    (sentence,) = late_plan(plan_of(tmp_path, TEXT + "\n", "other.toml"), looks_before(tmp_path, ["o1", "o2"]))
    assert "was not written before the look" in sentence
    assert looks_before(tmp_path, ["o2"]) == []
    note_look(tmp_path, ["o2"], None)
    assert len(late_plan(plan, looks_before(tmp_path, ["o2"]))) == 1


def test_a_damaged_list_of_looks_is_one_sentence(tmp_path):
    (tmp_path / "looks.jsonl").write_text("{\n")
    with pytest.raises(InputError, match=r"looks\.jsonl"):
        looks_before(tmp_path, ["o"])
