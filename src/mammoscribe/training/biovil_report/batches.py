"""Batches of pictures with the reports that are to be written, behind the earlier report where there is one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from mammoscribe.imaging.joint_pixels import patches_shown
from mammoscribe.models.biovil.report_frames import IGNORED, Framed, ReportFrames
from mammoscribe.support.errors import InvalidNoun
from mammoscribe.training.biovil.batches import PictureBatch, PictureItem, Show, stack_pictures
from mammoscribe.training.biovil.pairs import ImagePairs, Pair
from mammoscribe.training.biovil.texts import Stated, Written
from mammoscribe.training.text.pieces import filled


@dataclass(frozen=True)
class PairWithPriorText:
    """A pair, and the text of its earlier picture or None."""

    pair: Pair
    prior_text: Written | Stated | None


@dataclass(frozen=True)
class PairsWithPriorTexts:
    """The pairs of a prepared split by number, each with the text of its earlier picture."""

    pairs: ImagePairs

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, number: int) -> PairWithPriorText:
        return PairWithPriorText(self.pairs[number], self.pairs.prior_text(number))


@dataclass(frozen=True)
class PriorDropout:
    """How often an exam is shown without what came before it, so that the model also writes about first exams.

    Args:
        both: share of exams with a prior that lose its picture and its report.
        report: share of the others that lose its report alone.

    Raises:
        InvalidNoun: for shares outside 0 to 1.
    """

    both: float = 0.25
    report: float = 0.25

    def __post_init__(self) -> None:
        if not (0 <= self.both <= 1 and 0 <= self.report <= 1):
            raise InvalidNoun(f"prior dropout of {self.both} and {self.report}", "shares from 0 to 1")

    def __call__(self, given: PairWithPriorText, rng: np.random.Generator) -> PairWithPriorText:
        """The exam as it is shown this time; as many numbers are drawn for an exam without a prior."""
        both, report = rng.random(2)
        if both < self.both:
            return PairWithPriorText(Pair(given.pair.picture, None, given.pair.text), None)
        return PairWithPriorText(given.pair, None) if report < self.report else given


@dataclass(frozen=True)
class ReportItem(PictureItem):
    """A picture and its report as tokens."""

    framed: Framed


@dataclass(frozen=True)
class ReportBatch(PictureBatch):
    """N pictures of one dataset with their reports.

    Args:
        ids, mask: [N, T] tokens of prior report and report, and 1 where they are no padding.
        kinds: [N, T], 1 at the prior report and what frames it.
        labels: [N, T], the token after each; IGNORED where it belongs to no report.
        dataset: its name.
    """

    ids: Tensor
    mask: Tensor
    kinds: Tensor
    labels: Tensor
    dataset: str = ""


@dataclass(frozen=True)
class MakeReport:
    """Makes a pair an item of a batch.

    Args:
        show: makes pictures what the image model is shown.
        frames: makes reports tokens.
        dropout: takes away what came before; None leaves it.
    """

    show: Show
    frames: ReportFrames
    dropout: PriorDropout | None

    def __call__(self, given: PairWithPriorText, rng: np.random.Generator) -> ReportItem:
        """The item; everything that is drawn comes from the generator."""
        given = given if self.dropout is None else self.dropout(given, rng)
        image, prior = self.show(given.pair, rng)
        report = given.pair.text.words(rng)
        before = None if given.prior_text is None else given.prior_text.words(rng)
        framed = self.frames.framed(report, before)
        return ReportItem(image.pixels, None if prior is None else prior.pixels, patches_shown(image.shown), framed)


def collate_reports(items: Sequence[ReportItem], frames: ReportFrames, dataset: str) -> ReportBatch:
    """Items as one batch, padded to the longest."""
    framed = [item.framed for item in items]
    return ReportBatch(
        *stack_pictures(items), filled([f.ids for f in framed], frames.tokenizer.pad_token_id),
        filled([np.ones_like(f.ids) for f in framed], 0), filled([f.kinds for f in framed], 0),
        filled([f.labels for f in framed], IGNORED), dataset,
    )  # fmt: skip
