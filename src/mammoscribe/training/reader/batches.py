"""Batches: one view per slot of a few exams, varied together with their boxes, as tensors."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mammoscribe.imaging.prepare import BRIGHTEST
from mammoscribe.models.reader.batch import ENCODER_STRIDE, ViewBatch, trimmed
from mammoscribe.models.reader.detection_head import TYPES
from mammoscribe.support.errors import InvalidNoun
from mammoscribe.training.reader.samples import BreastLabels, LabelledFinding, TrainingExam, ViewSample


@dataclass(frozen=True)
class Augmentation:
    """How much a canvas is varied; every amount 0 gives the canvas as it is.

    Args:
        rotation_deg: largest turn to either side.
        scale, stretch: largest relative change of size, and of width against height.
        shift_px: largest shift, in canvas pixels.
        gamma, gain, noise: largest exponent (natural log), relative brightness, and noise level.
        blur_chance, drop_view_chance, flip_chance: of a 3 x 3 mean, of leaving out one view, of turning up and down.
        crop_px: (height, width), multiples of 32, of a window that is shown instead of the whole canvas in batches of a
            dataset with boxes; empty shows the whole. Most windows hold a box: small findings on large canvases teach more this way.
    """

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
    crop_px: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if len(self.crop_px) not in (0, 2) or any(side <= 0 or side % ENCODER_STRIDE for side in self.crop_px):
            raise InvalidNoun(f"crop_px {self.crop_px}", "height and width, multiples of 32, or nothing")


HELD_BOX = 0.8
"""Share of the windows that are placed around a box, where a view has one."""
NO_AUGMENTATION = Augmentation(0, 0, 0, 0, 0, 0, 0, 0, 0, 0)


@dataclass(frozen=True)
class Targets:
    """Labels beside a ViewBatch.

    Args:
        mark_view, mark_box, mark_finding: [K], [K, 4], [K]: true boxes; findings index into `findings`.
        boxed: [N, types] bool, kinds of which every box of the view is known.
        findings: labels of every finding of the batch.
        breasts: labels of the 2 * B breasts, exam-major, right first.
        top_px: rows that were cut from the top of every canvas.
        synthetic: whether the images were drawn; a batch never mixes both.
    """

    mark_view: Tensor
    mark_box: Tensor
    mark_finding: Tensor
    boxed: Tensor
    findings: tuple[LabelledFinding, ...]
    breasts: tuple[BreastLabels, ...]
    top_px: int = 0
    synthetic: bool = False


@dataclass(frozen=True)
class _Affine:
    """Canvas to picture: rotate and scale about the canvas' centre, which then goes to `goal`; sizes are (height, width).

    Args:
        linear: [2, 2], from canvas to picture.
        canvas, picture: their sizes.
        goal: (x, y) in the picture of the canvas' centre.
        scale: (x, y), what boxes scale by.
    """

    linear: np.ndarray
    canvas: tuple[int, int]
    picture: tuple[int, int]
    goal: np.ndarray
    scale: tuple[float, float]

    def points(self, xy: np.ndarray) -> np.ndarray:
        """Move [K, 2] points."""
        return (xy - _middle(self.canvas)) @ self.linear.T + self.goal

    def sampling_matrix(self) -> np.ndarray:
        """[2, 3] for torch.affine_grid: from picture to canvas, each in coordinates of -1..1."""
        inverse = np.linalg.inv(self.linear)
        from_half, to_half = np.diag(_middle(self.picture)), np.diag(1 / _middle(self.canvas))
        offset = to_half @ inverse @ (_middle(self.picture) - self.goal)
        return np.concatenate((to_half @ inverse @ from_half, offset[:, None]), axis=1)


def _middle(size: tuple[int, int]) -> np.ndarray:
    return np.array([size[1] / 2, size[0] / 2])


def _draw_affine(view: ViewSample, rng: np.random.Generator, amount: Augmentation, shows_window: bool) -> _Affine:
    angle = math.radians(rng.uniform(-1, 1) * amount.rotation_deg)
    scale, stretch = 1 + rng.uniform(-1, 1) * amount.scale, 1 + rng.uniform(-1, 1) * amount.stretch
    shift = rng.uniform(-1, 1, 2) * amount.shift_px
    flip = -1.0 if rng.random() < amount.flip_chance else 1.0
    wide, high = scale * stretch, scale / stretch
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    canvas = view.canvas.shape[0], view.canvas.shape[1]
    whole = _Affine(turn @ np.diag([wide, high * flip]), canvas, canvas, _middle(canvas) + shift, (wide, high))
    return _window(whole, view, rng, amount) if amount.crop_px and shows_window else whole


def _window(whole: _Affine, view: ViewSample, rng: np.random.Generator, amount: Augmentation) -> _Affine:
    """The same warp, of which a window is shown; it stays on the canvas."""
    size = amount.crop_px[0], amount.crop_px[1]
    room = np.array([whole.canvas[1] - size[1], whole.canvas[0] - size[0]]).clip(min=0)
    if view.marks and rng.random() < HELD_BOX:
        box = view.marks[int(rng.integers(len(view.marks)))].box
        centre = whole.points(np.array([[(box[0] + box[2]) / 2, (box[1] + box[3]) / 2]]))[0]
        corner = centre - rng.uniform(0.12, 0.88, 2) * np.array([size[1], size[0]])
    else:
        corner = rng.uniform(0, 1, 2) * room
    corner = np.clip(corner, -amount.shift_px, room + amount.shift_px)
    return replace(whole, picture=size, goal=whole.goal - corner)


def _warp(images: Tensor, warps: Sequence[_Affine]) -> Tensor:
    matrices = torch.from_numpy(np.stack([a.sampling_matrix() for a in warps])).float()
    grid = F.affine_grid(matrices, [*images.shape[:2], *warps[0].picture], align_corners=False)
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
    shows_windows = any(view.boxed for _, view in rows)  # all pictures of a batch have one size
    warps = [_draw_affine(view, rng, amount, shows_windows) for _, view in rows]
    images = _photometric(_warp(_canvases([v.canvas for _, v in rows]), warps), rng, amount)
    priors = {i: v.prior for i, (_, v) in enumerate(rows) if v.prior is not None}
    with_prior, previous = list(priors), None
    if with_prior:
        previous = _warp(_canvases(list(priors.values())), [warps[i] for i in with_prior])
        previous = _photometric(previous, rng, amount)
    nipple = np.stack([a.points(np.array([v.nipple]))[0] for a, (_, v) in zip(warps, rows, strict=True)])
    scale = np.array([v.mm_per_px / math.sqrt(a.scale[0] * a.scale[1]) for a, (_, v) in zip(warps, rows, strict=True)])
    has_prior = torch.zeros(len(rows), dtype=torch.bool)
    has_prior[with_prior] = True
    batch = ViewBatch(
        images, torch.tensor([e for e, _ in rows]), torch.tensor([v.slot for _, v in rows]),
        torch.from_numpy(nipple).float(), torch.from_numpy(scale).float(), previous, has_prior, len(exams),
    )  # fmt: skip
    batch, top = trimmed(batch)
    return batch, _targets(exams, rows, warps, top)


def _canvases(arrays: list[np.ndarray]) -> Tensor:
    """[N, 1, H, W] grey values 0..1.2 of stored canvases of 8 or 16 bits."""
    full = np.iinfo(arrays[0].dtype).max
    return torch.from_numpy(np.stack(arrays).astype(np.float32)).mul_(BRIGHTEST / full)[:, None]


def _targets(exams, rows, warps, top: int) -> Targets:
    first = np.cumsum([0, *(len(e.findings) for e in exams)])
    view, box, finding = [], [], []
    for i, ((e, sample), warp) in enumerate(zip(rows, warps, strict=True)):
        for mark in sample.marks:
            moved = _moved_box(mark.box, warp)
            if moved is not None:
                view.append(i)
                box.append([moved[0], moved[1] - top, moved[2], moved[3] - top])
                finding.append(int(first[e]) + mark.finding)
    return Targets(
        torch.tensor(view, dtype=torch.long), torch.tensor(box, dtype=torch.float32).view(-1, 4),
        torch.tensor(finding, dtype=torch.long), torch.tensor([[t in v.boxed for t in range(len(TYPES))] for _, v in rows]),
        tuple(f for exam in exams for f in exam.findings), tuple(b for exam in exams for b in exam.breasts), top,
        exams[0].synthetic,
    )  # fmt: skip


def _moved_box(box, warp: _Affine) -> list[float] | None:
    """The box after the warp: its centre moves, its sides scale (rotations are a few degrees); None when it left the picture."""
    x0, y0, x1, y1 = box
    x, y = warp.points(np.array([[(x0 + x1) / 2, (y0 + y1) / 2]]))[0]
    if not (0 <= x < warp.picture[1] and 0 <= y < warp.picture[0]):
        return None
    half_w, half_h = (x1 - x0) / 2 * warp.scale[0], (y1 - y0) / 2 * warp.scale[1]
    return [x - half_w, y - half_h, x + half_w, y + half_h]
