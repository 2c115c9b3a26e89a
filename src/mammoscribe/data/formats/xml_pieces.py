"""Large XML files with many records: each record is cut out by its tags and parsed alone, so that a bad one costs itself.

What a document type declares is never read, so no entity can be expanded; memory does not grow with the file.
"""

import re
from collections.abc import Iterator
from io import BufferedIOBase

MAX_PIECE_BYTES = 8 << 20
"""A record that is longer is handed out unfinished, as broken ones are."""
_BLOCK = 1 << 18
_LONGEST_TAG = 64


def pieces(stream: BufferedIOBase, tags: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    """(tag, element) of every element with one of these tags, and ("", bytes) of what stands between them, in order.

    An element whose end is missing, since another one begins, the file ends or it is too long, comes as far as it goes:
    it cannot be parsed. The elements must not lie in each other.
    """
    opening = re.compile(rf"<({'|'.join(tags)})(?=[\s>])".encode())
    window = _Window(stream)
    while window.left or window.fill():
        match = opening.search(window.data, window.at)
        if match is not None and match.start() == window.at:
            yield match[1].decode(), window.take(_length(match[1], window, opening))
        elif match is not None:
            yield "", window.take(match.start() - window.at)
        elif window.left > 4 * _BLOCK:
            yield "", window.take(window.left - _LONGEST_TAG)  # the rest may be the beginning of a tag
        elif not window.fill():
            yield "", window.take(window.left)


class _Window:
    """What of a stream is in memory, and the place in it up to which all is handed out."""

    def __init__(self, stream: BufferedIOBase) -> None:
        self._stream, self.data, self.at = stream, b"", 0

    @property
    def left(self) -> int:
        """Bytes that are in memory and not handed out."""
        return len(self.data) - self.at

    def fill(self) -> bool:
        """Read more; False at the end of the stream."""
        block = self._stream.read1(_BLOCK)  # what comes before damage too, which `read` would lose
        self.data, self.at = self.data[self.at :] + block, 0
        return bool(block)

    def take(self, count: int) -> bytes:
        """Hand out the next bytes."""
        self.at += count
        return self.data[self.at - count : self.at]


def _length(tag: bytes, window: _Window, opening: re.Pattern[bytes]) -> int:
    """Bytes of the element that begins at the window's place: up to its end, or to where it breaks off."""
    closing = re.compile(rb"</" + tag + rb"\s*>")
    searched = 1
    while True:
        end = closing.search(window.data, window.at + searched)
        another = opening.search(window.data, window.at + searched, end.start() if end else len(window.data))
        if another is not None:
            return another.start() - window.at
        if end is not None:
            return end.end() - window.at
        searched = max(1, window.left - _LONGEST_TAG)
        if window.left > MAX_PIECE_BYTES or not window.fill():
            return window.left
