"""A generator as a writer: what it is given of an exam, and what becomes of what it answers."""

import io
from dataclasses import dataclass, field

import numpy as np
import pytest
from PIL import Image

from mammoscribe.data.arrays import exam_of_arrays
from mammoscribe.data.exchange.prompts import read_prompts
from mammoscribe.domain.evidence import Writer
from mammoscribe.domain.view import Laterality
from mammoscribe.imaging.prepare import prepare_view
from mammoscribe.models.chat.family import Canvas
from mammoscribe.support.chat.question import Answer
from mammoscribe.support.errors import InvalidNoun
from mammoscribe.writers.author import Case
from mammoscribe.writers.chat import ChatAuthor, text_of
from mammoscribe.writers.chat_prompts import STARTER, packaged_prompts
from tests.writers.test_chat_pictures import drawn

SPOTS = {"RCC": 120, "LMLO": 240, "prior": 420}
"""Rows of a bright spot, by which a picture is known."""
ARRAYS = exam_of_arrays(
    {
        "RCC": drawn(Laterality.RIGHT, spot=SPOTS["RCC"]).pixels,
        "LMLO": drawn(Laterality.LEFT, spot=SPOTS["LMLO"]).pixels,
    },
    priors={"RCC": drawn(Laterality.RIGHT, spot=SPOTS["prior"]).pixels},
)


@dataclass
class Scripted:
    """Answers what it is told to, and keeps what it was asked."""

    says: Answer = Answer("No mass.")
    name: str = "tiny at localhost:8000"
    asked: list = field(default_factory=list)

    def answer(self, parts):
        self.asked.append(list(parts))
        return self.says


def drafted(generator, prior_report=None, **more):
    return ChatAuthor(generator, **more).write(Case(ARRAYS.exam, ARRAYS.decode, (), (), prior_report))


def test_every_view_is_given_once_after_the_words_that_say_which_it_is():
    generator = Scripted()
    drafted(generator, longest_px=200)
    (parts,) = generator.asked
    kinds = ["picture" if isinstance(p, bytes) else "words" for p in parts]
    assert kinds == ["words", *["words", "picture"] * 3, "words"]
    assert [parts[i] for i in (1, 3, 5)] == [
        "This is the right breast, CC view:",
        "This is the left breast, MLO view:",
        "This is the prior exam, right breast, CC view:",
    ]
    pictures = [np.asarray(Image.open(io.BytesIO(p))) for p in parts if isinstance(p, bytes)]
    assert all(max(p.shape) <= 200 for p in pictures)
    walls = [bool(p[:, :10].mean() < p[:, -10:].mean()) for p in pictures]  # chest wall on the right edge
    assert walls == [True, False, True]
    rows = [np.argwhere(p > 0.9 * p.max())[:, 0].mean() / p.shape[0] for p in pictures]
    assert rows == pytest.approx([(SPOTS[name] + 10 - 50) / 500 for name in ("RCC", "LMLO", "prior")], abs=0.03)


def test_a_model_that_reports_breast_by_breast_sees_one_breast_at_a_time_with_its_prior():
    generator = Scripted(Answer("Comparison: none.\nFindings: There is a mass."))
    author = ChatAuthor(generator, by_breast=True)
    draft = author.write(Case(ARRAYS.exam, ARRAYS.decode, (), (), None))
    assert [[p for p in parts[1:-1] if isinstance(p, str)] for parts in generator.asked] == [
        ["This is the right breast, CC view:", "This is the prior exam, right breast, CC view:"],
        ["This is the left breast, MLO view:"],
    ]
    assert [c.text for c in draft.claims] == [
        "Comparison: none.", "Right breast: There is a mass.", "Left breast: There is a mass."
    ]  # fmt: skip
    assert author.manner == "from each breast alone"


def test_a_remark_on_the_answers_about_both_breasts_is_made_once():
    assert len(drafted(Scripted(Answer("A mass. There is", is_cut=True)), by_breast=True).remarks) == 1


def test_of_a_prior_report_known_words_are_given_before_the_request_and_the_rest_is_remarked():
    generator = Scripted()
    draft = drafted(generator, "Jane Doe, 4711.\nThere is a mass in the right breast.")
    said = [p for p in generator.asked[0] if isinstance(p, str)]
    assert said[-2] == "The report of the prior exam said: There is a mass in the right breast."
    assert not any(word in " ".join(said) for word in ("Jane", "4711"))
    (remark,) = draft.remarks
    assert remark.startswith("of the prior report, tiny at localhost:8000 was not shown a sentence that holds words")


def test_without_a_prior_report_none_is_spoken_of():
    generator = Scripted()
    assert drafted(generator).remarks == ()
    assert not any("report of the prior exam" in p for p in generator.asked[0] if isinstance(p, str))


def test_what_it_answers_is_claims_of_an_external_writer():
    draft = drafted(
        Scripted(Answer("## Findings\n**Right breast (CC):**\n- There is a *mass*.\n\n**Left breast:** none."))
    )
    assert [c.text for c in draft.claims] == ["Right breast: There is a mass.", "Left breast: none."]
    assert {c.writer for c in draft.claims} == {Writer.EXTERNAL} and not any(c.pointers for c in draft.claims)


def test_the_last_sentence_of_an_answer_that_was_cut_off_is_left_out_and_remarked():
    draft = drafted(Scripted(Answer("No mass in the left breast. There is a susp", is_cut=True)))
    assert [c.text for c in draft.claims] == ["No mass in the left breast."]
    assert "cut off" in draft.remarks[0]
    assert drafted(Scripted(Answer("There is a susp", is_cut=True))).claims == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("```\nA mass.\n```", "A mass."),
        ("# FINDINGS #\nA mass.", "FINDINGS:\nA mass."),
        ("**Findings:**\nA mass.", "Findings:\nA mass."),
        ("A **large** and __round__ `mass`.", "A large and round mass."),
        ("* A mass.\n* A cyst.", "* A mass.\n* A cyst."),
        ("A mass (BI-RADS 4)", "A mass (BI-RADS 4)"),
        ("Right breast (CC, MLO):\nA mass.", "Right breast:\nA mass."),
        ("3 * 4 mm", "3 * 4 mm"),
    ],
)
def test_marks_of_markdown_are_no_words(text, words):
    assert text_of(Answer(text)).strip() == words


@pytest.mark.parametrize("longest", [63, 4097])
def test_pictures_have_a_sensible_size(longest):
    with pytest.raises(InvalidNoun):
        ChatAuthor(Scripted(), longest_px=longest)


@pytest.mark.parametrize(
    ("tokens", "blind"), [(None, False), (150, True), (190, True), (520, False), (4000, False)]
)  # the packaged words are 93 words here: about 120 tokens; three pictures take 192 tokens or more
def test_so_few_tokens_that_the_pictures_can_hardly_be_among_them_are_remarked(tokens, blind):
    generator = Scripted(Answer("No mass.", tokens_read=tokens))
    remarks = drafted(generator).remarks
    assert any("may not have seen the pictures" in remark for remark in remarks) is blind


def test_starter_chat_is_asked_in_the_words_of_its_training_and_shown_what_its_reader_sees():
    canvas = Canvas("tiny", "0" * 64, (96, 64), 2000.0)
    generator = Scripted()
    drafted(generator, prompts=packaged_prompts(STARTER), canvas=canvas)
    (parts,) = generator.asked
    words = [p for p in parts if isinstance(p, str)]
    assert words == [
        "right CC:", "left MLO:", "prior right CC:", "Describe the findings in this mammogram and write a report.",
    ]  # fmt: skip
    assert words[-1] in read_prompts()["mammo-exam"].prompts  # one of the questions that reports are learned with
    views = [*ARRAYS.exam.current, *ARRAYS.exam.prior]
    for view, png in zip(views, (p for p in parts if isinstance(p, bytes)), strict=True):
        as_read = prepare_view(view, ARRAYS.decode(view), 2000.0, (96, 64)).pixels
        given = np.asarray(Image.open(io.BytesIO(png)))
        assert given.shape == (96, 64) and np.abs(given / 255 * 1.2 - as_read).max() < 0.003
