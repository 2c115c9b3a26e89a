"""The recipes of probes on frozen or trained image towers: RE-tune, temporal heads, linear and full probes."""

from collections.abc import Sequence
from pathlib import Path

from mammoscribe.training.engine.run import Execution, Optimiser, OptimiserKind, Run, Seeds
from mammoscribe.training.engine.schedule import Schedule, Shape
from mammoscribe.training.probes.inputs import num_rows
from mammoscribe.training.probes.probe import ITEMS, ProbeSettings
from mammoscribe.training.probes.retune import PICTURES, RetuneSettings
from mammoscribe.training.probes.temporal import PAIRS, TemporalSettings

PUBLISHED_BATCH, PASSES, STEPS_A_PASS = 6144, 10, 31
"""RE-tune as published: a pass over 191,000 pictures is 31 batches."""
SEED = 27


def retune(data: Sequence[Path], init: Path | None = None) -> Run:
    """Teach a frozen image-text model new classes one after the other (RE-tune), and measure what it forgets.

    Two adaptors are trained on embeddings that are computed once. `task.scenario` says how classes arrive: class, label,
    data or joint. The run writes result.json, heat_map.html and adaptors.safetensors into its `model` folder; the first row
    of the result is the model without training. The steps of all tasks together are ten passes of 31 batches, as published;
    they are divided in proportion to the tasks' pictures.

    Hardware and time: a CPU; 310 steps on 30,000 embeddings of 128 dimensions take seconds. Embedding the pictures before
    takes as long as the model needs for each.

    Expected: on the synthetic set of `python benchmarks/retune.py`, joint training is 0.2 or more of AUROC above the
    prompts alone. Not measured on chest radiographs.

    Args:
        data: one file of `mammoscribe features --kind projected`, or folders of `mammoscribe data prepare`; `task.model` is
            the model that made the features, or is to make them.
        init: not used; RE-tune begins with fresh adaptors.
    """
    size = min(PUBLISHED_BATCH, max(16, num_rows(data, "train") // STEPS_A_PASS))
    return Run(
        recipe="retune", task=RetuneSettings(), steps=PASSES * STEPS_A_PASS, batch={PICTURES: size}, data=tuple(data),
        init=init, schedule=Schedule(1e-4, Shape.CONSTANT, warm_up=0.0), seeds=Seeds(SEED, SEED, SEED),
        optimiser=Optimiser(OptimiserKind.ADAM, weight_decay=0.0, clip_norm=None),
        execution=Execution(checkpoint_every=100),
    )  # fmt: skip


def temporal(data: Sequence[Path], init: Path | None = None) -> Run:
    """Fit one linear head per finding that says improving, stable or worsening, and measure it patient by patient.

    Every pair is answered by a head that saw no pair of its patient; with `task.test_on` by the head fitted on train, as
    published. The loss is convex and every step sees all pairs, so that nothing is selected. The run writes temporal.json,
    heads.safetensors and summary.md into its `model` folder.

    Hardware and time: a CPU; not measured. A step sees all pairs at once: 1,000 pairs of 512 features take megabytes.

    Expected: not measured on MS-CXR-T, which needs a signature.

    Args:
        data: one file of `mammoscribe features --kind pooled` made of pairs, or folders of `mammoscribe data prepare` whose
            regions say how they changed, with `task.model`.
        init: not used.
    """
    return Run(
        recipe="temporal", task=TemporalSettings(), steps=300, batch={PAIRS: num_rows(data)}, data=tuple(data), init=init,
        schedule=Schedule(0.1, Shape.COSINE, warm_up=0.0),
        optimiser=Optimiser(OptimiserKind.ADAM, weight_decay=0.0, clip_norm=None),
        execution=Execution(checkpoint_every=100, log_every=10, diverged_at=1e6),
    )  # fmt: skip


def probe(data: Sequence[Path], init: Path | None = None) -> Run:
    """Probe an image tower: a linear head on its frozen features, or head and tower together, on a share of the labels.

    What a label means is taken from the card of its dataset. `task.percent` 1, 10 or 100 chooses training patients by a
    hash of their id, so that the smaller share is a part of the larger. The weights with the best mean AUROC on `val` are
    kept and measured on `test`: results.json, summary.md and probe.safetensors in the run's `model` folder.

    Hardware and time: linear on a CPU in seconds once the pictures are embedded, which is done once for each dataset and
    tower. Full training of BioViL-T needs a GPU of 16 GB; not measured. `task.model=debug` takes seconds and learns nothing
    of use.

    Expected: not measured on real data.

    Args:
        data: one file of `mammoscribe features`, or folders of `mammoscribe data prepare` with `task.model`, each with a
            `val` split.
        init: weights to start from: a run of this recipe.
    """
    size = min(32, max(1, num_rows(data, "train")))
    return Run(
        recipe="probe", task=ProbeSettings(), steps=500, batch={ITEMS: size}, data=tuple(data), init=init,
        schedule=Schedule(3e-3, Shape.COSINE, warm_up=0.05), optimiser=Optimiser(weight_decay=0.01),
        execution=Execution(checkpoint_every=250, validate_every=50),
    )  # fmt: skip
