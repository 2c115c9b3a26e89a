"""Downloads from a server on this machine: whole or absent, gone on with, checked."""

import contextlib
import hashlib
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from mammoscribe.support.downloads import PinnedFile, copy_checked, download
from mammoscribe.support.errors import InputError, InvalidNoun

CONTENT = bytes(range(256)) * 40
SHA256 = hashlib.sha256(CONTENT).hexdigest()
PINNED = PinnedFile("a.bin", len(CONTENT), SHA256)


class Server(ThreadingHTTPServer):
    """Serves CONTENT; `breaks_at` ends the next reply after so many bytes, `ranges` says whether ranges are heard."""

    breaks_at: int | None = None
    endless = False
    ranges = True
    status = 200
    sent = 0
    asked: list


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self):
        asked = self.headers.get("Range")
        self.server.asked.append(asked)
        if self.path.startswith("/moved"):
            self.send_response(302)
            self.send_header("Location", "/a.bin")
            self.end_headers()
            return
        if self.server.status != 200:
            self.send_error(self.server.status)
            return
        start = int(re.match(r"bytes=(\d+)-", asked)[1]) if asked and self.server.ranges else 0
        if start >= len(CONTENT):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        if self.server.endless:
            self.end_headers()
            self.server.sent = 0
            with contextlib.suppress(OSError):
                while self.server.sent < 1 << 30:
                    self.server.sent += self.wfile.write(bytes(1 << 16))
            return
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        end, self.server.breaks_at = self.server.breaks_at, None
        self.wfile.write(CONTENT[start:end])

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    with Server(("127.0.0.1", 0), Handler) as running:
        running.asked = []
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def url(server):
    return f"http://127.0.0.1:{server.server_port}/a.bin"


def test_a_file_comes_whole_and_nothing_is_left_beside_it(url, tmp_path):
    told = []
    path = download(url, tmp_path / "sub" / "a.bin", PINNED.check, lambda done, size: told.append((done, size)))
    assert path.read_bytes() == CONTENT
    assert [p.name for p in path.parent.iterdir()] == ["a.bin"]
    assert told[0] == (0, len(CONTENT)) and told[-1] == (len(CONTENT), len(CONTENT))


@pytest.mark.parametrize("ranges", [True, False], ids=["range", "server without ranges"])
def test_what_broke_off_is_gone_on_with(server, url, tmp_path, ranges):
    server.breaks_at = 1000
    with pytest.raises(InputError, match=f"broke off at 1000 of {len(CONTENT)}"):
        download(url, tmp_path / "a.bin", PINNED.check)
    assert [p.name for p in tmp_path.iterdir()] == ["a.bin.part"]
    server.ranges = ranges
    told = []
    download(url, tmp_path / "a.bin", PINNED.check, lambda done, size: told.append((done, size)))
    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    assert server.asked == [None, "bytes=1000-"]
    assert told[0] == (1000 if ranges else 0, len(CONTENT))


def test_a_redirect_keeps_the_range(server, url, tmp_path):
    (tmp_path / "a.bin.part").write_bytes(CONTENT[:500])
    download(url.replace("a.bin", "moved"), tmp_path / "a.bin", PINNED.check)
    assert server.asked == ["bytes=500-"] * 2
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("size", [len(CONTENT), None])
def test_a_part_that_is_whole_only_gets_its_name(server, url, tmp_path, size):
    (tmp_path / "a.bin.part").write_bytes(CONTENT)
    download(url, tmp_path / "a.bin", PINNED.check, size_bytes=size)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    assert server.asked == ([] if size else [f"bytes={len(CONTENT)}-"])


@pytest.mark.parametrize(
    ("pinned", "message"),
    [
        (PinnedFile("a.bin", sha256="0" * 64), "has the sha256"),
        (PinnedFile("a.bin", md5="0" * 32), "has the md5"),
        (PinnedFile("a.bin", 7), "has 10240 bytes; expected 7"),
    ],
)
def test_another_content_is_refused_and_leaves_nothing(url, tmp_path, pinned, message):
    with pytest.raises(InputError, match=message):
        download(url, tmp_path / "a.bin", lambda part: pinned.check(part, "a.bin"))
    assert list(tmp_path.iterdir()) == []


def test_a_part_of_another_file_is_found_out_and_dropped(url, tmp_path):
    (tmp_path / "a.bin.part").write_bytes(b"x" * 500)
    with pytest.raises(InputError, match="sha256"):
        download(url, tmp_path / "a.bin", PINNED.check)
    assert list(tmp_path.iterdir()) == []


def test_an_older_file_stays_when_the_new_one_is_refused(url, tmp_path):
    (tmp_path / "a.bin").write_bytes(b"old")
    with pytest.raises(InputError):
        download(url, tmp_path / "a.bin", PinnedFile("a.bin", sha256="0" * 64).check)
    assert (tmp_path / "a.bin").read_bytes() == b"old"


def test_more_than_the_pinned_size_is_not_fetched(server, url, tmp_path):
    with pytest.raises(InputError, match=rf"has {len(CONTENT)} bytes; expected 100"):
        download(url, tmp_path / "a.bin", PINNED.check, size_bytes=100)
    server.endless = True
    with pytest.raises(InputError, match=r"sends more than 100 bytes"):
        download(url, tmp_path / "a.bin", PINNED.check, size_bytes=100)
    assert server.sent < 64 << 20 and list(tmp_path.iterdir()) == []


def test_a_server_that_refuses_is_named(server, url, tmp_path):
    server.status = 403
    with pytest.raises(InputError, match=r"a\.bin: the server says 403"):
        download(url, tmp_path / "a.bin", PINNED.check)


def test_a_server_that_is_not_there_is_one_sentence(server, url, tmp_path):
    server.server_close()
    with pytest.raises(InputError, match="expected a connection"):
        download(url, tmp_path / "a.bin", PINNED.check)


def test_other_addresses_than_http_are_refused(tmp_path):
    with pytest.raises(InputError, match="an http or https address"):
        download(f"file://{tmp_path}/x", tmp_path / "a.bin", PINNED.check)


def test_a_local_copy_is_checked_too(tmp_path):
    (tmp_path / "from").mkdir()
    source = tmp_path / "from" / "a.bin"
    with pytest.raises(InputError, match=r"no a\.bin in"):
        copy_checked(source, tmp_path / "a.bin", PINNED.check)
    source.write_bytes(CONTENT)
    assert copy_checked(source, tmp_path / "to" / "a.bin", PINNED.check).read_bytes() == CONTENT
    source.write_bytes(CONTENT[:-1])
    with pytest.raises(InputError, match="10239 bytes"):
        copy_checked(source, tmp_path / "other" / "a.bin", PINNED.check)
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("wrong", [{"file": "../a"}, {"file": ""}, {"sha256": "0" * 63}, {"md5": "G" * 32}])
def test_a_pin_that_cannot_be_is_refused(wrong):
    with pytest.raises(InvalidNoun):
        PinnedFile(**{"file": "a", **wrong})
