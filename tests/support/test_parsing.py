"""JSON and TOML of unknown origin: a value, or one kind of error."""

import pytest

from mammoscribe.support.errors import InputError
from mammoscribe.support.parsing import json_value, kind_of_value, read_toml, toml_table


def test_what_is_whole_is_read():
    assert json_value('{"a": [1, "é"]}') == {"a": [1, "é"]} and json_value(b"[]") == []
    assert toml_table('a = "é"') == {"a": "é"}


@pytest.mark.parametrize("text", ["[" * 100_000 + "]" * 100_000, '{"a":' * 100_000 + "1" + "}" * 100_000])
def test_json_that_is_nested_too_deeply_is_an_error_of_the_text(text):
    with pytest.raises(ValueError, match="nested too deeply"):
        json_value(text)


def test_toml_that_is_nested_too_deeply_is_an_error_of_the_text():
    with pytest.raises(ValueError, match="nested too deeply"):
        toml_table("a = " + "[" * 100_000 + "]" * 100_000)


def test_what_is_neither_is_an_error_too():
    for read, text in ((json_value, "{"), (json_value, b"\xff"), (toml_table, "a =")):
        with pytest.raises(ValueError):  # noqa: PT011  # each says where it breaks off
            read(text)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ({}, "an object"),
        ([], "a list"),
        ("", "a text"),
        (1, "a number"),
        (0.5, "a number"),
        (None, "null"),
        (True, "true or false"),
    ],
)
def test_values_are_named_in_words(value, kind):
    assert kind_of_value(value) == kind


def test_a_toml_file_is_read_with_or_without_a_mark_of_its_encoding(tmp_path):
    path = tmp_path / "a.toml"
    for encoding in ("utf-8", "utf-8-sig"):
        path.write_text('a = "é"', encoding=encoding)
        assert read_toml(path, "a file") == {"a": "é"}


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "is not there; expected a file; make one"), (b"\xff", "UTF-8"), (b"a =", "is not TOML"), (b'a = "\\d"', "backslash")],
)  # fmt: skip
def test_a_toml_file_that_cannot_be_read_is_one_sentence(tmp_path, content, words):
    path = tmp_path / "a.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_toml(path, "a file", "make one")
    assert words in caught.value.sentence() and str(path) in caught.value.sentence()


def test_a_folder_is_no_toml_file(tmp_path):
    with pytest.raises(InputError, match="is a folder"):
        read_toml(tmp_path, "a file")
