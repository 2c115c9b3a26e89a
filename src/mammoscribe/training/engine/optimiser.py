"""The optimiser of a run: parameter groups by decay and learning rate, as the task asks for."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from mammoscribe.training.engine.run import Optimiser, OptimiserKind
from mammoscribe.training.engine.step import NETWORKS, Networks
from mammoscribe.training.engine.task import Task


def make_optimiser(
    networks: Networks, task: Task, settings: Optimiser, rate: float, fused: bool
) -> torch.optim.Optimizer:
    """An optimiser over every parameter that is trained.

    Args:
        networks: the task's modules, not yet spread over processes.
        task: decides what decays and which learning rates differ.
        settings: kind and values.
        rate: first learning rate; each step sets its own.
        fused: one kernel for all parameters, on CUDA.
    """
    groups = _groups(networks, task, settings.weight_decay)
    beta1, beta2 = settings.betas
    extra: dict[str, Any] = {"fused": True} if fused else {}
    if settings.kind is OptimiserKind.SGD:
        return torch.optim.SGD(groups, lr=rate, momentum=settings.momentum, **extra)
    make = torch.optim.AdamW if settings.kind is OptimiserKind.ADAMW else torch.optim.Adam
    return make(groups, lr=rate, betas=(beta1, beta2), eps=settings.eps, **extra)


def _groups(networks: Networks, task: Task, weight_decay: float) -> list[dict[str, Any]]:
    """Parameters of one factor of the learning rate and one decay each; the factor is kept as `factor`."""
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in networks.named_parameters():
        if parameter.requires_grad:
            own = name.removeprefix(NETWORKS)
            decay = weight_decay if task.decays(own, parameter) else 0.0
            groups.setdefault((_factor(own, task.rates), decay), []).append(parameter)
    return [{"params": p, "weight_decay": d, "factor": f} for (f, d), p in groups.items()]


def _factor(name: str, rates: Mapping[str, float]) -> float:
    """The factor of the longest name that is the parameter's own or that of a module it is in."""
    fitting = [module for module in rates if f"{name}.".startswith(f"{module}.")]
    return rates[max(fitting, key=len)] if fitting else 1.0
