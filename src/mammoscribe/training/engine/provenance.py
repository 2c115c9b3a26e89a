"""Where a run's figures come from: command, versions, git commit, machine."""

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

import mammoscribe

LIBRARIES = ("torch", "numpy", "accelerate", "deepspeed", "transformers", "safetensors")


def provenance() -> dict[str, Any]:
    """Time, command, versions, commit and machine of this process, as JSON holds them."""
    commit = git_commit(Path(mammoscribe.__file__).parent)
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


def git_commit(folder: Path) -> dict[str, Any] | None:
    """The commit of the checkout that the package runs from and whether files differ from it; None outside one."""
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None or _git(folder, "ls-files", "--error-unmatch", "__init__.py") is None:
        return None
    return {"commit": commit, "changed": bool(_git(folder, "status", "--porcelain", "--untracked-files=no", "."))}


def _git(folder: Path, *words: str) -> str | None:
    try:
        command = ["git", "-C", str(folder), *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _machine() -> dict[str, Any]:
    gpus = (
        [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    )
    return {
        "host": platform.node(), "system": platform.platform(), "cores": os.cpu_count(), "gpus": gpus,
        "threads": torch.get_num_threads(),
    }  # fmt: skip
