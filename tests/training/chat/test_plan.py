"""What a chat model needs is foreseen from its config.json: two layers and one more tell what all of them take."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("transformers")
pytest.importorskip("accelerate")

from mammoscribe.models.chat.shallow import stacks_of
from mammoscribe.support.errors import InputError
from mammoscribe.training.chat.recipe import chat
from mammoscribe.training.chat.task import ChatSettings
from mammoscribe.training.engine import footprint as measured
from mammoscribe.training.engine.footprint import footprint
from tests.models.tiny_chat import write_llava, write_qwen2_vl
from tests.models.tiny_families import write_gemma3, write_llama_vision
from tests.training.chat.lab import lab


def deepened(folder: Path, text: int, vision: int) -> Path:
    """The folder with a deeper model, and no weights."""
    config = json.loads((folder / "config.json").read_text())
    config["text_config"]["num_hidden_layers"] = text
    config["text_config"].pop("layer_types", None)
    config["vision_config"]["depth" if "depth" in config["vision_config"] else "num_hidden_layers"] = vision
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "model.safetensors").unlink()
    return folder


def run_of(folder: Path, root: Path, **fields: str):
    return chat([lab(root / "data", exams=4, texts=0)], folder).with_set({"batch": "4", "accumulate": "1", **fields})


@pytest.mark.parametrize(
    ("write", "checkpointing"),
    [(write_llava, "true"), (write_llava, "false"), (write_qwen2_vl, "true"), (write_gemma3, "true")],
)
def test_a_few_layers_tell_what_all_of_them_need(write, checkpointing, tmp_path):
    write(tmp_path / "model")
    run = run_of(deepened(tmp_path / "model", 6, 5), tmp_path, checkpointing=checkpointing)
    assert isinstance(run.task, ChatSettings)
    whole = measured._measured(
        replace(run, task=run.task.shallow(run.task.stacks(run))), measured.WIDE_FEW, measured.WIDE_BATCHES
    )
    found = footprint(run)
    assert found.weights == pytest.approx(whole.weights, rel=1e-4)  # Gemma has a table for each kind of attention
    assert (found.trained, found.optimiser, found.block) == (whole.trained, whole.optimiser, whole.block)
    assert found.activations({"train": 4}) == pytest.approx(whole.activations({"train": 4}), rel=0.05)
    assert found.of_step({"train": 4}) == pytest.approx(whole.of_step({"train": 4}), rel=0.01)


def test_layers_that_are_computed_again_keep_less_and_compute_more(tmp_path):
    write_llava(tmp_path / "model")
    folder = deepened(tmp_path / "model", 8, 2)
    again, kept = (footprint(run_of(folder, tmp_path, checkpointing=value)) for value in ("true", "false"))
    assert again.activations({"train": 4}) < kept.activations({"train": 4}) / 2
    assert again.of_step({"train": 4}) == pytest.approx(kept.of_step({"train": 4}) * 4 / 3, rel=0.01)


def test_a_folder_without_weights_is_planned_and_not_trained(tmp_path):
    write_llava(tmp_path / "model")
    run = run_of(deepened(tmp_path / "model", 2, 2), tmp_path)
    assert footprint(run).weights > 0
    with pytest.raises(InputError, match="no weights in"):
        run.task.build(run)


def test_a_family_whose_layers_differ_is_refused(tmp_path):
    write_llama_vision(tmp_path / "model")
    with pytest.raises(InputError, match=r"plan for llama-3\.2-vision"):
        stacks_of(tmp_path / "model")
