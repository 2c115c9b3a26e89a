"""The recipe of BioViL-T's joint stage: what is set when an image and a text model are trained on pairs."""

from collections.abc import Sequence
from pathlib import Path

from mammoscribe.support.errors import InputError
from mammoscribe.training.biovil.start import is_image_model, joint_weights_at
from mammoscribe.training.biovil.task import BiovilSettings
from mammoscribe.training.engine.run import Execution, Optimiser, Precision, Run
from mammoscribe.training.engine.schedule import Schedule
from mammoscribe.training.reader.task import named

PAIRS = 32
"""Pairs of one step, of each dataset."""


def biovil_t(data: Sequence[Path], init: Path | None = None) -> Run:
    """Train BioViL-T's joint stage: pictures with their reports, and with the earlier picture where there is one.

    Three losses: whole pictures against texts, tokens against patches, and masked tokens that look at the picture. --init
    is a folder of the published files, a run of this recipe, or a run of `train text-sections` (then the image model is
    new); without it both models are new, and so is the vocabulary. `task.text.preset` and `task.image.preset` are
    `starter`, `base` (as published) or `debug`. Negatives are the other pairs of the same dataset in the step, of all
    processes (`--set batch.NAME=128` for more); with `accumulate` above 1, those of the same part of the step. `model/`
    is in the layout of the published files, which `ground`, `match`, `search`, `compare` and `features` take with --model.

    The learning rate is 2e-5 where the image model is gone on with, and 5e-4 where it is new.

    Hardware and time: `starter` on two cores or one GPU, `base` on GPUs; a step of 32 pictures of `starter` took 5 to 6 s
    of a core and up to 10 GB of memory. `--set task.text.preset=debug`
    with a few steps takes seconds and learns nothing of use.

    Expected: 450 steps from a new image model on 800 drawn exams teach the side of a breast and no more
    (docs/how_to/biovil_t_from_nothing.md). Validation figures are retrieval of texts by pictures and of pictures by texts, beside chance.

    Args:
        data: folders of `mammoscribe data prepare --as joint` (chest) or `--as plain` (mammograms, or whole pictures), each
            with a `val` split.
        init: see above; also the weights file in one of these.

    Raises:
        InputError: without data, or without such a model.
    """
    if not data:
        raise InputError("no data to train on", "--data PREPARED, one or more", "see `mammoscribe data prepare --help`")
    weights = None if init is None else joint_weights_at(init)
    return Run(
        recipe="biovil-t", task=BiovilSettings(), steps=5000, batch=dict.fromkeys(named(data), PAIRS), data=tuple(data),
        init=weights,
        schedule=Schedule(2e-5 if weights is not None and is_image_model(weights) else 5e-4, warm_up=0.03), precision=Precision.BF16,
        optimiser=Optimiser(weight_decay=0.01), execution=Execution(checkpoint_every=250, validate_every=250),
    )  # fmt: skip
