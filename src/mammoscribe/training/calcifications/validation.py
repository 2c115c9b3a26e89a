"""How a calcification network under training is measured: whole views of the validation split, read as a reading does."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mammoscribe.domain.view import Box
from mammoscribe.evaluation.detection import ViewMarks, froc, is_hit, sensitivity_at
from mammoscribe.evaluation.stored_views import grey
from mammoscribe.models.reader.calcifications import (
    SUSPICIOUS,
    CalcCandidate,
    PatchConfig,
    PatchNet,
    PatchOutput,
    cut_patches,
    gather_candidates,
    stitch,
)
from mammoscribe.training.calcifications.views import EITHER, IGNORED, FineView, FineViews, Group
from mammoscribe.training.engine.task import Modules

CALCIFICATIONS = "calcifications"
"""Name of the network in a checkpoint."""
FALSE_PER_VIEW = 0.5
"""False marks a view at which the share of found groups is stated."""


@dataclass(frozen=True)
class WholeView:
    """The patches of a view that a reading would look at, and its truth.

    Args:
        patches: [P, 1, s, s] float32; one patch of air where there is nothing to look at.
        centres: (x, y) of them; none where there is nothing to look at.
        picture_px: (height, width) of the view.
        groups: its boxed calcifications.
    """

    patches: Tensor
    centres: tuple[tuple[int, int], ...]
    picture_px: tuple[int, int]
    groups: tuple[Group, ...]


class ViewItems:
    """The views of a split whose calcifications are all boxed, as items."""

    def __init__(self, views: FineViews) -> None:
        self.views = views
        self._places = [(spot.record, spot.picture) for spot in views.spots if spot.shown is None]

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, number: int) -> WholeView:
        return whole_view(self.views.view(*self._places[number]), self.views.config.patch_px)


def whole_view(view: FineView, patch_px: int) -> WholeView:
    """The patches of a view as a reading cuts them."""
    high, wide = view.pixels.shape
    patches = np.zeros((1, 1, patch_px, patch_px), np.float32)
    if view.centres:
        patches = cut_patches(grey(view.pixels), list(view.centres), patch_px)
    return WholeView(torch.from_numpy(patches), view.centres, (high, wide), view.groups)


def single(items: Sequence[WholeView]) -> WholeView:
    """The one view of a batch."""
    (view,) = items
    return view


@dataclass(frozen=True)
class Measured:
    """Marks and truth of a view: of suspicious groups (None where a group's kind is unknown), and of any calcifications."""

    suspicious: ViewMarks | None
    any: ViewMarks


def measure(modules: Modules, view: WholeView, config: PatchConfig) -> Measured:
    """What the network finds in one view."""
    net = modules[CALCIFICATIONS]
    assert isinstance(net, PatchNet)
    out: PatchOutput = net(view.patches)  # also of a patch of air: every process of a sharded run makes the same passes
    found: list[CalcCandidate] = []
    if view.centres:
        maps = stitch(out, list(view.centres), view.picture_px, config)
        found = [c for c in gather_candidates(maps, config) if not _ignored(c.box, view.groups)]
    own = [g for g in view.groups if g.reading != IGNORED]
    everything = ViewMarks(
        tuple((c.box, max(c.score, c.benign_score)) for c in found), tuple((g.name, g.box) for g in own)
    )
    if any(g.reading == EITHER for g in own):
        return Measured(None, everything)
    marks = tuple((c.box, c.score) for c in found if c.suspicious)
    return Measured(ViewMarks(marks, tuple((g.name, g.box) for g in own if g.reading == SUSPICIOUS)), everything)


def _ignored(box: Box, groups: Sequence[Group]) -> bool:
    """Whether a mark shows calcifications that belong to another finding: neither right nor false."""
    return any(g.reading == IGNORED and is_hit(box, g.box) for g in groups)


def summary(measured: Sequence[Measured]) -> dict[str, float]:
    """`found/suspicious` and `found/any`: the share of groups found at half a false mark a view; `score` is their mean."""
    sets = {"suspicious": [m.suspicious for m in measured if m.suspicious], "any": [m.any for m in measured]}
    figures = {
        f"found/{name}": sensitivity_at(froc(views), FALSE_PER_VIEW)
        for name, views in sets.items()
        if any(v.lesions for v in views)
    }
    figures["score"] = float(np.mean(list(figures.values()))) if figures else 0.0
    return figures
