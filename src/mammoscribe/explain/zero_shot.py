"""Zero-shot classification: how much closer a picture is to sentences that state a finding than to those that deny it."""

import hashlib
import json
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor

from mammoscribe.imaging.joint_pixels import JointPixels
from mammoscribe.models.joint_space import JointSpace
from mammoscribe.support.errors import InputError, InvalidNoun

PUBLISHED = "published"
_KEYS = {"classes", "positive", "negative"}


@dataclass(frozen=True)
class PromptSet:
    """Sentences that state a finding and sentences that deny it.

    Raises:
        InvalidNoun: without a name, without prompts on either side, or with an empty or doubled prompt.
    """

    name: str
    positive: tuple[str, ...]
    negative: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise InvalidNoun("a prompt set without a name")
        for side, prompts in (("positive", self.positive), ("negative", self.negative)):
            if not prompts:
                raise InvalidNoun(f"prompt set {self.name} has no {side} prompt", "one or more")
            if not all(p.strip() for p in prompts):
                raise InvalidNoun(f"prompt set {self.name} has an empty {side} prompt")
        if len({*self.positive, *self.negative}) < len(self.positive) + len(self.negative):
            raise InvalidNoun(f"prompt set {self.name} has a prompt twice", "every prompt once, on one side")

    @property
    def sha256(self) -> str:
        """Digest of the prompts of both sides; neither the name nor the order of a side's prompts matters."""
        sides = json.dumps([sorted(self.positive), sorted(self.negative)], ensure_ascii=True)
        return hashlib.sha256(sides.encode()).hexdigest()


@dataclass(frozen=True)
class ZeroShotScore:
    """Cosines of one picture with the two sides of a prompt set, -1..1 each."""

    name: str
    positive: float
    negative: float

    @property
    def difference(self) -> float:
        """Positive less negative: what pictures are ranked by, and what a margin is held against."""
        return self.positive - self.negative


@runtime_checkable
class ProjectsTexts(Protocol):
    """A space that also gives text embeddings before they are normalised."""

    def project_texts(self, texts: Sequence[str]) -> Tensor:
        """[N, J]."""
        ...


def prompt_sides(space: JointSpace, sets: Sequence[PromptSet]) -> Tensor:
    """[2 * S, J] of unit length: the positive and the negative side of every prompt set, one after the other."""
    return torch.stack([_direction(space, prompts) for s in sets for prompts in (s.positive, s.negative)])


def classify(
    space: JointSpace, images: Sequence[JointPixels], sets: Sequence[PromptSet], sides: Tensor | None = None
) -> list[list[ZeroShotScore]]:
    """Scores of every picture for every prompt set, by the published protocol (`hi-ml-multimodal` 0.2.2).

    A side is the mean of its prompts' embeddings before normalisation where the space gives those (`project_texts`), else
    the mean of normalised ones; then it is normalised. There is no temperature. `sides` are the sets' `prompt_sides` where
    they are at hand, so that prompts are embedded once for many pictures.
    """
    sides = prompt_sides(space, sets) if sides is None else sides
    with torch.no_grad():
        return scores_of(space.embed_images(images).whole, sets, sides)


def scores_of(whole: Tensor, sets: Sequence[PromptSet], sides: Tensor) -> list[list[ZeroShotScore]]:
    """The same for pictures that are embedded already: `whole` [N, J], of any length; `sides` from `prompt_sides`."""
    unit = F.normalize(whole.float(), dim=1)
    cosines = (unit @ sides.to(unit.device).T).reshape(len(unit), len(sets), 2).tolist()
    return [[ZeroShotScore(s.name, *pair) for s, pair in zip(sets, row, strict=True)] for row in cosines]


def _direction(space: JointSpace, prompts: Sequence[str]) -> Tensor:
    with torch.no_grad():
        raw = space.project_texts(prompts) if isinstance(space, ProjectsTexts) else space.embed_texts(prompts)
        return F.normalize(raw.float().mean(dim=0), dim=0)


def published_prompts(name: str) -> PromptSet:
    """The four and four published prompts (pneumonia in the reference) with another class name."""
    table = _tables(_shipped(), "prompts.toml")[PUBLISHED]
    return _named(PUBLISHED, {**table, "classes": [name]})[0]


def mammography_prompts() -> tuple[PromptSet, ...]:
    """The shipped sets by finding type."""
    tables = _tables(_shipped(), "prompts.toml")
    return tuple(s for key, table in tables.items() if key != PUBLISHED for s in _named(key, table))


def read_prompts(path: Path) -> tuple[PromptSet, ...]:
    """All prompt sets of a TOML file in the shipped format.

    Raises:
        InputError: when the file is not there, not TOML, or a table is not a prompt set.
    """
    if not path.is_file():
        raise InputError(f"no file of prompts at {path}", "TOML with tables of positive and negative prompts")
    try:
        tables = _tables(path.read_text(encoding="utf-8-sig"), path.name)
        sets = tuple(s for key, table in tables.items() for s in _named(key, table))
    except UnicodeDecodeError as error:
        raise InputError(f"{path.name} is not text in UTF-8 ({error.reason})") from error
    except InvalidNoun as error:
        raise InputError(f"{path.name}: {error.found}", error.expected) from error
    names = [s.name for s in sets]
    if len(set(names)) < len(names):
        twice = next(n for n in names if names.count(n) > 1)
        raise InputError(f"{path.name} has two prompt sets called {twice}", "one of each name")
    return sets


def _shipped() -> str:
    return files("mammoscribe.explain").joinpath("prompts.toml").read_text(encoding="utf-8")


def _tables(text: str, file: str) -> dict[str, dict[str, Any]]:
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{file} is not TOML ({error})") from error
    if not found:
        raise InputError(f"{file} holds no prompt set", "tables such as [mass] with positive and negative prompts")
    for key, table in found.items():
        if not isinstance(table, dict):
            raise InputError(f"{file}: {key} stands outside of a table", f"it inside of one, such as [{PUBLISHED}]")
        if unknown := sorted(set(table) - _KEYS):
            raise InputError(f"{file}: [{key}] holds {unknown[0]!r}", f"some of {', '.join(sorted(_KEYS))}")
        for name in _KEYS & set(table):
            if not isinstance(table[name], list) or not all(isinstance(v, str) for v in table[name]):
                raise InputError(f"{file}: {name} of [{key}] is no list of texts", '["one", "two"]')
    return found


def _named(key: str, table: dict[str, Any]) -> list[PromptSet]:
    """One prompt set, or one for each class, with `{name}` replaced."""
    positive, negative = table.get("positive", []), table.get("negative", [])
    templated = [p for p in (*positive, *negative) if "{name}" in p]
    if "classes" not in table:
        if templated:
            raise InvalidNoun(f"[{key}] has {{name}} in a prompt and no classes", 'classes = ["pneumonia"]')
        return [PromptSet(key, tuple(positive), tuple(negative))]
    if not table["classes"] or len(templated) < len(positive) + len(negative):
        raise InvalidNoun(f"[{key}] has classes", "at least one, and {name} in every prompt")
    return [
        PromptSet(c, *(tuple(p.replace("{name}", c) for p in side) for side in (positive, negative)))
        for c in table["classes"]
    ]
