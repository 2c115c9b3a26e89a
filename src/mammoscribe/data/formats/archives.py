"""Archives that somebody downloaded, read without unpacking them to disk: the files of a TAR, TAR.GZ or ZIP in turn.

An archive inside an archive is a file like any other and is never opened, and what unpacks without end is stopped.
"""

import gzip
import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, cast

from mammoscribe.data.formats.spool import DiskSet
from mammoscribe.support.errors import InputError, InvalidNoun

KINDS = "an archive (.tar, .tar.gz, .tgz or .zip)"
_PIECE = 1 << 16
_MAX_TAR_HEADER = 1 << 16
"""Bytes of one header; tarfile would read a longer one whole, whatever its size is said to be."""
_ZIP, _GZIP = (b"PK\x03\x04", b"PK\x05\x06"), b"\x1f\x8b"
_BROKEN = (
    EOFError, OSError, ValueError, NotImplementedError, RuntimeError, struct.error, zlib.error,
    tarfile.TarError, zipfile.BadZipFile,
)  # fmt: skip
"""What the standard library raises for damaged archives."""


@dataclass(frozen=True)
class Limits:
    """How much an archive or .gz file may unpack to.

    Args:
        total_bytes: all of it.
        member_bytes: one file of it.
        ratio: unpacked to packed bytes, once `ratio_from_bytes` are unpacked: a small file of blanks is no bomb.
        num_members: files, folders and links.
    """

    total_bytes: int = 1 << 40
    member_bytes: int = 256 << 20
    ratio: float = 250
    ratio_from_bytes: int = 64 << 20
    num_members: int = 5_000_000

    def __post_init__(self) -> None:
        if min(self.total_bytes, self.member_bytes, self.ratio, self.num_members) <= 0:
            raise InvalidNoun(f"limits that let nothing through: {self}", "limits above 0")

    def check(self, what: str, unpacked: int, packed: int) -> None:
        """Raise InputError when so much of `what` goes over the total or the ratio."""
        if unpacked > self.total_bytes:
            raise _too_large(f"{what} unpacks to more than {_size(self.total_bytes)}", "less")
        if unpacked > self.ratio_from_bytes and unpacked > self.ratio * max(packed, 1):
            words = f"{what} unpacks to more than {self.ratio:g} times its size, as an archive made to fill a disk does"
            raise _too_large(words, "data")


DEFAULT = Limits()


def members(path: Path, suffix: str | tuple[str, ...] = "", limits: Limits = DEFAULT) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file in an archive whose name ends in `suffix` (upper or lower case), in its order.

    Names have forward slashes and no leading `./`. Folders and what an operating system puts beside files (`is_litter`) are passed over.

    Raises:
        InputError: for the first member that cannot or must not be read, after those before it: a damaged or encrypted
            one, a link or device, a name that leads out of the archive or comes twice, more than the limits; at the end
            of a TAR that is cut off. The list of a ZIP is at its end, so one that is cut off gives nothing.
    """
    for name, stream in streams(path, suffix, limits):
        yield name, stream.read()


def streams(path: Path, suffix: str | tuple[str, ...] = "", limits: Limits = DEFAULT) -> Iterator[tuple[str, BinaryIO]]:
    """As `members`, with a stream instead of the content; it is to be read before the next one is asked for."""
    path = Path(path)
    endings = tuple(s.lower() for s in ((suffix,) if isinstance(suffix, str) else suffix))
    files = _zip_files if _first_bytes(path, 4) in _ZIP else _tar_files
    seen = DiskSet()
    try:
        for name, stream in files(path, endings, limits):
            if not seen.add(name):
                raise InputError(f"{path} holds {name!r} twice", "each name once", "unpack it and give the folder")
            yield name, stream
    finally:
        seen.close()


@contextmanager
def open_gz(path: Path, limits: Limits = DEFAULT) -> Iterator[io.BufferedIOBase]:
    """A .gz file as a stream of what is packed in it.

    Raises:
        InputError: on reading, when it is damaged, cut off or no .gz file, or unpacks to more than the limits.
    """
    with _Gunzipped(Path(path), limits) as raw, io.BufferedReader(raw, _PIECE) as stream:
        yield stream


def is_litter(name: str) -> bool:
    """Whether a path is what an operating system puts beside files: `__MACOSX/...`, `._name`, `.DS_Store`, `Thumbs.db`."""
    parts = name.split("/")
    return "__MACOSX" in parts or parts[-1].startswith("._") or parts[-1] in (".DS_Store", "Thumbs.db", "desktop.ini")


def _first_bytes(path: Path, count: int) -> bytes:
    if not path.is_file():
        raise InputError(f"{path} is {'a folder' if path.is_dir() else 'not there'}", KINDS)
    with path.open("rb") as stream:
        return stream.read(count)


def _size(count: int) -> str:
    return f"{count >> 20:,} MB" if count >= 1 << 20 else f"{count:,} bytes"


def _too_large(found: str, expected: str) -> InputError:
    return InputError(found, expected, "if you trust it, unpack it yourself and give the folder")


@contextmanager
def _named_faults(what: str) -> Iterator[None]:
    """What is wrong with an archive as one sentence."""
    try:
        yield
    except _BROKEN as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{what} cannot be read to its end ({reason})", "a whole file", "fetch it again") from error


class _Gunzipped(io.RawIOBase):
    """What is packed in a .gz file, counted against the limits."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self._what, self._limits, self._given = str(path), limits, 0
        self._file = path.open("rb")
        self._gzip = gzip.GzipFile(fileobj=self._file, mode="rb")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]  # any writable buffer
        with _named_faults(self._what):
            data = self._gzip.read1(min(len(buffer), _PIECE))
        buffer[: len(data)] = data
        self._given += len(data)
        self._limits.check(self._what, self._given, self._file.tell())
        return len(data)

    def close(self) -> None:
        self._gzip.close()
        self._file.close()
        super().close()


class _Member(io.RawIOBase):
    """One file of an archive, read in small pieces; what is wrong with it becomes an InputError."""

    def __init__(self, stream: IO[bytes], what: str) -> None:
        self._stream, self._what = stream, what

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        with _named_faults(self._what):
            data = self._stream.read(min(len(buffer), _PIECE))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._stream.close()
        super().close()


def _as_stream(stream: IO[bytes], what: str) -> BinaryIO:
    return cast("BinaryIO", io.BufferedReader(_Member(stream, what), _PIECE))


def _usable(path: Path, name: str, size: int, limits: Limits) -> str:
    """The tidied name of a member; InputError for one that leads out of the archive, or is too large."""
    parts = name.split("/")
    if "\\" in name or "\0" in name or ".." in parts or name.startswith("/") or name[1:2] == ":":
        raise InputError(f"{path} holds the name {name!r}", "names that stay inside", "do not trust this archive")
    if size > limits.member_bytes:
        raise _too_large(f"{name!r} in {path} has {_size(size)}", f"at most {_size(limits.member_bytes)}")
    return "/".join(part for part in parts if part not in ("", "."))


def _count(path: Path, number: int, limits: Limits) -> None:
    if number > limits.num_members:
        raise _too_large(f"{path} holds more than {limits.num_members:,} files", "fewer")


def _no_file(path: Path, name: str) -> InputError:
    return InputError(f"{name!r} in {path} is a link or device", "a file", "unpack it yourself and give the folder")


class _TarSource:
    """What tarfile reads from: forward only, and no header of any length that an archive may claim."""

    def __init__(self, stream: io.BufferedIOBase, may_seek: bool) -> None:
        self._stream, self._may_seek, self._position = stream, may_seek, 0
        self.last = b""

    def read(self, size: int) -> bytes:
        if not 0 <= size <= _MAX_TAR_HEADER:
            raise tarfile.ReadError(f"a header of {size} bytes")
        self.last = self._stream.read(size)
        self._position += len(self.last)
        return self.last

    def tell(self) -> int:
        return self._position

    def seekable(self) -> bool:
        return False

    def seek(self, position: int) -> int:
        if position < self._position:
            raise tarfile.ReadError("a member that begins before the one before it ends")
        if self._may_seek:
            self._position = self._stream.seek(position)
        while self._position < position and self.read(min(position - self._position, _PIECE)):
            pass
        return self._position

    @property
    def at_end_mark(self) -> bool:
        """Whether the last block that was read is the one of zeros after the last member."""
        return len(self.last) == tarfile.BLOCKSIZE and not any(self.last)

    def drain(self) -> None:
        """Read what is left, so that the checksum at the end of a .gz file is held against it."""
        while not self._may_seek and self._stream.read(_PIECE):
            pass


@contextmanager
def _tar_source(path: Path, limits: Limits) -> Iterator[_TarSource]:
    if _first_bytes(path, 2) == _GZIP:
        with open_gz(path, limits) as stream:
            yield _TarSource(stream, may_seek=False)
    else:
        with path.open("rb") as stream:
            yield _TarSource(stream, may_seek=True)


def _tar_files(path: Path, endings: tuple[str, ...], limits: Limits) -> Iterator[tuple[str, BinaryIO]]:
    with _tar_source(path, limits) as source:
        archive = _opened_tar(path, source)
        number = unpacked = 0
        while (info := _next(archive, str(path))) is not None:
            number += 1
            _count(path, number, limits)
            if not info.isdir() and _wanted(info.name, endings):
                if not info.isreg():
                    raise _no_file(path, info.name)
                name = _usable(path, info.name, info.size, limits)
                unpacked += info.size  # a sparse file is much larger than its part of the TAR
                limits.check(str(path), unpacked, path.stat().st_size)
                yield name, _as_stream(cast("IO[bytes]", archive.extractfile(info)), f"{name!r} in {path}")
        if not source.at_end_mark:
            raise InputError(f"{path} is cut off or damaged after {number} members", "a whole file", "fetch it again")
        source.drain()


def _opened_tar(path: Path, source: _TarSource) -> tarfile.TarFile:
    with _named_faults(str(path)):
        try:
            return tarfile.TarFile(fileobj=cast("IO[bytes]", source), mode="r")
        except tarfile.ReadError as error:
            raise InputError(f"{path} is not an archive ({error})", KINDS, "fetch it again") from error


def _next(archive: tarfile.TarFile, what: str) -> tarfile.TarInfo | None:
    with _named_faults(what):
        info = archive.next()
    archive.members.clear()  # type: ignore[attr-defined]  # tarfile would keep every header until the end
    if info is not None and info.size < 0:
        raise InputError(f"{info.name!r} in {what} has {info.size} bytes", "a size", "fetch it again")
    return info


def _wanted(name: str, endings: tuple[str, ...]) -> bool:
    return name.lower().endswith(endings) and not is_litter(name)


def _zip_files(path: Path, endings: tuple[str, ...], limits: Limits) -> Iterator[tuple[str, BinaryIO]]:
    with _opened_zip(path) as archive:
        infos = archive.infolist()
        _count(path, len(infos), limits)
        wanted = [i for i in infos if i.filename and not i.is_dir() and _wanted(i.orig_filename, endings)]
        limits.check(str(path), sum(i.file_size for i in wanted), path.stat().st_size)
        for info in wanted:
            kind = (info.external_attr >> 28) & 0xF  # the upper half is the Unix mode, 0 where there is none
            if kind not in (0, 0o10):
                raise _no_file(path, info.orig_filename)
            name = _usable(path, info.orig_filename, info.file_size, limits)
            yield name, _as_stream(_opened_member(path, archive, info), f"{name!r} in {path}")


@contextmanager
def _opened_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        archive = zipfile.ZipFile(path)
    except _BROKEN as error:
        words = f"{path} is no ZIP, or its end is missing ({error})"
        raise InputError(words, "a whole ZIP, whose list of files is at its end", "fetch it again") from error
    with archive:
        yield archive


def _opened_member(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> IO[bytes]:
    what = f"{info.orig_filename!r} in {path}"
    if info.flag_bits & 0x41:
        raise InputError(f"{what} is encrypted", "files without a password", "unpack it yourself and give the folder")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # the others unpack without a limit
        words = f"{what} is packed by method {info.compress_type}"
        raise InputError(words, "stored or deflated files", "unpack it yourself and give the folder")
    with _named_faults(what):
        return archive.open(info)
