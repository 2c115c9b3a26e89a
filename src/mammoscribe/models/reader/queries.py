"""Finding queries: one per proposed mark; they look at each other and at the exam, and say what each mark is.

A query gives type (or no finding), lexicon descriptors, suspicion, change since the prior and a refined box in the view
it is anchored in; the link score between a CC and an MLO query of one breast joins them into one finding.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mammoscribe.domain.finding import Change
from mammoscribe.domain.lexicon import Axis, terms_of
from mammoscribe.models.reader.batch import SLOTS, ViewBatch
from mammoscribe.models.reader.detection_head import STRIDE, TYPES, MarkMaps
from mammoscribe.models.reader.fusion import FusedTokens
from mammoscribe.models.reader.geometry import OffsetCode, nipple_offsets

NO_FINDING = len(TYPES)
CHANGES = tuple(Change)
SINGLE_AXES = (Axis.SHAPE, Axis.MARGIN, Axis.DENSITY, Axis.MORPHOLOGY, Axis.DISTRIBUTION, Axis.ASYMMETRY)
AXIS_TERMS: dict[Axis, tuple[str, ...]] = {a: tuple(t.id for t in terms_of(a)) for a in (*SINGLE_AXES, Axis.ASSOCIATED)}
LINK_DIM = 48


@dataclass(frozen=True)
class Anchors:
    """Where Q queries start: `view` [Q] in the batch, `box` [Q, 4] canvas px, `content` [Q, C]."""

    view: Tensor
    box: Tensor
    content: Tensor


@dataclass(frozen=True)
class QueryOutput:
    """Predictions of the Q queries of a batch.

    Args:
        anchors: where they started.
        state: [Q, dim], also the decoder's memory.
        type: [Q, 5] logits, the last is `no finding`.
        descriptors: axis -> [Q, terms] logits (independent logits for `associated`).
        suspicion: [Q] logits.
        change: [Q, 4] logits, meaningful only with a prior.
        box: [Q, 4] refined canvas boxes.
        link: [Q, LINK_DIM] twice, for CC-to-MLO matching; `behind_cm` [Q] is the distance behind the nipple.
    """

    anchors: Anchors
    state: Tensor
    type: Tensor
    descriptors: dict[Axis, Tensor]
    suspicion: Tensor
    change: Tensor
    box: Tensor
    link: tuple[Tensor, Tensor]
    behind_cm: Tensor
    link_scale: Tensor

    def link_logits(self, cc: Tensor, mlo: Tensor) -> Tensor:
        """[len(cc), len(mlo)] logits that a CC and an MLO query show one thing; far-apart nipple distances count against it."""
        likeness = self.link[0][cc] @ self.link[1][mlo].T / LINK_DIM**0.5
        gap = (self.behind_cm[cc][:, None] - self.behind_cm[mlo][None]).abs()
        return likeness + self.link_scale[0] - self.link_scale[1].exp() * gap


class FindingQueries(nn.Module):
    """Transformer decoder over anchored queries.

    Args:
        mark_channels: of the map that marks are read from.
        dim: of the queries and of the tokens they look at.
        heads, layers: of the decoder.
    """

    def __init__(self, mark_channels: int, dim: int, heads: int, layers: int) -> None:
        super().__init__()
        self.from_mark = nn.Linear(mark_channels + len(TYPES), dim)
        self.from_size = nn.Linear(2, dim)
        self.slot_code = nn.Embedding(len(SLOTS), dim)
        self.offset_code = OffsetCode(dim)
        layer = nn.TransformerDecoderLayer(
            dim, heads, 2 * dim, 0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerDecoder(layer, layers, norm=nn.LayerNorm(dim))
        self.kind = nn.Linear(dim, NO_FINDING + 1)
        self.descriptors = nn.ModuleDict({a.value: nn.Linear(dim, len(t)) for a, t in AXIS_TERMS.items()})
        self.suspicion = nn.Linear(dim, 1)
        self.change = nn.Linear(dim, len(CHANGES))
        self.box = nn.Linear(dim, 4)
        self.link_cc = nn.Linear(dim, LINK_DIM)
        self.link_mlo = nn.Linear(dim, LINK_DIM)
        self.link_scale = nn.Parameter(torch.tensor([1.0, 0.0]))
        nn.init.zeros_(self.box.weight)
        nn.init.zeros_(self.box.bias)

    def anchors_from_maps(self, maps: MarkMaps, view: Tensor, row: Tensor, column: Tensor) -> Anchors:
        """Anchors at Q cells of the mark maps.

        Args:
            maps: of N views.
            view, row, column: [Q] where the cells are.
        """
        features = torch.cat((maps.features, maps.heat), dim=1)[view, :, row, column]
        return Anchors(view, maps.boxes(view, row, column).detach(), self.from_mark(features))

    def forward(self, anchors: Anchors, batch: ViewBatch, fused: FusedTokens) -> QueryOutput:
        """Look around from each anchor; queries of different exams do not see each other."""
        centre = (anchors.box[:, :2] + anchors.box[:, 2:]) / 2
        size = (anchors.box[:, 2:] - anchors.box[:, :2]) / STRIDE
        offsets = nipple_offsets(centre, batch.nipple[anchors.view], batch.mm_per_px[anchors.view])
        query = anchors.content + self.offset_code(offsets) + self.slot_code(batch.slot[anchors.view])
        query = query + self.from_size(size.clamp(min=0.1).log())
        state = self._within_exams(query, batch.exam[anchors.view], fused)
        delta = self.box(state).float().clamp(-2, 2)
        extent = (size * STRIDE).repeat(1, 2)
        heads = {a: self.descriptors[a.value](state) for a in AXIS_TERMS}
        return QueryOutput(
            anchors, state, self.kind(state), heads, self.suspicion(state).squeeze(-1), self.change(state),
            anchors.box + delta * extent * 0.25, (self.link_cc(state), self.link_mlo(state)), offsets[:, 0], self.link_scale,
        )  # fmt: skip

    def _within_exams(self, query: Tensor, exam: Tensor, fused: FusedTokens) -> Tensor:
        """Run the decoder on queries padded per exam; [Q, dim] -> [Q, dim]."""
        counts = torch.bincount(exam, minlength=len(fused.tokens))
        order = torch.argsort(exam, stable=True)
        starts = torch.cumsum(counts, 0) - counts
        place = torch.arange(len(exam), device=exam.device) - starts[exam[order]]
        padded = query.new_zeros(len(fused.tokens), max(1, int(counts.max())), query.shape[1])
        padded = padded.index_put((exam[order], place), query[order])
        empty = torch.arange(padded.shape[1], device=exam.device)[None] >= counts[:, None]
        empty[:, 0] = False  # attention over nothing is undefined; an exam without queries attends to one zero row
        out = self.layers(padded, fused.tokens, tgt_key_padding_mask=empty, memory_key_padding_mask=~fused.mask)
        return torch.empty_like(query).index_put((order,), out[exam[order], place].to(query.dtype))
