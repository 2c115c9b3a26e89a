"""Losses of the reader by the supervision table: each is a sum over what is labelled, and 0 where nothing is.

The engine divides each sum by the number of labels in the whole step (`counts`), so a loss is a mean over what is
labelled whatever the number of processes. A missing label masks its loss, `no object` included.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from mammoscribe.domain.lexicon import Axis, term
from mammoscribe.models.reader.batch import ViewBatch
from mammoscribe.models.reader.detection_head import STRIDE, MarkMaps
from mammoscribe.models.reader.network import ReaderNetOutput
from mammoscribe.models.reader.queries import AXIS_TERMS, NO_FINDING, SINGLE_AXES, QueryOutput
from mammoscribe.training.reader.batches import Targets
from mammoscribe.training.reader.masked import CELLS_OF_A_MARK, EMPTY_VIEW_COUNT, SURE, imaged, masked_bce, masked_ce
from mammoscribe.training.reader.place_losses import place_free_losses, query_kind_loss, quiet_loss, quiet_views
from mammoscribe.training.reader.samples import UNKNOWN

NO_MATCH = 1e4
INNER = 0.5
"""Cells of a box in which its heat is at least this high say how suspicious it is: its margin tells, not its centre alone."""
NO_OBJECT_WEIGHT = 0.25
"""Weight of a query that shows nothing: most of them do."""


@dataclass(frozen=True)
class LossWeights:
    """Weight of each loss in the sum that is minimised.

    Args:
        heat, box: detection maps. type, refine, descriptors, suspicion, change, link: finding queries.
        density, recall, malignant: breast heads.
        kinds, query_kinds, lesion: labels of a breast without a place, by its strongest cells, by its finding queries, and by
            the soft maximum of its places.
        place_suspicion: how suspicious each place is, at true boxes that say it; only where the reader has such a map.
        quiet: that no place of a breast shows anything, where a label says so of the whole breast.
    """

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
    kinds: float = 0.5
    query_kinds: float = 0.5
    lesion: float = 0.5
    place_suspicion: float = 0.4
    quiet: float = 0.25


def losses(out: ReaderNetOutput, batch: ViewBatch, targets: Targets) -> dict[str, Tensor]:
    """The sum of every loss over its labels, by name; every output takes part, also where its sum is 0."""
    found = {**mark_losses(out.maps, targets), **query_losses(out.queries, batch, targets)}
    found |= breast_losses(out, targets)
    found |= place_free_losses(out.maps, batch, targets)
    found["query_kinds"] = query_kind_loss(out.maps, out.queries, batch, targets)
    return found | {"quiet": quiet_loss(out.maps, batch, targets)}


def counts(batch: ViewBatch, targets: Targets, queries_per_view: int) -> dict[str, float]:
    """How many labels each sum of `losses` is over, from the labels alone."""
    marks, boxed_views = len(targets.mark_view), float(targets.boxed.any(dim=1).sum())
    labels = [targets.findings[i] for i in targets.mark_finding.tolist()]
    with_prior = batch.has_prior[targets.mark_view].tolist() if marks else []
    found = {
        "heat": marks + EMPTY_VIEW_COUNT * boxed_views, "box": marks, "refine": marks,
        "type": boxed_views * queries_per_view,
        "descriptors": sum(any(term(d).axis in AXIS_TERMS for d in f.descriptors) for f in labels),
        "suspicion": sum(f.suspicion >= 0 for f in labels),
        "place_suspicion": sum(f.suspicion >= 0 for f in labels),
        "quiet": EMPTY_VIEW_COUNT * float(quiet_views(batch, targets).sum()),
        "change": sum(f.change >= 0 and prior for f, prior in zip(labels, with_prior, strict=True)),
        "link": float(len(_linked_breasts(batch, targets))),
    }  # fmt: skip
    shown_breasts = imaged(batch)
    for name in ("density", "recall", "malignant", "lesion"):
        found[name] = sum(
            getattr(b, name) != UNKNOWN for b, shown in zip(targets.breasts, shown_breasts, strict=True) if shown
        )
    found["kinds"] = found["query_kinds"] = sum(
        k != UNKNOWN for b, shown in zip(targets.breasts, shown_breasts, strict=True) if shown for k in b.kinds
    )
    return {name: float(count) for name, count in found.items()}


def _linked_breasts(batch: ViewBatch, targets: Targets) -> set[int]:
    """Breasts with a labelled mark in a CC view and an MLO view beside it, where every mark says of which finding it is."""
    breast, is_mlo = batch.breast, batch.slot >= 2
    with_mlo = set(breast[is_mlo].tolist())
    marked = targets.mark_view[~is_mlo[targets.mark_view]] if len(targets.mark_view) else targets.mark_view
    unnamed = [not targets.findings[i].named for i in targets.mark_finding.tolist()]
    unknown = targets.mark_view[torch.tensor(unnamed, dtype=torch.bool)]
    return set(breast[marked].tolist()) & with_mlo - set(breast[unknown].tolist())


# --- detection maps ------------------------------------------------------------------------------------------------


def mark_losses(maps: MarkMaps, targets: Targets) -> dict[str, Tensor]:
    """Centre heat (penalty-reduced focal loss, Zhou et al. 2019, eq. 1) and box size and shift at the centres.

    The heat of a kind is taught in views of which all its boxes are known.
    """
    goal = heat_targets(maps.heat.shape, targets).to(maps.heat.device)
    p = maps.heat.float().sigmoid().clamp(1e-5, 1 - 1e-5)
    positive = goal >= 1.0
    gain = torch.where(positive, (1 - p) ** 2 * p.log(), (1 - goal) ** 4 * p**2 * (1 - p).log())
    known = targets.boxed.to(maps.heat.device)[:, :, None, None]
    return {
        "heat": -(gain * known).sum() / CELLS_OF_A_MARK,
        "box": _box_loss(maps, targets),
        "place_suspicion": _place_suspicion_loss(maps, targets),
    }


def _place_suspicion_loss(maps: MarkMaps, targets: Targets) -> Tensor:
    """Log loss of the suspicion map, the mean over the inner cells of a box, summed over boxes that say it."""
    if maps.suspicion is None:
        return maps.heat.float().sum() * 0.0
    total = maps.suspicion.float().sum() * 0.0
    for view, box, finding in zip(
        targets.mark_view.tolist(), targets.mark_box.tolist(), targets.mark_finding.tolist(), strict=True
    ):
        truth = targets.findings[finding].suspicion
        cells = _bell(maps.heat.shape[2:], box) >= INNER
        if truth >= 0 and bool(cells.any()):
            logits = maps.suspicion[view][cells.to(maps.heat.device)].float()
            goal = torch.full_like(logits, SURE * truth + (1 - SURE) / 2)
            total = total + F.binary_cross_entropy_with_logits(logits, goal)
    return total


def heat_targets(shape: torch.Size, targets: Targets) -> Tensor:
    """[N, types, h, w]: 1 in the middle cells of each true box, at most 3 x 3, and a falling bell around them.

    Several middle cells instead of one (centre sampling, Tian et al. 2019) triple what a small data set teaches a step.
    """
    goal = torch.zeros(shape)
    for view, box, finding in zip(
        targets.mark_view.tolist(), targets.mark_box.tolist(), targets.mark_finding.tolist(), strict=True
    ):
        kind = targets.findings[finding].type
        goal[view, kind] = torch.maximum(goal[view, kind], _bell(shape[2:], box))
    return goal


def _bell(shape: Sequence[int], box: Sequence[float]) -> Tensor:
    """[h, w] the heat that one box asks for."""
    rows, columns = torch.arange(shape[0])[:, None] + 0.5, torch.arange(shape[1])[None] + 0.5
    x, y = (box[0] + box[2]) / 2 / STRIDE, (box[1] + box[3]) / 2 / STRIDE
    wide, high = (box[2] - box[0]) / STRIDE, (box[3] - box[1]) / STRIDE
    dx, dy = (columns - x).abs(), (rows - y).abs()
    bell = torch.exp(-((dx / max(0.7, wide / 5)) ** 2 + (dy / max(0.7, high / 5)) ** 2) / 2)
    bell[(dx <= min(1.5, max(0.5, wide / 4))) & (dy <= min(1.5, max(0.5, high / 4)))] = 1.0
    return bell


def _box_loss(maps: MarkMaps, targets: Targets) -> Tensor:
    """Smooth L1 of log size and shift, the mean over the 3 x 3 cells around each true centre, summed over marks."""
    none = (maps.size.float().sum() + maps.shift.float().sum()) * 0.0
    if not len(targets.mark_view):
        return none
    device = maps.heat.device
    h, w = maps.heat.shape[2:]
    centre = ((targets.mark_box[:, :2] + targets.mark_box[:, 2:]) / 2 / STRIDE).to(device)
    size = ((targets.mark_box[:, 2:] - targets.mark_box[:, :2]) / STRIDE).to(device)
    around = torch.tensor([(dx, dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)], device=device)
    cell = centre.long()[:, None] + around[None]
    inside = (cell[..., 0] >= 0) & (cell[..., 0] < w) & (cell[..., 1] >= 0) & (cell[..., 1] < h)
    which = torch.nonzero(inside)[:, 0]
    column, row = cell[inside].unbind(1)
    view = targets.mark_view.to(device)[which]
    shift = centre[which] - torch.stack((column, row), 1) - 0.5
    predicted_size, predicted_shift = maps.size[view, :, row, column].float(), maps.shift[view, :, row, column].float()
    per_cell = F.smooth_l1_loss(predicted_size, size[which].clamp(min=0.3).log(), reduction="none").mean(1)
    per_cell = per_cell + F.smooth_l1_loss(predicted_shift, shift, reduction="none").mean(1)
    cells = inside.sum(1).clamp(min=1).float()
    return none + (per_cell / cells[which]).sum()


# --- finding queries -----------------------------------------------------------------------------------------------


def query_losses(queries: QueryOutput, batch: ViewBatch, targets: Targets) -> dict[str, Tensor]:
    """Set prediction: Hungarian matching per view (Carion et al. 2020), then type, descriptors, box, change, link."""
    query, mark = match(queries, targets)
    finding = targets.mark_finding[mark]
    parts = {"type": _type_loss(queries, query, finding, targets)}
    none = queries.box.float().sum() * 0.0
    parts["refine"] = none + (_refine_loss(queries.box[query].float(), targets.mark_box[mark]) if len(query) else 0.0)
    parts |= _description_losses(queries, query, finding, batch, targets)
    parts["link"] = _link_loss(queries, query, finding, batch, targets)
    return parts


def match(queries: QueryOutput, targets: Targets) -> tuple[Tensor, Tensor]:
    """Pairs (query, mark) [P], [P], on the CPU: one to one in each view.

    A query may take a mark whose slightly grown box holds its centre.
    """
    boxes, views = queries.anchors.box.detach().float().cpu(), queries.anchors.view.cpu()
    likely = queries.type.detach().float().softmax(1).cpu()
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
    """[len(a), len(b)] intersection over union of boxes [., 4]."""
    low = torch.maximum(a[:, None, :2], b[None, :, :2])
    high = torch.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    area_a, area_b = (a[:, 2:] - a[:, :2]).prod(-1), (b[:, 2:] - b[:, :2]).prod(-1)
    return shared / (area_a[:, None] + area_b[None] - shared).clamp(min=1e-6)


def _type_loss(queries: QueryOutput, query: Tensor, finding: Tensor, targets: Targets) -> Tensor:
    """Log loss of the kind of a matched query, and of `none of the kinds that are boxed here` for every other one.

    In a view of which only the masses are boxed, an unmatched query may well be calcifications: it learns that it is no mass.
    """
    logs = queries.type.float().log_softmax(1)
    views = queries.anchors.view.cpu()
    boxed = targets.boxed[views]
    allowed = torch.cat((~boxed, torch.ones(len(views), 1, dtype=torch.bool)), dim=1)
    weight = torch.where(boxed.any(1), NO_OBJECT_WEIGHT, 0.0)
    kind = torch.tensor([targets.findings[i].type for i in finding.tolist()], dtype=torch.long)
    allowed[query] = F.one_hot(kind, NO_FINDING + 1).bool()
    weight[query] = 1.0
    allowed, weight = allowed.to(logs.device), weight.to(logs.device)
    return -(logs.masked_fill(~allowed, float("-inf")).logsumexp(1) * weight).sum()


def _refine_loss(predicted: Tensor, truth: Tensor) -> Tensor:
    """Smooth L1 relative to the true size, the mean over the four edges, summed over boxes."""
    truth = truth.to(predicted.device)
    extent = (truth[:, 2:] - truth[:, :2]).clamp(min=STRIDE).repeat(1, 2)
    return F.smooth_l1_loss(predicted / extent, truth / extent, beta=0.1, reduction="none").mean(1).sum()


def _description_losses(
    queries: QueryOutput, query: Tensor, finding: Tensor, batch: ViewBatch, targets: Targets
) -> dict[str, Tensor]:
    """Of matched queries: words, suspicion, and change where there is a prior."""
    device = queries.type.device
    labels = [targets.findings[i] for i in finding.tolist()]
    suspicion = torch.tensor([f.suspicion for f in labels], device=device)
    change = torch.tensor([f.change for f in labels], dtype=torch.long, device=device)
    seen = batch.has_prior.to(device)[queries.anchors.view[query]]
    return {
        "descriptors": _words_loss(queries, query, labels),
        "suspicion": masked_bce(queries.suspicion[query].float(), suspicion) + queries.suspicion.float().sum() * 0.0,
        "change": masked_ce(queries.change[query].float(), torch.where(seen, change, UNKNOWN))
        + queries.change.float().sum() * 0.0,
    }


def _words_loss(queries: QueryOutput, query: Tensor, labels: list) -> Tensor:
    """The mean over the axes of which a finding has a word, summed over findings; `associated` once any word is known."""
    total = torch.stack([v.float().sum() * 0.0 for v in queries.descriptors.values()]).sum()
    for row, label in zip(query.tolist(), labels, strict=True):
        parts = []
        for axis in SINGLE_AXES:
            word = next((d for d in label.descriptors if term(d).axis is axis and d in AXIS_TERMS[axis]), None)
            if word is not None:
                parts.append(-queries.descriptors[axis][row].float().log_softmax(0)[AXIS_TERMS[axis].index(word)])
        if label.descriptors:
            logits = queries.descriptors[Axis.ASSOCIATED][row].float()
            goal = logits.new_tensor([float(t in label.descriptors) for t in AXIS_TERMS[Axis.ASSOCIATED]])
            parts.append(F.binary_cross_entropy_with_logits(logits, goal))
        if parts:
            total = total + torch.stack(parts).mean()
    return total


def _link_loss(queries: QueryOutput, query: Tensor, finding: Tensor, batch: ViewBatch, targets: Targets) -> Tensor:
    """CC and MLO queries of one breast, matched or not: do they show the same finding? The mean of a breast, summed."""
    none = (queries.link[0].float().sum() + queries.link[1].float().sum() + queries.link_scale.sum()) * 0.0
    owner = torch.full((len(queries.type),), -1)
    owner[query] = finding
    view = queries.anchors.view.cpu()
    breast, is_mlo = batch.breast.cpu()[view], batch.slot.cpu()[view] >= 2
    parts = [none]
    for b in sorted(_linked_breasts(batch, targets)):
        cc = torch.nonzero((breast == b) & ~is_mlo & (owner >= 0))[:, 0]
        mlo = torch.nonzero((breast == b) & is_mlo)[:, 0]
        if len(cc) and len(mlo):
            same = (owner[cc][:, None] == owner[mlo][None]).float().to(queries.type.device)
            parts.append(F.binary_cross_entropy_with_logits(queries.link_logits(cc, mlo).float(), same))
    return torch.stack(parts).sum()


# --- breasts -------------------------------------------------------------------------------------------------------


def breast_losses(out: ReaderNetOutput, targets: Targets) -> dict[str, Tensor]:
    """Density, recall and malignancy, summed over the breasts that are imaged and labelled."""
    b = out.breasts
    imaged = b.imaged
    return {
        "density": masked_ce(b.density.float(), _labels(targets, "density", imaged)),
        "recall": masked_bce(b.recall.float(), _labels(targets, "recall", imaged).float()),
        "malignant": masked_bce(b.malignant.float(), _labels(targets, "malignant", imaged).float()),
    }


def _labels(targets: Targets, name: str, imaged: Tensor) -> Tensor:
    values = torch.tensor([getattr(b, name) for b in targets.breasts], dtype=torch.long, device=imaged.device)
    return torch.where(imaged, values, UNKNOWN)
