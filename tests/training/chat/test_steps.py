"""The three steps one after the other, each from the run of the step before, and how many pictures a conversation may have."""

import json

import pytest
import torch

from mammoscribe.models.chat.chat_model import load_chat_model
from mammoscribe.models.chat.family import TEXT_TOKENS
from mammoscribe.support.errors import InputError
from mammoscribe.training.chat.recipe import chat
from mammoscribe.training.chat.steps import Step, room
from mammoscribe.training.engine.train import train
from tests.models.tiny_chat import LLAVA_TOKENS, write_llava, write_qwen2_vl
from tests.training.biovil.lab import breast_lab
from tests.training.chat.lab import lab, text_entry, write_entries
from tests.training.chat.labelled import ALL, FOUR, R, exam, mass, prepared, view
from tests.training.chat.test_task import QUICK

pytest.importorskip("accelerate")
pytest.importorskip("transformers")
SHORT = {name: value for name, value in QUICK.items() if name != "max_tokens"} | {"batch": "2"}


@pytest.fixture(scope="module")
def boxed(tmp_path_factory):
    """Two exams with a mass in another breast each; one of them, and a third in `val`, with a prior."""
    records = []
    for n, side in enumerate((R, FOUR[1][0], R)):
        shown = [
            view(s, k, *([mass("m", descriptors="shape.oval", change="new")] if s is side else []), name=f"e{n}")
            for s, k in FOUR
        ]
        prior = f"e{n}-before" if n else None
        now = exam(f"e{n}", shown, prior_id=prior)
        records.append(now)
        if prior:
            unknown = "mass|calcification|asymmetry|architectural_distortion"
            before = [view(s, k, name=prior, unplaced=unknown) for s, k in FOUR]
            records.append(type(now)(prior, now.patient_id, tuple(before)))
    return prepared(tmp_path_factory.mktemp("boxed"), records, ALL)


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    return breast_lab(tmp_path_factory.mktemp("texts"), 3)


def losses(folder):
    return [
        json.loads(line)["loss/total"]
        for line in (folder / "metrics.jsonl").read_text().splitlines()
        if "loss/total" in line
    ]


def test_three_steps_are_run_in_a_chain_and_each_goes_on_with_the_model_before(boxed, texts, tmp_path):
    before = wide_qwen(tmp_path / "published")
    for step, data in (("language", texts), ("findings", boxed), ("reports", boxed)):
        run = chat([data], before).with_set({**SHORT, "task.step": step})
        assert run.fields()["task"]["step"] == step
        assert train(run, tmp_path / step).finished
        old, new = (
            load_chat_model(place).network.state_dict() for place in (model_of(before), tmp_path / step / "model")
        )
        assert set(old) == set(new) and any(not torch.equal(old[key], new[key]) for key in old)
        assert all(0 < loss < 20 for loss in losses(tmp_path / step))
        before = tmp_path / step


def wide_qwen(folder):
    """The tiny Qwen2-VL with room for eight pictures; its positions are no weights."""
    config = write_qwen2_vl(folder) / "config.json"
    config.write_text(config.read_text().replace('"max_position_embeddings": 512', '"max_position_embeddings": 4096'))
    assert load_chat_model(folder).context == 4096
    return folder


def model_of(place):
    return place / "model" if (place / "model").is_dir() else place


def task_of(data, init, **settings):
    run = chat(data, init).with_set({**SHORT, **settings})
    return run.task.build(run)


def test_a_step_learns_a_file_as_it_is_and_takes_as_many_of_each_dataset_as_one_says(boxed, tmp_path):
    file = write_entries(tmp_path / "files", [text_entry(n) for n in range(3)])
    run = chat([boxed, file], write_qwen2_vl(tmp_path / "model")).with_set(
        {k: v for k, v in SHORT.items() if k != "batch"}
        | {"batch.listed": "1", "batch.train": "2", "task.step": "findings"}
    )
    assert run.batch == {"listed": 1, "train": 2}
    assert train(run, tmp_path / "run").finished


def test_a_model_that_takes_six_pictures_leaves_four_priors_out_and_a_sentence_says_so(boxed, tmp_path):
    notes = []
    run = chat([boxed], write_llava(tmp_path / "llava", positions=4096)).with_set({**SHORT, "task.step": "reports"})
    assert train(run, tmp_path / "run", notify=notes.append).finished
    (note,) = [n for n in notes if "prior" in n]
    assert note.startswith("listed: 2 of its exams") and "llava-1.5 has room for 6 and" in note
    for step in ("reports", "findings"):
        assert task_of([boxed], wide_qwen(tmp_path / f"qwen {step}"), **{"task.step": step}).notes == ()
    assert task_of([boxed], tmp_path / "llava", **{"task.step": "reports"}).notes


def test_pictures_are_as_many_as_leave_room_for_question_and_answer(tmp_path):
    wide, narrow = (
        load_chat_model(write_llava(tmp_path / str(n), positions=n)) for n in (4096, 512 + 3 * LLAVA_TOKENS)
    )
    assert room(wide, Step.REPORTS, None) == (2048, 6)
    assert room(narrow, Step.REPORTS, None) == (512 + 3 * LLAVA_TOKENS, 3)
    assert room(wide, Step.REPORTS, TEXT_TOKENS + 2 * LLAVA_TOKENS) == (TEXT_TOKENS + 2 * LLAVA_TOKENS, 2)


@pytest.mark.parametrize(
    ("step", "said"), [("language", "has no text"), ("findings", "answer no question about findings")]
)
def test_data_without_anything_for_a_step_is_one_sentence(step, said, boxed, texts, tmp_path):
    data = boxed if step == "language" else texts
    with pytest.raises(InputError, match=said):
        task_of([data], write_qwen2_vl(tmp_path / "model"), **{"task.step": step})


def test_a_step_that_is_none_of_the_three_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match="language"):
        chat([lab(tmp_path)], write_qwen2_vl(tmp_path / "model")).with_set({"task.step": "anatomy"})
