"""Errors as one sentence: found, expected, do."""

import pytest

from mammoscribe.support import errors
from mammoscribe.support.errors import InputError, InvalidNoun, MammoscribeError, MissingExtra, NotAMammogram


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        (("a cat",), "a cat."),
        (("a cat", "a breast"), "a cat; expected a breast."),
        (("a cat.", "a breast.", "look again."), "a cat; expected a breast; look again."),
        (("a cat", "", "look again"), "a cat; look again."),
        (("no cat", "", "did you mean a bat?"), "no cat; did you mean a bat?"),
    ],
)
def test_an_error_is_one_sentence_with_one_full_stop(parts, sentence):
    assert str(InputError(*parts)) == sentence


def test_every_error_of_the_house_is_caught_by_one_name():
    kinds = [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, Exception)]
    assert {InvalidNoun, InputError, NotAMammogram, MissingExtra} <= set(kinds)
    assert all(issubclass(k, MammoscribeError) for k in kinds)
    assert issubclass(InvalidNoun, ValueError)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mred\x1b[0m word", "a\\x1b[31mred\\x1b[0m word"),  # colours of a terminal
        ("two\nlines\tand\u00a0spaces", "two lines and spaces"),
        ("gpj.\u202efdp", "gpj.\\u202efdp"),  # a mark that turns the direction of writing
        ("caf\udce9.dcm", "caf\\udce9.dcm"),  # a file name that is no Unicode
        ("bell\a and null\0", "bell\\x07 and null\\x00"),
        ("Größe 5 µm, naïve façade, 乳", "Größe 5 µm, naïve façade, 乳"),
    ],
)
def test_what_a_file_holds_is_printed_as_one_line_of_visible_characters(text, shown):
    error = InputError(text, text, text)
    assert (error.found, error.expected, error.do) == (shown, shown, shown)
    assert error.sentence().isprintable() and error.sentence().encode("utf-8")


def test_a_long_value_keeps_its_beginning_and_end_and_says_how_much_is_left_out():
    error = InputError(f"the header of a.dcm says {'x' * 5000} as its view", "CC or MLO")
    assert len(str(error)) < 1000
    assert str(error).startswith("the header of a.dcm says xxx")
    assert str(error).endswith("as its view; expected CC or MLO.")
    assert "characters left out" in str(error)
