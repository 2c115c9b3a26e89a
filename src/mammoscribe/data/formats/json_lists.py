"""JSON lists and JSON Lines that are larger than memory, entry by entry; where one breaks off, what was whole is kept."""

import json
from collections.abc import Iterator
from pathlib import Path

from mammoscribe.data.dataset import Fault
from mammoscribe.data.formats.tables import encoding_of
from mammoscribe.support.errors import InputError
from mammoscribe.support.parsing import json_value

MAX_ENTRY_CHARS = 64 << 20


def json_list(path: Path) -> Iterator[object]:
    """The entries of a JSON list one after the other, without holding the whole file; where it breaks, a Fault ends it.

    Raises:
        InputError: when the file does not begin as a list.
    """
    decoder, buffer, done = json.JSONDecoder(), "", False
    with path.open(encoding=encoding_of(path), errors="replace") as stream:
        buffer = stream.read(1 << 20).lstrip("\ufeff \t\r\n")
        if not buffer.startswith("["):
            raise InputError(f"{path} is not a JSON list", "[ {...}, {...} ]")
        buffer = buffer[1:]
        while True:
            buffer = buffer.lstrip(", \t\r\n")
            if buffer.startswith("]"):
                return
            try:
                entry, end = decoder.raw_decode(buffer) if buffer else ({}, 0)
                if end and (end < len(buffer) or done):
                    yield entry
                    buffer = buffer[end:]
                    continue
            except ValueError:
                pass
            except RecursionError:
                yield Fault(path.name, InputError(f"{path.name} is nested too deeply", "a list of objects"))
                return
            if done or len(buffer) > MAX_ENTRY_CHARS:
                found = f"{path.name} breaks off or is not JSON after {buffer[:40]!r}"
                yield Fault(path.name, InputError(found, "a whole JSON list"))
                return
            more = stream.read(max(1 << 20, len(buffer)))
            done = not more
            buffer += more


def json_lines(path: Path) -> Iterator[object]:
    """The entries of a file with one JSON value a line; a line that is none is a Fault and the next ones go on."""
    with path.open(encoding=encoding_of(path), errors="replace") as stream:
        for number, line in enumerate(stream, start=1):
            if not line.strip():
                continue
            try:
                yield json_value(line)
            except ValueError as error:
                where = f"{path.name} line {number}"
                yield Fault(where, InputError(f"{where} is not JSON ({error})", "one JSON value a line"))
