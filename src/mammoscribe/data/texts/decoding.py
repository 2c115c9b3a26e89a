r"""Report texts as hospitals export them, with what their carriers did to them undone: HTML, HL7, RTF, `\n` in letters.

What cannot be undone raises InputError; nothing is dropped but marks of layout. Sources: HL7 2.5.1 chapter 2.7 (escape
sequences, and `~` between repetitions), ECMA-376 part 1, 22.9.2.19 (`_x000D_`), and the HTML standard (character references).
"""

import codecs
import html
import re
import unicodedata
from collections.abc import Callable
from html.parser import HTMLParser

from mammoscribe.data.formats.rtf import BEGINS, rtf_text
from mammoscribe.data.formats.table_layout import spreadsheet_error
from mammoscribe.support.errors import InputError

MAX_CELL_CHARS = 32_767
"""What a cell of a spreadsheet holds (Excel specifications and limits); a text of exactly so many characters was cut."""
_AGAIN = "export it again"


def decoded(raw: str) -> str:
    r"""The text without the escapes and marks of what carried it, lines ended by `\n`, in Unicode's composed form (NFC).

    Raises:
        InputError: when letters are lost, it was cut off, is no text at all, or holds what is not known how to read.
    """
    if raw.isascii() and len(raw) != MAX_CELL_CHARS and not _SUSPECT.search(raw):
        return raw  # nearly every text of nearly every archive
    _check_raw(raw)
    text = raw
    for step in _STEPS:
        text = step(text)
    _check_text(text)
    return text


def text_of_bytes(raw: bytes) -> str:
    """The characters of a text file: UTF-8, or UTF-16 by its mark, else Windows-1252; what is no character becomes U+FFFD."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return raw.decode("utf-16", errors="replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")


_SUSPECT = re.compile(r"[^\t\n -~]|\\|<|&|~|_x[0-9A-Fa-f]{4}_|\^M|^\s*#|\A\S{100}|^(?:MSH|OBX)\||%PDF", re.MULTILINE)
"""In a text of ASCII without any of these there is nothing to undo."""


def _check_raw(raw: str) -> None:
    if error := spreadsheet_error(raw):
        raise InputError(f"in place of the text there is {error}", "a report", _AGAIN)
    if raw.startswith(("%PDF", "\u00d0\u00cf\u0011\u00e0")):
        raise InputError("the text is a PDF or Word file", "plain text", _AGAIN)
    if len(raw) == MAX_CELL_CHARS:
        found = f"the text has {MAX_CELL_CHARS} characters, as many as a spreadsheet's cell holds, so its end is lost"
        raise InputError(found, "a whole report", "export it to CSV")


def _check_text(text: str) -> None:
    if "\ufffd" in text:
        at = text.index("\ufffd")
        raise InputError(f"letters of the text are lost ({text[max(0, at - 12) : at + 12]!r})", "UTF-8", _AGAIN)
    if control := re.search("[\0-\x08\x0e-\x1f\x7f\ud800-\udfff]", text):
        raise InputError(f"the text holds the character U+{ord(control[0]):04X}", "letters and marks", _AGAIN)
    if re.fullmatch(r"\s*[A-Za-z0-9+/=]{100,}\s*", text):
        raise InputError("the text is one word of more than 100 letters, as encoded files are", "plain text", _AGAIN)


# --- carriers ----------------------------------------------------------------------------------------------------------


def _from_rtf(text: str) -> str:
    r"""The text of an RTF document, or of a piece of one (`\par` without its beginning)."""
    if BEGINS.match(text):
        return rtf_text(text.strip())
    return rtf_text(f"{{{text}}}") if len(re.findall(r"\\pard?\b", text)) > 1 and "{" not in text else text


def _from_message(text: str) -> str:
    """The observations (OBX-5) of an HL7 message or a part of one."""
    lines = [line for line in re.split(r"[\r\n]+", text) if line.strip()]
    segments = [line.split("|") for line in lines if re.match(r"[A-Z][A-Z0-9]{2}\|", line)]
    if not segments or len(segments) < len(lines):
        return text
    return "\n".join(fields[5] for fields in segments if fields[0] == "OBX" and len(fields) > 5)


def _without_ooxml(text: str) -> str:
    r"""`_x000D_` becomes the character, and `_x005F_` the underscore with which such a text is protected."""
    return re.sub(r"_x([0-9A-Fa-f]{4})_", lambda match: chr(int(match[1], 16)), text) if "_x" in text else text


_HL7 = re.compile(
    r"\\(?:\.(?P<layout>(?i:br|sp|sk|in|ti|ce|fi|nf))(?P<number>[+-]?\d+)?|(?P<mark>[FSTREHN])|X(?P<hex>(?:[0-9A-Fa-f]{2})+)|"
    r"(?P<set>[CM][0-9A-F]{4,6}))\\|\\\.(?i:br)\b"
)
"""Marks are capitals: `\\N\\` is HL7's, `\\n` a line break in letters."""
_HL7_MARKS = {"F": "|", "S": "^", "T": "&", "R": "~", "E": "\\", "H": "", "N": ""}


def _without_hl7(text: str) -> str:
    if "\\" not in text:
        return text
    first = re.search(r"\\+\.(?:br|sp)", text, re.IGNORECASE)
    if first is not None and first[0].startswith("\\\\"):
        text = text.replace("\\\\", "\\")  # escaped once more, as in JSON
    return _HL7.sub(_hl7_character, text)


def _hl7_character(match: re.Match[str]) -> str:
    if match["set"]:
        raise InputError(f"the text changes its character set ({match[0]})", "one character set", _AGAIN)
    if match["hex"]:
        raw = bytes.fromhex(match["hex"])
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            return raw.decode("cp1252", errors="replace")
    if match["mark"]:
        return _HL7_MARKS[match["mark"].upper()]
    layout, number = (match["layout"] or "br").lower(), abs(int(match["number"] or 1))
    return {"br": "\n", "ce": "\n", "sp": "\n" * min(number, 9), "sk": " " * min(number, 9)}.get(layout, "")


_DRIVE = re.compile(r"(?<![A-Za-z])[A-Za-z]:\\[^\s\\]+(?:\\[^\s\\]+)*")
_LITERAL = re.compile(r"\\+(?:r\\+n|[nrt]|[\"'/]|u(?P<code>[0-9A-Fa-f]{4})|x(?P<byte>[0-9A-Fa-f]{2}))")


def _without_literals(text: str) -> str:
    r"""`\n`, `\r\n`, `\t`, `\"` and `\u00f3` in letters become the characters that they mean; paths such as `C:\new` stay."""
    if "\\" not in text:
        return text
    kept: list[str] = []
    end = 0
    for path in _DRIVE.finditer(text):
        kept += [_LITERAL.sub(_literal, text[end : path.start()]), path[0]]
        end = path.end()
    joined = "".join([*kept, _LITERAL.sub(_literal, text[end:])])
    return joined.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # pairs of \u that are one character


def _literal(match: re.Match[str]) -> str:
    if code := match["code"] or match["byte"]:
        return chr(int(code, 16))
    last = match[0][-1]
    return {"n": "\n", "r": "\n", "t": "\t"}.get(last, last)


# --- HTML --------------------------------------------------------------------------------------------------------------

_LINES = frozenset([
    "br", "p", "div", "tr", "li", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "pre", "table", "ul", "ol", "title", "section",
    "article", "blockquote", "dt", "dd", "paragraph", "item", "list", "caption", "cr", "lf", "crlf", "nl",
])  # fmt: skip
_INLINE = frozenset([
    "b", "i", "u", "s", "em", "strong", "span", "font", "a", "sub", "sup", "small", "big", "center", "html", "body", "head",
    "meta", "link", "tbody", "thead", "tfoot", "td", "th", "col", "colgroup", "img", "code", "tt", "mark", "content", "text",
    "o:p", "style", "script", "xml", "label", "strike", "del", "ins", "abbr", "article", "main", "footer", "header", "wbr",
])  # fmt: skip
"""Elements of HTML and of CDA's narrative block (HL7 CDA R2, 4.3.5)."""
_BARE = ("nowrap", "noshade", "hidden", "compact", "disabled", "checked")
"""Attributes without a value."""
_TAG = re.compile(rf"<(?:/?(?:{'|'.join(sorted(_LINES | _INLINE, key=len, reverse=True))})\b[^<>]*/?>|!--|!doctype|!\[CDATA\[)",
                  re.IGNORECASE)  # fmt: skip
_REFERENCE = re.compile(
    r"&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});|&(?:lt|gt|amp|quot|nbsp)(?![\w;])"
)


class _Page(HTMLParser):
    """Collects the text of a page: lines where elements begin and end, nothing of scripts and styles."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A known element is layout; anything else between `<` and `>` is text."""
        if any(value is None and name not in _BARE for name, value in attrs):
            self.pieces.append(self.get_starttag_text() or "")  # `a <b and c> d`
        elif tag in ("script", "style"):
            self._silent += 1
        elif tag in _LINES:
            self.pieces.append("\n")
        elif tag in ("td", "th"):
            self.pieces.append("\t")
        elif tag not in _INLINE:
            self.pieces.append(self.get_starttag_text() or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """`<br/>`; a script that ends where it begins hides nothing."""
        if tag not in ("script", "style"):
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        """The end of a paragraph ends its line."""
        if tag in ("script", "style"):
            self._silent = max(0, self._silent - 1)
        elif tag in _LINES and tag != "br":
            self.pieces.append("\n")
        elif tag not in _INLINE and tag != "br":
            self.pieces.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        """What is read."""
        if not self._silent:
            self.pieces.append(data)

    def unknown_decl(self, data: str) -> None:
        """`<![CDATA[...]]>` is text."""
        self.pieces.append(data.removeprefix("CDATA["))


def _without_html(text: str) -> str:
    """Tags become line breaks or nothing, references their characters, also where the whole page was escaped once more."""
    for _ in range(3):
        if _TAG.search(text):
            page = _Page()
            page.feed(text)
            page.close()
            text = "".join(page.pieces)
        elif (plain := _REFERENCE.sub(lambda match: html.unescape(match[0]), text)) != text:
            text = plain
        else:
            break
    return text


# --- characters --------------------------------------------------------------------------------------------------------

_REPEATED = re.compile(r"(?<=[^\s\d(~<>=])~+(?=[^\W\d_]|\s|~|$|\d{1,2}[.)]\s|[-*•])|(?<=\s)~+(?=\s*[A-ZÀ-Ý]|\s*$)")
_ATTACHED = re.compile(r"(?<=[^\s\d(<>=])~+")


def _without_tildes(text: str) -> str:
    """HL7's `~` between lines becomes a line break; `~5 mm` and `3~4 cm` stay."""
    if "~" not in text or not _REPEATED.search(text):
        return text
    return _ATTACHED.sub("\n", _REPEATED.sub("\n", text))


_HIGH = re.compile("[^\0-\x7f]{2,}")
_PLAUSIBLE = re.compile(
    "[\u00a0-\u024f\u2010-\u203a\u20ac\u2122\u2190-\u2193\u2260-\u2265\u00b5\u03b1-\u03c9\ufb01\ufb02\ufeff]+"
)
"""Characters of Western texts: what two or three bytes of UTF-8 that were read one by one must have been."""


def _without_mojibake(text: str) -> str:
    """`NÃ³dulo` becomes `Nódulo`: UTF-8 that was read as Windows-1252, also twice."""
    for _ in range(2):
        mended = _HIGH.sub(_read_again, text)
        if mended == text:
            break
        text = mended
    return text


def _read_again(match: re.Match[str]) -> str:
    try:
        found = b"".join(_byte(c) for c in match[0]).decode("utf-8")
    except UnicodeError:
        return match[0]
    return found if _PLAUSIBLE.fullmatch(found) else match[0]


def _byte(character: str) -> bytes:
    """The byte that was read as this character: Windows-1252, and Latin-1 where that has none."""
    try:
        return character.encode("cp1252")
    except UnicodeEncodeError:
        return character.encode("latin-1")


_C1 = re.compile("[\x80-\x84\x86-\x9f]")


def _without_c1(text: str) -> str:
    """Quotation marks and dashes of Windows that came as control characters."""
    if not _C1.search(text):
        return text
    return re.sub("[\x80-\x9f]", lambda match: match[0].encode("latin-1").decode("cp1252", "replace"), text)


_SPACES = dict.fromkeys([0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000], " ")
_NOTHING = dict.fromkeys(
    [0xAD, *range(0x200B, 0x2010), *range(0x202A, 0x202F), 0x2060, *range(0x2066, 0x206A), 0xFEFF], ""
)
_LIGATURES = {0xFB00: "ff", 0xFB01: "fi", 0xFB02: "fl", 0xFB03: "ffi", 0xFB04: "ffl", 0xFB05: "st", 0xFB06: "st"}
_ASCII = {0x2010: "-", 0x2011: "-", **{code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}}
"""Hyphens that a line may not be broken at, and letters and marks as wide as Chinese ones."""
_BREAKS = re.compile("\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029¶]|\\^M(?:\r?\n|(?=\\s|$))")


def _plain_characters(text: str) -> str:
    """One kind of space and of line break, no invisible characters, letters and their accents in one character."""
    text = _BREAKS.sub("\n", text.translate({**_SPACES, **_NOTHING, **_LIGATURES, **_ASCII}))
    return unicodedata.normalize("NFC", text)


_STEPS: tuple[Callable[[str], str], ...] = (
    _without_ooxml, _from_message, _from_rtf, _without_tildes, _without_hl7, _without_literals, _without_html, _without_mojibake,
    _without_c1, _plain_characters,
)  # fmt: skip
"""From the outer carrier to the inner one; `~` before HL7's escapes, one of which is a `~` of the text."""
