"""Updates of low rank: what is trained, and that the folder written at the end holds their sum with the weights."""

import sys

import pytest
import torch
from safetensors.torch import load_file

from mammoscribe.models.chat.chat_model import load_chat_model
from mammoscribe.models.chat.four_bits import FourBitLinear
from mammoscribe.models.chat.lora import Lora, add_updates, with_updates
from mammoscribe.support.errors import InputError, InvalidNoun, MissingExtra
from mammoscribe.training.chat.recipe import chat
from mammoscribe.training.engine.train import train
from tests.models.tiny_chat import write_llava, write_qwen2_vl
from tests.training.chat.lab import lab
from tests.training.chat.test_task import CLASSES, QUICK

SMALL = {
    **QUICK,
    "steps": "3",
    "trained": "lora",
    "task.lora.rank": "4",
    "task.lora.alpha": "8",
    "learning_rate": "1e-2",
}


def test_updates_are_added_to_the_weights_beside_them_and_to_no_other():
    down, up, weight, bias = torch.randn(2, 5), torch.randn(3, 2), torch.randn(3, 5), torch.randn(3)
    tensors = {
        "a.q.base_layer.weight": weight, "a.q.base_layer.bias": bias, "a.q.lora_A.default.weight": down,
        "a.q.lora_B.default.weight": up, "a.norm.weight": bias,
    }  # fmt: skip
    found = with_updates(tensors, Lora(2, 6.0))
    assert found.keys() == {"a.q.weight", "a.q.bias", "a.norm.weight"}
    expected = [
        [float(weight[i, j] + 3 * sum(up[i, k] * down[k, j] for k in range(2))) for j in range(5)] for i in range(3)
    ]
    assert torch.allclose(found["a.q.weight"], torch.tensor(expected), atol=1e-5)
    assert found["a.q.bias"] is bias and found["a.norm.weight"] is bias


@pytest.mark.parametrize("wrong", [{"rank": 0}, {"alpha": 0.0}, {"alpha": float("inf")}, {"dropout": 1.0}])
def test_updates_that_cannot_be_are_refused(wrong):
    with pytest.raises(InvalidNoun):
        Lora(**wrong)


def test_weights_in_four_bits_go_on_after_a_stop_and_are_refused_where_they_cannot_be_kept(tmp_path):
    pytest.importorskip("peft")
    pytest.importorskip("bitsandbytes")
    folder, data = write_llava(tmp_path / "published"), lab(tmp_path / "lab", 4, 2)
    run = chat([data], folder).with_set({**SMALL, "steps": "4", "four_bits": "true"})
    assert train(run, tmp_path / "whole").finished
    parts = run.with_set({"minutes": "1e-6", "checkpoint_every": "1"})
    assert not train(parts, tmp_path / "parts").finished
    assert train(run, tmp_path / "parts").finished
    one, two = (load_file(tmp_path / name / "model" / "model.safetensors") for name in ("whole", "parts"))
    assert one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)
    (network,) = run.task.build(run).modules.values()
    packed = [m for m in network.modules() if isinstance(m, FourBitLinear)]
    assert len(packed) == 7 * len(network.model.language_model.layers)
    for change, told in (({"trained": "full"}, "trained=lora"), ({"distribution.kind": "fsdp2"}, "kind=ddp")):
        changed = run.with_set(change)
        with pytest.raises(InputError, match=told):
            changed.task.build(changed)


def test_without_bitsandbytes_one_is_told_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "bitsandbytes.functional", None)
    with pytest.raises(MissingExtra, match=r"bitsandbytes; .*'\.\[qlora\]'"):
        FourBitLinear(torch.nn.Linear(64, 2))


def test_without_peft_one_is_told_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(MissingExtra, match=r"needs peft; .*'\.\[chat\]'"):
        add_updates(torch.nn.Linear(2, 2), Lora())


@pytest.mark.parametrize(("name", "write"), [("llava-1.5", write_llava), ("qwen2-vl", write_qwen2_vl)])
def test_a_run_with_updates_writes_a_whole_model_that_answers_as_the_trained_one(name, write, tmp_path):
    pytest.importorskip("peft")
    transformers = pytest.importorskip("transformers")
    folder, data = write(tmp_path / "published"), lab(tmp_path / "lab", 4, 2)
    run = chat([data], folder).with_set(SMALL)
    assert train(run, tmp_path / "run").finished
    out = tmp_path / "run" / "model"
    _, info = getattr(transformers, CLASSES[name]).from_pretrained(out, output_loading_info=True)
    assert not any(info[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    before, after = (load_chat_model(place) for place in (folder, out))
    old, new = before.network.state_dict(), after.network.state_dict()
    changed = {key for key in old if not torch.equal(old[key], new[key])}
    assert any(key.startswith(before.family.parts.projector) for key in changed)
    updated = {key for key in changed if not key.startswith(before.family.parts.projector)}
    ends = tuple(f"{p}_proj.weight" for p in ("q", "k", "v", "o", "gate", "up", "down"))
    assert len(updated) == 14 and all(key.endswith(ends) for key in updated)
    task = run.task.build(run)
    trained = load_file(next((tmp_path / "run" / "checkpoints").glob("best-*")) / "weights.safetensors")
    network = task.modules["chat"].eval()
    network.load_state_dict({key.removeprefix("chat."): tensor for key, tensor in trained.items()}, strict=False)
    ids = torch.tensor([[300, 301, 302, 303]])
    with torch.no_grad():
        assert torch.allclose(network(ids).logits, after.network(ids).logits, atol=1e-4)
        assert not torch.allclose(before.network(ids).logits, after.network(ids).logits, atol=1e-2)
