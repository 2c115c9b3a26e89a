"""The published text models: folders load strictly without their code, logits only on request, cutting is told."""

import csv
import json
import sys

import pytest
import torch

from mammoscribe.models.biovil.files import read_checkpoint, write_joint
from mammoscribe.models.biovil.text_model import JointTextModel, load_text_model
from mammoscribe.support.errors import InputError
from tests.models.tiny_joint import write_published_text

TEXTS = ["a mass in the left breast", "no masses"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("text")
    write_published_text(path)
    return path


@pytest.fixture(scope="module")
def text(folder):
    return load_text_model(folder)


@pytest.mark.real
def test_keys_and_shapes_are_those_of_the_published_file(data_root):
    from transformers import BertConfig

    rows = csv.reader((data_root.parent / "reference" / "cxrbert_keys.tsv").open(), delimiter="\t")
    published = {(r[0], r[1]) for r in rows if r and ".decoder." not in r[0]}
    with torch.device("meta"):
        model = JointTextModel(BertConfig(vocab_size=30_522), joint_dim=128)
    assert {(name, str(tuple(value.shape))) for name, value in model.state_dict().items()} == published
    assert sum(p.numel() for p in model.parameters()) == 109_629_498


def test_a_published_folder_loads_and_what_is_not_used_is_reported(tmp_path):
    written = write_published_text(tmp_path)
    loaded = load_text_model(tmp_path)
    assert set(loaded.ignored) == {
        "bert.embeddings.position_ids", "bert.pooler.dense.weight", "bert.pooler.dense.bias",
        "cls.predictions.decoder.weight", "cls.predictions.decoder.bias",
    }  # fmt: skip
    tokens = loaded.tokens(TEXTS)
    torch.testing.assert_close(
        loaded.model(tokens.ids, tokens.mask).projected, written(tokens.ids, tokens.mask).projected
    )


def test_a_copy_of_ours_is_the_same_model(folder, text, tmp_path):
    for name in ("config.json", "vocab.txt"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    write_joint(text.model, tmp_path / "model.safetensors", "x", read_checkpoint(folder / "pytorch_model.bin"))
    ours = load_text_model(tmp_path)
    tokens = text.tokens(TEXTS)
    expected = text.model(tokens.ids, tokens.mask, logits=True)
    for one, other in zip(ours.model(tokens.ids, tokens.mask, logits=True), expected, strict=True):
        torch.testing.assert_close(one, other)
    assert ours.source_sha256 == text.sha256


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"bert.extra": torch.zeros(1)}, "layout"),
        ({"cls_projection_head.LayerNorm.bias": None}, "layout"),
        ({"bert.embeddings.LayerNorm.weight": torch.zeros(31)}, "layout"),
        ({"cls.predictions.decoder.weight": torch.zeros(21, 32)}, "tied"),
        ({"cls.predictions.decoder.bias": torch.ones(21)}, "tied"),
    ],
    ids=["unexpected", "missing", "misshapen", "other matrix", "other bias"],
)
def test_weights_of_another_layout_are_refused(tmp_path, changed, message):
    write_published_text(tmp_path, **changed)
    with pytest.raises(InputError, match=message):
        load_text_model(tmp_path)


@pytest.mark.parametrize("name", ["config.json", "vocab.txt", "pytorch_model.bin"])
def test_a_folder_without_one_of_its_files_says_so(tmp_path, name):
    write_published_text(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(InputError, match=name):
        load_text_model(tmp_path)


@pytest.mark.parametrize(("lines", "message"), [(("[PAD]", "a"), "6 tokens"), (None, r"\[PAD\] = 1")])
def test_a_vocabulary_that_is_not_the_models_is_refused(tmp_path, lines, message):
    write_published_text(tmp_path)
    path = tmp_path / "vocab.txt"
    own = path.read_text().split()
    path.write_text("\n".join(lines or [own[1], own[0], *own[2:]]) + "\n")
    with pytest.raises(InputError, match=message):
        load_text_model(tmp_path)


@pytest.mark.parametrize(
    "changed", [{"num_attention_heads": 5}, {"hidden_size": "large"}, {"hidden_act": "none of them"}]
)
def test_a_configuration_that_makes_no_bert_is_one_sentence(tmp_path, changed):
    write_published_text(tmp_path)
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))
    with pytest.raises(InputError, match=r"config\.json is not the configuration of a BERT"):
        load_text_model(tmp_path)


@pytest.mark.parametrize(("name", "content"), [("vocab.txt", b"\xff\xfe"), ("tokenizer_config.json", b"{")])
def test_a_tokeniser_that_cannot_be_read_is_one_sentence(tmp_path, name, content):
    write_published_text(tmp_path)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=r"tokeniser file in .* cannot be read"):
        load_text_model(tmp_path)


def test_relative_positions_are_refused(tmp_path):
    write_published_text(tmp_path)
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "position_embedding_type": "relative_key"}))
    with pytest.raises(InputError, match="not absolute"):
        load_text_model(tmp_path)


def test_special_tokens_have_the_published_ids(text):
    assert text.tokens(["a [MASK]"]).ids.tolist() == [[2, 5, 4, 3]]
    assert text.tokens(["a xyz", "no"]).ids.tolist() == [[2, 5, 1, 3], [2, 12, 3, 0]]


def test_case_and_accents_are_dropped_and_words_split(text):
    assert torch.equal(text.tokens(["Máss IN Masses"]).ids, text.tokens(["mass in masses"]).ids)


@torch.no_grad()
def test_padding_does_not_change_a_text(text):
    alone, together = text.tokens(TEXTS[1:]), text.tokens(TEXTS)
    one = text.model(alone.ids, alone.mask, logits=True)
    two = text.model(together.ids, together.mask, logits=True)
    torch.testing.assert_close(one.projected[0], two.projected[1])
    torch.testing.assert_close(one.logits[0], two.logits[1, : alone.ids.shape[1]])


def test_logits_are_computed_only_when_asked_for(text):
    tokens = text.tokens(TEXTS)
    assert text.model(tokens.ids, tokens.mask).logits is None
    assert text.model(tokens.ids, tokens.mask, logits=True).logits.shape == (*tokens.ids.shape, 21)


def test_a_text_that_is_too_long_is_refused_or_cut_and_named(text):
    long = "a " * 11
    with pytest.raises(InputError, match="text 2 has 13 tokens; expected at most 12"):
        text.tokens(["a", long])
    tokens = text.tokens(["a", long], truncate=True)
    assert tokens.cut == (1,)
    assert tokens.ids[1].tolist() == [2, *[5] * 10, 3]
    assert text.tokens(["a " * 10]).cut == ()


def test_a_model_without_projection_head_gives_states_only(tmp_path):
    write_published_text(tmp_path, joint_dim=None)
    loaded = load_text_model(tmp_path)
    tokens = loaded.tokens(TEXTS)
    out = loaded.model(tokens.ids, tokens.mask)
    assert out.projected is None and out.hidden.shape == (*tokens.ids.shape, 32)


def test_without_transformers_one_sentence_says_what_to_install(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(InputError, match=r"pip install '\.\[biovil\]'"):
        load_text_model(folder)


def test_no_code_of_the_folder_is_run(tmp_path):
    write_published_text(tmp_path)
    (tmp_path / "modeling_cxrbert.py").write_text("raise SystemExit('code of the folder was run')")
    load_text_model(tmp_path)
