"""Patient-wise folds by a hash rule: the same patient is in the same fold on every machine, for ever."""

import hashlib
from dataclasses import dataclass

from mammoscribe.support.errors import InputError

FOLDS = 5
"""Folds of every cross-validation here."""


def fold(patient_id: str, folds: int = FOLDS) -> int:
    """Fold 0..folds-1 of a patient: SHA-256 of the UTF-8 patient id, read as a big-endian integer, modulo `folds`.

    The id alone decides, so adding patients moves nobody.

    Raises:
        InputError: for an empty id or fewer than two folds.
    """
    if not patient_id or folds < 2:
        raise InputError(f"no fold for patient {patient_id!r} of {folds}", "a patient id and at least two folds")
    return int.from_bytes(hashlib.sha256(patient_id.encode("utf-8")).digest(), "big") % folds


@dataclass(frozen=True)
class Fold:
    """The patients of one fold.

    Args:
        number: of the fold, from 0.
        of: how many folds there are.

    Raises:
        InputError: for a fold that is not there.
    """

    number: int
    of: int

    def __post_init__(self) -> None:
        if self.of < 2 or not 0 <= self.number < self.of:
            raise InputError(f"fold {self}", "a fold from 0 to one less than their number, such as 0/5")

    @classmethod
    def from_text(cls, text: str) -> "Fold":
        """`2/5` as fold 2 of 5; InputError for anything else."""
        number, _, count = text.strip().partition("/")
        if not number.isdecimal() or not count.isdecimal():
            raise InputError(f"the fold {text!r}", "I/K, such as 0/5")
        return cls(int(number), int(count))

    def holds(self, patient_id: str) -> bool:
        """Whether a patient is in it."""
        return fold(patient_id, self.of) == self.number

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"
