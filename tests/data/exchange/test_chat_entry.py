"""An entry of a file of conversations: both layouts, and one sentence that names what is wrong with it."""

import pytest

from mammoscribe.data.exchange.chat_entry import chat_of
from mammoscribe.support.errors import MammoscribeError

ASK, REPLY = {"from": "human", "value": "<image>\nWhat is it?"}, {"from": "gpt", "value": "A lung."}
ENTRY = {"id": "a1", "image": "a.png", "conversations": [ASK, REPLY]}
TEXT = {"id": "t", "conversations": [{"from": "human", "value": "Hello"}, REPLY]}


def said(chat):
    return [(turn.speaker, turn.text) for turn in chat.turns]


@pytest.mark.parametrize(
    "pictures",
    [
        {"image": "a.png"},
        {"image": ["a.png"]},
        {"images": ["a.png"]},
        {"images": "a.png"},
        {"images": [{"path": "a.png", "bytes": None}]},
        {"images_file_names": ["a.png"]},
        {"file_name": "a.png"},
        {"image": "a.png", "images": [], "videos": [], "audios": None},
    ],
)
def test_a_picture_is_found_under_every_key_that_trainers_read(pictures):
    chat = chat_of({"id": "x", **pictures, "conversations": [ASK, REPLY]})
    assert chat.pictures == ("a.png",)


@pytest.mark.parametrize("nothing", [{"image": None}, {"image": ""}, {"images": []}, {"image": float("nan")}, {}])
def test_an_entry_without_a_picture_is_text_only(nothing):
    chat = chat_of({**TEXT, **nothing})
    assert chat.pictures == () and not chat.extra


@pytest.mark.parametrize(
    ("key", "turns"),
    [
        ("conversations", [{"from": "user", "value": "<image>Q"}, {"from": "assistant", "value": "A"}]),
        ("conversations", [{"from": "Human", "value": "<image>Q"}, {"from": "GPT", "value": "A"}]),
        ("conversations", [{"role": "user", "content": "<image>Q"}, {"role": "assistant", "content": "A"}]),
        ("messages", [{"from": "human", "value": "<image>Q"}, {"from": "gpt", "value": "A"}]),
        ("messages", [{"role": "user", "content": "<image>Q"}, {"role": "assistant", "content": "A"}]),
        (
            "messages",
            [
                {"role": "user", "content": [{"type": "image", "text": None}, {"type": "text", "text": "Q"}]},
                {"role": "assistant", "content": [{"type": "text", "text": "A"}]},
            ],
        ),
    ],
)
def test_turns_are_read_in_every_layout(key, turns):
    chat = chat_of({"id": "x", "image": "a.png", key: turns})
    assert [(who, text.replace("\n", "")) for who, text in said(chat)] == [("human", "<image>Q"), ("gpt", "A")]


def test_a_system_text_is_the_first_turn_wherever_it_is():
    inside = chat_of({**TEXT, "conversations": [{"from": "system", "value": "Be brief."}, *TEXT["conversations"]]})
    beside = chat_of({**TEXT, "system": "Be brief."})
    assert said(inside) == said(beside) == [("system", "Be brief."), ("human", "Hello"), ("gpt", "A lung.")]
    assert said(chat_of({**TEXT, "system": ""})) == said(chat_of(TEXT))


def test_further_keys_of_an_entry_and_of_a_turn_are_kept():
    chat = chat_of({**ENTRY, "source": {"set": 1}, "conversations": [ASK, {**REPLY, "weight": 0}]})
    assert chat.extra == {"source": {"set": 1}} and chat.turn_extra == {1: {"weight": 0}}


def two(*values, pictures=("a.png",)):
    return {"id": "x", "images": list(pictures), "conversations": [
        {"from": "human" if n % 2 == 0 else "gpt", "value": value} for n, value in enumerate(values)
    ]}  # fmt: skip


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        # marks and pictures, counted over every turn
        (two("A?", "a"), "0 <image> in the human turns for 1 picture"),
        (two("<image>A?", "a", "<image>B?", "b"), "2 <image> in the human turns for 1 picture"),
        (two("<image>A?", "a", "B?", "b", pictures=("a.png", "b.png")), "1 <image> in the human turns for 2 pictures"),
        (two("A?", "<image> a"), "turn 2 (gpt) holds <image>"),
        (two("<image>A?", "a", "B?", "see <image>", pictures=("a.png", "b.png")), "turn 4 (gpt) holds <image>"),
        ({**TEXT, "conversations": [ASK, REPLY]}, "1 <image> in the human turns for 0 pictures"),
        ({**ENTRY, "image": None}, "1 <image> in the human turns for 0 pictures"),
        # turns alternate and end with an answer
        ({**ENTRY, "conversations": [REPLY, ASK, REPLY]}, "turn 1 is from gpt; expected human"),
        ({**ENTRY, "conversations": [ASK, ASK, REPLY]}, "turn 2 is from human; expected gpt"),
        ({**ENTRY, "conversations": [ASK, REPLY, REPLY]}, "turn 3 is from gpt; expected human"),
        ({**ENTRY, "conversations": [ASK]}, "turn 1, the last one, is a question; expected an answer"),
        ({**ENTRY, "conversations": [ASK, REPLY, ASK]}, "turn 3, the last one, is a question"),
        ({**ENTRY, "conversations": [ASK, {"from": "gpt", "value": " \n"}]}, "turn 2 (gpt) is empty"),
        ({**TEXT, "conversations": [{"from": "human", "value": ""}, REPLY]}, "turn 1 (human) is empty"),
        ({**ENTRY, "conversations": [ASK, {"from": "system", "value": "x"}, REPLY]}, "turn 2 is from system"),
        ({**TEXT, "conversations": [{"from": "system", "value": "x"}]}, "no turns"),
        # keys that are misspelt are named, with the right one
        ({"id": "x", "image": "a.png", "conversatons": [ASK, REPLY]}, "'conversatons'; did you mean conversations?"),
        ({"id": "x", "image": "a.png", "Conversations": [ASK, REPLY]}, "did you mean conversations?"),
        ({"id": "x", "image": "a.png", "conversation": [ASK, REPLY]}, "did you mean conversations?"),
        ({"id": "x", "image": "a.png", "mesages": [ASK, REPLY]}, "did you mean messages?"),
        ({"id": "x", "imge": "a.png", "conversations": [ASK, REPLY]}, "'imge'; did you mean image?"),
        ({"id": "x", "Image": "a.png", "conversations": [ASK, REPLY]}, "did you mean image?"),
        ({"id": "x", "IMAGE": "a.png", "conversations": [ASK, REPLY]}, "did you mean image?"),
        ({"id": "x", "imags": ["a.png"], "conversations": [ASK, REPLY]}, "did you mean image"),
        ({**TEXT, "img": ["a.png"]}, "the key 'img' with the picture ['a.png']"),
        ({**TEXT, "picture_path": "a.PNG"}, "the key 'picture_path' with the picture 'a.PNG'"),
        ({"id": "x", "dialogue": [ASK, REPLY]}, "no conversations; its keys are 'id', 'dialogue'"),
        ({"id": "x"}, "no conversations; its keys are 'id'"),
        ({**ENTRY, "messages": ENTRY["conversations"]}, "both conversations and messages"),
        ({**ENTRY, "conversations": [{"form": "human", "value": "<image>"}, REPLY]}, "turn 1: no from"),
        ({**ENTRY, "conversations": [{"form": "human", "value": "<image>"}, REPLY]}, "the key 'form' looks like it"),
        ({**ENTRY, "conversations": [ASK, {"from": "gpt", "valu": "A"}]}, "turn 2: no value"),
        # whoever speaks
        ({**ENTRY, "conversations": [{"from": "humn", "value": "<image>"}, REPLY]}, "did you mean human"),
        ({**ENTRY, "conversations": [{"from": "robot", "value": "<image>"}, REPLY]}, "'robot'"),
        ({**ENTRY, "conversations": [{"from": None, "value": "<image>"}, REPLY]}, "from is null"),
        # other forms
        ({**ENTRY, "conversations": []}, "conversations is []"),
        ({**ENTRY, "conversations": "hello"}, "conversations is 'hello'"),
        ({**ENTRY, "conversations": ["hello", "you"]}, "turn 1: 'hello'"),
        ({**ENTRY, "conversations": [ASK, {"from": "gpt", "value": None}]}, "turn 2: a text that is null"),
        ({**ENTRY, "conversations": [ASK, {"from": "gpt", "value": [{"type": "image_url"}]}]}, "a block {'type': 'image_url'}"),
        ({**ENTRY, "image": 3}, "image is 3"),
        ({**ENTRY, "image": ["a.png", None]}, "image is ['a.png', None]"),
        ({**ENTRY, "image": [" "]}, "image is [' ']"),
        ({**ENTRY, "image": {"bytes": "aGk="}}, "image is {'bytes'"),
        ({**ENTRY, "images": ["a.png"]}, "both image and images"),
        ({**TEXT, "video": "v.mp4"}, "the key video"),
        ({**TEXT, "audios": ["a.wav"]}, "the key audios"),
        ({**TEXT, "conversations": [{"from": "human", "value": "<video>\nQ"}, REPLY]}, "turn 1 holds <video>"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image", "image": "a.png"}]}, {"role": "assistant", "content": "A"}]},
            "a block that names its picture 'a.png'",
        ),
        ("text", "an entry that is a text"),
        (None, "an entry that is null"),
        ([ENTRY], "an entry that is a list"),
    ],
)  # fmt: skip
def test_a_bad_entry_is_one_sentence_that_names_what_is_wrong(entry, told):
    with pytest.raises(MammoscribeError) as caught:
        chat_of(entry)
    assert told in caught.value.sentence()
    assert "\n" not in caught.value.sentence()


@pytest.mark.parametrize("extra", [{"image_id": "3"}, {"image_size": [2, 3]}, {"source": "chest"}, {"message": ""}])
def test_a_further_key_that_is_no_misspelling_is_no_fault(extra):
    assert chat_of({**TEXT, **extra}).extra == extra


def test_a_value_in_a_sentence_is_short():
    with pytest.raises(MammoscribeError) as caught:
        chat_of({**ENTRY, "image": [3] * 10_000})
    assert len(caught.value.sentence()) < 200
