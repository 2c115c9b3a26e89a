"""Reports of prepared data as conversations: every view is shown and named, and the report is the answer."""

import numpy as np
import pytest

from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.data.records import ImageText, ListedImage, Turn
from mammoscribe.support.errors import InputError
from mammoscribe.training.chat.conversations import PreparedConversations, sources_of
from mammoscribe.training.chat.recipe import chat
from mammoscribe.training.engine.train import train
from tests.models.tiny_chat import write_qwen2_vl
from tests.training.biovil.lab import breast_records, chest_picture, prepared
from tests.training.chat.test_task import QUICK

pytest.importorskip("transformers")


def talk(root, number):
    """A conversation about two pictures, as it is read from a file of conversations."""
    names = [f"t{number}/{n}.png" for n in (0, 1)]
    for n, name in enumerate(names):
        chest_picture(root / "files" / name, (n, number % 2), number)
    turns = (Turn("human", "<image>\n<image>\nSame?"), Turn("gpt", f"No, {number}."))
    return ImageText(f"t{number}", f"t{number}", tuple(ListedImage(name) for name in names), conversation=turns)


@pytest.fixture(scope="module")
def exams(tmp_path_factory):
    root = tmp_path_factory.mktemp("exams")
    return prepared(breast_records(root, 4), root, "plain")


def test_every_view_of_an_exam_is_shown_and_named_and_its_report_is_learned(exams):
    found = PreparedConversations(PreparedDataset(exams))
    whole = PreparedDataset(exams)
    assert len(found) == sum(1 for stored in whole if stored.record.report is not None) > 0
    for number in range(len(found)):
        one, said = found[number], found.dialogue(number)
        asked, answer = one.turns
        assert said.turns == one.turns and said.num_pictures == len(one.views) == asked.text.count("<image>") == 4
        assert all(f"{view}: <image>" in asked.text for view in ("right CC", "left CC", "right MLO", "left MLO"))
        record = next(stored.record for stored in whole if stored.record.id == one.name)
        assert answer.text and all(
            line.split(": ", 1)[1] in record.report.raw for line in answer.text.splitlines() if ": " in line
        )
        for view in one.views:
            assert view.dtype == np.uint8 and view.min() == 0 and view.max() == 255


def test_a_kept_conversation_comes_back_as_it_was(tmp_path):
    folder = prepared([talk(tmp_path, n) for n in range(4)], tmp_path, "plain", ("train", "train", "val", "test"))
    found = PreparedConversations(PreparedDataset(folder, "train"))
    assert [found[n].turns[1].text for n in range(len(found))] == ["No, 0.", "No, 1."]
    assert [len(found[n].views) for n in range(2)] == [2, 2]


def test_a_run_learns_from_train_and_is_measured_on_val(tmp_path):
    pytest.importorskip("accelerate")
    folder = prepared([talk(tmp_path, n) for n in range(4)], tmp_path, "plain", ("train", "train", "val", "test"))
    (name,) = sources_of([folder])
    run = chat([folder], write_qwen2_vl(tmp_path / "model")).with_set({**QUICK, "batch": "2"})
    assert list(run.batch) == [name]
    assert train(run, tmp_path / "run").finished
    last = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()[-1]
    assert "val/perplexity" in last and (tmp_path / "run" / "model" / "config.json").is_file()


def test_another_preparation_is_refused(tmp_path):
    folder = prepared(breast_records(tmp_path, 3), tmp_path, "reader")
    with pytest.raises(InputError, match="--as plain"):
        PreparedConversations(PreparedDataset(folder))
