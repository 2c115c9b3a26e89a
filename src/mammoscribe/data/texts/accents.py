"""Letters without their accents, one for one: Spanish headings in capitals often have none."""

import unicodedata

_PLAIN = {
    code: plain
    for code in range(0xC0, 0x180)
    if chr(code) not in "ñÑ" and len(plain := unicodedata.normalize("NFD", chr(code))[0]) == 1 and plain.isascii()
}


def without_accents(text: str) -> str:
    """The text of the same length with plain letters; ñ is a letter of its own and stays. Combining marks stay too."""
    return text.translate(_PLAIN)
