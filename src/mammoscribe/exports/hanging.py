"""Where each picture and box lies on the page: hanging order, chest walls back to back, one physical scale."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from mammoscribe.domain.exam import HANGING, Exam
from mammoscribe.domain.finding import Finding
from mammoscribe.domain.report import Report
from mammoscribe.domain.view import Box, Laterality, Projection, Role, View
from mammoscribe.exports.pictures import MarkCrop, ViewImage
from mammoscribe.support.errors import InvalidNoun

SCALE_BARS_MM = (50.0, 20.0, 10.0, 5.0, 2.0, 1.0)
"""Lengths a scale bar can have."""


@dataclass(frozen=True)
class Rect:
    """A rectangle in percent of its parent, as CSS wants it."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True)
class ShownMark:
    """One finding's box on a picture, in percent of the picture as it is shown.

    `label_below` puts the label under the box, where there is no room above it.
    """

    finding: Finding
    score: float
    rect: Rect
    size_mm: tuple[float, float] | None
    label_below: bool = False


@dataclass(frozen=True)
class Pane:
    """One place of the hanging: a view with its picture and boxes, or an empty place.

    Args:
        laterality, projection: what hangs here.
        view: None where the exam has no such view; `absent` then says why.
        image: None when no picture was given.
        stage: the picture within the pane's frame (all frames have one shape and one scale).
        marks: boxes on the picture; priors have none.
        weaker: boxes of candidates that are too weak for a sentence.
        truth: boxes of what is really there, where that is known.
        bar_mm: length of the scale bar; None where lengths are not known.
        per_mm: share of the frame's width that a millimetre takes.
    """

    laterality: Laterality
    projection: Projection
    role: Role
    view: View | None = None
    absent: str = ""
    image: ViewImage | None = None
    stage: Rect | None = None
    marks: tuple[ShownMark, ...] = ()
    weaker: tuple[ShownMark, ...] = ()
    truth: tuple[ShownMark, ...] = ()
    bar_mm: float | None = None
    per_mm: float = 0.0

    @property
    def column(self) -> str:
        """Grid area on the page: `RCC`, `LMLO`, with a `p` for a prior."""
        return f"{'p' if self.role is Role.PRIOR else ''}{self.laterality}{self.projection}"


@dataclass(frozen=True)
class Hanging:
    """All panes of a report, the shape of their common frame, and whether one scale holds for all.

    Args:
        panes: priors beside their current view, in reading order.
        aspect: width over height of the frame.
        equal_scale: whether every picture is shown at one physical scale; not where a spacing was only assumed.
    """

    panes: tuple[Pane, ...]
    aspect: float
    equal_scale: bool

    @property
    def empty(self) -> tuple[str, ...]:
        """Projections and sides without any view, so that the page gives them little room."""
        hung = {str(name) for p in self.panes if p.view for name in (p.laterality, p.projection)}
        return tuple(name for name in ("CC", "MLO", "R", "L") if name not in hung)

    @property
    def explained(self) -> tuple[str, ...]:
        """Those of `empty` for which a file was set aside, so that the page leaves room for the reason."""
        aside = [p for p in self.panes if p.absent.startswith("set aside")]
        names = {str(name) for p in aside for name in (p.laterality, p.projection)}
        return tuple(name for name in self.empty if name in names)


def hang(report: Report, images: Mapping[str, ViewImage], truth: Iterable[Finding] = ()) -> Hanging:
    """Lay out all views of the report.

    Args:
        report: whose views to hang, with the boxes of its findings.
        images: pictures by view id.
        truth: what is really there, where that is known.

    Raises:
        InvalidNoun: when a picture belongs to no view of the exam or to one of another stored size.
    """
    _check(report.exam, images)
    equal = all(v.millimetres_known and v.spacing_mm for v in report.exam.views)
    sizes = {v.id: _shown_size(v, images.get(v.id), equal) for v in report.exam.views}
    focus = {v.id: _focus(v, images.get(v.id), sizes[v.id]) for v in report.exam.views}
    frame = (max(f.width for f in focus.values()), max(f.height for f in focus.values()))
    known, panes = tuple(truth), []
    for side, projection in HANGING:
        for role in (Role.CURRENT, Role.PRIOR) if report.exam.prior else (Role.CURRENT,):
            view = _view_at(report.exam, side, projection, role)
            if view is None:
                panes.append(Pane(side, projection, role, absent=_why_absent(report.exam, side, projection, role)))
                continue
            stage = _stage(view, sizes[view.id], focus[view.id], frame)
            panes.append(_pane(report, view, images.get(view.id), stage, known))
    return Hanging(tuple(panes), frame[0] / frame[1], equal)


def _view_at(exam: Exam, side: Laterality, projection: Projection, role: Role) -> View | None:
    same = (v for v in exam.views if (v.laterality, v.projection, v.role) == (side, projection, role))
    return next(same, None)


def _why_absent(exam: Exam, side: Laterality, projection: Projection, role: Role) -> str:
    return "not in the prior" if role is Role.PRIOR else exam.why_missing(side, projection)


def _pane(report: Report, view: View, image: ViewImage | None, stage: Rect, truth: tuple[Finding, ...]) -> Pane:
    width = _shown_mm(view, image)
    per_mm = 0.0 if width is None else stage.width / 100 / width
    return Pane(
        view.laterality, view.projection, view.role, view, "", image, stage,
        marks=_marks(report, view, image, stage), weaker=_plain_marks(report.possible, view, image),
        truth=_plain_marks(truth, view, image),
        bar_mm=nice_length(1 / per_mm) if per_mm else None, per_mm=per_mm,
    )  # fmt: skip


def _shown_mm(view: View, image: ViewImage | None) -> float | None:
    """Width in millimetres of the whole picture as it is shown, None where the spacing was not measured."""
    size = size_mm(view, Box(0, 0, view.width_px, view.height_px))
    return None if size is None else size[1 if image is not None and image.transposed else 0]


def nice_length(available_mm: float) -> float:
    """The longest scale bar that takes at most a third of a width in millimetres, at least 1 mm."""
    return next((mm for mm in SCALE_BARS_MM if mm <= available_mm / 3), SCALE_BARS_MM[-1])


def _check(exam: Exam, images: Mapping[str, ViewImage]) -> None:
    for key, image in images.items():
        view = exam.view(key)
        if image.view_id != key:
            raise InvalidNoun(f"the picture given for view {key} says it shows {image.view_id}")
        if (image.stored_width_px, image.stored_height_px) != (view.width_px, view.height_px):
            found = f"{image.stored_width_px} x {image.stored_height_px}"
            raise InvalidNoun(f"the picture of view {key} is of a {found} array", f"{view.width_px} x {view.height_px}")


def _shown_size(view: View, image: ViewImage | None, in_mm: bool) -> tuple[float, float]:
    """(width, height) of the whole picture: millimetres, or with no common scale the picture's shape at height 1."""
    if in_mm and view.spacing_mm:
        size = view.width_px * view.spacing_mm[1], view.height_px * view.spacing_mm[0]
        return (size[1], size[0]) if image is not None and image.transposed else size
    width, height = (image.width_px, image.height_px) if image else (view.width_px, view.height_px)
    return width / height, 1.0


def _focus(view: View, image: ViewImage | None, size: tuple[float, float]) -> Box:
    """The focus in units of the shown size, mirrored where the picture is."""
    if image is None or image.focus is None:
        return Box(0, 0, *size)
    rect = _rect(image.focus, view, image)
    left, top = rect.left / 100 * size[0], rect.top / 100 * size[1]
    return Box(left, top, left + rect.width / 100 * size[0], top + rect.height / 100 * size[1])


def _stage(view: View, size: tuple[float, float], focus: Box, frame: tuple[float, float]) -> Rect:
    """The picture within the frame: chest wall on the inner edge, focus in the middle of the height."""
    left = frame[0] - focus.x1 if view.laterality is Laterality.RIGHT else -focus.x0
    top = (frame[1] - focus.height) / 2 - focus.y0
    across, down = 100 / frame[0], 100 / frame[1]
    return Rect(left * across, top * down, size[0] * across, size[1] * down)


def rect_in(box: Box, region: Box, image: ViewImage | MarkCrop | None) -> Rect:
    """A box of stored pixels in percent of a region of them, as that is shown: upright, mirrored or not."""
    across, down = 100 / region.width, 100 / region.height
    columns = (box.x0 - region.x0) * across, (box.x1 - region.x0) * across
    rows = (box.y0 - region.y0) * down, (box.y1 - region.y0) * down
    if image is None:
        return Rect(columns[0], rows[0], columns[1] - columns[0], rows[1] - rows[0])
    columns, rows = (rows, columns) if image.transposed else (columns, rows)
    left = 100 - columns[1] if image.mirrored else columns[0]
    top = 100 - rows[1] if image.upended else rows[0]
    return Rect(left, top, columns[1] - columns[0], rows[1] - rows[0])


def _rect(box: Box, view: View, image: ViewImage | None) -> Rect:
    """A box of stored pixels in percent of the picture as it is shown."""
    return rect_in(box, Box(0, 0, view.width_px, view.height_px), image)


def _marks(report: Report, view: View, image: ViewImage | None, stage: Rect) -> tuple[ShownMark, ...]:
    shown: list[ShownMark] = []
    for mark in _plain_marks(report.findings, view, image):
        low = stage.top + mark.rect.top / 100 * stage.height < 8
        shown.append(replace(mark, label_below=low or any(_crowded(mark.rect, m) for m in shown)))
    return tuple(shown)


def _plain_marks(findings: Iterable[Finding], view: View, image: ViewImage | None) -> tuple[ShownMark, ...]:
    found = ((f, f.mark_in(view.id)) for f in findings)
    return tuple(ShownMark(f, m.score, _rect(m.box, view, image), size_mm(view, m.box)) for f, m in found if m)


def _crowded(rect: Rect, other: ShownMark) -> bool:
    """Whether the label above `rect` would lie on the other's label; a label takes about 30 x 4 % of a picture."""
    level = other.rect.top + other.rect.height + 4 if other.label_below else other.rect.top
    return abs(rect.left - other.rect.left) < 30 and abs(rect.top - level) < 4


def size_mm(view: View, box: Box) -> tuple[float, float] | None:
    """(width, height) of a box in millimetres, or None where the spacing was not measured."""
    if view.spacing_mm is None or not view.millimetres_known:
        return None
    size = box.width * view.spacing_mm[1], box.height * view.spacing_mm[0]
    return size if all(map(math.isfinite, size)) else None
