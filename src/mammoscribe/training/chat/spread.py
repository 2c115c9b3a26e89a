"""Views by whose tokens a new starter-chat standardises the tokens of all."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.data.records import TextDocument
from mammoscribe.support.errors import InputError
from mammoscribe.training.chat.shown import current
from mammoscribe.training.text.texts import evenly

MOST_EXAMS = 32
"""Of each dataset."""


def usual_views(data: Sequence[Path]) -> Iterator[np.ndarray]:
    """uint8 [H, W]: the views of a few training exams of each prepared dataset.

    Args:
        data: folders of `mammoscribe data prepare`.

    Raises:
        InputError: for one without pictures to train on.
    """
    for folder in data:
        dataset = PreparedDataset(folder, "train")
        records = (dataset[number] for number in evenly(len(dataset), MOST_EXAMS))
        found = [
            s.pixels() for stored in records if not isinstance(stored.record, TextDocument) for s in current(stored)
        ]
        if not found:
            raise InputError(f"{folder} has no picture to train on", "prepared exams with pictures")
        yield from found
