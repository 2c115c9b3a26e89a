"""Elements of a large XML file: cut out whole wherever blocks end, broken ones as far as they go, memory flat."""

import io
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammoscribe.data.formats import xml_pieces
from mammoscribe.data.formats.xml_pieces import pieces


def cut(content, block, monkeypatch=None):
    class Slow(io.BytesIO):
        def read1(self, size=-1):
            return super().read(min(size, block))

    return list(pieces(Slow(content), ("a", "bc")))


@given(
    st.lists(st.sampled_from([b"<a>1</a>", b'<bc x="1">\n</bc >', b"<a></a>", b"<ab/>", b" <b>", b"--", b"</a>"])),
    st.integers(1, 20),
)
def test_pieces_are_the_same_wherever_blocks_end_and_lose_no_byte(parts, block):
    content = b"".join(parts)
    found = cut(content, block)
    assert b"".join(piece for _, piece in found) == content
    wanted = [part for part in parts if part.startswith((b"<a>", b"<bc"))]
    assert [piece for tag, piece in found if tag] == wanted
    assert found == cut(content, 10_000)


def test_an_element_without_end_comes_up_to_the_next_one_or_the_end():
    found = cut(b"<r><a>1<a>2</a><bc>3", 7)
    assert found == [("", b"<r>"), ("a", b"<a>1"), ("a", b"<a>2</a>"), ("bc", b"<bc>3")]


def test_an_element_that_is_too_long_comes_unfinished_and_the_next_one_stands(monkeypatch):
    monkeypatch.setattr(xml_pieces, "MAX_PIECE_BYTES", 1_000)
    found = cut(b"<a>" + b"x" * 5_000 + b"</a><a>2</a>", 100)
    assert found[0][0] == "a" and len(found[0][1]) < 1_300
    assert found[-1] == ("a", b"<a>2</a>")


def test_a_tag_is_found_wherever_long_text_before_it_is_handed_out(monkeypatch):
    monkeypatch.setattr(xml_pieces, "_BLOCK", 20)
    for length in range(60, 160):
        assert cut(b" " * length + b"<a>1</a>", 7)[-1] == ("a", b"<a>1</a>")


def test_nothing_gives_nothing():
    assert cut(b"", 10) == []


@pytest.mark.parametrize("unit", [b"<a>" + b"text " * 2_000 + b"</a>\n", b"junk without any element "])
def test_memory_does_not_grow_with_the_file(unit):
    class Endless(io.BufferedIOBase):
        left = 20 << 20

        def read1(self, size=-1):
            self.left -= size
            return (unit * (size // len(unit) + 1))[:size] if self.left > 0 else b""

    tracemalloc.start()
    assert sum(len(piece) for _, piece in pieces(Endless(), ("a",))) > 19 << 20
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6 << 20
