"""The two recipes from end to end at debug size: they learn, go on exactly, and write folders that others load."""

import json
import os
import signal
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from benchmarks.engine_processes import in_ranks
from mammoscribe.models.biovil.text_model import load_text_model
from mammoscribe.support.errors import InputError, InvalidNoun
from mammoscribe.training.engine.run_folder import TIMED
from mammoscribe.training.engine.task import Feed
from mammoscribe.training.engine.train import train
from mammoscribe.training.text.mlm import digest
from mammoscribe.training.text.recipes import text_mlm, text_sections
from mammoscribe.training.text.start import Shape, text_start
from mammoscribe.training.text.texts import prepared_texts
from tests.models.tiny_joint import write_published_text
from tests.training.text.lab import documents, one_section, prepared, reports

pytest.importorskip("accelerate")
QUICK = {
    "steps": "60", "learning_rate": "3e-3", "precision": "fp32", "device": "cpu", "checkpoint_every": "30",
    "validate_every": "30",
}  # fmt: skip
NEW = {**QUICK, "preset": "debug", "learning_rate": "1e-2"}


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    return prepared([*reports(), *(one_section(n) for n in range(4))], tmp_path_factory.mktemp("lab"))


@pytest.fixture(scope="module")
def abstracts(tmp_path_factory):
    return prepared(documents(), tmp_path_factory.mktemp("abstracts"))


@pytest.fixture(scope="module")
def mlm(lab, tmp_path_factory):
    folder = tmp_path_factory.mktemp("mlm") / "run"
    assert train(text_mlm([lab]).with_set({**NEW, "batch": "16"}), folder).finished
    return folder


@pytest.fixture(scope="module")
def sections(lab, mlm, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sections") / "run"
    assert train(text_sections([lab], mlm).with_set({**QUICK, "batch": "16", "temperature": "0.1"}), folder).finished
    return folder


def rows(folder):
    found = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in row.items() if name not in TIMED} for row in found]


def validations(folder):
    return [row for row in rows(folder) if any(name.startswith("val/") for name in row)]


def test_masked_tokens_are_learned(mlm):
    first, last = validations(mlm)
    size = len((mlm / "model" / "vocab.txt").read_text().split())
    assert last["val/perplexity"] < 0.8 * first["val/perplexity"] and last["val/perplexity"] < size / 20
    assert last["val/accuracy"] > 0.5


def test_impressions_are_found_and_masked_tokens_are_learned_beside(sections):
    last = validations(sections)[-1]
    assert last["val/r@1"] > 4 * last["val/r@1/chance"]
    assert {"val/findings/r@1", "val/impression/r@1", "val/perplexity"} <= last.keys()
    assert {"loss/sections", "loss/masked"} <= rows(sections)[0].keys()


def test_the_model_folder_of_masked_tokens_is_one_of_plain_transformers(mlm):
    from transformers import AutoTokenizer, BertForMaskedLM

    ours = load_text_model(mlm / "model")
    theirs, info = BertForMaskedLM.from_pretrained(str(mlm / "model"), output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"] and not info["mismatched_keys"]
    tokens = ours.tokens(["There is an effusion at the [MASK] of the left lung.", "No [MASK]."])
    with torch.no_grad():
        found = ours.model(tokens.ids, tokens.mask, logits=True).logits
        wanted = theirs.eval()(input_ids=tokens.ids, attention_mask=tokens.mask).logits
    torch.testing.assert_close(found, wanted)
    assert AutoTokenizer.from_pretrained(str(mlm / "model"))("an effusion")["input_ids"] == tokens_of(
        ours, "an effusion"
    )
    best = next((mlm / "checkpoints").glob("best-*")) / "weights.safetensors"
    kept = load_file(best)
    assert all(torch.equal(kept[f"text.{name}"], value) for name, value in ours.model.state_dict().items())


def tokens_of(text, words):
    return text.tokens([words]).ids[0].tolist()


def test_the_folder_of_section_matching_has_a_head_and_the_vocabulary_of_the_run_before(mlm, sections):
    found = load_text_model(sections / "model")
    assert found.model.joint_dim == 128
    assert (sections / "model" / "vocab.txt").read_bytes() == (mlm / "model" / "vocab.txt").read_bytes()
    assert json.loads((sections / "model" / "config.json").read_text())["projection_size"] == 128
    assert json.loads((sections / "model" / "model.json").read_text())["name"] == "text-sections on listed"
    tokens = found.tokens(["There is an opacity at the apex of the left lung."])
    assert found.model.project(tokens.ids, tokens.mask).shape == (1, 128)


def test_a_run_that_was_stopped_goes_on_exactly(lab, mlm, tmp_path):
    def stop(row):
        if row["step"] == 20 and "rate" in row:
            os.kill(os.getpid(), signal.SIGTERM)

    run = text_mlm([lab]).with_set({**NEW, "batch": "16"})
    assert train(run, tmp_path, stop).step == 20
    assert train(run, tmp_path).finished
    assert rows(tmp_path) == rows(mlm)


def test_a_run_on_another_vocabulary_does_not_go_on(lab, mlm):
    run = text_mlm([lab]).with_set({**NEW, "batch": "16", "vocab_size": "120"})
    with pytest.raises(InputError, match="belongs to another run"):
        train(run, mlm)


def test_the_digest_of_the_data_is_of_the_vocabulary_too(lab):
    texts = prepared_texts(lab, "train")
    start = text_start(None, Shape("debug"), [texts], 0, projects=False)
    other = replace(start, files={"vocab.txt": start.files["vocab.txt"] + b"more\n"})
    again = text_start(None, Shape("debug"), [texts], 5, projects=True)
    assert digest(texts, start) == digest(texts, again) != digest(texts, other)
    assert text_mlm([lab]).with_set(NEW).task.build(text_mlm([lab]).with_set(NEW)).sources["listed"].digest == digest(
        texts, start
    )


def _trained(run, folder):
    train(run, folder)
    return 0


def test_two_processes_train_as_one_does(lab, mlm, tmp_path):
    run = text_sections([lab], mlm).with_set({**QUICK, "batch": "12", "steps": "6", "validate_every": "6"})
    assert in_ranks(2, tmp_path, _trained, run, tmp_path / "two") == [0, 0]
    _trained(run, tmp_path / "one")
    for one, two in zip(rows(tmp_path / "one"), rows(tmp_path / "two"), strict=True):
        assert one.keys() == two.keys() and {"loss/sections", "val/r@1"} & one.keys()
        for name, value in one.items():
            assert two[name] == pytest.approx(value, abs=1e-4), name


@pytest.mark.slow
def test_sharded_training_is_that_of_one_process(lab, mlm, tmp_path):
    short = {**QUICK, "batch": "12", "steps": "4", "validate_every": "4"}
    sharded = text_sections([lab], mlm).with_set({**short, "distribution.kind": "fsdp2"})
    assert in_ranks(2, tmp_path, _trained, sharded, tmp_path / "two") == [0, 0]
    _trained(text_sections([lab], mlm).with_set(short), tmp_path / "one")
    for one, two in zip(rows(tmp_path / "one"), rows(tmp_path / "two"), strict=True):
        for name, value in one.items():
            assert two[name] == pytest.approx(value, abs=1e-4), name


def test_the_batch_of_each_dataset_is_its_weight(lab, abstracts):
    run = text_mlm([lab, abstracts, lab]).with_set(
        {**NEW, "batch.listed": "6", "batch.listed-2": "2", "batch.listed-3": "1"}
    )
    task = run.task.build(run)
    sizes = {name: len(next(s.batches(Feed(0, size=run.batch[name]))).ids) for name, s in task.sources.items()}
    assert sizes == {"listed": 6, "listed-2": 2, "listed-3": 1}


def test_several_datasets_share_one_vocabulary_and_are_stated_apart(lab, abstracts, tmp_path):
    run = text_mlm([lab, abstracts]).with_set({**NEW, "steps": "2", "validate_every": "2", "batch.listed": "4"})
    assert train(run, tmp_path / "run").finished
    (last,) = validations(tmp_path / "run")
    assert {"val/perplexity", "val/listed/perplexity", "val/listed-2/perplexity"} <= last.keys()
    words = (tmp_path / "run" / "model" / "vocab.txt").read_text().split()
    assert {"mammograms", "effusion"} <= set(words)


@pytest.mark.parametrize("recipe", [text_mlm, text_sections])
def test_published_files_are_gone_on_with(recipe, lab, tmp_path):
    write_published_text(tmp_path / "published")
    run = recipe([lab], tmp_path / "published").with_set({**QUICK, "steps": "2", "validate_every": "2", "batch": "4"})
    assert train(run, tmp_path / "run").finished
    found = load_text_model(tmp_path / "run" / "model").model
    assert found.joint_dim == (None if recipe is text_mlm else 16)
    before = load_text_model(tmp_path / "published").model.bert.state_dict()
    moved = [n for n, value in found.bert.state_dict().items() if not torch.equal(value, before[n])]
    assert len(moved) == len(before)


def test_without_a_weight_for_masked_tokens_their_head_stays_as_it_is(lab, mlm, tmp_path):
    run = text_sections([lab], mlm).with_set({**QUICK, "steps": "3", "batch": "4", "mlm_weight": "0"})
    assert train(run, tmp_path / "run").finished
    before, after = (load_text_model(f / "model").model.state_dict() for f in (mlm, tmp_path / "run"))
    for name, value in before.items():
        assert torch.equal(value, after[name]) == name.startswith("cls."), name
    assert "loss/masked" not in rows(tmp_path / "run")[0]


def test_sections_can_be_matched_from_nothing(lab, tmp_path):
    run = text_sections([lab]).with_set({**NEW, "steps": "2", "batch": "4", "joint_dim": "24"})
    assert train(run, tmp_path / "run").finished
    assert load_text_model(tmp_path / "run" / "model").model.joint_dim == 24


def test_what_is_wrong_is_one_sentence_and_leaves_nothing(lab, abstracts, mlm, tmp_path):
    for recipe in (text_mlm, text_sections):
        with pytest.raises(InputError, match="no data to train on"):
            recipe([])
        with pytest.raises(InputError, match="no text weights in"):
            recipe([lab], tmp_path)
    with pytest.raises(InputError, match="has findings and an impression"):
        train(text_sections([lab, abstracts], mlm).with_set({**QUICK, "batch.listed": "4"}), tmp_path / "run")
    with pytest.raises(InputError, match="a preset or vocab_size beside --init"):
        train(text_mlm([lab], mlm).with_set(NEW), tmp_path / "run")
    assert not (tmp_path / "run").exists()
    (tmp_path / "begun").mkdir()
    (tmp_path / "begun" / "run.json").write_text("{}")
    with pytest.raises(InputError, match="is a run that has not ended"):
        text_sections([lab], tmp_path / "begun")


@pytest.mark.parametrize(
    ("recipe", "wrong"),
    [
        (text_mlm, {"share": "1.5"}), (text_mlm, {"validation_texts": "0"}), (text_mlm, {"vocabulary_texts": "0"}),
        (text_sections, {"temperature": "0"}), (text_sections, {"mlm_weight": "-1"}), (text_sections, {"joint_dim": "0"}),
    ],
)  # fmt: skip
def test_settings_that_are_none_are_refused(recipe, wrong, lab):
    with pytest.raises(InvalidNoun):
        recipe([lab]).with_set(wrong)
