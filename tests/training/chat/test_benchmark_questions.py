"""`benchmarks/chat_questions.py`: questions of either answer in balance, asked one by one."""

from collections import Counter

import numpy as np
import pytest
import torch

from benchmarks import chat_questions
from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.data.records import Turn
from mammoscribe.models.chat.answer import Question, written
from mammoscribe.models.chat.chat_model import load_chat_model
from tests.training.chat.test_starter import begun, boxed

pytest.importorskip("transformers")
pytest.importorskip("peft")
__all__ = ["begun", "boxed"]


def chosen_of(boxed, most):
    return chat_questions.balanced(list(chat_questions.questions(PreparedDataset(boxed, "train"), 8)), most)


def test_as_many_questions_are_answered_with_yes_as_with_no(boxed):
    chosen = chosen_of(boxed, 50)
    counts = Counter((asked.topic, asked.ask.about, asked.ask.affirms) for asked in chosen)
    assert ("presence mass", "mass", True) in counts
    assert all(counts[topic, about, not affirms] == number for (topic, about, affirms), number in counts.items())
    assert len(chosen_of(boxed, 1)) < len(chosen)


def test_a_perfect_leaning_has_an_auc_of_1_and_one_that_never_changes_of_one_half(boxed):
    chosen = chosen_of(boxed, 50)
    truth = np.array([float(bool(asked.ask.affirms)) for asked in chosen])
    rows = {r.what: r.value for r in chat_questions.rows_of(chosen, {"own": truth, "black": np.zeros(len(truth))})}
    assert rows["presence mass: AUC"] == 1 and rows["presence mass, from black pictures: AUC"] == 0.5


def test_a_model_leans_to_what_it_would_write(begun):
    model = load_chat_model(begun)
    view = np.random.default_rng(0).integers(0, 255, (384, 224)).astype(np.uint8)
    asked = Question((Turn("human", "right CC: <image>\nIs there a mass?"),), (view,))
    yes, no = (model.tokenizer(word)["input_ids"][0] for word in ("Yes", "No"))
    seen = []
    handle = model.network.lm_head.register_forward_pre_hook(lambda _, given: seen.append(given[0][0, -1].clone()))
    written(model, [asked], 1)
    handle.remove()
    rows = torch.nn.Parameter(
        torch.zeros_like(model.network.lm_head.weight)
    )  # a layer of its own, not the table of tokens
    model.network.lm_head.weight = rows
    for better, worse in ((yes, no), (no, yes)):
        rows.data[better], rows.data[worse] = seen[0], -seen[0]
        assert written(model, [asked], 1)[0][0] == better
        assert (chat_questions.leaning(model, asked) > 0) == (better == yes)


def test_the_command_prints_topics_with_their_own_and_with_black_pictures(begun, boxed, monkeypatch, capsys, tmp_path):
    words = [
        "--chat",
        str(begun),
        "--data",
        str(boxed),
        "--split",
        "train",
        "--most",
        "1",
        "--json",
        str(tmp_path / "r"),
    ]
    monkeypatch.setattr("sys.argv", ["chat_questions.py", *words])
    assert chat_questions.main() == 0
    printed = capsys.readouterr().out
    assert "| presence mass: AUC " in printed and "| presence mass, from black pictures: AUC " in printed
    assert (tmp_path / "r").is_file()


def test_topics_can_be_chosen_and_black_pictures_are_asked_once_for_each_question(
    begun, boxed, monkeypatch, capsys
):  # fmt: skip
    asked = []

    def counted(model, question):
        asked.append(question)
        return float(question.views[0].any())

    monkeypatch.setattr(chat_questions, "leaning", counted)
    monkeypatch.setattr(chat_questions.Ask, "words", lambda *_: ("Is there a mass?", "Yes."))
    words = ["--chat", str(begun), "--data", str(boxed), "--split", "train", "--topics", "presence", "--bf16"]
    monkeypatch.setattr("sys.argv", ["chat_questions.py", *words])
    assert chat_questions.main() == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if "AUC" in line]
    assert rows and all("presence" in line for line in rows)
    black = [question.turns[0].text for question in asked if not question.views[0].any()]
    own = [question.turns[0].text for question in asked if question.views[0].any()]
    assert len(black) == len(set(black)) < len(own) and set(black) == set(own)


def test_data_without_such_labels_is_one_sentence(begun, boxed, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["chat_questions.py", "--chat", str(begun), "--data", str(boxed), "--split", "val"])
    assert chat_questions.main() == 2
    assert "Traceback" not in capsys.readouterr().out
