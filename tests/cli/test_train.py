"""`train`: which recipes there are, what they say of themselves, and what is refused before anything is written."""

import json

import pytest

from mammoscribe.cli.train import RECIPES
from mammoscribe.training.recipe_list import RECIPES as FUNCTIONS
from tests.models.tiny_space import mammogram
from tests.training.joint.made import drawn_lab, small_model


def test_every_recipe_is_listed_and_says_its_hardware_time_and_figure(run):
    shown = run("train", "list")
    assert [line.split(":")[0] for line in shown.stdout.splitlines()] == list(RECIPES) == list(FUNCTIONS)
    for name in FUNCTIONS:
        words = run("train", "show", name).stdout
        assert "Hardware and time" in words and "Expected" in words
        assert "Args:" not in words and not any(line.startswith("    ") for line in words.splitlines())


def test_fields_are_shown_with_the_reader_whose_part_is_trained(run):
    shown = run("train", "show", "decoder", "--init", "starter", "--set", "task.memory_noise=0.2")
    assert shown.exit_code == 0, shown.output
    fields = json.loads(shown.stdout[shown.stdout.index("\n{") :])
    assert fields["task"]["memory_noise"] == 0.2 and fields["recipe"] == "decoder"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["joint-space"], "no data to train on"),
        (["joint-space", "--data", "prepared", "--init", "nowhere"], "no model 'nowhere'"),
        (["decoder", "--data", "prepared"], "--data, which the decoder does not use"),
        (["decoder", "--init", "nowhere"], "no model 'nowhere'"),
        (["decoder", "--set", "task.held_outs=3"], "held_out"),
        (["decoder", "--set", "task.preset=strater"], "starter"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_leaves_nothing(run, tmp_path, arguments, words, monkeypatch):
    from mammoscribe.training.joint import recipe

    if "--data" in arguments:  # a folder that is not there
        monkeypatch.setattr(recipe, "named", lambda data: dict.fromkeys(map(str, data), data))
    shown = run("train", *arguments, "--out", tmp_path / "run")
    assert shown.exit_code == 2
    assert words in shown.stderr and "Traceback" not in shown.output
    assert not (tmp_path / "run").exists()


def test_a_reader_gets_a_text_side_and_a_decoder_that_the_other_commands_use(run, tmp_path):
    pytest.importorskip("accelerate")
    lab, reader = drawn_lab(tmp_path / "lab"), small_model(tmp_path / "reader")
    fast = ("--device", "cpu", "--set", "task.preset=debug", "--set", "steps=2")

    def done(*arguments: object) -> str:
        shown = run(*arguments)
        assert shown.exit_code == 0, shown.output
        return shown.output

    joint, both = tmp_path / "joint", tmp_path / "both"
    done("train", "joint-space", "--init", reader, "--data", lab, "--out", joint, "--set", "batch=4", *fast)
    done("train", "decoder", "--init", joint, "--out", both, "--set", "held_out=1", "--set", "batch=2", *fast)
    picture = mammogram(tmp_path / "RCC.png")
    done("ground", picture, "oval mass", "--model", both / "model", "--out", tmp_path / "grounding")
    record = json.loads((tmp_path / "grounding" / "grounding.json").read_text())
    assert record["phrase"] == "oval mass" and record["model"].startswith("small 1+")
    done(
        "read", picture, "--model", both / "model", "--writer", "decoder", "--out", tmp_path / "out", "--format", "json"
    )
    assert json.loads((tmp_path / "out" / "report.json").read_text())["provenance"]
    again = done("train", "decoder", "--init", joint, "--out", both, "--set", "held_out=1", "--set", "batch=2", *fast)
    assert "goes on from step 2" in again


@pytest.mark.parametrize("recipe", ["crop-refiner", "calcifications", "text-mlm", "text-sections"])
def test_without_data_nothing_begins(run, recipe, tmp_path):
    shown = run("train", recipe, "--out", tmp_path / "run")
    assert shown.exit_code == 2
    assert "no data to train on" in shown.stderr and not (tmp_path / "run").exists()
