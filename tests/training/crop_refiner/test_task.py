"""The crop refiner on the engine: prepared crops and a reader become that reader with a new part."""

import json

import numpy as np
import pytest
import torch

from mammoscribe.data.load import load_exam
from mammoscribe.models.reader.crop_refiner import PLANES, CropRefiner, CropRefinerConfig
from mammoscribe.models.reader.loading import load_reader
from mammoscribe.models.reader.norm_statistics import NormStatistics
from mammoscribe.models.reader.queries import NO_FINDING
from mammoscribe.reading import read_exam
from mammoscribe.support.errors import InputError
from mammoscribe.training.crop_refiner.crops import LabelledCrop, collate
from mammoscribe.training.crop_refiner.recipe import crop_refiner
from mammoscribe.training.crop_refiner.task import SHARES, crop_pass, with_crop_refiner
from mammoscribe.training.engine.run_folder import read_metrics
from mammoscribe.training.engine.train import train
from mammoscribe.training.reader.samples import LabelledFinding
from tests.training.fine_lab import fine_lab, tiny_reader
from tests.training.stopped import check_that_it_goes_on_exactly

pytest.importorskip("accelerate")
FAST = {
    "preset": "debug",
    "precision": "fp32",
    "execution.device": "cpu",
    "batch.phantom": "8",
    "learning_rate": "3e-3",
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    root = tmp_path_factory.mktemp("fine")
    return fine_lab(root, 4, "crops"), tiny_reader(root / "reader")


@pytest.fixture(scope="module")
def trained(lab, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "run"
    data, reader = lab
    run = crop_refiner([data], reader).with_set({**FAST, "steps": "16", "validate_every": "8", "checkpoint_every": "5"})
    assert train(run, folder).finished
    return run, folder


def test_the_losses_fall_and_marks_are_measured_on_the_validation_split(trained):
    rows = read_metrics(trained[1])
    steps = [r for r in rows if "loss/type" in r]
    assert np.mean([r["loss/type"] for r in steps[-4:]]) < 0.7 * np.mean([r["loss/type"] for r in steps[:4]])
    assert "val/right/margin" in next(r for r in rows if "val/score" in r)


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(trained, tmp_path):
    check_that_it_goes_on_exactly(*trained, tmp_path / "run", 7)


def test_the_model_is_the_reader_with_the_new_part_and_reads(lab, trained):
    model = trained[1] / "model"
    before, after = load_reader(str(lab[1])), load_reader(str(model))
    assert before.crop_refiner is None and after.crop_refiner is not None
    for old, new in zip(before.net.state_dict().values(), after.net.state_dict().values(), strict=True):
        assert torch.equal(old, new)
    card = json.loads((model / "card.json").read_text())
    assert card["trained_on"] == "nothing; crop refiner: phantom" and card["version"] == "1+crop-refiner"
    assert "validation split of phantom" in card["synthetic"]["population"]
    assert card["real"]["malignant"] is None and not card["real"]["words_measured"]
    report = read_exam(load_exam([lab[0].parent / "files" / "phantom-1"]).exam, after, images=False).report
    assert report.breasts[0].density in "abcd"


def test_training_goes_on_from_the_part_that_a_run_folder_holds_unless_a_fresh_one_is_asked_for(lab, trained):
    data, _ = lab
    weights = load_reader(str(trained[1] / "model")).crop_refiner.state_dict()
    for fresh in ("false", "true"):
        run = crop_refiner([data], trained[1]).with_set({**FAST, "steps": "1", "fresh": fresh})
        begun = run.task.build(run).modules["crop_refiner"].state_dict()
        same = all(torch.equal(begun[n], weights[n]) for n in weights)
        assert same == (fresh == "false")


def test_data_that_was_prepared_without_crops_is_refused(tmp_path):
    data = fine_lab(tmp_path, 2, "reader")
    with pytest.raises(InputError, match="without pictures of 200 um"):
        train(crop_refiner([data], tiny_reader(tmp_path / "reader")).with_set(FAST), tmp_path / "run")


def test_a_reader_of_another_canvas_than_the_data_is_refused(lab, tmp_path):
    other = fine_lab(tmp_path, 2, "crops-base")
    with pytest.raises(InputError, match="prepared as crops-base"):
        train(crop_refiner([other], lab[1]).with_set(FAST), tmp_path / "run")


def test_there_is_a_share_for_every_kind():
    assert set(SHARES) == set(range(NO_FINDING + 1))


def _batch(synthetic: bool):
    planes = np.random.default_rng(int(synthetic)).random((PLANES, 32, 32), np.float32)
    crops = [LabelledCrop(planes * s, LabelledFinding(0), frozenset({0}), False) for s in (1.0, 0.5)]
    return collate(crops, synthetic)


def _networks():
    net = CropRefiner(CropRefinerConfig(32, 8))
    return {"crop_refiner": net, "drawn": NormStatistics(net), "acquired": NormStatistics(net)}


def test_synthetic_and_acquired_crops_share_weights_and_no_statistics():
    modules = _networks()
    before = {n: modules[n].state_dict()[k].clone() for n in ("drawn", "acquired") for k in ["stem-1-running_mean"]}
    modules["crop_refiner"].train()
    crop_pass(modules, _batch(True))
    assert not torch.equal(modules["drawn"].state_dict()["stem-1-running_mean"], before["drawn"])
    assert torch.equal(modules["acquired"].state_dict()["stem-1-running_mean"], before["acquired"])


@pytest.mark.parametrize("origins", [{True}, {False}, {True, False}])
def test_the_part_has_the_statistics_of_the_images_it_was_trained_on(lab, origins):
    modules = _networks()
    modules["crop_refiner"].train()
    for synthetic in origins:
        crop_pass(modules, _batch(synthetic))
    tensors = {f"{n}.{k}": v.clone() for n, m in modules.items() for k, v in m.state_dict().items()}
    reader = with_crop_refiner(
        load_reader(str(lab[1])), tensors, CropRefinerConfig(32, 8), frozenset(origins)
    )  # fmt: skip
    drawn, acquired = (
        net.state_dict()["stem.1.running_mean"] for net in (reader.crop_refiner, reader.film_crop_refiner)
    )
    expected = {True: tensors["drawn.stem-1-running_mean"], False: tensors["acquired.stem-1-running_mean"]}
    assert torch.equal(drawn, expected[True in origins])
    assert torch.equal(acquired, expected[False not in origins])
    assert ("looks_films" in reader.parts) == (len(origins) == 2)
    assert reader.card.looks["acquired_statistics"] == (len(origins) == 2)
