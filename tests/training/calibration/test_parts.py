"""Model folders of readers of which a part was replaced."""

from dataclasses import replace

import pytest
import torch

from mammoscribe.models.decoder.network import ReportDecoder
from mammoscribe.models.reader.loading import load_reader
from mammoscribe.models.space_measures import SpaceMeasures
from mammoscribe.training.calibration.parts import write_reader, write_with_parts


@pytest.fixture(scope="module")
def starter():
    return load_reader("starter")


def measured(reader):
    """The reader with measures of its joint space on its own weights."""
    return replace(reader, card=replace(reader.card, joint=SpaceMeasures(reader.card.weights_sha256)))


def test_measures_of_the_joint_space_stay_where_its_networks_stay(starter, tmp_path):
    torch.manual_seed(0)
    config = replace(starter.decoder.config, dim=16, heads=2, ff_dim=16)
    card = write_with_parts(
        measured(starter), tmp_path, {"decoder": ReportDecoder(config).eval()}, {"decoder": config.as_dict()}, "decoder"
    )
    assert card.weights_sha256 != starter.card.weights_sha256
    found = load_reader(str(tmp_path)).card.joint
    assert found is not None and found.weights_sha256 == card.weights_sha256


def test_measures_of_the_joint_space_go_with_the_space_that_they_are_of(starter, tmp_path):
    text = starter.phrases.config
    changed = type(starter.phrases)(text).eval()
    write_with_parts(measured(starter), tmp_path, {"phrases": changed}, {"phrases": text.as_dict()}, "joint space")
    assert load_reader(str(tmp_path)).card.joint is None


def test_measures_of_other_weights_are_never_written(starter, tmp_path):
    card = write_reader(measured(replace(starter, decoder=None, card=replace(starter.card, decoder=None))), tmp_path)
    assert card.joint is None and load_reader(str(tmp_path)).card.joint is None
