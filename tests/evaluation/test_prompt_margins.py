"""The margin of a prompt set: where sensitivity and specificity meet, stated on exams that did not choose it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammoscribe.domain.view import Origin
from mammoscribe.evaluation.prompt_margins import LabelledScores, at_margin, balanced_margin, fix_margin
from mammoscribe.explain.zero_shot import PromptSet
from mammoscribe.support.errors import InputError, InvalidNoun

SIDES = PromptSet("light", ("bright place",), ("dark place",))


def drawn(first: int, gap: float = 1.0, exams: int = 60, seed: int = 0) -> LabelledScores:
    """Two pictures of each exam, of which every other exam shows it; differences are noise around -0.3, and a tenth of `gap` more."""
    rng = np.random.default_rng(seed + first)
    names = [f"e{first + i}" for i in range(exams) for _ in range(2)]
    present = [i % 2 == 0 for i in range(exams) for _ in range(2)]
    differences = rng.normal(-0.3, 0.1, 2 * exams) + 0.1 * gap * np.array(present)
    return LabelledScores(f"exams from {first}", tuple(differences.tolist()), tuple(present), tuple(names))


def counted(scores, truth, margin: float) -> tuple[float, float]:
    """Sensitivity and specificity by counting, one picture after the other."""
    with_it = [s >= margin for s, t in zip(scores, truth, strict=True) if t]
    without = [s < margin for s, t in zip(scores, truth, strict=True) if not t]
    return sum(with_it) / len(with_it), sum(without) / len(without)


@settings(deadline=None, max_examples=60)
@given(
    with_it=st.lists(st.integers(-4, 4), min_size=1, max_size=12),
    without=st.lists(st.integers(-6, 2), min_size=1, max_size=12),
)
def test_no_other_margin_brings_sensitivity_and_specificity_nearer_to_each_other(with_it, without):
    scores, truth = [*with_it, *without], [True] * len(with_it) + [False] * len(without)
    found = counted(scores, truth, balanced_margin(scores, truth))
    assert found == pytest.approx(at_margin(scores, truth, balanced_margin(scores, truth)))
    every = [counted(scores, truth, at / 2) for at in range(-14, 12)]
    least = min(abs(a - b) for a, b in every)
    assert abs(found[0] - found[1]) == pytest.approx(least)
    assert sum(found) == pytest.approx(max(a + b for a, b in every if abs(a - b) <= least + 1e-9))


def test_classes_that_are_apart_are_parted_half_way():
    assert balanced_margin([-3, -2, -1, -0.5], [False, False, True, True]) == -1.5


@pytest.mark.parametrize("truth", [[True, True], [False, False]])
def test_pictures_of_one_kind_fix_no_margin(truth):
    with pytest.raises(InputError, match="cases of one kind"):
        balanced_margin([0.1, 0.2], truth)


def test_sensitivity_and_specificity_are_those_of_the_exams_that_chose_nothing():
    fixing, measuring = drawn(0), drawn(1000, gap=0.2)
    found = fix_margin(SIDES, fixing, measuring, Origin.SYNTHETIC)
    assert (found.name, found.prompts_sha256) == ("light", SIDES.sha256)
    assert found.margin == pytest.approx(balanced_margin(fixing.scores, fixing.present), abs=1e-5)
    for part, figures in ((fixing, found.fixed), (measuring, found.measured)):
        expected = counted(part.scores, part.present, found.margin)
        assert (figures.sensitivity, figures.specificity) == pytest.approx(expected, abs=1e-5)
        assert (figures.population, figures.exams) == (part.population, 60)
        assert (figures.with_it, figures.without) == (60, 60)
        assert figures.auc_low < figures.auc < figures.auc_high
    assert found.fixed.better_than_chance


def test_differences_that_know_nothing_cannot_tell():
    assert not fix_margin(SIDES, drawn(0, gap=0.0), drawn(1000, gap=0.0), Origin.SYNTHETIC).can_tell
    assert fix_margin(SIDES, drawn(0), drawn(1000), Origin.SYNTHETIC).can_tell


def test_an_exam_in_both_parts_and_too_few_exams_are_refused():
    with pytest.raises(InputError, match="both fixes and measures"):
        fix_margin(SIDES, drawn(0), drawn(59), Origin.SYNTHETIC)
    with pytest.raises(InputError, match="9 exams with light among exams from 1000"):
        fix_margin(SIDES, drawn(0), drawn(1000, exams=18), Origin.SYNTHETIC)


@pytest.mark.parametrize("differences", [(0.1,), (0.1, float("nan"))])
def test_lists_that_do_not_fit_are_refused(differences):
    with pytest.raises(InvalidNoun):
        LabelledScores("exams", differences, (True, False), ("a", "b"))
