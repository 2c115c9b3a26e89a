"""One XML file of unknown origin as a tree: nothing that it declares is ever expanded, and its size is limited."""

import xml.etree.ElementTree as ET
from xml.parsers import expat

from mammoscribe.support.errors import InputError

MAX_BYTES = 4 << 20
MAX_DEPTH = 200


def parse_document(raw: bytes, what: str, max_bytes: int = MAX_BYTES) -> ET.Element:
    """The root element of a document.

    Args:
        raw: the whole file, of any encoding that it tells itself.
        what: its name, for the errors.
        max_bytes: a larger one is refused.

    Raises:
        InputError: when it is no XML, too large or deep, or declares entities; none is expanded or fetched.
    """
    if len(raw) > max_bytes:
        raise InputError(f"{what} has {len(raw):,} bytes", f"at most {max_bytes:,}")
    builder, parser, depth = ET.TreeBuilder(), expat.ParserCreate(), 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > MAX_DEPTH:
            raise InputError(f"{what} has elements in more than {MAX_DEPTH} others", "fewer")
        builder.start(tag, attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag)

    def refuse(*_: object) -> None:
        raise InputError(f"{what} declares entities", "XML without them", "do not trust this file")

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, builder.data
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(raw, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise InputError(f"{what} is damaged ({error})", "a whole XML file", "fetch it again") from error
    return builder.close()
