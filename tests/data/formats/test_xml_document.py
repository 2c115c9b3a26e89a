"""XML of unknown origin: read as a tree, and refused where it declares entities or has no end."""

import pytest

from mammoscribe.data.formats.xml_document import MAX_DEPTH, parse_document
from mammoscribe.support.errors import InputError

BOMB = '<?xml version="1.0"?>\n<!DOCTYPE a [<!ENTITY b "{}"><!ENTITY c "&b;&b;">]>\n<a>&c;</a>'
FETCH = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]><a>&b;</a>'


def test_text_attributes_and_tails_are_kept():
    root = parse_document('<a x="1">one<b>\u00e9 &amp; two</b>three</a>'.encode(), "a.xml")
    assert (root.tag, root.get("x"), root.text, root[0].text, root[0].tail) == (
        "a",
        "1",
        "one",
        "\u00e9 & two",
        "three",
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("text", [BOMB, FETCH], ids=["bomb", "fetch"])
def test_entities_are_refused_in_every_encoding(text, encoding):
    with pytest.raises(InputError, match=r"a\.xml declares entities"):
        parse_document(text.encode(encoding), "a.xml")


def test_a_document_type_without_entities_is_no_harm():
    assert parse_document(b'<!DOCTYPE a SYSTEM "a.dtd"><a>x</a>', "a.xml").text == "x"


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "a.xml is damaged"),
        (b"<a><b></a>", "a.xml is damaged"),
        (b"<a>&nbsp;</a>", "a.xml is damaged"),
        (b'<?xml version="1.0" encoding="klingon"?><a/>', "a.xml is damaged"),
        (b"<a>\xff</a>", "a.xml is damaged"),
        (b"<a>" * (MAX_DEPTH + 1), "a.xml has elements in more than"),
        (b"<a>" + b" " * 100 + b"</a>", "a.xml has 107 bytes"),
    ],
)
def test_what_is_no_document_is_one_sentence(raw, words):
    with pytest.raises(InputError, match=words):
        parse_document(raw, "a.xml", max_bytes=100 if raw.startswith(b"<a>  ") else 10_000)
