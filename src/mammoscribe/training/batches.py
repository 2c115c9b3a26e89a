"""Batches: one view per slot of a few exams, augmented together with their boxes, as tensors."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mammoscribe.models.reader.batch import ViewBatch, trimmed
from mammoscribe.training.samples import GREY_SCALE, BreastLabels, LabelledFinding, TrainingExam, ViewSample


@dataclass(frozen=True)
class Augmentation:
    """How much a canvas is varied; every amount 0 gives the canvas as it is."""

    rotation_deg: float = 6.0
    scale: float = 0.10
    shift_px: float = 16.0
    gamma: float = 0.25
    gain: float = 0.10
    noise: float = 0.03
    blur_chance: float = 0.2
    drop_view_chance: float = 0.15
    flip_chance: float = 0.0
    stretch: float = 0.0


NO_AUGMENTATION = Augmentation(0, 0, 0, 0, 0, 0, 0, 0, 0, 0)


@dataclass(frozen=True)
class Targets:
    """Labels beside a ViewBatch.

    Args:
        mark_view, mark_box, mark_finding: [K], [K, 4], [K]: true boxes; findings index into `findings`.
        marks_labelled: [N] bool.
        findings: labels of every finding of the batch.
        breasts: labels of the 2 * B breasts, exam-major, right first.
        top_px: rows that were cut from the top of every canvas.
    """

    mark_view: Tensor
    mark_box: Tensor
    mark_finding: Tensor
    marks_labelled: Tensor
    findings: tuple[LabelledFinding, ...]
    breasts: tuple[BreastLabels, ...]
    top_px: int = 0


@dataclass(frozen=True)
class _Affine:
    """Canvas to canvas: rotate and scale about the centre, then shift; `scale` is (x, y)."""

    cos: float
    sin: float
    scale: tuple[float, float]
    shift: tuple[float, float]
    flip: bool

    def points(self, xy: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Move [K, 2] points."""
        centre = np.array([size[1] / 2, size[0] / 2])
        d = (xy - centre) * np.array(self.scale) * np.array([1.0, -1.0 if self.flip else 1.0])
        turned = np.stack((self.cos * d[:, 0] - self.sin * d[:, 1], self.sin * d[:, 0] + self.cos * d[:, 1]), axis=1)
        return turned + centre + np.array(self.shift)

    def sampling_matrix(self, size: tuple[int, int]) -> np.ndarray:
        """[2, 3] for torch.affine_grid: from output to input, in its -1..1 coordinates."""
        h, w = size
        flip = -1.0 if self.flip else 1.0
        forward = np.array([[self.cos * self.scale[0], -self.sin * self.scale[1] * flip],
                            [self.sin * self.scale[0], self.cos * self.scale[1] * flip]])  # fmt: skip
        inverse = np.linalg.inv(forward)
        half = np.diag([w / 2, h / 2])
        linear = np.linalg.inv(half) @ inverse @ half
        offset = np.linalg.inv(half) @ inverse @ -np.array(self.shift)
        return np.concatenate((linear, offset[:, None]), axis=1)


def _draw_affine(rng: np.random.Generator, amount: Augmentation) -> _Affine:
    angle = math.radians(rng.uniform(-1, 1) * amount.rotation_deg)
    scale, stretch = 1 + rng.uniform(-1, 1) * amount.scale, 1 + rng.uniform(-1, 1) * amount.stretch
    shift = tuple(rng.uniform(-1, 1, 2) * amount.shift_px)
    return _Affine(
        math.cos(angle), math.sin(angle), (scale * stretch, scale / stretch), shift, rng.random() < amount.flip_chance
    )


def _warp(images: Tensor, matrices: np.ndarray) -> Tensor:
    grid = F.affine_grid(torch.from_numpy(matrices).float(), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def _photometric(images: Tensor, rng: np.random.Generator, amount: Augmentation) -> Tensor:
    n = len(images)
    gamma = torch.from_numpy(np.exp(rng.uniform(-1, 1, n) * amount.gamma)).float().view(n, 1, 1, 1)
    gain = torch.from_numpy(1 + rng.uniform(-1, 1, n) * amount.gain).float().view(n, 1, 1, 1)
    tissue = (images > 0.004).float()
    out = images.clamp(0, 1.2).pow(gamma) * gain
    if amount.blur_chance:
        blurred = F.avg_pool2d(out, 3, 1, 1)
        chosen = torch.from_numpy(rng.random(n) < amount.blur_chance).view(n, 1, 1, 1)
        out = torch.where(chosen, blurred, out)
    if amount.noise:
        level = torch.from_numpy(rng.uniform(0, amount.noise, n)).float().view(n, 1, 1, 1)
        out = out + torch.from_numpy(rng.standard_normal(out.shape, dtype=np.float32)) * level
    return out.clamp(0, 1.2) * tissue


def _pick_views(exam: TrainingExam, rng: np.random.Generator, amount: Augmentation) -> list[ViewSample]:
    slots = sorted({v.slot for v in exam.views})
    picked = [rng.choice(np.array([i for i, v in enumerate(exam.views) if v.slot == s])) for s in slots]
    if len(picked) > 1 and rng.random() < amount.drop_view_chance:
        picked.pop(rng.integers(len(picked)))  # any subset of views must be readable
    return [exam.views[int(i)] for i in picked]


def make_batch(
    exams: Sequence[TrainingExam], rng: np.random.Generator, amount: Augmentation
) -> tuple[ViewBatch, Targets]:
    """Collate and augment; a prior is warped with its view, and lit differently."""
    rows = [(e, view) for e, exam in enumerate(exams) for view in _pick_views(exam, rng, amount)]
    warps = [_draw_affine(rng, amount) for _ in rows]
    size = rows[0][1].canvas.shape
    images = _canvases([v.canvas for _, v in rows])
    images = _photometric(_warp(images, np.stack([a.sampling_matrix(size) for a in warps])), rng, amount)
    priors = {i: v.prior for i, (_, v) in enumerate(rows) if v.prior is not None}
    with_prior, previous = list(priors), None
    if with_prior:
        previous = _canvases(list(priors.values()))
        previous = _photometric(
            _warp(previous, np.stack([warps[i].sampling_matrix(size) for i in with_prior])), rng, amount
        )
    nipple = np.stack([a.points(np.array([v.nipple]), size)[0] for a, (_, v) in zip(warps, rows, strict=True)])
    scale = np.array([v.mm_per_px / math.sqrt(a.scale[0] * a.scale[1]) for a, (_, v) in zip(warps, rows, strict=True)])
    has_prior = torch.zeros(len(rows), dtype=torch.bool)
    has_prior[with_prior] = True
    batch = ViewBatch(
        images, torch.tensor([e for e, _ in rows]), torch.tensor([v.slot for _, v in rows]),
        torch.from_numpy(nipple).float(), torch.from_numpy(scale).float(), previous, has_prior, len(exams),
    )  # fmt: skip
    batch, top = trimmed(batch)
    return batch, _targets(exams, rows, warps, size, top)


def _canvases(arrays: list[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.stack(arrays)).float().div_(GREY_SCALE)[:, None]


def _targets(exams, rows, warps, size, top: int) -> Targets:
    first = np.cumsum([0, *(len(e.findings) for e in exams)])
    view, box, finding = [], [], []
    for i, ((e, sample), warp) in enumerate(zip(rows, warps, strict=True)):
        for mark in sample.marks:
            moved = _moved_box(mark.box, warp, size)
            if moved is not None:
                view.append(i)
                box.append([moved[0], moved[1] - top, moved[2], moved[3] - top])
                finding.append(int(first[e]) + mark.finding)
    return Targets(
        torch.tensor(view, dtype=torch.long), torch.tensor(box, dtype=torch.float32).view(-1, 4),
        torch.tensor(finding, dtype=torch.long), torch.tensor([v.marks_labelled for _, v in rows]),
        tuple(f for exam in exams for f in exam.findings), tuple(b for exam in exams for b in exam.breasts), top,
    )  # fmt: skip


def _moved_box(box, warp: _Affine, size: tuple[int, int]) -> list[float] | None:
    """The box after the warp: its centre moves, its sides scale (rotations are a few degrees)."""
    x0, y0, x1, y1 = box
    x, y = warp.points(np.array([[(x0 + x1) / 2, (y0 + y1) / 2]]), size)[0]
    if not (0 <= x < size[1] and 0 <= y < size[0]):
        return None
    half_w, half_h = (x1 - x0) / 2 * warp.scale[0], (y1 - y0) / 2 * warp.scale[1]
    return [x - half_w, y - half_h, x + half_w, y + half_h]
