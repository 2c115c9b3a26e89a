"""Writes batch scripts, whole and never over another one, and hands them to sbatch."""

import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from mammoscribe.support.errors import InputError
from mammoscribe.support.files import write_text


def write_scripts(scripts: Mapping[Path, str]) -> None:
    """Write scripts by their paths; one that is there with the same text is left.

    Raises:
        InputError: when a file of another text is there, perhaps edited by hand, or one cannot be written; in the first
            case nothing is written.
    """
    for path, text in scripts.items():
        if path.exists() and not _holds(path, text):
            do = f"delete it, or submit it as it is: {shlex.join(['sbatch', str(path)])}"
            raise InputError(f"{path} is there already and differs from what would be written", "", do)
    for path, text in scripts.items():
        if not path.exists():
            write_text(path, text)


def _holds(path: Path, text: str) -> bool:
    try:
        return path.read_text(encoding="utf-8") == text
    except (OSError, UnicodeDecodeError):
        return False


def find_sbatch() -> str:
    """The path of `sbatch`; InputError on a machine that has none."""
    found = shutil.which("sbatch")
    if found is None:
        do = "leave --submit out, and submit the script where SLURM is"
        raise InputError("--submit, and no sbatch on this machine", "a machine that submits jobs to SLURM", do)
    return found


def submit(script: Path, *options: str) -> str:
    """Submit a script; the number of its job.

    Args:
        script: its path.
        options: of sbatch, above those in the script.

    Raises:
        InputError: when there is no sbatch, or it refuses the script; with the last line that it printed.
    """
    done = subprocess.run(  # noqa: S603  # the program that was found, and a script that we wrote
        [find_sbatch(), "--parsable", *options, str(script)],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    number = done.stdout.strip().splitlines()[-1:]
    if done.returncode or not number:
        lines = done.stderr.strip().splitlines()
        why = lines[-1] if lines else f"exit code {done.returncode}"
        do = f"correct the TOML file of the cluster, or the script and: {shlex.join(['sbatch', *options, str(script)])}"
        raise InputError(f"sbatch refused {script}: {why}", "", do)
    return number[0].partition(";")[0]
