"""The training engine: several processes against one, exact going on after SIGKILL, stopping, its own cost.

    python benchmarks/engine.py                        # all of it, about ten minutes on two cores
    python benchmarks/engine.py --only processes       # or reader, kills, stops, cost

Everything is trained on the CPU with the task of `engine_toy.py`: two sources, three networks, losses whose labels are
missing for some items, and rows that are gathered over the processes; `reader` trains the preset `debug` of the reader on
drawn exams, some of which have a prior, without dropout. It has batch norms, so one process computes the exams of a step one after the other
there, as the processes do beside each other. ZeRO needs DeepSpeed; without it a row says that it is not installed.
Sharding is counted in what a process holds, not taken from what was asked for.
"""

import argparse
import gc
import importlib.util
import json
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from engine_processes import children, forked, in_ranks
from engine_toy import toy_run
from prepared_training import drawn
from torch import Tensor, nn

from mammoscribe.evaluation.card import Row, Sense, markdown, write_rows
from mammoscribe.support.errors import MammoscribeError
from mammoscribe.training.engine.run import Execution, Run, TaskSettings
from mammoscribe.training.engine.sources import ArraySource
from mammoscribe.training.engine.task import Batches, Modules, Task
from mammoscribe.training.engine.train import train
from mammoscribe.training.reader.recipe import reader

TIMED = ("seconds", "items_per_s", "memory_mb")
KILLED = {"steps": "60", "checkpoint_every": "5", "validate_every": "20", "dropout": "0.2", "ema_decay": "0.9"}
SHORT = {"steps": "24", "checkpoint_every": "12", "validate_every": "12", "accumulate": "2", "ema_decay": "none"}


def lines(folder: Path) -> list[dict]:
    """Lines of metrics.jsonl without times."""
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in row.items() if name not in TIMED} for row in rows]


def trained(run: Run, folder: Path, on_row: Callable[[dict], None] = lambda _: None) -> str:
    """Exit code of a run, or its sentence."""
    try:
        return str(train(run, folder, on_row).exit_code)
    except MammoscribeError as error:
        return error.sentence()


@dataclass(frozen=True)
class Seen:
    """Settings whose task counts, before a step, what this process holds of its networks; it writes no model."""

    settings: TaskSettings
    shares: list[tuple[float, float]]

    def build(self, run: Run) -> Task:
        """The task."""
        task = replace(self.settings.build(run), export=None)

        def counts(batches: Batches) -> Mapping[str, float]:
            networks = [network for network in task.modules.values() if list(network.parameters())]
            self.shares.append((share_of_weights(networks), share_of_averages(networks)))
            return task.counts(batches)

        return replace(task, counts=counts)


def held(run: Run, folder: Path) -> tuple[str, float, float]:
    """How a run ended, and the shares of the weights and of Adam's averages that this process held before its last step."""
    shares: list[tuple[float, float]] = []
    ended = trained(replace(run, task=Seen(run.task, shares)), folder)
    return ended, *shares[-1]


def share_of_weights(networks: list[nn.Module]) -> float:
    """Elements in this process's memory by those of the whole networks."""
    own = whole = 0
    for parameter in (p for network in networks for p in network.parameters()):
        whole += getattr(parameter, "ds_numel", parameter.numel())
        own += parameter.to_local().numel() if hasattr(parameter, "to_local") else parameter.numel()
        own += parameter.ds_tensor.numel() if hasattr(parameter, "ds_tensor") else 0
    return own / whole


def share_of_averages(networks: list[nn.Module]) -> float:
    """Elements of Adam's first averages in this process's memory by the number of weights."""
    whole = sum(getattr(p, "ds_numel", p.numel()) for network in networks for p in network.parameters())
    averages = {}
    for optimiser in (o for o in gc.get_objects() if type(o) is torch.optim.AdamW):
        for state in optimiser.state.values():
            average = state["exp_avg"]
            averages[id(average)] = average.to_local().numel() if hasattr(average, "to_local") else average.numel()
    return sum(averages.values()) / whole


@dataclass(frozen=True)
class WithoutDropout:
    """Settings whose networks drop nothing: several processes draw that each for itself."""

    settings: TaskSettings

    def build(self, run: Run) -> Task:
        """The task."""
        task = self.settings.build(run)
        for part in (part for network in task.modules.values() for part in network.modules()):
            if isinstance(part, nn.Dropout):
                part.p = 0.0
        return task


EXPECTED = {"ddp": (1.0, 1.0), "fsdp2": (0.5, 0.5), "zero1": (1.0, 0.5), "zero2": (1.0, 0.5), "zero3": (0.5, 0.5)}
"""Kind of distribution -> share of the weights, and of Adam's averages, that one of two processes holds."""


def processes(folder: Path) -> Iterator[Row]:
    """Losses of two processes of each kind against one process."""
    trained(toy_run(**SHORT), folder / "one")
    yield from each_kind("toy", toy_run(**SHORT), folder / "one", folder, tuple(EXPECTED))


def reader_processes(folder: Path) -> Iterator[Row]:
    """The same for the reader, whose exams have priors or not; it refuses zero3."""
    changes = {"preset": "debug", "steps": "8", "precision": "fp32", "device": "cpu", "checkpoint_every": "100"}
    changes |= {"batch": "2", "validate_every": "100", "learning_rate": "1e-5"}  # so that rounding does not add up
    run = reader([drawn(folder, 4)]).with_set(changes)
    run = replace(run, task=WithoutDropout(run.task))
    trained(replace(run, task=Seen(run.task, []), accumulate=2), folder / "one")
    yield from each_kind("reader", run, folder / "one", folder, tuple(k for k in EXPECTED if k != "zero3"))


def each_kind(name: str, run: Run, one: Path, folder: Path, kinds: tuple[str, ...]) -> Iterator[Row]:
    """Two processes of each kind of distribution against the run of one process in the folder `one`."""
    persistent = folder / "ds.json"
    persistent.write_text('{"zero_optimization": {"stage3_param_persistence_threshold": 0}}')
    for kind in kinds:
        if kind.startswith("zero") and not importlib.util.find_spec("deepspeed"):
            yield Row(f"{name}, {kind}: largest difference of any loss", float("nan"), "DeepSpeed is not installed")
            continue
        settings = {"distribution.kind": kind}
        if kind == "zero3":
            settings["distribution.deepspeed"] = str(persistent)
        ended = in_ranks(2, folder / kind, held, run.with_set(settings), folder / kind / "run")
        if any(not isinstance(e, tuple) or e[0] != "0" for e in ended):
            raise MammoscribeError(f"{name} with {kind} ended with {ended}")
        yield from kind_rows(f"{name}, {kind}", EXPECTED[kind], ended, lines(one), lines(folder / kind / "run"))


def kind_rows(
    name: str, right: tuple[float, float], ended: list[tuple[str, float, float]], one: list[dict], two: list[dict]
) -> Iterator[Row]:
    """The rows of one kind of distribution.

    Args:
        name: task and kind.
        right: shares of weights and averages that a process should hold.
        ended: what `held` gave in each process.
        one, two: lines of metrics.jsonl of one process and of two. Of the reader only the losses are compared: its
            validation depends on running batch statistics, of which several processes keep those of the first.
    """
    toy, pairs = name.startswith("toy"), list(zip(one, two, strict=True))
    worst = max(abs(a[n] - b[n]) for a, b in pairs for n in a if toy or n.startswith("loss/"))
    n, what = f"{len(pairs)} lines, 2 processes", "loss, norm or figure" if toy else "loss"
    yield Row(f"{name}: largest difference of any {what}", worst, n, None, 1e-4, Sense.AT_MOST, 9)
    for number, what in ((0, "weights"), (1, "Adam's averages")):
        share = sum(e[number + 1] for e in ended) / len(ended)
        bar = None if right[number] == 1.0 else 0.55
        yield Row(f"{name}: share of {what} that a process holds", share, "mean of 2", None, bar, Sense.AT_MOST)


def wait_for(folder: Path, step: int) -> None:
    """Wait until metrics.jsonl has the line of a step."""
    path, until = folder / "metrics.jsonl", time.monotonic() + 120
    while time.monotonic() < until:
        if path.exists() and f'{{"step": {step},' in path.read_text():
            return
        time.sleep(0.002)
    raise MammoscribeError(f"step {step} was not reached in {folder}")


def kill_process(folder: Path, step: int, delay_s: float) -> None:
    """Kill the process that trains."""
    process = forked(trained, toy_run(**KILLED), folder / "run")
    wait_for(folder / "run", step)
    time.sleep(delay_s)
    process.kill()
    process.join()


def kill_worker(folder: Path, step: int, delay_s: float) -> None:
    """Kill a worker that makes batches; the process that trains ends by itself."""
    process = forked(trained, toy_run(**KILLED, workers="1"), folder / "run")
    wait_for(folder / "run", step)
    time.sleep(delay_s)
    os.kill(random.choice(children(process.pid or 0)), signal.SIGKILL)
    process.join()


def as_rank(folder: Path, step: int, delay_s: float) -> str:
    """Train as one of two; the second one is killed."""
    if os.environ["RANK"] == "1":
        (folder / "pid").write_text(str(os.getpid()))

    def kill(row: dict) -> None:
        if row["step"] == step:
            time.sleep(delay_s)
            os.kill(int((folder / "pid").read_text()), signal.SIGKILL)

    return trained(toy_run(**KILLED), folder / "run", kill)


def kill_rank(folder: Path, step: int, delay_s: float) -> None:
    """Kill one process of two."""
    in_ranks(2, folder, as_rank, folder, step, delay_s)


def kills(folder: Path, number: int) -> Iterator[Row]:
    """Runs that were killed at a random moment after a random step, gone on with and compared line by line."""
    trained(toy_run(**KILLED), folder / "one")
    in_ranks(2, folder / "two", trained, toy_run(**KILLED), folder / "two" / "run")
    whole = {1: lines(folder / "one"), 2: lines(folder / "two" / "run")}
    rng, equal, kept = random.Random(12), [], []
    ways = [(kill_process, 1), (kill_worker, 1), (kill_rank, 2)]
    for turn in range(number):
        way, world = ways[turn % len(ways)]
        own, step = folder / f"kill{turn}", rng.randint(1, 59)
        own.mkdir()
        start = time.monotonic()
        way(own, step, rng.uniform(0, 0.03))
        kept.append(len(lines(own / "run")) < len(whole[world]))
        if world == 1:
            trained(toy_run(**KILLED), own / "run")
        else:
            in_ranks(2, own, trained, toy_run(**KILLED), own / "run")
        equal.append(lines(own / "run") == whole[world])
        spent = time.monotonic() - start
        print(
            f"{way.__name__} after step {step}: {'equal' if equal[-1] else 'NOT equal'}, {spent:.1f} s", file=sys.stderr
        )
    n = f"{number} kills of a process, a worker or one of two processes in turn"
    yield Row(
        "killed by SIGKILL and gone on with: runs whose every figure is that of an undisturbed run",
        sum(equal),
        n,
        None,
        number,
        digits=0,
    )
    yield Row("… of which were cut off before their last line", sum(kept), n, digits=0)


def stops(folder: Path) -> Iterator[Row]:
    """Exit codes of runs that were asked to stop."""
    trained(toy_run(), folder / "one")
    for name in ("SIGTERM", "SIGUSR1"):
        out = folder / name

        def stop(row: dict, name: str = name) -> None:
            if row["step"] == 17:
                os.kill(os.getpid(), getattr(signal, name))

        code = trained(toy_run(), out, stop)
        trained(toy_run(), out)
        same = float(lines(out) == lines(folder / "one"))
        yield Row(
            f"{name} after step 17: exit code (85 asks to be started again)", float(code), "1 run", None, 85, digits=0
        )
        yield Row("… figures of the run that went on are those of an undisturbed run", same, "1 run", None, 1, digits=0)
    code = trained(toy_run(minutes="0.00001"), folder / "late")
    yield Row("time limit: exit code", float(code), "1 run", None, 85, digits=0)


class Layers(nn.Module):
    """A network whose step takes some tens of milliseconds."""

    def __init__(self, width: int) -> None:
        super().__init__()
        inner = [part for _ in range(4) for part in (nn.Linear(width, width), nn.GELU())]
        self.layers = nn.Sequential(nn.Linear(64, width), *inner, nn.Linear(width, 1))

    def forward(self, x: Tensor) -> Tensor:
        """[N, 64] -> [N]."""
        return self.layers(x)[:, 0]


@dataclass(frozen=True)
class Resident:
    """A regression on arrays in memory."""

    width: int

    def build(self, run: Run) -> Task:
        """The task."""

        def loss(modules: Modules, batches: Batches) -> dict[str, Tensor]:
            batch = batches["rows"]
            return {"error": ((modules["net"](batch["x"]) - batch["y"]) ** 2).sum()}

        def counts(batches: Batches) -> dict[str, float]:
            return {"error": len(batches["rows"]["y"])}

        return Task(
            {"net": Layers(self.width)}, {"rows": ArraySource(rows_of(run.batch["rows"]))}, {"error": 1.0}, loss, counts
        )


def rows_of(batch: int) -> dict[str, Tensor]:
    """64 batches of numbers."""
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(64 * batch, 64, generator=rng)
    return {"x": x, "y": x[:, :3].sum(dim=1)}


def engine_seconds(width: int, batch: int, steps: int, folder: Path) -> float:
    """Processor seconds of a step of the engine."""
    times: list[float] = []
    run = Run(
        "resident", Resident(width), steps, {"rows": batch}, execution=Execution(device="cpu", checkpoint_every=10**6)
    )
    train(run, folder, lambda _: times.append(time.process_time()))
    return statistics.median(np.diff(times[5:]).tolist())


def bare_seconds(width: int, batch: int, steps: int) -> float:
    """Processor seconds of a step of a loop that only trains: rows, forward, backward, clip, update, the loss as a number."""
    net, rows = Layers(width), rows_of(batch)
    optimiser, times = torch.optim.AdamW(net.parameters(), lr=1e-3), []
    order = np.random.default_rng(0)
    for _ in range(steps):
        chosen = order.permutation(len(rows["y"]))[:batch]
        x, y = rows["x"][chosen], rows["y"][chosen]
        loss = ((net(x) - y) ** 2).mean()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
        loss.item()
        times.append(time.process_time())
    return statistics.median(np.diff(times[5:]).tolist())


def cost(folder: Path, rounds: int) -> Iterator[Row]:
    """The engine's own time beside that of a step, in processor time, which a busy machine does not lengthen much."""
    for width, batch, steps, bar in ((512, 256, 60, 1.05), (64, 64, 300, None)):
        pairs = []
        for turn in range(rounds):
            bare = bare_seconds(width, batch, steps)
            pairs.append((engine_seconds(width, batch, steps, folder / f"{width}-{turn}"), bare))
        bare_ms = 1000 * statistics.median(b for _, b in pairs)
        own_ms = 1000 * statistics.median(e - b for e, b in pairs)
        ratio = statistics.median(e / b for e, b in pairs)
        n = f"{rounds} rounds of {steps} steps, one thread"
        yield Row(
            f"step of {bare_ms:.1f} ms in a bare loop: the engine's against it", ratio, n, None, bar, Sense.AT_MOST
        )
        yield Row("… the engine's own part of a step, ms", own_ms, n, digits=2)


def main() -> int:
    """Print the table; 1 when a bar is missed, 2 when something could not be measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("processes", "reader", "kills", "stops", "cost"))
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        parts: dict[str, Callable[[Path], Iterator[Row]]] = {
            "processes": processes, "reader": reader_processes, "kills": lambda f: kills(f, args.kills), "stops": stops, "cost": lambda f: cost(f, args.rounds),
        }  # fmt: skip
        try:
            for part, measure in parts.items():
                if args.only in (None, part):
                    folder = Path(name) / part
                    folder.mkdir()
                    rows += measure(folder)
        except MammoscribeError as error:
            print(error.sentence())
            return 2
    print(markdown(rows))
    if args.json:
        write_rows(rows, args.json)
    return int(any(r.met is False for r in rows))


if __name__ == "__main__":
    sys.exit(main())
