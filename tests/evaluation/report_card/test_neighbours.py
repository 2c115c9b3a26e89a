"""Nearest neighbour's report, reports of others, and training reports that must not be scored."""

import numpy as np
import pytest

from mammoscribe.data.report_files import StoredReport
from mammoscribe.evaluation.report_card.card import NEIGHBOUR, OTHER, make_card, reports_of_others
from mammoscribe.evaluation.report_card.neighbours import neighbour_reports, train_faults
from mammoscribe.evaluation.report_card.pairs import ReportPairs
from mammoscribe.support.errors import InputError

TEXTS = ("Right breast: mass. BI-RADS 4 right.", "No mass. BI-RADS 1.", "Left breast: mass. BI-RADS 4 left.")
PAIRS = ReportPairs(("a", "b", "c"), ("p1", "p1", "p2"), TEXTS, TEXTS, True)
TRAIN = {
    "t1": StoredReport("t1", "Right breast: mass.", "q1"), "t2": StoredReport("t2", "Normal.", "q2"),
    "t3": StoredReport("t3", "Other.", None),
}  # fmt: skip


def test_the_neighbour_is_the_training_exam_whose_pictures_point_the_same_way():
    ids = ("a/1", "a/2", "b", "t1", "t2", "t3", "unknown")
    features = np.array([[5, 1], [5, -1], [0, 2], [0.1, 0], [0, 9], [-1, -1], [1, 1]], dtype=np.float32)
    assert neighbour_reports(PAIRS, TRAIN, ids, features) == ["Right breast: mass.", "Normal.", None]


def test_an_exam_of_the_same_patient_is_no_neighbour():
    train = {**TRAIN, "t1": StoredReport("t1", "Right breast: mass.", "p1")}
    found = neighbour_reports(PAIRS, train, ("a", "t1", "t2"), np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32))
    assert found[0] == "Normal."


def test_a_feature_set_of_other_exams_is_refused():
    with pytest.raises(InputError, match="pictures of 0 scored"):
        neighbour_reports(PAIRS, TRAIN, ("x", "t1"), np.eye(2, dtype=np.float32))


def test_scored_exams_and_patients_among_the_training_reports_are_faults():
    assert train_faults(PAIRS, TRAIN) == []
    assert "1 of the scored exams" in train_faults(PAIRS, {"b": StoredReport("b", "x")})[0]
    assert "1 patients" in train_faults(PAIRS, {"t": StoredReport("t", "x", "p2")})[0]


def test_another_exams_report_is_of_another_patient():
    assert reports_of_others(PAIRS) == [TEXTS[2], TEXTS[2], TEXTS[0]]
    alone = ReportPairs(("a", "b"), ("p", "p"), TEXTS[:2], TEXTS[:2], True)
    assert reports_of_others(alone) == [None, None]


def test_baselines_are_scored_as_a_system_with_these_texts_would_be():
    neighbours = [TEXTS[0], TEXTS[0], TEXTS[2]]
    card = make_card("r", [("c", PAIRS)], 100, neighbours=neighbours)
    as_system = make_card("r", [("n", ReportPairs(PAIRS.ids, PAIRS.patients, TEXTS, tuple(neighbours), True))], 100)
    for line, other in zip(card.lines, as_system.lines, strict=True):
        assert dict(line.baselines)[NEIGHBOUR] == pytest.approx(other.entries[0].value, nan_ok=True)
    assert NEIGHBOUR not in dict(as_system.lines[0].baselines)
    assert OTHER in dict(as_system.lines[0].baselines)
