"""Faults of disks, workers, processes and memory become one sentence; programming errors stay tracebacks."""

import errno
import os
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError

from mammoscribe.support.errors import InputError
from mammoscribe.training.engine.faults import OtherProcessEnded, exit_code, one_sentence
from mammoscribe.training.engine.watch import Diverged

FOLDER = Path("runs/a")


def sentence(error: Exception) -> str:
    with pytest.raises(InputError) as found, one_sentence(FOLDER, lambda: "it goes on from step-7"):
        raise error
    assert "\n" not in str(found.value)
    return str(found.value)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "x"),
            "runs/a cannot be written: the disk is full; make room",
        ),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "the quota is used up"),
        (OSError(errno.EROFS, "Read-only file system"), "it is read-only; choose another folder"),
        (PermissionError(errno.EACCES, "Permission denied"), "you may not write there"),
        (OSError(errno.EIO, "Input/output error"), "the disk fails"),
        (
            SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
            "the disk is full",
        ),
        (RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 64 vs 0"), "the disk may be full"),
        (RuntimeError("PytorchStreamWriter failed writing file data/3: file write failed"), "the disk may be full"),
        (
            RuntimeError("DataLoader worker (pid 71) is killed by signal: Killed. "),
            "a worker process that makes batches died",
        ),
        (
            RuntimeError("DataLoader worker (pid(s) 71, 72) exited unexpectedly"),
            "a worker process that makes batches died",
        ),
        (
            RuntimeError("[../gloo/transport/tcp/pair.cc:525] Read error: Connection reset by peer"),
            "another process of this run",
        ),
        (RuntimeError("Timed out waiting 1800000ms for send operation to complete"), "another process of this run"),
        (torch.distributed.DistBackendError("NCCL error"), "another process of this run"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"), "not enough memory"),
        (MemoryError(), "not enough memory"),
    ],
)
def test_what_a_user_can_act_on_is_one_sentence_with_what_is_left(error, words):
    assert words in sentence(error)
    assert sentence(error).endswith("it goes on from step-7.")


@pytest.mark.parametrize(
    "error", [RuntimeError("mat1 and mat2 shapes cannot be multiplied"), KeyError("x"), FileNotFoundError(2, "no")]
)
def test_a_fault_of_ours_passes_through(error):
    with pytest.raises(type(error)) as found, one_sentence(FOLDER):
        raise error
    assert found.value is error


def test_a_sentence_keeps_its_kind_and_says_what_is_left():
    with pytest.raises(Diverged) as found, one_sentence(FOLDER, lambda: "left"):
        raise Diverged("found", "expected", "do")
    assert str(found.value) == "found; expected expected; do; left."
    with pytest.raises(InputError, match=r"^found\.$"), one_sentence(FOLDER):
        raise InputError("found")


def test_a_process_that_only_suffers_ends_with_a_code_of_its_own():
    assert exit_code(InputError("x")) == 2
    assert exit_code(OtherProcessEnded("x")) == 3
    with pytest.raises(OtherProcessEnded), one_sentence(FOLDER):
        raise RuntimeError("Connection closed by peer [127.0.0.1]:5")
