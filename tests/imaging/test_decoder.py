"""Compressed pixels are decoded in a process that may die, and that is kept warm."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pydicom
import pytest

from mammoscribe.imaging import decoder, decoder_process
from mammoscribe.imaging.decode import decode
from mammoscribe.imaging.decoder import DecoderProcess, decode_apart
from mammoscribe.phantom.encoding import encode
from mammoscribe.support.errors import InputError
from tests.imaging.drawn import crashing, half_disc, mammogram, saved

pytestmark = pytest.mark.skipif(os.name != "posix", reason="decoded in this process")

COMPRESSED = ("rle", "jpeg_lossless", "jpeg_ls", "j2k_lossless")
STORED = (half_disc(64, 48) * 4000).astype(np.uint16)


def squeezed(path: Path, syntax: str, stored: np.ndarray = STORED) -> Path:
    dataset = pydicom.dcmread(saved(mammogram(stored), path))
    encode(dataset, syntax)
    dataset.save_as(path, enforce_file_format=True)
    return path


def raw_stream(said: str = "1.2.840.10008.1.2.5") -> tuple[bytes, dict[str, str | int]]:
    """An RLE frame and what the decoders are told of it."""
    dataset = mammogram(STORED)
    dataset.compress(pydicom.uid.UID(said), encoding_plugin="pydicom", generate_instance_uid=False)
    stream = pydicom.encaps.get_frame(dataset.PixelData, 0, number_of_frames=1)
    return stream, {
        "syntax": said, "rows": 64, "columns": 48, "samples_per_pixel": 1, "bits_allocated": 16, "bits_stored": 12,
        "pixel_representation": 0, "photometric_interpretation": "MONOCHROME2", "number_of_frames": 1,
        "planar_configuration": 0, "pixel_keyword": "PixelData",
    }  # fmt: skip


@pytest.fixture
def alone(monkeypatch):
    """A pool of its own, closed afterwards."""
    pool = decoder._Processes()
    monkeypatch.setattr(decoder, "_PROCESSES", pool)
    yield pool
    pool.close()


def children() -> set[int]:
    """Processes of this one, zombies too."""
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(os.getpid())], capture_output=True, text=True).stdout
    return {int(pid) for pid in found.split()}


@pytest.mark.parametrize("syntax", COMPRESSED)
def test_one_process_decodes_picture_after_picture(syntax, tmp_path):
    path = squeezed(tmp_path / "a.dcm", syntax)
    served = []
    for _ in range(3):
        assert np.array_equal(decode(path).pixels, STORED.astype(np.float32) / np.float32(4095))
        served.append(decoder._PROCESSES._idle[-1].served)
    assert served == [served[0], served[0] + 1, served[0] + 2]


def test_pictures_of_different_sizes_and_kinds_do_not_mix(tmp_path):
    large = (half_disc(300, 200) * 4000).astype(np.uint16)
    paths = [squeezed(tmp_path / "a.dcm", "jpeg_ls", large), squeezed(tmp_path / "b.dcm", "j2k_lossless")]
    shapes = [decode(p).pixels.shape for p in (*paths, *paths)]
    assert shapes == [(300, 200), (64, 48)] * 2
    assert np.array_equal(decode(paths[1]).pixels, STORED.astype(np.float32) / np.float32(4095))


def test_a_decoder_that_crashes_is_one_sentence_and_the_next_picture_is_decoded(tmp_path, alone):
    whole, broken = squeezed(tmp_path / "whole.dcm", "jpeg_lossless"), crashing(tmp_path / "broken.dcm")
    for _ in range(2):
        with pytest.raises(
            InputError, match=r"broken\.dcm: the pixels cannot be decoded \(the decoder crashed, SIG\w+\)"
        ):
            decode(broken)
        assert decode(whole).pixels.shape == (64, 48)


def test_a_crash_is_proved_in_a_fresh_process_for_an_earlier_picture_may_have_harmed_a_used_one(alone, monkeypatch):
    stream, said = raw_stream()
    decode_apart(stream, said)
    (used,) = alone._idle
    honest = DecoderProcess.decode

    def harmed(self, stream, said, seconds):
        if self is used:
            os.kill(self._process.pid, signal.SIGSEGV)
            self._process.wait()
        return honest(self, stream, said, seconds)

    monkeypatch.setattr(DecoderProcess, "decode", harmed)
    assert np.array_equal(decode_apart(stream, said), STORED)
    assert alone._idle[0] is not used


def test_a_warm_process_that_has_died_meanwhile_is_replaced(alone):
    stream, said = raw_stream()
    decode_apart(stream, said)
    alone._idle[0]._process.kill()
    alone._idle[0]._process.wait()
    assert np.array_equal(decode_apart(stream, said), STORED)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_all_processes_of_a_job_get_does_not_end_the_process(alone, number):
    stream, said = raw_stream()
    decode_apart(stream, said)
    used = alone._idle[0]
    os.kill(used._process.pid, number)
    assert np.array_equal(decode_apart(stream, said), STORED)
    assert alone._idle[0] is used and used._process.poll() is None


def test_a_decoder_that_does_not_end_is_ended(monkeypatch, alone):
    stream, said = raw_stream()
    decode_apart(stream, said)
    os.kill(alone._idle[0]._process.pid, signal.SIGSTOP)
    monkeypatch.setattr(decoder, "_BASE_S", 0.05)
    with pytest.raises(InputError, match=r"the decoder was not done after 0 s"):
        decode_apart(stream, said)


def test_processor_time_is_limited_in_the_process_itself():
    requests, replies, memory = os.pipe(), os.pipe(), os.memfd_create("x")
    busy = (
        "from mammoscribe.imaging import decoder_process as d\n"
        "def spin(stream, said):\n    while True: pass\n"
        f"d.decode_stream = spin\nd.serve({requests[0]}, {replies[1]}, {memory})"
    )
    process = subprocess.Popen([sys.executable, "-c", busy], pass_fds=(requests[0], replies[1], memory))
    assert decoder_process.receive(replies[0]) == {"ready": True}
    decoder_process.send(requests[1], {"seconds": 0.2, "length": 1})
    assert process.wait(timeout=30) == -signal.SIGPROF


def test_a_stream_that_no_decoder_takes_is_one_sentence_and_the_process_stays():
    stream, said = raw_stream()
    decode_apart(stream, said)
    process = decoder._PROCESSES._idle[-1]
    with pytest.raises(InputError, match=r"the pixels cannot be decoded \(.+\)"):
        decode_apart(stream[:70], said)
    assert decoder._PROCESSES._idle[-1] is process


def test_threads_decode_at_once_each_in_a_process_of_its_own(alone):
    stream, said = raw_stream()
    found = []
    threads = [threading.Thread(target=lambda: found.append(decode_apart(stream, said))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3 and all(np.array_equal(pixels, STORED) for pixels in found)
    assert len(alone._idle) <= decoder._KEPT


def test_closing_leaves_no_process_and_no_open_file_behind(alone):
    before, files = children(), len(os.listdir("/proc/self/fd"))
    decode_apart(*raw_stream())
    (process,) = alone._idle
    assert process._process.pid in children() - before
    alone.close()
    assert process._process.pid not in children()
    assert len(os.listdir("/proc/self/fd")) == files


SCRIPT = """
import os, sys
from mammoscribe.imaging.decode import decode
from mammoscribe.imaging import decoder
decode(sys.argv[1])
(process,) = decoder._PROCESSES._idle
print(process._process.pid, flush=True)
{then}
"""


FORKED = """
import multiprocessing
def in_the_child():
    decode(sys.argv[1])
    (own,) = decoder._PROCESSES._idle
    sys.exit(own._process.pid == process._process.pid)
child = multiprocessing.get_context("fork").Process(target=in_the_child)
child.start()
child.join()
sys.exit(child.exitcode)
"""


def run_script(path: Path, then: str) -> tuple[int, int]:
    """Exit code of a script that decodes and then does something, and the pid of its decoder."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(then=then), str(path)], capture_output=True, text=True, env=environment
    )
    assert done.stderr == ""
    return done.returncode, int(done.stdout.split()[0])


@pytest.mark.parametrize(
    ("then", "code"),
    [
        ("", 0),
        ("os._exit(3)", 3),
        ("os.kill(os.getpid(), 9)", -9),
        (FORKED, 0),
    ],
)  # fmt: skip
def test_the_process_ends_with_the_one_that_asked_however_that_ends(then, code, tmp_path):
    ended, pid = run_script(squeezed(tmp_path / "a.dcm", "rle"), then)
    assert ended == code
    for _ in range(100):
        if not is_running(pid):
            return
        time.sleep(0.05)
    pytest.fail("the decoding process goes on")


ENDLESS = """
import os, sys, threading
from mammoscribe.imaging import decoder, decoder_process
from tests.imaging.test_decoder import raw_stream
begin = "from mammoscribe.imaging import decoder_process as d; exec(" + repr(sys.argv[1]) + ", d.__dict__); "
decoder._PROGRAM = decoder._PROGRAM.replace("serve(*", begin + "d.serve(*")
thread = threading.Thread(target=decoder.decode_apart, args=raw_stream())
thread.start()
thread.join()
"""
DECODERS = {
    "a loop in Python": "while True: pass",
    "a wait in C that holds the interpreter's lock and needs no processor": "ctypes.PyDLL(None).sleep(600)",
}


@pytest.mark.parametrize("endless", DECODERS.values(), ids=list(DECODERS))
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_decode_that_does_not_end_is_ended_when_the_asking_process_is_killed(endless, tmp_path):
    started = tmp_path / "pid"
    fake = (
        "import ctypes\ndef decode_stream(stream, said):\n"
        f"    open({str(started)!r} + '.part', 'w').write(str(os.getpid()))\n"
        f"    os.rename({str(started)!r} + '.part', {str(started)!r})\n    {endless}\n"
    )
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, sys.path)]),
    }
    asking = subprocess.Popen([sys.executable, "-c", ENDLESS, fake], env=environment)
    try:
        wait_for(started.exists, "the decoder does not start", 60)
        pid = int(started.read_text())
        assert is_running(pid)
    finally:
        asking.kill()
        asking.wait()
    wait_for(lambda: not is_running(pid), "the decoding process goes on", 5)


def wait_for(reached, otherwise: str, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not reached():
        if time.monotonic() > end:
            pytest.fail(otherwise)
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0] != "Z"
    except OSError:
        return False


def test_the_process_is_started_without_running_the_users_script_again(tmp_path):
    script = tmp_path / "unguarded.py"
    script.write_text("print('once')\nfrom mammoscribe.imaging.decode import decode\nimport sys\ndecode(sys.argv[1])\n")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    path = squeezed(tmp_path / "a.dcm", "jpeg_ls")
    done = subprocess.run([sys.executable, script, path], capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, "once\n", "")
