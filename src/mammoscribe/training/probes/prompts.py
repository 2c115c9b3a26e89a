"""The prompts of a feature set's classes: from a file, or those that ship, embedded by the model of the features."""

from collections.abc import Sequence
from pathlib import Path

from mammoscribe.explain.zero_shot import mammography_prompts, published_prompts, read_prompts
from mammoscribe.models.biovil.adaptors import PromptBank, Prompts, embed_prompts
from mammoscribe.models.joint_space import JointSpace
from mammoscribe.support.errors import InputError
from mammoscribe.training.probes.feature_set import FeatureSet


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
