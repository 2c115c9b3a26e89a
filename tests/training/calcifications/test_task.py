"""The calcification network on the engine: prepared fine views and a reader become that reader with a new part."""

import json

import numpy as np
import pytest
import torch

from mammoscribe.models.reader.loading import load_reader
from mammoscribe.support.errors import InputError, InvalidNoun
from mammoscribe.training.calcifications.recipe import calcifications
from mammoscribe.training.calcifications.task import CalcificationSettings
from mammoscribe.training.engine.run_folder import read_metrics
from mammoscribe.training.engine.train import train
from tests.training.fine_lab import fine_lab, tiny_reader
from tests.training.stopped import check_that_it_goes_on_exactly

pytest.importorskip("accelerate")
FAST = {
    "preset": "debug",
    "precision": "fp32",
    "execution.device": "cpu",
    "batch.phantom": "8",
    "learning_rate": "5e-3",
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    root = tmp_path_factory.mktemp("fine")
    return fine_lab(root, 4), tiny_reader(root / "reader", refiner=True)


@pytest.fixture(scope="module")
def trained(lab, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "run"
    data, reader = lab
    run = calcifications([data], reader).with_set(
        {**FAST, "steps": "24", "validate_every": "12", "checkpoint_every": "5"}
    )
    assert train(run, folder).finished
    return run, folder


def test_the_losses_fall_and_groups_are_found_in_the_validation_split(trained):
    rows = read_metrics(trained[1])
    steps = [r["loss/heat"] for r in rows if "loss/heat" in r]
    assert np.mean(steps[-4:]) < 0.5 * np.mean(steps[:4])
    assert [r for r in rows if "val/score" in r][-1]["val/found/any"] > 0.5


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(trained, tmp_path):
    check_that_it_goes_on_exactly(*trained, tmp_path / "run", 13)


def test_the_model_is_the_reader_with_the_new_part(lab, trained):
    model = trained[1] / "model"
    before, after = load_reader(str(lab[1])), load_reader(str(model))
    assert before.patch_net is None and after.patch_net is not None
    for old, new in zip(
        before.crop_refiner.state_dict().values(), after.crop_refiner.state_dict().values(), strict=True
    ):
        assert torch.equal(old, new)
    card = json.loads((model / "card.json").read_text())
    assert card["trained_on"] == "nothing; calcification network: phantom"
    point = card["synthetic"]
    assert (
        point["population"] == "validation split of phantom" and point["thresholds"]["calcification"] == 0.99
    )  # too few there
    assert card["patches"]["width"] == 8


def test_data_that_was_prepared_without_fine_pictures_is_refused(tmp_path):
    data = fine_lab(tmp_path, 2, "crops")
    with pytest.raises(InputError, match="without pictures of 100 um"):
        train(calcifications([data], tiny_reader(tmp_path / "reader")).with_set(FAST), tmp_path / "run")


def test_a_share_that_leaves_no_room_for_empty_patches_is_refused():
    with pytest.raises(InvalidNoun, match="group_share"):
        CalcificationSettings(group_share=1.0)
