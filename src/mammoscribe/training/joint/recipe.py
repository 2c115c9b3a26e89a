"""The recipe of the joint space: what is set when a reader's text side is trained on prepared exams."""

from collections.abc import Sequence
from pathlib import Path

from mammoscribe.training.calibration.parts import model_to_extend
from mammoscribe.training.engine.run import Execution, Optimiser, Precision, Run
from mammoscribe.training.engine.schedule import Schedule
from mammoscribe.training.joint.task import JointSettings
from mammoscribe.training.several import named

VIEWS = 24
"""Views of one step, of each dataset."""


def joint_space(data: Sequence[Path], init: Path | None = None) -> Run:
    """Train the joint space of a reader: phrases against whole mammograms, against boxes, and against places.

    Phrases are written from what the datasets label: boxes with their kinds and descriptors, kinds of finding read from
    reports, densities. The reader of --init (`starter` unless given) stays as it is. `model/` is that reader with the new text side, which
    `ground`, `match` and `search` take with --model.

    Hardware and time: two cores or one GPU; the time was not measured. `--set task.preset=debug` with a few steps takes
    seconds and learns nothing of use.

    Expected: not measured. Validation figures are the pointing game and the retrieval of views by phrases.

    Args:
        data: folders of `mammoscribe data prepare --as reader` (or as the reader was trained), each with a `val` split.
        init: the reader: a model folder, a run folder of `train reader`, or the name of one that ships; None is `starter`.

    Raises:
        InputError: without data, or without such a reader.
    """
    return Run(
        recipe="joint-space", task=JointSettings(), steps=2000, batch=dict.fromkeys(named(data), VIEWS),
        data=tuple(data), init=model_to_extend(init), schedule=Schedule(learning_rate=2e-3, warm_up=0.05),
        precision=Precision.BF16, optimiser=Optimiser(weight_decay=0.02, clip_norm=5.0),
        execution=Execution(checkpoint_every=250, validate_every=250),
    )  # fmt: skip
