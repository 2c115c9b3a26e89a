"""Weights and card: strict, checked by digest, refused with a reason."""

import json
from dataclasses import replace

import pytest
import torch
from torch import nn

from mammoscribe.domain.finding import FindingType
from mammoscribe.models.reader.card import ModelCard, OperatingPoint, read_card, write_card
from mammoscribe.models.reader.loading import load_reader
from mammoscribe.models.space_measures import SpaceMeasures
from mammoscribe.models.weights_file import load_net, load_weights, read_checkpoint, round_as_stored, save_weights
from mammoscribe.support.errors import InputError, InvalidNoun
from tests.models.tiny import tiny_config

LEVELS = {t.value: 0.5 for t in FindingType}
POINT = OperatingPoint("test phantoms", LEVELS, LEVELS, (1.0, 0.0, 0.0, 0.0, 0.0, 0.0), 0.3, 40, reliability=("a", "b"))


def test_what_was_saved_is_loaded_to_half_precision(tmp_path):
    torch.manual_seed(0)
    one, two = nn.Linear(4, 3), nn.Linear(4, 3)
    digest = save_weights({"head": one}, tmp_path / "w.safetensors")
    load_weights({"head": two}, tmp_path / "w.safetensors", digest)
    torch.testing.assert_close(two.weight, one.weight.half().float())


def test_what_is_rounded_as_stored_is_what_will_be_loaded(tmp_path):
    torch.manual_seed(0)
    made, loaded = (nn.Sequential(nn.Linear(7, 5), nn.BatchNorm1d(5)) for _ in range(2))
    made(torch.randn(9, 7))
    save_weights({"net": made}, tmp_path / "w.safetensors")
    round_as_stored({"net": made})
    load_weights({"net": loaded}, tmp_path / "w.safetensors")
    for name, value in made.state_dict().items():
        assert torch.equal(value, loaded.state_dict()[name]), name


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


def test_a_card_from_before_the_rule_over_pooled_maps_gives_it_no_weight(tmp_path):
    write_card(ModelCard("starter", "phantoms", tiny_config(), "a" * 64, POINT, POINT), tmp_path / "card.json")
    values = json.loads((tmp_path / "card.json").read_text())
    values["real"]["malignant"] = [1.0, 2.0, 3.0, 4.0, -5.0]
    (tmp_path / "card.json").write_text(json.dumps(values))
    assert read_card(tmp_path / "card.json").real.malignant == (1.0, 2.0, 3.0, 4.0, 0.0, -5.0)


def test_a_card_gives_back_what_was_written(tmp_path):
    card = ModelCard("starter", "phantoms", tiny_config(), "a" * 64, POINT, replace(POINT, population="films"))
    write_card(card, tmp_path / "card.json")
    assert read_card(tmp_path / "card.json") == card


def test_measures_of_the_joint_space_belong_to_the_weights_of_the_card(tmp_path):
    card = ModelCard("a", "phantoms", tiny_config(), "a" * 64, POINT, POINT, joint=SpaceMeasures("a" * 64))
    write_card(card, tmp_path / "card.json")
    assert read_card(tmp_path / "card.json") == card
    write_card(replace(card, weights_sha256="b" * 64), tmp_path / "card.json")
    with pytest.raises(InputError, match="measures of the joint space on other weights"):
        read_card(tmp_path / "card.json")


def test_a_damaged_card_is_one_sentence(tmp_path):
    (tmp_path / "card.json").write_text('{"format": "mammoscribe.card/1", "surprise": 1}')
    with pytest.raises(InputError, match="not a readable model card"):
        read_card(tmp_path / "card.json")


def test_an_operating_point_needs_a_threshold_for_every_type():
    with pytest.raises(InvalidNoun, match="one for each finding type"):
        replace(POINT, thresholds={"mass": 0.5})


def written(tmp_path, change):
    """A card whose JSON was changed after it was written."""
    write_card(ModelCard("starter", "phantoms", tiny_config(), "a" * 64, POINT, POINT), tmp_path / "card.json")
    values = json.loads((tmp_path / "card.json").read_text())
    values = change(values) or values
    (tmp_path / "card.json").write_text(json.dumps(values))
    return tmp_path / "card.json"


CHANGES = {
    "a list": lambda v: [v],
    "a number": lambda v: 7,
    "no digest": lambda v: v.pop("weights_sha256") and None,
    "a null digest": lambda v: v.update(weights_sha256=None),
    "a short digest": lambda v: v.update(weights_sha256="abc"),
    "no name": lambda v: v.update(name=None),
    "no config": lambda v: v.pop("config") and None,
    "a config of words": lambda v: v.update(config="large"),
    "a config without backbone": lambda v: v["config"]["encoder"].pop("backbone") and None,
    "an odd canvas": lambda v: v["config"].update(canvas_px=[100, 100]),
    "a canvas of words": lambda v: v["config"].update(canvas_px=["a", "b"]),
    "no population": lambda v: v["real"].pop("population") and None,
    "an empty population": lambda v: v["real"].update(population=""),
    "a threshold that is a word": lambda v: v["real"]["thresholds"].update(mass="high"),
    "a threshold of NaN": lambda v: v["real"]["thresholds"].update(mass=float("nan")),
    "a threshold above one": lambda v: v["real"]["thresholds"].update(mass=7),
    "too few weights": lambda v: v["synthetic"].update(malignant=[1.0]),
    "null weights": lambda v: v["synthetic"].update(mark_weights=None),
    "weights that are words": lambda v: v["synthetic"].update(mark_weights=["a", "b", "c"]),
    "a prevalence of all": lambda v: v["real"].update(prevalence=1.0),
    "half a breast": lambda v: v["real"].update(n=0.5),
    "a temperature of nothing": lambda v: v["real"].update(density_temperature=0),
    "words measured perhaps": lambda v: v["real"].update(words_measured="perhaps"),
    "measures that are a word": lambda v: v.update(joint="good"),
    "measures without margins": lambda v: v.update(joint={"weights_sha256": "a" * 64}),
    "a margin of one word": lambda v: v.update(joint={"weights_sha256": "a" * 64, "margins": ["mass"]}),
    "a margin without figures": lambda v: v.update(
        joint={"weights_sha256": "a" * 64, "margins": [{"name": "mass", "origin": "synthetic", "margin": 0.1}]}
    ),
    "an unknown key": lambda v: v.update(surprise=1),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_card_with_a_value_that_cannot_be_is_one_sentence(change, tmp_path):
    with pytest.raises(InputError, match=r"card\.json"):
        read_card(written(tmp_path, change))


def test_a_card_of_brackets_without_end_is_one_sentence(tmp_path):
    (tmp_path / "card.json").write_text("[" * 100_000)
    with pytest.raises(InputError, match=r"card\.json is not a readable model card"):
        read_card(tmp_path / "card.json")


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("patches", 5), ("patches", {}), ("patches", {"tophat": {}, "width": "wide"}), ("decoder", {"dim": 3}),
        ("decoder", []), ("looks", {"size_px": "x", "width": None}), ("phrases", {"vocab_size": -4}),
    ],
)  # fmt: skip
def test_a_card_that_describes_no_network_is_one_sentence(part, value, tmp_path):
    written(tmp_path, lambda v: v.update({part: value}))
    with pytest.raises(InputError, match=r"card\.json"):
        load_reader(str(tmp_path))


def test_a_checkpoint_is_read_or_refused_in_one_sentence(tmp_path):
    one, two = nn.Linear(4, 3), nn.Linear(4, 3)
    path = tmp_path / "checkpoint.pt"
    with pytest.raises(InputError, match="no checkpoint at"):
        read_checkpoint(path)
    torch.save({"net": one.state_dict()}, path)
    load_net(two, read_checkpoint(path), path)
    assert torch.equal(one.weight, two.weight)
    with pytest.raises(InputError, match=r"checkpoint\.pt is of another network"):
        load_net(nn.Linear(5, 3), read_checkpoint(path), path)
    whole = path.read_bytes()
    for content in (b"", b"not a checkpoint", whole[: len(whole) // 2], whole[:300] + b"x" * 300 + whole[600:]):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"checkpoint\.pt is not a checkpoint"):
            read_checkpoint(path)
    for other in ({"weights": 1}, [one.weight], {"net": 3}):
        torch.save(other, path)
        with pytest.raises(InputError, match="holds no network"):
            read_checkpoint(path)


class Trap:
    def __reduce__(self):
        return print, ("code was run",)


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path, capsys):
    torch.save({"net": {}, "more": Trap()}, tmp_path / "checkpoint.pt")
    with pytest.raises(InputError, match="is not a checkpoint"):
        read_checkpoint(tmp_path / "checkpoint.pt")
    assert "code was run" not in capsys.readouterr().out
