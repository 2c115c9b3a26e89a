"""Patient-wise folds by a hash rule: the same patient is in the same fold on every machine, for ever."""

import hashlib

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
