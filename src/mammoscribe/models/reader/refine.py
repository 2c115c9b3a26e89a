"""Marks of the first pass, refined: each is cut out at 200 um with its prior, and what the crop refiner says goes in."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch

from mammoscribe.domain.exam import Exam
from mammoscribe.domain.lexicon import Axis
from mammoscribe.domain.view import Box, View
from mammoscribe.imaging.prepare import PreparedView
from mammoscribe.models.reader.assemble import RawMark
from mammoscribe.models.reader.crop_refiner import CropRefiner, crop_planes, refine_crops


def refine_marks(
    net: CropRefiner, marks: Sequence[RawMark], exam: Exam, views: Mapping[str, PreparedView],
    details: Mapping[str, PreparedView],
) -> list[RawMark]:  # fmt: skip
    """The marks with the crop refiner's words and suspicion beside those of the first pass, and with its change.

    The type is what both passes agree on most; how much each counts in words and suspicion is for the operating point to say.

    Args:
        net: the crop refiner, with the batch statistics of the exam's origin.
        marks: of the first pass, in views of `exam`.
        views: first-pass canvases, by view id; they carry a place over to the prior.
        details: canvases at the scale of the crops, by view id, prior views included.
    """
    if not marks:
        return []
    planes = np.stack([mark_planes(m.view, m.box, exam, views, details, net.config.size_px) for m in marks])
    out = refine_crops(net, torch.from_numpy(planes))
    types, suspicion, change = (
        out.type.softmax(1).numpy(),
        out.suspicion.sigmoid().numpy(),
        out.change.softmax(1).numpy(),
    )
    words = {a: (v.sigmoid() if a is Axis.ASSOCIATED else v.softmax(1)).numpy() for a, v in out.descriptors.items()}
    return [
        replace(
            mark, crop_score=float(1 - types[i, -1]), types=_agreed(mark.types, types[i, :-1]), crop_suspicion=float(suspicion[i]),
            crop_words={a: v[i] for a, v in words.items()},
            change=None if mark.change is None else change[i],
        )
        for i, mark in enumerate(marks)
    ]  # fmt: skip


def _agreed(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Geometric mean of the two passes' types, as probabilities."""
    both = np.sqrt(np.maximum(first, 1e-4) * np.maximum(second, 1e-4))
    return both / both.sum()


def mark_planes(
    view: View, marked: Box, exam: Exam, views: Mapping[str, PreparedView], details: Mapping[str, PreparedView],
    size_px: int,
) -> np.ndarray:  # fmt: skip
    """What the crop refiner sees of a mark, now and in the prior of the place: [PLANES, size, size] float32, grey 0..1.2.

    Args:
        view: of `exam`, in which the mark is.
        marked: its box, in stored pixels.
        exam: whose prior is shown beside it, where its canvases are there.
        views, details: as of `refine_marks`.
        size_px: side of the planes.
    """
    now = details[view.id]
    box = now.placement.to_canvas_box(marked)
    edges = (box.x0, box.y0, box.x1, box.y1)
    prior = exam.prior_of(view)
    if prior is None or prior.id not in details:
        return crop_planes(now.pixels, edges, None, (0.0, 0.0), size_px)
    on_canvas = views[view.id].placement.to_canvas_box(marked).centre
    there = details[prior.id].placement.to_canvas_point(*views[prior.id].placement.to_stored_point(*on_canvas))
    x, y = box.centre
    return crop_planes(now.pixels, edges, details[prior.id].pixels, (there[0] - x, there[1] - y), size_px)
