"""Where each picture and box lies on the page: hanging order, chest walls back to back, one physical scale."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from mammoscribe.domain.exam import HANGING, Exam
from mammoscribe.domain.finding import Finding
from mammoscribe.domain.report import Report
from mammoscribe.domain.view import Box, Laterality, Projection, Role, View
from mammoscribe.support.errors import InvalidNoun

_MAGIC = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}


@dataclass(frozen=True)
class ViewImage:
    """An 8-bit picture of a view, scaled down: its stored array, or that array set upright; never mirrored.

    Args:
        view_id: the view it shows.
        png: the file's bytes, PNG or JPEG.
        width_px, height_px: size of the picture; its shape is what is shown, so a squashed array can be un-squashed.
        stored_width_px, stored_height_px: size of the stored array, the frame of the boxes.
        mirrored: whether the stored array has its chest wall on the other side (right view: left edge); the picture
            and its boxes are then shown mirrored.
        focus: where the breast lies, in stored pixels; the page opens on it. None shows the whole array.
        transposed, upended: how the stored array was set upright for this picture: rows and columns exchanged, then top
            and bottom.

    Raises:
        InvalidNoun: for a picture that is neither PNG nor JPEG, an empty size, or a focus outside the array.
    """

    view_id: str
    png: bytes
    width_px: int
    height_px: int
    stored_width_px: int
    stored_height_px: int
    mirrored: bool = False
    focus: Box | None = None
    transposed: bool = False
    upended: bool = False

    def __post_init__(self) -> None:
        if not any(self.png.startswith(magic) for magic in _MAGIC):
            raise InvalidNoun(f"the picture of view {self.view_id} is neither PNG nor JPEG")
        if min(self.width_px, self.height_px, self.stored_width_px, self.stored_height_px) < 1:
            raise InvalidNoun(f"the picture of view {self.view_id} has no size")
        if self.focus and self.focus.clipped(self.stored_width_px, self.stored_height_px) != self.focus:
            raise InvalidNoun(f"the focus of view {self.view_id} lies outside its stored array")

    @property
    def media_type(self) -> str:
        """`image/png` or `image/jpeg`, from the first bytes."""
        return next(kind for magic, kind in _MAGIC.items() if self.png.startswith(magic))


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
        view: None where the exam has no such view.
        image: None when no picture was given.
        stage: the picture within the pane's frame (all frames have one shape and one scale).
        marks: boxes on the picture; priors have none.
        weaker: boxes of candidates that are too weak for a sentence.
    """

    laterality: Laterality
    projection: Projection
    role: Role
    view: View | None = None
    image: ViewImage | None = None
    stage: Rect | None = None
    marks: tuple[ShownMark, ...] = ()
    weaker: tuple[ShownMark, ...] = ()

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
        equal_scale: whether every picture is shown at one physical scale.
    """

    panes: tuple[Pane, ...]
    aspect: float
    equal_scale: bool

    @property
    def empty(self) -> tuple[str, ...]:
        """Projections and sides without any view, so that the page gives them little room."""
        hung = {str(name) for p in self.panes if p.view for name in (p.laterality, p.projection)}
        return tuple(name for name in ("CC", "MLO", "R", "L") if name not in hung)


def hang(report: Report, images: Mapping[str, ViewImage]) -> Hanging:
    """Lay out all views of the report.

    Raises:
        InvalidNoun: when a picture belongs to no view of the exam or to one of another stored size.
    """
    _check(report.exam, images)
    equal = all(v.spacing_mm for v in report.exam.views)
    sizes = {v.id: _shown_size(v, images.get(v.id), equal) for v in report.exam.views}
    focus = {v.id: _focus(v, images.get(v.id), sizes[v.id]) for v in report.exam.views}
    frame = (max(f.width for f in focus.values()), max(f.height for f in focus.values()))
    panes = []
    for side, projection in HANGING:
        for role in (Role.CURRENT, Role.PRIOR) if report.exam.prior else (Role.CURRENT,):
            same = (v for v in report.exam.views if (v.laterality, v.projection, v.role) == (side, projection, role))
            view = next(same, None)
            if view is None:
                panes.append(Pane(side, projection, role))
                continue
            image = images.get(view.id)
            stage = _stage(view, sizes[view.id], focus[view.id], frame)
            marks, weaker = _marks(report, view, image, stage), _weaker(report, view, image)
            panes.append(Pane(side, projection, role, view, image, stage, marks, weaker))
    return Hanging(tuple(panes), frame[0] / frame[1], equal)


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


def _rect(box: Box, view: View, image: ViewImage | None) -> Rect:
    """A box of stored pixels in percent of the picture as it is shown."""
    across, down = 100 / view.width_px, 100 / view.height_px
    shares = [box.x0 * across, box.x1 * across], [box.y0 * down, box.y1 * down]
    columns, rows = reversed(shares) if image is not None and image.transposed else shares
    left = 100 - columns[1] if image is not None and image.mirrored else columns[0]
    top = 100 - rows[1] if image is not None and image.upended else rows[0]
    return Rect(left, top, columns[1] - columns[0], rows[1] - rows[0])


def _marks(report: Report, view: View, image: ViewImage | None, stage: Rect) -> tuple[ShownMark, ...]:
    shown: list[ShownMark] = []
    for finding in report.findings:
        mark = finding.mark_in(view.id)
        if mark:
            rect = _rect(mark.box, view, image)
            below = stage.top + rect.top / 100 * stage.height < 8 or any(_crowded(rect, m) for m in shown)
            shown.append(ShownMark(finding, mark.score, rect, size_mm(view, mark.box), below))
    return tuple(shown)


def _weaker(report: Report, view: View, image: ViewImage | None) -> tuple[ShownMark, ...]:
    found = ((f, f.mark_in(view.id)) for f in report.possible)
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
