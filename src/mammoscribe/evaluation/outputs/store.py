"""Outputs on disk: one file for each combination of input, configuration and code, filled before anything is scored."""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mammoscribe.evaluation.outputs.exam_output import ExamOutput, dump_output, parse_output
from mammoscribe.support.errors import InputError
from mammoscribe.support.files import full_disk_reported, sha256_of, write_text
from mammoscribe.support.locks import alone

SCHEMA = "mammoscribe.outputs/1"


@dataclass(frozen=True)
class MadeBy:
    """What outputs were made from; plain JSON values.

    Args:
        values: all that decides about them: what was read, by what, and by which code.
        noted: what is only kept beside: version of the package, commit.
    """

    values: Mapping[str, Any]
    noted: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """SHA-256 of the values."""
        return hashlib.sha256(json.dumps(self.values, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Outputs:
    """The outputs of one system.

    Args:
        name: of the system, for people. made_by: what decided about them. exams: by exam id. sha256: of the file.
    """

    name: str
    made_by: Mapping[str, Any]
    exams: Mapping[str, ExamOutput]
    sha256: str


def fill(folder: Path, name: str, made_by: MadeBy, num_exams: int, outputs: Iterable[ExamOutput]) -> Outputs:
    """The outputs of a combination: those that are in the folder, else read now and written exam by exam.

    Args:
        folder: of the files. name: of the system.
        made_by: the combination.
        num_exams: how many exams there are in all.
        outputs: reads them one by one when it is iterated over; exams that are in the file already come again and are
            left out, so a lazy iterable should look at `done_ids` first.

    Raises:
        InputError: when another run fills the file, or the file holds something else.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = path_of(folder, made_by)
    with alone(path.with_suffix(".lock"), f"another run is writing to {path}"):
        done = _read(path, made_by, mend=True)
        if len(done) < num_exams:
            if not path.is_file():
                write_text(path, _head(made_by))
            with full_disk_reported(path), path.open("a", encoding="utf-8") as stream:
                for output in outputs:
                    if output.exam_id not in done:
                        line = dump_output(output)
                        stream.write(line + "\n")
                        stream.flush()
                        done[output.exam_id] = parse_output(line)  # as it will be scored again, rounded numbers and all
                os.fsync(stream.fileno())
    return Outputs(name, {**made_by.values, **made_by.noted}, done, sha256_of(path))


def path_of(folder: Path, made_by: MadeBy) -> Path:
    """The file of a combination."""
    return folder / f"outputs-{made_by.key[:16]}.jsonl"


def done_ids(folder: Path, made_by: MadeBy) -> frozenset[str]:
    """Exams whose outputs are in the folder already."""
    return frozenset(_read(path_of(folder, made_by), made_by))


def _read(path: Path, made_by: MadeBy, mend: bool = False) -> dict[str, ExamOutput]:
    """The outputs of a file but for a last line without its end, which `mend` cuts off: a killed run left it."""
    if not path.is_file():
        return {}
    try:
        text = path.read_text(encoding="utf-8")
    except (UnicodeDecodeError, OSError) as error:
        raise InputError(f"{path} cannot be read ({error})", SCHEMA, "delete it and run again") from error
    whole, _, rest = text.rpartition("\n")
    if rest and mend:
        write_text(path, whole + "\n" if whole else "")
    lines = whole.split("\n") if whole else []
    if not lines:
        if mend:
            path.unlink()
        return {}
    _check_head(lines[0], path, made_by)
    return {o.exam_id: o for o in _parsed(lines[1:], path)}


def _head(made_by: MadeBy) -> str:
    return json.dumps({"schema": SCHEMA, "made_by": dict(made_by.values), "noted": dict(made_by.noted)}) + "\n"


def _check_head(line: str, path: Path, made_by: MadeBy) -> None:
    try:
        head = json.loads(line)
        right = head["schema"] == SCHEMA and MadeBy(head["made_by"]).key == made_by.key
    except (ValueError, KeyError, TypeError):
        right = False
    if not right:
        raise InputError(f"{path} does not begin as a file of outputs does", SCHEMA, "delete it and run again")


def _parsed(lines: Iterable[str], path: Path) -> Iterator[ExamOutput]:
    for number, line in enumerate(lines, start=2):
        try:
            yield parse_output(line)
        except InputError as error:
            raise InputError(f"{path.name}, line {number}: {error.found}", error.expected, error.do) from error
