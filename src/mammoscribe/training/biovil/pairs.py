"""Pairs of a picture and a text in prepared data: a study's pictures with its report, a view with the sentences about its breast."""

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from typing import overload

import numpy as np

from mammoscribe.data.prepared.dataset import PreparedDataset, StoredPicture, StoredRecord
from mammoscribe.data.records import ImageText, ListedImage, ListedView, MammoExam
from mammoscribe.reporting.breast_text import breast_text
from mammoscribe.support.errors import InputError
from mammoscribe.training.biovil.pixels import mode_of
from mammoscribe.training.biovil.texts import Stated, Written, stated, study_text

FROM_THE_FRONT = ("", "pa", "ap", "frontal", "ap_horizontal", "ap axial")
"""Words of the datasets for pictures from the front; a picture without a word may be one."""


@dataclass(frozen=True)
class Pair:
    """A picture, the earlier one of the same view or None, and the text about the picture."""

    picture: StoredPicture
    prior: StoredPicture | None
    text: Written | Stated


@dataclass(frozen=True)
class Choice:
    """Which pictures and words make pairs.

    Args:
        sections: of a report, in this order; a report that has none of them gives all its text. Composition is how dense a
            breast is; no report of a chest has it.
        frontal: whether pictures of a chest that are listed as lateral are left out.
        priors: whether earlier pictures are looked at.
    """

    sections: tuple[str, ...] = ("composition", "findings", "impression")
    frontal: bool = True
    priors: bool = True


class ImagePairs(Sequence[Pair]):
    """The pairs of a prepared split, by number; pictures are mapped from disk when their turn comes.

    A mammogram is a pair by itself, with the sentences about its breast (English only, unless one breast was imaged), or with
    our own words where all that it shows is labelled and it has no report.

    Args:
        dataset: prepared `--as joint` (chest) or `--as plain`.
        choice: which pictures and words.

    Attributes:
        mode: how pictures are shown, `published` or `whole`.
        with_prior: bool for each pair.

    Raises:
        InputError: when it was prepared for something else, or no picture has a text.
    """

    def __init__(self, dataset: PreparedDataset, choice: Choice) -> None:
        self.dataset, self.choice, self.mode = dataset, choice, mode_of(dataset)
        self._earlier = dataset if dataset.split is None else PreparedDataset(dataset.folder)
        found = [(number, *place) for number, stored in enumerate(dataset) for place in self._places(stored)]
        if not found:
            where = f"{dataset.folder}, {dataset.split} split" if dataset.split else str(dataset.folder)
            wanted = "pictures with reports (of mammograms in English), or with all findings boxed"
            raise InputError(f"{where} has no picture with a text", wanted)
        self._at = np.array([place[:2] for place in found])
        self.with_prior = np.array([place[2] for place in found])

    def _places(self, stored: StoredRecord) -> Iterator[tuple[int, bool]]:
        """(number of the picture, whether it has a prior) of each pair of a record."""
        before = self._prior_record(stored)
        for number in range(len(stored.pictures)):
            if self._text_of(stored, number) is not None:
                yield number, _before(stored, number, before) is not None

    def _prior_record(self, stored: StoredRecord) -> StoredRecord | None:
        prior_id = getattr(stored.record, "prior_id", None)
        place = self._earlier.position_of(prior_id) if prior_id and self.choice.priors else None
        return None if place is None else self._earlier[place]

    def _text_of(self, stored: StoredRecord, number: int) -> Written | Stated | None:
        record = stored.record
        if not isinstance(record, MammoExam | ImageText):
            return None
        image = record.images[stored.pictures[number].image]
        if isinstance(record, ImageText):
            seen = record.report is not None and (not self.choice.frontal or is_frontal(image))
            text = study_text(record.report, self.choice.sections) if seen and record.report is not None else ""
            return Written(text) if text else None
        assert isinstance(image, ListedView)
        if record.report is None:
            return stated(record, image, self.dataset.supervision)
        alone = len({view.laterality for view in record.images}) == 1
        if not alone and record.report.language != "en":
            return None
        text = breast_text(study_text(record.report, self.choice.sections), image.laterality, alone)
        return Written(text) if text else None

    def of(self, numbers: np.ndarray) -> "ImagePairs":
        """The pairs of these numbers."""
        some = copy(self)
        some._at, some.with_prior = self._at[numbers], self.with_prior[numbers]
        return some

    def __len__(self) -> int:
        return len(self._at)

    @overload
    def __getitem__(self, number: int) -> Pair: ...

    @overload
    def __getitem__(self, number: slice) -> list[Pair]: ...

    def __getitem__(self, number: int | slice) -> Pair | list[Pair]:
        if isinstance(number, slice):
            return [self[n] for n in range(*number.indices(len(self)))]
        record, picture = self._at[number].tolist()
        stored = self.dataset[record]
        text = self._text_of(stored, picture)
        assert text is not None
        return Pair(stored.pictures[picture], _before(stored, picture, self._prior_record(stored)), text)

    @property
    def sides(self) -> list[str]:
        """The side of each pair: `R` or `L` of a breast, "" of a picture of both sides."""
        found = []
        for record, picture in self._at.tolist():
            stored = self.dataset[record]
            assert isinstance(stored.record, MammoExam | ImageText)
            image = stored.record.images[stored.pictures[picture].image]
            found.append(str(image.laterality) if isinstance(image, ListedView) else "")
        return found

    def patient(self, number: int) -> str:
        """Whose pair this is."""
        return str(self.dataset[int(self._at[number, 0])].record.patient_id)

    def prior_text(self, number: int) -> Written | Stated | None:
        """The text that belongs to the earlier picture of a pair; None where there is no such picture, or it has no text."""
        record, picture = self._at[number].tolist()
        stored = self.dataset[record]
        prior = self._prior_record(stored)
        earlier = _before(stored, picture, prior)
        if prior is None or earlier is None:
            return None
        return self._text_of(prior, next(n for n, shown in enumerate(prior.pictures) if shown is earlier))


@dataclass(frozen=True)
class PairTexts:
    """The texts of pairs by number, from which a new vocabulary is learned."""

    pairs: ImagePairs
    seed: int

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, number: int) -> str:
        return self.pairs[number].text.words(np.random.default_rng((self.seed, number)))


def is_frontal(image: ListedImage | ListedView) -> bool:
    """Whether a picture of a chest is from the front, or may be."""
    return isinstance(image, ListedView) or image.view.strip().casefold() in FROM_THE_FRONT


def _before(stored: StoredRecord, number: int, prior: StoredRecord | None) -> StoredPicture | None:
    """The picture of the prior record that shows the same view; of a chest, any from the front where none is of that word."""
    if prior is None or not isinstance(prior.record, MammoExam | ImageText):
        return None
    assert isinstance(stored.record, MammoExam | ImageText)
    now = stored.record.images[stored.pictures[number].image]
    listed = [(picture, prior.record.images[picture.image]) for picture in prior.pictures]
    alike = [picture for picture, image in listed if _same_view(image, now)]
    if not alike and not isinstance(now, ListedView) and is_frontal(now):
        alike = [picture for picture, image in listed if is_frontal(image)]
    return alike[0] if alike else None


def _same_view(one: ListedImage | ListedView, other: ListedImage | ListedView) -> bool:
    if isinstance(one, ListedView) and isinstance(other, ListedView):
        return (one.laterality, one.projection) == (other.laterality, other.projection)
    if isinstance(one, ListedImage) and isinstance(other, ListedImage):
        return one.view.strip().casefold() == other.view.strip().casefold()
    return False
