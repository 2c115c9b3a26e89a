"""LLaVA's own data loader (preprocess_v1) as the reference: the same tokens and the same of them learned; and where we differ."""

import json

import pytest

from mammoscribe.data.records import Turn
from mammoscribe.models.chat.families import LLAVA_1_5
from mammoscribe.models.chat.prompt import IGNORED, Prompter
from mammoscribe.support.errors import InputError
from tests.parity.llava_loader import GOLDENS, PICTURE, digest, samples, tokenizer, vocabulary_digest

pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def prompter():
    made = tokenizer()
    made.add_tokens(["<image>"], special_tokens=True)
    return Prompter(made, LLAVA_1_5, 2048)


def turns_of(*texts):
    return [Turn(("human", "gpt")[n % 2], text) for n, text in enumerate(texts)]


def learned(prompter, *texts):
    pictures = sum(text.count("<image>") for text in texts)
    found = prompter.learned(turns_of(*texts), (1,) * pictures, "sample")
    ids = [PICTURE if number == prompter.image_id else number for number in found.ids.tolist()]
    return ids, found.labels.tolist()


def test_two_hundred_conversations_have_the_tokens_and_the_mask_of_the_loader(prompter):
    held, composed = json.loads(GOLDENS.read_text()), samples()
    assert held["vocabulary"] == vocabulary_digest(), (
        "another tokeniser: make the goldens anew (tests/parity/llava_loader.py)"
    )
    assert len(composed) == len(held["conversations"]) == len(set(held["conversations"])) == 200
    assert {s.has_picture for s in composed} == {True, False} and {len(s.texts) for s in composed} == {2, 4, 6, 8, 10}
    wrong = [
        n for n, (sample, wanted) in enumerate(zip(composed, held["conversations"], strict=True))
        if digest(*learned(prompter, *sample.texts)) != wanted
    ]  # fmt: skip
    assert not wrong


def test_spaces_around_a_turn_are_not_learned(prompter):
    """The loader keeps them: then an answer begins with a token that is never asked for."""
    assert learned(prompter, " Hi \n", "\n Yes.  ") == learned(prompter, "Hi", "Yes.")


def test_every_picture_stays_in_its_place(prompter):
    """The loader moves one to the front of its turn and drops the others."""
    ids, _ = learned(prompter, "R <image>\nL <image>", "Yes.")
    assert ids.count(PICTURE) == 2
    assert ids.index(PICTURE) > len(prompter.asked(turns_of("R"), (), "x")) - 8


@pytest.mark.parametrize("said", ["It says </s> here.", "<s>"])
def test_a_text_with_a_token_of_the_model_is_an_error_and_not_left_out_of_the_loss(prompter, said):
    with pytest.raises(InputError, match="sample holds"):
        learned(prompter, "Hi", said)


def test_an_answer_with_the_words_of_the_prompt_is_learned_whole(prompter):
    """`ASSISTANT: ` in a text is where the loader gives up."""
    said = "The USER: asked ASSISTANT: twice."
    ids, labels = learned(prompter, "Hi", said)
    kept = [number for number in labels if number != IGNORED]
    assert prompter.tokenizer.decode(kept).removesuffix("</s>").strip() == said and kept == ids[-len(kept) :]


def test_what_is_too_long_is_an_error_and_not_cut(prompter):
    with pytest.raises(InputError, match="nothing is cut off"):
        learned(prompter, "Hi", "mass " * 2100)
