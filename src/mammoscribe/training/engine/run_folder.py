"""The folder of a run: run.json, sessions.jsonl, metrics.jsonl; one process at a time, and never two runs in one."""

import fcntl
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from mammoscribe.support.errors import InputError
from mammoscribe.support.files import write_text
from mammoscribe.training.engine.fields import differences

SCHEMA = "mammoscribe.run/1"
ABOUT, METRICS, SESSIONS, LOCK = "run.json", "metrics.jsonl", "sessions.jsonl", ".lock"
TIMED = ("seconds", "items_per_s", "memory_mb")
"""What differs between two runs that learn the same."""
Row = dict[str, Any]


class RunFolder:
    """A run's files. Only the first process of a run opens it.

    Args:
        path: the folder, made if it is not there.
        about: what decides what is learned, as JSON holds it; kept in run.json, and compared with what is there.
        beside: what else goes into run.json: command, versions, machine.

    Raises:
        InputError: for a folder of another run, one in use, one that cannot be written, and files that are no run's.
    """

    def __init__(self, path: Path, about: Mapping[str, Any], beside: Mapping[str, Any]) -> None:
        self.path = Path(path)
        self._refuse_other_files()
        self.path.mkdir(parents=True, exist_ok=True)
        self._lock = self._locked()
        self._metrics: IO[str] | None = None
        try:
            self._claim(about, beside)
        except BaseException:
            self.release()
            raise

    def _claim(self, about: Mapping[str, Any], beside: Mapping[str, Any]) -> None:
        before = read_about(self.path)
        if before is not None:
            self._refuse_other_run(before, about)
            return
        content = {"schema": SCHEMA, **about, **beside}
        write_text(self.path / ABOUT, json.dumps(content, indent=1, allow_nan=False) + "\n")

    def _refuse_other_files(self) -> None:
        if self.path.is_file():
            raise InputError(f"{self.path} is a file", "a folder for the run")
        if self.path.is_dir() and not (self.path / ABOUT).is_file():
            names = sorted(p.name for p in self.path.iterdir() if not p.name.startswith("."))
            if names:
                raise InputError(f"{self.path} holds {names[0]} and no {ABOUT}", "an empty folder, or that of this run")

    def _refuse_other_run(self, before: Mapping[str, Any], about: Mapping[str, Any]) -> None:
        changed = differences({key: before.get(key) for key in about}, about)
        if changed:
            more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
            do = "choose another folder, or set these back"
            raise InputError(f"{self.path} belongs to another run ({'; '.join(changed[:3])}{more})", "this run", do)

    def _locked(self) -> IO[str]:
        stream = (self.path / LOCK).open("a", encoding="utf-8")
        try:
            fcntl.lockf(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)  # of this process: its workers do not inherit it
        except BlockingIOError as error:
            stream.close()
            raise InputError(
                f"another process is training in {self.path}", "one at a time", "wait for it, or end it"
            ) from error
        return stream

    def begin_session(self, session: Mapping[str, Any]) -> None:
        """Keep a line about this start of the run."""
        with (self.path / SESSIONS).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(session, allow_nan=False) + "\n")

    def go_back_to(self, step: int, validated: int) -> None:
        """Drop the lines that were written after the checkpoint that the run goes on from, and half a line.

        Args:
            step: steps that the checkpoint has done.
            validated: the last step that it knows a validation of.
        """
        rows = [row for row in read_metrics(self.path) if row["step"] <= (validated if is_validation(row) else step)]
        self.close()
        write_text(self.path / METRICS, "".join(_line(row) for row in rows))

    def add(self, row: Mapping[str, Any]) -> None:
        """Append a line to metrics.jsonl; numbers that are not finite become null."""
        if self._metrics is None:
            self._metrics = (self.path / METRICS).open("a", encoding="utf-8")
        self._metrics.write(_line(row))
        self._metrics.flush()

    def close(self) -> None:
        """Close metrics.jsonl; `add` opens it again."""
        stream, self._metrics = self._metrics, None
        if stream is not None:
            stream.close()

    def release(self) -> None:
        """Let another process train here."""
        try:
            self.close()
        finally:
            self._lock.close()


def _line(row: Mapping[str, Any]) -> str:
    finite = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()}
    return json.dumps(finite, allow_nan=False) + "\n"


def is_validation(row: Mapping[str, Any]) -> bool:
    """Whether a line of metrics.jsonl is of a validation, not of a step."""
    return any(name.startswith("val/") for name in row)


def read_about(folder: Path) -> dict[str, Any] | None:
    """The content of run.json, or None where there is none.

    Raises:
        InputError: when it cannot be read.
    """
    path = folder / ABOUT
    if not path.is_file():
        return None
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        if about["schema"] == SCHEMA:
            return about
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise InputError(f"{path} cannot be read", SCHEMA, "choose another folder for the run")


def read_metrics(folder: Path) -> list[Row]:
    """The lines of metrics.jsonl; one that was cut off, and what follows it, is left out."""
    rows: list[Row] = []
    path = folder / METRICS
    if path.is_file():
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                row = json.loads(line)
                rows.append({"step": int(row["step"])} | row)
            except (ValueError, KeyError, TypeError):
                break
    return rows


def comparable(rows: list[Row]) -> list[Row]:
    """The lines without what the machine's speed decides, to hold two runs against each other."""
    return [{name: value for name, value in row.items() if name not in TIMED} for row in rows]
