"""Updates of low rank (LoRA, Hu et al. 2021) beside the matrices of a language model, by `peft`; added up at the end."""

import importlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from mammoscribe.support.errors import InputError, InvalidNoun, MissingExtra, install_extra

TARGETS = r"model\.language_model\.layers\.\d+\.(self_attn|cross_attn|mlp)\.(q|k|v|o|gate|up|down)_proj"
"""Every matrix of attention and feed-forward layers of the language model, as LLaVA's own LoRA script has it."""
_DOWN, _UP, _BASE = ".lora_A.default.weight", ".lora_B.default.weight", ".base_layer."


@dataclass(frozen=True)
class Lora:
    """The updates of a run; the values are those of LLaVA's own script, which sets the learning rate to 2e-4.

    Args:
        rank: of each update.
        alpha: an update counts alpha / rank times.
        dropout: of what goes into an update.

    Raises:
        InvalidNoun: for values outside their range.
    """

    rank: int = 128
    alpha: float = 256.0
    dropout: float = 0.05

    def __post_init__(self) -> None:
        if self.rank < 1 or not 0 < self.alpha < math.inf or not 0 <= self.dropout < 1:
            found = f"rank {self.rank}, alpha {self.alpha}, dropout {self.dropout}"
            raise InvalidNoun(found, "1 or more; above 0; from 0 to below 1")

    @property
    def scale(self) -> float:
        """What an update counts."""
        return self.alpha / self.rank


def add_updates(network: Any, lora: Lora) -> None:
    """Put an update, 0 at first, beside each matrix of the language model; every parameter may still be trained.

    Raises:
        MissingExtra: without `peft`.
    """
    try:
        peft: Any = importlib.import_module("peft")
    except ImportError as error:
        raise MissingExtra("a model with updates of low rank (LoRA) needs peft", "", install_extra("chat")) from error
    config = peft.LoraConfig(
        r=lora.rank, lora_alpha=lora.alpha, lora_dropout=lora.dropout, target_modules=TARGETS, bias="none"
    )  # fmt: skip
    peft.inject_adapter_in_model(config, network)
    network.requires_grad_(True)  # peft has frozen all others; what stays as it is, is the task's to say


def held_lora(network: Any) -> Lora | None:
    """The updates that a network has, without their dropout; None where it has none."""
    found = next((m for m in network.modules() if hasattr(m, "lora_A")), None)
    if found is None:
        return None
    rank = int(found.r["default"])
    return Lora(rank, float(found.scaling["default"]) * rank, 0.0)


def put_updates(network: Any, lora: Lora) -> None:
    """Put updates into a network, or set the dropout of those that it began with.

    Raises:
        InputError: for a network with updates of another rank or alpha; nothing is thrown away.
        MissingExtra: without `peft`.
    """
    held = held_lora(network)
    if held is None:
        add_updates(network, lora)
        return
    if (held.rank, held.alpha) != (lora.rank, lora.alpha):
        raise InputError(
            f"updates of rank {lora.rank} and alpha {lora.alpha:g} for a model that has them of rank {held.rank} and alpha {held.alpha:g}",
            "the same", f"--set task.lora.rank={held.rank} --set task.lora.alpha={held.alpha:g}",
        )  # fmt: skip
    for module in network.modules():
        if hasattr(module, "lora_A"):
            module.lora_dropout["default"] = nn.Dropout(lora.dropout) if lora.dropout else nn.Identity()
    network.requires_grad_(True)


def with_updates(tensors: Mapping[str, Tensor], lora: Lora) -> dict[str, Tensor]:
    """Weights under the names that they had before updates were put beside them, the updates added to them.

    Args:
        tensors: of a network with updates.
        lora: of the updates.
    """
    merged: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if name.endswith((_DOWN, _UP)):
            continue
        plain = name.replace(_BASE, ".")
        stem = re.sub(r"\.base_layer\.weight$", "", name)
        if stem != name:
            up, down = tensors[f"{stem}{_UP}"], tensors[f"{stem}{_DOWN}"]
            tensor = tensor + (lora.scale * (up.float() @ down.float())).to(tensor.dtype)
        merged[plain] = tensor
    return merged
