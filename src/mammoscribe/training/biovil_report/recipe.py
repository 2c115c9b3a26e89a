"""The recipe of the report decoder: what is set when reports are learned from pictures, earlier pictures and earlier reports."""

from collections.abc import Sequence
from pathlib import Path

from mammoscribe.support.errors import InputError
from mammoscribe.training.biovil.start import image_weights_at
from mammoscribe.training.biovil_report.task import ReportSettings
from mammoscribe.training.engine.run import Execution, Optimiser, Precision, Run
from mammoscribe.training.engine.schedule import Schedule
from mammoscribe.training.several import named

PICTURES = 32
"""Pictures of one step, of each dataset."""


def biovil_t_report(data: Sequence[Path], init: Path | None = None) -> Run:
    """Train a decoder that writes the report of a picture, from the patches of an image model of BioViL-T's family.

    The image model compares the picture with the earlier one where there is one, and the earlier report stands before the
    report; some exams are shown without either (`prior_dropout`). --init is a run of `train biovil-t`, or a folder of the
    published files: the decoder begins with the text model there. A run of this recipe is gone on with. The image model
    stays as it is unless `train_image=true`. What `model/` holds writes reports of chest pictures (`draft`) and claims about
    mammograms, which have to pass the gate (`read --writer biovil-t --writer-model`).

    Hardware and time: `starter` on two cores or one GPU, `base` on GPUs; no time was measured. A `debug` model with a few
    steps takes seconds and learns nothing of use.

    Expected: not measured. Validation figures are the perplexity and accuracy of the next token, not of written reports.

    Args:
        data: folders of `mammoscribe data prepare --as joint` (chest) or `--as plain` (mammograms, or whole pictures), all
            of one kind, each with a `val` split.
        init: see above; also the image weights in one of these.

    Raises:
        InputError: without data, or without an image model of this family.
    """
    if not data:
        raise InputError("no data to train on", "--data PREPARED, one or more", "see `mammoscribe data prepare --help`")
    if init is None:
        raise InputError("no image model to write from", "--init RUN_OR_FOLDER", "see `mammoscribe train biovil-t`")
    return Run(
        recipe="biovil-t-report", task=ReportSettings(), steps=5000, batch=dict.fromkeys(named(data), PICTURES),
        data=tuple(data), init=image_weights_at(init), schedule=Schedule(1e-4, warm_up=0.03), precision=Precision.BF16,
        optimiser=Optimiser(weight_decay=0.01), execution=Execution(checkpoint_every=250, validate_every=250),
    )  # fmt: skip
