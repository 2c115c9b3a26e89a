"""The file of prompts: what comes with the package can be filled, and a file of one's own is checked key by key."""

from importlib.resources import files

import pytest

from mammoscribe.support.errors import InputError
from mammoscribe.writers.chat_prompts import packaged_prompts, read_prompts

PACKAGED = files("mammoscribe.writers").joinpath("chat_prompts.toml").read_text(encoding="utf-8")


def own(folder, text):
    path = folder / "prompts.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_the_packaged_words_are_filled():
    words = packaged_prompts()
    assert words.fill("read", "view", side="right", projection="CC") == "This is the right breast, CC view:"
    assert "left breast" in words.fill("read", "prior_view", side="left", projection="MLO")
    assert "A {mass}" in words.fill("read", "prior_report", report="A {mass}")
    assert words.fill("ask", "question", question="Is {this} a mass?") == "Is {this} a mass?"
    assert words.fill("ask", "picture", number="1", count="2") == "Picture 1 of 2:"


def test_a_file_takes_the_place_of_the_packaged_words(tmp_path):
    path = own(tmp_path, PACKAGED.replace("Write the findings of the current exam.", "Befund {{auf Deutsch}}!"))
    words = read_prompts(path)
    assert words.fill("read", "request") == "Befund {auf Deutsch}!"
    assert words.sha256 != read_prompts(None).sha256


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('request = "Write the findings of the current exam."', "", "lacks the key 'request'"),
        ("[ask]", 'tone = "kind"\n[ask]', "has the unknown key 'tone'"),
        ("[ask]", "[chat]\na = 1\n[ask]", "has the unknown table 'chat'"),
        ('[ask]', "[asks]", "has the unknown table 'asks'"),
        ('question = "{question}"', "question = 3", "question is no text"),
        ('question = "{question}"', 'question = " "', "question is empty"),
        ('question = "{question}"', 'question = "Answer."', "lacks the field {question}"),
        ('question = "{question}"', 'question = "{question} {name}"', "a field that is not filled in"),
        ('question = "{question}"', 'question = "{question.__class__}"', "a field that is not filled in"),
        ('question = "{question}"', 'question = "{question!r}"', "a field that is not filled in"),
        ('question = "{question}"', 'question = "{question:>9}"', "a field that is not filled in"),
        ('question = "{question}"', 'question = "{question} {}"', "a field that is not filled in"),
        ('question = "{question}"', 'question = "{question"', "a brace of your own is written twice"),
        ('"Write the findings of the current exam."', '"Of {side}."', "a field that is not filled in"),
        ("{side} breast, {projection} view:\"\n#", "{side} breast:\"\n#", "view lacks the field {projection}"),
        ("[read]", "[read", "is not TOML"),
    ],
)  # fmt: skip
def test_a_file_that_does_not_fit_is_one_sentence_that_names_the_place(tmp_path, old, new, said):
    assert old in PACKAGED
    with pytest.raises(InputError) as refused:
        read_prompts(own(tmp_path, PACKAGED.replace(old, new, 1)))
    assert said in refused.value.sentence() and "prompts.toml" in refused.value.sentence()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda f: f / "none.toml", "no file"),
        (lambda f: f, "is a folder"),
        (lambda f: own(f, b"\xff\xfe\x00"), "is not TOML"),
        (lambda f: own(f, 'read = 3\nask = "x"'), "read is no table"),
    ],
)
def test_what_is_no_file_of_prompts_is_one_sentence(tmp_path, make, said):
    with pytest.raises(InputError, match=said):
        read_prompts(make(tmp_path))
