"""The process in which compressed pixels are decoded: requests come through a pipe, pixels go back through shared memory.

Decoders written in C end the whole process on some damaged streams. This one may end; the process that asked goes on.
"""

import json
import mmap
import os
import select
import signal
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from pydicom.encaps import encapsulate
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID

from mammoscribe.imaging.damage import worded

MEMORY_BYTES = 2 << 30
"""What the decoding of one picture may need beside the libraries."""
_LENGTH = struct.Struct("<I")
_KEPT_BYTES = 64 << 20  # a shared file that has grown beyond is given back after the picture


class Shared:
    """A file in memory that two processes map; they use it in turns, so the one who needs more room makes it."""

    def __init__(self, file: int) -> None:
        self._file = file
        self._map: mmap.mmap | None = None

    def room(self, size: int) -> mmap.mmap:
        """At least so many bytes."""
        there = os.fstat(self._file).st_size
        if there < size:
            os.ftruncate(self._file, size)
            there = size
        if self._map is None or len(self._map) != there:
            self.close()
            self._map = mmap.mmap(self._file, there)
        return self._map

    def give_back(self) -> None:
        """Free the room of a large picture."""
        if os.fstat(self._file).st_size > _KEPT_BYTES:
            self.close()
            os.ftruncate(self._file, 0)

    def close(self) -> None:
        """Unmap it."""
        if self._map is not None:
            self._map.close()
            self._map = None


def send(pipe: int, message: dict[str, Any]) -> None:
    """Write a message."""
    text = json.dumps(message).encode()
    rest = memoryview(_LENGTH.pack(len(text)) + text)
    while rest:
        rest = rest[os.write(pipe, rest) :]


def receive(pipe: int) -> dict[str, Any]:
    """The next message; EOFError when the other side has gone."""
    (length,) = _LENGTH.unpack(_read(pipe, _LENGTH.size))
    return json.loads(_read(pipe, length))


def _read(pipe: int, length: int) -> bytes:
    data = b""
    while len(data) < length:
        if not (more := os.read(pipe, length - len(data))):
            raise EOFError
        data += more
    return data


def serve(requests: int, replies: int, memory: int) -> None:
    """Decode what is asked for until the asking process closes its end.

    Args:
        requests, replies: pipes.
        memory: a file in memory, in which the stream comes and the pixels go.
    """
    for number in (signal.SIGINT, signal.SIGTERM):  # a terminal or a queue sends them to all; who asked decides
        signal.signal(number, signal.SIG_IGN)
    warnings.simplefilter("ignore")
    _limit_memory()
    shared = Shared(memory)
    send(replies, {"ready": True})
    while True:
        try:
            asked = receive(requests)
        except EOFError:
            return
        seconds, length = asked.pop("seconds"), asked.pop("length")
        try:
            with _ending_with(requests, seconds):
                reply = _put(shared, decode_stream(shared.room(length)[:length], asked))
        except Exception as error:  # four decoders, each with exceptions of their own
            reply = {"error": last_reason_of(error)}
        send(replies, reply)


@contextmanager
def _ending_with(requests: int, seconds: float) -> Iterator[None]:
    """End this process during the block when the asking process ends, or after so much processor time.

    Both are signals of the kernel with their default action (SIGIO when the last writer of the pipe has gone, SIGPROF),
    since a decoder in C that does not return lets neither Python's signal handlers nor its threads run. The death signal
    of Linux (`prctl` PR_SET_PDEATHSIG) would also come when only the thread that started this process ends.
    """
    import fcntl  # not on Windows, where pixels are decoded without this process

    signal.signal(signal.SIGIO, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGIO, signal.SIGPROF))
    flags = fcntl.fcntl(requests, fcntl.F_GETFL)
    fcntl.fcntl(requests, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(requests, fcntl.F_SETFL, flags | os.O_ASYNC)
    if select.select([requests], [], [], 0)[0]:  # nothing is asked before the reply, so this is the end of the pipe
        os.kill(os.getpid(), signal.SIGIO)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        fcntl.fcntl(requests, fcntl.F_SETFL, flags)


def _put(shared: Shared, pixels: np.ndarray) -> dict[str, Any]:
    np.copyto(np.ndarray(pixels.shape, pixels.dtype, shared.room(pixels.nbytes)), pixels)
    return {"dtype": pixels.dtype.str, "shape": pixels.shape}


def decode_stream(stream: bytes, declared: dict[str, Any]) -> np.ndarray:
    """The pixels of one frame, by pydicom's decoders for `declared["syntax"]` with the rest of `declared` as their options."""
    options = {name: value for name, value in declared.items() if name != "syntax"}
    pixels, _ = get_decoder(UID(declared["syntax"])).as_array(encapsulate([stream], has_bot=False), index=0, **options)
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
