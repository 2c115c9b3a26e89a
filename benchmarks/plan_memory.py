"""The memory that `mammoscribe plan` foresees against the tensors of three training steps on this machine, one process.

A child process trains and counts every tensor that is alive. What libraries keep besides is not in it;
the plan leaves a tenth of a device to that.

    python benchmarks/plan_memory.py --data runs/prepared --set task.preset=small --set batch.phantom=8
"""

import argparse
import json
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from weakref import WeakSet

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

from mammoscribe.cli.train import fields_of
from mammoscribe.evaluation.card import Row, Sense, markdown, write_rows
from mammoscribe.support.errors import MammoscribeError
from mammoscribe.training.engine.footprint import footprint
from mammoscribe.training.engine.plan import Devices, ways
from mammoscribe.training.engine.run import Run
from mammoscribe.training.engine.train import train
from mammoscribe.training.recipe_list import RECIPES

STEPS = 3
BAR = 0.15
"""Share by which the plan may be off."""


def run_of(given: argparse.Namespace) -> Run:
    """The run, as short as it gets: no validation and no export."""
    fields = {**fields_of(given.set), "execution.device": "cpu", "steps": str(STEPS + 1)}
    return RECIPES[given.recipe](given.data, given.init).with_set(fields)


class Alive(TorchDispatchMode):
    """Counts the bytes of all storages that are alive, and keeps the most; those from before it was entered are not counted."""

    def __init__(self) -> None:
        super().__init__()
        self.most = self._now = 0
        self._known: WeakSet[torch.UntypedStorage] = WeakSet()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        for value in tree_iter(found):
            if isinstance(value, torch.Tensor):
                self._count(value.untyped_storage())
        self.most = max(self.most, self._now)
        return found

    def _count(self, storage: torch.UntypedStorage) -> None:
        if storage not in self._known:
            self._known.add(storage)
            self._now += storage.nbytes()
            weakref.finalize(storage, self._gone, storage.nbytes())

    def _gone(self, size: int) -> None:
        self._now -= size


class _Enough(Exception):
    """Raised out of the run after its last step that counts."""


def measure(given: argparse.Namespace) -> float:
    """Bytes of all tensors of the run that are alive at once, at most."""
    run, alive = run_of(given), Alive()

    def stop(row: Mapping[str, object]) -> None:
        if row.get("step") == STEPS:
            raise _Enough

    with tempfile.TemporaryDirectory() as folder, suppress(_Enough), alive:
        train(run, Path(folder), on_row=stop)
    return float(alive.most)


def main() -> int:
    """Print the table; 1 when the plan is off by more than the bar, 2 when nothing could be measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="reader", choices=sorted(RECIPES))
    parser.add_argument("--data", type=Path, action="append", default=[])
    parser.add_argument("--init", type=Path)
    parser.add_argument("--set", action="append", metavar="FIELD=VALUE")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    try:
        if given.child:
            print(json.dumps(measure(given)))
            return 0
        run = run_of(given)
        foreseen = next(iter(ways(footprint(run), run, Devices(1, 1e6)))).device
    except MammoscribeError as error:
        print(error)
        return 2
    child = subprocess.run([sys.executable, *sys.argv, "--child"], capture_output=True, text=True, check=False)  # noqa: S603 (this script)
    if child.returncode:
        print(child.stderr[-500:])
        return 2
    taken = float(child.stdout.strip().splitlines()[-1])
    n = ", ".join(f"{count} {name}" for name, count in run.batch.items())
    rows = [
        Row("foreseen, GB", foreseen / 1e9, n), Row("taken, GB", taken / 1e9, n),
        Row("off by", abs(foreseen / taken - 1), n, bar=BAR, sense=Sense.AT_MOST),
    ]  # fmt: skip
    print(markdown(rows))
    if given.json:
        write_rows(rows, given.json)
    return int(not rows[-1].met)


if __name__ == "__main__":
    sys.exit(main())
