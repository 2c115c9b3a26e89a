"""Checkpoints: whole or absent, held against their digests, the newest good one is found, strict loading."""

import hashlib
import subprocess

import pytest
import torch
from torch import nn

from mammoscribe.support.errors import InputError
from mammoscribe.training.engine.checkpoints import (
    best_folder,
    is_whole,
    kept,
    load_modules,
    load_tensors,
    newest_whole,
    save_tensors,
    step_folder,
    tidy,
    weights_at,
    whole_folder,
)


def checkpoint(folder, step: int, maker=step_folder):
    with whole_folder(maker(folder, step)) as part:
        (part / "inner").mkdir()
        (part / "inner" / "a.bin").write_bytes(bytes([step]) * 1000)
        save_tensors({"net.weight": torch.full((2,), float(step))}, part / "weights.safetensors", {})
    return maker(folder, step)


def test_a_folder_has_its_name_when_it_is_whole_and_sha256sum_agrees(tmp_path):
    made = checkpoint(tmp_path, 3)
    lines = dict(line.split("  ")[::-1] for line in (made / "SHA256SUMS").read_text().splitlines())
    assert lines["inner/a.bin"] == hashlib.sha256(b"\x03" * 1000).hexdigest()
    done = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=made, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_folder_that_fails_on_the_way_leaves_nothing_and_the_old_one_stays(tmp_path):
    made = checkpoint(tmp_path, 3)
    with pytest.raises(IsADirectoryError), whole_folder(made) as part:
        (part / "half").write_bytes(b"x") and part.write_bytes(b"x")
    assert is_whole(made)
    assert [p.name for p in made.parent.iterdir()] == ["step-00000003"]


def cut(path):
    path.write_bytes(path.read_bytes()[:-1])


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("name", ["inner/a.bin", "weights.safetensors", "SHA256SUMS"])
@pytest.mark.parametrize("damage", [cut, flip, lambda p: p.unlink(), lambda p: p.write_bytes(b"")])
def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(name, damage, tmp_path):
    for step in (10, 20, 30):
        checkpoint(tmp_path, step)
    damage(step_folder(tmp_path, 30) / name)
    found, damaged = newest_whole(tmp_path)
    assert (found, damaged) == (step_folder(tmp_path, 20), [step_folder(tmp_path, 30)])


def test_without_a_whole_checkpoint_a_run_begins(tmp_path):
    assert newest_whole(tmp_path) == (None, [])
    flip(checkpoint(tmp_path, 1) / "inner" / "a.bin")
    assert newest_whole(tmp_path)[0] is None


def test_the_last_and_the_best_are_kept_and_the_rest_goes(tmp_path):
    for step in (1, 2, 3, 100):
        checkpoint(tmp_path, step)
    for step in (1, 3):
        checkpoint(tmp_path, step, best_folder)
    (tmp_path / "checkpoints" / ".step-00000200.part").mkdir()
    (tmp_path / "checkpoints" / "mine").mkdir()
    tidy(tmp_path, 2)
    names = sorted(p.name for p in (tmp_path / "checkpoints").iterdir())
    assert names == ["best-00000003", "mine", "step-00000003", "step-00000100"]
    assert [step for step, _ in kept(tmp_path)] == [3, 100]


def test_weights_are_found_in_a_file_a_checkpoint_or_a_run(tmp_path):
    checkpoint(tmp_path, 7)
    assert weights_at(tmp_path) == step_folder(tmp_path, 7) / "weights.safetensors"
    checkpoint(tmp_path, 5, best_folder)
    best = best_folder(tmp_path, 5) / "weights.safetensors"
    assert weights_at(tmp_path) == weights_at(best.parent) == weights_at(best) == best
    with pytest.raises(InputError, match="no weights in"):
        weights_at(tmp_path / "nowhere")


def test_tensors_that_share_memory_are_written_for_each_name(tmp_path):
    both = torch.arange(6.0).reshape(2, 3)
    save_tensors({"a": both, "b": both, "turned": both.T, "row": both[1]}, tmp_path / "t.safetensors", {"note": "x"})
    found = load_tensors(tmp_path / "t.safetensors")
    assert torch.equal(found["a"], found["b"])
    assert torch.equal(found["turned"], both.T)
    assert torch.equal(found["row"], both[1])


def modules(width: int = 2) -> dict[str, nn.Module]:
    return {"net": nn.Linear(2, width), "net.head": nn.Linear(width, 1)}


def saved(tmp_path, **changes):
    named = {f"{n}.{k}": v for n, m in modules().items() for k, v in m.state_dict().items()}
    named |= {name.replace("__", "."): tensor for name, tensor in changes.items() if tensor is not None}
    for name, tensor in changes.items():
        if tensor is None:
            del named[name.replace("__", ".")]
    save_tensors(named, tmp_path / "w.safetensors", {})
    return tmp_path / "w.safetensors", named


def test_modules_get_their_weights_strictly(tmp_path):
    path, named = saved(tmp_path)
    fresh = modules()
    assert load_modules(path, fresh) == []
    assert torch.equal(fresh["net.head"].weight, named["net.head.weight"])
    assert load_modules(path, fresh | {"new": nn.Linear(1, 1), "without": nn.ReLU()}) == ["new"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"net__bias": None}, "does not fit net:.*bias"),
        ({"net__extra": torch.ones(1)}, "does not fit net:.*extra"),
        ({"net__weight": torch.ones(3, 3)}, "does not fit net:.*size mismatch"),
        ({"other__weight": torch.ones(1)}, r"holds other\.weight; expected weights of net, net\.head only"),
    ],
)
def test_a_key_too_few_or_too_many_is_one_sentence(changes, words, tmp_path):
    path, _ = saved(tmp_path, **changes)
    with pytest.raises(InputError, match=words):
        load_modules(path, modules())


@pytest.mark.parametrize("content", [b"", b"not safetensors at all", b"\xff" * 100])
def test_a_file_that_is_no_safetensors_file_is_one_sentence(content, tmp_path):
    (tmp_path / "w.safetensors").write_bytes(content)
    with pytest.raises(InputError, match="cannot be read"):
        load_modules(tmp_path / "w.safetensors", modules())
