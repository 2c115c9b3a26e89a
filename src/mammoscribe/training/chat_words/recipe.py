"""The recipe that teaches a new starter-chat words for what it sees."""

from collections.abc import Sequence
from pathlib import Path

from mammoscribe.models.chat.place import chat_folder_at, weights_or_config
from mammoscribe.support.errors import InputError
from mammoscribe.training.chat_words.task import WordSettings
from mammoscribe.training.engine.run import Execution, Optimiser, Precision, Run
from mammoscribe.training.engine.schedule import Schedule
from mammoscribe.training.several import named

VIEWS = 48
"""Views of each dataset in one step."""


def chat_words(data: Sequence[Path], init: Path | None = None) -> Run:
    """Teach the projector of a starter-chat words for what labels say of each part of a view, before it is asked questions.

    Every token of a view, as the language model takes it, is drawn to the words that fit its place, as the table of the
    language model holds them: mass, calcifications, distortion, asymmetry, tissue or air, and beside it how dense the tissue is,
    shape, margin and the other descriptors, benign or malignant. So a token that may be one or the other comes to lie
    between them. What has no box and may be anything teaches nothing. The language model itself is not run, so that
    thousands of views take minutes. `train chat` goes on from there.

    Hardware and time: two cores; 1,500 steps of three datasets, about 5 minutes once the views are encoded (0.2 s each).

    Expected: `docs/how_to/starter_chat.md`.

    Args:
        data: mammograms, prepared on the canvas of the reader of the model (`mammoscribe data prepare --as reader-lite`).
        init: what `mammoscribe chat begin` has written.

    Raises:
        InputError: without data, or without a model to begin with.
    """
    if init is None:
        raise InputError("no starter-chat to begin with", "--init DIR", "see `mammoscribe chat begin --help`")
    return Run(
        recipe="chat-words", task=WordSettings(), steps=1500, batch=dict.fromkeys(named(data), VIEWS), data=tuple(data),
        init=weights_or_config(chat_folder_at(init)), schedule=Schedule(1e-3, warm_up=0.1), precision=Precision.FP32,
        optimiser=Optimiser(weight_decay=0.05), execution=Execution(checkpoint_every=500, validate_every=500),
    )  # fmt: skip
