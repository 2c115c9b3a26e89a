"""The second look at marks of training views: the same planes as in a reading, from prepared details."""

from collections.abc import Sequence

import numpy as np
import torch

from mammoscribe.models.reader.crop_refiner import GREY_PLANES, CropRefiner, crop_planes, refine_crops
from mammoscribe.training.samples import GREY_SCALE, ViewSample


def view_planes(view: ViewSample, box: Sequence[float] | np.ndarray, size_px: int) -> np.ndarray:
    """[PLANES, size, size] of a mark whose box is given in canvas pixels; grey 0..1.2."""
    corners = np.asarray(box, float).reshape(2, 2)
    now, prior = view.details["current"], view.details.get("prior")
    edges = now.from_canvas(corners)
    offset = (0.0, 0.0)
    if prior is not None:
        dx, dy = prior.from_canvas(corners.mean(axis=0)) - edges.mean(axis=0)
        offset = float(dx), float(dy)
    planes = crop_planes(now.pixels, edges.ravel().tolist(), None if prior is None else prior.pixels, offset, size_px)
    planes[list(GREY_PLANES)] /= np.float32(GREY_SCALE)
    return planes


def look_answers(net: CropRefiner, view: ViewSample, boxes: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
    """How sure the second look is that each mark shows anything, and how suspicious it finds it."""
    if not boxes:
        return []
    planes = torch.from_numpy(np.stack([view_planes(view, b, net.config.size_px) for b in boxes]))
    out = refine_crops(net, planes)
    sure, suspicious = 1 - out.type.softmax(1)[:, -1], out.suspicion.sigmoid()
    return list(zip(sure.tolist(), suspicious.tolist(), strict=True))
