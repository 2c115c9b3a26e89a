"""Large files from the network: resumed where they broke off, checked against their digest before they get their name."""

import hashlib
import http.client
import os
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from mammoscribe.support.errors import InputError, InvalidNoun

CHUNK = 1 << 20
TIMEOUT_S = 30.0
Progress = Callable[[int, int | None], None]
"""Called with the bytes that are there and those there will be (None when nobody said)."""


@dataclass(frozen=True)
class PinnedFile:
    """A file by name, and what is known of its content: size in bytes and digests; None where nothing is known."""

    file: str
    size_bytes: int | None = None
    sha256: str | None = None
    md5: str | None = None

    def __post_init__(self) -> None:
        if not self.file or Path(self.file).name != self.file:
            raise InvalidNoun(f"a pinned file called {self.file!r}", "a plain file name")
        for digest, length in ((self.sha256, 64), (self.md5, 32)):
            if digest is not None and (len(digest) != length or set(digest) - set("0123456789abcdef")):
                raise InvalidNoun(f"a digest {digest!r} of {self.file}", f"{length} lower-case hex digits")

    @property
    def pinned(self) -> bool:
        """Whether a digest is known."""
        return self.sha256 is not None or self.md5 is not None

    def check(self, path: Path, name: str | None = None) -> None:
        """Raise InputError where the size or a digest of `path` is another than the known one; `name` is for the message."""
        name, size = name or path.name, path.stat().st_size
        if self.size_bytes is not None and size != self.size_bytes:
            raise InputError(f"{name} has {size} bytes", f"{self.size_bytes}", "fetch it again")
        for kind, wanted in (("sha256", self.sha256), ("md5", self.md5)):
            if wanted is not None and (found := digest_of(path, kind)) != wanted:
                raise InputError(f"{name} has the {kind} {found[:16]}...", f"{wanted[:16]}...", "fetch it again")


def digest_of(path: Path, kind: str) -> str:
    """`sha256` or `md5` of a file's bytes, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.new(kind, usedforsecurity=False)).hexdigest()


def download(
    url: str,
    path: Path,
    check: Callable[[Path], None],
    progress: Progress | None = None,
    size_bytes: int | None = None,
) -> Path:
    """Fetch `url` to `path`; what broke off is kept as `PATH.part` and gone on with by an HTTP range request.

    Args:
        url: http or https.
        path: the final name; its folder is made.
        check: raises InputError when the content of the whole `.part` file is not the wanted one, which is then deleted.
        progress: told the bytes that are there, and the size.
        size_bytes: the size, where it is known beforehand.

    Raises:
        InputError: when the server refuses or cannot be reached, the connection breaks (the part is kept), it sends more
            than the known size, or `check` refuses the content.
    """
    part = path.with_name(f"{path.name}.part")
    part.parent.mkdir(parents=True, exist_ok=True)
    if size_bytes is None or not part.is_file() or part.stat().st_size != size_bytes:
        _fetch(url, part, progress or _untold, size_bytes)
    try:
        check(part)
    except InputError:
        part.unlink()
        raise
    os.replace(part, path)
    return path


def copy_checked(source: Path, path: Path, check: Callable[[Path], None]) -> Path:
    """Copy a file that is already on this machine, under the same check and the same rule of whole files."""
    if not source.is_file():
        raise InputError(f"no {source.name} in {source.parent}", "the published file", "give another folder")
    check(source)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    try:
        shutil.copyfile(source, part)
        check(part)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return path


def _fetch(url: str, part: Path, progress: Progress, size_bytes: int | None) -> None:
    """Bring `part` to its full length."""
    if not url.startswith(("https://", "http://")):
        raise InputError(f"cannot fetch {url}", "an http or https address")
    have = part.stat().st_size if part.is_file() else 0
    if size_bytes is not None and have > size_bytes:
        have = 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})  # noqa: S310 (see above)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as reply:  # noqa: S310
            goes_on = reply.status == 206 and _starts_at(reply.headers.get("Content-Range"), have)
            have = have if goes_on else 0
            length = reply.headers.get("Content-Length")
            size = have + int(length) if length is not None and length.isdecimal() else size_bytes
            if size_bytes is not None and size is not None and size > size_bytes:
                raise InputError(f"{url} has {size} bytes", f"{size_bytes}", "look for another address")
            with part.open("ab" if goes_on else "wb") as stream:
                _pour(reply, stream, have, size, progress)
            if size_bytes is not None and part.stat().st_size > size_bytes:
                part.unlink()
                raise InputError(f"{url} sends more than {size_bytes} bytes", "no more", "look for another address")
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:
            return  # nothing comes after the part: whether it is the whole is for the check to say
        raise InputError(f"{url}: the server says {error.code} {error.reason}", "", "try later") from error
    except (urllib.error.URLError, ConnectionError, TimeoutError, http.client.HTTPException) as error:
        raise InputError(f"{url}: {error or type(error).__name__}", "a connection", "run the command again") from error
    if size is not None and part.stat().st_size < size:
        raise InputError(f"{url}: broke off at {part.stat().st_size} of {size} bytes", "", "run the command again")


def _untold(_done: int, _size: int | None) -> None:
    """Nobody wants to know."""


def _starts_at(content_range: str | None, have: int) -> bool:
    """Whether a 206 reply begins where the part ends."""
    return content_range is not None and content_range.removeprefix("bytes ").split("-")[0] == str(have)


def _pour(reply: http.client.HTTPResponse, stream: BinaryIO, have: int, size: int | None, progress: Progress) -> None:
    progress(have, size)
    while chunk := reply.read1(CHUNK):
        try:
            stream.write(chunk)
        except OSError as error:
            raise InputError(f"cannot write the fetched file: {error.strerror}", "", "make room") from error
        have += len(chunk)
        if size is not None and have > size:
            return  # more than there should be: enough was read to know it
        progress(have, size)
