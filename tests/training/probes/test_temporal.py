"""Temporal heads on the engine: the regularised optimum, folds that keep patients together, chance stays chance."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score

from mammoscribe.data.folds import fold
from mammoscribe.support.errors import InputError, InvalidNoun
from mammoscribe.training.engine.run import Run
from mammoscribe.training.engine.train import train
from mammoscribe.training.probes.feature_set import FeatureKind, FeatureSet, save_features
from mammoscribe.training.probes.recipes import temporal
from mammoscribe.training.probes.temporal import TemporalSettings, temporal_counts, temporal_loss, temporal_task
from mammoscribe.training.probes.temporal_result import ChangeHead, figures_of
from tests.feature_sets import changing_pairs, make_features
from tests.training.stopped import alike, last_weights, stop_at

pytest.importorskip("accelerate")


def run_on(pairs: FeatureSet, folder: Path, **changes: str) -> Run:
    features = save_features(pairs, folder / "pairs.npz")
    return temporal([features]).with_set({"execution.device": "cpu", "steps": "150"} | changes)


def fitted(pairs: FeatureSet, folder: Path, **changes: str) -> tuple[dict, dict[str, ChangeHead]]:
    """temporal.json and the heads of a run."""
    assert train(run_on(pairs, folder, **changes), folder / "run").finished
    model = folder / "run" / "model"
    tensors = load_file(model / "heads.safetensors")
    names = {name.rpartition(".")[0] for name in tensors}
    heads = {name: ChangeHead(tensors[f"{name}.weight"], tensors[f"{name}.bias"]) for name in names}
    return json.loads((model / "temporal.json").read_text()), heads


@pytest.fixture(scope="module")
def crossed(tmp_path_factory) -> tuple[dict, dict[str, ChangeHead]]:
    """The cross-validation of 240 pairs."""
    return fitted(changing_pairs(), tmp_path_factory.mktemp("temporal"))


@pytest.mark.parametrize("balanced", [True, False])
def test_the_head_is_scikit_learns_optimum(tmp_path, balanced):
    pairs = changing_pairs(90)
    x, y = pairs.features * [1, 5, 1, 1, 1, 1, 1, 0.2] + 3, pairs.labels[:, 0].astype(int)
    y[y == 2] = np.where(np.arange((y == 2).sum()) % 3, 1, 2)  # unequal classes
    labels = np.stack([y, pairs.labels[:, 1]], axis=1).astype(np.float32)
    made = replace(pairs, features=x.astype(np.float32), labels=labels)
    _, heads = fitted(made, tmp_path, balanced=str(balanced), findings="edema", steps="250")
    z = (x - x.mean(0)) / x.std(0)
    weights = "balanced" if balanced else None
    reference = LogisticRegression(C=1 / (0.05 * len(y)), class_weight=weights, tol=1e-8, max_iter=1000).fit(z, y)
    given = heads["edema"].logits(x)
    given -= given.mean(1, keepdims=True)
    np.testing.assert_allclose(given, reference.decision_function(z), atol=3e-3)


def test_the_loss_is_the_sum_of_the_heads_balanced_means_and_the_penalty():
    pairs = changing_pairs(60)
    task = temporal_task(TemporalSettings(folds=3, findings=("edema",), penalty=0.5), pairs)
    net = task.modules["heads"]
    torch.manual_seed(0)
    with torch.no_grad():
        net.weight.normal_()
        net.bias.normal_()
    batches = {"pairs": task.sources["pairs"].rows(np.arange(60))}
    sums, counts = temporal_loss(task.modules, batches), temporal_counts(batches)
    given = sum(task.losses[name] * sums[name] / counts[name] for name in sums)
    x, y = pairs.features.astype(np.float64), pairs.labels[:, 0].astype(int)
    folds = np.array([fold(p, 3) for p in pairs.patients])
    expected = 0.25 * float(net.weight.detach().square().sum())
    for head, left_out in enumerate([0, 1, 2, None]):
        rows = np.flatnonzero(folds != left_out) if left_out is not None else np.arange(60)
        z = (x[rows] - x[rows].mean(0)) / x[rows].std(0)
        logits = z @ net.weight[head].detach().numpy().T + net.bias[head].detach().numpy()
        chosen = np.log(np.exp(logits).sum(1)) - logits[np.arange(len(rows)), y[rows]]
        expected += np.mean([chosen[y[rows] == c].mean() for c in range(3)])
    assert float(given.detach()) == pytest.approx(expected, rel=1e-5)


def test_a_class_without_pairs_is_never_answered(tmp_path):
    pairs = changing_pairs(60)
    two = pairs.rows(pairs.labels[:, 0] < 2)
    _, heads = fitted(two, tmp_path, findings="edema", steps="30")
    assert set(heads["edema"].logits(pairs.features).argmax(1)) == {0, 1}


def test_a_constant_feature_changes_nothing(tmp_path):
    pairs = changing_pairs(60)
    wide = replace(pairs, features=np.concatenate([pairs.features, np.full((60, 1), 7, np.float32)], axis=1))
    (tmp_path / "wide").mkdir()
    one, other = (fitted(p, tmp_path / n, steps="30")[1] for p, n in ((pairs, "."), (wide, "wide")))
    np.testing.assert_allclose(one["edema"].logits(pairs.features), other["edema"].logits(wide.features), atol=1e-5)


def test_what_can_be_told_is_told_and_chance_stays_chance(crossed):
    told, chance = crossed[0]["findings"]
    assert (told["finding"], sum(told["counts"]), told["patients"]) == ("edema", 240, 120)
    assert told["macro_accuracy"] > 0.7
    assert told["interval"]["low"] < told["macro_accuracy"] < told["interval"]["high"]
    assert chance["interval"]["low"] < 1 / 3 < chance["interval"]["high"]
    assert crossed[0]["mean_macro_accuracy"] == pytest.approx((told["macro_accuracy"] + chance["macro_accuracy"]) / 2)


def test_no_head_is_fitted_to_a_pair_of_a_patient_that_it_answers():
    pairs = changing_pairs(60)
    (trial,) = temporal_task(TemporalSettings(findings=("edema",)), pairs).export.trials
    *folds, whole = trial.heads
    patients = np.array(pairs.patients)
    assert len(folds) == 5 and len(whole.train) == 60 and not len(whole.test)
    assert sorted(np.concatenate([head.test for head in folds])) == list(range(60))
    assert all(not set(patients[head.train]) & set(patients[head.test]) for head in folds)


def test_pairs_of_a_fold_do_not_move_the_head_that_answers_them():
    """Turning all labels of a fold's pairs leaves the loss of its own head as it was, and moves that of the others."""
    pairs = changing_pairs(60)
    settings = TemporalSettings(findings=("edema",))
    (trial,) = temporal_task(settings, pairs).export.trials
    turned = pairs.labels.copy()
    turned[trial.heads[0].test, 0] = 2 - turned[trial.heads[0].test, 0]

    def gradients(labels: np.ndarray) -> torch.Tensor:
        task = temporal_task(settings, replace(pairs, labels=labels))
        temporal_loss(task.modules, {"pairs": task.sources["pairs"].rows(np.arange(60))})["changes"].backward()
        return task.modules["heads"].weight.grad

    before, after = gradients(pairs.labels), gradients(turned)
    assert torch.equal(before[0], after[0])
    assert all(not torch.equal(before[n], after[n]) for n in range(1, 6))


def test_figures_are_balanced_accuracy_and_a_confusion_table():
    rng = np.random.default_rng(0)
    truth, given = rng.integers(0, 3, 50), rng.integers(0, 3, 50)
    figures = figures_of("x", truth, given, list(range(50)), 10)
    assert figures.macro_accuracy == pytest.approx(balanced_accuracy_score(truth, given))
    assert figures.confusion[1][2] == ((truth == 1) & (given == 2)).sum()


def test_the_published_protocol_fits_on_train_and_measures_on_test(tmp_path):
    pairs = changing_pairs()
    found, heads = fitted(pairs, tmp_path, test_on="test")
    assert found["protocol"] == "fitted on train, measured on test"
    assert sum(found["findings"][0]["counts"]) == pairs.splits.count("test")
    test = pairs.split("test")
    answers = heads["edema"].logits(test.features).argmax(1)
    assert found["findings"][0]["macro_accuracy"] == pytest.approx(balanced_accuracy_score(test.labels[:, 0], answers))
    assert found["findings"][0]["macro_accuracy"] > 0.7


def test_a_run_that_is_stopped_goes_on_to_the_last_bit(tmp_path):
    run = run_on(changing_pairs(60), tmp_path, steps="20")
    assert train(run, tmp_path / "whole").finished
    assert not train(run, tmp_path / "stopped", stop_at(10)).finished
    assert train(run, tmp_path / "stopped").finished
    assert alike(last_weights(tmp_path / "whole"), last_weights(tmp_path / "stopped"))


def test_a_patient_in_two_splits_is_refused():
    mixed = replace(changing_pairs(60), splits=("test", "train") * 30)
    with pytest.raises(InputError, match="30 patients are in train and in test"):
        temporal_task(TemporalSettings(test_on="test"), mixed)


def test_a_finding_that_cannot_be_measured_is_left_out_with_its_reason():
    pairs = changing_pairs(60)
    labels = pairs.labels.copy()
    labels[:, 1] = 1
    export = temporal_task(TemporalSettings(), replace(pairs, labels=labels)).export
    assert [trial.finding for trial in export.trials] == ["edema"]
    assert export.left_out == (("chance", "60 pairs, all stable; expected two classes."),)
    train_rows = np.array([s == "train" for s in pairs.splits])
    labels[train_rows, 0] = np.nan
    with pytest.raises(InputError, match="no finding can be measured; the first, edema: no pair is labelled"):
        temporal_task(TemporalSettings(test_on="test"), replace(pairs, labels=labels))


def test_unknown_changes_are_not_used():
    pairs = changing_pairs(60)
    labels = pairs.labels.copy()
    labels[:20, 0] = np.nan
    (trial, _) = temporal_task(TemporalSettings(), replace(pairs, labels=labels)).export.trials
    assert trial.heads[-1].train.tolist() == list(range(20, 60))


def test_projected_features_and_sets_without_changes_are_refused():
    with pytest.raises(InputError, match="projected features; expected pooled ones"):
        temporal_task(TemporalSettings(), replace(changing_pairs(60), kind=FeatureKind.PROJECTED))
    with pytest.raises(InputError, match="no change labels of edema; expected out of edema change"):
        temporal_task(TemporalSettings(findings=("edema",)), make_features())


@pytest.mark.parametrize(
    "fields",
    [{"penalty": 0.0}, {"penalty": float("nan")}, {"folds": 1}, {"test_on": "train"}, {"test_on": "test", "folds": 3}],
)
def test_settings_cannot_be_built_wrong(fields):
    with pytest.raises(InvalidNoun):
        TemporalSettings(**fields)


def test_the_table_has_a_row_for_every_finding_and_one_for_their_mean(tmp_path):
    fitted(changing_pairs(60), tmp_path, steps="5", folds="3")
    lines = (tmp_path / "run" / "model" / "summary.md").read_text().splitlines()
    assert lines[0] == "3-fold cross-validation by patient" and lines[-1].startswith("| mean ")
