"""Runs a batch script with bash on a pretended cluster: `srun`, `scontrol` and the command are stand-ins that keep notes."""

import os
import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

SRUN = r"""#!/bin/bash
printf '%s\0' "$@" > "$NOTES/srun"
while [[ $1 == --* ]]; do shift; done
for ((n = SRUN_TASKS - 1; n >= 0; n--)); do
  SLURM_PROCID=$n SLURM_LOCALID=$((n % 2)) SLURM_NTASKS=$SRUN_TASKS "$@"
  code=$?
done
exit "$code"
"""
SCONTROL = r"""#!/bin/bash
echo "$*" >> "$NOTES/scontrol"
[[ $1 == show ]] && printf 'first\nsecond\n'
exit "${SCONTROL_CODE:-0}"
"""
COMMAND = r"""#!/bin/bash
printf '%s\0' "$@" > "$NOTES/words"
pwd > "$NOTES/pwd"
env -0 > "$NOTES/env-${RANK:-0}"
touch "$NOTES/running"
sleep "${COMMAND_SECONDS:-0}"
exit "$COMMAND_CODE"
"""


@dataclass(frozen=True)
class Pretended:
    """A folder with the stand-ins and their notes."""

    path: Path

    @staticmethod
    def made(path: Path, command: str = "mammoscribe") -> "Pretended":
        for name, text in {"srun": SRUN, "scontrol": SCONTROL, command: COMMAND}.items():
            program = path / "bin" / name
            program.parent.mkdir(parents=True, exist_ok=True)
            program.write_text(text)
            program.chmod(0o755)
        (path / "notes").mkdir(exist_ok=True)
        return Pretended(path)

    def start(self, script: str, code: int = 0, tasks: int = 1, **variables: str) -> "subprocess.Popen[str]":
        file = self.path / "job.sbatch"
        file.write_text(script)
        known = {
            "PATH": f"{self.path / 'bin'}{os.pathsep}{os.environ['PATH']}", "NOTES": str(self.path / "notes"),
            "SRUN_TASKS": str(tasks), "COMMAND_CODE": str(code), "SLURM_JOB_ID": "34567", "SLURM_JOB_NODELIST": "n[1-2]",
            "SLURM_NTASKS_PER_NODE": "2", "HOME": str(self.path),
        }  # fmt: skip
        return subprocess.Popen(
            ["bash", str(file)], env=known | variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def run(self, script: str, code: int = 0, tasks: int = 1, **variables: str) -> int:
        process = self.start(script, code, tasks, **variables)
        process.communicate(timeout=30)
        return process.returncode

    def noted(self, name: str) -> list[str]:
        """What a stand-in kept: words, or lines."""
        path = self.path / "notes" / name
        if not path.is_file():
            return []
        text = path.read_text()
        return text.split("\0")[:-1] if "\0" in text else text.splitlines()

    def environment(self, rank: int = 0) -> dict[str, str]:
        return dict(line.split("=", 1) for line in self.noted(f"env-{rank}"))


def asked(script: str) -> dict[str, str]:
    """The options of the lines of #SBATCH, read as a shell would; sbatch 22.05 reads these alike."""
    lines = re.findall(r"^#SBATCH (.*)$", script, re.MULTILINE)
    words = [word for line in lines for word in shlex.split(line)]
    assert len(words) == len(lines) and all(word.startswith("--") for word in words)
    found = dict(word[2:].partition("=")[::2] for word in words)
    assert len(found) == len(words)
    return found
