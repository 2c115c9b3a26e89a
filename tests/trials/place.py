"""The temporary folder in which trials are made and run, and what a command of the product did there."""

import csv
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

PATIENCE_S = 1200
SCRIPTS = (
    "dicom_cases", "dicom_cases2", "dicom_cases3", "mirror_cases", "folder_cases", "llava_cases", "dataset_cases",
)  # fmt: skip
"""The scripts that write files, in their order; text_cases prints."""
_OURS = re.compile(r"(?:error |warning: |personal data: |[\w ]+ ━|.*results\.csv: \d+ )")
_FOREIGN = re.compile(
    r"Traceback \(most recent call last\)|\w*Warning: |\.py:\d+|site-packages|^\s*File \"", re.MULTILINE
)


@dataclass(frozen=True)
class Row:
    """One line of the table: a case, what is right, what came of it."""

    case: str
    expected: str
    got: str
    ok: bool


@dataclass(frozen=True)
class Outcome:
    """What one command did: its exit code, what it printed, and the folder or file that it was to write."""

    code: int
    out: str
    err: str
    written: Path

    def harm(self) -> str:
        """What no input may ever cause, "" when nothing of it happened."""
        if self.code not in (0, 1, 2):
            return f"ended with {self.code}"
        if found := _FOREIGN.search(self.err + self.out):
            return f"printed {found[0]!r}"
        if "\x1b" in self.err + self.out:
            return "printed an escape character"
        errors = [line for line in self.err.splitlines() if line.startswith("error ")]
        if self.code == 2 and (len(errors) != 1 or not re.search(r"[.?]$", errors[0])):
            return f"exit code 2 with {len(errors)} errors of one sentence"
        if strange := [line for line in self.err.splitlines() if line.strip() and not _OURS.match(line)]:
            return f"printed {strange[0]!r} on stderr"
        return ""

    @cached_property
    def error(self) -> str:
        """The one sentence of a refusal."""
        return next((line[len("error ") :] for line in self.err.splitlines() if line.startswith("error ")), "")

    def json(self, name: str) -> dict:
        """A JSON file that was written."""
        return json.loads((self.written / name).read_text(encoding="utf-8"))

    def table(self, name: str = "") -> list[dict[str, str]]:
        """The rows of a CSV that was written."""
        with (self.written / name).open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def records(self) -> dict[str, dict]:
        """The records of a catalogue that was written, by id."""
        lines = (self.written / "records.jsonl").read_text(encoding="utf-8").splitlines()
        return {record["id"]: record for record in map(json.loads, lines)}


@dataclass(frozen=True)
class Place:
    """A folder with the trials' files under `trials`, and room for what commands write.

    Args:
        folder: the temporary folder, an absolute path.
        scripts: the folder of the scripts.
    """

    folder: Path
    scripts: Path

    @property
    def trials(self) -> Path:
        """Where the scripts write."""
        return self.folder / "trials"

    def make(self) -> None:
        """Draw the exam that the cases are made of, and run every script that writes files."""
        drawn = self.command("phantom", "--exams", "1", "--seed", "5", "--format", "dicom", out=self.trials / "base")
        if drawn.code:
            raise SystemExit(f"the exam that the trials are made of could not be drawn: {drawn.err}")
        for name in SCRIPTS:
            self.script(name)

    def script(self, name: str) -> str:
        """What a script of the trials prints."""
        environment = self._environment() | {"TRIALS": str(self.trials)}
        done = subprocess.run(
            [sys.executable, str(self.scripts / f"{name}.py")], cwd=self.folder, env=environment, capture_output=True,
            text=True, timeout=PATIENCE_S,
        )  # fmt: skip
        if done.returncode:
            raise SystemExit(f"{name}.py of the trials failed: {done.stderr}")
        return done.stdout

    def command(self, *words: str | Path, out: Path | str = "") -> Outcome:
        """Run `mammoscribe WORDS`, with `--out` where something is to be written."""
        written = self.folder / out
        done = subprocess.run(
            [sys.executable, "-c", "from mammoscribe.cli import main; main()", *map(str, words), *(["--out", str(written)] if out else [])],
            cwd=self.folder, env=self._environment(), capture_output=True, text=True, timeout=PATIENCE_S,
        )  # fmt: skip
        return Outcome(done.returncode, done.stdout, done.stderr, written)

    def _environment(self) -> Mapping[str, str]:
        paths = os.pathsep.join(os.path.abspath(p) for p in sys.path if p)
        return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": paths, "COLUMNS": "200"}
