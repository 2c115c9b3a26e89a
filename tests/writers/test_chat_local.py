"""A chat model in this process: what of a question reaches it, and what becomes of what it writes."""

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from mammoscribe.models.chat.answer import Answer as Written
from mammoscribe.support.errors import InputError, InvalidNoun
from mammoscribe.writers import chat_local
from mammoscribe.writers.chat_local import author_in, load_local_chat
from mammoscribe.writers.chat_prompts import STARTER, packaged_prompts
from tests.models.tiny_chat import learn_by_heart, picture, write_llava, write_starter_chat
from tests.models.tiny_families import WRITERS

pytest.importorskip("transformers")
CPU = torch.device("cpu")
SIDES = {"right breast": picture(0), "left breast": picture(9)}
ASKED = "Look.\nThis is the right breast: <image>\nThis is the left breast: <image>\nWrite."


def png(grey: np.ndarray, mode: str = "L") -> bytes:
    stream = io.BytesIO()
    Image.fromarray(grey).convert(mode).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture(scope="module", params=list(WRITERS))
def model(request, tmp_path_factory):
    return load_local_chat(WRITERS[request.param](tmp_path_factory.mktemp("chat") / request.param), CPU, 12)


@pytest.fixture
def asked(monkeypatch):
    """The questions that the network is asked, which then writes nothing but a dot."""
    questions = []

    def note(_, given, max_tokens):
        questions.extend(given)
        return [Written(".", False)]

    monkeypatch.setattr(chat_local, "answer", note)
    return questions


def test_the_writer_of_a_folder_asks_in_the_words_and_shows_the_canvas_that_it_learned_with(tmp_path):
    llava, starter = write_llava(tmp_path / "llava"), write_starter_chat(tmp_path / "starter-chat")
    plain, own = (author_in(folder, load_local_chat(folder, CPU, 4)) for folder in (llava, starter))
    assert plain.canvas is None and plain.prompts == packaged_prompts()
    assert own.canvas is not None and own.canvas.reader == "tiny" and own.prompts == packaged_prompts(STARTER)
    assert not plain.by_breast and not own.by_breast


def question(pictures=SIDES):
    return [
        "Look.",
        *[part for side, grey in pictures.items() for part in (f"This is the {side}:", png(grey))],
        "Write.",
    ]


def test_each_picture_is_in_the_text_behind_the_words_that_name_it(model, asked):
    model.answer(question())
    (only,) = asked
    (turn,) = only.turns
    assert turn.speaker == "human"
    assert turn.text == ASKED
    assert len(only.views) == 2
    for view, grey in zip(only.views, SIDES.values(), strict=True):
        np.testing.assert_array_equal(view, grey)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_a_picture_of_any_kind_of_png_is_seen_as_grey(model, asked, mode):
    model.answer([png(SIDES["right breast"], mode), "Write."])
    assert asked[0].turns[0].text == "<image>\nWrite."
    np.testing.assert_allclose(asked[0].views[0], SIDES["right breast"], atol=1)


def test_what_it_is_shown_and_asked_decides_what_it_writes(model):
    both = dict(zip(SIDES, reversed(SIDES.values()), strict=True))
    answers = [model.answer(question(shown)).text for shown in (SIDES, both)]
    answers.append(model.answer(["What does BI-RADS 1 mean?"]).text)
    assert all(answers) and len(set(answers)) == 3
    assert model.answer(question()).text == answers[0]


def test_an_answer_that_does_not_end_is_cut_and_no_count_of_tokens_calls_it_blind(model):
    answer = replace(model, max_tokens=3).answer(question())
    assert answer.is_cut and not answer.may_be_blind(question())


@pytest.mark.parametrize("name", WRITERS)
def test_weights_of_16_bits_answer_on_the_cpu_as_they_are_stored(tmp_path, name):
    for dtype in (torch.float16, torch.bfloat16):
        small = load_local_chat(WRITERS[name](tmp_path / str(dtype), dtype=dtype), CPU, 5)
        assert {p.dtype for p in small.model.network.parameters()} == {dtype}
        assert small.answer(question()).text


def test_a_text_that_it_has_learned_by_heart_comes_word_for_word_and_whole(tmp_path):
    said = "No mass in the left breast. There is an oval mass in the right breast."
    folder = learn_by_heart(write_llava(tmp_path / "by-heart", positions=1024), said, ASKED)
    answer = load_local_chat(folder, CPU, 200).answer(question())
    assert (answer.text, answer.is_cut) == (said, False)


def test_it_is_named_by_its_folder_and_the_first_digits_of_its_weights(tmp_path):
    import hashlib

    folder = write_llava(tmp_path / "tiny-llava")
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    assert load_local_chat(folder, CPU, 5).name == f"tiny-llava (weights {digest[:12]})"


def test_more_pictures_than_its_family_takes_are_one_sentence(model):
    most = model.model.family.most_images
    many = {f"view {n}": picture(n % 16, 28, 28) for n in range(most + 1)}
    with pytest.raises(InputError, match=rf"{most + 1} pictures in one conversation; expected at most {most}"):
        model.answer(question(many))


@pytest.mark.parametrize("mark", ["<image>", "END"])
def test_words_that_it_takes_for_a_token_are_one_sentence(model, mark):
    words = mark.replace("END", model.model.family.template.end)
    with pytest.raises(InputError, match=r"the question (has 3 <image> for 2 pictures|holds .* takes for a token)"):
        model.answer([*question(), f"Say {words} now."])


def test_an_answer_that_its_context_has_no_room_for_is_one_sentence(model):
    with pytest.raises(InputError, match=r"an answer of up to 600; expected at most 512 together; .*--chat-tokens"):
        replace(model, max_tokens=600).answer(question())


@pytest.mark.parametrize(
    ("text", "shown"),
    [("<think>A cyst?</think> No mass.", "No mass."), ("No\x1b[31m mass.", r"No\x1b[31m mass.")],
)
def test_thoughts_are_left_out_and_what_a_terminal_obeys_is_written_out(model, monkeypatch, text, shown):
    monkeypatch.setattr(chat_local, "answer", lambda *_: [Written(text, False)])
    assert model.answer(question()).text == shown


def test_an_answer_without_words_is_one_sentence_that_names_the_model(model, monkeypatch):
    monkeypatch.setattr(chat_local, "answer", lambda *_: [Written("", False)])
    with pytest.raises(InputError, match=r"the chat model \S+ \(weights [0-9a-f]{12}\) answers with no words"):
        model.answer(question())


def test_a_device_without_memory_for_it_is_one_sentence(model, monkeypatch, tmp_path):
    def full(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(chat_local, "answer", full)
    with pytest.raises(InputError, match="does not fit into the memory of cpu"):
        model.answer(question())
    monkeypatch.setattr(type(model.model.network), "to", full)
    with pytest.raises(InputError, match="does not fit into the memory of cpu"):
        load_local_chat(model.model.folder, CPU, 5)


def test_an_answer_has_a_token_at_least(model):
    with pytest.raises(InvalidNoun):
        replace(model, max_tokens=0)
