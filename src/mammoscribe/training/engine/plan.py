"""Whether a run fits on given devices, in which way of sharing it, and how long its steps take at a stated rate."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mammoscribe.support.errors import InputError
from mammoscribe.training.engine.footprint import Footprint
from mammoscribe.training.engine.run import Kind, Offload, Run

GIB = 2**30
"""Bytes."""
RESERVED = 0.1
"""Share of a device's memory that is left to its driver, to libraries and to pieces between tensors."""
WAYS = (
    (Kind.DDP, Offload.NONE), (Kind.ZERO1, Offload.NONE), (Kind.ZERO2, Offload.NONE), (Kind.FSDP2, Offload.NONE),
    (Kind.ZERO3, Offload.NONE), (Kind.ZERO2, Offload.OPTIMISER), (Kind.ZERO3, Offload.ALL),
)  # fmt: skip
"""Ways of sharing a run, the quickest first: every further one saves memory of the device and sends more around."""


@dataclass(frozen=True)
class Devices:
    """So many devices with so many GiB of memory each."""

    count: int
    gib: float

    @classmethod
    def from_text(cls, text: str) -> "Devices":
        """`8x80GB` as eight devices of 80 GiB; InputError for anything else."""
        match = re.fullmatch(r"\s*(\d+)\s*x\s*(\d+(?:\.\d+)?)\s*(?:g|gb|gib)?\s*", text, re.IGNORECASE)
        if match is None or int(match[1]) < 1 or float(match[2]) <= 0:
            raise InputError(f"the devices {text!r}", "their number and memory", "such as 8x80GB")
        return cls(int(match[1]), float(match[2]))


@dataclass(frozen=True)
class Way:
    """One way of sharing a run.

    Args:
        kind, offload: as a run's `distribution` has them.
        device: bytes that each device needs. host: bytes that each process keeps in the memory of the host besides.
        fits: whether the device has them.
    """

    kind: Kind
    offload: Offload
    device: float
    host: float
    fits: bool


def ways(found: Footprint, run: Run, devices: Devices) -> Iterator[Way]:
    """The memory that each way of sharing a run needs.

    Raises:
        InvalidNoun: when the items of a step cannot be divided over the devices.
    """
    items = {name: run.share(name, devices.count) for name in run.batch}
    active = found.activations(items)
    for kind, offload in WAYS:
        if kind is Kind.DDP or (found.shardable and (kind.is_zero or devices.count > 1)):
            kept, host = _states(found, kind, offload, devices.count)
            yield Way(kind, offload, kept + active, host, kept + active <= devices.gib * GIB * (1 - RESERVED))


def _states(found: Footprint, kind: Kind, offload: Offload, count: int) -> tuple[float, float]:
    """Bytes of weights, gradients and averages on each device, and in the host's memory for each process."""
    gradient, averages = found.trained, found.optimiser + found.average
    if kind is Kind.DDP:
        buckets = gradient if count > 1 else 0.0  # gradients are sent in copies
        return found.weights + gradient + buckets + averages, 0.0
    if kind is Kind.FSDP2:
        return (found.weights + gradient + averages) / count + 2 * found.block, 0.0
    flat = found.trained / count  # DeepSpeed updates a flat copy of its own part
    if kind is Kind.ZERO3:
        own = (found.weights + gradient + averages) / count + flat
        return (2 * found.block, own) if offload is Offload.ALL else (own + 2 * found.block, 0.0)
    shared = gradient if kind is Kind.ZERO1 else gradient / count
    own = averages / count + flat
    return (found.weights + shared, own) if offload is Offload.OPTIMISER else (found.weights + shared + own, 0.0)


def seconds_of_step(found: Footprint, run: Run, devices: Devices, tflops: float) -> float:
    """How long a step takes; reading data is not counted.

    Args:
        found: what an item of each source needs.
        run: whose step.
        devices: that compute it together.
        tflops: trillion operations that each of them computes in a second.
    """
    return found.of_step(run.batch) / (devices.count * tflops * 1e12)
