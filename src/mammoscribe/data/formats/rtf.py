"""The text of an RTF document (Rich Text Format 1.9.1), paragraph by paragraph; nothing else of it is read."""

import re
from dataclasses import dataclass, replace

from mammoscribe.support.errors import InputError

BEGINS = re.compile(r"\s*\{\s*\\rtf")
_TOKEN = re.compile(
    r"\\(?P<word>[a-z]+)(?P<number>-?\d+)? ?|\\'(?P<byte>[0-9a-f]{2})|\\(?P<symbol>[^a-z])|(?P<brace>[{}])|(?P<text>[^\\{}\r\n]+)"
    r"|[\r\n]+|(?P<other>.)",
    re.IGNORECASE | re.DOTALL,
)
_WORDS = {
    "par": "\n", "line": "\n", "row": "\n", "sect": "\n", "page": "\n", "column": "\n", "tab": "\t", "cell": "\t",
    "nestcell": "\t", "nestrow": "\n", "emdash": "—", "endash": "–", "bullet": "•", "lquote": "‘", "rquote": "’",
    "ldblquote": "“", "rdblquote": "”", "emspace": " ", "enspace": " ", "qmspace": " ",
}  # fmt: skip
_SYMBOLS = {"~": " ", "_": "-", "-": "", "\\": "\\", "{": "{", "}": "}", "\n": "\n", "\r": "\n"}
_PASSED_OVER = frozenset([
    "fonttbl", "colortbl", "stylesheet", "info", "pict", "object", "header", "headerl", "headerr", "headerf", "footer",
    "footerl", "footerr", "footerf", "listtable", "listoverridetable", "rsidtbl", "themedata", "datastore", "generator",
    "fldinst", "filetbl", "revtbl", "latentstyles", "xmlnstbl",
])  # fmt: skip
"""Groups that hold no text of the document."""


@dataclass
class _Group:
    r"""What holds within a group: whether it is passed over, how many characters follow a `\u`, and whether it has begun."""

    ignored: bool = False
    fallback: int = 1
    first: bool = True


def rtf_text(text: str) -> str:
    r"""The text of a document that begins with `{\rtf`, paragraphs on lines of their own.

    Raises:
        InputError: when it breaks off (a group is never closed), or names a code page that is not known.
    """
    reader = _Reader(text)
    for token in _TOKEN.finditer(text):
        reader.read(token)
    return reader.finished()


class _Reader:
    """Collects the text of a document, token by token; bytes beyond ASCII by its code page."""

    def __init__(self, text: str) -> None:
        match = re.search(r"\\ansicpg(\d+)", text)
        self._page = f"cp{match[1]}" if match else "cp1252"
        self._groups = [_Group()]
        self._pieces: list[str] = []
        self._bytes = bytearray()
        self._skip = 0

    def read(self, token: re.Match[str]) -> None:
        """Take one token."""
        group = self._groups[-1]
        if token["byte"]:
            self._byte(token["byte"], group)
            return
        self._write_bytes()
        if token["brace"]:
            self._brace(token["brace"], group)
            return
        if token["word"]:
            self._word(token["word"], token["number"], group)
        elif token["symbol"] == "*" and group.first:
            group.ignored = True
        elif not group.ignored:
            self._text(token)
        if token[0].strip():
            group.first = group.first and token["symbol"] == "*"

    def finished(self) -> str:
        """The whole text."""
        self._write_bytes()
        if len(self._groups) > 1:
            raise InputError("an RTF text breaks off", "a whole RTF document", "export it again")
        text = "".join(self._pieces)
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # two \u may be one character

    def _byte(self, digits: str, group: _Group) -> None:
        if self._skip:
            self._skip -= 1
        elif not group.ignored:
            self._bytes += bytes.fromhex(digits)

    def _brace(self, brace: str, group: _Group) -> None:
        if brace == "{":
            self._groups.append(replace(group, first=True))
            return
        self._groups.pop()
        if not self._groups:
            raise InputError("an RTF text closes more groups than it opens", "a whole RTF document", "export it again")

    def _word(self, word: str, number: str | None, group: _Group) -> None:
        """A control word: text, or something that holds within its group."""
        if group.first and word in _PASSED_OVER:
            group.ignored = True
        if word == "uc":
            group.fallback = int(number or 1)
        elif group.ignored:
            return
        elif word == "u" and number is not None:
            self._pieces.append(chr(int(number) % 0x10000))
            self._skip = group.fallback
        elif word in _WORDS:
            self._pieces.append(_WORDS[word])
            self._skip = 0

    def _text(self, token: re.Match[str]) -> None:
        if token["symbol"]:
            self._pieces.append(_SYMBOLS.get(token["symbol"], ""))
        elif text := token["text"] or token["other"]:
            self._pieces.append(text[self._skip :])
            self._skip = max(0, self._skip - len(text))

    def _write_bytes(self) -> None:
        if not self._bytes:
            return
        try:
            self._pieces.append(self._bytes.decode(self._page, errors="replace"))
        except LookupError as error:
            found = f"an RTF text in the code page {self._page[2:]}"
            raise InputError(found, "one that Python knows", "save it as text") from error
        self._bytes.clear()
