"""The device that networks run on: chosen by name, checked before the work, and its mixed precision."""

import re

import torch
from torch import nn

from mammoscribe.support.errors import InputError


def chosen_device(name: str) -> torch.device:
    """The device called `cpu`, `cuda`, `cuda:1` or `mps`.

    Raises:
        InputError: for another name, or a device that is not there; it names those that are.
    """
    there = available_devices()
    if not re.fullmatch(r"cpu|mps|cuda(:[0-9]+)?", name):
        raise InputError(f"--device {name}", f"cpu, cuda, cuda:1 or mps (here there is {', '.join(there)})")
    kind, _, number = name.partition(":")
    wanted = f"cuda:{int(number or 0)}" if kind == "cuda" else name
    if wanted not in there:
        raise InputError(f"--device {name}, which torch does not find here", f"one of {', '.join(there)}")
    return torch.device(wanted)


def available_devices() -> tuple[str, ...]:
    """Names of the devices that torch finds: the CPU, every CUDA device by its number, and mps."""
    graphics = tuple(f"cuda:{n}" for n in range(torch.cuda.device_count())) if torch.cuda.is_available() else ()
    return ("cpu", *graphics, *(("mps",) if torch.backends.mps.is_available() else ()))


def device_of(net: nn.Module) -> torch.device:
    """Where the parameters of a network are."""
    return next(net.parameters()).device


def mixed_precision(device: torch.device) -> torch.autocast:
    """A context in which networks run in bfloat16 where the device has it, and in float32 where it has not.

    A CUDA device older than compute capability 8.0 would only emulate bfloat16.
    """
    has_it = device.type != "cuda" or torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.autocast(device.type, torch.bfloat16, enabled=has_it)
