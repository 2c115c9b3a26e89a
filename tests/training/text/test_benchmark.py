"""benchmarks/text_stage.py: figures of a split by hand, and what cannot be measured."""

import json

import numpy as np
import pytest
import torch

from benchmarks import text_stage
from mammoscribe.models.biovil.text_folder import write_text_folder
from mammoscribe.training.text.batches import MaskText
from mammoscribe.training.text.masking import Masking
from mammoscribe.training.text.mlm import masked_validation
from mammoscribe.training.text.start import Shape, text_start
from mammoscribe.training.text.texts import prepared_texts
from tests.training.text.lab import prepared, reports


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    return prepared(reports(), tmp_path_factory.mktemp("lab"))


@pytest.fixture(scope="module")
def start(lab):
    return text_start(None, Shape("debug"), [prepared_texts(lab, "train")], 0, projects=True)


def run(monkeypatch, *options: object) -> int:
    monkeypatch.setattr("sys.argv", ["text_stage.py", *map(str, options)])
    return text_stage.main()


def test_a_model_stands_beside_its_start_and_beside_counting(lab, start, tmp_path, monkeypatch, capsys):
    (tmp_path / "model").mkdir()
    write_text_folder(start.model, start.files, tmp_path / "model", "x")
    assert run(monkeypatch, "--data", lab, "--model", tmp_path / "model", "--json", tmp_path / "rows.json") == 0
    printed = capsys.readouterr().out
    rows = {row["what"]: row for row in json.loads((tmp_path / "rows.json").read_text())}
    for name in ("untrained", "token frequencies", "model"):
        assert rows[f"{name}: perplexity of masked tokens"]["value"] > 1 and f"| {name}: perplexity" in printed
    for name in ("untrained", "pieces in common", "model"):
        assert "18 pairs, chance 0.0" in rows[f"{name}: impression of findings, nearest of 100"]["n"]
    assert rows["pieces in common: impression of findings, nearest of 100"]["value"] > 0.5
    assert rows["untrained: impression of findings, nearest of 100"]["value"] < 0.5
    assert (
        rows["token frequencies: perplexity of masked tokens"]["value"]
        < rows["untrained: perplexity of masked tokens"]["value"]
    )


def test_a_model_without_a_head_is_not_matched(lab, tmp_path, monkeypatch, capsys):
    start = text_start(None, Shape("debug"), [prepared_texts(lab, "train")], 0, projects=False)
    write_text_folder(start.model, start.files, tmp_path, "x")
    assert run(monkeypatch, "--data", lab, "--model", tmp_path, "--split", "val") == 0
    assert "nearest of" not in capsys.readouterr().out


def test_frequencies_give_the_cross_entropy_of_their_shares(lab, start):
    held_back = masked_validation(lab, MaskText(start.pieces, Masking(0.5)), "", 1000, "test")
    counts, holders, number = text_stage.frequencies(lab, start.pieces)
    texts = prepared_texts(lab, "train")
    there = start.pieces.tokenizer.convert_tokens_to_ids("there")
    said = [texts[n].lower().split().count("there") for n in range(len(texts))]
    assert (counts[there], holders[there], number) == (sum(said), sum(map(bool, said)), len(texts))
    shares = np.maximum(counts, 0.5) / np.maximum(counts, 0.5).sum()
    labels = torch.cat([batch.labels[batch.labels >= 0] for batch in text_stage.batches(held_back)]).tolist()
    found = list(text_stage.by_frequency(held_back, counts))
    assert sum(f.total for f in found) == pytest.approx(-sum(np.log(shares[n]) for n in labels), rel=1e-9)
    assert sum(f.tokens for f in found) == len(labels) > 20
    assert sum(f.first for f in found) == sum(n == int(counts.argmax()) for n in labels)


def test_without_such_a_model_or_split_it_ends_with_2(lab, tmp_path, monkeypatch, capsys):
    assert run(monkeypatch, "--data", lab, "--model", tmp_path) == 2
    assert "no text weights" in capsys.readouterr().out
