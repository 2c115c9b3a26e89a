"""The card: figures from sums, intervals over patients, an honest constant, two systems compared paired."""

import json
import math
import random
import re
from html import escape

import numpy as np
import pytest

from mammoscribe.evaluation.card_writers import page_markdown, write_card_files
from mammoscribe.evaluation.report_card.card import make_card
from mammoscribe.evaluation.report_card.card_files import card_json, card_page
from mammoscribe.evaluation.report_card.figures import FIGURES, Sums
from mammoscribe.evaluation.report_card.must_pass import OURS, margins, must_pass_rows, read_suite
from mammoscribe.evaluation.report_card.pairs import ReportPairs
from mammoscribe.evaluation.report_card.scoring import best_constants, score_all
from mammoscribe.support.errors import InputError

BY_NAME = {figure.name: figure for figure in FIGURES}
REPORTS = (
    "Right breast: spiculated mass at 10 o'clock. BI-RADS 4 right. ACR B.",
    "Left breast: grouped calcifications. BI-RADS 4 left. ACR C.",
    "Both breasts are normal. BI-RADS 1. ACR B.",
    "No mass or calcification in either breast. BI-RADS 1. ACR A.",
    "Left breast: oval mass in the upper outer quadrant. BI-RADS 2 left. ACR B.",
    "Right breast: architectural distortion. BI-RADS 5 right. ACR D.",
)


def pairs(candidates, references=REPORTS, patients=None):
    ids = tuple(f"e{i}" for i in range(len(references)))
    return ReportPairs(ids, patients or ids, tuple(references), tuple(candidates), patients is not None)


def sums_of(confusion, name):
    """Sums with these pairs of classes, all others 0."""
    classes = "abcd" if name == "density" else "0123456"
    keys = [f"{name} {t}{c}" for t in classes for c in f"{classes}-"]
    return Sums(keys, np.array([float(confusion.get(k.split()[1], 0)) for k in keys]))


def test_kappa_with_linear_weights_is_that_of_the_textbook_formula():
    s = sums_of({"aa": 5, "ab": 2, "bb": 7, "bd": 1, "cc": 3, "db": 1, "dd": 4, "c-": 3}, "density")
    observed = (2 * 1 + 1 * 2 + 1 * 2) / 23
    true, told = {"a": 7, "b": 8, "c": 3, "d": 5}, {"a": 5, "b": 10, "c": 3, "d": 5}
    chance = sum(true[t] * told[c] * abs("abcd".index(t) - "abcd".index(c)) for t in true for c in told) / 23**2
    assert float(BY_NAME["density kappa (linear weights)"].value(s)) == pytest.approx(1 - observed / chance)
    assert float(BY_NAME["density exact"].value(s)) == pytest.approx(19 / 26)
    assert float(BY_NAME["dense (c, d): sensitivity"].value(s)) == pytest.approx(7 / 11)


def test_kappa_with_quadratic_weights_leaves_out_what_is_not_ordinal():
    s = sums_of({"11": 4, "14": 1, "22": 3, "45": 2, "55": 2, "00": 9, "60": 1, "4-": 5}, "birads")
    observed = (9 * 1 + 1 * 2) / 12
    true, told = {1: 5, 2: 3, 4: 2, 5: 2}, {1: 4, 4: 1, 2: 3, 5: 4}
    chance = sum(true[t] * told[c] * (t - c) ** 2 for t in true for c in told) / 12**2
    kappa = BY_NAME["BI-RADS kappa (quadratic weights, 1 to 5)"]
    assert float(kappa.value(s)) == pytest.approx(1 - observed / chance)
    assert float(kappa.count(s)) == 12


def test_figures_of_the_category_count_a_missing_answer_as_wrong():
    s = sums_of({"44": 3, "42": 1, "4-": 1, "11": 4, "13": 1, "00": 1, "33": 1, "66": 1}, "birads")
    assert float(BY_NAME["BI-RADS exact (4A to 4C as 4)"].value(s)) == pytest.approx(10 / 13)
    assert float(BY_NAME["BI-RADS completeness"].value(s)) == pytest.approx(12 / 13)
    f1 = {"4": 2 * 3 / (5 + 3), "1": 2 * 4 / (5 + 4), "0": 1.0, "3": 2 / (1 + 2), "6": 1.0}
    assert float(BY_NAME["BI-RADS macro F1"].value(s)) == pytest.approx(sum(f1.values()) / 5)
    assert float(BY_NAME["recall (0, 4, 5 against 1, 2, 3): sensitivity"].value(s)) == pytest.approx(4 / 6)
    assert float(BY_NAME["recall (0, 4, 5 against 1, 2, 3): specificity"].value(s)) == pytest.approx(6 / 6)
    assert float(BY_NAME["recall (0, 3, 4, 5 against 1, 2): sensitivity"].value(s)) == pytest.approx(5 / 7)
    assert float(BY_NAME["recall (0, 3, 4, 5 against 1, 2): specificity"].value(s)) == pytest.approx(4 / 5)


def test_reports_without_findings_are_left_out_of_one_mean_and_count_as_one_in_the_other():
    card = make_card("r", [("c", pairs(REPORTS[:2] + REPORTS[2:4] + ("BI-RADS 2.", REPORTS[5])))], 100)
    lines = {line.figure.name: line.entries[0] for line in card.lines}
    assert lines["finding-set F1, mean of reports (none and none: 1)"].value == pytest.approx(5 / 6)
    assert lines["finding-set F1, reports without any left out"].value == pytest.approx(3 / 4)
    assert lines["finding-set F1, reports without any left out"].n == 4


def test_the_references_themselves_have_the_best_figures_and_an_interval_of_no_width():
    card = make_card("r", [("c", pairs(REPORTS))], 100)
    for line in card.lines:
        entry = line.entries[0]
        if not math.isnan(entry.value):
            best = {"CIDEr-D (coco-caption)": None}.get(line.figure.name, 1.0 if line.figure.higher_is_better else 0.0)
            assert best is None or entry.value == pytest.approx(best, abs=0.02), line.figure.name
    assert card.systems[0].copies == card.reference.distinct == 1


def test_an_interval_is_wider_where_exams_belong_to_few_patients():
    references = REPORTS * 10
    candidates = [r if i % 12 < 6 else "BI-RADS 1." for i, r in enumerate(references)]
    by_exam = make_card("r", [("c", pairs(candidates, references))], 300)
    patients = tuple(f"p{i // 6}" for i in range(len(references)))
    by_patient = make_card("r", [("c", pairs(candidates, references, patients))], 300)
    widths = []
    for card in (by_exam, by_patient):
        ends = next(line for line in card.lines if line.figure.name == OURS).entries[0].interval
        widths.append(ends.high - ends.low)
    assert widths[1] > 1.5 * widths[0]
    assert (by_exam.num_patients, by_patient.num_patients) == (60, 10)
    assert any("no patients were named" in note for note in by_exam.notes)
    assert not any("no patients were named" in note for note in by_patient.notes)


def test_the_best_constant_of_an_exam_is_chosen_on_the_others_and_is_never_its_own_report():
    references = ("a b c d", "a b c e", "x y z w")
    scored = score_all(references, [references])
    rouge_1 = BY_NAME["ROUGE-1 (F1, rouge-score, no stemmer)"]
    # exam 1 gets text 2 or 3, by their score on exams 2 and 3 (1.0 in sum each): the first of them, which scores 0.75
    # exam 2 likewise gets text 1 (0.75); exam 3 gets text 1 or 2, each scores 0
    assert best_constants(scored, [rouge_1]) == [pytest.approx((0.75 + 0.75 + 0) / 3)]


@pytest.mark.parametrize("seed", [6, 7, 9])
def test_the_best_constant_is_that_of_a_search_by_hand(seed):
    generator = random.Random(seed)
    references = [" ".join(generator.choices("abcdefg", k=generator.randrange(3, 12))) for _ in range(8)]

    def overlap(one, other):
        one, other = one.split(), other.split()
        return 2 * sum(min(one.count(w), other.count(w)) for w in set(one)) / (len(one) + len(other))

    total = 0.0
    for i, report in enumerate(references):
        others = [j for j in range(len(references)) if j != i]
        best = max(others, key=lambda k: sum(overlap(references[k], references[j]) for j in others))
        total += overlap(references[best], report)
    found = best_constants(score_all(references, [references]), [BY_NAME["ROUGE-1 (F1, rouge-score, no stemmer)"]])
    assert found == [pytest.approx(total / len(references))]


def test_a_text_that_another_exam_has_too_may_be_the_constant():
    scored = score_all(("a b", "a b", "a b", "c d"), [("a b",) * 4])
    assert best_constants(scored, [BY_NAME["ROUGE-1 (F1, rouge-score, no stemmer)"]]) == [pytest.approx(0.75)]


def test_where_no_constant_has_a_figure_the_own_report_is_still_not_taken():
    scored = score_all(("There is a mass in the right breast.", "Both breasts are normal."), [("", "")])
    # without exam 1 the figure is defined for its own report only, which comes first among the constants
    assert best_constants(scored, [BY_NAME["finding F1, pooled"]]) == [0.0]


def test_a_single_exam_has_no_constant():
    assert all(math.isnan(v) for v in best_constants(score_all(REPORTS[:1], [REPORTS[:1]])))


# --- signs of a wrong file ----------------------------------------------------------------------------------------

SIDES, KINDS = ("Right", "Left"), ("mass", "asymmetry", "architectural distortion", "calcifications")
VARIED = [
    f"{side} breast: {kind} at {hour} o'clock. BI-RADS {category} {side.lower()}."
    for hour, category in ((2, 0), (4, 4), (8, 5), (10, 2))
    for side in SIDES
    for kind in KINDS
]


def notes_of(candidates):
    card = make_card("r", [("c", pairs(candidates, VARIED))], 100)
    return " ".join((*card.notes, *card.faults))


def test_shuffled_ids_are_a_fault():
    assert "shuffled" not in notes_of(VARIED)
    shuffled = VARIED[:]
    random.Random(3).shuffle(shuffled)
    assert "ids may be shuffled" in notes_of(shuffled)


def test_exchanged_breasts_are_a_fault():
    exchanged = [r.replace("Right", "x").replace("Left", "Right").replace("x", "Left") for r in VARIED]
    assert "right and left exchanged" in notes_of(exchanged)
    assert "exchanged" not in notes_of(VARIED)


def test_texts_that_the_parser_cannot_read_are_remarked():
    note = "no fact was read from 100 % of the sentences"
    assert note in notes_of(["Brust links unauffaellig."] * len(VARIED))
    assert note not in notes_of(VARIED)


def test_a_single_exam_and_empty_candidates_have_a_card():
    card = make_card("r", [("c", pairs([""], REPORTS[:1]))], 100)
    values = {line.figure.name: line.entries[0].value for line in card.lines}
    assert values[OURS] == 0
    assert values["BLEU-4 (corpus, coco-caption)"] == pytest.approx(0, abs=1e-6)
    assert page_markdown(card_page(card))


def test_a_system_that_says_the_same_of_every_exam_is_not_called_shuffled():
    assert "shuffled" not in notes_of(["Both breasts are normal."] * len(VARIED))


# --- two systems --------------------------------------------------------------------------------------------------


def test_two_systems_are_compared_on_the_same_draws():
    references = REPORTS * 10
    good, bad = list(references), [r.replace("Right", "Left") if i % 3 else r for i, r in enumerate(references)]
    card = make_card("r", [("good", pairs(good, references)), ("bad", pairs(bad, references))], 300)
    lines = {line.figure.name: line for line in card.lines}
    difference = next(d for d in card.differences if d.figure.name == OURS)
    first, second = (e.value for e in lines[OURS].entries)
    assert difference.value == pytest.approx(first - second)
    assert difference.interval is not None
    assert 0 < difference.interval.low < difference.value < difference.interval.high
    assert difference.p < 0.01
    assert difference.p <= difference.p_holm


def test_a_system_does_not_differ_from_itself():
    card = make_card("r", [("one", pairs(REPORTS)), ("two", pairs(REPORTS))], 100)
    assert card.differences
    assert all(d.value == 0 and d.p == d.p_holm == 1 for d in card.differences)


def test_systems_of_different_exams_are_refused():
    with pytest.raises(InputError, match="different exams"):
        make_card("r", [("one", pairs(REPORTS)), ("two", pairs(REPORTS[:3], REPORTS[:3]))], 100)


# --- files --------------------------------------------------------------------------------------------------------


def test_the_files_hold_every_figure_with_its_n_and_the_same_for_the_same_texts(tmp_path):
    card = make_card("refs.csv", [("a|b.csv", pairs(REPORTS[::-1]))], 100)
    paths = write_card_files(card_json(card), card_page(card), tmp_path)
    stored = json.loads(paths[0].read_text())
    assert [f["name"] for f in stored["figures"]] == [f.name for f in FIGURES]
    kept = {"value", "n", "interval", "positives", "prevalence", "detectable"}
    assert all(kept == set(f["candidates"][0]) for f in stored["figures"])
    page = paths[1].read_text()
    html = paths[2].read_text()
    assert all(figure.name in page and escape(figure.name) in html for figure in FIGURES)
    assert "a/b.csv" in page
    assert "a|b.csv" in html
    # references by exam: B, C, B, A, B, D; the candidate has them in reverse: D, B, A, B, C, B
    assert stored["candidates"][0]["confusion"]["density"] == [
        [0, 1, 0, 0, 0], [1, 0, 1, 1, 0], [0, 1, 0, 0, 0], [0, 1, 0, 0, 0],
    ]  # fmt: skip
    assert re.search(r"\| b +\| 1 +\| 0 +\| 1 +\| 1 +\| 0 +\|", page)
    again = make_card("refs.csv", [("a|b.csv", pairs(REPORTS[::-1]))], 100)
    assert page_markdown(card_page(again)) == page


# --- the must-pass suite ------------------------------------------------------------------------------------------


def test_our_score_gets_every_pair_right():
    suite = read_suite()
    assert [pair for pair, margin in zip(suite, margins(suite)[OURS], strict=True) if margin <= 1e-9] == []


def test_the_suite_is_large_varied_and_without_repeats():
    suite = read_suite()
    assert len(suite) >= 120
    assert len({(p.reference, p.worse) for p in suite}) == len(suite)
    assert len({p.kind for p in suite}) >= 12
    assert all(p.better != p.reference != p.worse for p in suite)


def test_pass_rates_tell_scores_apart():
    rates = {row[0]: float(row[4]) for row in must_pass_rows(read_suite())}
    assert rates[OURS] == 1.0
    assert rates["BLEU-4 (corpus, coco-caption)"] < 0.5
