"""Reports as tokens: only the report and its end are predicted; what comes back is the text."""

import pytest

from mammoscribe.models.biovil.report_frames import IGNORED, ReportFrames
from mammoscribe.support.errors import InvalidNoun
from tests.models.tiny_report import CLS, SEP, frames

pytest.importorskip("transformers")
WORDS = (
    "a",
    "mass",
    "new",
    "clear",
    ".",
    "4",
    "5",
    "##es",
    "x",
    "-",
    "ray",
    "(",
    ")",
    ",",
    "lungs",
    "'",
    "s",
    "/",
    "mm",
    "[",
    "]",
    "sep",
)
A, MASS, NEW, CLEAR, DOT = range(5, 10)


def test_a_report_behind_its_prior_report(tmp_path):
    found = frames(tmp_path, WORDS).framed("A new mass.", "Clear.")
    assert found.ids.tolist() == [CLS, CLEAR, DOT, SEP, A, NEW, MASS, DOT]
    assert found.labels.tolist() == [IGNORED, IGNORED, IGNORED, A, NEW, MASS, DOT, SEP]
    assert found.kinds.tolist() == [1, 1, 1, 1, 0, 0, 0, 0]


def test_a_first_report_has_an_empty_place_before_it(tmp_path):
    one = frames(tmp_path, WORDS)
    for nothing in (None, ""):
        found = one.framed("A mass.", nothing)
        assert found.ids.tolist() == [CLS, SEP, A, MASS, DOT]
        assert found.labels.tolist() == [IGNORED, A, MASS, DOT, SEP]
        assert one.prompt(nothing).tolist() == [CLS, SEP]


def test_of_a_long_prior_report_the_end_is_kept(tmp_path):
    one = frames(tmp_path, WORDS, max_tokens=12, prompt_tokens=3)
    assert one.prompt("a a a a new mass .").tolist() == [CLS, NEW, MASS, DOT, SEP]
    assert frames(tmp_path, WORDS, prompt_tokens=0).prompt("a mass").tolist() == [CLS, SEP]


def test_a_report_that_is_cut_off_is_not_said_to_end(tmp_path):
    one = frames(tmp_path, WORDS, max_tokens=8, prompt_tokens=2)
    found = one.framed("a a a a a a a a a a", "new")
    assert found.ids.tolist() == [CLS, NEW, SEP, A, A, A, A, A]
    assert found.labels.tolist() == [IGNORED, IGNORED, A, A, A, A, A, A]
    full = one.framed("a a a a a", "new")
    assert full.ids.tolist() == [CLS, NEW, SEP, A, A, A, A, A] and full.labels[-1] == SEP


def test_the_letters_of_a_special_token_are_letters(tmp_path):
    found = frames(tmp_path, WORDS).framed("[SEP] a", "[SEP]")
    assert (found.ids == SEP).sum() == 1


@pytest.mark.parametrize("text", [
    "A new mass. Clear lungs.", "Masses, new (4.5 mm).", "X-ray clear.", "The 's".replace("The ", "A mass"), "4/5 new.",
])  # fmt: skip
def test_a_text_comes_back_as_it_was(text, tmp_path):
    one = frames(tmp_path, WORDS)
    assert one.text(one.ids(text)) == text


@pytest.mark.parametrize(("most", "prompt"), [(3, 0), (12, 5), (12, -1)])
def test_frames_without_room_for_a_report_are_refused(most, prompt, tmp_path):
    tokenizer = frames(tmp_path, WORDS).tokenizer
    with pytest.raises(InvalidNoun):
        ReportFrames(tokenizer, most, prompt)
