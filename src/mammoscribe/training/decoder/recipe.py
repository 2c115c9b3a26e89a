"""The recipe of the report decoder: what is set when it is trained on random fact tables."""

from collections.abc import Sequence
from pathlib import Path

from mammoscribe.support.errors import InputError
from mammoscribe.training.calibration.parts import model_to_extend
from mammoscribe.training.decoder.task import DecoderSettings
from mammoscribe.training.engine.run import Execution, Optimiser, Precision, Run
from mammoscribe.training.engine.schedule import Schedule


def decoder(data: Sequence[Path], init: Path | None = None) -> Run:
    """Train the report decoder of a model on random fact tables written up in every style; no images and no files.

    `model/` is the reader of --init (`starter` unless given) with this decoder; `read --writer decoder --model` uses it, through the gate.

    Hardware and time: two cores or one GPU; the time was not measured. `--set task.preset=debug` with a few steps takes
    seconds and learns nothing of use.

    Expected: not measured. Validation figures are facts F1, precision and recall of the claims before the gate, on tables
    that are never trained on.

    Args:
        data: must be empty.
        init: the reader that gets the decoder: a model folder, a run folder of `train reader`, or the name of one that ships;
            None is `starter`.

    Raises:
        InputError: with data, which nothing would use, or without such a reader.
    """
    if data:
        raise InputError("--data, which the decoder does not use", "no data: its tables are drawn")
    return Run(
        recipe="decoder", task=DecoderSettings(), steps=4500, batch={"tables": 8}, init=model_to_extend(init),
        schedule=Schedule(learning_rate=2e-3, warm_up=0.05, floor=0.02), precision=Precision.BF16,
        optimiser=Optimiser(weight_decay=0.02, betas=(0.9, 0.98), clip_norm=1.0),
        execution=Execution(checkpoint_every=500, validate_every=1500),
    )  # fmt: skip
