"""Shards of a `predict` run: which exams each reads, where its rows go, and how all are joined to one table."""

import re
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from mammoscribe.cli.results import MadeBy, ResultsFile, Row, differences, held, read_provenance
from mammoscribe.support.errors import InputError
from mammoscribe.support.files import sha256_of

SHARD, EXAMS, MANIFEST = "shard", "exams", "manifest_sha256"
"""What the provenance of a shard holds beside that of a whole run."""


@dataclass(frozen=True)
class Shard:
    """One of `count` parts of a manifest: every `count`-th exam, from exam number `number` on.

    Raises:
        InputError: when `number` is not one of 1 to `count`.
    """

    number: int
    count: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.count:
            raise InputError(f"--shard {self}", f"1/{self.count} to {self.count}/{self.count}")

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def takes(self, position: int) -> bool:
        """Whether the exam at this place of the manifest, from 0, belongs to it."""
        return position % self.count == self.number - 1

    def provenance(self, manifest: Path, exams: int) -> MadeBy:
        """What its file says beside what a whole run says: of which manifest it is which part, with how many exams."""
        return {MANIFEST: sha256_of(manifest), SHARD: str(self), EXAMS: exams}

    def file(self, out: Path) -> Path:
        """Where its rows go: beside `out`, with its name."""
        return out.with_name(f"{out.stem}.shard-{self.number}-of-{self.count}{out.suffix}")


def shard_of(text: str) -> Shard:
    """The shard that `3/16` names; anything else raises InputError."""
    match = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text)
    if match is None or not int(match[2]):
        raise InputError(f"--shard {text}", "K/N, such as 3/16")
    return Shard(int(match[1]), int(match[2]))


def merge(out: Path) -> tuple[int, int]:
    """Join the finished shards of `out` to one table, in the order of the manifest; numbers of exams and of shards.

    Raises:
        InputError: when a shard is missing, unfinished, still running, or made in another way than the others, or when
            `out` holds something else; nothing is written then.
    """
    shards = _shards_beside(out)
    with ExitStack() as stack:
        for path in (out, *(shard.file(out) for shard in shards)):
            stack.enter_context(held(path))
        exams, made_by = _finished(out, shards)
        with ResultsFile(out, made_by, order={exam[0]["exam_id"]: n for n, exam in enumerate(exams)}) as results:
            strangers = results.done - {exam[0]["exam_id"] for exam in exams}
            if strangers:
                raise InputError(f"{out} holds exams that no shard has, such as {min(strangers)}", "", "move it away")
            results.replace(row for exam in exams for row in exam)
    return len(exams), len(shards)


def _shards_beside(out: Path) -> list[Shard]:
    """All shards of a run whose files are there; InputError names those that are missing."""
    name = re.compile(rf"{re.escape(out.stem)}\.shard-([0-9]+)-of-([0-9]+){re.escape(out.suffix)}")
    matches = (name.fullmatch(path.name) for path in out.parent.iterdir()) if out.parent.is_dir() else ()
    found = {(int(m[1]), int(m[2])) for m in matches if m}
    counts = sorted({count for _, count in found})
    if not counts:
        raise InputError(f"{out} has no shards", str(Shard(1, 2).file(out)), "run predict with --shard 1/N to N/N")
    if len(counts) > 1:
        raise InputError(
            f"beside {out} there are shards of {' and of '.join(map(str, counts))}", "one number of shards"
        )
    wanted = [Shard(k, counts[0]) for k in range(1, counts[0] + 1)]
    missing = [str(shard) for shard in wanted if (shard.number, shard.count) not in found]
    if missing:
        named = ", ".join(missing[:8]) + (f" and {len(missing) - 8} more" if len(missing) > 8 else "")
        verb = "is" if len(missing) == 1 else "are"
        raise InputError(f"of the shards of {out}, {named} {verb} missing", "", "run predict with that --shard first")
    return wanted


def _finished(out: Path, shards: Sequence[Shard]) -> tuple[list[list[Row]], MadeBy]:
    """The exams of all shards in the order of the manifest, each as its rows, and what made every one of them."""
    first: MadeBy | None = None
    parts: list[list[list[Row]]] = []
    for shard in shards:
        path = shard.file(out)
        made_by = read_provenance(path)
        if made_by is None or made_by.get(SHARD) != str(shard) or not isinstance(made_by.get(EXAMS), int):
            raise InputError(f"{path} does not say what made it", f"{path.name}.provenance.json of shard {shard}")
        common = {name: value for name, value in made_by.items() if name not in (SHARD, EXAMS)}
        first = first or common
        if common != first:
            found = (
                f"shards {shards[0]} and {shard} of {out} were made in different ways ({differences(first, common)})"
            )
            raise InputError(found, "the same manifest, reader and options", "read one of them again")
        exams = _by_exam(ResultsFile(path, made_by).rows)
        if len(exams) != made_by[EXAMS]:
            found = f"shard {shard} holds {len(exams)} of {made_by[EXAMS]} exams"
            raise InputError(found, "a finished shard", f"run predict with --shard {shard} again")
        parts.append(exams)
    whole = {name: value for name, value in (first or {}).items() if name != MANIFEST}
    return [exam for exams in zip_longest(*parts) for exam in exams if exam is not None], whole  # type: ignore[return-value]


def _by_exam(rows: Sequence[Row]) -> list[list[Row]]:
    exams: dict[str, list[Row]] = {}
    for row in rows:
        exams.setdefault(row["exam_id"], []).append(row)
    return list(exams.values())
