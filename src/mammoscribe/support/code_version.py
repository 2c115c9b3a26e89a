"""Which code made a result: version of the package, commit of the checkout, digest of the source files that decide about it."""

import hashlib
import subprocess
from pathlib import Path
from typing import Any

import mammoscribe

PACKAGE = Path(mammoscribe.__file__).parent


def source_digest(*rooms: str) -> str:
    """SHA-256 over the Python files of rooms of this package, such as `models` or `reading.py`, with their names.

    A change of a commit message or of another room changes nothing, and a changed line in a room does, committed or not.
    """
    digest = hashlib.sha256()
    for room in rooms:
        place = PACKAGE / room
        for file in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            digest.update(file.relative_to(PACKAGE).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def git_commit(folder: Path = PACKAGE) -> dict[str, Any] | None:
    """The commit of the checkout that a folder is in and whether files differ from it; None outside one."""
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
