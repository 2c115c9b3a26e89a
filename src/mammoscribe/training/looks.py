"""Trains the second look: windows around true and proposed marks of phantoms, two in three with a lesion."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mammoscribe.domain.lexicon import Axis, term
from mammoscribe.domain.view import Box
from mammoscribe.models.reader.crop_refiner import (
    CROP_AXES,
    GREY_PLANES,
    PRIOR_PLANES,
    CropOutput,
    CropRefiner,
    CropRefinerConfig,
)
from mammoscribe.models.reader.network import ReaderNet
from mammoscribe.models.reader.queries import AXIS_TERMS, NO_FINDING
from mammoscribe.training.loop import one_cycle
from mammoscribe.training.predict import mark_rows
from mammoscribe.training.samples import UNKNOWN, LabelledFinding, TrainingExam, ViewSample
from mammoscribe.training.view_looks import view_planes

HIT_IOU, CLEAR_IOU = 0.2, 0.02
SHARES = {0: 8, 1: 1, 2: 2, 3: 2, NO_FINDING: 7}
"""Windows of each kind in twenty; masses have the most words to learn."""
NOTHING = LabelledFinding(NO_FINDING)


@dataclass(frozen=True)
class LookSample:
    """One window to look at: a view with details, the mark's box in canvas pixels, and what is there."""

    view: ViewSample
    box: tuple[float, float, float, float]
    label: LabelledFinding

    @property
    def positive(self) -> bool:
        """Whether a lesion is there."""
        return self.label.type != NO_FINDING


@dataclass(frozen=True)
class LookSchedule:
    """How long and how fast; `batch` windows a step, and whichever of `minutes` and `steps` is reached first ends it."""

    minutes: float = 35.0
    steps: int = 1_000_000
    batch: int = 64
    learning_rate: float = 5e-4
    weight_decay: float = 0.03
    warm_up: float = 0.05
    checkpoint_every_s: float = 300.0


def look_samples(exam: TrainingExam, rows: Sequence[dict]) -> list[LookSample]:
    """True marks, and proposals of the first pass that clearly hit or clearly miss one.

    Args:
        exam: one view per slot, with details.
        rows: of `predict.mark_rows`, one per view.
    """
    samples = []
    by_slot = {row["slot"]: row for row in rows}
    for view in exam.views:
        truth = [(m.box, exam.findings[m.finding]) for m in view.marks]
        samples += [LookSample(view, box, label) for box, label in truth]
        for mark in by_slot[view.slot]["predicted"]:
            label = _label(mark["box"], truth)
            if label is not None:
                samples.append(LookSample(view, tuple(mark["box"]), label))
    return samples


def _label(box: Sequence[float], truth: Sequence[tuple]) -> LabelledFinding | None:
    """What a proposed box shows, or None when that is not clear."""
    mark = Box(*box)
    overlaps = [(mark.iou(Box(*b)), Box(*b).contains(*mark.centre), label) for b, label in truth]
    best = max(overlaps, key=lambda o: (o[1], o[0]), default=(0.0, False, NOTHING))
    if best[0] >= HIT_IOU or (best[1] and best[0] > CLEAR_IOU):
        return best[2]
    return NOTHING if not any(o[0] > CLEAR_IOU or o[1] for o in overlaps) else None


def gather_samples(
    exams: Sequence[TrainingExam], net: ReaderNet, report: Callable[[], None] = lambda: None
) -> list[LookSample]:
    """Samples of exams with details; `net` proposes the marks."""
    samples: list[LookSample] = []
    for exam in exams:
        samples += look_samples(exam, mark_rows(net, [exam]))
        report()
    return samples


def sample_planes(sample: LookSample, size_px: int, rng: np.random.Generator) -> np.ndarray:
    """The planes of one sample, its box jittered."""
    return view_planes(sample.view, _jittered(np.array(sample.box, float), rng), size_px)


def _jittered(box: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Centre moved by about a tenth of the sides, sides scaled by up to a fifth."""
    centre, sides = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
    centre = centre + rng.normal(0, 0.08, 2) * sides + rng.normal(0, 1.0, 2)
    sides = sides * np.exp(rng.uniform(-0.2, 0.2, 2))
    return np.concatenate((centre - sides / 2, centre + sides / 2))


def varied(planes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same place turned over, and now and then lit, sharpened and exposed differently; grey 0..1.2."""
    out = planes.copy()
    if rng.random() < 0.5:
        out = out[:, ::-1]
    if rng.random() < 0.5:
        out = out[:, :, ::-1]
    if rng.random() < 0.5:
        out = out.transpose(0, 2, 1)
    out = np.ascontiguousarray(out)
    gamma, gain = np.exp(rng.uniform(-0.25, 0.25)), rng.uniform(0.88, 1.12)
    for i in GREY_PLANES:
        again = i in PRIOR_PLANES
        g, a = (gamma * np.exp(rng.uniform(-0.1, 0.1)), gain * rng.uniform(0.95, 1.05)) if again else (gamma, gain)
        out[i] = np.clip(out[i] ** np.float32(g) * np.float32(a), 0, 1.2)
    if rng.random() < 0.1:
        out[0, 1:-1] = (out[0, :-2] + out[0, 1:-1] + out[0, 2:]) / 3
        out[0, :, 1:-1] = (out[0, :, :-2] + out[0, :, 1:-1] + out[0, :, 2:]) / 3
    return out


def batches(
    samples: Sequence[LookSample], size: int, size_px: int, rng: np.random.Generator
) -> Iterator[tuple[Tensor, list[LabelledFinding], Tensor]]:
    """Endless batches of kinds in the proportion of `SHARES`: planes, labels and whether a prior was seen."""
    by_type = {kind: [s for s in samples if s.label.type == kind] for kind in SHARES}
    feeds = {kind: _endless(own, rng) for kind, own in by_type.items() if own}
    turns = cycle([kind for kind, share in SHARES.items() for _ in range(share) if kind in feeds])
    while True:
        chosen = [next(feeds[next(turns)]) for _ in range(size)]
        planes = np.stack([varied(sample_planes(s, size_px, rng), rng) for s in chosen])
        has_prior = torch.tensor(["prior" in s.view.details for s in chosen])
        yield torch.from_numpy(planes), [s.label for s in chosen], has_prior


def _endless(samples: Sequence[LookSample], rng: np.random.Generator) -> Iterator[LookSample]:
    while True:
        for i in rng.permutation(len(samples)):
            yield samples[i]


def look_losses(out: CropOutput, labels: Sequence[LabelledFinding], has_prior: Tensor) -> dict[str, Tensor]:
    """Type of every window; words, suspicion and change of those that show a lesion."""
    kind = torch.tensor([f.type for f in labels])
    parts = {"type": F.cross_entropy(out.type.float(), kind)}
    for axis in CROP_AXES:
        goal = torch.tensor([_word(f, axis) for f in labels])
        if axis is not Axis.ASSOCIATED and (goal >= 0).any():
            parts[axis.value] = F.cross_entropy(out.descriptors[axis].float(), goal, ignore_index=UNKNOWN)
    described = torch.tensor([bool(f.descriptors) for f in labels])
    if described.any():
        told = torch.tensor([[float(t in f.descriptors) for t in AXIS_TERMS[Axis.ASSOCIATED]] for f in labels])
        logits = out.descriptors[Axis.ASSOCIATED].float()[described]
        parts["associated"] = F.binary_cross_entropy_with_logits(logits, told[described])
    suspicion = torch.tensor([float(f.suspicion) for f in labels])
    if (suspicion >= 0).any():
        known = suspicion >= 0
        parts["suspicion"] = F.binary_cross_entropy_with_logits(out.suspicion.float()[known], suspicion[known])
    change = torch.tensor([f.change if seen else UNKNOWN for f, seen in zip(labels, has_prior.tolist(), strict=True)])
    if (change >= 0).any():
        parts["change"] = F.cross_entropy(out.change.float(), change, ignore_index=UNKNOWN)
    return parts


def _word(label: LabelledFinding, axis: Axis) -> int:
    words = AXIS_TERMS[axis]
    return next((words.index(d) for d in label.descriptors if term(d).axis is axis), UNKNOWN)


WEIGHTS = {"type": 1.0, "shape": 0.7, "margin": 0.7, "density": 0.7, "asymmetry": 0.4, "suspicion": 0.4, "change": 0.5,
           "associated": 0.2}  # fmt: skip


def train_looks(
    samples: Sequence[LookSample], config: CropRefinerConfig, schedule: LookSchedule, folder: Path, seed: int = 0,
    report: Callable[[dict], None] = lambda _: None, start_from: Path | None = None,
) -> CropRefiner:  # fmt: skip
    """Train for `schedule.minutes`, from scratch or from another run's checkpoint.

    `metrics.jsonl` and `checkpoint.pt` go to `folder`.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    net = CropRefiner(config).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if start_from is not None:
        net.load_state_dict(torch.load(start_from, weights_only=True)["net"])
    optimiser = torch.optim.AdamW(net.parameters(), lr=schedule.learning_rate, weight_decay=schedule.weight_decay)
    folder.mkdir(parents=True, exist_ok=True)
    start = saved = time.monotonic()
    feed = batches(samples, schedule.batch, config.size_px, rng)
    net.train()
    for step in range(schedule.steps):
        progress = max(step / schedule.steps, (time.monotonic() - start) / (60 * schedule.minutes))
        if progress >= 1:
            break
        for group in optimiser.param_groups:
            group["lr"] = schedule.learning_rate * one_cycle(progress, schedule.warm_up)
        row = {**_step(net, optimiser, *next(feed)), "progress": round(progress, 4)}
        with (folder / "metrics.jsonl").open("a") as stream:
            stream.write(json.dumps(row) + "\n")
        report(row)
        if time.monotonic() - saved > schedule.checkpoint_every_s:
            saved = time.monotonic()
            _save(net, folder)
    _save(net, folder)
    return net.eval()


def _step(net: CropRefiner, optimiser, planes: Tensor, labels: list[LabelledFinding], has_prior: Tensor) -> dict:
    optimiser.zero_grad(set_to_none=True)
    with torch.autocast("cpu", torch.bfloat16):
        out = net(planes)
    parts = look_losses(out, labels, has_prior)
    torch.stack([WEIGHTS[name] * value for name, value in parts.items()]).sum().backward()
    torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
    optimiser.step()
    return {name: round(float(value.detach()), 4) for name, value in parts.items()}


def _save(net: CropRefiner, folder: Path) -> None:
    temporary = folder / "checkpoint.part"
    torch.save({"net": net.state_dict()}, temporary)
    temporary.rename(folder / "checkpoint.pt")
