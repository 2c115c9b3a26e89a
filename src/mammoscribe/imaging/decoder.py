"""Compressed pixels are decoded in a process beside this one: a decoder that crashes ends that process, and not this one."""

import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from multiprocessing import spawn, util
from typing import Any

import numpy as np

from mammoscribe.imaging.decoder_process import Shared, decode_stream, last_reason_of, receive, send
from mammoscribe.support.errors import InputError

Declaration = Mapping[str, str | int]
"""What pydicom's decoders need to know of a picture: transfer syntax, size, bits, photometric interpretation."""

_START_S = 120.0
_BASE_S, _S_PER_MEGAPIXEL = 5.0, 2.0
"""Processor time for one picture; the slowest codec, lossless JPEG 2000, takes 0.2 s a megapixel."""
_PATIENCE = 10.0
"""Wall time over processor time after which a process that does nothing is ended; a busy machine is slow."""
_KEPT = 4
"""Idle processes that are kept warm; there are more only while more threads than that decode at once."""
_PROGRAM = (
    "import sys; sys.path[:] = sys.argv[4:]; "
    "from mammoscribe.imaging.decoder_process import serve; serve(*map(int, sys.argv[1:4]))"
)
_ENVIRONMENT = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    # glibc: the room of one picture is kept for the next, which saves a fifth of the time
    **dict.fromkeys(("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"), str(256 << 20)),
}


class _Died(Exception):
    """The process ended before it answered."""


class DecoderProcess:
    """One process that decodes one picture after the other; it ends with this one, however this one ends."""

    def __init__(self) -> None:
        self.served, self.timed_out = 0, False
        ours, theirs = os.pipe(), os.pipe()  # requests to it, replies from it
        self._memory = _memory_file()
        self._shared = Shared(self._memory)
        handed = (ours[0], theirs[1], self._memory)
        command = [spawn.get_executable(), "-c", _PROGRAM, *map(str, handed), *sys.path]
        try:
            self._process = subprocess.Popen(  # noqa: S603 (this Python, with our own code)
                command, pass_fds=handed, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, env={**os.environ, **_ENVIRONMENT},
            )  # fmt: skip
        except OSError as error:
            for pipe in (*ours, *theirs, self._memory):
                os.close(pipe)
            raise InputError(f"the process that decodes pixels cannot be started ({error.strerror})") from error
        os.close(ours[0])
        os.close(theirs[1])
        self._requests, self._replies = ours[1], theirs[0]
        try:
            self._reply(_START_S)
        except _Died as error:
            self.close()
            raise InputError("the process that decodes pixels does not start", "", "see mammoscribe doctor") from error

    def decode(self, stream: bytes, declared: Declaration, seconds: float) -> np.ndarray:
        """The pixels of one stream.

        Shapes: [H, W], or [H, W, samples].

        Raises:
            InputError: when a decoder says what is wrong with the stream.
            _Died: when the process ended over it.
        """
        self.served += 1
        self._shared.room(len(stream))[: len(stream)] = stream
        try:
            send(self._requests, {**declared, "seconds": seconds, "length": len(stream)})
        except OSError as error:
            raise _Died from error
        reply = self._reply(seconds * _PATIENCE)
        if "error" in reply:
            raise InputError(f"the pixels cannot be decoded ({reply['error']})", "whole pixel data")
        pixels = np.empty(tuple(reply["shape"]), reply["dtype"])
        np.copyto(pixels, np.ndarray(pixels.shape, pixels.dtype, self._shared.room(pixels.nbytes)))
        self._shared.give_back()
        return pixels

    def _reply(self, seconds: float) -> dict[str, Any]:
        if not select.select([self._replies], [], [], seconds)[0]:
            self.timed_out = True
            self._process.kill()
        try:
            return receive(self._replies)
        except (OSError, EOFError) as error:
            raise _Died from error

    def close(self) -> int:
        """End it and say how it ended: the negative number of a signal, or its exit code."""
        self._shared.close()
        for handle in (self._requests, self._replies, self._memory):
            os.close(handle)
        try:
            return self._process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()


def decode_apart(stream: bytes, declared: Declaration) -> np.ndarray:
    """The stored values of one compressed picture, [H, W] or [H, W, samples], as its decoder gives them.

    The process is started when it is first needed, kept for the next picture, and started again when it has died. Threads
    may call this at once; a process that was forked from this one starts its own.

    Args:
        stream: one frame.
        declared: `syntax` and the options of `pydicom.pixels.Decoder.as_array` by their names there.

    Raises:
        InputError: when a decoder refuses the stream, crashes on it, or needs too much time or memory.
    """
    if os.name != "posix":
        return _decode_here(stream, declared)
    return _PROCESSES.decode(stream, declared)


class _Processes:
    """The idle processes of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[DecoderProcess] = []
        self._owner = 0

    def decode(self, stream: bytes, declared: Declaration) -> np.ndarray:
        seconds = _BASE_S + _S_PER_MEGAPIXEL * int(declared["rows"]) * int(declared["columns"]) / 1e6
        while True:
            process = self._take()
            fresh = process.served == 0
            try:
                pixels = process.decode(stream, declared, seconds)
            except InputError:
                self._give_back(process)
                raise
            except _Died as error:
                ended = process.close()
                if fresh or ended == -signal.SIGPROF or process.timed_out:
                    raise InputError(*_what_happened(ended, process.timed_out, seconds)) from error
                continue  # a picture before this one may have harmed it: only a fresh one is proof
            except BaseException:
                process.close()  # in the middle of an answer
                raise
            self._give_back(process)
            return pixels

    def _take(self) -> DecoderProcess:
        with self._lock:
            if self._owner != os.getpid():  # new, or forked: the processes belong to the parent
                self._owner, self._idle = os.getpid(), []
                util.Finalize(None, self.close, exitpriority=0)
            if self._idle:
                return self._idle.pop()
        return DecoderProcess()

    def _give_back(self, process: DecoderProcess) -> None:
        with self._lock:
            if len(self._idle) < _KEPT:
                self._idle.append(process)
                return
        process.close()

    def close(self) -> None:
        """End the idle processes."""
        with self._lock:
            idle, self._idle = self._idle, []
        for process in idle:
            process.close()


_PROCESSES = _Processes()  # kept warm from call to call; nothing is started before the first compressed picture


def _memory_file() -> int:
    """A handle of a file that is nowhere but in memory, or has no name."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("mammoscribe")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _what_happened(ended: int, timed_out: bool, seconds: float) -> tuple[str, str]:
    if timed_out or ended == -signal.SIGPROF:
        reason = f"the decoder was not done after {seconds:.0f} s"
    elif ended == -signal.SIGKILL:
        reason = "the decoder was killed, perhaps because there was no memory left"
    else:
        name = signal.Signals(-ended).name if ended < 0 else f"exit code {ended}"
        reason = f"the decoder crashed, {name}"
    return f"the pixels cannot be decoded ({reason})", "whole pixel data"


def _decode_here(stream: bytes, declared: Declaration) -> np.ndarray:
    """Where a process cannot be handed pipes and memory by number (Windows)."""
    try:
        return decode_stream(stream, dict(declared))
    except MemoryError:
        raise
    except Exception as error:
        raise InputError(f"the pixels cannot be decoded ({last_reason_of(error)})", "whole pixel data") from error
