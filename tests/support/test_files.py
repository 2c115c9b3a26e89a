"""Files are whole or absent."""

import errno
import hashlib
import os
import subprocess
import sys
import threading

import pytest

from mammoscribe.support.errors import InputError
from mammoscribe.support.files import (
    file_mode,
    held_folder,
    sha256_of,
    text_writer,
    working_folder,
    write_bytes,
    write_text,
)


def test_a_file_is_written_with_its_folders_and_leaves_nothing_beside_it(tmp_path):
    path = write_text(tmp_path / "a" / "b.txt", "é")
    assert path.read_bytes() == "é".encode()
    assert [p.name for p in path.parent.iterdir()] == ["b.txt"]
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_write_that_fails_leaves_the_old_file_and_no_half_of_the_new(tmp_path, monkeypatch):
    path = write_text(tmp_path / "a.txt", "old")

    def refuse(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(InputError, match=r"a\.txt cannot be written: disk full"):
        write_bytes(path, b"new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("size", [0, 1, (1 << 20) + 1])
def test_the_digest_is_of_all_bytes(tmp_path, size):
    path = write_bytes(tmp_path / "a", b"x" * size)
    assert sha256_of(path) == hashlib.sha256(b"x" * size).hexdigest()


def test_a_stream_becomes_the_file_when_it_ends_well(tmp_path):
    with text_writer(tmp_path / "a" / "t.csv") as stream:
        stream.write("ä\n")
        assert not (tmp_path / "a" / "t.csv").exists()
    assert (tmp_path / "a" / "t.csv").read_bytes() == "ä\n".encode()


def test_a_stream_that_breaks_off_leaves_the_old_file_and_nothing_else(tmp_path):
    (tmp_path / "t.csv").write_text("old")

    def break_off():
        with text_writer(tmp_path / "t.csv") as stream:
            stream.write("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        break_off()
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("t.csv", "old")]


@pytest.fixture
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.mark.parametrize(("umask", "mode"), [(0o077, 0o600), (0o027, 0o640), (0o022, 0o644)], indirect=["umask"])
def test_files_have_the_permissions_that_the_umask_allows(umask, mode, tmp_path):
    write_text(tmp_path / "a", "text")
    with text_writer(tmp_path / "b") as stream:
        stream.write("text")
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in "ab"] == [mode, mode]
    assert file_mode() == mode and os.umask(umask) == umask  # reading the umask leaves it as it was


FILLS_THE_DISK = """
import resource, signal, sys
from pathlib import Path
from mammoscribe.support.errors import InputError
from mammoscribe.support.files import text_writer, write_bytes
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
folder = Path(sys.argv[1])
def stream():
    with text_writer(folder / "b.csv") as rows:
        rows.write("x" * 100_000)
for write in (lambda: write_bytes(folder / "a.bin", b"x" * 100_000), stream):
    try:
        write()
    except InputError as error:
        print(error.sentence())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no such limit there")
def test_a_file_that_the_system_refuses_to_let_grow_is_one_sentence_and_is_not_there(tmp_path):
    done = subprocess.run([sys.executable, "-c", FILLS_THE_DISK, str(tmp_path)], capture_output=True, text=True)
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert len(lines) == 2 and all("cannot be written" in line and line.endswith("make room.") for line in lines)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_or_quota_is_one_sentence(code, tmp_path):
    def fill():
        with text_writer(tmp_path / "a.csv"):
            raise OSError(code, os.strerror(code))

    with pytest.raises(InputError, match=r"a\.csv cannot be written: .*; make room"):
        fill()
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_another_file_is_not_taken_for_one_of_this(tmp_path):
    def read_another():
        with text_writer(tmp_path / "a.csv"):
            (tmp_path / "nothing").read_text()

    with pytest.raises(FileNotFoundError):
        read_another()
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_to_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"report\.html cannot be written: .*give a place"):
        write_text(tmp_path / "file" / "report.html", "text")


def test_text_that_is_no_unicode_is_one_sentence_and_leaves_no_file(tmp_path):
    def stream():
        with text_writer(tmp_path / "a.csv") as rows:
            rows.write("caf\udce9.dcm")

    for write in (stream, lambda: write_text(tmp_path / "b.txt", "caf\udce9.dcm")):
        with pytest.raises(InputError, match=r"caf\\udce9\.dcm.*no Unicode"):
            write()
    assert list(tmp_path.iterdir()) == []


HOLDS = """
import sys, time
from pathlib import Path
from mammoscribe.support.files import held_folder, working_folder
with held_folder(Path(sys.argv[1]), "writing") if sys.argv[2] == "held" else working_folder(Path(sys.argv[1]), "writing") as f:
    (f or Path(sys.argv[1])).joinpath("half").write_text("half")
    print("ready", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize(("how", "hold"), [("held", held_folder), ("working", working_folder)])
def test_a_second_run_is_refused_while_the_first_one_runs_and_goes_on_where_it_was_killed(how, hold, tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    first = subprocess.Popen([sys.executable, "-c", HOLDS, str(folder), how], stdout=subprocess.PIPE, text=True)
    try:
        assert first.stdout.readline() == "ready\n"
        with (
            pytest.raises(InputError, match=r"another run is writing .*out; expected one at a time"),
            hold(folder, "writing"),
        ):
            pass
    finally:
        first.kill()
        first.wait()
        first.stdout.close()
    with hold(folder, "writing") as part:
        if part is not None:
            assert list(part.iterdir()) == []  # what the killed run left is gone
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_run_that_waits_begins_when_the_folder_is_free(tmp_path):
    def second():
        with held_folder(tmp_path, "writing", waits=True):
            order.append("second")

    order: list[str] = []
    thread = threading.Thread(target=second)
    with held_folder(tmp_path, "writing"):
        thread.start()
        thread.join(0.2)
        assert thread.is_alive()
        order.append("first")
    thread.join(20)
    assert order == ["first", "second"]


def test_a_link_with_the_name_of_the_working_folder_is_not_followed(tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("text")
    (tmp_path / ".out.part").symlink_to(tmp_path / "precious", target_is_directory=True)
    with working_folder(tmp_path / "out", "writing") as part:
        assert not part.is_symlink()
    assert (tmp_path / "precious" / "file").read_text() == "text"
