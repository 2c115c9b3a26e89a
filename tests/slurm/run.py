"""`python -m tests.slurm.run`: jobs written by --slurm on a real SLURM, interrupted in every way; losses must be those without.

It starts a cluster on this machine (`loopback.py`), for which it needs root and the Debian packages slurmctld, slurmd,
slurm-client and munge. Nothing here is part of the test suite. Ends with 1 when a figure differs.
"""

import argparse
import json
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.slurm.loopback import Cluster, cluster, missing, wait_until

SOME_STEPS = 20
"""After so many steps a run is interrupted."""
PATIENCE_S = 900.0
TIMED = ("seconds", "items_per_s", "memory_mb")
"""Figures that depend on how busy the machine is."""
TRAIN = (
    "train", "decoder", "--init", "starter", "--device", "cpu", "--set", "task.preset=debug", "--set", "held_out=4",
    "--set", "batch=4",
)  # fmt: skip
SITE = """
venv = "{venv}"
requeue_minutes = 2
[train]
time = "60"
nodes = {nodes}
[predict]
time = "60"
shards = 2
"""


@dataclass(frozen=True)
class Place:
    """A folder to work in, beside a cluster.

    Args:
        folder: new.
        cluster: that is running.
        steps: of each training.
        exams: that are read.
    """

    folder: Path
    cluster: Cluster
    steps: int
    exams: int

    @property
    def train(self) -> tuple[str, ...]:
        """The training that is interrupted."""
        return (*TRAIN, "--set", f"steps={self.steps}")

    def call(self, *arguments: str) -> str:
        """What `mammoscribe` prints, run without the queue or handing something to it."""
        code = "from mammoscribe.cli import main; main()"
        environment = {**self.cluster.environment(), "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments], cwd=self.folder, env=environment, capture_output=True, text=True
        )
        if done.returncode:
            raise RuntimeError(f"mammoscribe {' '.join(arguments)}: {done.stderr}")
        return done.stdout

    def submitted(self, *arguments: str, nodes: int = 1) -> list[str]:
        """The numbers of the jobs that a command hands to the queue."""
        site = self.folder / f"site-{nodes}.toml"
        site.write_text(SITE.format(venv=sys.prefix, nodes=nodes))
        printed = self.call(*arguments, "--slurm", site.name, "--submit")
        return [line.split(":")[0].removeprefix("job ") for line in printed.splitlines()]

    def rows(self, run: str) -> list[dict[str, Any]]:
        """The lines of a run's metrics.jsonl that are whole."""
        path = self.folder / run / "metrics.jsonl"
        text = path.read_text() if path.exists() else ""
        return [json.loads(line) for line in text.split("\n")[:-1]]

    def begins(self, run: str) -> None:
        """Wait until a run has taken some steps."""
        wait_until(f"{run} takes {SOME_STEPS} steps", lambda: len(self.rows(run)) >= SOME_STEPS, PATIENCE_S)

    def ends(self, number: str, state: str = "COMPLETED") -> None:
        """Wait until a job has ended, in this state."""
        running = ("PENDING", "RUNNING", "COMPLETING", "CONFIGURING", "REQUEUED")
        wait_until(f"job {number} ends", lambda: self.cluster.job(number)["JobState"] not in running, PATIENCE_S)
        ended = self.cluster.job(number)["JobState"]
        if ended != state:
            raise RuntimeError(f"job {number} is {ended}, not {state}")

    def reaches_limit(self, number: str) -> None:
        """Shorten the time limit of a running job so that SLURM sends the signal before it; then wait for the requeue."""
        hours, minutes, _ = (int(n) for n in self.cluster.job(number)["RunTime"].split(":"))
        self.cluster.ask("scontrol", "update", f"JobId={number}", f"TimeLimit={60 * hours + minutes + 2}")
        wait_until(f"job {number} is requeued", lambda: self.cluster.job(number)["Restarts"] == "1", PATIENCE_S)
        self.cluster.ask("scontrol", "update", f"JobId={number}", "TimeLimit=60")

    def printed(self, name: str) -> str:
        """What jobs whose log begins so have printed."""
        return "".join(path.read_text() for path in sorted(self.folder.glob(f"{name}-*.out")))


def time_limit(place: Place) -> str:
    """Two nodes; SIGUSR1 some minutes before the limit, and the script queues itself again."""
    (number,) = place.submitted(*place.train, "--out", "limit", nodes=2)
    place.begins("limit")
    place.reaches_limit(number)
    place.ends(number)
    return compared(place, "limit", processes=2, reason="SIGUSR1 was received")


def preempted(place: Place) -> str:
    """A job of a partition with more priority takes the nodes; SLURM queues the training again."""
    (number,) = place.submitted(*place.train, "--out", "preempted")
    place.begins("preempted")
    place.cluster.ask(
        "sbatch", "--partition=urgent", "--nodes=2", "--exclusive", "--output=/dev/null", "--wrap=sleep 3"
    )
    wait_until("it is preempted", lambda: place.cluster.job(number)["Restarts"] == "1", PATIENCE_S)
    place.ends(number)
    return compared(place, "preempted", processes=1, reason="SIGTERM was received")


def cancelled(place: Place) -> str:
    """Its owner cancels it, and it stays cancelled; the same script is submitted once more."""
    (number,) = place.submitted(*place.train, "--out", "cancelled")
    place.begins("cancelled")
    place.cluster.ask("scancel", number)
    place.ends(number, "CANCELLED")
    again = place.cluster.ask("sbatch", "--parsable", str(place.folder / "cancelled.sbatch"))
    place.ends(again)
    if place.cluster.job(number)["JobState"] != "CANCELLED":
        raise RuntimeError(f"job {number} was queued again although it was cancelled")
    return compared(place, "cancelled", processes=1, reason="SIGTERM was received")


def compared(place: Place, run: str, processes: int, reason: str) -> str:
    """Hold a run that was interrupted once for `reason` against one that was not."""
    plain = f"plain-{processes}"
    if not (place.folder / plain).exists():
        place.call(*place.train, "--out", plain, *(("--processes", str(processes)) if processes > 1 else ()))
    sessions = (place.folder / run / "sessions.jsonl").read_text().splitlines()
    if len(sessions) != 2 or reason not in place.printed(run):
        raise RuntimeError(
            f"{run} began {len(sessions)} times; expected 2 and {reason!r} in its log; give more --steps"
        )
    first, second = ([{k: v for k, v in row.items() if k not in TIMED} for row in place.rows(r)] for r in (plain, run))
    losses = {row["step"]: row["loss/total"] for row in first if "loss/total" in row}
    if list(losses) != list(range(1, place.steps + 1)):
        raise RuntimeError(f"{plain} has no line for every step")
    if first != second:
        step = next((a["step"] for a, b in zip(first, second, strict=False) if a != b), "after the last")
        raise RuntimeError(f"{len(first)} and {len(second)} lines; other figures at step {step}")
    stop = re.search(r"stopped after step (\d+)", place.printed(run))
    return f"stopped at step {stop and stop[1]}; all {len(first)} lines of metrics.jsonl equal, last loss {losses[place.steps]!r}"


def array(place: Place) -> str:
    """An array of two shards, one of which reaches its time limit; the merged table is that of one run."""
    place.call("phantom", "--exams", str(place.exams), "--seed", "5", "--out", "exams")
    read = ("predict", "exams/manifest.csv", "--workers", "1")
    number, merge = place.submitted(*read, "--out", "results.csv")
    shard = place.folder / "results.shard-1-of-2.csv"
    wait_until("an exam is read", lambda: shard.exists() and shard.read_text().count("\n") > 1, PATIENCE_S)
    place.reaches_limit(f"{number}_1")
    place.ends(merge)
    place.call(*read, "--out", "plain.csv")
    if (place.folder / "results.csv").read_bytes() != (place.folder / "plain.csv").read_bytes():
        raise RuntimeError("results.csv differs from the table of one run")
    log = place.printed("results.predict")
    went_on = re.search(
        r"shard-1-of-2.csv: stopped.*shard-1-of-2.csv: \d+ [^;]*; (\d+) kept from before", log, re.DOTALL
    )
    if went_on is None:
        raise RuntimeError("no shard was stopped before its last exam; give more --exams")
    return f"stopped after {went_on[1]} of {-(-place.exams // 2)} exams; the merged table equals that of one run byte for byte"


CASES: dict[str, Callable[[Place], str]] = {
    "time-limit": time_limit, "preempted": preempted, "cancelled": cancelled, "array": array,
}  # fmt: skip


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=CASES, action="append", help="one of the cases; may be repeated")
    parser.add_argument("--steps", type=int, default=400, help="of each training; more where it ends too soon (400)")
    parser.add_argument("--exams", type=int, default=16, help="that are read; more where a shard ends too soon (16)")
    parser.add_argument("--keep", type=Path, help="a new folder in which everything is left")
    given = parser.parse_args()
    if missing():
        print(f"cannot run: {missing()}")
        return 2
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # the cluster must not outlive this
    with tempfile.TemporaryDirectory(prefix="slurm-") as temporary:
        folder = (given.keep or Path(temporary) / "check").absolute()
        folder.mkdir(parents=True)
        folder.parent.chmod(folder.parent.stat().st_mode | 0o111)  # munge's socket must be reachable
        with cluster(folder / "cluster") as found:
            place = Place(folder, found, given.steps, given.exams)
            print(found.ask("sinfo", "--version"))
            wrong = sum(not passed(name, CASES[name], place) for name in given.only or CASES)
    return 1 if wrong else 0


def passed(name: str, case: Callable[[Place], str], place: Place) -> bool:
    """Run a case and print what came of it."""
    try:
        print(f"{name}: ok, {case(place)}", flush=True)
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        print(f"{name}: WRONG, {error}", flush=True)
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
