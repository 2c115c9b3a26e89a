"""Probes on the engine: losses with missing labels, shares of the labels, keep-best on val, figures with n and intervals."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from sklearn.metrics import roc_auc_score

from benchmarks.engine_processes import in_ranks
from mammoscribe.data.labelled import LabelKind
from mammoscribe.support.errors import InputError, InvalidNoun, MammoscribeError
from mammoscribe.training.engine.run import Run
from mammoscribe.training.engine.run_folder import comparable, read_metrics
from mammoscribe.training.engine.train import train
from mammoscribe.training.probes.feature_set import FeatureKind, FeatureSet, save_features
from mammoscribe.training.probes.items import in_share
from mammoscribe.training.probes.probe import ProbeSettings, full_loss, head_loss, label_counts, summary
from mammoscribe.training.probes.probe_networks import collate
from mammoscribe.training.probes.probe_result import figures_of
from mammoscribe.training.probes.recipes import probe
from mammoscribe.training.probes.towers import Shown
from tests.feature_sets import separable
from tests.training.probes.lab import chest_lab
from tests.training.stopped import alike, last_weights, stop_at

pytest.importorskip("accelerate")
SPLITS = ("train", "train", "val", "test")
QUICK = {"execution.device": "cpu", "steps": "40", "validate_every": "10", "batch": "32", "num_draws": "100"}


def labelled(num: int = 400) -> FeatureSet:
    """Pictures of three classes that can be told apart, two a patient, every fifth label unknown."""
    features = separable(num, 4)[0].rows(np.arange(num))
    labels = features.labels.copy()
    labels[np.random.default_rng(0).random(labels.shape) < 0.2] = np.nan
    patients = tuple(f"p{i // 2}" for i in range(num))
    splits = tuple(SPLITS[i // 2 % 4] for i in range(num))
    return replace(features, labels=labels, patients=patients, splits=splits)


def run_on(features: FeatureSet, folder: Path, **changes: str) -> Run:
    return probe([save_features(features, folder / "features.npz")]).with_set(QUICK | changes)


def results(folder: Path) -> dict:
    return json.loads((folder / "model" / "results.json").read_text())


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A run of a linear probe that nothing disturbed."""
    folder = tmp_path_factory.mktemp("probe")
    assert train(run_on(labelled(), folder), folder / "run").finished
    return folder / "run"


def built(run: Run):
    return run.task.build(run)


def test_the_loss_is_the_cross_entropy_of_the_known_labels_on_standardised_features(tmp_path):
    features = labelled(80)
    task = built(run_on(features, tmp_path))
    head = task.modules["head"]
    torch.manual_seed(0)
    torch.nn.init.normal_(head.linear.weight)
    torch.nn.init.normal_(head.linear.bias)
    batch = task.sources["items"].rows(np.arange(10))
    train_set = features.split("train")
    x, y = train_set.features[:10].astype(np.float64), train_set.labels[:10]
    z = (x - train_set.features.mean(0)) / train_set.features.std(0)
    p = 1 / (1 + np.exp(-(z @ head.linear.weight.detach().numpy().T + head.linear.bias.detach().numpy())))
    known = ~np.isnan(y)
    expected = -(y * np.log(p) + (1 - y) * np.log(1 - p))[known].sum()
    assert head_loss(task.modules, {"items": batch})["labels"].item() == pytest.approx(expected, rel=1e-4)
    assert label_counts({"items": batch}) == {"labels": known.sum()}


def test_validation_is_the_auroc_of_the_known_labels_and_their_mean():
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(40, 3)), rng.integers(0, 2, (40, 3)).astype(np.float32)
    labels[::3, 0] = np.nan
    labels[:, 2] = 1
    figures = summary([(logits[:15], labels[:15]), (logits[15:], labels[15:])], ("a", "b", "c"))
    known = ~np.isnan(labels[:, 0])
    a, b = roc_auc_score(labels[known, 0], logits[known, 0]), roc_auc_score(labels[:, 1], logits[:, 1])
    assert figures == {
        "auroc/a": pytest.approx(a),
        "auroc/b": pytest.approx(b),
        "auroc/macro": pytest.approx((a + b) / 2),
    }


def test_a_linear_probe_learns_what_can_be_told_and_states_its_figures(whole):
    found = results(whole)
    assert [part["split"] for part in found["splits"]] == ["val", "test"] and found["weights_chosen_on"] == "val"
    test = found["splits"][1]
    assert test["macro"] > 0.9 and test["interval"]["low"] < test["macro"] < test["interval"]["high"]
    truth = labelled().split("test")
    for c, figures in enumerate(test["classes"]):
        known = ~np.isnan(truth.labels[:, c])
        assert (figures["n"], figures["positives"]) == (known.sum(), (truth.labels[known, c] == 1).sum())
        assert figures["auroc_interval"]["low"] <= figures["auroc"] <= figures["auroc_interval"]["high"]
    assert found["trained_on"]["patients"] == 100
    lines = (whole / "model" / "summary.md").read_text().splitlines()
    assert sum(line.startswith("| test ") for line in lines) == 4


def test_the_figures_are_of_the_weights_that_were_best_on_val(whole):
    rows = [row for row in read_metrics(whole) if "val/auroc/macro" in row]
    assert len(rows) == 4
    assert results(whole)["splits"][0]["macro"] == pytest.approx(max(row["val/auroc/macro"] for row in rows), abs=1e-6)
    kept = load_file(whole / "model" / "probe.safetensors")
    best = load_file(next((whole / "checkpoints").glob("best-*")) / "weights.safetensors")
    assert alike(kept, best)


def test_labels_without_meaning_stay_at_chance(tmp_path):
    features = labelled()
    turned = np.random.default_rng(1).permutation(features.labels)
    assert train(run_on(replace(features, labels=turned), tmp_path), tmp_path / "run").finished
    interval = results(tmp_path / "run")["splits"][1]["interval"]
    assert interval["low"] < 0.5 < interval["high"]


def test_a_run_that_is_stopped_goes_on_to_the_last_bit(whole, tmp_path):
    run = run_on(labelled(), tmp_path)
    assert not train(run, tmp_path / "run", stop_at(23)).finished
    assert train(run, tmp_path / "run").finished
    assert comparable(read_metrics(tmp_path / "run")) == comparable(read_metrics(whole))
    assert alike(last_weights(tmp_path / "run"), last_weights(whole))
    assert results(tmp_path / "run") == results(whole)


def _in_rank(run: Run, folder: Path) -> str:
    torch.set_num_threads(1)
    try:
        return str(train(run, folder).finished)
    except MammoscribeError as error:
        return str(error)


def difference(one: Path, other: Path) -> float:
    """The largest of any loss, norm or figure of two runs."""
    pairs = zip(comparable(read_metrics(one)), comparable(read_metrics(other)), strict=True)
    return max(abs(a[name] - b[name]) for a, b in pairs for name in a.keys() | b.keys())


def test_two_processes_train_and_measure_as_one_does(whole, tmp_path):
    assert in_ranks(2, tmp_path / "ranks", _in_rank, run_on(labelled(), tmp_path), tmp_path / "run") == ["True", "True"]
    assert difference(whole, tmp_path / "run") < 1e-4
    assert results(tmp_path / "run")["splits"][1]["macro"] == pytest.approx(
        results(whole)["splits"][1]["macro"], abs=1e-4
    )


def test_a_share_of_the_labels_is_of_patients_and_the_smaller_is_a_part_of_the_larger(tmp_path):
    features = labelled()
    trained = {}
    for percent in ("10", "50", "100"):
        rows = built(run_on(features, tmp_path, percent=percent)).export.train
        assert all(in_share(p, float(percent)) for p in rows.patients)
        trained[percent] = set(rows.ids)
    assert trained["10"] < trained["50"] < trained["100"]
    unlabelled = np.isnan(features.labels).all(axis=1)
    in_train = np.array(features.splits) == "train"
    assert trained["100"] == {features.ids[n] for n in np.flatnonzero(in_train & ~unlabelled)}


def test_a_share_without_a_patient_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match=r"no labelled training item in 0\.01 % of 10 patients"):
        built(run_on(labelled(40), tmp_path, percent="0.01"))


def test_classes_are_chosen_by_name(tmp_path):
    assert built(run_on(labelled(), tmp_path, classes="pneumonia,edema")).export.features.classes == (
        "pneumonia",
        "edema",
    )
    with pytest.raises(InputError, match="no presence labels of mass"):
        built(run_on(labelled(), tmp_path, classes="mass"))


def test_what_has_nothing_to_be_learned_or_measured_is_refused(tmp_path):
    features = labelled(80)
    for split in ("train", "val"):
        labels = features.labels.copy()
        labels[[s == split for s in features.splits]] = 1
        with pytest.raises(InputError, match=f"no class is there in some and absent in other items of {split}"):
            built(run_on(replace(features, labels=labels), tmp_path))
    with pytest.raises(InputError, match="no picture in split val"):
        built(run_on(replace(features, splits=("train", "test") * 40), tmp_path))
    changes = replace(features, kinds=(LabelKind.CHANGE,) * 3, has_prior=np.ones(80, bool), kind=FeatureKind.POOLED)
    with pytest.raises(InputError, match="no class with presence labels"):
        built(run_on(changes, tmp_path))


@pytest.mark.parametrize(
    "fields",
    [{"percent": 0.0}, {"percent": 101.0}, {"tower_rate": 0.0}, {"num_draws": 0}, {"full": True, "pooled": False}],
)
def test_settings_cannot_be_built_wrong(fields):
    with pytest.raises(InvalidNoun):
        ProbeSettings(**fields)


@pytest.mark.parametrize("changes", [{"model": "debug"}, {"full": "true"}, {"pooled": "false"}])
def test_a_feature_file_takes_no_model(tmp_path, changes):
    with pytest.raises(InputError, match="for a feature file; expected prepared data"):
        built(run_on(labelled(80), tmp_path, **changes))


def test_no_data_and_folders_without_a_model_are_one_sentence(tmp_path):
    with pytest.raises(InputError, match="no data to train on"):
        probe([])
    with pytest.raises(InputError, match="one feature file, or prepared folders"):
        probe([tmp_path, tmp_path / "features.npz"])


def test_a_class_that_nobody_knows_has_no_figure():
    features = labelled(40)
    labels = features.labels.copy()
    labels[:, 1] = np.nan
    labels[:, 2] = 0
    _, unknown, absent = figures_of("val", np.zeros((40, 3)), replace(features, labels=labels), 10).classes
    assert (unknown.n, np.isnan(unknown.auroc), absent.positives, absent.auroc_interval) == (0, True, 0, None)


# --- prepared pictures, and a tower that is trained ------------------------------------------------------------------


@pytest.fixture(scope="module")
def chest(tmp_path_factory) -> Path:
    return chest_lab(tmp_path_factory.mktemp("chest") / "lab", views=2)


def on_chest(chest: Path, **changes: str) -> Run:
    quick = {
        "execution.device": "cpu",
        "model": "debug",
        "steps": "4",
        "validate_every": "2",
        "batch": "4",
        "num_draws": "10",
    }
    return probe([chest]).with_set(quick | changes)


def test_a_folder_without_a_model_is_one_sentence(chest):
    with pytest.raises(InputError, match="without a model"):
        built(on_chest(chest, model="none"))


def test_full_training_moves_the_tower_and_its_figures_are_of_the_moved_one(chest, tmp_path):
    run = on_chest(chest, full="true", tower_rate="1")
    before = {k: v.clone() for k, v in built(run).modules["tower"].state_dict().items()}
    assert train(run, tmp_path).finished
    after = load_file(tmp_path / "model" / "probe.safetensors")
    moved = [name for name, value in before.items() if not torch.equal(value, after[f"tower.{name}"])]
    assert len(moved) == len(before)
    best = max(row["val/auroc/macro"] for row in read_metrics(tmp_path) if "val/auroc/macro" in row)
    assert results(tmp_path)["splits"][0]["macro"] == pytest.approx(best)


def test_the_first_loss_of_full_training_is_that_of_the_linear_probe(chest, tmp_path):
    for full in ("false", "true"):
        assert train(on_chest(chest, full=full, steps="1", validate_every="1"), tmp_path / full).finished
    one, other = (read_metrics(tmp_path / full) for full in ("false", "true"))
    assert one[0]["loss/labels"] == pytest.approx(other[0]["loss/labels"], abs=1e-6)
    frozen, trained = (load_file(tmp_path / f / "model" / "probe.safetensors") for f in ("false", "true"))
    torch.testing.assert_close(frozen["head.linear.weight"], trained["head.linear.weight"], atol=1e-4, rtol=1e-2)


def test_an_item_of_several_pictures_has_the_mean_of_their_features():
    class Brightness(torch.nn.Module):
        def forward(self, pictures):
            from mammoscribe.training.probes.towers import Embedded

            return Embedded(pictures.images.mean((1, 2, 3))[:, None], None)

    grey = [Shown(np.full((2, 2), value, np.float32)) for value in (1.0, 3.0, 8.0)]
    batch = collate([(grey[:2], np.array([1, np.nan], np.float32)), (grey[2:], np.array([0, 1], np.float32))])
    modules = {"tower": Brightness(), "head": torch.nn.Identity()}
    from mammoscribe.training.probes.probe_networks import full_logits

    assert full_logits(modules, batch)[:, 0].tolist() == [2.0, 8.0]
    one = {**batch, "labels": batch["labels"][:, :1]}
    loss = full_loss(modules, {"items": one})["labels"].item()
    assert loss == pytest.approx(np.log1p(np.exp(-2.0)) + np.log1p(np.exp(8.0)), rel=1e-5)
