"""Losses of labels without a place: of a whole breast, by multiple-instance learning on the detection maps."""

import torch
import torch.nn.functional as F
from torch import Tensor

from mammoscribe.models.reader.batch import ViewBatch, tissue_cells
from mammoscribe.models.reader.detection_head import TYPES, MarkMaps, peaks, soft_maximum
from mammoscribe.models.reader.queries import QueryOutput
from mammoscribe.training.reader.batches import Targets
from mammoscribe.training.reader.masked import CELLS_OF_A_MARK, SURE, imaged, masked_bce
from mammoscribe.training.reader.samples import UNKNOWN

LEAST_PROB = 1e-4
"""Probabilities of kinds are kept this far from 0 and 1 in their logarithm."""
STRONGEST_CELLS = 4
"""Cells of a breast whose mean heat answers for a label without a place."""


def place_free_losses(maps: MarkMaps, batch: ViewBatch, targets: Targets) -> dict[str, Tensor]:
    """Labels of a breast without a place, by multiple-instance learning on the detection maps.

    The mean of the strongest cells of a breast, over all its views, answers for a kind (`kinds`). Whether anything
    suspicious is there at all (`lesion`) is answered by the mean over its views of the soft maximum of their places.
    """
    strongest = strongest_heat(maps, batch)
    device = strongest.device
    kinds = torch.tensor([b.kinds for b in targets.breasts], device=device)
    lesion = torch.tensor([float(b.lesion) for b in targets.breasts], device=device)
    shown = torch.tensor(imaged(batch), device=device)
    kinds = torch.where(shown[:, None], kinds, UNKNOWN)
    known = torch.where(shown, lesion, UNKNOWN)
    soft = torch.where(known >= 0, SURE * known + (1 - SURE) / 2, known)
    return {
        "kinds": masked_bce(strongest.flatten(), kinds.flatten().float()),
        "lesion": masked_bce(lesion_logits(maps, batch), soft),
    }


def query_kind_loss(maps: MarkMaps, queries: QueryOutput, batch: ViewBatch, targets: Targets) -> Tensor:
    """Log loss of what finding queries answer where a label says of a whole breast whether it shows a kind.

    Where it does, each query is asked for what the map has at the place that it looks at; where it does not, for nothing.
    The map is not taught by this. A loss on the surest query of a breast would let every query learn from the whole
    breast, and none where the finding is. The mean over the queries of a breast, summed over labels.

    Args:
        maps: what the queries begin from. queries: of all views.
        batch, targets: the views, and the labels of their breasts.
    """
    probs = queries.type.float().softmax(1)[:, : len(TYPES)]
    view, row, column = peaks(maps, len(probs) // len(maps.heat))
    shown = maps.heat[view, :, row, column].float().sigmoid().detach()
    breast = batch.breast.to(probs.device)[view]
    kinds = torch.tensor([b.kinds for b in targets.breasts], device=probs.device)[breast]
    share = 1 / torch.bincount(breast, minlength=2 * batch.num_exams).clamp(min=1)[breast, None]
    goal = torch.where(kinds == 1, shown, 0.0)
    each = F.binary_cross_entropy_with_logits(probs.logit(LEAST_PROB), goal, reduction="none")
    return (each * share * (kinds != UNKNOWN)).sum()


def lesion_logits(maps: MarkMaps, batch: ViewBatch) -> Tensor:
    """[2B] the mean over a breast's views of the soft maximum of their places; 0 where a breast was not imaged."""
    of_views = soft_maximum(maps, tissue_cells(batch.images, batch.images.shape[2] // maps.heat.shape[2]) > 0.5)
    breast = batch.breast.to(of_views.device)
    total = of_views.new_zeros(2 * batch.num_exams).index_add(0, breast, of_views)
    return total / torch.bincount(breast, minlength=2 * batch.num_exams).clamp(min=1)


def strongest_heat(maps: MarkMaps, batch: ViewBatch) -> Tensor:
    """[2B, types] mean logit of the strongest cells of each breast and kind; -10 where a breast was not imaged."""
    tissue = tissue_cells(batch.images, batch.images.shape[2] // maps.heat.shape[2]) > 0.5
    heat = maps.heat.float().masked_fill(~tissue.to(maps.heat.device), -10.0).flatten(2)
    best = heat.topk(min(STRONGEST_CELLS, heat.shape[2]), dim=2).values.mean(2)
    breast = batch.breast.to(heat.device)
    rows = [
        best[breast == b].amax(0) if bool((breast == b).any()) else best.new_full((len(TYPES),), -10.0)
        for b in range(2 * batch.num_exams)
    ]
    return torch.stack(rows)


def quiet_views(batch: ViewBatch, targets: Targets) -> Tensor:
    """[N] bool: views of breasts that show nothing suspicious, as a label of the whole breast says."""
    return torch.tensor([targets.breasts[b].lesion == 0 for b in batch.breast.tolist()], dtype=torch.bool)


def quiet_loss(maps: MarkMaps, batch: ViewBatch, targets: Targets) -> Tensor:
    """The heat loss of quiet views, in which no cell is positive; kinds whose boxes are known there are taught by them."""
    quiet = quiet_views(batch, targets)[:, None] & ~targets.boxed
    p = maps.heat.float().sigmoid().clamp(1e-5, 1 - 1e-5)
    gain = p**2 * (1 - p).log() * quiet.to(p.device)[:, :, None, None]
    return -gain.sum() / CELLS_OF_A_MARK
