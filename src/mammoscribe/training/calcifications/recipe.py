"""The recipe of the calcification network."""

from collections.abc import Sequence
from pathlib import Path

from mammoscribe.training.calcifications.task import CalcificationSettings
from mammoscribe.training.engine.run import Execution, Optimiser, Precision, Run
from mammoscribe.training.engine.schedule import Schedule
from mammoscribe.training.several import named

PATCHES = 24
"""Patches of each dataset in one step."""


def calcifications(data: Sequence[Path], init: Path | None = None) -> Run:
    """Train the network that searches views for calcifications at 100 um, and fit it into a reader.

    It learns from boxes: a cell of 0.8 mm in a box is positive where the top-hat sees a speck in it; a cell outside the
    boxes is empty where the dataset boxes every calcification. Morphology decides whether a group is suspicious or
    typically benign; where it is not labelled, either is right. Views whose pixels are larger than 0.15 mm, or of unknown
    size, are left out, as in a reading. The rest of the reader is not changed. The run's `model/` is that reader with the
    new network, its operating points fixed again on the `val` splits.

    Hardware and time: not measured on a quiet machine; made for one core. Preset `debug` takes seconds and learns nothing
    of use.

    Expected: not measured yet.

    Args:
        data: folders of `mammoscribe data prepare --as calcifications`, each with a `val` split.
        init: the reader: a model folder, a run folder of `train reader`, or the name of one that ships; `starter` if left
            out. A network that it has is where training begins, unless `fresh` is set or `preset` is another.

    Raises:
        InputError: without data.
    """
    return Run(
        recipe="calcifications", task=CalcificationSettings(reader=init or Path("starter")), steps=2000,
        batch=dict.fromkeys(named(data), PATCHES), data=tuple(data),
        schedule=Schedule(learning_rate=2e-3, warm_up=0.1, floor=0.01), precision=Precision.BF16,
        optimiser=Optimiser(weight_decay=0.02, clip_norm=5.0), execution=Execution(checkpoint_every=200),
    )  # fmt: skip
