"""The text of a Word document (DOCX), paragraph by paragraph; nothing else of it is read."""

from pathlib import Path
from xml.etree import ElementTree

from mammoscribe.data.formats.archives import Limits, members
from mammoscribe.support.errors import InputError

MAX_TEXT_BYTES = 16 << 20
_WORDS = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"


def docx_text(path: Path) -> str:
    """The paragraphs of a document (ECMA-376 part 1, 17.3), each on a line of its own; tabs and line breaks are kept.

    Raises:
        InputError: when it is no DOCX, is damaged, or larger than `MAX_TEXT_BYTES`. Entities are never followed.
    """
    for name, raw in members(path, "word/document.xml", Limits(member_bytes=MAX_TEXT_BYTES)):
        if name == "word/document.xml":
            return "\n".join(_paragraph(p) for p in _root(path, raw).iter(f"{_WORDS}p"))
    raise InputError(f"{path} is no Word document", "a DOCX file", "save it as DOCX")


def _root(path: Path, raw: bytes) -> ElementTree.Element:
    if b"<!DOCTYPE" in raw or b"<!ENTITY" in raw:
        raise InputError(f"the text of {path} declares entities", "a DOCX file", "do not trust this document")
    try:
        return ElementTree.fromstring(raw)  # noqa: S314  # entities were refused above
    except ElementTree.ParseError as error:
        raise InputError(f"the text of {path} is damaged ({error})", "a DOCX file") from error


def _paragraph(paragraph: ElementTree.Element) -> str:
    kinds = {f"{_WORDS}tab": "\t", f"{_WORDS}br": "\n", f"{_WORDS}cr": "\n"}
    return "".join(
        (part.text or "") if part.tag == f"{_WORDS}t" else kinds.get(part.tag, "") for part in paragraph.iter()
    )
