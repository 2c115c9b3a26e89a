"""Folders that are written: the published names, cards that are held against, the place of a run's model."""

import csv

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from mammoscribe.models.biovil.text_folder import text_weights_at, write_text_folder
from mammoscribe.models.biovil.text_model import JointTextModel, load_text_model
from mammoscribe.support.errors import InputError
from tests.models.tiny_joint import SPECIAL, WORDS, write_published_text

VOCABULARY = {"vocab.txt": "".join(f"{w}\n" for w in (*SPECIAL, *WORDS)).encode()}


def small(layers: int = 2, joint_dim: int | None = 16) -> JointTextModel:
    from transformers import BertConfig

    config = BertConfig(
        vocab_size=len(SPECIAL) + len(WORDS), hidden_size=16, num_hidden_layers=layers, num_attention_heads=2,
        intermediate_size=8, max_position_embeddings=12,
    )  # fmt: skip
    return JointTextModel(config, joint_dim).eval()


@pytest.mark.real
def test_the_names_are_those_of_the_published_file(data_root, tmp_path):
    write_text_folder(small(12), VOCABULARY, tmp_path, "x")
    published = csv.reader((data_root.parent / "reference" / "cxrbert_keys.tsv").open(), delimiter="\t")
    assert set(load_file(tmp_path / "model.safetensors")) == {row[0] for row in published if row}


@pytest.mark.parametrize("joint_dim", [None, 16])
def test_a_folder_comes_back_as_it_was_written(tmp_path, joint_dim):
    model = small(joint_dim=joint_dim)
    card = write_text_folder(model, VOCABULARY, tmp_path, "ours")
    found = load_text_model(tmp_path)
    state = model.state_dict()
    assert found.model.state_dict().keys() == state.keys() and found.model.joint_dim == joint_dim
    assert all(torch.equal(value, state[name]) for name, value in found.model.state_dict().items())
    assert card.name == "ours" and found.sha256 == card.weights_sha256
    with safe_open(tmp_path / "model.safetensors", "pt") as file:  # transformers 4 reads no file that does not say so
        assert file.metadata() == {"format": "pt"}


def test_weights_that_were_changed_afterwards_are_refused(tmp_path):
    write_text_folder(small(), VOCABULARY, tmp_path, "ours")
    path = tmp_path / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\1")
    with pytest.raises(InputError, match="another SHA-256 than its card"):
        load_text_model(tmp_path)


def test_the_weights_of_a_folder_a_file_and_a_run(tmp_path):
    write_published_text(tmp_path / "published")
    (tmp_path / "run" / "model").mkdir(parents=True)
    (tmp_path / "run" / "run.json").write_text("{}")
    write_text_folder(small(), VOCABULARY, tmp_path / "run" / "model", "ours")
    assert text_weights_at(tmp_path / "published") == tmp_path / "published" / "pytorch_model.bin"
    for place in ("run", "run/model", "run/model/model.safetensors"):
        assert text_weights_at(tmp_path / place) == tmp_path / "run" / "model" / "model.safetensors"
    (tmp_path / "other.safetensors").touch()
    for nowhere in ("nothing", "other.safetensors"):
        with pytest.raises(InputError, match="no text weights"):
            text_weights_at(tmp_path / nowhere)


def test_logits_at_chosen_places_are_those_of_all():
    model, ids = small(), torch.randint(5, 20, (2, 6))
    mask, chosen = torch.ones_like(ids), torch.rand(2, 6) > 0.5
    with torch.no_grad():
        torch.testing.assert_close(model.logits_at(ids, mask, chosen), model(ids, mask, logits=True).logits[chosen])
