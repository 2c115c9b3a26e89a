"""The text of an RTF document (Rich Text Format 1.9.1), paragraph by paragraph; nothing else of it is read."""

import re
from collections.abc import Iterator
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
class _State:
    r"""What holds within a group: whether it is passed over, and how many characters follow a `\u`."""

    ignored: bool = False
    fallback: int = 1
    first: bool = True


def rtf_text(text: str) -> str:
    r"""The text of a document that begins with `{\rtf`, paragraphs on lines of their own.

    Raises:
        InputError: when it breaks off (a group is never closed), or names a code page that is not known.
    """
    return "".join(_pieces(text))


def _pieces(text: str) -> Iterator[str]:
    """The pieces of text in order; bytes beyond ASCII by the code page of the document."""
    match = re.search(r"\\ansicpg(\d+)", text)
    page = f"cp{match[1]}" if match else "cp1252"
    groups: list[_State] = [_State()]
    skip, pending = 0, bytearray()
    for token in _TOKEN.finditer(text):
        if pending and not token["byte"]:
            yield _decoded(bytes(pending), page)
            pending.clear()
        state = groups[-1]
        if token["brace"] == "{":
            groups.append(replace(state, first=True))
        elif token["brace"] == "}":
            groups.pop()
            if not groups:
                raise InputError(
                    "an RTF text closes more groups than it opens", "a whole RTF document", "export it again"
                )
        elif token["byte"]:
            if skip:
                skip -= 1
            elif not state.ignored:
                pending += bytes.fromhex(token["byte"])
        elif token["word"]:
            said, skip = _word(token["word"], token["number"], state, skip)
            yield said
        elif token["symbol"]:
            if token["symbol"] == "*" and state.first:
                state.ignored = True
            elif not state.ignored:
                yield _SYMBOLS.get(token["symbol"], "")
        elif (said := token["text"] or token["other"]) and not state.ignored:
            yield said[skip:]
            skip = max(0, skip - len(said))
        if not token["brace"] and token[0].strip():
            state.first = state.first and token["symbol"] == "*"
    yield _decoded(bytes(pending), page)
    if len(groups) > 1:
        raise InputError("an RTF text breaks off", "a whole RTF document", "export it again")


def _word(word: str, number: str | None, state: _State, skip: int) -> tuple[str, int]:
    """(text, characters to pass over) of a control word; what it says of its group goes to `state`."""
    if state.first and word in _PASSED_OVER:
        state.ignored = True
    if word == "uc":
        state.fallback = int(number or 1)
    if state.ignored:
        return "", skip
    if word == "u" and number is not None:
        return chr(int(number) % 0x10000), state.fallback
    return _WORDS.get(word, ""), 0 if word in _WORDS else skip


def _decoded(raw: bytes, page: str) -> str:
    try:
        return raw.decode(page, errors="replace")
    except LookupError as error:
        raise InputError(
            f"an RTF text in the code page {page[2:]}", "one that Python knows", "save it as text"
        ) from error
