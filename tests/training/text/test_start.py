"""What a run begins with: a new model with its own vocabulary, or that of a folder; what does not fit is one sentence."""

import json

import pytest
import torch

from mammoscribe.models.biovil.text_model import load_text_model
from mammoscribe.support.errors import InputError, InvalidNoun
from mammoscribe.training.text.start import PRESETS, Shape, text_start
from mammoscribe.training.text.texts import prepared_texts
from tests.models.tiny_joint import write_published_text
from tests.training.text.lab import prepared, reports

DEBUG = Shape("debug")


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    return [prepared_texts(prepared(reports(), tmp_path_factory.mktemp("lab")), "train")]


def test_a_new_model_has_a_vocabulary_of_its_texts_and_the_weights_of_its_seed(texts):
    one, same, other = (text_start(None, DEBUG, texts, seed, projects=True) for seed in (1, 1, 2))
    assert one.files == same.files == other.files
    assert all(torch.equal(a, b) for a, b in zip(one.model.parameters(), same.model.parameters(), strict=True))
    assert not torch.equal(next(one.model.parameters()), next(other.model.parameters()))
    words = one.files["vocab.txt"].decode().split()
    assert "effusion" in words and len(words) == one.model.bert.config.vocab_size <= 300
    assert one.model.joint_dim == 128 and one.model.cls is not None


def test_base_is_the_published_shape():
    published = {
        "vocab_size": 30_522, "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072,
        "hidden_dropout_prob": 0.25, "attention_probs_dropout_prob": 0.25, "max_position_embeddings": 512,
    }  # fmt: skip
    assert PRESETS["base"] == published


def test_a_size_of_the_vocabulary_and_fewer_texts_can_be_asked_for(texts):
    small = text_start(None, Shape("debug", vocab_size=90), texts, 0, projects=False)
    assert len(small.files["vocab.txt"].split()) == 90
    one = text_start(None, Shape("debug", vocabulary_texts=1), texts, 0, projects=False)
    assert len(one.files["vocab.txt"].split()) < len(small.files["vocab.txt"].split())


def test_a_folder_is_gone_on_with_and_its_tokeniser_kept(texts, tmp_path):
    write_published_text(tmp_path)
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": True}))
    start = text_start(tmp_path, Shape(), texts, 0, projects=True)
    before = load_text_model(tmp_path).model.state_dict()
    assert all(torch.equal(before[name], value) for name, value in start.model.state_dict().items())
    assert start.files == {n: (tmp_path / n).read_bytes() for n in ("vocab.txt", "tokenizer_config.json")}
    assert start.model.joint_dim == 16 and start.pieces.max_tokens == 12


def test_without_projection_the_head_of_a_folder_is_left_out(texts, tmp_path):
    write_published_text(tmp_path)
    names = text_start(tmp_path, Shape(), texts, 0, projects=False).model.state_dict()
    assert not any("projection" in name for name in names) and any("cls.predictions" in name for name in names)


def test_a_folder_without_a_head_gets_a_new_one(texts, tmp_path):
    gone = ("transform.dense.weight", "transform.dense.bias", "transform.LayerNorm.weight", "transform.LayerNorm.bias",
            "bias", "decoder.weight", "decoder.bias")  # fmt: skip
    write_published_text(tmp_path, joint_dim=None, **{f"cls.predictions.{name}": None for name in gone})
    start = text_start(tmp_path, Shape(), texts, 0, projects=True)
    assert start.model.cls is not None and start.model.joint_dim == 128
    before = load_text_model(tmp_path).model.bert.state_dict()
    assert all(torch.equal(before[name], value) for name, value in start.model.bert.state_dict().items())


@pytest.mark.parametrize(
    ("shape", "joint_dim", "words"),
    [
        (DEBUG, None, "a preset or vocab_size beside --init"),
        (Shape(vocab_size=50), None, "a preset or vocab_size beside --init"),
        (Shape(max_tokens=13), None, "max_tokens 13; expected at most 12"),
        (Shape(max_tokens=0), None, "max_tokens 0"),
        (Shape(), 64, "joint_dim 64 for .* which projects to 16"),
    ],
)
def test_what_does_not_fit_the_model_is_one_sentence(texts, tmp_path, shape, joint_dim, words):
    write_published_text(tmp_path)
    with pytest.raises(InputError, match=words):
        text_start(tmp_path, shape, texts, 0, projects=True, joint_dim=joint_dim)


def test_a_folder_of_another_layout_is_refused_by_name_of_the_key(texts, tmp_path):
    write_published_text(tmp_path, **{"bert.extra": torch.zeros(1)})
    with pytest.raises(InputError, match=r"bert\.extra"):
        text_start(tmp_path, Shape(), texts, 0, projects=True)
    write_published_text(tmp_path, **{"bert.embeddings.LayerNorm.bias": None})
    with pytest.raises(InputError, match=r"embeddings\.LayerNorm\.bias"):
        text_start(tmp_path, Shape(), texts, 0, projects=True)


def test_wrong_shapes_are_refused():
    with pytest.raises(InputError, match="starter"):
        Shape("strater")
    with pytest.raises(InvalidNoun):
        Shape(vocabulary_texts=0)
