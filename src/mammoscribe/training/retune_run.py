"""One RE-tune run: from a feature set and prompts to result.json, heat_map.html and adaptors.safetensors."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from mammoscribe.data.labelled import LabelKind
from mammoscribe.evaluation.heat_map import page
from mammoscribe.evaluation.incremental import IncrementalResult, result_json
from mammoscribe.explain.zero_shot import mammography_prompts, published_prompts, read_prompts
from mammoscribe.models.biovil.adaptors import (
    AdaptorConfig,
    AdaptorKind,
    PromptBank,
    Prompts,
    RetuneAdaptors,
    Sides,
    embed_prompts,
    save_adaptors,
)
from mammoscribe.models.joint_space import JointSpace
from mammoscribe.support.errors import InputError
from mammoscribe.support.files import write_text
from mammoscribe.training.feature_cache import FeatureSet
from mammoscribe.training.retune import Report, RetuneSchedule, retune
from mammoscribe.training.scenarios import Scenario, tasks_of

PARTS = 5
"""Parts of the data scenario unless another number is asked for."""


@dataclass(frozen=True)
class RunSettings:
    """What a run does.

    Args:
        scenario: how classes and pictures arrive.
        parts: of the data scenario; None gives 5.
        positives_only: class scenario only: a task sees nothing but pictures with its class.
        test_on: the split that is measured.
        kind, sides: of the adaptors.
        schedule: of every task.

    Raises:
        InputError: for `parts` or `positives_only` in a scenario that does not use them, or training on what is measured.
    """

    scenario: Scenario
    parts: int | None = None
    positives_only: bool = False
    test_on: str = "test"
    kind: AdaptorKind = AdaptorKind.MLP
    sides: Sides = Sides.BOTH
    schedule: RetuneSchedule = field(default_factory=RetuneSchedule)

    def __post_init__(self) -> None:
        if self.parts is not None and self.scenario is not Scenario.DATA:
            raise InputError(f"parts, which scenario {self.scenario} does not use", "scenario data with them")
        if self.positives_only and self.scenario is not Scenario.CLASS:
            raise InputError(f"positives only, which scenario {self.scenario} does not know", "scenario class with it")
        if self.test_on == "train":
            raise InputError("measuring on train", "val or test")

    @property
    def title(self) -> str:
        """The scenario in words."""
        return {
            Scenario.CLASS: "class-incremental, positives only" if self.positives_only else "class-incremental",
            Scenario.LABEL: "label-incremental",
            Scenario.DATA: f"data-incremental, {self.parts or PARTS} parts",
            Scenario.JOINT: "joint training",
            Scenario.ZERO_SHOT: "zero-shot",
        }[self.scenario]


def prompts_for(classes: Sequence[str], path: Path | None = None) -> Prompts:
    """Prompts of every class.

    From `path` (TOML, as `explain/prompts.toml`) when given. Otherwise a class that is a mammographic finding gets the
    shipped prompts, any other one the four and four published ones with its name in lower case.

    Raises:
        InputError: when the file cannot be read or lacks a class.
    """
    sets = {s.name.lower(): s for s in (mammography_prompts() if path is None else read_prompts(path))}
    absent = [c for c in classes if c.lower() not in sets]
    if path is not None and absent:
        raise InputError(
            f"{path.name} has no prompts for {', '.join(absent)}", f"a table for each of {', '.join(classes)}"
        )
    for name in absent:
        sets[name.lower()] = published_prompts(name.replace("_", " ").lower())
    return {c: (sets[c.lower()].positive, sets[c.lower()].negative) for c in classes}


def bank_for(features: FeatureSet, space: JointSpace, path: Path | None = None) -> PromptBank:
    """The embedded prompts of a feature set's classes; a model other than the features' raises InputError."""
    if space.name != features.model:
        raise InputError(f"features of {features.model} beside the model {space.name}", "the model they were made with")
    return embed_prompts(space, prompts_for(features.classes, path))


def presence_classes(features: FeatureSet, classes: Sequence[str] | None = None) -> FeatureSet:
    """The feature set with its present-or-absent classes only, in the order they are to be learned."""
    return features.only(LabelKind.PRESENCE, classes)


def run(
    features: FeatureSet, bank: PromptBank, settings: RunSettings, report: Report = lambda *_: None,
    num_draws: int = 1000,
) -> tuple[RetuneAdaptors, IncrementalResult]:  # fmt: skip
    """Train on split `train`, measure on another; the classes are learned in their order in the set.

    Raises:
        InputError: when a split is empty, a task has nothing to learn from, or features and prompts do not fit.
    """
    train, held_out = features.split("train"), features.split(settings.test_on)
    tasks = tasks_of(
        settings.scenario, train.labels, train.classes, settings.schedule.seed, settings.parts or PARTS,
        settings.positives_only,
    )  # fmt: skip
    config = AdaptorConfig(settings.kind, settings.sides, features.features.shape[1])
    return retune(train, held_out, bank, tasks, config, settings.schedule, settings.title, report, num_draws=num_draws)


def write_run(
    folder: Path, net: RetuneAdaptors, result: IncrementalResult, settings: RunSettings, features: FeatureSet
) -> None:
    """Write result.json and heat_map.html, and adaptors.safetensors where something was trained."""
    schedule = asdict(settings.schedule)
    told = {
        "model": features.model, "preprocessing": features.mode, "features": features.made_from,
        "adaptor": settings.kind.value, "sides": settings.sides.value, "measured_on": settings.test_on,
        "schedule": schedule,
    }  # fmt: skip
    trained = len(result.steps) > 1
    lines = [f"Model {features.model}, pictures prepared as {features.mode}; measured on split {settings.test_on}."]
    if trained:
        lines.append(
            f"Adaptor {settings.kind}, sides {settings.sides}; Adam {schedule['learning_rate']:g}, batch "
            f"{schedule['batch']}, {schedule['epochs']} epochs a task, seed {schedule['seed']}."
        )
        save_adaptors(net, folder / "adaptors.safetensors", result.classes, features.model)
    else:
        (folder / "adaptors.safetensors").unlink(missing_ok=True)  # of an earlier run in this folder
    write_text(folder / "result.json", result_json(result, **told))
    write_text(folder / "heat_map.html", page(result, lines))
