"""Figures of readers: values worked out by hand, on draws in which exams repeat."""

from dataclasses import replace

import numpy as np
import pytest

from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.view import Laterality
from mammoscribe.evaluation.classification import Weights
from mammoscribe.evaluation.labelled_exams import LabelledBreast
from mammoscribe.evaluation.outputs.exam_output import BreastOutput, OutputView
from mammoscribe.evaluation.reader_card.breast_measures import (
    breast_cases,
    category_given,
    category_shares,
    class_measures,
    confusion,
    decision_measures,
    density_cases,
    malignant,
    prob_malignant,
    recalled,
    score_measures,
)
from mammoscribe.evaluation.reader_card.cases import Case
from mammoscribe.evaluation.reader_card.mark_measures import kind_cases, mark_measures
from mammoscribe.evaluation.reader_card.measures import Measure, Rows
from tests.evaluation.reader_card.made import MASS, VIEWS, exam, mark, mass, output, scored

R, L = Laterality
NO, YES = LabelledBreast(malignant=False), LabelledBreast(malignant=True)


def values(measure_set, drawn) -> dict[str, float]:
    assert measure_set is not None
    return dict(zip([m.name for m in measure_set.measures], measure_set.values(np.array(drawn)), strict=True))


def test_rows_follow_a_draw_of_exams_with_repeats():
    rows = Rows([0, 0, 2, 2, 2], 4)
    assert rows.of(np.array([2, 0, 2, 1])).tolist() == [2, 3, 4, 0, 1, 2, 3, 4]
    assert rows.of(np.array([1, 3])).tolist() == []


def test_ranking_of_malignant_breasts_is_counted_over_pairs():
    cases = scored([(True, False), (False, False), (True, True)], [(0.9, 0.4), (0.5, 0.1), (0.45, 0.3)])
    c = breast_cases(cases, malignant, prob_malignant)
    found = score_measures("g", "malignant breast", c, probabilities=False)
    # positives .9 .45 .3; negatives .4 .5 .1: 3 + 2 + 1 of 9 pairs
    assert values(found, [0, 1, 2])["malignant breast: AUC"] == pytest.approx(6 / 9)
    # exam 0 twice and exam 1: positives .9 .9; negatives .4 .4 .5 .1
    assert values(found, [0, 0, 1])["malignant breast: AUC"] == 1.0
    assert np.isnan(values(found, [1, 1, 1])["malignant breast: AUC"])
    area = found.measures[0] if found else None
    assert isinstance(area, Measure) and (area.n, area.positives, dict(area.baselines)["chance"]) == (6, 3, 0.5)


def test_age_alone_is_a_baseline_where_ages_are_known():
    cases = [
        Case(exam(i, YES if i % 2 else NO, NO, age=50.0 + i), output(i, BreastOutput(0.5), BreastOutput(0.5)))
        for i in range(6)
    ]
    c = breast_cases(cases, malignant, prob_malignant)
    found = score_measures("g", "malignant breast", c, probabilities=True)
    ages, labels = np.repeat(np.arange(6), 2), np.array([0, 0, 1, 0] * 3)
    pairs = [(a > b) + 0.5 * (a == b) for a in ages[labels == 1] for b in ages[labels == 0]]
    by_name = {m.name: dict(m.baselines) for m in found.measures} if found else {}
    assert by_name["malignant breast: AUC"]["age alone"] == pytest.approx(np.mean(pairs))
    assert np.isnan(by_name["malignant breast: Brier score"]["age alone"])


def test_a_breast_without_an_answer_is_counted_and_not_measured():
    cases = [Case(exam(0, YES, NO), output(0, BreastOutput(0.5), BreastOutput()))]
    c = breast_cases(cases, malignant, prob_malignant)
    assert (len(c.labels), c.unanswered) == (1, 1)


def test_the_category_of_a_report_calls_back_or_not():
    answers = [BreastOutput(birads=b) for b in ("0", "4B", "5", "1", "2", "3", "6", None)]
    assert [recalled(a) for a in answers] == [1, 1, 1, 0, 0, 0, None, None]


def test_the_observed_share_of_malignant_breasts_is_given_for_each_category():
    given = [("4B", "1"), ("4B", "1"), ("0", "2"), ("5", "1")]
    cases = [
        Case(exam(i, NO if i == 1 else YES, NO), output(i, BreastOutput(birads=r), BreastOutput(birads=left)))
        for i, (r, left) in enumerate(given)
    ]
    found = category_shares("g", "malignant breast", breast_cases(cases, malignant, category_given))
    shares = values(found, [0, 1, 2, 3])
    assert shares == {
        f"malignant breast, given BI-RADS {c}: observed share (PPV)": share
        for c, share in (("0", 1.0), ("1", 0.0), ("2", 0.0), ("4B", 0.5), ("5", 1.0))
    }
    assert found is not None and [(m.n, m.positives) for m in found.measures] == [
        (1, 1),
        (3, 0),
        (1, 0),
        (2, 1),
        (1, 1),
    ]
    assert values(found, [0, 0, 1])["malignant breast, given BI-RADS 4B: observed share (PPV)"] == pytest.approx(2 / 3)
    assert category_shares("g", "m", breast_cases(cases[:0], malignant, category_given)) is None


def test_decisions_are_shares_of_the_right_cases():
    cases = scored([(True, False), (True, False), (False, False)], [(0.9, 0.6), (0.2, 0.1), (0.5, 0.4)])
    c = breast_cases(cases, malignant, prob_malignant)
    found = decision_measures("g", "d", c, 0.5)
    assert values(found, [0, 1, 2]) == {
        "d: sensitivity": 1 / 2, "d: specificity": 2 / 4, "d: positive predictive value": 1 / 3,
        "d: negative predictive value": 2 / 3,
    }  # fmt: skip
    assert values(found, [1])["d: sensitivity"] == 0
    assert np.isnan(values(found, [2])["d: sensitivity"])


def test_a_missing_density_is_wrong_and_has_a_column_of_its_own():
    letters = [("a", "a"), ("b", "c"), ("d", None), ("b", "b")]
    cases = [
        Case(exam(i, LabelledBreast(density=t), LabelledBreast()), output(i, BreastOutput(density=g), BreastOutput()))
        for i, (t, g) in enumerate(letters)
    ]
    c = density_cases(cases)
    found = class_measures("g", "density", c, 4, Weights.LINEAR)
    given = values(found, [0, 1, 2, 3])
    assert given["density: exact"] == 0.5
    # a-a, b-c, b-b: observed cost 1 / 3; true {a: 1, b: 2}, given {a: 1, b: 1, c: 1}: expected (0+1+2 + 2*(1+0+1)) / 9
    assert given["density: kappa (linear weights)"] == pytest.approx(1 - (1 / 3) / (7 / 9))
    assert confusion(c, 4) == [[1, 0, 0, 0, 0], [0, 1, 1, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 1]]


# --- marks --------------------------------------------------------------------------------------------------------

BOX, FAR = (10, 10, 30, 30), (60, 60, 80, 80)


def boxed(number: int, truth, *marks, views=None, **more) -> Case:
    """An exam of which every mass has a box."""
    labels = exam(number, NO, NO, truth=tuple(truth), boxed=frozenset({MASS}), **more)
    given = output(number, BreastOutput(), BreastOutput(), *marks)
    return Case(labels, given if views is None else output(number, BreastOutput(), BreastOutput(), *marks, views=views))


ELSEWHERE = "mass: marks a view on a labelled lesion of another kind, with a sentence in the report"


def figures(cases) -> dict[str, float]:
    found = mark_measures(kind_cases(cases, MASS), "g")
    return {name: v for s in found for name, v in values(s, range(len(cases))).items()}


def test_lesions_found_at_a_budget_of_false_marks_are_counted():
    cases = [
        boxed(0, [mass("m", "R_CC", BOX)], mark("R_CC", BOX, 0.9), mark("L_CC", FAR, 0.8)),
        boxed(1, [mass("m", "L_CC", BOX)], mark("L_CC", BOX, 0.5, stated=False), mark("R_CC", FAR, 0.7)),
    ]
    found = figures(cases)
    # 8 views: one false mark is 1/8 a view, two are 1/4; the second lesion needs both
    assert found["mass: found at 0.25 false marks a view, any threshold"] == 1.0
    assert found["mass: CPM (mean at 1/8 to 8 false marks a view)"] == pytest.approx((0.5 + 6 * 1.0) / 7)
    assert found["mass: found, with a sentence in the report"] == 0.5
    assert found["mass: false marks a view, with a sentence in the report"] == 2 / 8


def test_an_exam_whose_boxes_or_search_are_not_known_for_the_kind_is_not_counted():
    unsearched = {name: OutputView(*size, frozenset({FindingType.ASYMMETRY})) for name, size in VIEWS.items()}
    cases = [
        boxed(0, [mass("m", "R_CC", BOX)], views=unsearched),
        Case(exam(1, NO, NO, truth=(mass("m", "R_CC", BOX),)), output(1, BreastOutput(), BreastOutput())),
        boxed(2, [mass("m", "R_CC", BOX)], mark("R_CC", BOX, 0.9)),
    ]
    kind = kind_cases(cases, MASS)
    assert (kind.exams, kind.num_lesions, kind.num_views) == ((2,), 1, 4)


def test_a_lesion_in_a_view_that_was_not_read_is_missed():
    read = {name: OutputView(*size) for name, size in VIEWS.items() if name != "R_CC"}
    assert figures([boxed(0, [mass("m", "R_CC", BOX)], views=read)])["mass: found, with a sentence in the report"] == 0


def test_reports_without_weaker_marks_have_no_curve():
    case = boxed(0, [mass("m", "R_CC", BOX)], mark("R_CC", BOX, 0.9))
    shown = Case(case.labels, output(0, BreastOutput(), BreastOutput(), *case.output.marks, complete=False))
    assert set(figures([shown])) == {
        "mass: found, with a sentence in the report", "mass: false marks a view, with a sentence in the report",
        ELSEWHERE,
    }  # fmt: skip


def of_kind(kind: FindingType, name: str = "o"):
    """A true finding of a kind at `BOX` of the right CC view."""
    return replace(mass(name, "R_CC", BOX), type=kind)


@pytest.mark.parametrize("kind", [FindingType.ASYMMETRY, FindingType.DISTORTION])
def test_a_mass_mark_on_a_labelled_asymmetry_or_distortion_is_no_false_mark(kind):
    cases = [boxed(0, [mass("m", "L_CC", BOX), of_kind(kind)], mark("R_CC", BOX, 0.9), mark("L_CC", BOX, 0.5))]
    found = figures(cases)
    assert found["mass: false marks a view, with a sentence in the report"] == 0
    assert found[ELSEWHERE] == 1 / 4
    assert found["mass: CPM (mean at 1/8 to 8 false marks a view)"] == 1.0  # nothing false comes before the lesion
    assert found["mass: found, with a sentence in the report"] == 1.0


def test_a_mass_mark_on_calcifications_beside_or_again_on_the_mass_itself_is_false():
    truth = [mass("m", "R_CC", BOX), of_kind(FindingType.CALCIFICATION, "c")]
    both = [mass("m", "R_CC", BOX), of_kind(FindingType.ASYMMETRY, "a")]
    twice = (mark("R_CC", BOX, 0.9), mark("R_CC", BOX, 0.8))
    for cases, number in (
        ([boxed(0, truth[1:], mark("R_CC", BOX, 0.9)), boxed(1, [mass("m", "L_CC", BOX)])], 1 / 8),
        ([boxed(0, both, *twice)], 1 / 4),
        ([boxed(0, both, mark("R_CC", FAR, 0.9))], 1 / 4),
    ):
        found = figures(cases)
        assert (found["mass: false marks a view, with a sentence in the report"], found[ELSEWHERE]) == (number, 0)


def test_a_mark_of_calcifications_on_a_labelled_mass_is_false():
    calcification = FindingType.CALCIFICATION
    truth = (mass("m", "R_CC", BOX), replace(mass("c", "L_CC", BOX), type=calcification))
    labels = exam(0, NO, NO, truth=truth, boxed=frozenset({MASS, calcification}))
    wrong = replace(mark("R_CC", BOX, 0.9), kind=calcification)
    case = Case(labels, output(0, BreastOutput(), BreastOutput(), wrong))
    found = {n: v for s in mark_measures(kind_cases([case], calcification), "g") for n, v in values(s, [0]).items()}
    assert found["calcification: false marks a view, with a sentence in the report"] == 1 / 4
    assert found[ELSEWHERE.replace("mass", "calcification")] == 0
