"""Small runs of probes on feature sets whose answer is known, and what they leave."""

from dataclasses import dataclass

from mammoscribe.training.engine.run import Execution, Optimiser, OptimiserKind, Run, Seeds
from mammoscribe.training.engine.schedule import Schedule, Shape
from mammoscribe.training.engine.task import Task
from mammoscribe.training.probes.retune import RetuneSettings, retune_task
from tests.feature_sets import separable


@dataclass(frozen=True)
class Separable(RetuneSettings):
    """RE-tune on pictures and prompts that need no model."""

    def build(self, run: Run) -> Task:
        """The task on 600 training and 200 test pictures of three classes."""
        return retune_task(run, self, *separable())


def retune_run(settings: RetuneSettings, steps: int = 60, seed: int = 27, **changes: str) -> Run:
    """A quick run, with a rate that learns something in few steps."""
    run = Run(
        "retune", settings, steps, {"pictures": 64}, seeds=Seeds(seed, seed, seed),
        schedule=Schedule(2e-3, Shape.CONSTANT, 0.0), optimiser=Optimiser(OptimiserKind.ADAM, 0.0, clip_norm=None),
        execution=Execution(device="cpu", checkpoint_every=1000),
    )  # fmt: skip
    return run.with_set(changes)
