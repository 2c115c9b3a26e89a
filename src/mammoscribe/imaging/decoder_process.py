"""The process in which compressed pixels are decoded: requests come through a pipe, pixels go back through shared memory.

Decoders written in C end the whole process on some damaged streams. This one may end; the process that asked goes on.
"""

import json
import mmap
import os
import signal
import struct
import warnings
from typing import Any

import numpy as np
from pydicom.encaps import encapsulate
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID

from mammoscribe.imaging.damage import worded

MEMORY_BYTES = 2 << 30
"""What the decoding of one picture may need beside the libraries."""
_LENGTH = struct.Struct("<I")
_KEPT_BYTES = 64 << 20  # more shared memory than this is given back after a picture


def send(pipe: int, message: dict[str, Any], payload: bytes | memoryview = b"") -> None:
    """Write a message, the length of its payload with it, and the payload."""
    head = json.dumps({**message, "payload": len(payload)}).encode()
    _write(pipe, _LENGTH.pack(len(head)) + head)
    _write(pipe, payload)


def receive(pipe: int) -> tuple[dict[str, Any], bytearray]:
    """The next message and its payload; EOFError when the other side has gone."""
    (length,) = _LENGTH.unpack(_read(pipe, _LENGTH.size))
    message = json.loads(_read(pipe, length))
    return message, _read(pipe, message.pop("payload"))


def _write(pipe: int, data: bytes | memoryview) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(pipe, rest) :]


def _read(pipe: int, length: int) -> bytearray:
    data = bytearray(length)
    rest = memoryview(data)
    while rest:
        if not (count := os.readv(pipe, [rest])):
            raise EOFError
        rest = rest[count:]
    return data


def serve(requests: int, replies: int, memory: int) -> None:
    """Decode what is asked for until the asking process closes its end.

    Args:
        requests, replies: pipes.
        memory: a file in memory, into which the pixels are written.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; who asked decides what it means
    warnings.simplefilter("ignore")
    _limit_memory()
    send(replies, {"ready": True})
    while True:
        try:
            asked, stream = receive(requests)
        except EOFError:
            return
        seconds = asked.pop("seconds")
        signal.setitimer(signal.ITIMER_PROF, seconds)  # processor time; the signal ends this process
        try:
            reply = _put(memory, decode_stream(bytes(stream), asked))
        except Exception as error:  # four decoders, each with exceptions of their own
            reply = {"error": last_reason_of(error)}
        signal.setitimer(signal.ITIMER_PROF, 0)
        send(replies, reply)


def _put(memory: int, pixels: np.ndarray) -> dict[str, Any]:
    if os.fstat(memory).st_size < pixels.nbytes or os.fstat(memory).st_size > _KEPT_BYTES:
        os.ftruncate(memory, 0)
        os.ftruncate(memory, pixels.nbytes)
    with mmap.mmap(memory, pixels.nbytes) as shared:
        place = np.ndarray(pixels.shape, pixels.dtype, shared)
        place[...] = pixels
        del place  # a map with arrays in it cannot be closed
    return {"dtype": pixels.dtype.str, "shape": pixels.shape}


def decode_stream(stream: bytes, said: dict[str, Any]) -> np.ndarray:
    """The pixels of one frame, by pydicom's decoders for `said["syntax"]` with the rest of `said` as their options."""
    options = {name: value for name, value in said.items() if name != "syntax"}
    pixels, _ = get_decoder(UID(said["syntax"])).as_array(encapsulate([stream], has_bot=False), index=0, **options)
    return pixels


def last_reason_of(error: Exception) -> str:
    """One line: what the last of pydicom's decoders said, without pydicom's own introduction."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return worded(lines[-1] if lines else type(error).__name__)


def _limit_memory() -> None:
    """An allocation beyond the limit fails, where the system can set one, instead of filling the machine."""
    try:
        import resource

        with open("/proc/self/statm", encoding="ascii") as sizes:
            used = int(sizes.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY_BYTES, resource.RLIM_INFINITY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, OSError, ValueError):
        return
