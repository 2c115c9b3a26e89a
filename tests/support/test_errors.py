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
