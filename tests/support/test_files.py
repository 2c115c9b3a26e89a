"""Files are whole or absent."""

import hashlib
import os

import pytest

from mammoscribe.support.files import sha256_of, text_writer, write_bytes, write_text


def test_a_file_is_written_with_its_folders_and_leaves_nothing_beside_it(tmp_path):
    path = write_text(tmp_path / "a" / "b.txt", "é")
    assert path.read_bytes() == "é".encode()
    assert [p.name for p in path.parent.iterdir()] == ["b.txt"]


def test_a_write_that_fails_leaves_the_old_file_and_no_half_of_the_new(tmp_path, monkeypatch):
    path = write_text(tmp_path / "a.txt", "old")

    def refuse(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="disk full"):
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


@pytest.mark.parametrize(("umask", "mode"), [(0o077, 0o600), (0o027, 0o640), (0o022, 0o644), (0o002, 0o664)])
def test_new_files_have_the_permissions_that_the_umask_leaves(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        written = [write_text(tmp_path / "a.txt", "a")]
        with text_writer(tmp_path / "b.txt") as stream:
            stream.write("b")
        assert os.umask(umask) == umask, "asking for the umask must not change it"
    finally:
        os.umask(before)
    assert {p.stat().st_mode & 0o777 for p in (*written, tmp_path / "b.txt")} == {mode}
