"""Weights and card: strict, checked by digest, refused with a reason."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from mammoscribe.domain.finding import FindingType
from mammoscribe.models.card import ModelCard, OperatingPoint, read_card, write_card
from mammoscribe.models.weights_file import load_weights, save_weights
from mammoscribe.support.errors import InputError, InvalidNoun
from tests.models.tiny import tiny_config

LEVELS = {t.value: 0.5 for t in FindingType}
POINT = OperatingPoint("test phantoms", LEVELS, LEVELS, (1.0, 0.0, 0.0, 0.0, 0.0), 0.3, 40, reliability=("a", "b"))


def test_what_was_saved_is_loaded_to_half_precision(tmp_path):
    torch.manual_seed(0)
    one, two = nn.Linear(4, 3), nn.Linear(4, 3)
    digest = save_weights({"head": one}, tmp_path / "w.safetensors")
    load_weights({"head": two}, tmp_path / "w.safetensors", digest)
    torch.testing.assert_close(two.weight, one.weight.half().float())


@pytest.mark.parametrize("other", [nn.Linear(5, 3), nn.Sequential(nn.Linear(4, 3))], ids=["shape", "names"])
def test_weights_of_another_architecture_are_refused(tmp_path, other):
    save_weights({"head": nn.Linear(4, 3)}, tmp_path / "w.safetensors")
    with pytest.raises(InputError, match="does not fit the head network"):
        load_weights({"head": other}, tmp_path / "w.safetensors")


def test_keys_that_nothing_uses_are_an_error(tmp_path):
    save_weights({"head": nn.Linear(4, 3), "tail": nn.Linear(2, 2)}, tmp_path / "w.safetensors")
    with pytest.raises(InputError, match="nothing uses"):
        load_weights({"head": nn.Linear(4, 3)}, tmp_path / "w.safetensors")


def test_a_changed_file_is_refused_by_its_digest(tmp_path):
    save_weights({"head": nn.Linear(4, 3)}, tmp_path / "w.safetensors")
    with pytest.raises(InputError, match="SHA-256"):
        load_weights({"head": nn.Linear(4, 3)}, tmp_path / "w.safetensors", "0" * 64)


def test_a_file_that_is_no_safetensors_is_one_sentence(tmp_path):
    (tmp_path / "w.safetensors").write_bytes(b"not weights at all")
    with pytest.raises(InputError, match="not a safetensors file"):
        load_weights({"head": nn.Linear(4, 3)}, tmp_path / "w.safetensors")


def test_a_card_gives_back_what_was_written(tmp_path):
    card = ModelCard("starter", "phantoms", tiny_config(), "a" * 64, POINT, replace(POINT, population="films"))
    write_card(card, tmp_path / "card.json")
    assert read_card(tmp_path / "card.json") == card


def test_a_damaged_card_is_one_sentence(tmp_path):
    (tmp_path / "card.json").write_text('{"format": "mammoscribe.card/1", "surprise": 1}')
    with pytest.raises(InputError, match="not a readable model card"):
        read_card(tmp_path / "card.json")


def test_an_operating_point_needs_a_threshold_for_every_type():
    with pytest.raises(InvalidNoun, match="one for each finding type"):
        replace(POINT, thresholds={"mass": 0.5})
