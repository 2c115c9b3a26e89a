"""What a leakage audit finds: something that two records share, how bad it is, and which two."""

from dataclasses import dataclass
from enum import StrEnum

Hashed = tuple[str, str, str, bytes]
"""(record id, group, path, perceptual hash) of one picture."""


class Verdict(StrEnum):
    """How bad it is."""

    LEAK = "leak"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Leak:
    """Something that two records share and should not.

    Args:
        verdict: a leak makes the audit fail, a warning is for a person to look at, a note is about one split.
        what: `patient`, `prior`, `text`, `picture` or `file`.
        first, second: record ids, or paths of pictures.
        splits: the two splits, `train and test`.
        detail: what exactly.
    """

    verdict: Verdict
    what: str
    first: str
    second: str
    splits: str
    detail: str


def in_splits(one: str | None, other: str | None) -> str:
    """The splits of two records as `Leak.splits` says them; `none` for a record in no split."""
    return f"{one or 'none'} and {other or 'none'}"


def sorted_leaks(found: list[Leak]) -> tuple[Leak, ...]:
    """Worst first; the same order whatever the order in which they were found."""
    order = list(Verdict)
    return tuple(sorted(found, key=lambda k: (order.index(k.verdict), k.what, k.first, k.second, k.detail)))
