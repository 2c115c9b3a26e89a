"""Trains and measures the patch network on drawn exams: `python -m mammoscribe.training.patches draw|train|evaluate`.

The three steps, about 15 + 20 + 5 minutes on one quiet core:
    python -m mammoscribe.training.patches draw --seeds 20000 20360
    python -m mammoscribe.training.patches train
    python -m mammoscribe.training.patches evaluate --seeds 100000 100060
"""

import argparse
import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from safetensors.torch import save
from torch import Tensor
from torch.nn import functional as F

from mammoscribe.evaluation.detection import FrocCurve, ViewMarks, froc, sensitivity_at, threshold_at
from mammoscribe.models.reader.calcifications import (
    BENIGN,
    SUSPICIOUS,
    PatchConfig,
    PatchNet,
    PatchOutput,
    find_calcifications,
    load_patch_net,
)
from mammoscribe.models.reader.tophat import CELL_PX
from mammoscribe.phantom import TRAINING_SPEC, PhantomSpec, draw_exam
from mammoscribe.support.files import write_bytes, write_text
from mammoscribe.training.loop import one_cycle
from mammoscribe.training.patch_cache import (
    CALC_SPEC,
    IGNORED,
    NOTHING,
    TILE_PX,
    TILE_SCALE,
    Tiles,
    calc_views,
    draw_patch_cache,
    load_tiles,
)

WEIGHTS = Path("runs/patches/patchnet.safetensors")
CACHE = Path("cache/patches")
FALSE_MARKS_PER_VIEW = (0.1, 0.25, 0.5)
"""Operating points that are printed; the bar of the benchmark is at the last one."""


@dataclass(frozen=True)
class PatchSchedule:
    """How the patch network is trained; the learning rate follows steps or minutes, whichever are nearer their end."""

    steps: int = 2000
    batch: int = 24
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    warm_up: float = 0.1
    term_weight: float = 0.3
    positive_share: float = 0.6
    checkpoint_every_s: float = 60.0


def train_patches(
    cache: Path, config: PatchConfig, minutes: float, seed: int,
    folder: Path = WEIGHTS.parent, schedule: PatchSchedule | None = None,
) -> PatchNet:  # fmt: skip
    """Train on the tiles of `cache`; a run that was cut short goes on from `folder`/checkpoint.pt.

    Writes `patchnet.safetensors` and `metrics.jsonl` to `folder`. Ends after the schedule's steps, or after `minutes`.
    """
    schedule, tiles = schedule or PatchSchedule(), load_tiles(cache)
    torch.manual_seed(seed)
    net = PatchNet(config).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(net.parameters(), lr=schedule.learning_rate, weight_decay=schedule.weight_decay)
    checkpoint = Path(folder) / "checkpoint.pt"
    step, spent = _resume(checkpoint, net, optimiser)
    rng = np.random.default_rng((seed, step))
    sampler = _Sampler(tiles, schedule.positive_share)
    start = saved = time.monotonic()
    net.train()
    while (progress := max(step / schedule.steps, (spent + time.monotonic() - start) / (60 * minutes))) < 1:
        for group in optimiser.param_groups:
            group["lr"] = schedule.learning_rate * one_cycle(progress, schedule.warm_up)
        pixels, targets = make_batch(tiles, sampler.draw(rng, schedule.batch), config.patch_px, rng)
        losses = _step(net, optimiser, pixels, targets, schedule)
        step += 1
        if step % 20 == 0:
            _log(Path(folder) / "metrics.jsonl", step, progress, losses)
        if time.monotonic() - saved > schedule.checkpoint_every_s:
            saved = time.monotonic()
            _save(checkpoint, net, optimiser, step, spent + saved - start)
    _save(checkpoint, net, optimiser, step, spent + time.monotonic() - start)
    write_bytes(Path(folder) / WEIGHTS.name, save(_state(net)))
    return net.eval()


def _step(net: PatchNet, optimiser, pixels: Tensor, targets: Tensor, schedule: PatchSchedule) -> dict[str, float]:
    optimiser.zero_grad(set_to_none=True)
    with torch.autocast("cpu", torch.bfloat16):
        output = net(pixels)
    heat, terms = patch_losses(output, targets)
    (heat + schedule.term_weight * terms).backward()
    norm = torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
    if torch.isfinite(norm):
        optimiser.step()
    return {"heat": float(heat.detach()), "terms": float(terms.detach()), "norm": float(norm)}


def patch_losses(output: PatchOutput, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Focal loss of the heat (Lin et al. 2017, gamma 2) and cross entropy of the terms where there is something.

    Args:
        output: the network's answer.
        targets: [P, 3, h, w] long: reading (IGNORED cells teach nothing), morphology, distribution.

    Returns:
        Both per positive cell; the terms' loss is 0 when a batch has none.
    """
    wanted = torch.stack([targets[:, 0] == SUSPICIOUS, targets[:, 0] == BENIGN], dim=1).float()
    logits = output.heat.float()
    missed = (wanted - logits.sigmoid()).abs()
    focal = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none") * missed**2
    heat = (focal * (targets[:, :1] != IGNORED)).sum() / wanted.sum().clamp_min(20.0)
    terms = logits.new_zeros(())
    for row, answer in ((1, output.morphology), (2, output.distribution)):
        if (targets[:, row] != NOTHING).any():
            terms = terms + F.cross_entropy(answer.float(), targets[:, row], ignore_index=NOTHING)
    return heat, terms


class _Sampler:
    """Draws tile indices with a fixed share of tiles that hold something."""

    def __init__(self, tiles: Tiles, positive_share: float) -> None:
        holds = (tiles.reading >= 0).any(axis=(1, 2))
        self.positive, self.empty = np.nonzero(holds)[0], np.nonzero(~holds)[0]
        self.share = positive_share if len(self.empty) and len(self.positive) else float(len(self.positive) > 0)

    def draw(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """[count] indices."""
        wanted = int(rng.binomial(count, self.share))
        chosen = [rng.choice(pool, n) for pool, n in ((self.positive, wanted), (self.empty, count - wanted)) if n]
        return np.concatenate(chosen)


def make_batch(tiles: Tiles, chosen: np.ndarray, patch_px: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Shifted, turned and re-exposed patches [P, 1, s, s] with their targets [P, 3, h, w]."""
    cells, spare = patch_px // CELL_PX, (TILE_PX - patch_px) // CELL_PX
    pixels = np.empty((len(chosen), 1, patch_px, patch_px), np.float32)
    targets = np.empty((len(chosen), 3, cells, cells), np.int64)
    for i, k in enumerate(chosen):
        row, col = rng.integers(spare + 1, size=2)
        turns, mirror = int(rng.integers(4)), bool(rng.integers(2))
        here = slice(row * CELL_PX, row * CELL_PX + patch_px), slice(col * CELL_PX, col * CELL_PX + patch_px)
        there = slice(row, row + cells), slice(col, col + cells)
        pixels[i, 0] = _exposed(_turned(tiles.pixels[k][here], turns, mirror), rng)
        for j, layer in enumerate((tiles.reading, tiles.morphology, tiles.distribution)):
            targets[i, j] = _turned(layer[k][there], turns, mirror)
    return torch.from_numpy(pixels), torch.from_numpy(targets)


def _turned(square: np.ndarray, turns: int, mirror: bool) -> np.ndarray:
    return np.rot90(square[:, ::-1] if mirror else square, turns)


def _exposed(codes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Grey 0..1 under another tone curve, sharpness and dose; air stays 0."""
    grey = codes.astype(np.float32) / np.float32(TILE_SCALE)
    air = grey <= 0
    grey = grey ** np.float32(np.exp(rng.uniform(-0.25, 0.25))) * np.float32(rng.uniform(0.8, 1.15))
    if rng.random() < 0.15:
        grey[1:-1] = 0.25 * grey[:-2] + 0.5 * grey[1:-1] + 0.25 * grey[2:]
        grey[:, 1:-1] = 0.25 * grey[:, :-2] + 0.5 * grey[:, 1:-1] + 0.25 * grey[:, 2:]
    if rng.random() < 0.3:
        grey = grey + rng.standard_normal(grey.shape, dtype=np.float32) * np.float32(rng.uniform(0, 0.006))
    grey = np.clip(grey, 1e-4, 1.2)
    grey[air] = 0
    return grey


def _state(net: PatchNet) -> dict[str, Tensor]:
    return {name: value.detach().half().contiguous() for name, value in net.state_dict().items()}


def _save(path: Path, net: PatchNet, optimiser, step: int, seconds: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    torch.save({"net": net.state_dict(), "optimiser": optimiser.state_dict(), "step": step, "seconds": seconds}, part)
    part.rename(path)


def _resume(path: Path, net: PatchNet, optimiser) -> tuple[int, float]:
    if not path.is_file():
        return 0, 0.0
    state = torch.load(path, weights_only=True)
    net.load_state_dict(state["net"])
    optimiser.load_state_dict(state["optimiser"])
    return int(state["step"]), float(state["seconds"])


def _log(path: Path, step: int, progress: float, losses: dict[str, float]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as stream:
        stream.write(
            json.dumps({"step": step, "progress": round(progress, 4)} | {k: round(v, 4) for k, v in losses.items()})
            + "\n"
        )


@dataclass(frozen=True)
class PatchFigures:
    """FROC of suspicious calcifications: per lesion (found in at least one view) and per mark (each view by itself)."""

    by_lesion: FrocCurve
    by_mark: FrocCurve

    def lines(self) -> str:
        """The figures in words, one operating point per line."""
        counts = (
            f"{self.by_lesion.num_views} views, {self.by_lesion.num_lesions} lesions, {self.by_mark.num_lesions} marks"
        )
        return "\n".join((counts, *(self._at(rate) for rate in FALSE_MARKS_PER_VIEW)))

    def _at(self, rate: float) -> str:
        lesions, marks = sensitivity_at(self.by_lesion, rate), sensitivity_at(self.by_mark, rate)
        threshold = threshold_at(self.by_lesion, rate)
        return (
            f"at {rate} false marks per view: {lesions:.3f} of lesions, {marks:.3f} of marks, threshold {threshold:.3f}"
        )


def evaluate_patches(
    net: PatchNet, seeds: Iterable[int], spec: PhantomSpec, config: PatchConfig | None = None
) -> PatchFigures:
    """Measure on drawn exams that were not trained on; choose the threshold here, never on the test seeds."""
    views = []
    for seed in track(list(seeds), description="Measuring"):
        for view in calc_views(draw_exam(seed, spec)):
            found = find_calcifications(net, view.pixels, view.breast, config)
            marks = tuple((c.box, c.score) for c in found if c.suspicious)
            lesions = tuple((f"{seed}/{t.id}", t.box) for t in view.truths if t.reading == SUSPICIOUS)
            views.append(ViewMarks(marks, lesions))
    return PatchFigures(froc(views), froc(views, by_lesion=False))


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line of the three steps."""
    parser = argparse.ArgumentParser(
        prog="mammoscribe.training.patches", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    steps = parser.add_subparsers(dest="step", required=True)
    draw = steps.add_parser("draw", help="draw exams and keep their tiles")
    train = steps.add_parser("train", help="train on the tiles; goes on where it stopped")
    measure = steps.add_parser("evaluate", help="FROC on drawn exams")
    for parser_of, first, last in ((draw, 20_000, 20_360), (measure, 100_000, 100_060)):
        parser_of.add_argument("--seeds", type=int, nargs=2, default=(first, last), metavar=("FIRST", "END"))
    for parser_of in (draw, train):
        parser_of.add_argument("--cache", type=Path, default=CACHE)
    train.add_argument("--minutes", type=float, default=90.0)
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--threads", type=int, default=1)
    measure.add_argument("--weights", type=Path, default=WEIGHTS)
    measure.add_argument("--enriched", action="store_true", help="exams with many calcifications, as for training")
    options = parser.parse_args(arguments)
    if options.step == "draw":
        draw_patch_cache(range(*options.seeds), options.cache)
    elif options.step == "train":
        torch.set_num_threads(options.threads)
        train_patches(options.cache, PatchConfig(), options.minutes, options.seed)
    else:
        spec = CALC_SPEC if options.enriched else TRAINING_SPEC
        figures = evaluate_patches(load_patch_net(options.weights), range(*options.seeds), spec).lines()
        write_text(options.weights.with_suffix(f".{spec.name}.txt"), figures + "\n")
        Console().print(figures)


if __name__ == "__main__":
    main()
