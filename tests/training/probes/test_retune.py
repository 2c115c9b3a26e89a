"""RE-tune on the engine: the published loss, one new optimiser a stage, what a stage sees; class by class forgets."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mammoscribe.models.biovil.adaptors import AdaptorConfig, AdaptorKind, RetuneAdaptors, Sides, load_adaptors
from mammoscribe.support.errors import InputError, InvalidNoun
from mammoscribe.training.engine.task import Feed
from mammoscribe.training.engine.train import train
from mammoscribe.training.probes.feature_set import FeatureKind
from mammoscribe.training.probes.prompts import bank_for, prompts_for
from mammoscribe.training.probes.retune import (
    Kept,
    PromptTensors,
    RetuneSettings,
    StagedSource,
    end_stage,
    ends_of,
    retune_counts,
    retune_loss,
    retune_task,
)
from mammoscribe.training.probes.scenarios import Scenario, Stage, stages_of
from tests.feature_sets import DIM, NAMES, NumberSpace, make_features, separable
from tests.training.probes.runs import Separable, retune_run
from tests.training.stopped import alike, last_weights, stop_at

pytest.importorskip("accelerate")


def result(folder: Path, settings: RetuneSettings, **changes) -> dict:
    assert train(retune_run(settings, **changes), folder).finished
    return json.loads((folder / "model" / "result.json").read_text())


def written_out(image: torch.nn.Module, text: torch.nn.Module, x: torch.Tensor, bank) -> torch.Tensor:
    """Logits of the paper: cosine with the mean of adapted positive prompts, less that with the negative ones."""
    columns = []
    for c in range(len(bank.classes)):
        sides = [text(bank.prompts[(bank.owners == c) & (bank.positive == good)]).mean(0) for good in (True, False)]
        positive, negative = (torch.cosine_similarity(image(x), side[None]) for side in sides)
        columns.append(positive - negative)
    return torch.stack(columns, dim=1)


def test_the_loss_is_that_of_the_paper_over_the_known_labels_of_the_stage():
    features, bank = separable()
    torch.manual_seed(0)
    net = RetuneAdaptors(AdaptorConfig(dim=DIM))
    x, y = torch.from_numpy(features.features[:20]), torch.from_numpy(features.labels[:20].copy())
    y[:, 1] = torch.nan
    y[3, 0] = torch.nan
    batches = {"pictures": {"features": x, "labels": y}}
    loss = retune_loss({"adaptors": net, "prompts": PromptTensors(bank)}, batches)["classes"]
    p = torch.sigmoid(written_out(net.image, net.text, x, bank))
    expected = sum(
        -(y[i, c] * p[i, c].log() + (1 - y[i, c]) * (1 - p[i, c]).log())
        for i in range(20) for c in range(3) if not y[i, c].isnan()
    )  # fmt: skip
    torch.testing.assert_close(loss, expected)
    assert retune_counts(batches) == {"classes": 39.0}


def test_a_batch_without_a_known_label_is_a_loss_of_zero_with_gradients_of_zero():
    features, bank = separable()
    net = RetuneAdaptors(AdaptorConfig(dim=DIM))
    x = torch.from_numpy(features.features[:2])
    batch = {"pictures": {"features": x, "labels": torch.full((2, 3), torch.nan)}}
    loss = retune_loss({"adaptors": net, "prompts": PromptTensors(bank)}, batch)["classes"]
    loss.backward()
    assert loss.item() == 0
    assert all(p.grad is not None and not p.grad.any() for p in net.parameters())


def test_the_run_is_stage_after_stage_with_a_new_adam_each(tmp_path):
    """Adam written out over the batches of the source, against the engine's weights after every stage."""
    run = retune_run(Separable(Scenario.CLASS), steps=9)
    task = run.task.build(run)
    assert train(run, tmp_path).finished
    net, prompts = task.modules["adaptors"], task.modules["prompts"]
    batches = task.sources["pictures"].batches(feed_of(run, tmp_path))
    kept = last_weights(tmp_path)["kept.after"]
    for stage in range(3):
        adam = torch.optim.Adam(net.parameters(), lr=2e-3)
        for _ in range(3):
            batch = next(batches)
            loss = retune_loss({"adaptors": net, "prompts": prompts}, {"pictures": batch})["classes"]
            adam.zero_grad()
            (loss / (~batch["labels"].isnan()).sum()).backward()
            adam.step()
        torch.testing.assert_close(torch.nn.utils.parameters_to_vector(net.parameters()), kept[stage])


def feed_of(run, folder: Path) -> Feed:
    """The feed that the engine gives the source."""
    from mammoscribe.training.engine.seeding import derived

    return Feed(derived("data", run.seeds.data, "pictures"), size=64)


def source_of(stages, ends, accumulate=1) -> StagedSource:
    train_set = separable()[0].split("train")
    return StagedSource(train_set.features, train_set.labels, stages, ends, accumulate)


def test_a_stage_sees_its_rows_once_a_pass_and_labels_of_its_classes_only():
    stages = (Stage("a", np.arange(0, 10), np.array([2])), Stage("b", np.arange(10, 16), np.array([0, 1])))
    source = source_of(stages, (5, 9))
    batches = source.batches(Feed(0, size=4))
    seen = [next(batches) for _ in range(9)]
    first, second = (torch.cat([b["features"] for b in part]) for part in (seen[:5], seen[5:]))
    everything = torch.from_numpy(source.features)
    assert torch.equal(first[:10].sort(0).values, everything[:10].sort(0).values)
    assert torch.equal(second[:6].sort(0).values, everything[10:16].sort(0).values)
    assert all(b["labels"][:, :2].isnan().all() and not b["labels"][:, 2].isnan().any() for b in seen[:5])
    assert all(b["labels"][:, 2].isnan().all() and not b["labels"][:, :2].isnan().any() for b in seen[5:])


@pytest.mark.parametrize("accumulate", [1, 2])
def test_two_processes_together_take_what_one_takes_and_a_position_is_all_that_resuming_needs(accumulate):
    stages = stages_of(Scenario.CLASS, separable()[0].split("train").labels, NAMES, 0)
    source = source_of(stages, (2, 4, 6), accumulate)
    one = source.batches(Feed(7, size=8))
    two = [source.batches(Feed(7, rank, 2, size=4)) for rank in range(2)]
    whole = [next(one)["features"] for _ in range(6 * accumulate)]
    for batch in whole:
        assert torch.equal(batch, torch.cat([next(part)["features"] for part in two]))
    later = source.batches(Feed(7, position=5, size=8))
    assert torch.equal(next(later)["features"], whole[5])


def test_steps_are_divided_in_proportion_and_every_stage_has_one():
    assert ends_of([100, 100, 200], 43) == (11, 22, 43)
    assert ends_of([1, 1000], 2) == (1, 2)
    with pytest.raises(InputError, match="2 steps for 3 tasks"):
        ends_of([1, 1, 1], 2)


@pytest.mark.parametrize(
    ("kind", "sides"), [*((AdaptorKind.MLP, side) for side in Sides), (AdaptorKind.LINEAR, Sides.BOTH)]
)
def test_every_variant_learns_and_its_adaptors_are_loaded_again(tmp_path, kind, sides):
    found = result(tmp_path, Separable(Scenario.JOINT, adaptor=kind, sides=sides), steps=120)
    assert found["steps"][1]["macro_auroc"] > found["steps"][0]["macro_auroc"] + 0.02
    net, classes, model = load_adaptors(tmp_path / "model" / "adaptors.safetensors")
    assert (classes, model) == (NAMES, "numbers")
    flat = last_weights(tmp_path)["kept.after"][-1]
    assert torch.equal(torch.nn.utils.parameters_to_vector(net.parameters()), flat)


def test_class_by_class_forgets_and_all_at_once_does_not(tmp_path):
    joint, by_class, by_data = (
        result(tmp_path / s.value, Separable(s)) for s in (Scenario.JOINT, Scenario.CLASS, Scenario.DATA)
    )
    last = {name: found["steps"][-1]["macro_auroc"] for name, found in (("joint", joint), ("class", by_class))}
    assert last["joint"] > last["class"] + 0.03
    assert by_class["forgetting_auroc"]["mean"] > 0.03
    assert by_data["forgetting_auroc"]["mean"] < 0.01
    assert by_class["backward_transfer_auroc"]["mean"] < -0.03 < by_data["backward_transfer_auroc"]["mean"]
    assert joint["steps"][0] == by_class["steps"][0] and joint["steps"][0]["optimised"] == []


def test_the_same_seed_gives_the_same_run_and_another_one_another(tmp_path):
    one, same, other = (result(tmp_path / str(n), Separable(), seed=s) for n, s in enumerate((27, 27, 28)))
    assert one == same != other


def test_a_run_that_is_stopped_within_a_stage_goes_on_to_the_last_bit(tmp_path):
    settings = Separable(reset_below=0.2)
    assert train(retune_run(settings, steps=12), tmp_path / "whole").finished
    assert not train(retune_run(settings, steps=12), tmp_path / "stopped", stop_at(7)).finished
    assert train(retune_run(settings, steps=12), tmp_path / "stopped").finished
    assert alike(last_weights(tmp_path / "whole"), last_weights(tmp_path / "stopped"))
    for name in ("result.json", "heat_map.html"):
        assert (tmp_path / "whole/model" / name).read_text() == (tmp_path / "stopped/model" / name).read_text()


def test_weights_that_moved_little_in_a_stage_go_back_to_where_that_stage_began():
    torch.manual_seed(0)
    net = RetuneAdaptors(AdaptorConfig(AdaptorKind.LINEAR, Sides.IMAGE, 2))
    modules = {"adaptors": net, "kept": Kept(net, 2)}
    with torch.no_grad():
        for number in range(2):
            before = net.image.weight.clone(), net.image.bias.clone()
            net.image.weight += torch.tensor([[1.0, 0.4], [-0.6, 0.0]])
            net.image.bias += 0.1
            end_stage(modules, number, 0.5)
            torch.testing.assert_close(net.image.weight - before[0], torch.tensor([[1.0, 0.0], [-0.6, 0.0]]))
            torch.testing.assert_close(net.image.bias - before[1], torch.full((2,), 0.1))
            assert torch.equal(modules["kept"].after[number], torch.nn.utils.parameters_to_vector(net.parameters()))


def test_what_does_not_belong_together_is_refused():
    features, bank = separable()
    run = retune_run(Separable())
    with pytest.raises(InputError, match="pooled features; expected features in the joint space"):
        retune_task(run, Separable(), replace(features, kind=FeatureKind.POOLED), bank)
    with pytest.raises(InputError, match="beside prompts for edema, effusion"):
        retune_task(run, Separable(), features, bank.only(NAMES[:2]))
    with pytest.raises(InputError, match="features of 4 dimensions beside prompts of 16"):
        retune_task(run, Separable(), replace(features, features=features.features[:, :4]), bank)
    with pytest.raises(InputError, match="which RE-tune does not use"):
        retune_task(replace(run, init=Path("w.safetensors")), Separable(), features, bank)
    other = NumberSpace()
    other.name = "other"
    with pytest.raises(InputError, match="features of numbers beside the model other"):
        bank_for(features, other)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"scenario": Scenario.CLASS, "parts": 5}, "parts 5 in the scenario class"),
        ({"scenario": Scenario.DATA, "parts": 1}, "parts 1 in the scenario data"),
        ({"scenario": Scenario.DATA, "positives_only": True}, "positives_only, which the scenario data does not use"),
        ({"test_on": "train"}, "test_on train"),
        ({"reset_below": 1.0}, "reset_below 1.0"),
    ],
)
def test_settings_that_contradict_each_other_cannot_be_built(fields, sentence):
    with pytest.raises(InvalidNoun, match=sentence):
        RetuneSettings(**fields)


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


def test_a_set_without_presence_labels_is_refused():
    from mammoscribe.data.labelled import LabelKind

    assert make_features().only(LabelKind.PRESENCE).classes == ("edema",)
    with pytest.raises(InputError, match="no presence labels of edema change"):
        make_features().only(LabelKind.PRESENCE, ["edema change"])
