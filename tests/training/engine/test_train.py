"""Training a run: what is in its folder, stopping and going on exactly, what is refused, what is left after a fault."""

import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from benchmarks.engine_processes import forked
from benchmarks.engine_toy import toy_run
from mammoscribe.support.errors import InputError, MissingExtra
from mammoscribe.training.engine.run import Run
from mammoscribe.training.engine.task import Validation
from mammoscribe.training.engine.train import train
from mammoscribe.training.engine.watch import Diverged
from tests.training.engine.linear import Linear, errors, linear_run

TIMED = ("seconds", "items_per_s", "memory_mb")


def rows(folder: Path) -> list[dict]:
    """Lines of metrics.jsonl without what the machine's speed decides."""
    found = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in row.items() if name not in TIMED} for row in found]


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in (folder / "checkpoints").iterdir())


def weights(folder: Path, checkpoint: str) -> dict[str, torch.Tensor]:
    return load_file(folder / "checkpoints" / checkpoint / "weights.safetensors")


def at(step: int, do: Callable[[], None]) -> Callable[[dict], None]:
    """A listener that does something at the line of a step."""
    return lambda row: do() if row["step"] == step and "rate" in row else None


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A run of forty steps that nothing disturbed."""
    folder = tmp_path_factory.mktemp("engine") / "whole"
    assert train(toy_run(), folder).exit_code == 0
    return folder


def test_a_run_learns_and_leaves_what_others_read(whole):
    found = rows(whole)
    steps, validations = [r for r in found if "rate" in r], [r for r in found if "rate" not in r]
    assert [r["step"] for r in steps] == list(range(1, 41))
    assert [r["step"] for r in validations] == [10, 20, 30, 40]
    assert sum(r["loss/total"] for r in steps[-5:]) < 0.4 * sum(r["loss/total"] for r in steps[:5])
    assert validations[-1]["val/accuracy"] > 0.6
    about = json.loads((whole / "run.json").read_text())
    assert about["recipe"] == "toy"
    assert about["fields"]["task"] == {"width": 16, "items": 240, "dropout": 0.0}
    assert about["data"] == {"exams": "toy", "pairs": "toy"}
    assert about["versions"]["torch"] == torch.__version__
    assert {"command", "git", "machine", "init"} <= about.keys()
    assert sorted(p.name for p in (whole / "plots").iterdir()) == [
        "gradient.svg",
        "losses.svg",
        "rate.svg",
        "validation.svg",
    ]


def test_the_last_checkpoints_and_the_best_weights_are_kept(whole):
    best = min((r for r in rows(whole) if "val/loss" in r), key=lambda r: r["val/loss"])["step"]
    assert names(whole) == [f"best-{best:08d}", "step-00000030", "step-00000040"]
    with safe_open(whole / "checkpoints" / f"best-{best:08d}" / "weights.safetensors", "pt") as stored:
        assert stored.metadata()["step"] == str(best)
        assert {key.split(".")[0] for key in stored.keys()} == {"image", "text", "heads"}  # noqa: SIM118


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 85), (signal.SIGUSR1, 85), (signal.SIGINT, 130)], ids=["term", "usr1", "int"]
)
def test_a_signal_ends_in_a_checkpoint_and_the_run_goes_on_exactly(number, code, whole, tmp_path):
    notes: list[str] = []
    stopped = train(toy_run(), tmp_path, at(13, lambda: os.kill(os.getpid(), number)), notes.append)
    assert (stopped.step, stopped.finished, stopped.exit_code) == (13, False, code)
    assert notes == [f"stopped after step 13 of 40: {number.name} was received"]
    assert names(tmp_path)[-1] == "step-00000013"
    finished = train(toy_run(), tmp_path, notify=notes.append)
    assert (finished.finished, notes[1]) == (True, "goes on from step 13")
    assert rows(tmp_path) == rows(whole)
    assert all(
        torch.equal(t, weights(whole, "step-00000040")[n]) for n, t in weights(tmp_path, "step-00000040").items()
    )


def test_the_time_limit_ends_in_a_checkpoint_and_the_run_goes_on_exactly(whole, tmp_path):
    stopped = train(toy_run(minutes="1e-9"), tmp_path)
    assert (stopped.step, stopped.exit_code) == (0, 85)
    assert "time limit" in stopped.reason
    assert names(tmp_path) == ["step-00000000"]
    train(toy_run(), tmp_path)
    assert rows(tmp_path) == rows(whole)


def test_dropout_averages_workers_and_parts_go_on_exactly_too(tmp_path):
    run = toy_run(dropout="0.3", ema_decay="0.9", accumulate="2", workers="1", steps="24")
    train(run, tmp_path / "whole")
    for step in (7, 15):
        stopped = train(run, tmp_path / "parts", at(step, lambda: os.kill(os.getpid(), signal.SIGTERM)))
        assert stopped.step == step
    train(run, tmp_path / "parts")
    assert rows(tmp_path / "parts") == rows(tmp_path / "whole")
    for name in ("weights", "ema"):
        one, other = (
            load_file(tmp_path / f / "checkpoints" / "step-00000024" / f"{name}.safetensors")
            for f in ("whole", "parts")
        )
        assert all(torch.equal(one[key], other[key]) for key in one)


def test_validations_and_checkpoints_do_not_change_what_is_learned(whole, tmp_path):
    train(toy_run(validate_every="7", checkpoint_every="3", workers="1"), tmp_path)
    assert [r for r in rows(tmp_path) if "rate" in r] == [r for r in rows(whole) if "rate" in r]


def test_other_seeds_learn_otherwise(whole, tmp_path):
    for name in ("weights", "data"):
        train(toy_run(**{f"seeds.{name}": "1", "steps": "2"}), tmp_path / name)
        assert rows(tmp_path / name)[0]["loss/total"] != rows(whole)[0]["loss/total"]


def test_a_finished_run_that_is_started_again_stays_as_it_is(whole, tmp_path):
    train(toy_run(steps="10"), tmp_path)
    before = rows(tmp_path)
    assert train(toy_run(steps="10"), tmp_path).finished
    assert rows(tmp_path) == before


def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(whole, tmp_path):
    train(toy_run(), tmp_path, at(25, lambda: os.kill(os.getpid(), signal.SIGTERM)))
    damaged = tmp_path / "checkpoints" / "step-00000025" / "state" / "optimizer.bin"
    damaged.write_bytes(damaged.read_bytes()[:-100])
    notes: list[str] = []
    train(toy_run(), tmp_path, notify=notes.append)
    assert notes == ["step-00000025 is damaged and is not used", "goes on from step 20"]
    assert rows(tmp_path) == rows(whole)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"learning_rate": "0.02"}, "learning_rate 0.01 -> 0.02"),
        ({"width": "8"}, "task.width 16 -> 8"),
        ({"steps": "41"}, "steps 40 -> 41"),
    ],
)
def test_a_folder_of_another_run_is_refused_and_left_alone(changes, words, whole):
    before = rows(whole), names(whole)
    with pytest.raises(InputError, match=f"belongs to another run .*{words}"):
        train(toy_run(**changes), whole)
    assert (rows(whole), names(whole)) == before


def test_other_data_are_another_run(tmp_path):
    train(linear_run(), tmp_path)
    with pytest.raises(InputError, match=r"data\.rows rows -> other"):
        train(linear_run(task=Linear(digest="other")), tmp_path)


def test_only_what_decides_nothing_may_change(tmp_path, whole):
    train(toy_run(), tmp_path, at(13, lambda: os.kill(os.getpid(), signal.SIGTERM)))
    train(toy_run(workers="1", keep_last="5", minutes="30"), tmp_path)
    assert rows(tmp_path) == rows(whole)


def test_a_run_begins_with_the_best_weights_of_another(whole, tmp_path):
    notes: list[str] = []
    train(replace(toy_run(learning_rate="1e-30", steps="1"), init=whole), tmp_path, notify=notes.append)
    best = next(n for n in names(whole) if n.startswith("best"))
    assert all(torch.equal(t, weights(whole, best)[n]) for n, t in weights(tmp_path, "step-00000001").items())
    assert notes == [f"weights from {whole}"]
    with pytest.raises(InputError, match="does not fit heads"):
        train(replace(toy_run(width="8"), init=whole), tmp_path / "other")


def scored(values: dict[int, float], higher: bool) -> Linear:
    """A task whose validation gives these figures, one after the other."""
    given = iter(values.values())

    class Once:
        def __len__(self) -> int:
            return 1

        def batches(self, numbers):
            return iter([None] * len(numbers))

    validation = Validation(Once(), lambda m, b: None, lambda found: {"score": next(given)}, "score", higher)
    return Linear(changes={"validation": validation})


@pytest.mark.parametrize(
    ("higher", "best"),
    [(True, {1: 0.1, 2: 0.9, 3: 0.5, 4: float("nan")}), (False, {1: 0.4, 2: 0.1, 3: float("nan"), 4: 0.2})],
)
def test_the_best_weights_are_those_of_the_best_figure(higher, best, tmp_path):
    train(linear_run(4, scored(best, higher), validate_every="1"), tmp_path)
    assert [n for n in names(tmp_path) if n.startswith("best")] == ["best-00000002"]
    with safe_open(tmp_path / "checkpoints" / "best-00000002" / "weights.safetensors", "pt") as stored:
        assert stored.metadata()["val/score"] == str(best[2])
    assert torch.equal(
        weights(tmp_path, "best-00000002")["layer.weight"], weights(tmp_path, "step-00000002")["layer.weight"]
    )


def test_a_validation_without_its_figure_is_one_sentence(tmp_path):
    task = scored({1: 0.0}, True)
    wrong = replace(task.changes["validation"], best="auc")
    with pytest.raises(InputError.__base__, match="a validation without 'auc'; expected it among score"):
        train(linear_run(1, Linear(changes={"validation": wrong})), tmp_path)


def test_averages_are_what_is_validated_and_exported(tmp_path):
    exported = []

    def export(path: Path, folder: Path) -> None:
        exported.append(load_file(path))
        (folder / "card.json").write_text("{}")

    run = linear_run(5, Linear(changes={"export": export}), ema_decay="0.9")
    train(run, tmp_path)
    average = load_file(tmp_path / "checkpoints" / "step-00000005" / "ema.safetensors")
    assert torch.equal(exported[0]["layer.weight"], average["layer.weight"])
    assert not torch.equal(exported[0]["layer.weight"], weights(tmp_path, "step-00000005")["layer.weight"])
    assert sorted(p.name for p in (tmp_path / "model").iterdir()) == ["SHA256SUMS", "card.json"]


def test_a_validation_measures_the_averages_and_training_goes_on_with_the_weights(tmp_path):
    class Once:
        def __len__(self) -> int:
            return 1

        def batches(self, numbers):
            return iter([None] * len(numbers))

    def bias(modules, _):
        return float(modules["layer"].bias[0])

    def build(**changes: str):
        validation = Validation(Once(), bias, lambda found: {"bias": found[0]}, "bias")
        return linear_run(3, Linear(changes={"validation": validation}), validate_every="1", **changes)

    train(build(), tmp_path / "plain")
    train(build(ema_decay="0.9"), tmp_path / "averaged")
    steps = [[r for r in rows(tmp_path / f) if "rate" in r] for f in ("plain", "averaged")]
    assert steps[0] == steps[1]
    measured = [r["val/bias"] for r in rows(tmp_path / "averaged") if "val/bias" in r]
    for step, value in enumerate(measured, 1):
        folder = tmp_path / "averaged" / "checkpoints" / f"step-{step:08d}"
        average, weight = (float(load_file(folder / f"{n}.safetensors")["layer.bias"][0]) for n in ("ema", "weights"))
        assert value == pytest.approx(average)
        assert value != weight


def test_an_export_that_fails_leaves_no_half_model(tmp_path):
    def export(path: Path, folder: Path) -> None:
        (folder / "half").write_text("x")
        raise InputError("no card")

    with pytest.raises(InputError, match=r"no card; started again, the run goes on from checkpoints/step-00000001"):
        train(linear_run(task=Linear(changes={"export": export})), tmp_path)
    assert not (tmp_path / "model").exists()


def test_divergence_is_one_sentence_and_the_last_checkpoint_can_be_used(tmp_path):
    run = linear_run(400, checkpoint_every="10", learning_rate="0.9")
    with pytest.raises(Diverged, match=r"the loss diverged.*goes on from checkpoints/step-000000"):
        train(run, tmp_path)
    assert all(t.isfinite().all() for t in weights(tmp_path, names(tmp_path)[0]).values())


def test_a_loss_that_is_never_finite_is_one_sentence(tmp_path):
    def loss(modules, batches):
        return {name: value * float("nan") for name, value in errors(modules, batches).items()}

    with pytest.raises(Diverged, match=r"not finite in 4 steps in a row.*goes on from checkpoints/step-00000003"):
        train(linear_run(50, Linear(loss=loss), skips_in_a_row="3"), tmp_path)
    assert weights(tmp_path, "step-00000003")["layer.weight"].isfinite().all()


def _fill_the_disk(run: Run, folder: Path, answer: Path) -> None:
    def limit(size: int) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    try:
        train(run, folder, at(25, lambda: limit(20_000)))
    except InputError as error:
        limit(resource.RLIM_INFINITY)
        answer.write_text(str(error))


def test_a_disk_that_takes_no_more_is_one_sentence_and_the_run_goes_on_exactly(whole, tmp_path):
    answer, folder = tmp_path / "answer", tmp_path / "run"
    forked(_fill_the_disk, toy_run(), folder, answer).join(60)
    text = answer.read_text()
    assert f"{folder} cannot be written" in text
    assert "goes on from checkpoints/step-00000020" in text
    assert "\n" not in text
    assert not list((folder / "checkpoints").glob(".*"))
    train(toy_run(), folder)
    assert rows(folder) == rows(whole)


def test_bf16_learns_about_the_same(whole, tmp_path):
    train(toy_run(precision="bf16"), tmp_path)
    last, same = rows(tmp_path)[-2]["loss/total"], rows(whole)[-2]["loss/total"]
    assert last == pytest.approx(same, rel=0.1)
    assert last != same


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"precision": "fp16"}, "fp16 on the CPU; expected bf16 or fp32 there"),
        ({"device": "tpu"}, "no device is called 'tpu'"),
        ({"distribution.kind": "fsdp2"}, "fsdp2 with one process; expected two or more"),
        ({"trackers": "tensorbord"}, "no tracker is called 'tensorbord'; did you mean tensorboard"),
    ],
)
def test_what_does_not_work_here_is_one_sentence(changes, words, tmp_path):
    with pytest.raises(InputError, match=words):
        train(toy_run(**changes), tmp_path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"distribution.kind": "fsdp2", "offload": "all"}, "offload with fsdp2 on the CPU"),
        ({"distribution.kind": "zero3", "distribution.deepspeed": "nowhere.json"}, r"nowhere\.json cannot be read"),
    ],
)
def test_what_does_not_work_in_several_processes_is_one_sentence(changes, words, monkeypatch, tmp_path):
    if changes["distribution.kind"] == "zero3":
        pytest.importorskip("deepspeed")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InputError, match=words):
        train(toy_run(**changes), tmp_path)


def test_a_batch_of_sources_that_the_task_does_not_have_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match="a batch of exam; expected one of each source: exams, pairs"):
        train(replace(toy_run(), batch={"exam": 4}), tmp_path)


def test_without_accelerate_the_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(MissingExtra, match=r"pip install '\.\[train\]'"):
        train(toy_run(), tmp_path)
    assert not list(tmp_path.iterdir())


def test_without_deepspeed_the_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "deepspeed", None)
    monkeypatch.setitem(sys.modules, "deepspeed.ops", None)
    with pytest.raises(MissingExtra, match=r"zero2 needs DeepSpeed; pip install '\.\[deepspeed\]'"):
        train(toy_run(**{"distribution.kind": "zero2"}), tmp_path)


def test_a_tracker_that_is_not_installed_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr("accelerate.tracking.get_available_trackers", list)
    with pytest.raises(MissingExtra, match="tracker mlflow is not installed; pip install mlflow"):
        train(toy_run(trackers="mlflow"), tmp_path)


def test_tensorboard_gets_the_lines_too(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    train(toy_run(trackers="tensorboard", steps="5"), tmp_path)
    events = EventAccumulator(str(tmp_path / "mammoscribe"))
    events.Reload()
    assert [e.step for e in events.Scalars("loss/total")] == [1, 2, 3, 4, 5]
    assert [e.value for e in events.Scalars("loss/total")] == pytest.approx(
        [r["loss/total"] for r in rows(tmp_path)[:5]]
    )


def test_mlflow_keeps_the_lines_in_the_runs_folder(monkeypatch, tmp_path):
    mlflow = pytest.importorskip("mlflow")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    train(toy_run(trackers="mlflow", steps="5"), tmp_path / "run")
    assert list((tmp_path / "elsewhere").iterdir()) == []
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path}/run/mlflow.db")
    found = client.search_runs([client.get_experiment_by_name("mammoscribe").experiment_id])
    history = client.get_metric_history(found[0].info.run_id, "loss/total")
    steps = [r for r in rows(tmp_path / "run") if "rate" in r]
    assert [m.value for m in history] == pytest.approx([r["loss/total"] for r in steps])


def test_lines_may_be_fewer(whole, tmp_path):
    train(toy_run(log_every="8"), tmp_path)
    steps = [r for r in rows(tmp_path) if "rate" in r]
    assert [r["step"] for r in steps] == [8, 16, 24, 32, 40]
    assert steps == [r for r in rows(whole) if "rate" in r and r["step"] % 8 == 0]
