"""RE-tune: what a task's loss sees, what stays, determinism; class by class forgets more than all at once."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mammoscribe.data.labelled import LabelKind
from mammoscribe.evaluation.incremental import IncrementalResult, Metric, mean_defined
from mammoscribe.models.biovil.adaptors import AdaptorConfig, AdaptorKind, RetuneAdaptors, Sides, load_adaptors
from mammoscribe.support.errors import InputError, InvalidNoun
from mammoscribe.training.feature_cache import FeatureKind
from mammoscribe.training.retune import RetuneSchedule, masked_loss, reset_small_moves, retune, train_task
from mammoscribe.training.retune_run import RunSettings, bank_for, presence_classes, prompts_for, run, write_run
from mammoscribe.training.scenarios import Scenario, Task
from tests.feature_sets import DIM, NAMES, NumberSpace, make_features, separable

SHORT = RetuneSchedule(learning_rate=2e-3, batch=64, epochs=4)
ALL = np.arange(600)


def trained(labels: torch.Tensor, task: Task, schedule: RetuneSchedule = SHORT, **config) -> RetuneAdaptors:
    features, bank = separable()
    torch.manual_seed(0)
    net = RetuneAdaptors(AdaptorConfig(dim=DIM, **config))
    x = torch.from_numpy(features.split("train").features)
    train_task(net, x, labels, bank, task, schedule, torch.Generator().manual_seed(0))
    return net


def labels() -> torch.Tensor:
    return torch.from_numpy(separable()[0].split("train").labels.copy())


def same(one: RetuneAdaptors, other: RetuneAdaptors) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def measured(scenario: Scenario, **options) -> IncrementalResult:
    features, bank = separable()
    return run(features, bank, RunSettings(scenario, schedule=SHORT, **options), num_draws=20)[1]


def test_only_the_optimised_classes_count():
    task = Task("t", ALL, np.array([1]))
    other, own = labels(), labels()
    other[:, [0, 2]] = 1 - other[:, [0, 2]]
    own[:, 1] = 1 - own[:, 1]
    net = trained(labels(), task)
    assert same(net, trained(other, task))
    assert not same(net, trained(own, task))


def test_only_the_rows_of_the_task_count():
    task = Task("t", ALL[:100], np.array([0, 1, 2]))
    outside, inside = labels(), labels()
    outside[100:] = 1 - outside[100:]
    inside[:100] = 1 - inside[:100]
    net = trained(labels(), task)
    assert same(net, trained(outside, task))
    assert not same(net, trained(inside, task))


def test_unknown_labels_are_masked():
    logits = torch.tensor([[0.3, -2.0], [1.0, 0.5]], requires_grad=True)
    loss = masked_loss(logits, torch.tensor([[1.0, np.nan], [np.nan, 0.0]]))
    loss.backward()
    known = torch.nn.functional.binary_cross_entropy_with_logits(torch.tensor([0.3, 0.5]), torch.tensor([1.0, 0.0]))
    torch.testing.assert_close(loss.detach(), known)
    assert logits.grad is not None
    assert logits.grad.ne(0).tolist() == [[True, False], [False, True]]
    assert masked_loss(logits, torch.full((2, 2), np.nan)).item() == 0


@pytest.mark.parametrize("sides", list(Sides))
@pytest.mark.parametrize("kind", list(AdaptorKind))
def test_every_variant_learns(kind, sides):
    features, bank = separable()
    settings = RunSettings(Scenario.JOINT, kind=kind, sides=sides, schedule=replace(SHORT, epochs=12))
    result = run(features, bank, settings, num_draws=2)[1]
    assert result.last.macro(Metric.AUROC) > result.steps[0].figures.macro(Metric.AUROC) + 0.02


def test_the_same_seed_gives_the_same_run():
    assert measured(Scenario.CLASS) == measured(Scenario.CLASS)
    other = RunSettings(Scenario.CLASS, schedule=replace(SHORT, seed=28))
    assert measured(Scenario.CLASS) != run(*separable(), other, num_draws=20)[1]


def test_class_by_class_forgets_and_all_at_once_does_not():
    joint, by_class, by_data = (measured(s) for s in (Scenario.JOINT, Scenario.CLASS, Scenario.DATA))
    assert joint.last.macro(Metric.AUROC) > by_class.last.macro(Metric.AUROC) + 0.03
    assert mean_defined(by_class.forgetting()) > 0.03
    assert mean_defined(by_data.forgetting()) < 0.01
    assert mean_defined(by_class.backward_transfer()) < -0.03 < mean_defined(by_data.backward_transfer())


def test_zero_shot_is_the_first_step_of_every_run():
    zero, joint = measured(Scenario.ZERO_SHOT), measured(Scenario.JOINT)
    assert zero.steps == joint.steps[:1]
    assert zero.interval is not None and zero.interval.low < zero.last.macro(Metric.AUROC) < zero.interval.high


def test_weights_that_moved_little_go_back():
    torch.manual_seed(0)
    net = RetuneAdaptors(AdaptorConfig(AdaptorKind.LINEAR, Sides.IMAGE, 2))
    before = {k: v.clone() for k, v in net.state_dict().items()}
    with torch.no_grad():
        net.image.weight += torch.tensor([[1.0, 0.4], [-0.6, 0.0]])
        net.image.bias += 0.1
    reset_small_moves(net, before, 0.5)
    moved = net.image.weight - before["image.weight"]
    torch.testing.assert_close(moved, torch.tensor([[1.0, 0.0], [-0.6, 0.0]]))
    torch.testing.assert_close(net.image.bias - before["image.bias"], torch.full((2,), 0.1))


def test_a_schedule_with_resets_leaves_some_weights_where_they_were():
    task = Task("t", ALL, np.array([0]))
    start = trained(labels(), task, replace(SHORT, learning_rate=1e-12))
    kept = trained(labels(), task, replace(SHORT, reset_below=0.5))
    free = trained(labels(), task)
    stayed = [
        torch.isclose(a, b, rtol=0, atol=1e-9).float().mean()
        for a, b in zip(start.parameters(), kept.parameters(), strict=True)
    ]
    assert max(stayed) > 0.3
    assert not same(kept, free)


def test_what_does_not_belong_together_is_refused():
    features, bank = separable()
    pooled = replace(features, kind=FeatureKind.POOLED)
    with pytest.raises(InputError, match="pooled features; expected features in the joint space"):
        retune(pooled, pooled, bank, (), AdaptorConfig(dim=DIM), SHORT, "x")
    with pytest.raises(InputError, match="of \\[16, 128\\] dimensions"):
        retune(features, features, bank, (), AdaptorConfig(), SHORT, "x")
    with pytest.raises(InputError, match="beside prompts for edema, effusion"):
        retune(features, features, bank.only(NAMES[:2]), (), AdaptorConfig(dim=DIM), SHORT, "x")
    other = NumberSpace()
    other.name = "other"
    with pytest.raises(InputError, match="features of numbers beside the model other"):
        bank_for(features, other)


@pytest.mark.parametrize(
    "fields", [{"learning_rate": 0.0}, {"batch": 0}, {"epochs": 0}, {"reset_below": 1.0}, {"seed": 1 << 64}]
)
def test_a_schedule_cannot_be_built_wrong(fields):
    with pytest.raises(InvalidNoun):
        RetuneSchedule(**fields)


def test_a_device_that_is_not_there_is_one_sentence():
    with pytest.raises(InputError, match="the device nonsense cannot be used here"):
        RetuneSchedule(device="nonsense")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"scenario": Scenario.CLASS, "parts": 5}, "parts, which scenario class does not use"),
        ({"scenario": Scenario.DATA, "positives_only": True}, "positives only, which scenario data does not know"),
        ({"scenario": Scenario.DATA, "test_on": "train"}, "measuring on train"),
    ],
)
def test_an_option_that_a_scenario_does_not_use_is_refused(options, sentence):
    with pytest.raises(InputError, match=sentence):
        RunSettings(**options)


def test_prompts_come_from_the_file_or_ship_with_the_package(tmp_path):
    shipped = prompts_for(("Pleural_Effusion", "mass"))
    assert all("pleural effusion" in p for side in shipped["Pleural_Effusion"] for p in side)
    assert [len(side) for side in shipped["Pleural_Effusion"]] == [4, 4]
    assert "mass" in shipped["mass"][0][0]
    path = tmp_path / "prompts.toml"
    path.write_text('[edema]\npositive = ["edema"]\nnegative = ["no edema"]\n')
    assert prompts_for(("Edema",), path) == {"Edema": (("edema",), ("no edema",))}
    with pytest.raises(InputError, match=r"prompts.toml has no prompts for mass"):
        prompts_for(("edema", "mass"), path)


def test_a_run_leaves_result_map_and_adaptors(tmp_path: Path):
    features, bank = separable()
    settings = RunSettings(Scenario.CLASS, schedule=SHORT)
    net, result = run(features, bank, settings, num_draws=20)
    write_run(tmp_path, net, result, settings, features)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["adaptors.safetensors", "heat_map.html", "result.json"]
    loaded, classes, model = load_adaptors(tmp_path / "adaptors.safetensors")
    assert same(loaded, net) and classes == NAMES and model == "numbers"


def test_only_presence_labels_are_learned():
    assert presence_classes(make_features()).classes == ("edema",)
    with pytest.raises(InputError, match="no presence labels of edema change"):
        presence_classes(make_features(), ["edema change"])
    assert presence_classes(separable()[0], NAMES[::-1]).kinds == (LabelKind.PRESENCE,) * 3
