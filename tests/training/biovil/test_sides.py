"""Steps whose pairs are of one side."""

import numpy as np
import pytest

from mammoscribe.support.errors import InputError, InvalidNoun
from mammoscribe.training.biovil.recipe import biovil_t
from mammoscribe.training.biovil.sides import OfOneSide
from tests.training.biovil.lab import breast_lab, chest_lab

pytest.importorskip("accelerate")
NEW = {"task.text.preset": "debug", "joint_dim": "16", "task.one_side": "true", "device": "cpu", "precision": "fp32"}


def test_each_item_comes_once_and_each_full_step_has_one_side():
    sides = [*"R" * 11, *"L" * 7]
    order = OfOneSide(sides, 4)
    first, second = order(np.random.default_rng(0)), order(np.random.default_rng(1))
    assert sorted(first.tolist()) == list(range(18)) and first.tolist() != second.tolist()
    steps = [{sides[n] for n in first[at : at + 4]} for at in range(0, 12, 4)]
    assert all(len(step) == 1 for step in steps) and {"R"} in steps and {"L"} in steps


def test_a_group_of_none_is_refused():
    with pytest.raises(InvalidNoun):
        OfOneSide(["R"], 0)


def test_the_pairs_of_a_run_on_mammograms_are_of_one_side_at_each_step(tmp_path):
    run = biovil_t([breast_lab(tmp_path, 6)]).with_set({**NEW, "batch": "4"})
    (source,) = run.task.build(run).sources.values()
    order = source.order(np.random.default_rng(0))
    for at in range(0, len(order) // 8 * 8 - 8, 4):
        words = [source.items[n].text.words(np.random.default_rng(0)) for n in order[at : at + 4]]
        # the texts of this lab tell of a mass at the right and of calcifications at the left
        assert len({"mass" in text for text in words}) == 1


def test_pictures_that_have_no_side_are_one_sentence(tmp_path):
    run = biovil_t([chest_lab(tmp_path, 6)]).with_set(NEW)
    with pytest.raises(InputError, match=r"one_side for .* whose pictures are of both sides"):
        run.task.build(run)
