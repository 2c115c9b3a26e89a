"""Drawing implants: what the plan of an implant puts into a view's log attenuation."""

import numpy as np

from mammoscribe.phantom.canvas import Canvas
from mammoscribe.phantom.geometry import PIXEL_MM
from mammoscribe.phantom.structures import DistractorKind, Sighting
from mammoscribe.phantom.texture import smoothstep


def lay_implants(canvas: Canvas) -> list[Sighting]:
    """Draw the implant of the view's breast into the log attenuation; what lies behind it is hidden for the most part."""
    own = next((i for i in canvas.patient.implants if i.laterality is canvas.view.laterality), None)
    if own is None:
        return []
    view, half = canvas.view, own.half_height(canvas.view)
    middle = own.middle(view)
    r0 = max(0, int((view.top - middle - half) / PIXEL_MM) - 20)
    r1 = min(view.rows, int((view.top - middle + half) / PIXEL_MM) + 20)
    c1 = min(view.cols, int(own.reach * view.depth / PIXEL_MM) + 30)
    us = view.heights().astype(np.float32)[r0:r1, None]
    xs = ((np.arange(c1) + 0.5) * PIXEL_MM).astype(np.float32)[None, :]
    front = own.front(view, us).astype(np.float32)
    # the distance to a curved front, from the horizontal one and the front's slope
    slope = np.gradient(front[:, 0], -PIXEL_MM).astype(np.float32)[:, None]
    depth = (front - xs) / np.sqrt(1 + np.clip(slope, -6, 6) ** 2)
    body = smoothstep(depth / np.float32(0.7) + np.float32(0.5))
    thick = np.sqrt(np.clip(1 - (1 - np.clip(depth / np.float32(0.35 * half), 0, 1)) ** 2, 0, 1))
    value = (
        1.55 * thick + 0.35 if own.silicone else 0.66 * thick + 0.30 * np.exp(-((depth / np.float32(1.2)) ** 2)) + 0.2
    )
    hidden = np.float32(0.9 if own.silicone else 0.5) * body
    cut = canvas.log[r0:r1, :c1]
    cut *= 1 - hidden
    cut += body * value.astype(np.float32)
    wide = 0.5 * own.reach * view.depth
    return canvas.sighting(DistractorKind.IMPLANT, wide, middle, wide, half)
