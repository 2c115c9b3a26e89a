"""One start of a run in one process: networks, data and files put together; steps, checkpoints, validations, lines."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from mammoscribe.support.errors import InputError
from mammoscribe.support.files import sha256_of
from mammoscribe.training.engine.checkpoints import (
    WEIGHTS,
    best_folder,
    kept,
    load_modules,
    newest_whole,
    save_tensors,
    step_folder,
    tidy,
    weights_at,
    whole_folder,
)
from mammoscribe.training.engine.collectives import from_first
from mammoscribe.training.engine.devices import give_back_when_short, keep_freed_memory, peak_memory_mb
from mammoscribe.training.engine.distribution import autocast, begin, end, prepare
from mammoscribe.training.engine.ema import Ema
from mammoscribe.training.engine.optimiser import make_optimiser
from mammoscribe.training.engine.plots import draw_plots
from mammoscribe.training.engine.provenance import provenance
from mammoscribe.training.engine.run import Kind, Offload, Run
from mammoscribe.training.engine.run_folder import Row, RunFolder
from mammoscribe.training.engine.seeding import derived, seed_all
from mammoscribe.training.engine.state import State
from mammoscribe.training.engine.step import Networks, Stepper
from mammoscribe.training.engine.task import Feed
from mammoscribe.training.engine.trackers import begin_trackers, track
from mammoscribe.training.engine.validation import is_better, measured
from mammoscribe.training.engine.watch import Reached

PLOTS_EVERY_S = 60.0
Notify = Callable[[str], None]
OnRow = Callable[[Row], None]


class Session:
    """What one process does for a run between its start and its end; `train` calls its methods in order.

    Args:
        run: what is trained.
        path: folder of the run.
        on_row: called with every line of metrics.jsonl, in the first process.
        notify: called with notes for the user, in the first process.

    Raises:
        MammoscribeError: when the run cannot be built, or the folder cannot be used.
    """

    def __init__(self, run: Run, path: Path, on_row: OnRow, notify: Notify) -> None:
        if run.execution.cache is None:
            run = replace(run, execution=replace(run.execution, cache=path / ".cache"))
        self.run, self.path, self._on_row, self._notify = run, path, on_row, notify
        self.accelerator = begin(run)
        self.folder: RunFolder | None = None
        self._feeds: dict[str, Iterator[Any]] = {}
        try:
            self._build()
        except BaseException:
            self.close(failed=True)
            raise

    def _build(self) -> None:
        run, accelerator = self.run, self.accelerator
        if accelerator.device.type == "cpu":
            keep_freed_memory()
        seed_all(derived("weights", run.seeds.weights))
        task = self.task = run.task.build(run)
        self._sizes = self._batch_sizes()
        self._check_stages()
        self._open_folder()
        networks = Networks(task, partial(autocast, run, accelerator.device))
        if run.init is not None and not task.loads_init:
            fresh = load_modules(weights_at(run.init), task.modules)
            self.notify(f"weights from {run.init}" + (f"; fresh: {', '.join(fresh)}" if fresh else ""))
        for note in task.notes:
            self.notify(note)
        fused = accelerator.device.type == "cuda" and run.distribution.offload is Offload.NONE
        optimiser = make_optimiser(networks, task, run.optimiser, run.schedule.rate(0, run.steps), fused)
        self.model, optimiser = prepare(accelerator, run, task, networks, optimiser)
        self._stepper = Stepper(accelerator, self.model, optimiser, networks, task, run.optimiser.clip_norm)
        self._ema = self._averages(networks)
        self.state = State(accelerator, run.distribution.kind, self.model, networks, self._ema)
        self._reached = Reached(self._stepper.names(), accelerator.num_processes > 1 and not task.partial)
        begin_trackers(accelerator, run.execution.trackers, self.path, run.fields())
        self._saved, self._drawn, self._last_row = -1, 0.0, time.monotonic()

    def _batch_sizes(self) -> dict[str, int]:
        """Items of every source that this process computes at a time."""
        wanted, there = set(self.run.batch), set(self.task.sources)
        if wanted != there:
            raise InputError(
                f"a batch of {', '.join(sorted(wanted))}",
                f"one of each source: {', '.join(sorted(there))}",
                "set batch",
            )
        return {name: self.run.share(name, self.accelerator.num_processes) for name in self.task.sources}

    def _check_stages(self) -> None:
        run, stages = self.run, self.task.stages
        if stages is None:
            return
        if run.distribution.kind is not Kind.DDP:
            raise InputError(
                f"{run.distribution.kind} for a run in stages", "every process with the whole network", "set kind=ddp"
            )
        if run.optimiser.ema_decay is not None:
            raise InputError("ema_decay for a run in stages", "none: an average would reach into the stage before")

    def _averages(self, networks: Networks) -> Ema | None:
        decay = self.run.optimiser.ema_decay
        if decay is None:
            return None
        if self.run.distribution.kind is Kind.ZERO3:
            raise InputError("ema_decay with zero3", "ddp, fsdp2, zero1 or zero2 with it")
        return Ema(networks, decay)

    def _open_folder(self) -> None:
        if not self.accelerator.is_main_process:
            return
        run = self.run
        fields = run.fields()
        about = {
            "recipe": fields.pop("recipe"), "fields": fields,
            "data": {name: source.digest for name, source in self.task.sources.items()},
            "init": None if run.init is None else sha256_of(weights_at(run.init)),
        }  # fmt: skip
        session = provenance()
        places = {"data_folders": [str(p) for p in run.data], "init_file": None if run.init is None else str(run.init)}
        self.folder = RunFolder(self.path, about, {**places, **session})
        self.folder.begin_session({**session, "processes": self.accelerator.num_processes})

    def notify(self, note: str) -> None:
        """A note for the user, once."""
        if self.accelerator.is_main_process:
            self._notify(note)

    def restore(self) -> None:
        """Go on from the newest checkpoint that is whole, or begin."""
        checkpoint, damaged = from_first(newest_whole(self.path) if self.folder is not None else None)
        for path in damaged:
            self.notify(f"{path.name} is damaged and is not used")
        if checkpoint is not None:
            self.state.load(checkpoint)
            self._saved = self.step
            self.notify(f"goes on from step {self.step}")
        if self.folder is not None:
            self.folder.go_back_to(self.step, self.state.counters.validated)
        for name, source in self.task.sources.items():
            self._feeds[name] = source.batches(self._feed(name))
        self.model.train()

    def _feed(self, name: str) -> Feed:
        run, accelerator = self.run, self.accelerator
        return Feed(
            derived("data", run.seeds.data, name), accelerator.process_index, accelerator.num_processes,
            self.step * run.accumulate, self._sizes[name], run.execution.workers, accelerator.device.type == "cuda",
        )  # fmt: skip

    @property
    def step(self) -> int:
        """Steps done."""
        return self.state.counters.step

    def advance(self, stop: bool) -> bool:
        """Take a step, unless this or another process wants to stop; whether it was taken."""
        run, counters = self.run, self.state.counters
        parts = [{name: next(feed) for name, feed in self._feeds.items()} for _ in range(run.accumulate)]
        counts, halt = self._stepper.counted(parts, stop)
        if halt:
            return False
        if self.task.stages is not None and counters.step in self.task.stages.ends:
            self._stepper.forget()
        seed_all(derived("noise", run.seeds.noise, counters.step, self.accelerator.process_index))
        rate = run.schedule.rate(counters.step, run.steps)
        taken = self._stepper.take(parts, counts, rate)
        if self.accelerator.device.type == "cpu":
            give_back_when_short()
        counters.step += 1
        self._reached.see(
            counters.step, taken.without, counters.step == run.steps
        )  # before processes exchange anything
        if self._ema is not None and not taken.skipped:
            self._ema.update(counters.step)
        self._end_stage()
        losses = self._stepper.means(taken, counts)
        total = sum(self.task.losses[name] * value for name, value in losses.items())
        counters.watch.see(counters.step, total, taken.skipped, run.execution.skips_in_a_row, run.execution.diverged_at)
        if counters.step % run.execution.log_every == 0 or counters.step == run.steps:
            named = {f"loss/{name}": value for name, value in losses.items()}
            self._add({"loss/total": total, **named, "rate": rate, "grad_norm": taken.norm}, run.execution.log_every)
        return True

    def _end_stage(self) -> None:
        stages, step = self.task.stages, self.step
        if stages is not None and step in stages.ends:
            with torch.no_grad():
                stages.at_end(self.task.modules, stages.ends.index(step))

    def _add(self, figures: Mapping[str, float], steps: int) -> None:
        """Append a line to metrics.jsonl, with time, throughput and memory."""
        now, counters = time.monotonic(), self.state.counters
        since, self._last_row = now - self._last_row, now
        counters.seconds += since
        if self.folder is None:
            return
        row: Row = {"step": counters.step, **figures}
        if steps:
            row["skipped"] = counters.watch.skipped
            row["items_per_s"] = round(steps * sum(self.run.batch.values()) / max(since, 1e-9), 3)
            row["memory_mb"] = round(peak_memory_mb(self.accelerator.device), 1)
        row["seconds"] = round(counters.seconds, 3)
        self.folder.add(row)
        track(self.accelerator, row)
        self._on_row(row)

    def keep_up(self) -> None:
        """Write the checkpoint and make the validation that are due after this step."""
        execution, step = self.run.execution, self.step
        last = step == self.run.steps
        if step and (step % execution.checkpoint_every == 0 or last):
            self.save()
        validates = self.task.validation is not None and self.state.counters.validated < step
        if validates and (step % execution.validate_every == 0 or last):
            self._validate()

    def save(self) -> None:
        """Write a checkpoint of this step, unless there is one."""
        if self._saved == self.step:
            return
        self.state.save(step_folder(self.path, self.step), self._about())
        self._saved = self.step
        if self.folder is not None:
            tidy(self.path, self.run.execution.keep_last)
            if time.monotonic() - self._drawn > PLOTS_EVERY_S:
                draw_plots(self.path)
                self._drawn = time.monotonic()

    def _about(self) -> dict[str, str]:
        return {"recipe": self.run.recipe, "step": str(self.step)}

    def _validate(self) -> None:
        validation, counters = self.task.validation, self.state.counters
        assert validation is not None
        if self._ema is None:
            figures = measured(self.model, validation, self.accelerator)
        else:
            with self._ema.applied():
                figures = measured(self.model, validation, self.accelerator)
        counters.validated = counters.step
        if is_better(figures, validation, counters.best):
            counters.best = figures[validation.best]
            self._keep_best({f"val/{validation.best}": str(counters.best)})
        self._add({f"val/{name}": value for name, value in figures.items()}, 0)

    def _keep_best(self, figure: Mapping[str, str]) -> None:
        weights = self.state.averaged_weights()
        if self.folder is not None:
            with whole_folder(best_folder(self.path, self.step)) as part:
                save_tensors(weights, part / WEIGHTS, {**self._about(), **figure})
            tidy(self.path, self.run.execution.keep_last)

    def finish(self) -> None:
        """What is left when the last step is done: the weights to use, `plots/` and `model/`."""
        if from_first(not kept(self.path, "best") if self.folder is not None else None):
            self._keep_best({})
        if self.folder is not None:
            draw_plots(self.path)
            if self.task.export is not None:
                with whole_folder(self.path / "model") as part:
                    self.task.export(kept(self.path, "best")[-1][1] / WEIGHTS, part)
        self.accelerator.wait_for_everyone()

    def close(self, failed: bool = False) -> None:
        """End workers, let go of the folder and of the other processes."""
        for feed in self._feeds.values():
            getattr(feed, "close", lambda: None)()
        try:
            if self.folder is not None:
                self.folder.release()
        finally:
            end(self.accelerator, vars(self).get("model"), failed)  # a run that could not be built has none
