"""Reliability counts what was stated, on exams that chose nothing of the point they are read at."""

from dataclasses import replace

from mammoscribe.training.calibration.point import neutral
from mammoscribe.training.calibration.reliability import Statements, reliability
from mammoscribe.training.reader.samples import BreastLabels
from tests.training.calibration.made import MASS, lesion, mark, seen

EXAMS = [
    seen(
        f"p{i}", [mark(100 if i % 3 else 600, 0.9), mark(800, 0.4)], [lesion("t", 100)],
        right=BreastLabels(density=i % 2), density=(1, 0, 0, 0),
    )
    for i in range(30)
]  # fmt: skip


def test_every_exam_is_read_at_a_point_that_other_patients_fixed():
    asked = []

    def fixed(exams):
        asked.append({e.patient_id for e in exams})
        return neutral()

    lines = reliability(EXAMS, fixed, "made exams")
    everybody = {e.patient_id for e in EXAMS}
    left_out = [everybody - others for others in asked]
    assert set().union(*left_out) == everybody and sum(map(len, left_out)) == len(everybody)
    assert lines[0].startswith("mass: 20 of 30 such sentences were right (95 % interval ")
    assert "measured on the made exams" in lines[0] and "chosen on the others" in lines[0]


def test_exams_of_one_patient_are_never_on_both_sides():
    twins = [replace(e, patient_id=f"p{i // 2}") for i, e in enumerate(EXAMS)]
    seen_by: list[set[str]] = []
    reliability(twins, lambda exams: seen_by.append({e.patient_id for e in exams}) or neutral(), "made")
    parts = [{e.patient_id for e in twins} - others for others in seen_by]
    assert sum(map(len, parts)) == 15


def test_marks_of_any_kind_and_letters_are_counted_beside_the_kinds():
    statements = Statements()
    statements.add(EXAMS, neutral())
    lines = statements.lines("made exams")
    assert "marks of any kind: 20 of 30 lesions found with 0.17 false marks a view in 60 views" in lines[1]
    assert lines[-1].startswith("density: 15 of 30 letters were right")


def test_what_has_no_boxes_and_no_labels_is_not_spoken_of():
    statements = Statements()
    statements.add([seen("e", [mark(100, 0.9)], boxed=frozenset())], neutral())
    assert statements.lines("made") == ()
    assert statements.named[MASS] == 0


def test_breasts_in_which_nothing_was_found_are_counted_with_those_that_had_cancer():
    def breasts(count, score, malignant):
        return [
            seen(
                f"{score}{malignant}{i}", [mark(100, score)], boxed=frozenset(), right=BreastLabels(malignant=malignant)
            )
            for i in range(count)
        ]

    statements = Statements()
    statements.add([*breasts(30, 0.1, 0), *breasts(10, 0.9, 0), *breasts(2, 0.1, 1), *breasts(3, 0.9, 1)], neutral())
    (line,) = statements.lines("screened exams")
    assert line.startswith("nothing found: 2 of 32 such breasts had cancer (95 % interval ")
    assert (
        "5 of all 45 had; nothing was found in 30 of 40 breasts without cancer, measured on the screened exams" in line
    )


def test_boxed_exams_say_nothing_of_breasts_in_which_nothing_is_found():
    statements = Statements()
    statements.add([seen("e", right=BreastLabels(malignant=1)), seen("f", right=BreastLabels(malignant=0))], neutral())
    assert not statements.breasts
