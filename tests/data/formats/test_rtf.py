"""RTF documents: their text, paragraph by paragraph, and nothing else of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammoscribe.data.formats.rtf import rtf_text
from mammoscribe.support.errors import InputError


def as_rtf(text: str) -> str:
    """A document with this text, every other character than ASCII letters as `\\uN`."""
    pieces = []
    for character in text:
        if character == "\n":
            pieces.append("\\par\n")
        elif character in "\\{}":
            pieces.append(f"\\{character}")
        elif character.isascii():
            pieces.append(character)
        else:
            pieces += [f"\\u{unit - 0x10000 if unit > 0x7FFF else unit}?" for unit in units(character)]
    return "{\\rtf1\\ansi\\uc1 " + "".join(pieces) + "}"


def units(character: str) -> list[int]:
    raw = character.encode("utf-16-le")
    return [int.from_bytes(raw[at : at + 2], "little") for at in range(0, len(raw), 2)]


@given(st.text(alphabet=st.characters(exclude_categories=["Cc", "Cs"]), max_size=60))
def test_every_text_comes_back(text):
    assert rtf_text(as_rtf(text)) == text


@pytest.mark.parametrize(
    ("document", "text"),
    [
        (r"{\rtf1 a{\b b}c}", "abc"), (r"{\rtf1 a\b0 b}", "ab"), (r"{\rtf1 a\b0  b}", "a b"), ("{\\rtf1 one\r\ntwo}", "onetwo"),
        (r"{\rtf1 {\*\unknown hidden}seen}", "seen"), (r"{\rtf1 {\stylesheet{\s0 Normal;}}seen}", "seen"),
        (r"{\rtf1\uc2 \u243xxo}", "óo"), (r"{\rtf1\uc0 \u243o}", "óo"), (r"{\rtf1 a\~b\_c\-d}", "a b-cd"),
        (r"{\rtf1 a\cell b\row c}", "a\tb\nc"), (r"{\rtf1 \ldblquote a\rdblquote  it\rquote s}", "“a” it’s"),
    ],
)  # fmt: skip
def test_words_and_groups_of_the_format_are_followed(document, text):
    assert rtf_text(document) == text


@pytest.mark.parametrize("document", [r"{\rtf1 {a", r"{\rtf1 a", r"{\rtf1 a}}"])
def test_a_document_that_is_not_whole_is_refused(document):
    with pytest.raises(InputError, match="a whole RTF document"):
        rtf_text(document)
