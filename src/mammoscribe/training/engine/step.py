"""One optimiser step: the only place of the package that calls `backward` and `step`."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from mammoscribe.support.errors import InvalidNoun
from mammoscribe.training.engine.collectives import share_buffers, summed
from mammoscribe.training.engine.devices import on_device
from mammoscribe.training.engine.task import Batches, Task

LOSS, MEASURE = "loss", "measure"
NETWORKS = "networks."
"""How the names of weights begin inside the wrapped module, and nowhere else."""


class Networks(nn.Module):
    """A task's modules as the one module that is spread over processes: every pass goes through its `forward`."""

    def __init__(self, task: Task, autocast: Callable[[], AbstractContextManager[Any]]) -> None:
        super().__init__()
        self.networks = nn.ModuleDict(dict(task.modules))
        self._task, self._autocast = task, autocast
        self._still = [module for name, module in self.networks.named_modules() if name in task.frozen]
        for module in self._still:
            module.requires_grad_(False)
        for name, parameter in self.networks.named_parameters():
            if name in task.frozen:
                parameter.requires_grad_(False)

    def forward(self, what: str, batch: Any) -> Any:
        """The sums of the task's losses (LOSS: one batch of each source), or what it measures (MEASURE)."""
        with self._autocast():
            if what == LOSS:
                return dict(self._task.loss(self._task.modules, batch))
            assert self._task.validation is not None
            return self._task.validation.measure(self._task.modules, batch)

    def train(self, mode: bool = True) -> "Networks":
        """Training or evaluation mode; what is frozen stays in evaluation mode."""
        super().train(mode)
        for module in self._still:
            module.eval()
        return self


@dataclass(frozen=True)
class Taken:
    """What a step did.

    Args:
        sums: of this process's losses, by name.
        norm: of the gradient of all processes, before it was clipped.
        skipped: the gradient was not finite, so no weight moved.
        without: parameters that got no gradient.
    """

    sums: Mapping[str, float]
    norm: float
    skipped: bool
    without: frozenset[str]


class Stepper:
    """Takes steps with a prepared model and optimiser.

    Args:
        accelerator: as `distribution.begin` gives it.
        model, optimiser: as it prepared them.
        networks: what `model` wraps.
        task: whose losses are minimised.
        clip_norm: gradients are scaled down to this norm, or None.
    """

    def __init__(
        self, accelerator: Any, model: nn.Module, optimiser: Any, networks: Networks, task: Task, clip_norm: float | None
    ) -> None:  # fmt: skip
        self._accelerator, self._model, self._optimiser, self._task = accelerator, model, optimiser, task
        self._clip = float("inf") if clip_norm is None else clip_norm
        self._trained = {n.removeprefix(NETWORKS): p for n, p in networks.named_parameters() if p.requires_grad}
        self._factors = [group.get("factor", 1.0) for group in optimiser.param_groups]
        self._zero = hasattr(model, "zero_optimization")
        # accelerate's wrapper is for fp16 and DeepSpeed; elsewhere it looks for packages at every step, which takes 0.2 ms
        self._updates = optimiser if self._zero or accelerator.scaler is not None else optimiser.optimizer
        self._shares = accelerator.num_processes > 1 and not isinstance(model, nn.parallel.DistributedDataParallel)
        self._reached: set[str] = set()
        if self._zero:
            self._listen()

    def _listen(self) -> None:
        """DeepSpeed takes the gradients away before anybody can look at them; a hook sees that they were there."""
        for name, parameter in self._trained.items():
            parameter.register_hook(lambda _, name=name: self._reached.add(name))

    def names(self) -> list[str]:
        """Names of the parameters that are trained, as `module.parameter`."""
        return list(self._trained)

    def forget(self) -> None:
        """Begin anew with what the optimiser has gathered: moments and their counts."""
        self._updates.state.clear()

    def take(self, parts: Sequence[Batches], counts: Mapping[str, float], rate: float) -> Taken:
        """Forward and backward of each part, one update at the end.

        Args:
            parts: batches of this process, on the CPU or on its device.
            counts: labels of every loss in all parts and processes.
            rate: learning rate of parameters whose factor is 1.

        Raises:
            InvalidNoun: when the task gives a loss that it did not announce, or something that is no scalar.
        """
        for group, factor in zip(self._optimiser.param_groups, self._factors, strict=True):
            group["lr"] = rate * factor
        scale = self._accelerator.num_processes * self._accelerator.gradient_accumulation_steps
        weights = {n: w * scale / counts[n] if counts[n] else 0.0 for n, w in self._task.losses.items()}
        total: dict[str, Tensor] = {}
        norm: Any = None
        for part in parts:
            with self._accelerator.accumulate(self._model):
                sums = self._checked(self._model(LOSS, on_device(part, self._accelerator.device)))
                loss = torch.stack([weights[name] * value for name, value in sums.items()]).sum()
                self._accelerator.backward(loss)
                if self._accelerator.sync_gradients:
                    norm = self._accelerator.clip_grad_norm_(self._model.parameters(), self._clip)
            for name, value in sums.items():
                total[name] = total.get(name, 0.0) + value.detach()
        return self._finish(total, norm)

    def _finish(self, total: Mapping[str, Tensor], norm: Any) -> Taken:
        """Update the weights where the gradient is finite; read every number from the device at once."""
        norm = norm.full_tensor() if hasattr(norm, "full_tensor") else norm
        device = self._accelerator.device
        numbers = torch.stack([*(v.float() for v in total.values()), torch.as_tensor(norm, device=device).float()])
        *sums, norm = numbers.tolist()
        finite = norm - norm == 0
        if finite or self._accelerator.scaler is not None:  # the scaler of fp16 skips by itself, and has to know
            self._updates.step()
        without = self._without()
        self._updates.zero_grad()
        if self._shares:
            share_buffers(self._model)
        skipped = not finite or bool(self._optimiser.step_was_skipped)
        return Taken(dict(zip(total, sums, strict=True)), norm, skipped, without)

    def _without(self) -> frozenset[str]:
        if self._zero:
            return frozenset(self._trained.keys() - self._reached)
        return frozenset(name for name, parameter in self._trained.items() if parameter.grad is None)

    def _checked(self, sums: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        for name, value in sums.items():
            if name not in self._task.losses or value.ndim:
                raise InvalidNoun(
                    f"a loss {name!r} of shape {tuple(value.shape)}", f"scalars named {', '.join(self._task.losses)}"
                )
        if not sums:
            raise InvalidNoun("no loss at all", f"one of {', '.join(self._task.losses)}")
        return sums

    def counted(self, parts: Sequence[Batches], stop: bool) -> tuple[dict[str, float], bool]:
        """Labels of every loss in all parts and processes, and whether any process wants to stop."""
        names = list(self._task.losses)
        own = dict.fromkeys(names, 0.0)
        for part in parts:
            for name, count in self._task.counts(part).items():
                if name not in own:
                    raise InvalidNoun(f"a count of {name!r}", f"one of the losses {', '.join(names)}")
                own[name] += float(count)
        *totals, stops = summed([*own.values(), float(stop)], self._accelerator.device)
        return dict(zip(names, totals, strict=True)), stops > 0

    def means(self, taken: Taken, counts: Mapping[str, float]) -> dict[str, float]:
        """Losses of the step over all processes as means over what is labelled; one without a label is left out."""
        names = list(self._task.losses)
        sums = summed([taken.sums.get(name, 0.0) for name in names], self._accelerator.device)
        return {name: s / counts[name] for name, s in zip(names, sums, strict=True) if counts[name]}
