"""From drawn exams to the training exams of the crop refiner and the joint space."""

import numpy as np

from mammoscribe.domain.assessment import Category
from mammoscribe.domain.view import View
from mammoscribe.imaging.decode import Picture
from mammoscribe.imaging.prepare import PreparedView, prepare_view, resample
from mammoscribe.models.reader.batch import SLOTS
from mammoscribe.models.reader.detection_head import TYPES
from mammoscribe.models.reader.network import ReaderConfig
from mammoscribe.models.reader.queries import CHANGES
from mammoscribe.phantom import PhantomExam
from mammoscribe.training.details import Detail
from mammoscribe.training.samples import (
    GREY_SCALE,
    UNKNOWN,
    BreastLabels,
    LabelledFinding,
    LabelledMark,
    TrainingExam,
    ViewSample,
)  # fmt: skip

DENSITIES = "abcd"
_ORDINAL_OF = {Category.NEGATIVE: 0, Category.BENIGN: 1, Category.PROBABLY_BENIGN: 2, Category.HIGHLY_SUGGESTIVE: 4}


def slot_of(view: View) -> int:
    """Index of the view's slot."""
    return SLOTS.index(f"{view.laterality}_{view.projection}")


def phantom_picture(phantom: PhantomExam, view: View) -> Picture:
    """A phantom view as decoded pixels."""
    pixels = phantom.pixels[view.id].astype(np.float32) / 4095.0
    return Picture(pixels, view.spacing_mm, view.spacing_source, ("phantom",))


def _as_bytes(prepared: PreparedView) -> np.ndarray:
    return np.clip(np.rint(prepared.pixels * GREY_SCALE), 0, 255).astype(np.uint8)


def _detail(picture: Picture, prepared: PreparedView, um_per_px: float) -> Detail:
    """The prepared view again, at the scale of the second look."""
    fine = resample(picture, prepared, um_per_px)
    top = prepared.placement.to_canvas_box(prepared.crop).y0
    return Detail(_as_bytes(fine), float(top), prepared.um_per_px / um_per_px)


def _canvas(view: View, picture: Picture, config: ReaderConfig) -> PreparedView:
    return prepare_view(view, picture, um_per_px=config.um_per_px, size_px=config.canvas_px)


def phantom_exam(phantom: PhantomExam, config: ReaderConfig) -> TrainingExam:
    """A drawn phantom with all its truth on canvases."""
    views = tuple(_phantom_view(phantom, v, config) for v in phantom.exam.current)
    findings = tuple(
        LabelledFinding(
            TYPES.index(f.type), f.descriptors, f.suspicion, CHANGES.index(f.change) if f.change else UNKNOWN
        )
        for f in phantom.findings
    )
    right, left = (_phantom_breast(b) for b in phantom.breasts)
    name = f"phantom-{phantom.seed}"
    return TrainingExam(name, name, "phantom", views, findings, (right, left))


def _phantom_view(phantom: PhantomExam, view: View, config: ReaderConfig) -> ViewSample:
    prepared = _canvas(view, phantom_picture(phantom, view), config)
    earlier = phantom.exam.prior_of(view)
    prior = None if earlier is None else _as_bytes(_canvas(earlier, phantom_picture(phantom, earlier), config))
    marks = []
    for i, finding in enumerate(phantom.findings):
        mark = finding.mark_in(view.id)
        if mark is not None:
            box = prepared.placement.to_canvas_box(mark.box)
            marks.append(LabelledMark(i, (box.x0, box.y0, box.x1, box.y1)))
    return ViewSample(
        slot_of(view), _as_bytes(prepared), prepared.nipple_xy, prepared.um_per_px / 1000, tuple(marks), True, prior
    )


def _phantom_breast(truth) -> BreastLabels:
    category = truth.category
    ordinal = UNKNOWN if category in (Category.INCOMPLETE, Category.KNOWN_MALIGNANCY) else _ORDINAL_OF.get(category, 3)
    recall = int(category not in (Category.NEGATIVE, Category.BENIGN))
    return BreastLabels(DENSITIES.index(truth.density), ordinal, recall, int(truth.malignant))


def phantom_details(phantom: PhantomExam, config: ReaderConfig) -> list[dict[str, Detail]]:
    """Details of the current views of a drawn exam, each with its prior's where there is one."""

    def detail(view: View) -> Detail:
        picture = phantom_picture(phantom, view)
        return _detail(picture, _canvas(view, picture, config), config.detail_um)

    found = []
    for view in phantom.exam.current:
        earlier = phantom.exam.prior_of(view)
        found.append({"current": detail(view)} | ({} if earlier is None else {"prior": detail(earlier)}))
    return found
