"""The recipe of the reader: what is set when a lab trains on its own prepared exams."""

from collections.abc import Sequence
from pathlib import Path

from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.training.engine.run import Distribution, Execution, Optimiser, Precision, Run
from mammoscribe.training.engine.schedule import Schedule
from mammoscribe.training.reader.task import ReaderSettings
from mammoscribe.training.several import named

DRAWN_EXAMS, BREASTS = 3, 8
"""Items of one step: exams with boxes, and breasts of a dataset that is read breast by breast."""


def reader(data: Sequence[Path], init: Path | None = None) -> Run:
    """Train the reader on prepared datasets: by boxes, by labels of breasts, or by reports alone.

    Hardware and time: preset `small` on two cores takes about 1.5 s a step of three phantoms; 3,000 steps are 75
    minutes. Preset `base` (BioViL-T size) needs a GPU of 24 GB. Preset `debug` takes seconds and learns nothing of use.

    Expected: preset `lite` with ImageNet weights, 900 steps (58 minutes of one core) on 504 patients of CBIS-DDSM, RSNA and
    mini-MIAS: of the masses of patients left out, 0.73 (0.61 to 0.83) at half a false mark a view (`benchmarks/held_out.py`;
    settings in `notebook/LOG.md`, 2026-11-29). `starter` and `base` are not measured yet.

    Args:
        data: folders of `mammoscribe data prepare --as reader` (or `reader-base` for `base`), each with a `val` split.
        init: weights to start from.

    Raises:
        InputError: without data.
    """
    sizes = {name: _items(folder) for name, folder in named(data).items()}
    return Run(
        recipe="reader", task=ReaderSettings(), steps=3000, batch=sizes, data=tuple(data), init=init,
        schedule=Schedule(learning_rate=6e-4, warm_up=0.05, floor=0.01), precision=Precision.BF16,
        optimiser=Optimiser(weight_decay=0.02, clip_norm=5.0), distribution=Distribution(),
        execution=Execution(checkpoint_every=250, validate_every=500),
    )  # fmt: skip


def _items(folder: Path) -> int:
    return DRAWN_EXAMS if PreparedDataset(folder).supervision.boxed_kinds else BREASTS
