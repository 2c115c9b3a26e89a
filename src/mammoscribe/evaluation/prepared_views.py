"""Views of a prepared exam as the domain's nouns: what they show, their canvases, and the findings that their boxes show."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mammoscribe.data.prepared.dataset import PreparedDataset, StoredPicture, StoredRecord
from mammoscribe.data.records import ListedView, MammoExam
from mammoscribe.data.supervision import Question, Supervision
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import Change, Finding, FindingType, Mark
from mammoscribe.domain.view import Laterality, Origin, Role, View, standard_view_id
from mammoscribe.evaluation.stored_views import at_scale, stored_view
from mammoscribe.imaging.decode import decode_view
from mammoscribe.imaging.picture import Picture
from mammoscribe.imaging.prepare import FINE_UM, PreparedView
from mammoscribe.imaging.spacing import chosen_spacing
from mammoscribe.models.reader.reader import Canvases, Reader
from mammoscribe.reading import prepare
from mammoscribe.writers.author import Decode


@dataclass(frozen=True)
class SeenView:
    """A view with what its dataset lists of it and what was prepared."""

    view: View
    listed: ListedView
    picture: StoredPicture


def views_of_record(
    stored: StoredRecord, prior: StoredRecord | None, side: Laterality | None, synthetic: bool
) -> tuple[SeenView, ...]:
    """Current and prior views of an exam; of several pictures of one view the first.

    Args:
        stored: the exam. prior: the one before it, or None.
        side: only the views of this breast; None takes all.
        synthetic: whether they were drawn.
    """
    origin = Origin.SYNTHETIC if synthetic else Origin.ACQUIRED
    found: dict[str, SeenView] = {}
    for exam, role in ((stored, Role.CURRENT), (prior, Role.PRIOR)):
        if exam is None or not isinstance(exam.record, MammoExam):
            continue
        for picture in exam.pictures:
            listed = exam.record.images[picture.image]
            if side in (None, listed.laterality):
                view = _view(picture, listed, role, origin)
                found.setdefault(view.id, SeenView(view, listed, picture))
    return tuple(found.values())


def _view(picture: StoredPicture, listed: ListedView, role: Role, origin: Origin) -> View:
    """The view with the spacing that its dataset declares, or that follows from the shape it was stretched from."""
    place = picture.placement
    width, height = place.stored_width_px, place.stored_height_px
    spacing, source = chosen_spacing((width, height), listed.spacing_mm, listed.height_to_width, None)
    return View(
        standard_view_id(listed.laterality, listed.projection, role), listed.laterality, listed.projection, width, height,
        picture.path, role, spacing, source, frame=listed.frame, origin=origin,
    )  # fmt: skip


def stored_canvases(views: Sequence[SeenView], reader: Reader) -> Canvases:
    """The canvases that were prepared, at the scales that the reader sees.

    Raises:
        InvalidNoun: when they were prepared for something else.
    """
    first = {
        v.view.id: replace(stored_view(v.picture, v.listed, v.view.role, v.view.origin), view=v.view) for v in views
    }
    detail = _at(views, first, reader.card.config.detail_um) if reader.crop_refiner is not None else {}
    return Canvases(first, detail, _at(views, first, FINE_UM) if reader.patch_net is not None else {})


def _at(views: Sequence[SeenView], first: Mapping[str, PreparedView], um_per_px: float) -> dict[str, PreparedView]:
    finer = {v.view.id: v.picture.at(um_per_px) for v in views}
    return {name: at_scale(first[name], picture) for name, picture in finer.items() if picture is not None}


def decoded_canvases(
    exam: Exam, reader: Reader, root: Path, change: Callable[[View, Picture], Picture] = lambda _, picture: picture
) -> Canvases:
    """The canvases of a reading, at every scale that the reader sees, from the pictures in `root`.

    Args:
        exam: its views name their files in `root`. reader: sees.
        change: of every picture once it is decoded.

    Raises:
        InputError: when a picture cannot be decoded.
    """
    decode = decode_in(root)
    return prepare(exam, reader, lambda view: change(view, decode(view)), images=False).canvases


def decode_in(root: Path) -> Decode:
    """A decoder of views whose sources are paths in a folder."""
    return lambda view: decode_view(replace(view, source=str(root / view.source)))


def lacks_a_scale(reader: Reader, dataset: PreparedDataset) -> bool:
    """Whether the reader sees at a scale that the dataset was not prepared at."""
    there = {scale["um_per_px"] for scale in dataset.about["preparation"].get("finer", ())}
    wanted = {reader.card.config.detail_um} if reader.crop_refiner is not None else set()
    return not wanted | ({FINE_UM} if reader.patch_net is not None else set()) <= there


def boxed_kinds(views: Sequence[SeenView], supervision: Supervision) -> frozenset[FindingType]:
    """Kinds of finding of which every box in the current views is known."""
    unplaced = {
        kind
        for v in views
        if v.view.role is Role.CURRENT
        for kind in supervision.answers("view", Question.UNPLACED, v.listed.labels)
    }
    return frozenset(k for k in supervision.boxed_kinds if k.value not in unplaced)


UNKNOWN_SUSPICION = 0.5
"""Of a true finding whose label says neither benign nor malignant."""


def truth_of(views: Sequence[SeenView], supervision: Supervision) -> tuple[Finding, ...]:
    """Findings that the boxes of current views show, in stored pixels; boxes that share a name are one finding."""
    marks: dict[str, dict[str, Mark]] = {}
    about: dict[str, tuple[Laterality, dict[str, str]]] = {}
    for seen in views:
        if seen.view.role is Role.PRIOR:
            continue
        for number, region in enumerate(seen.listed.regions):
            box = region.box.clipped(seen.view.width_px, seen.view.height_px)
            if supervision.answer("region", Question.KIND, region.labels) is None or box is None:
                continue
            shared = supervision.answer("region", Question.FINDING, region.labels)
            side = seen.view.laterality
            name = f"{side}/{shared}" if shared else f"{seen.picture.path}/{number}"
            marks.setdefault(name, {})[seen.view.id] = Mark(seen.view.id, seen.view.projection, box, 1.0)
            about.setdefault(name, (side, dict(region.labels)))
    return tuple(_finding(name, side, labels, marks[name], supervision) for name, (side, labels) in about.items())


def _finding(
    name: str, side: Laterality, labels: dict[str, str], marks: dict[str, Mark], supervision: Supervision
) -> Finding:
    kind = FindingType(supervision.answer("region", Question.KIND, labels) or "")
    words = ",".join(supervision.answers("region", Question.DESCRIPTORS, labels)).split(",")
    change = supervision.answer("region", Question.CHANGE, labels)
    malignant = supervision.answer("region", Question.MALIGNANT, labels)
    suspicion = supervision.answer("region", Question.SUSPICION, labels) or malignant or UNKNOWN_SUSPICION
    fitting = tuple(dict.fromkeys(w for w in words if w and w.split(".")[0] in {a.value for a in kind.axes}))
    return Finding(
        name, kind, side, tuple(marks.values()), 1.0, float(suspicion), fitting, change=Change(change) if change else None
    )  # fmt: skip
