"""How a record with several pictures is shown: together in one entry, one entry each, or as one montage."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mammoscribe.data.exchange.flavours import Views
from mammoscribe.data.exchange.montage import Pane, Placed, columns_for, montage
from mammoscribe.data.exchange.pictures import drawn_picture
from mammoscribe.data.exchange.prompts import IMAGE_TOKEN, view_name
from mammoscribe.data.records import ImageText, ListedImage, ListedView, MammoExam, Region, Turn
from mammoscribe.domain.exam import HANGING
from mammoscribe.domain.view import Laterality
from mammoscribe.support.errors import InputError

_INWARDS = {Laterality.RIGHT: 1.0, Laterality.LEFT: 0.0}
"""Where a view is in its pane: chest walls back to back."""
_UNSAFE = re.compile(r"[^\w.-]+")
"""What an id may hold and a file name should not."""


@dataclass(frozen=True)
class Shown:
    """What one entry shows.

    Args:
        record: whose images are the pictures of the entry, in order; with the text of the whole record.
        about: what the question is about: the exam itself where `record` holds its montage.
        sources: the pictures of the dataset that are shown, one for each image of `record`; none for a montage.
        note: a sentence about the pictures before the question, "" for nothing.
        needed: whether the note is written even where the question names the views.
        drawn: the montage that is the record's one picture, uint8 [H, W]; its path is the name wanted for it.
        num_left_out: pictures of the record that no entry shows.
    """

    record: MammoExam | ImageText
    about: MammoExam | ImageText
    sources: tuple[ListedView | ListedImage, ...] = ()
    note: str = ""
    needed: bool = True
    drawn: np.ndarray | None = None
    num_left_out: int = 0


def shown(record: MammoExam | ImageText, views: Views, root: Path) -> Iterator[Shown]:
    """What the entries of a record show; a montage is drawn here.

    Raises:
        InputError: when a conversation that was read from a file cannot be shown in that way, or a picture of a montage
            cannot be decoded.
    """
    if views is Views.MONTAGE and isinstance(record, MammoExam):
        yield _montage_of_exam(record, root)
    elif views is Views.MONTAGE and isinstance(record, ImageText) and len(record.images) > 1:
        yield _montage_of_study(_as_one_picture(record), root)
    elif views is Views.EACH and len(record.images) > 1:
        yield from _each(record)
    else:
        yield Shown(record, record, record.images, _order_note(record), needed=False)


def _order_note(record: MammoExam | ImageText) -> str:
    if len(record.images) < 2 or (isinstance(record, ImageText) and not any(i.view for i in record.images)):
        return ""
    return f"The pictures show, in this order: {', '.join(view_name(image) for image in record.images)}."


def _each(record: MammoExam | ImageText) -> Iterator[Shown]:
    """One record per picture, with the id of the record and the name of the view."""
    if isinstance(record, ImageText) and record.conversation:
        raise InputError(
            f"the conversation {record.id} is about {len(record.images)} pictures", "one picture",
            "export it with the flavour llava-next, messages or hf",
        )  # fmt: skip
    whole = "exam" if isinstance(record, MammoExam) else "study"
    for name, image in zip(_part_names(record), record.images, strict=True):
        note = f"This is one of {len(record.images)} pictures of the {whole}: {view_name(image)}."
        prior = f"{record.prior_id}/{name}" if record.prior_id else None
        one = replace(record, id=f"{record.id}/{name}", images=(image,), prior_id=prior)  # type: ignore[arg-type]
        yield Shown(one, one, one.images, note)


def _part_names(record: MammoExam | ImageText) -> list[str]:
    """`R_CC`, `L_MLO`, a second one of a kind `R_CC-2`; of other pictures their number."""
    if isinstance(record, ImageText):
        return [str(number) for number in range(1, len(record.images) + 1)]
    kinds = [f"{view.laterality}_{view.projection}" for view in record.images]
    earlier = [kinds[:number].count(kind) for number, kind in enumerate(kinds)]
    return [f"{kind}-{n + 1}" if n else kind for kind, n in zip(kinds, earlier, strict=True)]


def _montage_of_exam(record: MammoExam, root: Path) -> Shown:
    """The exam in hanging order; of several pictures of one view the first, as nothing says which is the better one.

    It becomes a record of images with text, as a montage is no view of a kind. One view alone is shown as it is.
    """
    first: dict[tuple[str, str], ListedView] = {}
    for view in record.images:
        first.setdefault((view.laterality, view.projection), view)
    left_out = len(record.images) - len(first)
    if len(first) < 2:
        images = tuple(ListedImage(v.path, view_name(v), v.labels, v.regions) for v in first.values())
        return Shown(_study_of(record, images), record, tuple(first.values()), num_left_out=left_out)
    hung = [first.get(kind) for kind in HANGING]
    panes = [_pane(view, root, _INWARDS[side]) for view, (side, _) in zip(hung, HANGING, strict=True)]
    picture, pixels = _drawn(record.id, panes, 2, hung)
    study = _study_of(record, (picture,))
    return Shown(study, record, note=_hanging_note(hung), drawn=pixels, num_left_out=left_out)


def _pane(image: ListedView | ListedImage | None, root: Path, align: float = 0.5) -> Pane:
    return Pane(None) if image is None else Pane(*drawn_picture(image, root), align)


def _drawn(
    name: str, panes: Sequence[Pane], columns: int, images: Sequence[ListedView | ListedImage | None]
) -> tuple[ListedImage, np.ndarray]:
    """The montage as one picture with every marked place of its pictures, and its pixels."""
    pixels, placed = montage(panes, columns)
    # a view's own labels are left out: in a montage it would be unclear which of the pictures they are about
    regions = tuple(
        Region(place.box(region.box), {**region.labels, "view": view_name(image)})
        for image, place in zip(images, placed, strict=True)
        if image is not None and isinstance(place, Placed)
        for region in image.regions
    )
    path = f"montages/{_UNSAFE.sub('_', name).strip('.')[:100] or 'exam'}.png"
    view = f"montage of {_listed([view_name(i) for i in images if i is not None])}"
    return ListedImage(path, view, {}, regions), pixels


def _hanging_note(hung: Sequence[ListedView | None]) -> str:
    names = [f"{side.word} {projection}" for side, projection in HANGING]
    missing = [name for name, view in zip(names, hung, strict=True) if view is None]
    rows = f"{names[0]} and {names[1]} in the upper row, {names[2]} and {names[3]} in the lower row"
    note = f"The picture shows the views of one exam: {rows}."
    if not missing:
        return note
    black = (
        "place of {} is black: there is no such view" if len(missing) == 1 else "places of {} are black: no such views"
    )
    return f"{note} The {black.format(_listed(missing))}."


def _montage_of_study(record: ImageText, root: Path) -> Shown:
    columns = columns_for(len(record.images))
    panes = [_pane(image, root) for image in record.images]
    picture, pixels = _drawn(record.id, panes, columns, record.images)
    way = "from left to right" if columns == len(panes) else f"in rows of {columns}, from the upper left"
    named = f": {', '.join(view_name(i) for i in record.images)}" if any(i.view for i in record.images) else ""
    note = f"The picture shows {len(panes)} pictures of one study {way}{named}."
    return Shown(replace(record, images=(picture,)), record, note=note, drawn=pixels)


def _as_one_picture(record: ImageText) -> ImageText:
    """A conversation whose pictures come in its first question, with one mark for all of them."""
    if not record.conversation:
        return record
    turns = list(record.conversation)
    asked = next(number for number, turn in enumerate(turns) if turn.speaker == "human")
    if any(IMAGE_TOKEN in turn.text for turn in turns[asked + 1 :]):
        raise InputError(
            f"the conversation {record.id} shows pictures in several turns", "all in the first question, for a montage",
            "export it with the flavour llava-next, messages or hf",
        )  # fmt: skip
    text = turns[asked].text.replace(IMAGE_TOKEN, "").strip()
    turns[asked] = Turn("human", f"{IMAGE_TOKEN}\n{text}")
    return replace(record, conversation=tuple(turns))


def _study_of(record: MammoExam, images: tuple[ListedImage, ...]) -> ImageText:
    """The exam as a record of images with text; labels of a breast get its side before their name."""
    breasts: Mapping[str, str] = {
        f"{side}_{name}": value for side, labels in record.breasts.items() for name, value in labels.items()
    }
    return ImageText(
        record.id, record.patient_id, images, record.date, record.time, record.report,
        {**record.labels, **breasts}, record.split, record.prior_id,
    )  # fmt: skip


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
