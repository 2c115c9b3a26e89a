"""RE-tune adaptors: small networks on frozen image and text embeddings, and the class score between them.

Source: Mistretta & Bagdanov, arXiv 2410.17827. The backbones stay frozen; one adaptor per modality is trained on
their cached embeddings. A class is a set of positive and a set of negative prompts.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from mammoscribe.models.joint_space import JointSpace
from mammoscribe.support.errors import InputError, InvalidNoun
from mammoscribe.support.files import write_bytes


class AdaptorKind(StrEnum):
    """Shape of an adaptor: J -> 2J -> J with ReLU and no residual, or one linear layer."""

    MLP = "mlp"
    LINEAR = "linear"


class Sides(StrEnum):
    """What is adapted: image and text by one adaptor each, both by the same one, or only one of the two."""

    BOTH = "both"
    SHARED = "shared"
    IMAGE = "image"
    TEXT = "text"


@dataclass(frozen=True)
class AdaptorConfig:
    """Shape of the adaptors; the defaults are the published ones (65,920 parameters each)."""

    kind: AdaptorKind = AdaptorKind.MLP
    sides: Sides = Sides.BOTH
    dim: int = 128


@dataclass(frozen=True)
class PromptBank:
    """Embedded prompts of C classes.

    Args:
        classes: names, in order.
        prompts: [M, J], all prompts of all classes.
        owners: int64 [M], class of each prompt.
        positive: bool [M], whether the prompt says that the class is there.

    Raises:
        InvalidNoun: when a class lacks a positive or a negative prompt, or the parts do not fit.
    """

    classes: tuple[str, ...]
    prompts: Tensor
    owners: Tensor
    positive: Tensor

    def __post_init__(self) -> None:
        m = len(self.prompts)
        if self.prompts.ndim != 2 or self.owners.shape != (m,) or self.positive.shape != (m,):
            raise InvalidNoun(f"prompts {tuple(self.prompts.shape)} beside {len(self.owners)} owners")
        if not torch.isfinite(self.prompts).all():
            raise InvalidNoun("prompt embeddings that are not finite numbers")
        for index, name in enumerate(self.classes):
            own = self.positive[self.owners == index]
            if not own.any() or own.all():
                raise InvalidNoun(f"class {name} has {int(own.sum())} positive of {len(own)} prompts", "both sorts")

    def only(self, classes: Sequence[str]) -> "PromptBank":
        """The prompts of some classes, in their order; a class without prompts raises InputError."""
        absent = [c for c in classes if c not in self.classes]
        if absent:
            raise InputError(f"no prompts for {', '.join(absent)}", f"prompts for {', '.join(classes)}")
        picked = [torch.nonzero(self.owners == self.classes.index(c)).squeeze(1) for c in classes]
        rows = torch.cat(picked)
        owners = torch.repeat_interleave(torch.arange(len(picked)), torch.tensor([len(p) for p in picked]))
        return PromptBank(tuple(classes), self.prompts[rows], owners, self.positive[rows])


Prompts = Mapping[str, tuple[Sequence[str], Sequence[str]]]
"""Class name -> (positive prompts, negative prompts)."""


def embed_prompts(space: JointSpace, prompts: Prompts) -> PromptBank:
    """Embed the prompts of every class; a class without positive or negative prompts raises InvalidNoun.

    The authors feed raw text embeddings; a model that gives only those of length 1 (`JointSpace.embed_texts`) is used
    with them.
    """
    project = getattr(space, "project_texts", space.embed_texts)
    texts = [
        (c, text, good)
        for c, pair in prompts.items()
        for good, side in zip((True, False), pair, strict=True)
        for text in side
    ]
    classes = tuple(prompts)
    with torch.inference_mode():
        embedded = project([text for _, text, _ in texts]).float().cpu()
    owners = torch.tensor([classes.index(c) for c, _, _ in texts], dtype=torch.int64)
    return PromptBank(classes, embedded.clone(), owners, torch.tensor([good for _, _, good in texts], dtype=torch.bool))


def adaptor(config: AdaptorConfig) -> nn.Module:
    """One adaptor, [..., J] -> [..., J]."""
    if config.kind is AdaptorKind.LINEAR:
        return nn.Linear(config.dim, config.dim)
    return nn.Sequential(nn.Linear(config.dim, 2 * config.dim), nn.ReLU(), nn.Linear(2 * config.dim, config.dim))


class RetuneAdaptors(nn.Module):
    """The adaptors of a joint space; without a config both sides pass through (zero-shot)."""

    def __init__(self, config: AdaptorConfig | None = None) -> None:
        super().__init__()
        self.config = config
        self.image: nn.Module = nn.Identity()
        self.text: nn.Module = nn.Identity()
        if config is None:
            return
        if config.sides is not Sides.TEXT:
            self.image = adaptor(config)
        if config.sides is not Sides.IMAGE:
            self.text = self.image if config.sides is Sides.SHARED else adaptor(config)

    def forward(self, features: Tensor, bank: PromptBank) -> tuple[Tensor, Tensor]:
        """Cosines of pictures with the classes' positive and negative prototypes.

        Args:
            features: [N, J], projected pictures, not normalised.
            bank: prompts of C classes; a prototype is the mean of its adapted prompts.

        Returns:
            cos(z, p_c) and cos(z, n_c), [N, C] each; the logit of class c is their difference, without temperature.
        """
        slots = bank.owners + len(bank.classes) * (~bank.positive).long()
        adapted = self.text(bank.prompts)
        sums = adapted.new_zeros(2 * len(bank.classes), adapted.shape[1]).index_add(0, slots, adapted)
        counts = torch.bincount(slots, minlength=len(sums)).to(sums.dtype)
        prototypes = F.normalize(sums / counts[:, None], dim=1)
        cosines = F.normalize(self.image(features), dim=1) @ prototypes.T
        return cosines[:, : len(bank.classes)], cosines[:, len(bank.classes) :]


def save_adaptors(net: RetuneAdaptors, path: Path, classes: Sequence[str], space: str) -> Path:
    """Write trained adaptors in full precision, with their shape, classes and the model they belong to.

    Args:
        net: the adaptors.
        path: of the safetensors file.
        classes: that they were trained on.
        space: name of the model whose embeddings they adapt.

    Raises:
        InputError: for adaptors without parameters.
    """
    if net.config is None:
        raise InputError("adaptors without parameters", "trained ones")
    # A shared adaptor is one module under two names; safetensors stores each tensor once.
    own = {k: v for k, v in net.state_dict().items() if net.config.sides is not Sides.SHARED or k.startswith("image.")}
    shape = {"kind": net.config.kind, "sides": net.config.sides, "dim": net.config.dim}
    metadata = {"adaptors": json.dumps(shape), "classes": json.dumps(list(classes)), "model": space}
    return write_bytes(path, save({k: v.detach().cpu().contiguous() for k, v in own.items()}, metadata))


def load_adaptors(path: Path) -> tuple[RetuneAdaptors, tuple[str, ...], str]:
    """(adaptors, classes, name of the model) of a file that `save_adaptors` wrote; strict."""
    if not path.is_file():
        raise InputError(f"no adaptors at {path}", "adaptors.safetensors of a run of `mammoscribe train retune`")
    try:
        with safe_open(path, framework="pt") as stored:
            metadata = stored.metadata() or {}
            state = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 - not a dict
        shape = json.loads(metadata["adaptors"])
        net = RetuneAdaptors(AdaptorConfig(AdaptorKind(shape["kind"]), Sides(shape["sides"]), int(shape["dim"])))
        if net.config is not None and net.config.sides is Sides.SHARED:
            state |= {k.replace("image.", "text.", 1): v for k, v in state.items()}
        net.load_state_dict(state, strict=True)
        return net.eval(), tuple(json.loads(metadata["classes"])), metadata["model"]
    except (SafetensorError, KeyError, ValueError, TypeError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path} holds no RE-tune adaptors ({reason})") from error
