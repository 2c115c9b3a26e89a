"""Losses by the supervision table: each is a mean over what is labelled, and nothing where nothing is."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from mammoscribe.domain.lexicon import Axis, term
from mammoscribe.models.reader.batch import ViewBatch
from mammoscribe.models.reader.detection_head import STRIDE, MarkMaps
from mammoscribe.models.reader.network import ReaderNetOutput
from mammoscribe.models.reader.queries import AXIS_TERMS, NO_FINDING, SINGLE_AXES, QueryOutput
from mammoscribe.training.batches import Targets

NO_MATCH = 1e4


@dataclass(frozen=True)
class LossWeights:
    """Weight of each task in the sum; they sit in the recipe."""

    heat: float = 1.0
    box: float = 0.5
    type: float = 1.0
    refine: float = 0.5
    descriptors: float = 0.6
    suspicion: float = 0.3
    change: float = 0.3
    link: float = 0.3
    density: float = 1.0
    recall: float = 0.5
    malignant: float = 1.0


def losses(out: ReaderNetOutput, batch: ViewBatch, targets: Targets) -> dict[str, Tensor]:
    """Every task's mean loss that has a label in this batch, by task name."""
    found: dict[str, Tensor] = {}
    found.update(mark_losses(out.maps, targets))
    found.update(query_losses(out.queries, batch, targets))
    found.update(breast_losses(out, targets))
    return found


def weighted_sum(parts: dict[str, Tensor], weights: LossWeights) -> Tensor:
    """The scalar to minimise."""
    return torch.stack([getattr(weights, name) * value for name, value in parts.items()]).sum()


def mark_losses(maps: MarkMaps, targets: Targets) -> dict[str, Tensor]:
    """Centre heat (penalty-reduced focal loss, Zhou et al. 2019, eq. 1) and box size and shift at the centres."""
    labelled = targets.marks_labelled
    if not labelled.any():
        return {}
    goal = heat_targets(maps.heat.shape, targets)
    heat = maps.heat.float()[labelled]
    goal_l = goal[labelled]
    p = heat.sigmoid().clamp(1e-5, 1 - 1e-5)
    positive = goal_l >= 1.0
    gain = torch.where(positive, (1 - p) ** 2 * p.log(), (1 - goal_l) ** 4 * p**2 * (1 - p).log())
    parts = {"heat": -gain.sum() / max(1, int(positive.sum()))}
    if len(targets.mark_view):
        parts["box"] = _box_loss(maps, targets)
    return parts


def heat_targets(shape: torch.Size, targets: Targets) -> Tensor:
    """[N, types, h, w]: 1 in the middle cells of each true box, at most 3 x 3, and a falling bell around them.

    Several middle cells instead of one (centre sampling, Tian et al. 2019) triple what a small data set teaches a step.
    """
    goal = torch.zeros(shape)
    rows, columns = torch.arange(shape[2])[:, None] + 0.5, torch.arange(shape[3])[None] + 0.5
    for view, box, finding in zip(
        targets.mark_view.tolist(), targets.mark_box.tolist(), targets.mark_finding.tolist(), strict=True
    ):
        x, y = (box[0] + box[2]) / 2 / STRIDE, (box[1] + box[3]) / 2 / STRIDE
        wide, high = (box[2] - box[0]) / STRIDE, (box[3] - box[1]) / STRIDE
        dx, dy = (columns - x).abs(), (rows - y).abs()
        bell = torch.exp(-((dx / max(0.7, wide / 5)) ** 2 + (dy / max(0.7, high / 5)) ** 2) / 2)
        bell[(dx <= min(1.5, max(0.5, wide / 4))) & (dy <= min(1.5, max(0.5, high / 4)))] = 1.0
        kind = targets.findings[finding].type
        goal[view, kind] = torch.maximum(goal[view, kind], bell)
    return goal


def _box_loss(maps: MarkMaps, targets: Targets) -> Tensor:
    """Smooth L1 of log size and shift over the 3x3 cells around each true centre."""
    h, w = maps.heat.shape[2:]
    centre = (targets.mark_box[:, :2] + targets.mark_box[:, 2:]) / 2 / STRIDE
    size = (targets.mark_box[:, 2:] - targets.mark_box[:, :2]) / STRIDE
    around = torch.tensor([(dx, dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)])
    cell = centre.long()[:, None] + around[None]
    inside = (cell[..., 0] >= 0) & (cell[..., 0] < w) & (cell[..., 1] >= 0) & (cell[..., 1] < h)
    which = torch.nonzero(inside)[:, 0]
    column, row = cell[inside].unbind(1)
    view = targets.mark_view[which]
    shift = centre[which] - torch.stack((column, row), 1) - 0.5
    predicted_size, predicted_shift = maps.size[view, :, row, column].float(), maps.shift[view, :, row, column].float()
    return F.smooth_l1_loss(predicted_size, size[which].clamp(min=0.3).log()) + F.smooth_l1_loss(predicted_shift, shift)


def query_losses(queries: QueryOutput, batch: ViewBatch, targets: Targets) -> dict[str, Tensor]:
    """Set prediction: Hungarian matching per view (Carion et al. 2020), then type, descriptors, box, change, link."""
    labelled = targets.marks_labelled[queries.anchors.view]
    if not labelled.any():
        return {}
    query, mark = match(queries, targets)
    goal = torch.full((len(queries.type),), NO_FINDING)
    finding = targets.mark_finding[mark]
    goal[query] = torch.tensor([targets.findings[i].type for i in finding.tolist()], dtype=torch.long)
    weight = torch.ones(NO_FINDING + 1)
    weight[NO_FINDING] = 0.25
    parts = {"type": F.cross_entropy(queries.type.float()[labelled], goal[labelled], weight)}
    if len(query):
        parts["refine"] = _refine_loss(queries.box[query].float(), targets.mark_box[mark])
        parts.update(_description_losses(queries, query, finding, batch, targets))
        link = _link_loss(queries, query, finding, batch)
        if link is not None:
            parts["link"] = link
    return parts


def match(queries: QueryOutput, targets: Targets) -> tuple[Tensor, Tensor]:
    """Pairs (query, mark): one to one in each view; a query may take a mark whose slightly grown box holds its centre."""
    boxes, views = queries.anchors.box.detach().float(), queries.anchors.view
    likely = queries.type.detach().float().softmax(1)
    pairs: list[tuple[int, int]] = []
    for view in targets.mark_view.unique().tolist():
        q, m = torch.nonzero(views == view)[:, 0], torch.nonzero(targets.mark_view == view)[:, 0]
        truth = targets.mark_box[m]
        centre = (boxes[q, :2] + boxes[q, 2:]) / 2
        grown = (truth[:, 2:] - truth[:, :2]).clamp(min=2.0 * STRIDE) * 0.6
        far = ((centre[:, None] - (truth[:, :2] + truth[:, 2:])[None] / 2).abs() / grown[None]).amax(-1)
        kind = torch.tensor([targets.findings[i].type for i in targets.mark_finding[m].tolist()])
        cost = far - iou_matrix(boxes[q], truth) - likely[q][:, kind]
        cost[far > 1] = NO_MATCH
        for i, j in zip(*linear_sum_assignment(cost.numpy()), strict=True):
            if cost[i, j] < NO_MATCH:
                pairs.append((int(q[i]), int(m[j])))
    chosen = torch.tensor(pairs, dtype=torch.long).view(-1, 2)
    return chosen[:, 0], chosen[:, 1]


def iou_matrix(a: Tensor, b: Tensor) -> Tensor:
    """[len(a), len(b)] intersection over union."""
    low = torch.maximum(a[:, None, :2], b[None, :, :2])
    high = torch.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    area_a, area_b = (a[:, 2:] - a[:, :2]).prod(-1), (b[:, 2:] - b[:, :2]).prod(-1)
    return shared / (area_a[:, None] + area_b[None] - shared).clamp(min=1e-6)


def _refine_loss(predicted: Tensor, truth: Tensor) -> Tensor:
    """Smooth L1 relative to the true size."""
    extent = (truth[:, 2:] - truth[:, :2]).clamp(min=STRIDE).repeat(1, 2)
    return F.smooth_l1_loss(predicted / extent, truth / extent, beta=0.1)


def _description_losses(
    queries: QueryOutput, query: Tensor, finding: Tensor, batch: ViewBatch, targets: Targets
) -> dict[str, Tensor]:
    labels = [targets.findings[i] for i in finding.tolist()]
    parts: dict[str, Tensor] = {}
    described = [(axis, d) for axis in SINGLE_AXES if (d := _axis_loss(queries, query, labels, axis)) is not None]
    associated = torch.tensor([bool(f.descriptors) for f in labels])
    if associated.any():
        goal = torch.tensor([[float(t in f.descriptors) for t in AXIS_TERMS[Axis.ASSOCIATED]] for f in labels])
        logits = queries.descriptors[Axis.ASSOCIATED][query].float()
        described.append((Axis.ASSOCIATED, F.binary_cross_entropy_with_logits(logits[associated], goal[associated])))
    if described:
        parts["descriptors"] = torch.stack([d for _, d in described]).mean()
    suspicion = torch.tensor([f.suspicion for f in labels])
    if (suspicion >= 0).any():
        known = suspicion >= 0
        parts["suspicion"] = F.binary_cross_entropy_with_logits(
            queries.suspicion[query].float()[known], suspicion[known]
        )
    change = torch.tensor([f.change for f in labels])
    seen = (change >= 0) & batch.has_prior[queries.anchors.view[query]]
    if seen.any():
        parts["change"] = F.cross_entropy(queries.change[query].float()[seen], change[seen])
    return parts


def _axis_loss(queries: QueryOutput, query: Tensor, labels: list, axis: Axis) -> Tensor | None:
    words = AXIS_TERMS[axis]
    goal = [next((words.index(d) for d in f.descriptors if term(d).axis is axis), -1) for f in labels]
    goal_t = torch.tensor(goal)
    if (goal_t < 0).all():
        return None
    return F.cross_entropy(queries.descriptors[axis][query].float(), goal_t, ignore_index=-1)


def _link_loss(queries: QueryOutput, query: Tensor, finding: Tensor, batch: ViewBatch) -> Tensor | None:
    """CC and MLO queries of one breast, matched or not: do they show the same finding?"""
    owner = torch.full((len(queries.type),), -1)
    owner[query] = finding
    view = queries.anchors.view
    breast, is_mlo = batch.breast[view], batch.slot[view] >= 2
    parts = []
    for b in breast[query].unique().tolist():
        cc = torch.nonzero((breast == b) & ~is_mlo & (owner >= 0))[:, 0]
        mlo = torch.nonzero((breast == b) & is_mlo)[:, 0]
        if len(cc) and len(mlo):
            same = (owner[cc][:, None] == owner[mlo][None]).float()
            parts.append(F.binary_cross_entropy_with_logits(queries.link_logits(cc, mlo).float(), same))
    return torch.stack(parts).mean() if parts else None


def breast_losses(out: ReaderNetOutput, targets: Targets) -> dict[str, Tensor]:
    """Density, recall and malignancy over the breasts that are imaged and labelled."""
    b, imaged = out.breasts, out.breasts.imaged
    parts: dict[str, Tensor] = {}
    density = _labels(targets, "density", imaged)
    if (density >= 0).any():
        parts["density"] = F.cross_entropy(b.density.float(), density, ignore_index=-1)
    for task in ("recall", "malignant"):
        label = _labels(targets, task, imaged)
        if (label >= 0).any():
            logits = getattr(b, task).float()[label >= 0]
            parts[task] = F.binary_cross_entropy_with_logits(logits, label[label >= 0].float())
    return parts


def _labels(targets: Targets, task: str, imaged: Tensor) -> Tensor:
    values = torch.from_numpy(np.array([getattr(b, task) for b in targets.breasts], dtype=np.int64))
    return torch.where(imaged.cpu(), values, torch.full_like(values, -1))
