"""Runs: what contradicts itself cannot be built, batches are shared out, execution is not part of what is learned."""

from pathlib import Path

import pytest

from benchmarks.engine_toy import ToySettings, toy_run
from mammoscribe.support.errors import InputError, InvalidNoun
from mammoscribe.training.engine.run import (
    Distribution,
    Execution,
    Kind,
    Offload,
    Optimiser,
    OptimiserKind,
    Precision,
    Run,
    Seeds,
)


def test_fields_of_the_run_its_parts_and_its_task_are_set_by_name():
    run = toy_run().with_set({
        "steps": "1_000", "learning_rate": "3e-4", "shape": "one-cycle", "optimiser.kind": "sgd", "precision": "bf16",
        "distribution.kind": "zero3", "task.width": "8", "dropout": "0.1", "batch.exams": "48", "minutes": "2.5",
        "betas": "0.9,0.95", "clip_norm": "none", "trackers": "tensorboard,wandb", "seeds.data": "4",
    })  # fmt: skip
    assert (run.steps, run.schedule.learning_rate, run.precision) == (1000, 3e-4, Precision.BF16)
    assert (run.optimiser.kind, run.optimiser.betas, run.optimiser.clip_norm) == (OptimiserKind.SGD, (0.9, 0.95), None)
    assert run.distribution.kind is Kind.ZERO3
    assert run.task == ToySettings(width=8, dropout=0.1)
    assert run.batch == {"exams": 48, "pairs": 16}
    assert (run.execution.minutes, run.execution.trackers) == (2.5, ("tensorboard", "wandb"))
    assert run.seeds == Seeds(0, 4, 0)


def test_a_wrong_field_is_answered_with_near_ones():
    with pytest.raises(
        InputError, match=r"no field of recipe toy is called 'learning_rat'; did you mean .*learning_rate"
    ):
        toy_run().with_set({"learning_rat": "1"})


def test_a_step_is_shared_out_evenly_or_not_at_all():
    run = toy_run(accumulate="2")
    assert (run.share("exams", 1), run.share("exams", 4), run.share("pairs", 4)) == (12, 3, 2)
    with pytest.raises(
        InvalidNoun, match="16 items of pairs for 3 processes that accumulate 2 parts; expected a multiple of 6"
    ):
        run.share("pairs", 3)


def test_what_a_run_learns_does_not_include_how_it_is_carried_out():
    run = toy_run()
    other = run.with_set({"workers": "2", "minutes": "5", "keep_last": "7", "device": "cuda", "validate_every": "3"})
    assert run.fields() == other.fields()
    assert run.fields() != run.with_set({"dropout": "0.5"}).fields()
    assert run.fields()["task"]["width"] == 16


@pytest.mark.parametrize(
    "changes",
    [
        {"steps": "0"}, {"accumulate": "0"}, {"accumulate": "5"}, {"batch.exams": "0"}, {"betas": "0.9"}, {"betas": "0.9,1"},
        {"weight_decay": "-1"}, {"eps": "0"}, {"clip_norm": "0"}, {"ema_decay": "1"}, {"momentum": "1"}, {"seeds.noise": "-1"},
        {"checkpoint_every": "0"}, {"keep_last": "0"}, {"log_every": "0"}, {"workers": "-1"}, {"minutes": "0"},
        {"timeout_minutes": "0"}, {"diverged_at": "1"}, {"offload": "all"}, {"deepspeed": "ds.json"},
    ],
)  # fmt: skip
def test_values_that_make_no_sense_are_refused(changes):
    with pytest.raises(InvalidNoun):
        toy_run(**changes)


def test_what_cannot_be_offloaded_is_refused():
    with pytest.raises(InvalidNoun):
        Distribution(Kind.FSDP2, Offload.OPTIMISER)
    with pytest.raises(InvalidNoun):
        Distribution(Kind.ZERO2, Offload.ALL)
    assert Distribution(Kind.ZERO3, Offload.ALL, Path("ds.json")).kind.is_zero


def test_defaults_can_be_built():
    assert Run("r", ToySettings(), 1, {"a": 1}).optimiser == Optimiser()
    assert Execution().keep_last >= 1
