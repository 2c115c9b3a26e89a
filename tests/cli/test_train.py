"""`mammoscribe train`: the recipes are listed, shown, and refuse what they cannot train on."""

import pytest

from mammoscribe.cli.train import RECIPES


def test_every_recipe_that_is_listed_can_be_trained_and_the_other_way_round(run):
    from mammoscribe.training.recipe_list import RECIPES as FUNCTIONS

    assert set(RECIPES) == set(FUNCTIONS)
    shown = run("train", "list")
    assert shown.exit_code == 0
    assert all(f"{name}: " in shown.stdout for name in RECIPES)


@pytest.mark.parametrize("recipe", ["crop-refiner", "calcifications"])
def test_a_recipe_says_what_it_needs_and_what_to_expect(run, recipe):
    shown = run("train", "show", recipe).stdout
    assert "Hardware and time" in shown and "Expected" in shown and "data prepare --as" in shown


@pytest.mark.parametrize("recipe", ["crop-refiner", "calcifications"])
def test_without_data_nothing_begins(run, recipe, tmp_path):
    shown = run("train", recipe, "--out", tmp_path / "run")
    assert shown.exit_code == 2
    assert "no data to train on" in shown.stderr and not (tmp_path / "run").exists()
