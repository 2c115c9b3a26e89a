"""Where a chat model is, and by which digest of its weights it is known."""

import hashlib
import json
from dataclasses import replace

import pytest

from mammoscribe.models.chat.card import ChatCard, write_card
from mammoscribe.models.chat.families import LLAVA_1_5
from mammoscribe.models.chat.place import (
    chat_folder_at,
    model_name,
    reports_by_breast,
    weight_files,
    weights_sha256,
)
from mammoscribe.support.errors import InputError

CONFIG = {"model_type": "llava", "text_config": {"model_type": "llama"}}


@pytest.fixture
def folder(tmp_path):
    """A folder by its names alone; nothing here opens the weights."""
    path = tmp_path / "tiny-llava"
    path.mkdir()
    (path / "config.json").write_text(json.dumps(CONFIG))
    (path / "model.safetensors").write_bytes(b"weights")
    return path


def sharded(folder, *names):
    (folder / "model.safetensors").unlink()
    places = {f"layer.{n}.{kind}": name for n, name in enumerate(names) for kind in ("weight", "bias")}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    return folder


def hexes(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_the_digest_of_one_file_is_that_of_sha256sum(folder):
    assert weights_sha256(folder) == hexes(b"weights")


def test_the_digest_of_shards_changes_with_each_of_them_and_with_no_other_file(folder):
    sharded(folder, "b.safetensors", "a.safetensors")
    (folder / "a.safetensors").write_bytes(b"1")
    (folder / "b.safetensors").write_bytes(b"2")
    before = weights_sha256(folder)
    assert before == hexes(f"{hexes(b'1')} {hexes(b'2')}".encode())
    (folder / "old.safetensors").write_bytes(b"3")
    (folder / "pytorch_model.bin").write_bytes(b"4")
    assert weights_sha256(folder) == before
    (folder / "b.safetensors").write_bytes(b"5")
    assert weights_sha256(folder) != before


def test_a_run_is_known_by_its_model_and_one_that_has_not_ended_is_refused(folder, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (run / "run.json").write_text("{}")
    with pytest.raises(InputError, match="has not ended"):
        chat_folder_at(run)
    folder.rename(run / "model")
    assert chat_folder_at(run) == run / "model" == chat_folder_at(run / "model")


def test_a_model_is_called_as_its_card_says_or_else_as_its_folder(folder, monkeypatch):
    assert model_name(folder) == "tiny-llava"
    monkeypatch.chdir(folder)
    assert model_name(folder.relative_to(folder)) == "tiny-llava"
    card = ChatCard("chat on the lab's reports", "llava-1.5", "research", LLAVA_1_5.preparation, "0" * 64)
    write_card(card, folder)
    assert model_name(folder) == "chat on the lab's reports" and not reports_by_breast(folder)
    write_card(replace(card, by_breast=True), folder)
    assert reports_by_breast(folder)
    write_card(replace(card, family="qwen2-vl"), folder)
    with pytest.raises(InputError, match="qwen2-vl"):
        model_name(folder)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda f: (f / "model.safetensors").unlink(), "no weights"),
        (lambda f: sharded(f, "gone.safetensors"), "names gone.safetensors, which is not there"),
        (lambda f: sharded(f), "names no file"),
        (lambda f: (sharded(f) / "model.safetensors.index.json").write_text("[1]"), "cannot be read"),
        (lambda f: (sharded(f) / "model.safetensors.index.json").write_text('{"weight_map": {"a": 1}}'), "names 1"),
        (lambda f: (sharded(f) / "model.safetensors.index.json").write_text('{"weight_map": {"a": []}}'), "cannot be"),
    ],
)
def test_weights_that_are_not_there_are_one_sentence(folder, spoil, said):
    spoil(folder)
    with pytest.raises(InputError, match=said):
        weight_files(folder)


def test_a_folder_of_something_else_is_one_sentence(folder, tmp_path):
    with pytest.raises(InputError, match=r"no config\.json"):
        chat_folder_at(tmp_path)
    (folder / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(InputError, match="a model of type 'bert'"):
        chat_folder_at(folder)
