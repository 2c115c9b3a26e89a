"""Batches of pairs: pictures with and without an earlier one, their texts as tokens, and the same tokens with masks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mammoscribe.data.prepared.dataset import StoredPicture
from mammoscribe.imaging.joint_pixels import patches_shown
from mammoscribe.training.biovil.pairs import Pair
from mammoscribe.training.biovil.pixels import Canvas, Variation, canvas_of, draw, middle, varied
from mammoscribe.training.text.batches import MaskText
from mammoscribe.training.text.masking import IGNORED
from mammoscribe.training.text.pieces import Pieces, filled
from mammoscribe.training.text.texts import reordered


@dataclass(frozen=True)
class PictureItem:
    """A picture and the earlier one, if any: float32 [S, S] of 0 to 1, and bool [h, w] patches that show anything."""

    image: np.ndarray
    prior: np.ndarray | None
    shown: np.ndarray


@dataclass(frozen=True)
class PairItem(PictureItem):
    """One pair: also the [T] tokens of its text."""

    ids: np.ndarray
    masked: np.ndarray
    labels: np.ndarray
    key: int


@dataclass(frozen=True)
class PictureBatch:
    """N pictures of one dataset, M of them with an earlier picture.

    Args:
        images: [N, S, S], 0 to 1.
        previous: [M, S, S], the earlier pictures of the true rows of `has_prior`, in order.
        has_prior: [N] bool.
        shown: [N, P] bool, patches that show anything, row after row of the grid.
    """

    images: Tensor
    previous: Tensor
    has_prior: Tensor
    shown: Tensor


@dataclass(frozen=True)
class ImageTextBatch(PictureBatch):
    """N pairs of one dataset.

    Args:
        ids, mask: [N, T] tokens of the texts.
        words: [N, T] bool, tokens that are pieces of the text; all that are no padding where a text has none.
        masked, labels: [N, T], the same tokens with masks, and what was there; IGNORED where nothing is asked.
        keys: [N]; equal numbers are of equal texts.
        dataset: its name.
    """

    ids: Tensor
    mask: Tensor
    words: Tensor
    masked: Tensor
    labels: Tensor
    keys: Tensor
    dataset: str = ""


@dataclass(frozen=True)
class Show:
    """Makes the pictures of a pair what the image model is shown.

    Args:
        mode: how pictures are shown, `published` or `whole`.
        size_px: side of what the model is shown.
        variation: of picture and prior together; None shows the middle as it is.
    """

    mode: str
    size_px: int
    variation: Variation | None

    def __call__(self, pair: Pair, rng: np.random.Generator) -> tuple[Canvas, Canvas | None]:
        """The picture and its prior, varied alike."""
        drawn = None if self.variation is None else draw(self.variation, rng)

        def seen(picture: StoredPicture) -> Canvas:
            canvas = canvas_of(picture, self.mode, self.size_px)
            return middle(canvas, self.size_px) if drawn is None else varied(canvas, drawn, self.size_px)

        return seen(pair.picture), None if pair.prior is None else seen(pair.prior)


@dataclass(frozen=True)
class MakePair:
    """Makes a pair an item of a batch.

    Args:
        show: makes pictures what the model is shown.
        shuffled: whether the sentences of a text come in another order each time.
        pieces, mask: the tokeniser, and how tokens are masked.
    """

    show: Show
    shuffled: bool
    pieces: Pieces
    mask: MaskText

    def __call__(self, pair: Pair, rng: np.random.Generator) -> PairItem:
        """The item; everything that is drawn comes from the generator."""
        image, prior = self.show(pair, rng)
        text = pair.text.words(rng)
        ids = self.pieces.framed(self.pieces.ids(reordered(text, rng) if self.shuffled else text))
        masked = self.mask(ids, rng)
        return PairItem(
            image.pixels, None if prior is None else prior.pixels, patches_shown(image.shown), ids, masked.shown,
            masked.labels, pair.text.key,
        )  # fmt: skip


def stack_pictures(items: Sequence[PictureItem]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """`images`, `previous`, `has_prior` and `shown` of a batch, as in `PictureBatch`."""
    priors = [item.prior for item in items if item.prior is not None]
    images = torch.from_numpy(np.stack([item.image for item in items]))
    previous = torch.from_numpy(np.stack(priors)) if priors else images[:0]
    has_prior = torch.tensor([item.prior is not None for item in items])
    return images, previous, has_prior, torch.from_numpy(np.stack([item.shown for item in items])).flatten(1)


def collate_pairs(items: Sequence[PairItem], pieces: Pieces, dataset: str) -> ImageTextBatch:
    """Items as one batch."""
    ids, mask = pieces.padded([item.ids for item in items])
    words = torch.from_numpy(~pieces.special[ids.numpy()])
    words = torch.where(words.any(dim=1, keepdim=True), words, mask.bool())
    return ImageTextBatch(
        *stack_pictures(items), ids, mask, words,
        pieces.padded([item.masked for item in items])[0], filled([item.labels for item in items], IGNORED),
        torch.tensor([item.key for item in items]), dataset,
    )  # fmt: skip
