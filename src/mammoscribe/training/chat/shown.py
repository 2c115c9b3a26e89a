"""Which pictures of a prepared record a conversation shows, in which order and under which names: its views, and those before."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mammoscribe.data.exchange.pictures import breast_box, windowed
from mammoscribe.data.exchange.prompts import IMAGE_TOKEN, view_name
from mammoscribe.data.prepared.dataset import PreparedDataset, StoredPicture, StoredRecord
from mammoscribe.data.prepared.preparation import PREPARATIONS
from mammoscribe.data.records import ImageText, ListedImage, ListedView, MammoExam, TextDocument
from mammoscribe.domain.exam import HANGING
from mammoscribe.domain.view import Laterality
from mammoscribe.models.chat.family import Canvas
from mammoscribe.support.errors import InputError


@dataclass(frozen=True)
class Shown:
    """A prepared picture with what its dataset lists of it, and whether it is of the prior exam."""

    picture: StoredPicture
    image: ListedView | ListedImage
    prior: bool = False

    @property
    def name(self) -> str:
        """`right CC`, `prior left MLO`."""
        return f"prior {view_name(self.image)}" if self.prior else view_name(self.image)

    def pixels(self) -> np.ndarray:
        """uint8 [H, W]: mammograms windowed inside the breast's box, as `data export` draws them; a reader's canvas as it is."""
        pixels = self.picture.pixels
        if self.picture.um_per_px is not None:
            return pixels
        full = np.iinfo(pixels.dtype).max
        if isinstance(self.image, ListedView):
            grey = pixels.astype(np.float32) / np.float32(full)
            return windowed(grey, breast_box(grey))
        return pixels if full == 255 else (pixels >> 8).astype(np.uint8)


def current(stored: StoredRecord, side: Laterality | None = None) -> tuple[Shown, ...]:
    """The pictures of a record, or of one breast of it; mammograms in the order in which an exam is hung and read."""
    assert not isinstance(stored.record, TextDocument)
    images = stored.record.images
    found = [Shown(picture, images[picture.image]) for picture in stored.pictures]
    found.sort(key=_place)
    return tuple(s for s in found if side is None or getattr(s.image, "laterality", None) is side)


def _place(shown: Shown) -> int:
    """Place of a view on the wall; other pictures stay in the order of their dataset."""
    if not isinstance(shown.image, ListedView):
        return 0
    return HANGING.index((shown.image.laterality, shown.image.projection))


def with_prior(
    shown: Sequence[Shown], prior: StoredRecord | None, most_pictures: int
) -> tuple[tuple[Shown, ...], bool]:
    """Pictures, and after them the first prior picture of each of their views; and whether such were left out for want of room.

    Args:
        shown: the pictures.
        prior: the earlier record; None where there is none.
        most_pictures: that a conversation may have. Where both do not fit, no prior is shown.
    """
    both = (*shown, *_earlier(shown, prior))
    return (tuple(shown), True) if len(both) > max(most_pictures, len(shown)) else (both, False)


def _earlier(shown: Sequence[Shown], prior: StoredRecord | None) -> Iterator[Shown]:
    if prior is None or not isinstance(prior.record, MammoExam | ImageText):
        return
    names = list(dict.fromkeys(view_name(s.image) for s in shown))
    there = {view_name(s.image): s for s in reversed(current(prior))}
    for name in names:
        if name in there:
            yield Shown(there[name].picture, there[name].image, prior=True)


def listed(shown: Sequence[Shown]) -> str:
    """`right CC: <image>`, one line for each picture."""
    return "\n".join(f"{s.name}: {IMAGE_TOKEN}" for s in shown)


def check_prepared(dataset: PreparedDataset, canvas: Canvas | None) -> None:
    """InputError where the pictures of a dataset are not those that a model is shown.

    Args:
        dataset: of `mammoscribe data prepare`.
        canvas: of the reader whose encoder the model has; None for a model that is shown whole pictures (`--as plain`).
    """
    done = dataset.about["preparation"]
    if canvas is None and done["longest_px"] is None:
        raise InputError(
            f"{dataset.folder} was prepared as {done['name']}",
            "--as plain, the whole picture",
            "prepare the catalogue again",
        )
    if canvas is not None and (done["canvas_px"], done["um_per_px"]) != (list(canvas.size_px), canvas.um_per_px):
        high, wide = canvas.size_px
        name = next(
            (p.name for p in PREPARATIONS.values() if (p.canvas_px, p.um_per_px) == (canvas.size_px, canvas.um_per_px)),
            "",
        )
        raise InputError(
            f"{dataset.folder} was prepared as {done['name']}",
            f"the canvas of the reader {canvas.reader}, {high} x {wide} pixels of {canvas.um_per_px:g} um",
            f"prepare the catalogue again with --as {name}" if name else "",
        )  # fmt: skip
