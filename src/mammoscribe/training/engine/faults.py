"""What goes wrong outside the task, as one sentence: disks, workers, other processes, memory."""

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors import SafetensorError

from mammoscribe.support.errors import InputError, MammoscribeError
from mammoscribe.training.engine.stop import OTHER_PROCESS, USER_ERROR

ROOM, ELSEWHERE = "make room there, or choose another folder", "choose another folder"
DISK = {
    errno.ENOSPC: ("the disk is full", ROOM), errno.EDQUOT: ("the quota is used up", ROOM),
    errno.EFBIG: ("a file there may not be so large", ROOM), errno.EROFS: ("it is read-only", ELSEWHERE),
    errno.EACCES: ("you may not write there", ELSEWHERE), errno.EPERM: ("you may not write there", ELSEWHERE),
    errno.EIO: ("the disk fails", ELSEWHERE),
}  # fmt: skip


class OtherProcessEnded(InputError):
    """Another process of the run ended or does not answer."""


def exit_code(error: MammoscribeError) -> int:
    """What a process ends with after it has printed the sentence of `error`."""
    return OTHER_PROCESS if isinstance(error, OtherProcessEnded) else USER_ERROR


def worker_died(error: BaseException) -> InputError:
    """The sentence about a worker that makes batches and is gone."""
    found = f"a worker process that makes batches died ({_short(str(error))})"
    return InputError(found, "", "check its memory, or use fewer workers")


_WORKER = ("DataLoader worker",)
_OTHERS = ("Connection closed by peer", "Connection reset by peer", "Broken pipe", "Timed out waiting", "Socket Timeout",
           "NCCL", "ProcessGroup", "[Rank ", "gloo/transport", "recvBytes", "sendBytes")  # fmt: skip


@contextmanager
def one_sentence(folder: Path, advice: Callable[[], str] = lambda: "") -> Iterator[None]:
    """Raise what a user can act on as `MammoscribeError`; anything else passes through.

    Args:
        folder: of the run.
        advice: what else to do, such as which checkpoint is left.

    Raises:
        InputError: for a disk that is full or read-only, a worker or process that was killed, a device without memory.
    """
    try:
        yield
    except MammoscribeError as error:
        raise type(error)(error.found, error.expected, _joined(error.do, advice())) from error
    except (OSError, RuntimeError, SafetensorError, MemoryError) as error:
        found = _found(error, folder)
        if found is None:
            raise
        kind = OtherProcessEnded if found[0].startswith("another process") else InputError
        raise kind(found[0], "", _joined(found[1], advice())) from error


def _joined(*parts: str) -> str:
    return "; ".join(part for part in parts if part)


def _found(error: BaseException, folder: Path) -> tuple[str, str] | None:
    """What was found and what to do, or None for an error that only a developer can mend."""
    text = str(error)
    if isinstance(error, torch.OutOfMemoryError | MemoryError) or "out of memory" in text:
        return "there is not enough memory for a step", "raise accumulate, or lower batch or the precision"
    disk = _of_disk(error, text)
    if disk is not None:
        return f"{folder} cannot be written: {disk[0]}", disk[1]
    if any(word in text for word in _WORKER):
        died = worker_died(error)
        return died.found, died.do
    if isinstance(error, torch.distributed.DistError) or any(word in text for word in _OTHERS):
        return (
            f"another process of this run ended or does not answer ({_short(text)})",
            "look at what that process printed",
        )
    return None


def _of_disk(error: BaseException, text: str) -> tuple[str, str] | None:
    """Why a file could not be written and what to do; torch and safetensors give the system's error in words."""
    if isinstance(error, OSError) and error.errno in DISK:
        return DISK[error.errno]
    for number, reason in DISK.items():
        if f"os error {number})" in text:
            return reason
    failed = ("PytorchStreamWriter failed", "unexpected pos", "file write failed")
    return ("the disk may be full", ROOM) if any(word in text for word in failed) else None


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 120 else f"{line[:117]}..."
