"""Where a run's figures come from: command, versions, git commit, machine."""

import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

import mammoscribe
from mammoscribe.support.code_version import git_commit

LIBRARIES = ("torch", "numpy", "accelerate", "deepspeed", "transformers", "safetensors")


def provenance() -> dict[str, Any]:
    """Time, command, versions, commit and machine of this process, as JSON holds them."""
    commit = git_commit()
    time = datetime.now(UTC).isoformat(timespec="seconds")
    return {"time": time, "command": list(sys.argv), "versions": _versions(), "git": commit, "machine": _machine()}


def _versions() -> dict[str, str]:
    found = {"mammoscribe": mammoscribe.__version__, "python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _machine() -> dict[str, Any]:
    gpus = (
        [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    )
    return {
        "host": platform.node(), "system": platform.platform(), "cores": os.cpu_count(), "gpus": gpus,
        "threads": torch.get_num_threads(),
    }  # fmt: skip
