"""Files that are either whole or absent: write to a temporary name, then rename; folders that one run holds at a time."""

import errno
import hashlib
import os
import secrets
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from mammoscribe.support.errors import InputError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
_MASK_LOCK = threading.Lock()


def write_bytes(path: Path, payload: bytes) -> Path:
    """Write `payload` to `path` so that no reader ever sees half of it; parents are created.

    Its permissions are those that the process's umask gives a new file.

    Raises:
        InputError: when it cannot be written: the disk is full, or the folder may not be written to.
    """
    path = Path(path)
    with _becoming(path) as (handle, _), os.fdopen(handle, "wb") as stream:
        stream.write(payload)
    return path


def write_text(path: Path, text: str) -> Path:
    """Write UTF-8 `text` to `path` as `write_bytes` does; text that is no Unicode raises InputError."""
    try:
        return write_bytes(path, text.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise _no_unicode(Path(path), error) from error


@contextmanager
def text_writer(path: Path) -> Iterator[TextIO]:
    """A UTF-8 stream that becomes `path` when the block ends well, and leaves nothing behind when it does not.

    Raises:
        InputError: as `write_text`.
    """
    path = Path(path)
    with _becoming(path) as (handle, _), os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
        try:
            yield stream
        except UnicodeEncodeError as error:
            raise _no_unicode(path, error) from error


@contextmanager
def _becoming(path: Path) -> Iterator[tuple[int, Path]]:
    """(handle, path) of a temporary file that gets the name `path` when the block ends well, and else is removed."""
    with _refusal_reported(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = temporary_file(path.parent, f".{path.name}.")
    try:
        with full_disk_reported(path):
            yield handle, temporary
        with _refusal_reported(path):
            os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def temporary_file(folder: Path, prefix: str) -> tuple[int, Path]:
    """(handle, path) of a new file in `folder`, with the permissions that the umask gives, unlike `tempfile.mkstemp`."""
    while True:
        path = folder / f"{prefix[:60]}{secrets.token_hex(4)}"
        try:
            return os.open(path, _CREATE, 0o666), path
        except FileExistsError:
            continue


@contextmanager
def full_disk_reported(path: Path) -> Iterator[None]:
    """Raise InputError where the block cannot write to `path` since the disk (or a quota) is full; other errors pass."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise InputError(f"{path} cannot be written: {os.strerror(error.errno)}", "", "make room") from error


@contextmanager
def _refusal_reported(path: Path) -> Iterator[None]:
    """Raise InputError where the block, which only makes or names a file, is refused."""
    try:
        yield
    except OSError as error:
        found = f"{path} cannot be written: {error.strerror or error}"
        raise InputError(
            found, "", "make room" if error.errno in _FULL else "give a place that you may write to"
        ) from error


def _no_unicode(path: Path, error: UnicodeEncodeError) -> InputError:
    held = str(error.object)[max(0, error.start - 20) : error.end + 20]
    return InputError(
        f"{path} would hold {held!r}, which is no Unicode", "names and texts in Unicode", "rename the file"
    )


def file_mode() -> int:
    """Permissions that the umask gives a new file, for files that a library wrote with others."""
    with _MASK_LOCK:  # the umask can only be read by setting it
        mask = os.umask(0o077)
        os.umask(mask)
    return 0o666 & ~mask


@contextmanager
def held_folder(folder: Path, doing: str, waits: bool = False) -> Iterator[None]:
    """Hold an existing folder, so that two runs do not write to it at once; where the system has such locks.

    Args:
        folder: what is held, until the block ends or the process does.
        doing: what the run does, such as `preparing into`, for the error.
        waits: whether to wait for another process that holds it, as those of one run do for each other.

    Raises:
        InputError: when another run holds it and this one does not wait.
    """
    handle = _locked(folder, waits)
    if handle is None:
        raise InputError(f"another run is {doing} {folder}", "one at a time", "wait for it, or stop it")
    try:
        yield
    finally:
        if handle >= 0:
            os.close(handle)


@contextmanager
def working_folder(final: Path, doing: str) -> Iterator[Path]:
    """An empty hidden folder beside `final`, to fill it from; removed when the block ends.

    What a killed run left there is removed first.

    Args:
        final: what is written in the end.
        doing: as of `held_folder`.

    Raises:
        InputError: when another run works there, or it cannot be made.
    """
    part = final.parent / f".{final.name}.part"
    with _refusal_reported(final):
        handle = _own(part)
        if handle is None:
            raise InputError(f"another run is {doing} {final}", "one at a time", "wait for it, or stop it")
    try:
        with full_disk_reported(final):
            for left in part.iterdir():
                shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()
            yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)
        if handle >= 0:
            os.close(handle)


def _own(folder: Path) -> int | None:
    """A locked handle on a folder that is still under its name, None when another run holds it."""
    while True:
        folder.parent.mkdir(parents=True, exist_ok=True)
        if folder.is_symlink():
            folder.unlink()  # what it leads to is not ours to empty
        folder.mkdir(mode=0o700, exist_ok=True)
        try:
            handle = _locked(folder)
            if handle is None or handle < 0 or os.path.samestat(os.fstat(handle), os.stat(folder)):
                return handle
            os.close(handle)
        except FileNotFoundError:
            pass  # the run that held it has just ended and removed it


def _locked(folder: Path, waits: bool = False) -> int | None:
    """A handle that holds `folder`, None when another process has it, -1 where the system has no such locks."""
    try:
        import fcntl
    except ImportError:
        return -1
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if waits else fcntl.LOCK_NB))
    except BlockingIOError:
        os.close(handle)
        return None
    return handle


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, as 64 hex digits."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
