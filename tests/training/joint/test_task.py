"""The joint space on the engine: a reader gets a text side that `ground` and `match` take, and is otherwise unchanged."""

import json
from dataclasses import asdict, replace

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from benchmarks.engine_processes import in_ranks
from mammoscribe.explain.grounding import ground
from mammoscribe.models.reader.loading import load_reader
from mammoscribe.models.reader.space import load_starter_space
from mammoscribe.support.errors import InputError
from mammoscribe.training.engine.train import train
from mammoscribe.training.joint.recipe import joint_space
from mammoscribe.training.joint.task import JointSettings
from tests.models.tiny_space import mammogram
from tests.training.joint.made import drawn_lab, small_model
from tests.training.reader.lab import labelled_lab
from tests.training.stopped import check_that_it_goes_on_exactly

pytest.importorskip("accelerate")
FAST = {
    "preset": "debug", "steps": "24", "precision": "fp32", "execution.device": "cpu", "batch": "4",
    "learning_rate": "5e-3", "checkpoint_every": "8", "validate_every": "24",
}  # fmt: skip
TIMED = ("seconds", "items_per_s", "memory_mb")


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    return drawn_lab(tmp_path_factory.mktemp("lab"))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return small_model(tmp_path_factory.mktemp("model") / "small")


@pytest.fixture(scope="module")
def whole(lab, model, tmp_path_factory):
    """A run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("joint") / "run"
    assert train(joint_space([lab], model).with_set(FAST), folder).finished
    return folder


def rows(folder):
    found = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in row.items() if name not in TIMED} for row in found]


def test_a_short_run_learns(whole):
    steps = [r for r in rows(whole) if "rate" in r]
    assert not any(r["skipped"] for r in steps)
    for name in ("loss/total", "loss/pointing"):
        first, last = (sum(r[name] for r in part) for part in (steps[:5], steps[-5:]))
        assert last < 0.85 * first, name
    (figures,) = [r for r in rows(whole) if "val/score" in r]
    assert 0 <= figures["val/pointing/chance"] < 0.2
    assert {"val/pointing", "val/retrieval/r@1", "val/retrieval/r@10", "val/retrieval/chance"} <= figures.keys()


def test_a_run_that_was_stopped_goes_on_exactly(whole, lab, model, tmp_path):
    check_that_it_goes_on_exactly(joint_space([lab], model).with_set(FAST), whole, tmp_path, 13)


def test_the_model_folder_is_the_reader_with_a_text_side(whole, model, tmp_path):
    before, after = load_reader(str(model)), load_reader(str(whole / "model"))
    assert after.phrases is not None and after.head is not None and before.phrases is None
    for part in ("reader", "films"):
        one, other = before.parts[part].state_dict(), after.parts[part].state_dict()
        assert all(torch.equal(one[name], other[name]) for name in one)
    kept = ("config", "synthetic", "real", "patches", "looks", "decoder", "name")
    assert all(asdict(after.card)[n] == asdict(before.card)[n] for n in kept)
    assert after.card.trained_on == "nothing; joint space: phantom"
    assert after.card.version == f"1+{after.card.weights_sha256[:8]}"
    trained = load_file(whole / "checkpoints" / "step-00000024" / "weights.safetensors")
    stored = after.phrases.state_dict()["head.0.weight"]
    assert torch.equal(stored, trained["phrases.head.0.weight"].half().float())
    space = load_starter_space(str(whole / "model"), {"a.png": "RCC"})
    found = ground(space, space.prepare(mammogram(tmp_path / "a.png")), "irregular mass")
    assert -1 <= found.similarity <= 1


def test_a_text_side_is_gone_on_with_when_it_is_kept(whole, lab, tmp_path):
    run = joint_space([lab], whole).with_set({**FAST, "preset": "kept", "steps": "1", "learning_rate": "1e-30"})
    train(run, tmp_path)
    before, after = load_reader(str(whole / "model")), load_reader(str(tmp_path / "model"))
    assert before.phrases is not None and after.phrases is not None
    one, other = before.phrases.state_dict(), after.phrases.state_dict()
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert after.card.trained_on.count("joint space") == 2
    about = json.loads((tmp_path / "run.json").read_text())
    assert about["init"] == before.card.weights_sha256


def test_what_is_missing_is_named(lab, model, tmp_path):
    with pytest.raises(InputError, match="no data to train on"):
        joint_space([], model)
    with pytest.raises(InputError, match="no model 'nowhere'"):
        joint_space([lab], tmp_path.__class__("nowhere"))
    with pytest.raises(InputError, match="has no text side"):
        train(joint_space([lab], model).with_set({**FAST, "preset": "kept"}), tmp_path / "run")
    with pytest.raises(InputError, match="upper and lower"):
        joint_space([lab], model).with_set({"flip_chance": "0.5"})
    with pytest.raises(InputError, match="larg"):
        joint_space([lab], model).with_set({"preset": "larg"})


class WithoutDropout(JointSettings):
    """The task without noise in the network, which differs from process to process."""

    def build(self, run):
        task = super().build(run)
        for module in task.modules["phrases"].modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
            if isinstance(module, nn.MultiheadAttention):
                module.dropout = 0.0
        return task


def _trained(run, folder):
    return train(run, folder).exit_code


def test_two_processes_train_as_one(lab, model, tmp_path):
    run = joint_space([lab], model)
    run = replace(run, task=WithoutDropout()).with_set({**FAST, "steps": "3", "validate_every": "3"})
    assert in_ranks(2, tmp_path, _trained, run, tmp_path / "two") == [0, 0]
    assert train(run, tmp_path / "one").finished
    for one, two in zip(rows(tmp_path / "one"), rows(tmp_path / "two"), strict=True):
        assert one == pytest.approx(two, abs=2e-4)


def test_labels_of_breasts_alone_train_a_space_too(model, tmp_path):
    run = joint_space([labelled_lab(tmp_path)], model).with_set({**FAST, "steps": "2"})
    assert train(run, tmp_path / "run").finished
    steps = [r for r in rows(tmp_path / "run") if "rate" in r]
    assert all("loss/pointing" not in r and r["loss/global_images"] > 0 for r in steps)
