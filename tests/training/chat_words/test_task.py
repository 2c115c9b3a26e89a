"""The projector of a tiny starter-chat is taught words, and nothing else of it changes."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from mammoscribe.models.chat.chat_model import load_chat_model
from mammoscribe.support.errors import InputError, InvalidNoun
from mammoscribe.training.chat.recipe import chat
from mammoscribe.training.chat_words.recipe import chat_words
from mammoscribe.training.chat_words.task import WordSettings, _counted
from mammoscribe.training.chat_words.vocabulary import GROUPS, KIND
from mammoscribe.training.engine.train import train
from tests.models.tiny_chat import write_llava
from tests.training.chat.labelled import ALL, CC, NONE, L, R, exam, mass, prepared, view
from tests.training.chat.starter_lab import boxed_exams, untrained_starter

pytest.importorskip("accelerate")
pytest.importorskip("transformers")
QUICK = {"batch": "4", "device": "cpu", "checkpoint_every": "500", "validate_every": "500"}


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    return untrained_starter(tmp_path_factory.mktemp("begun"))


@pytest.fixture(scope="module")
def taught(begun, tmp_path_factory):
    """Data and run: a mass that can be seen in one view of two, learned by heart."""
    root = tmp_path_factory.mktemp("taught")
    records = [exam(f"e{n}", [view(R, CC, name=f"e{n}r"), view(L, CC, mass(), name=f"e{n}l")]) for n in range(2)]
    data = prepared(root, records, ALL, as_name="reader", splits=("train", "val"), spots=True)
    run = chat_words([data], begun).with_set({**QUICK, "steps": "60", "learning_rate": "1e-2"})
    notes = []
    assert train(run, root / "run", notify=notes.append).finished
    assert any("views are kept" in note for note in notes)
    return data, root / "run"


def own_of(folder):
    return load_file(folder / "model.safetensors")


def test_the_projector_is_trained_and_nothing_else_of_the_folder_changes(begun, taught):
    _, run = taught
    before, after = own_of(begun), own_of(run / "model")
    assert before.keys() == after.keys()
    changed = {name for name in after if not torch.equal(before[name], after[name])}
    assert changed == {name for name in before if name.startswith("model.multi_modal_projector.")}
    model = load_chat_model(run / "model")
    assert model.folder == run / "model"


def test_the_token_at_a_box_points_at_the_word_mass_more_than_any_other_token(taught):
    from mammoscribe.data.prepared.dataset import PreparedDataset
    from mammoscribe.training.chat.shown import current

    data, run = taught
    model = load_chat_model(run / "model")
    shown = {s.image.laterality: s for s in current(PreparedDataset(data, "train")[0])}
    table = model.network.get_input_embeddings().weight.detach()
    row = table[model.tokenizer(" mass", add_special_tokens=False)["input_ids"]].mean(dim=0) - table.mean(dim=0)
    with torch.no_grad():
        pixels = model.adapter.pixels([shown[L].pixels()]).tensors["pixel_values"]
        network = model.network.model
        tokens = network.multi_modal_projector(network.vision_tower(pixels).last_hidden_state)[0] - table.mean(dim=0)
    box = shown[L].picture.regions[0]
    high, wide = shown[L].picture.pixels.shape
    at = int((box.y0 + box.y1) / 2 / high * 7) * 4 + int((box.x0 + box.x1) / 2 / wide * 4)  # 7 rows of 4 tokens
    assert int((tokens @ row).argmax()) == at


def test_words_of_a_group_that_is_seldom_labelled_count_as_much_as_those_of_one_that_often_is():
    rows = np.full((1, 4, len(GROUPS)), -1, np.int8)
    rows[0, :, 0] = (4, 4, 4, 0)
    rows[0, 3, 3] = 1
    weights = _counted([rows])
    assert weights.rarity.tolist() == pytest.approx([3**0.5, 1, 1, 1, 1, 1])
    assert weights.evenness.tolist() == [1, 1, 1, 4, 1, 1, 1, 1]


@pytest.mark.parametrize("name", ["share", "choice"])
def test_a_weight_below_nought_is_refused(name):
    with pytest.raises(InvalidNoun, match=name):
        WordSettings(**{name: -0.1})


def test_a_run_says_how_well_tokens_of_val_views_tell_kinds(taught):
    import json

    rows = [json.loads(line) for line in (taught[1] / "metrics.jsonl").read_text().splitlines()]
    last = [row for row in rows if "val/auc" in row][-1]
    assert last["val/mass/auc"] == 1.0  # the views of val are drawn as those of train
    assert rows[0]["loss/total"] > rows[-2]["loss/total"]
    assert f"val/{KIND}/accuracy" in last


def test_a_model_of_another_family_is_one_sentence(taught, tmp_path):
    with pytest.raises(InputError, match=r"of the family llava-1\.5; expected a starter-chat"):
        chat_words([taught[0]], write_llava(tmp_path / "llava")).task.build(
            chat_words([taught[0]], write_llava(tmp_path / "again"))
        )


def test_a_model_with_updates_is_not_taught_words_again(begun, tmp_path):
    data = boxed_exams(tmp_path)
    fields = {
        "steps": "1", "batch": "2", "accumulate": "1", "precision": "fp32", "device": "cpu", "task.step": "reports",
        "task.trained": "lora", "task.lora.rank": "2",
    }  # fmt: skip
    assert train(chat([data], begun).with_set(fields), tmp_path / "run").finished
    run = chat_words([data], tmp_path / "run")
    with pytest.raises(InputError, match="has updates of its language model"):
        run.task.build(run)


def test_data_that_says_nowhere_what_is_where_is_one_sentence(begun, tmp_path):
    data = prepared(tmp_path, [exam("e", [view(R, CC)])], NONE, as_name="reader")
    run = chat_words([data], begun)
    with pytest.raises(InputError, match="says of no part of a view whether a finding is there"):
        run.task.build(run)


def test_data_on_another_canvas_is_one_sentence(begun, tmp_path):
    run = chat_words([prepared(tmp_path, [exam("e", [view(R, CC, mass())])], ALL)], begun)
    with pytest.raises(InputError, match="the canvas of the reader tiny"):
        run.task.build(run)


def test_without_a_model_it_is_one_sentence(taught):
    with pytest.raises(InputError, match="no starter-chat to begin with"):
        chat_words([taught[0]])


def test_tokens_are_kept_in_the_folder_that_is_named(begun, taught, tmp_path):
    data, _ = taught
    run = chat_words([data], begun).with_set({**QUICK, "task.features": str(tmp_path / "features")})
    assert run.task.build(run).notes[0].endswith(" s")
    again = run.task.build(run)
    assert "; 0 of them were encoded now" in again.notes[0]
