"""The training loop: one optimiser step per batch, resumed from its checkpoint, metrics as lines of JSON."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from mammoscribe.models.reader.batch import ViewBatch, moved
from mammoscribe.models.reader.network import ReaderNet
from mammoscribe.models.reader.norm_statistics import DRAWN, FILMED, NormStatistics
from mammoscribe.training.batches import Augmentation, Targets, batches
from mammoscribe.training.losses import LossWeights, losses, weighted_sum
from mammoscribe.training.samples import TrainingExam


@dataclass(frozen=True)
class Source:
    """One data set of a run: its exams, how many per step, and how they are varied. A batch never mixes sources.

    `domain` says which set of batch statistics its batches use and move; with `keeps_statistics` they only use it, as a
    source with too few images a step should.
    """

    name: str
    exams: Sequence[TrainingExam]
    batch_exams: int
    augmentation: Augmentation = Augmentation()
    domain: str = DRAWN
    keeps_statistics: bool = False


@dataclass(frozen=True)
class Schedule:
    """How long, how fast and where.

    `minutes` ends a run early, with the learning rate following whichever of the two is nearer; `device` is a torch
    device name.
    """

    steps: int
    learning_rate: float = 1e-3
    weight_decay: float = 0.02
    warm_up: float = 0.05
    minutes: float = 150.0
    bf16: bool = True
    device: str = "cpu"
    checkpoint_every_s: float = 300.0
    weights: LossWeights = field(default_factory=LossWeights)


def train(
    net: ReaderNet, sources: Sequence[Source], schedule: Schedule, folder: Path, seed: int,
    report: Callable[[dict], None] = lambda _: None,
) -> ReaderNet:  # fmt: skip
    """Train `net` in place: each step takes one batch of each source and sums their losses.

    Writes `metrics.jsonl` and `checkpoint.pt` to `folder`; a run that finds a checkpoint there goes on from it. The
    network comes back with the statistics of phantoms; those of films are in the checkpoint (`films_statistics`).
    """
    folder.mkdir(parents=True, exist_ok=True)
    net.to(schedule.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(_groups(net, schedule.weight_decay), lr=schedule.learning_rate)
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    banks = {domain: NormStatistics(net) for domain in (DRAWN, FILMED)}
    step, spent = _resume(folder / "checkpoint.pt", net, banks, optimiser, rng)
    feeds = [_endless(s, rng) for s in sources]
    start = saved = time.monotonic()
    while step < schedule.steps:
        elapsed = spent + time.monotonic() - start
        progress = max(step / schedule.steps, elapsed / (60 * schedule.minutes))
        if progress >= 1:
            break
        rate = schedule.learning_rate * one_cycle(progress, schedule.warm_up)
        for group in optimiser.param_groups:
            group["lr"] = rate
        row = _step(net, banks, optimiser, feeds, sources, schedule)
        step += 1
        row |= {"step": step, "rate": round(rate, 6), "seconds": round(spent + time.monotonic() - start, 1)}
        with (folder / "metrics.jsonl").open("a") as stream:
            stream.write(json.dumps(row) + "\n")
        report({**row, "progress": progress})
        if time.monotonic() - saved > schedule.checkpoint_every_s:
            saved = time.monotonic()
            _save(folder / "checkpoint.pt", net, banks, optimiser, rng, step, spent + saved - start)
    _save(folder / "checkpoint.pt", net, banks, optimiser, rng, step, spent + time.monotonic() - start)
    return net.to("cpu").eval()


def films_statistics(state: dict, net: ReaderNet) -> NormStatistics:
    """The film statistics of a checkpoint's content, for a network of its shape."""
    statistics = NormStatistics(net)
    statistics.load_state_dict(state["statistics"][FILMED])
    return statistics


def _step(net, banks, optimiser, feeds, sources, schedule: Schedule) -> dict[str, float]:
    optimiser.zero_grad(set_to_none=True)
    row: dict[str, float] = {}
    for feed, source in zip(feeds, sources, strict=True):
        batch, targets = next(feed)
        banks[source.domain].lend_to(net)
        _training_mode(net, source.keeps_statistics)
        with torch.autocast(torch.device(schedule.device).type, torch.bfloat16, enabled=schedule.bf16):
            out = net(moved(batch, schedule.device))
        parts = losses(moved(out, "cpu"), batch, targets)  # matching and masks are small and live on the CPU
        if parts:
            weighted_sum(parts, schedule.weights).backward()
        row |= {f"{source.name}/{k}": round(float(v.detach()), 4) for k, v in parts.items()}
    norm = torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
    if torch.isfinite(norm):
        optimiser.step()
    return row | {"grad_norm": round(float(norm), 3)}


def _training_mode(net: ReaderNet, keep_statistics: bool) -> None:
    """Training mode, the batch norms' running statistics excepted where they are to be kept."""
    net.train()
    if keep_statistics:
        for part in net.modules():
            if isinstance(part, torch.nn.BatchNorm2d):
                part.eval()


def _groups(net: ReaderNet, weight_decay: float) -> list[dict]:
    """Matrices and kernels decay; biases, norms and embeddings do not (the type embedding as published)."""
    decayed = [p for p in net.parameters() if p.ndim > 1 and p.shape[0] != 1 and p.requires_grad]
    chosen = {id(p) for p in decayed}
    rest = [p for p in net.parameters() if id(p) not in chosen and p.requires_grad]
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": rest, "weight_decay": 0.0}]


def one_cycle(progress: float, warm_up: float) -> float:
    """Linear rise, cosine fall to 1 %."""
    if progress < warm_up:
        return 0.05 + 0.95 * progress / warm_up
    fall = (progress - warm_up) / (1 - warm_up)
    return 0.01 + 0.99 * 0.5 * (1 + float(np.cos(np.pi * fall)))


def _endless(source: Source, rng: np.random.Generator) -> Iterator[tuple[ViewBatch, Targets]]:
    while True:
        yield from batches(source.exams, source.batch_exams, rng, source.augmentation)


def _save(path: Path, net: ReaderNet, banks, optimiser, rng: np.random.Generator, step: int, seconds: float) -> None:
    banks[DRAWN].lend_to(net)
    state = {
        "net": net.state_dict(), "statistics": {d: b.state_dict() for d, b in banks.items()}, "optimiser": optimiser.state_dict(), "rng": json.dumps(rng.bit_generator.state),
        "torch_rng": torch.get_rng_state(), "step": step, "seconds": seconds,
    }  # fmt: skip
    temporary = path.with_suffix(".part")
    torch.save(state, temporary)
    temporary.rename(path)


def _resume(path: Path, net: ReaderNet, banks, optimiser, rng: np.random.Generator) -> tuple[int, float]:
    if not path.is_file():
        return 0, 0.0
    state = torch.load(path, weights_only=True, map_location="cpu")
    net.load_state_dict(state["net"])
    for domain, bank in banks.items():
        bank.load_state_dict(state["statistics"][domain])
    optimiser.load_state_dict(state["optimiser"])
    rng.bit_generator.state = json.loads(state["rng"])
    torch.set_rng_state(state["torch_rng"])
    return int(state["step"]), float(state["seconds"])
