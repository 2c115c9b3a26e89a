"""The recipe of the crop refiner."""

from collections.abc import Sequence
from pathlib import Path

from mammoscribe.training.crop_refiner.task import CropRefinerSettings
from mammoscribe.training.engine.run import Execution, Optimiser, Precision, Run
from mammoscribe.training.engine.schedule import Schedule
from mammoscribe.training.several import named

CROPS = 64
"""Crops of each dataset in one step."""


def crop_refiner(data: Sequence[Path], init: Path | None = None) -> Run:
    """Train the crop refiner of a reader: it sees each mark of the first pass again at 200 um, with the prior of the place.

    It learns from true boxes and from what the reader's first pass proposes, at its true and at its false marks: kind or
    nothing, words, suspicion, change. What a dataset does not label teaches nothing. The reader itself is not changed. Its
    marks are worked out once for each exam, on the CPU, and kept in the run's folder. The run's `model/` is the reader with
    the new crop refiner, its operating points fixed again on the `val` splits.

    Hardware and time: not measured on a quiet machine; made for one core, where marks take about a second an exam once.
    Preset `debug` takes seconds and learns nothing of use.

    Expected: not measured yet.

    Args:
        data: folders of `mammoscribe data prepare --as crops` (or `calcifications`), each with a `val` split.
        init: the reader: a model folder, a run folder of `train reader`, or the name of one that ships; `starter` if left
            out. A crop refiner that it has is where training begins, unless `fresh` is set or `preset` is another.

    Raises:
        InputError: without data.
    """
    return Run(
        recipe="crop-refiner", task=CropRefinerSettings(reader=init or Path("starter")), steps=3000,
        batch=dict.fromkeys(named(data), CROPS), data=tuple(data),
        schedule=Schedule(learning_rate=5e-4, warm_up=0.05, floor=0.01), precision=Precision.BF16,
        optimiser=Optimiser(weight_decay=0.03, clip_norm=5.0), execution=Execution(checkpoint_every=250),
    )  # fmt: skip
