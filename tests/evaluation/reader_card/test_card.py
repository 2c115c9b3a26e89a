"""The card of readers: joined outputs, lines with n and interval, two systems compared, groups, files."""

import json

import numpy as np
import pytest

from mammoscribe.evaluation.card_writers import write_card_files
from mammoscribe.evaluation.labelled_exams import LabelledBreast, age_band
from mammoscribe.evaluation.outputs.exam_output import BreastOutput
from mammoscribe.evaluation.reader_card.card import Threshold, make_card
from mammoscribe.evaluation.reader_card.card_files import card_json, card_page
from mammoscribe.evaluation.reader_card.cases import Case, join
from mammoscribe.support.errors import InputError
from tests.evaluation.reader_card.made import MASS, exam, mark, mass, output, system

AUC = "malignant breast: AUC"
BOX, FAR = (10, 10, 30, 30), (60, 60, 80, 80)


def made(skill: float, seed: int, num: int = 40) -> list[Case]:
    """Exams with labels of all kinds, and outputs whose probabilities rank as well as `skill` says."""
    rng = np.random.default_rng(seed)
    cases = []
    for i in range(num):
        ill = i % 3 == 0
        right = LabelledBreast(ill, ill, "abcd"[i % 4], "4" if ill else "1")
        left = LabelledBreast(False, False, "abcd"[i % 4], "1")
        prob = [float(1 / (1 + np.exp(-rng.normal(skill * y - 1, 1)))) for y in (ill, False)]
        probs = tuple(np.eye(4)[i % 4] * 0.6 + 0.1)
        given = [
            BreastOutput(round(p, 4), "abcd"[(i + (i % 5 == 0)) % 4], probs, "4" if p > 0.5 else "2") for p in prob
        ]
        marks = [mark("R_CC", BOX, 0.4 + 0.01 * i)] if ill else [mark("L_CC", FAR, 0.3 + 0.01 * i, stated=i % 2 == 0)]
        truth = (mass("m", "R_CC", BOX, 1.0),) if ill else ()
        labels = exam(i, right, left, patient_id=f"p{i // 2}", truth=truth, boxed=frozenset({MASS}),
                      groups={"machine": str(i % 2)})  # fmt: skip
        cases.append(Case(labels, output(i, *given, *marks)))
    return cases


def card_of(*systems: tuple[str, list[Case]], **more):
    outputs = [system(*s) for s in systems]
    joined = join([c.labels for c in systems[0][1]], {o.name: o.exams for o in outputs})
    return make_card("made", "test", True, outputs, joined, 100, **more)


def test_every_figure_has_its_n_prevalence_and_interval():
    card = card_of(("m", made(1.0, 0)))
    lines = {line.figure.name: line for line in card.lines}
    entry = lines[AUC].entries[0]
    assert (entry.n, entry.positives, card.num_patients) == (80, 14, 20)
    assert entry.interval is not None and entry.interval.low < entry.value < entry.interval.high
    assert entry.detectable > 0
    assert all(line.entries[0].n > 0 for line in card.lines)
    assert len(lines) == len(card.lines)
    groups = {line.figure.group for line in card.lines}
    assert groups == {"Malignancy", "Recall", "Density", "BI-RADS category", "Findings"}


def test_exams_of_one_patient_are_drawn_together():
    """Twins of every exam under one patient double the n and leave the interval as wide."""
    once = [Case(c.labels, c.output) for c in made(1.0, 0)]
    twice = [
        Case(
            exam(i, *c.labels.breasts.values(), patient_id=c.labels.patient_id, exam_id=f"e{i}"),
            output(i, *c.output.breasts.values()),
        )
        for i, c in enumerate([c for c in once for _ in range(2)])
    ]
    alone = [
        Case(exam(i, *c.labels.breasts.values(), patient_id=f"p{i}"), c.output)
        for i, c in enumerate(twice)
    ]  # fmt: skip

    def width(cases):
        line = next(line for line in card_of(("m", cases)).lines if line.figure.name == AUC)
        ends = line.entries[0].interval
        assert ends is not None
        return ends.high - ends.low

    assert width(twice) == pytest.approx(width(once), rel=0.25)
    assert width(alone) < 0.85 * width(twice)


def test_two_systems_are_compared_on_the_same_draws():
    card = card_of(("good", made(4.0, 0)), ("poor", made(0.0, 1)))
    lines = {line.figure.name: line for line in card.lines}
    difference = next(d for d in card.differences if d.figure.name == AUC)
    assert difference.value == pytest.approx(lines[AUC].entries[0].value - lines[AUC].entries[1].value)
    assert difference.interval is not None and difference.interval.low > 0
    assert difference.p <= difference.p_holm
    same = card_of(("a", made(1.0, 0)), ("b", made(1.0, 0)))
    assert all(d.value == 0 and d.p == 1 for d in same.differences)


def test_a_figure_that_one_system_lacks_is_not_compared():
    cases = made(1.0, 0)
    tabled = [Case(c.labels, output(i, *c.output.breasts.values(), views=None)) for i, c in enumerate(cases)]
    card = card_of(("whole", cases), ("table", tabled))
    found = next(line for line in card.lines if line.figure.name.startswith("mass: found at 0.5"))
    assert found.entries[0].n == 14 and np.isnan(found.entries[1].value)
    assert found.figure.name not in {d.figure.name for d in card.differences}


def test_a_threshold_gives_decisions_and_says_where_it_was_fixed():
    card = card_of(("m", made(1.0, 0)), threshold=Threshold(0.4, "val: specificity 0.9"))
    assert any(line.figure.name == "malignant breast, called from 0.4: sensitivity" for line in card.lines)
    assert "fixed on val: specificity 0.9" in str([s.text for s in card_page(card).sections])


def test_the_files_hold_figures_groups_and_curves(tmp_path):
    card = card_of(("a|b", made(1.0, 0)), ("c", made(0.5, 1)))
    paths = write_card_files(card_json(card), card_page(card), tmp_path)
    stored = json.loads(paths[0].read_text())
    assert [f["name"] for f in stored["figures"]] == [line.figure.name for line in card.lines]
    assert stored["figures"][0]["candidates"][0]["prevalence"] == pytest.approx(14 / 80)
    assert {g["property"] for g in stored["groups"]} == {"density", "machine"}
    curve = stored["curves"][0]
    assert curve["roc"]["true_positive_rate"][-1] == 1
    assert sum(b["n"] for b in curve["reliability"]) == 80
    assert curve["froc mass"]["lesions"] == 14
    assert sum(map(sum, stored["confusion"][0]["Density"])) == 80
    page, html = paths[1].read_text(), paths[2].read_text()
    for text in (page, html):
        assert AUC in text and "machine: 0" in text and "detectable" in text
    assert html.count("<svg") == 8  # ROC, reliability, coverage, FROC and groups of each system
    assert "http://" not in html.replace("http://www.w3.org/2000/svg", "")


# --- joining ------------------------------------------------------------------------------------------------------


def test_a_missing_output_is_named_and_left_out_only_on_request():
    cases = made(1.0, 0, 6)
    outputs = {c.output.exam_id: c.output for c in cases[1:]}
    with pytest.raises(InputError, match=r"1 of 6 exams .* \(e0\)"):
        join([c.labels for c in cases], {"m": outputs})
    joined = join([c.labels for c in cases], {"m": outputs}, common_only=True)
    assert (joined.missing, len(joined.labels)) == (("e0",), 5)


def test_an_exam_that_could_not_be_read_is_left_out_and_noted():
    cases = made(1.0, 0)
    broken = [Case(c.labels, output(i, *c.output.breasts.values(), problem="damaged" if i == 3 else ""))
              for i, c in enumerate(cases)]  # fmt: skip
    card = card_of(("m", broken))
    assert card.joined.unreadable == ("e3",)
    assert any("1 exams were left out, as they could not be read (e3)" in note for note in card.notes)


def test_no_label_that_can_be_measured_is_refused():
    cases = [Case(exam(0, LabelledBreast(), LabelledBreast()), output(0, BreastOutput(0.5), BreastOutput()))]
    with pytest.raises(InputError, match="no label of made, test"):
        card_of(("m", cases))


@pytest.mark.parametrize(("age", "band"), [(None, None), (49.9, "under 50"), (50, "50 to 59"), (88, "70 and over")])
def test_ages_fall_into_bands(age, band):
    assert age_band(age) == band
