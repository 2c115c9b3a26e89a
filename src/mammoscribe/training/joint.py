"""Trains the starter's text side and joint head on phantoms: phrases against cells and against whole views.

The reader stays as it is; its features are computed once. Every pair of a phrase and a view, or of a phrase and a box, is a
known yes or no, so those losses are sigmoid losses over pairs (Zhai et al., ICCV 2023) instead of one right answer a row.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mammoscribe.domain.finding import Finding
from mammoscribe.models.reader.detection_head import STRIDE, TYPES
from mammoscribe.models.reader.joint_head import AIR, CellFeatures, JointHead, cell_features, on_grid
from mammoscribe.models.reader.network import ReaderNet
from mammoscribe.models.reader.phrases import PhraseConfig, PhraseNet, phrase_ids
from mammoscribe.models.tokenizer import ReportTokenizer, load_tokenizer
from mammoscribe.training.batches import NO_AUGMENTATION, make_batch
from mammoscribe.training.loop import one_cycle
from mammoscribe.training.samples import TrainingExam
from mammoscribe.training.statements import Statement, describe, findings_of_view, nothing, of_kind

WEIGHTS = {"place": 1.0, "kind": 1.0, "whole": 1.0}
Boxes = tuple[float, float, float, float]


@dataclass(frozen=True)
class JointSchedule:
    """How long and how fast; `batch` views a step."""

    minutes: float = 8.0
    steps: int = 1_000_000
    batch: int = 24
    learning_rate: float = 2e-3
    weight_decay: float = 0.02


@dataclass(frozen=True)
class JointView:
    """One view as the head reads it: half-precision features, and what the view shows.

    The grid is the canvas' without the empty rows at its top, padded at the bottom and right; boxes are in its pixels.
    """

    fine: np.ndarray
    tissue: np.ndarray
    shown: tuple[tuple[Finding, Boxes], ...]


class Joined(nn.Module):
    """Head and text side with the scales and offsets of their three losses, which only training needs."""

    def __init__(self, head: JointHead, phrases: PhraseNet) -> None:
        super().__init__()
        self.head, self.phrases = head, phrases
        self.scale = nn.Parameter(torch.tensor([3.0, 2.5, 2.5]))  # log: 20 for cells, 12 for boxes and whole views
        self.offset = nn.Parameter(torch.tensor([0.0, -3.0, -3.0]))

    def scaled(self, cosine: Tensor, which: int) -> Tensor:
        """Cosines as logits, of cells (0), boxes (1) or whole views (2)."""
        return self.scale[which].exp() * cosine + self.offset[which]


@torch.inference_mode()
def joint_views(
    net: ReaderNet, exams: Sequence[TrainingExam], report: Callable[[], None] = lambda: None
) -> list[JointView]:
    """Features of every view of `exams`, one view a slot."""
    return [view for exam in exams for view in _of_exam(net.eval(), exam, report)]


def _of_exam(net: ReaderNet, exam: TrainingExam, report: Callable[[], None]) -> list[JointView]:
    batch, targets = make_batch([exam], np.random.default_rng(0), NO_AUGMENTATION)
    with torch.autocast("cpu", torch.bfloat16):
        out = net(batch)
    features = cell_features(out, batch)
    high, wide = (side // STRIDE for side in net.config.canvas_px)
    by_slot = {view.slot: i for i, view in enumerate(exam.views)}
    views = []
    for row, slot in enumerate(batch.slot.tolist()):
        shown = [(f, _moved_up(box, targets.top_px)) for f, box in findings_of_view(exam, by_slot[slot])]
        views.append(JointView(
            on_grid(features.fine[row], (high, wide)).numpy().astype(np.float16),
            on_grid(features.tissue[row][None], (high, wide))[0].numpy(), tuple(shown),
        ))  # fmt: skip
    report()
    return views


def _moved_up(box: Boxes, rows_px: float) -> Boxes:
    return box[0], box[1] - rows_px, box[2], box[3] - rows_px


def train_joint(
    views: Sequence[JointView], schedule: JointSchedule, folder: Path, seed: int = 0,
    report: Callable[[dict], None] = lambda _: None,
) -> tuple[JointHead, PhraseNet]:  # fmt: skip
    """Head and text side, learned from `joint_views`; `checkpoint.pt` and `metrics.jsonl` go to `folder`."""
    torch.manual_seed(seed)
    rng, tokenizer = np.random.default_rng(seed), load_tokenizer()
    text = PhraseNet(PhraseConfig(tokenizer.vocab_size))
    joined = Joined(JointHead(len(views[0].fine)), text)
    optimiser = torch.optim.AdamW(joined.parameters(), lr=schedule.learning_rate, weight_decay=schedule.weight_decay)
    folder.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    joined.train()
    for step in range(schedule.steps):
        progress = max(step / schedule.steps, (time.monotonic() - start) / (60 * schedule.minutes))
        if progress >= 1:
            break
        for group in optimiser.param_groups:
            group["lr"] = schedule.learning_rate * one_cycle(progress, 0.05)
        row = {
            **_step(joined, optimiser, _drawn(views, schedule.batch, rng), tokenizer, rng),
            "progress": round(progress, 4),
        }
        with (folder / "metrics.jsonl").open("a") as stream:
            stream.write(json.dumps(row) + "\n")
        report(row)
    temporary = folder / "checkpoint.part"
    torch.save({"head": joined.head.state_dict(), "phrases": text.state_dict()}, temporary)
    temporary.rename(folder / "checkpoint.pt")
    return joined.head.eval(), text.eval()


def _drawn(views: Sequence[JointView], size: int, rng: np.random.Generator) -> list[JointView]:
    """Two of three views with a finding, where there are such."""
    full = [v for v in views if v.shown] or list(views)
    empty = [v for v in views if not v.shown] or list(views)
    pools = [full if i % 3 else empty for i in range(size)]
    return [pool[int(rng.integers(len(pool)))] for pool in pools]


def statements_for(views: Sequence[JointView], rng: np.random.Generator) -> list[Statement]:
    """One phrase about each finding shown, one present and one absent kind of each, and that there is nothing."""
    told = [describe(f, rng) for view in views for f, _ in view.shown]
    kinds = [of_kind(kind, negated, rng) for kind in TYPES for negated in (False, True)]
    return [*told, *kinds, nothing(rng)]


def _step(joined: Joined, optimiser, views, tokenizer: ReportTokenizer, rng) -> dict:
    statements = statements_for(views, rng)
    with torch.autocast("cpu", torch.bfloat16):
        patches, whole, _ = joined.head(stacked(views))
    text = joined.phrases(*phrase_ids([s.text for s in statements], tokenizer, joined.phrases.config.max_tokens))
    parts = {
        "place": place_loss(patches, text, joined, views, statements),
        "kind": kind_loss(patches, text, joined, views, statements),
        "whole": whole_loss(whole, text, joined, views, statements),
    }
    optimiser.zero_grad(set_to_none=True)
    torch.stack([WEIGHTS[name] * value for name, value in parts.items()]).sum().backward()
    nn.utils.clip_grad_norm_(joined.parameters(), 5.0)
    optimiser.step()
    return {name: round(float(value.detach()), 4) for name, value in parts.items()}


def stacked(views: Sequence[JointView]) -> CellFeatures:
    """Features of several views as one batch."""
    fine, tissue = (np.stack([getattr(v, name) for v in views]) for name in ("fine", "tissue"))
    return CellFeatures(torch.from_numpy(fine).float(), torch.from_numpy(tissue))


def place_loss(patches: Tensor, text: Tensor, joined: Joined, views, statements: Sequence[Statement]) -> Tensor:
    """Where a phrase is, of all cells of a view: cross-entropy of every true pair against the cells of its boxes.

    A softmax over cells, and not a yes or no for each: one cell in a thousand is right, and what counts is that it comes first.
    """
    pairs = [(i, j, cells_of(v, s)) for i, v in enumerate(views) for j, s in enumerate(statements)]
    pairs = [pair for pair in pairs if pair[2].any()]
    if not pairs:
        return patches.sum() * 0
    i, j = (torch.tensor([pair[k] for pair in pairs]) for k in (0, 1))
    tissue = torch.from_numpy(np.stack([v.tissue for v in views])).flatten(1)[i]
    right = torch.from_numpy(np.stack([goal for _, _, goal in pairs])).flatten(1) * tissue
    cosine = torch.einsum("pjc,pj->pc", F.normalize(patches, dim=1).flatten(2)[i], text[j])
    chance = joined.scaled(cosine, 0).masked_fill(~tissue, AIR).log_softmax(dim=1)
    return (-(chance * right).sum(dim=1) / right.sum(dim=1).clamp(min=1)).mean()


def kind_loss(patches: Tensor, text: Tensor, joined: Joined, views, statements: Sequence[Statement]) -> Tensor:
    """What is in a box, of all phrases of the batch: the box's mean cell against each phrase, true of it or not."""
    cells = F.normalize(patches, dim=1)
    boxes, fits = [], []
    for view, own in zip(views, cells, strict=True):
        for finding, box in view.shown:
            inside = torch.from_numpy(box_cells(box, view.tissue.shape)) > 0
            boxes.append(F.normalize(own[:, inside].mean(dim=1), dim=0))
            fits.append([float(s.about is not None and not s.negated and s.fits(finding)) for s in statements])
    if not boxes:
        return cells.sum() * 0
    return _balanced(joined.scaled(torch.stack(boxes) @ text.T, 1), torch.tensor(fits))


def middle_of(box: Boxes) -> Boxes:
    """The middle half of a box, along each side."""
    x0, y0, x1, y1 = box
    wide, high = (x1 - x0) / 4, (y1 - y0) / 4
    return x0 + wide, y0 + high, x1 - wide, y1 - high


def cells_of(view: JointView, statement: Statement) -> np.ndarray:
    """[h, w] float32: 1 in cells in the middle of the box of a finding that the phrase is about, at least one cell each."""
    goal = np.zeros(view.tissue.shape, np.float32)
    if statement.about is None or statement.negated:
        return goal
    for finding, box in view.shown:
        if statement.fits(finding):
            goal = np.maximum(goal, box_cells(middle_of(box), goal.shape))
    return goal


def box_cells(box: Boxes, shape: tuple[int, ...]) -> np.ndarray:
    """[h, w] float32: 1 in cells whose centre lies in the box, and in the one that holds its middle."""
    x0, y0, x1, y1 = box
    goal = np.zeros(shape, np.float32)
    left, right = int(x0 / STRIDE + 0.5), int(np.ceil(x1 / STRIDE - 0.5))
    top, bottom = int(y0 / STRIDE + 0.5), int(np.ceil(y1 / STRIDE - 0.5))
    goal[max(0, top) : max(bottom, top), max(0, left) : max(right, left)] = 1
    row, column = int((y0 + y1) / 2 / STRIDE), int((x0 + x1) / 2 / STRIDE)
    goal[min(max(row, 0), shape[0] - 1), min(max(column, 0), shape[1] - 1)] = 1
    return goal


def whole_loss(whole: Tensor, text: Tensor, joined: Joined, views, statements: Sequence[Statement]) -> Tensor:
    """Every phrase against every view: true of it or not; right and wrong pairs weigh the same in sum."""
    shown = [[f for f, _ in v.shown] for v in views]
    true = torch.tensor([[float(s.true_of(own)) for s in statements] for own in shown])
    return _balanced(joined.scaled(F.normalize(whole, dim=1) @ text.T, 2), true)


def _balanced(logits: Tensor, true: Tensor) -> Tensor:
    """Sigmoid loss in which right and wrong pairs weigh the same in sum."""
    loss = F.binary_cross_entropy_with_logits(logits, true, reduction="none")
    share = true.mean().clamp(0.01, 0.99)
    return (loss * torch.where(true > 0.5, 0.5 / share, 0.5 / (1 - share))).mean()
