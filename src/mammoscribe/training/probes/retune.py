"""RE-tune as a task of the engine: adaptors on frozen embeddings, trained stage after stage without replay.

Source: Mistretta & Bagdanov, arXiv 2410.17827 (Adam at 1e-4, batch 6144, 10 epochs a task, seed 27). A stage starts a
new optimiser and keeps nothing of the stages before but the weights.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from mammoscribe.explain.load import load_space
from mammoscribe.models.biovil.adaptors import AdaptorConfig, AdaptorKind, PromptBank, RetuneAdaptors, Sides
from mammoscribe.support.errors import InputError, InvalidNoun
from mammoscribe.training.engine.run import Run
from mammoscribe.training.engine.seeding import derived
from mammoscribe.training.engine.sources import Stream
from mammoscribe.training.engine.task import Batches, Feed, Modules, Stages, Task
from mammoscribe.training.probes.feature_set import FeatureKind, FeatureSet
from mammoscribe.training.probes.inputs import presence_features
from mammoscribe.training.probes.losses import known_cross_entropy
from mammoscribe.training.probes.prompts import bank_for
from mammoscribe.training.probes.retune_result import RetuneExport
from mammoscribe.training.probes.scenarios import Scenario, Stage, stages_of

PARTS = 5
"""Parts of the data scenario unless another number is asked for."""
PICTURES, LOSS = "pictures", "classes"


@dataclass(frozen=True)
class RetuneSettings:
    """What a run does.

    Args:
        scenario: how classes and pictures arrive.
        model: name or folder of the joint space that embeds the prompts (and the pictures of prepared data).
        classes: which, in the order of learning; empty takes all.
        parts: of the data scenario; None gives 5.
        positives_only: class scenario only: a stage sees nothing but pictures with its class.
        test_on: the split that is measured.
        adaptor, sides: shape of the adaptors, and what they adapt.
        reset_below: after a stage, a weight that moved less than this share of the largest move in its tensor goes back
            to where it was; 0 keeps all moves.
        prompts: file of prompts by class (TOML); None takes those that ship.

    Raises:
        InvalidNoun: for `parts` or `positives_only` in a scenario that does not use them, or a value out of its range.
    """

    scenario: Scenario = Scenario.CLASS
    model: str = "starter"
    classes: tuple[str, ...] = ()
    parts: int | None = None
    positives_only: bool = False
    test_on: str = "test"
    adaptor: AdaptorKind = AdaptorKind.MLP
    sides: Sides = Sides.BOTH
    reset_below: float = 0.0
    prompts: Path | None = None

    def __post_init__(self) -> None:
        if self.parts is not None and (self.scenario is not Scenario.DATA or self.parts < 2):
            raise InvalidNoun(f"parts {self.parts} in the scenario {self.scenario}", "2 or more, in the scenario data")
        if self.positives_only and self.scenario is not Scenario.CLASS:
            raise InvalidNoun(f"positives_only, which the scenario {self.scenario} does not use", "the scenario class")
        if self.test_on not in ("test", "val"):
            raise InvalidNoun(f"test_on {self.test_on}", "test or val")
        if not 0 <= self.reset_below < 1:
            raise InvalidNoun(f"reset_below {self.reset_below}", "0 to below 1")

    @property
    def title(self) -> str:
        """The scenario in words."""
        return {
            Scenario.CLASS: "class-incremental, positives only" if self.positives_only else "class-incremental",
            Scenario.LABEL: "label-incremental",
            Scenario.DATA: f"data-incremental, {self.parts or PARTS} parts",
            Scenario.JOINT: "joint training",
        }[self.scenario]

    def build(self, run: Run) -> Task:
        """The task with fresh adaptors.

        Raises:
            InputError: when a split is empty, a stage has nothing to learn from, or features and prompts do not fit.
        """
        features = presence_features(run, self.model, FeatureKind.PROJECTED, self.classes)
        return retune_task(run, self, features, bank_for(features, load_space(self.model), self.prompts))


def retune_task(run: Run, settings: RetuneSettings, features: FeatureSet, bank: PromptBank) -> Task:
    """The task of features and prompts that are there already.

    Args:
        run: its seeds and steps.
        settings: scenario and shape of the adaptors.
        features: projected, with presence labels of the classes of `bank`.
        bank: prompts of those classes, in their order.
    """
    _check(run, features, bank)
    train, held_out = features.split("train"), features.split(settings.test_on)
    stages = stages_of(
        settings.scenario, train.labels, train.classes, run.seeds.data, settings.parts or PARTS, settings.positives_only
    )  # fmt: skip
    config = AdaptorConfig(settings.adaptor, settings.sides, features.features.shape[1])
    torch.manual_seed(derived("weights", run.seeds.weights))
    net = RetuneAdaptors(config)
    modules = {"adaptors": net, "kept": Kept(net, len(stages)), "prompts": PromptTensors(bank)}
    ends = ends_of([len(s.rows) for s in stages], run.steps)
    source = StagedSource(train.features, train.labels, stages, ends, run.accumulate, features.digest)
    return Task(
        modules, {PICTURES: source}, {LOSS: 1.0}, retune_loss, retune_counts, frozen=("kept", "prompts"),
        export=RetuneExport(settings, config, stages, held_out, bank, run.schedule.learning_rate, run.steps),
        stages=Stages(ends, partial(end_stage, reset_below=settings.reset_below)),
    )  # fmt: skip


def _check(run: Run, features: FeatureSet, bank: PromptBank) -> None:
    if run.init is not None:
        raise InputError("weights to start from, which RE-tune does not use", "", "leave out --init")
    if features.kind is not FeatureKind.PROJECTED:
        raise InputError(
            f"{features.kind} features", "features in the joint space", "make them with `mammoscribe features --kind projected`"
        )  # fmt: skip
    if features.classes != bank.classes:
        raise InputError(
            f"classes {', '.join(features.classes)} beside prompts for {', '.join(bank.classes)}", "the same"
        )
    if features.features.shape[1] != bank.prompts.shape[1]:
        raise InputError(
            f"features of {features.features.shape[1]} dimensions beside prompts of {bank.prompts.shape[1]}",
            "one joint space",
        )


class Kept(nn.Module):
    """The adaptors' weights at the start and after every stage, so that each can be measured at the end.

    Args:
        net: the adaptors.
        stages: number of them.
    """

    start: Tensor
    after: Tensor

    def __init__(self, net: RetuneAdaptors, stages: int) -> None:
        super().__init__()
        first = nn.utils.parameters_to_vector(net.parameters()).detach().clone()
        self.register_buffer("start", first)
        self.register_buffer("after", first.new_zeros(stages, len(first)))


class PromptTensors(nn.Module):
    """A prompt bank that moves to the device of the networks beside it; nothing of it is kept in a checkpoint."""

    prompts: Tensor
    owners: Tensor
    positive: Tensor

    def __init__(self, bank: PromptBank) -> None:
        super().__init__()
        self.classes = bank.classes
        for name in ("prompts", "owners", "positive"):
            self.register_buffer(name, getattr(bank, name), persistent=False)

    @property
    def bank(self) -> PromptBank:
        """The bank on this device."""
        return PromptBank(self.classes, self.prompts, self.owners, self.positive)


def retune_loss(modules: Modules, batches: Batches) -> dict[str, Tensor]:
    """Sum of the binary cross-entropy of every known label; the logit is the difference of the two cosines."""
    batch, prompts = batches[PICTURES], modules["prompts"]
    assert isinstance(prompts, PromptTensors)
    positive, negative = modules["adaptors"](batch["features"], prompts.bank)
    return {LOSS: known_cross_entropy(positive - negative, batch["labels"])}


def retune_counts(batches: Batches) -> Mapping[str, float]:
    """Number of known labels."""
    return {LOSS: float((~torch.isnan(batches[PICTURES]["labels"])).sum())}


def end_stage(modules: Modules, number: int, reset_below: float) -> None:
    """Put weights back that moved little, and keep those that the stage ended with."""
    net, kept = modules["adaptors"], modules["kept"]
    assert isinstance(kept, Kept)
    parameters = list(net.parameters())
    if reset_below:
        before = [torch.empty_like(p) for p in parameters]
        nn.utils.vector_to_parameters(kept.after[number - 1] if number else kept.start, before)
        for weight, old in zip(parameters, before, strict=True):
            move = (weight - old).abs()
            weight.copy_(torch.where(move < reset_below * move.max(), old, weight))
    kept.after[number].copy_(nn.utils.parameters_to_vector(parameters))


def ends_of(rows: Sequence[int], steps: int) -> tuple[int, ...]:
    """After which step each stage ends: the steps are divided in proportion to the stages' pictures, one at least.

    Raises:
        InputError: for fewer steps than stages.
    """
    if steps < len(rows):
        raise InputError(f"{steps} steps for {len(rows)} tasks", "at least one step a task", "set steps")
    spare = steps - len(rows)
    upto = np.cumsum(rows) / sum(rows)
    return tuple(round(float(share) * spare) + t + 1 for t, share in enumerate(upto))


@dataclass(frozen=True)
class StagedSource:
    """The pictures of one stage after the other, shuffled, each once before any comes again within a stage.

    Args:
        features: [N, J]. labels: [N, C], NaN = unknown.
        stages: rows and classes of each; labels of other classes are masked.
        ends: after which step each stage ends.
        accumulate: parts of a step.
        digest: of the data.
    """

    features: np.ndarray
    labels: np.ndarray
    stages: Sequence[Stage]
    ends: tuple[int, ...]
    accumulate: int
    digest: str = ""

    def batches(self, feed: Feed) -> Iterator[dict[str, Tensor]]:
        """Endless batches; see `engine.task.Source`. After the last stage its pictures go on."""
        streams = [Stream(len(s.rows), derived("stage", feed.seed, t)) for t, s in enumerate(self.stages)]
        position = feed.position
        while True:
            t = min(int(np.searchsorted(self.ends, position // self.accumulate, "right")), len(self.stages) - 1)
            begun = (self.ends[t - 1] if t else 0) * self.accumulate
            first = ((position - begun) * feed.world + feed.rank) * feed.size
            yield self._rows(self.stages[t], streams[t].take(first, feed.size))
            position += 1

    def _rows(self, stage: Stage, numbers: np.ndarray) -> dict[str, Tensor]:
        rows = stage.rows[numbers]
        labels = np.full((len(rows), self.labels.shape[1]), np.nan, np.float32)
        labels[:, stage.classes] = self.labels[rows][:, stage.classes]
        return {"features": torch.from_numpy(self.features[rows]), "labels": torch.from_numpy(labels)}
