"""Marks of the first pass, seen again: each is cut out at 200 um with its prior, and what the second look says goes in."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch

from mammoscribe.domain.exam import Exam
from mammoscribe.domain.lexicon import Axis
from mammoscribe.imaging.prepare import PreparedView
from mammoscribe.models.reader.assemble import RawMark
from mammoscribe.models.reader.crop_refiner import LookNet, look_from_all_sides, look_planes


def look_again(
    net: LookNet, marks: Sequence[RawMark], exam: Exam, views: Mapping[str, PreparedView],
    details: Mapping[str, PreparedView],
) -> list[RawMark]:  # fmt: skip
    """The marks with the second look's words, suspicion and change; type is what both looks agree on most.

    Args:
        net: the second look.
        marks: of the first pass, in views of `exam`.
        views: first-pass canvases, by view id; they carry a place over to the prior.
        details: canvases at the scale of the second look, by view id, prior views included.
    """
    if not marks:
        return []
    planes = np.stack([_planes(m, exam, views, details, net.config.size_px) for m in marks])
    out = look_from_all_sides(net, torch.from_numpy(planes))
    types, suspicion, change = (
        out.type.softmax(1).numpy(),
        out.suspicion.sigmoid().numpy(),
        out.change.softmax(1).numpy(),
    )
    told = {a: (v.sigmoid() if a is Axis.ASSOCIATED else v.softmax(1)).numpy() for a, v in out.descriptors.items()}
    return [
        replace(
            mark, look=float(1 - types[i, -1]), types=_agreed(mark.types, types[i, :-1]), suspicion=float(suspicion[i]),
            words={**mark.words, **{a: v[i] for a, v in told.items()}},
            change=None if mark.change is None else change[i],
        )
        for i, mark in enumerate(marks)
    ]  # fmt: skip


def _agreed(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Geometric mean of the two looks' types, as probabilities."""
    both = np.sqrt(np.maximum(first, 1e-4) * np.maximum(second, 1e-4))
    return both / both.sum()


def _planes(
    mark: RawMark, exam: Exam, views: Mapping[str, PreparedView], details: Mapping[str, PreparedView], size_px: int
) -> np.ndarray:
    now = details[mark.view.id]
    box = now.placement.to_canvas_box(mark.box)
    edges = (box.x0, box.y0, box.x1, box.y1)
    prior = exam.prior_of(mark.view)
    if prior is None or prior.id not in details:
        return look_planes(now.pixels, edges, None, (0.0, 0.0), size_px)
    on_canvas = views[mark.view.id].placement.to_canvas_box(mark.box).centre
    there = details[prior.id].placement.to_canvas_point(*views[prior.id].placement.to_stored_point(*on_canvas))
    x, y = box.centre
    return look_planes(now.pixels, edges, details[prior.id].pixels, (there[0] - x, there[1] - y), size_px)
