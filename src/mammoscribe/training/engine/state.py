"""What a checkpoint holds, written and read back in every process: weights, optimiser, averages, random states, counters."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from mammoscribe.support.errors import InputError
from mammoscribe.support.files import write_text
from mammoscribe.training.engine.checkpoints import (
    EMA,
    WEIGHTS,
    finish_folder,
    load_tensors,
    save_tensors,
    unfinished,
)
from mammoscribe.training.engine.ema import Ema
from mammoscribe.training.engine.run import Kind
from mammoscribe.training.engine.step import NETWORKS, Networks
from mammoscribe.training.engine.watch import Watch

COUNTERS, STATE = "counters.json", "state"


@dataclass
class Counters:
    """Where a run is.

    Args:
        step: steps done; the position of the data follows from it.
        validated: the last step that was validated after.
        best: the best figure of a validation so far.
        seconds: spent on steps, validations and checkpoints.
        watch: what was seen of the losses.
    """

    step: int = 0
    validated: int = 0
    best: float | None = None
    seconds: float = 0.0
    watch: Watch = field(default_factory=Watch)


class State:
    """The parts of a run that a checkpoint keeps.

    Args:
        accelerator: as `distribution.begin` gives it.
        kind: of distribution.
        model: as prepared.
        networks: what it wraps.
        ema: averages, or None.
    """

    def __init__(self, accelerator: Any, kind: Kind, model: nn.Module, networks: Networks, ema: Ema | None) -> None:
        self._accelerator, self._kind, self._model, self._networks, self._ema = accelerator, kind, model, networks, ema
        self.counters = Counters()
        if kind is Kind.DDP:  # the weights are written as safetensors below, so accelerate need not write them too
            accelerator.register_save_state_pre_hook(lambda _, weights, __: weights.clear())
            accelerator.register_load_state_pre_hook(lambda models, _: models.clear())

    def weights(self) -> dict[str, Tensor]:
        """All weights, whole, named `module.parameter`; {} except in the first process. Every process has to ask."""
        whole = self._networks.state_dict() if self._kind is Kind.DDP else self._accelerator.get_state_dict(self._model)
        if not self._accelerator.is_main_process:
            return {}
        return {name.removeprefix(NETWORKS): tensor for name, tensor in whole.items()}

    def averaged_weights(self) -> dict[str, Tensor]:
        """As `weights`, with averages where there are any."""
        if self._ema is None:
            return self.weights()
        with self._ema.applied():
            return {name: tensor.clone() for name, tensor in self.weights().items()}

    def save(self, target: Path, about: Mapping[str, str]) -> None:
        """Write a checkpoint that becomes `target` when it is whole. Every process has to call this.

        Raises:
            OSError, RuntimeError, SafetensorError: when it cannot be written; then nothing of it is left.
        """
        part, first = unfinished(target), self._accelerator.is_main_process
        try:
            if first:
                shutil.rmtree(part, ignore_errors=True)
                part.mkdir(parents=True)
            self._accelerator.wait_for_everyone()
            self._accelerator.save_state(str(part / STATE))
            weights, averages = self.weights(), None if self._ema is None else self._ema.full()
            if first:
                save_tensors(weights, part / WEIGHTS, about)
                if averages is not None:
                    save_tensors(averages, part / EMA, about)
                write_text(part / COUNTERS, json.dumps(self._described(), indent=1, allow_nan=False) + "\n")
            self._accelerator.wait_for_everyone()
            if first:
                finish_folder(target)
        except BaseException:
            if first:
                shutil.rmtree(part, ignore_errors=True)
            raise
        self._accelerator.wait_for_everyone()

    def _described(self) -> dict[str, Any]:
        return {"kind": self._kind.value, "processes": self._accelerator.num_processes, **asdict(self.counters)}

    def load(self, checkpoint: Path) -> None:
        """Go on from a checkpoint. Every process has to call this.

        Raises:
            InputError: for one of other networks, another kind of distribution, or (ZeRO) another number of processes.
        """
        try:
            stored = json.loads((checkpoint / COUNTERS).read_text(encoding="utf-8"))
            kind, processes = stored.pop("kind"), stored.pop("processes")
            counters = Counters(**(stored | {"watch": Watch(**stored["watch"])}))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{checkpoint / COUNTERS} cannot be read ({error})", "a checkpoint of this version"
            ) from error
        world = self._accelerator.num_processes
        if kind != self._kind.value or (self._kind.is_zero and processes != world):
            raise InputError(
                f"{checkpoint.name} was written by {processes} processes with {kind}",
                f"{self._kind} with {world}", "start the run as before, or another one with init",
            )  # fmt: skip
        self._load_tensors(checkpoint)
        self._accelerator.load_state(str(checkpoint / STATE))
        self.counters = counters

    def _load_tensors(self, checkpoint: Path) -> None:
        try:
            if self._kind is Kind.DDP:
                weights = load_tensors(checkpoint / WEIGHTS)
                self._networks.load_state_dict({f"{NETWORKS}{name}": tensor for name, tensor in weights.items()})
            if self._ema is not None:
                self._ema.load(load_tensors(checkpoint / EMA))
        except (RuntimeError, KeyError) as error:
            raise InputError(f"{checkpoint.name} is of other networks: {' '.join(str(error).split())[:300]}") from error
