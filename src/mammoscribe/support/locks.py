"""Locks, so that two runs do not write to one place at once; a lock goes when its process does, however that ends."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mammoscribe.support.errors import InputError


@contextmanager
def alone(lock: Path, busy: str) -> Iterator[None]:
    """Hold a lock file, which is made and removed again; where the system has no such locks nothing is held.

    Args:
        lock: its path; its folder is there.
        busy: what another run is doing, for the sentence.

    Raises:
        InputError: when another run holds it.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    while True:
        handle = os.open(lock, os.O_CREAT | os.O_RDWR, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(handle)
            raise InputError(busy, "one at a time", "wait until it has ended") from error
        except OSError:  # some network disks have none
            break
        if _is(lock, handle):
            break
        os.close(handle)  # whoever had it removed the file before we locked it
    try:
        yield
    finally:
        if _is(lock, handle):
            lock.unlink(missing_ok=True)
        os.close(handle)


def _is(lock: Path, handle: int) -> bool:
    try:
        return os.path.samestat(os.stat(lock), os.fstat(handle))
    except OSError:
        return False
