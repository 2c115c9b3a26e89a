"""The device a run uses: chosen by name, batches moved to it, memory taken."""

import ctypes
import resource
import sys
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mammoscribe.support.errors import InputError
from mammoscribe.support.lookup import look_up

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4
"""Of `mallopt` in glibc's malloc.h."""
MEMORY = Path("/proc/meminfo")
SHORT = 0.2
"""Share of the machine's memory; when less is available, a run keeps no memory that it does not use."""


def chosen_device(name: str) -> str:
    """`cpu`, `cuda` or `mps`; `auto` is the first of cuda, mps and cpu that is there.

    Raises:
        InputError: for another name, or a device that is not there.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return next(device for device, is_there in there.items() if is_there)
    if not look_up(name, there, "device"):
        usable = ", ".join(device for device, is_there in there.items() if is_there)
        raise InputError(f"device {name}, which torch does not find here", usable)
    return name


def keep_freed_memory() -> None:
    """Let the C library (glibc) keep what a step has freed for the next one; others do nothing.

    Tensors of some megabytes are otherwise given back to the system and fetched again page by page, which takes up to a
    third of a training step on a processor. Where steps are alike the memory at the peak is the same; where the sizes of
    tensors change from step to step (texts of all lengths) the heap can grow to about twice of what is in use; see
    `give_back_when_short`.
    """
    mallopt = _of_c_library("mallopt")
    if mallopt is not None:
        mallopt(_M_MMAP_MAX, 0)
        mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)


def give_back_when_short(machine: Path = MEMORY) -> bool:
    """Give what is kept but not in use back to the system when little of the machine's memory is left; whether it was.

    Args:
        machine: file in which Linux says how much memory there is and how much is available.
    """
    trim = _of_c_library("malloc_trim")
    if trim is None or not machine.is_file():
        return False
    sizes = dict(line.split(":", 1) for line in machine.read_text(encoding="ascii").splitlines() if ":" in line)
    there, left = (int(sizes[name].split()[0]) for name in ("MemTotal", "MemAvailable"))
    if left >= SHORT * there:
        return False
    trim(0)
    return True


def _of_c_library(name: str) -> Any:
    """A function of glibc; None on other systems and with other C libraries."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None


def on_device(value: Any, device: torch.device) -> Any:
    """The same tensors, dataclasses, dicts, lists and tuples of them on a device; an object with a `to` method is moved by it."""
    if isinstance(value, Tensor):
        return value.to(device, non_blocking=True)
    if isinstance(value, dict):
        return {key: on_device(inner, device) for key, inner in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(on_device(inner, device) for inner in value))
    if isinstance(value, list | tuple):
        return type(value)(on_device(inner, device) for inner in value)
    if hasattr(value, "to"):
        return value.to(device)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{f.name: on_device(getattr(value, f.name), device) for f in fields(value) if f.init})
    return value


def peak_memory_mb(device: torch.device) -> float:
    """The most memory taken so far: of the device, or of this process where the device is the CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    if device.type == "mps":
        return torch.mps.driver_allocated_memory() / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
