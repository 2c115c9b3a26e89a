"""A small task for trying the training engine: two sources, three networks, labels that are missing, rows of all processes.

    python benchmarks/engine_toy.py --out DIR [--set field=value ...] [--processes N]

`benchmarks/engine.py` and the tests of the engine train it.
"""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mammoscribe.support.errors import MammoscribeError
from mammoscribe.training.engine.collectives import gather_rows
from mammoscribe.training.engine.faults import exit_code
from mammoscribe.training.engine.launch import launch
from mammoscribe.training.engine.run import Execution, Run
from mammoscribe.training.engine.schedule import Schedule
from mammoscribe.training.engine.sources import ItemBatches, ItemSource
from mammoscribe.training.engine.task import Batches, Modules, Task, Validation
from mammoscribe.training.engine.train import train

FEATURES, CLASSES, MISSING = 12, 3, -1


class Block(nn.Module):
    """A residual layer; one unit of sharding."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(), nn.Dropout(dropout))

    def forward(self, x: Tensor) -> Tensor:
        """[N, width] -> the same."""
        return x + self.inner(x)


def encoder(width: int, dropout: float) -> nn.Sequential:
    """[N, FEATURES] -> [N, width]."""
    return nn.Sequential(nn.Linear(FEATURES, width), Block(width, dropout), Block(width, dropout))


@dataclass(frozen=True)
class Item:
    """Features, a class or MISSING, a value or NaN, and features of a text that belongs to it."""

    x: np.ndarray
    label: int
    value: float
    text: np.ndarray


def make_items(number: int, seed: int) -> list[Item]:
    """Items whose class and value follow from the features; a third of the classes and half of the values are missing."""
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(7).normal(size=(FEATURES, FEATURES)) / np.sqrt(FEATURES)
    items = []
    for _ in range(number):
        x = rng.normal(size=FEATURES)
        label = int(np.argmax(x[:CLASSES])) if rng.random() > 1 / 3 else MISSING
        value = float(x[3:6].sum()) if rng.random() > 1 / 2 else float("nan")
        items.append(Item(x, label, value, x @ mixing + 0.1 * rng.normal(size=FEATURES)))
    return items


def vary(item: Item, rng: np.random.Generator) -> Item:
    """The item with noise on its features."""
    return Item(item.x + 0.05 * rng.normal(size=FEATURES), item.label, item.value, item.text)


def collate(items: list[Item]) -> dict[str, Tensor]:
    """A batch: x and text [N, FEATURES], label [N] long, value [N]."""
    return {
        "x": torch.tensor(np.stack([i.x for i in items]), dtype=torch.float32),
        "text": torch.tensor(np.stack([i.text for i in items]), dtype=torch.float32),
        "label": torch.tensor([i.label for i in items]),
        "value": torch.tensor([i.value for i in items], dtype=torch.float32),
    }


def toy_loss(modules: Modules, batches: Batches) -> dict[str, Tensor]:
    """Sums: classes and values of the labelled items of `exams`; which text belongs to which item of `pairs`."""
    exams, pairs = batches["exams"], batches["pairs"]
    out = modules["heads"](modules["image"](exams["x"])).float()
    known = ~exams["value"].isnan()
    seen, read = (F.normalize(modules[n](pairs[k]).float(), dim=1) for n, k in (("image", "x"), ("text", "text")))
    all_seen, all_read = gather_rows(seen), gather_rows(read)
    right = torch.arange(len(seen), device=seen.device) + all_seen.start
    match = sum(
        F.cross_entropy(8 * a @ b.rows.T, right, reduction="sum") for a, b in ((seen, all_read), (read, all_seen))
    )
    assert isinstance(match, Tensor)
    return {
        "class": F.cross_entropy(out[:, :CLASSES], exams["label"], ignore_index=MISSING, reduction="sum"),
        "value": ((out[:, CLASSES] - exams["value"])[known] ** 2).sum(),
        "match": match,
    }


def toy_counts(batches: Batches) -> dict[str, float]:
    """Labels of each loss."""
    exams = batches["exams"]
    classes, values = int((exams["label"] != MISSING).sum()), int((~exams["value"].isnan()).sum())
    return {"class": classes, "value": values, "match": 2 * len(batches["pairs"]["x"])}


def measure(modules: Modules, batch: Mapping[str, Tensor]) -> tuple[int, int, float]:
    """Right classes, known classes, and the sum of their losses, of one batch."""
    out = modules["heads"](modules["image"](batch["x"])).float()[:, :CLASSES]
    known = batch["label"] != MISSING
    right = int((out.argmax(dim=1) == batch["label"])[known].sum())
    return right, int(known.sum()), float(F.cross_entropy(out[known], batch["label"][known], reduction="sum"))


def summary(found: Sequence[tuple[int, int, float]]) -> dict[str, float]:
    """Accuracy and loss of the split."""
    right, known, loss = (sum(column) for column in zip(*found, strict=True))
    return {"accuracy": right / known, "loss": loss / known}


@dataclass(frozen=True)
class ToySettings:
    """The toy task.

    Args:
        width: of the networks.
        items: for training; half as many for validation.
        dropout: share.
    """

    width: int = 16
    items: int = 240
    dropout: float = 0.0

    def build(self, run: Run) -> Task:
        """The task with fresh networks."""
        modules = {
            "image": encoder(self.width, self.dropout), "text": encoder(self.width, self.dropout),
            "heads": nn.Linear(self.width, CLASSES + 1),
        }  # fmt: skip
        items = make_items(self.items, 1)
        source = ItemSource(items, collate, vary, digest="toy")
        val = ItemBatches(ItemSource(make_items(self.items // 2, 2), collate), 17, run.execution.workers)
        return Task(
            modules, {"exams": source, "pairs": source}, {"class": 1.0, "value": 0.5, "match": 0.2}, toy_loss, toy_counts,
            Validation(val, measure, summary, "loss", higher_is_better=False), blocks=(Block,),
        )  # fmt: skip


def toy_run(**changes: str) -> Run:
    """Forty steps of the toy task, a checkpoint and a validation every ten."""
    execution = Execution(device="cpu", checkpoint_every=10, validate_every=10, keep_last=2)
    run = Run(
        "toy", ToySettings(), 40, {"exams": 24, "pairs": 16}, schedule=Schedule(learning_rate=1e-2), execution=execution
    )
    return run.with_set(changes)


def main(arguments: Sequence[str] | None = None, on_row: Callable[[Any], None] = lambda _: None) -> int:
    """Train, in several processes where asked; the exit code of the command line: 0, 85, 130, or 2 after a sentence."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--die-at", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    changes = dict(text.split("=", 1) for text in options.set)

    def note(row: dict) -> None:
        on_row(row)
        if row["step"] == options.die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    try:
        if options.processes > 1:
            own = [sys.executable, str(Path(__file__)), "--out", str(options.out)]
            return launch([*own, *(f"--set={text}" for text in options.set)], options.processes)
        return train(toy_run(**changes), options.out, note, lambda text: print(text, file=sys.stderr)).exit_code
    except MammoscribeError as error:
        print(f"error {error.sentence()}", file=sys.stderr)
        return exit_code(error)


if __name__ == "__main__":
    sys.exit(main())
