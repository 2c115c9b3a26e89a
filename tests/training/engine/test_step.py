"""One optimiser step, against the same step written out by hand."""

import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from mammoscribe.support.errors import InputError, InvalidNoun
from mammoscribe.training.engine.train import train
from tests.training.engine.linear import Linear, X, Y, Z, errors, linear_run


def rows(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def weights(folder: Path, step: int) -> dict[str, torch.Tensor]:
    return load_file(folder / "checkpoints" / f"step-{step:08d}" / "weights.safetensors")


def start(folder: Path) -> nn.Linear:
    """The layer a run in `folder` began with: what a run of no learning rate leaves."""
    train(linear_run(learning_rate="1e-30"), folder)
    layer = nn.Linear(2, 2)
    layer.load_state_dict({n.removeprefix("layer."): t for n, t in weights(folder, 1).items()})
    return layer


def by_hand(layer: nn.Linear, rate: float = 0.1) -> tuple[float, float]:
    """A step of gradient descent on means over labels, in place; the two losses."""
    out = layer(X)
    y = torch.stack([(out[i, 0] - Y[i]) ** 2 for i in (0, 2, 5)]).mean()
    z = torch.stack([(out[i, 1] - Z[i]) ** 2 for i in (1, 2, 3, 4, 5)]).mean()
    layer.zero_grad()
    (y + 0.25 * z).backward()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter -= rate * parameter.grad
    return float(y.detach()), float(z.detach())


@pytest.mark.parametrize("accumulate", ["1", "2", "3", "6"])
def test_losses_are_means_over_labels_in_however_many_parts_they_are_computed(accumulate, tmp_path):
    layer = start(tmp_path / "start")
    train(linear_run(3, accumulate=accumulate), tmp_path / "run")
    found = rows(tmp_path / "run")
    for row in found:
        y, z = by_hand(layer)
        assert (row["loss/y"], row["loss/z"]) == pytest.approx((y, z), rel=1e-5)
        assert row["loss/total"] == pytest.approx(y + 0.25 * z, rel=1e-5)
    for name, tensor in weights(tmp_path / "run", 3).items():
        assert torch.allclose(tensor, layer.state_dict()[name.removeprefix("layer.")], atol=1e-6)


def test_the_gradient_is_scaled_down_to_the_norm_and_reported_before(tmp_path):
    layer = start(tmp_path / "start")
    before = layer.weight.detach().clone(), layer.bias.detach().clone()
    by_hand(layer)
    gradient = torch.cat(
        [((b - a.detach()) / 0.1).flatten() for b, a in zip(before, (layer.weight, layer.bias), strict=True)]
    )
    train(linear_run(clip_norm="0.5"), tmp_path / "run")
    after = weights(tmp_path / "run", 1)
    moved = torch.cat([(b - after[f"layer.{n}"]).flatten() for b, n in zip(before, ("weight", "bias"), strict=True)])
    assert rows(tmp_path / "run")[0]["grad_norm"] == pytest.approx(float(gradient.norm()), rel=1e-4)
    assert float(moved.norm()) == pytest.approx(0.1 * 0.5, rel=1e-4)


def test_a_loss_without_a_label_in_the_whole_step_is_left_out(tmp_path):
    def no_z(batches):
        return {"y": 3, "z": 0}

    train(linear_run(task=Linear(changes={"counts": no_z})), tmp_path)
    row = rows(tmp_path)[0]
    assert "loss/z" not in row
    assert row["loss/total"] == pytest.approx(row["loss/y"])


def not_finite_at(*steps: int):
    calls = iter(range(1, 1000))

    def loss(modules, batches):
        found = errors(modules, batches)
        return found | {"y": found["y"] * float("nan")} if next(calls) in steps else found

    return loss


def test_a_step_whose_gradient_is_not_finite_moves_nothing_and_is_counted(tmp_path):
    train(linear_run(4, Linear(loss=not_finite_at(2, 3))), tmp_path)
    found = rows(tmp_path)
    assert [row["skipped"] for row in found] == [0, 1, 2, 2]
    assert [row["loss/y"] is None for row in found] == [False, True, True, False]
    one, two, three, four = (weights(tmp_path, step)["layer.weight"] for step in (1, 2, 3, 4))
    assert torch.equal(one, two) and torch.equal(two, three)
    assert not torch.equal(three, four)


def test_a_step_of_adam_that_is_skipped_leaves_its_averages_alone(tmp_path):
    adam = {"optimiser.kind": "adamw"}
    train(linear_run(3, **adam), tmp_path / "plain")
    train(linear_run(4, Linear(loss=not_finite_at(2)), **adam), tmp_path / "skipped")
    assert torch.allclose(
        weights(tmp_path / "plain", 3)["layer.weight"], weights(tmp_path / "skipped", 4)["layer.weight"]
    )


def test_modules_learn_at_their_own_rate_and_what_is_frozen_does_not(tmp_path):
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.slow, self.fast, self.still = (
                nn.Linear(2, 2),
                nn.Linear(2, 2),
                nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.9)),
            )

        def forward(self, x):
            assert not self.still.training or not torch.is_grad_enabled()
            return self.slow(x) + self.fast(x) + self.still(x)

    changes = {"modules": {"layer": Two()}, "rates": {"layer": 0.1, "layer.fast": 1.0}, "frozen": ("layer.still",)}
    before = {name: p.detach().clone() for name, p in changes["modules"]["layer"].named_parameters()}
    train(linear_run(task=Linear(changes=changes)), tmp_path)
    moved = {name: weights(tmp_path, 1)[f"layer.{name}"] - old for name, old in before.items()}
    assert torch.allclose(moved["fast.weight"], 10 * moved["slow.weight"], atol=1e-6)
    assert moved["slow.weight"].abs().max() > 0
    assert moved["still.0.weight"].abs().max() == 0


def test_decay_is_for_matrices_unless_the_task_decides(tmp_path):
    def zero(modules, batches):
        return {name: value * 0 for name, value in errors(modules, batches).items()}

    def none(name, parameter):
        return name == "layer.bias"

    run = linear_run(task=Linear(loss=zero), weight_decay="0.5")
    train(run, tmp_path / "matrices")
    train(replace(run, task=Linear(loss=zero, changes={"decays": none})), tmp_path / "bias")
    first = start(tmp_path / "start")
    kept, shrunk = weights(tmp_path / "matrices", 1), weights(tmp_path / "bias", 1)
    assert torch.allclose(kept["layer.weight"], first.weight * 0.95)
    assert torch.allclose(kept["layer.bias"], first.bias)
    assert torch.allclose(shrunk["layer.weight"], first.weight)
    assert torch.allclose(shrunk["layer.bias"], first.bias * 0.95)


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        (lambda m, b: {"w": m["layer"](X).sum()}, "a loss 'w'"),
        (lambda m, b: {"y": m["layer"](X).sum(0)}, r"a loss 'y' of shape \(2,\)"),
        (lambda m, b: {}, "no loss at all"),
    ],
)
def test_a_loss_that_was_not_announced_or_is_no_scalar_is_one_sentence(loss, words, tmp_path):
    with pytest.raises(InvalidNoun, match=words):
        train(linear_run(task=Linear(loss=loss)), tmp_path)


def test_a_count_of_something_else_is_one_sentence(tmp_path):
    with pytest.raises(InvalidNoun, match="a count of 'w'; expected one of the losses y, z"):
        train(linear_run(task=Linear(changes={"counts": lambda b: {"w": 1}})), tmp_path)


def test_a_parameter_that_no_loss_reaches_is_named(tmp_path):
    class Half(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.forgotten = nn.Linear(2, 2), nn.Linear(2, 2)

        def forward(self, x):
            return self.used(x)

    task = Linear(changes={"modules": {"layer": Half()}})
    with pytest.raises(
        InputError, match=r"layer\.forgotten\.bias, layer\.forgotten\.weight never got a gradient in 20 steps"
    ):
        train(linear_run(50, task), tmp_path)


def test_names_of_modules_that_are_not_there_are_answered_with_near_ones(tmp_path):
    with pytest.raises(InputError, match="no module of the task is called 'layr'; did you mean layer"):
        train(linear_run(task=Linear(changes={"frozen": ("layr",)})), tmp_path)


def test_a_parameter_is_frozen_or_has_a_rate_of_its_own_by_its_name(tmp_path):
    begun = start(tmp_path / "begun").state_dict()
    for name, changes in (("frozen", {"frozen": ("layer.bias",)}), ("rated", {"rates": {"layer.bias": 1e-9}})):
        train(linear_run(2, Linear(changes=changes)), tmp_path / name)
        kept = weights(tmp_path / name, 2)
        assert torch.allclose(kept["layer.bias"], begun["bias"], atol=1e-6)
        assert not torch.allclose(kept["layer.weight"], begun["weight"], atol=1e-4)


def test_buffers_that_several_modules_share_are_kept_for_each(tmp_path):
    class Statistics(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("mean", torch.zeros(2))

    norm = nn.BatchNorm1d(2, affine=False, track_running_stats=True)
    banks = nn.ModuleDict({"drawn": Statistics(), "filmed": Statistics()})

    def loss(modules, batches):
        modules["norm"].running_mean = modules["banks"]["filmed"].mean
        modules["norm"](batches["rows"]["x"])
        return errors(modules, batches)

    task = Linear(changes={"modules": {"layer": nn.Linear(2, 2), "norm": norm, "banks": banks}}, loss=loss)
    train(linear_run(1, task), tmp_path)
    kept = weights(tmp_path, 1)
    assert kept["banks.drawn.mean"].abs().max() == 0
    assert kept["banks.filmed.mean"].abs().max() > 0
    train(linear_run(1, task), tmp_path)


def test_noise_differs_from_step_to_step_and_is_the_same_in_the_same_run(tmp_path):
    def drawn(folder: Path, seed: str) -> list[tuple[float, float, float]]:
        found = []

        def loss(modules, batches):
            found.append((float(torch.rand(())), random.random(), float(np.random.rand())))  # noqa: NPY002
            return errors(modules, batches)

        train(linear_run(5, Linear(loss=loss), **{"seeds.noise": seed}), folder)
        return found

    first, again, other = drawn(tmp_path / "a", "0"), drawn(tmp_path / "b", "0"), drawn(tmp_path / "c", "1")
    assert first == again
    assert len({number for numbers in (*first, *other) for number in numbers}) == 30
