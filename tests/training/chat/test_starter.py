"""starter-chat from its beginning to a written model: what is trained, what is written, and views that are encoded once."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from mammoscribe.models.chat.chat_model import load_chat_model
from mammoscribe.models.chat.place import reports_by_breast
from mammoscribe.models.chat.scratch import write_scratch_base
from mammoscribe.models.chat.starter import begin_starter
from mammoscribe.support.base_weights import NAME
from mammoscribe.support.errors import InputError
from mammoscribe.support.files import sha256_of
from mammoscribe.support.weights_folder import VARIABLE
from mammoscribe.training.calibration.parts import part_of
from mammoscribe.training.chat.conversations import FileConversations
from mammoscribe.training.chat.kept_views import with_kept_views
from mammoscribe.training.chat.recipe import chat
from mammoscribe.training.chat.spread import usual_views
from mammoscribe.training.chat.task import chat_counts, chat_loss
from mammoscribe.training.engine.checkpoints import load_tensors
from mammoscribe.training.engine.train import train
from tests.data.some_records import report
from tests.models.tiny_chat import write_llava
from tests.training.biovil.lab import breast_lab
from tests.training.chat.lab import REPORTS, exam_entry, lab, text_entry, write_entries
from tests.training.chat.labelled import ALL, FOUR, exam, mass, prepared, view
from tests.training.chat.starter_lab import boxed_exams, untrained_starter
from tests.training.chat.test_task import QUICK, built

pytest.importorskip("accelerate")
pytest.importorskip("transformers")
pytest.importorskip("peft")
SHORT = {name: value for name, value in QUICK.items() if name != "max_tokens"} | {"batch": "2"}
LORA = {"task.trained": "lora", "task.lora.rank": "2", "task.lora.alpha": "4", "task.lora.dropout": "0"}


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    return untrained_starter(tmp_path_factory.mktemp("begun"))


@pytest.fixture(scope="module")
def boxed(tmp_path_factory):
    return boxed_exams(tmp_path_factory.mktemp("boxed"))


def own_of(folder):
    return load_file(folder / "model.safetensors")


def changed(before, after):
    return {name for name in after if name not in before or not torch.equal(before[name], after[name])}


def test_alignment_and_three_steps_leave_a_projector_and_updates_and_nothing_else(begun, boxed, tmp_path):
    texts = breast_lab(tmp_path / "texts", 3)
    base, last = (begun / "base" / "model.safetensors").read_bytes(), begun
    for number, (step, data, more) in enumerate(
        (("reports", boxed, {"task.trained": "projector"}), ("language", texts, LORA), ("findings", boxed, LORA), ("reports", boxed, LORA))
    ):  # fmt: skip
        notes, out = [], tmp_path / f"{number}"
        run = chat([data], last).with_set({**SHORT, "task.step": step, **more})
        assert train(run, out, notify=notes.append).finished
        before = own_of(last if last is begun else last / "model")
        after = own_of(out / "model")
        projector = {name for name in after if name.startswith("model.multi_modal_projector.")}
        assert len(projector) == 4
        if step == "language":  # texts have no picture, so that the projector has nothing to learn from
            assert not changed(before, after) & projector
        else:
            assert changed(before, after) & projector == projector
        standard = {"model.vision_tower.mean", "model.vision_tower.deviation"}
        assert not changed(before, after) & standard  # what tokens are standardised by was measured at the beginning
        others = set(after) - projector - standard
        assert all(".lora_" in name for name in others) and bool(others) == (number > 0)
        assert {t.dtype for t in after.values()} == {torch.float16}
        assert (out / "model" / "base" / "model.safetensors").read_bytes() == base
        assert any("views are kept" in note for note in notes)
        last = out
    said = json.loads((last / "model" / "config.json").read_text())
    assert said["lora"] == {"rank": 2, "alpha": 4.0, "dropout": 0.0}
    model = load_chat_model(last / "model")
    assert model.adapter.canvas.reader == "tiny" and model.adapter.tokens == 28
    assert not any("prior" in note for note in notes)  # eight views fit
    other = chat([boxed], last).with_set({**SHORT, **LORA, "task.step": "reports", "task.lora.rank": "4"})
    with pytest.raises(InputError, match=r"that has them of rank 2 and alpha 4"):
        other.task.build(other)


def test_a_model_that_learned_reports_of_breasts_says_so_in_its_folder(begun, boxed, tmp_path):
    for step, by_breast in (("reports", True), ("reports", False), ("findings", True)):
        fields = {**SHORT, **LORA, "task.step": step, "task.by_breast": str(by_breast).lower()}
        out = tmp_path / f"{step}-{by_breast}"
        assert train(chat([boxed], begun).with_set(fields), out).finished
        assert reports_by_breast(out / "model") == (step == "reports" and by_breast)


def test_breasts_cannot_be_reported_one_by_one_where_reports_are_of_whole_exams_alone(begun, tmp_path):
    own = exam("e1", [view(s, k, mass("m")) for s, k in FOUR], report=report("A mass.", "BI-RADS 4."))
    data = prepared(tmp_path, [own], ALL, as_name="reader")
    run = chat([data], begun).with_set({**SHORT, **LORA, "task.step": "reports", "task.by_breast": "true"})
    with pytest.raises(InputError, match=r"by_breast=true.*of whole exams alone.*of_labels=true"):
        run.task.build(run)


def test_what_was_learned_is_what_is_written(begun, tmp_path):
    file = write_entries(tmp_path, [exam_entry(tmp_path, n, REPORTS[n % 2]) for n in range(2)])
    fields = {**SHORT, **LORA, "task.lora.rank": "16", "task.lora.alpha": "32", "steps": "30", "learning_rate": "3e-3"}
    assert train(chat([file], begun).with_set(fields), tmp_path / "run").finished
    written = own_of(tmp_path / "run" / "model")
    (last,) = (tmp_path / "run" / "checkpoints").glob("step-*")
    learned = part_of(load_tensors(last / "weights.safetensors"), "chat")
    assert all(torch.equal(tensor, learned[name].half()) for name, tensor in written.items())
    assert loss_of(file, tmp_path / "run", fields) < loss_of(file, begun, fields) - 0.2


def loss_of(file, init, fields):
    """Loss of both conversations, for each token."""
    task, batch = built(chat([file], init).with_set(fields), 2)
    for module in task.modules.values():
        module.eval()
    with torch.no_grad():
        return float(chat_loss(task.modules, {"train": batch})["token"]) / chat_counts({"train": batch})["token"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({**LORA, "task.train_vision": "true"}, "train_vision=true for starter-chat"),
        ({**LORA, "task.exam_px": "100000"}, "exam_px for starter-chat"),
        ({**LORA, "task.pad_rgb": "0,0,0"}, "pad_rgb"),
    ],
)
def test_what_cannot_be_trained_of_it_is_one_sentence(begun, tmp_path, given, said):
    run = chat([lab(tmp_path)], begun).with_set({**SHORT, **given})
    with pytest.raises(InputError, match=said):
        run.task.build(run)


def test_a_language_model_outside_the_folder_is_not_trained_as_a_whole(begun, tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "weights"))
    shutil.copytree(begun / "base", tmp_path / "weights" / NAME)
    alone = shutil.copytree(begun, tmp_path / "alone", ignore=shutil.ignore_patterns("base"))
    run = chat([lab(tmp_path)], alone).with_set({**SHORT, "task.trained": "full"})
    with pytest.raises(
        InputError, match=r"trained=full for starter-chat, which keeps .* outside its folder, as they are"
    ):
        run.task.build(run)


def test_data_on_another_canvas_is_one_sentence_that_says_how_it_is_prepared(begun, tmp_path):
    records = [exam("e0", [view(s, k, mass("m")) for s, k in FOUR])]
    for name in ("plain", "reader-lite"):
        data = prepared(tmp_path / name, records, ALL, as_name=name)
        for step in ("findings", "reports"):
            run = chat([data], begun).with_set({**SHORT, **LORA, "task.step": step})
            with pytest.raises(
                InputError,
                match=rf"prepared as {name}; expected the canvas of the reader tiny, 384 x 224.*--as reader\.",
            ):
                run.task.build(run)


def test_views_are_encoded_once_and_come_back_as_they_were(begun, tmp_path):
    file = write_entries(
        tmp_path, [exam_entry(tmp_path, 0, REPORTS[0]), exam_entry(tmp_path, 1, REPORTS[1]), text_entry(0)]
    )
    own, adapter = FileConversations(file), load_chat_model(begun).adapter
    asked = []

    def counted(canvas):
        asked.append(canvas)
        return adapter.encode(canvas)

    counting = replace(adapter, encode=counted)
    kept, (note,) = with_kept_views(counting, [own, own], tmp_path / "features")
    first = len(asked)
    assert note.startswith("8 views are kept") and "; 8 of them were encoded now" in note
    views = own[0].views
    fresh, again = (a.pixels(views).tensors["pixel_values"] for a in (adapter, kept))
    assert len(asked) == first and torch.allclose(fresh, again, atol=2e-2, rtol=2e-3) and fresh.std() > 0.01
    other = np.full((384, 224), 77, np.uint8)
    assert torch.equal(kept.encode(other), adapter.encode(other)) and len(asked) == first + 1  # one that is not kept
    (rows,) = (tmp_path / "features").glob("*.f16")
    rows.write_bytes(rows.read_bytes()[:-5])  # a run that was killed while it wrote
    mended, (note,) = with_kept_views(counting, [own], tmp_path / "features")
    assert "8 views are kept" in note and "; 1 of them were encoded now" in note
    assert torch.equal(mended.pixels(views).tensors["pixel_values"], again)
    for_this_run, (note,) = with_kept_views(counting, [own], None)
    assert "; 8 of them were encoded now" in note
    assert torch.equal(for_this_run.pixels(views).tensors["pixel_values"], again)


def test_a_model_with_its_encoder_in_its_network_keeps_no_views(tmp_path):
    run = chat([lab(tmp_path)], write_llava(tmp_path / "llava")).with_set(
        {**QUICK, "task.features": str(tmp_path / "f")}
    )
    with pytest.raises(InputError, match=r"features for llava-1\.5"):
        run.task.build(run)
    assert not (tmp_path / "f").exists()


def test_a_starter_chat_that_is_begun_with_data_standardises_what_its_encoder_sees(begun, boxed, tmp_path):
    begin_starter(tmp_path, begun / "base", str(begun / "reader"), usual_views([boxed]))
    model = load_chat_model(tmp_path)
    views = list(usual_views([boxed]))
    tokens = torch.cat([model.adapter.encode(view) for view in views])
    seen = model.network.model.vision_tower(tokens).last_hidden_state
    moves = tokens.std(dim=0) > 0.01
    assert len(views) == 12 and moves.any()  # of two exams and a prior
    assert seen.mean(dim=0)[moves].abs().max() < 0.05
    assert torch.allclose(seen.std(dim=0, correction=0)[moves], torch.ones(int(moves.sum())), atol=0.1)


def test_a_language_model_that_is_inside_the_folder_can_be_trained_as_a_whole(begun, boxed, tmp_path):
    base = begun / "base" / "model.safetensors"
    run = chat([boxed], begun).with_set({**SHORT, "task.step": "findings", "task.trained": "full"})
    assert train(run, tmp_path / "run").finished
    out = tmp_path / "run" / "model"
    before, after = load_file(base), load_file(out / "base" / "model.safetensors")
    assert changed(before, after) == set(before) == set(after)
    assert set(own_of(out)) == set(own_of(begun))  # the language model is in its own folder alone
    assert json.loads((out / "config.json").read_text())["base_sha256"] == sha256_of(out / "base" / "model.safetensors")
    learned = load_chat_model(out).network.state_dict()["model.language_model.layers.0.mlp.up_proj.weight"]
    assert torch.equal(learned, after["model.layers.0.mlp.up_proj.weight"].float())


def test_a_small_language_model_of_random_weights_has_the_tokens_of_another(begun, tmp_path):
    like, out = begun / "base", tmp_path / "base"
    out.mkdir()
    card = write_scratch_base(like, out)
    weights, config = load_file(out / "model.safetensors"), json.loads((out / "config.json").read_text())
    assert card.weights_sha256 == sha256_of(out / "model.safetensors") != sha256_of(like / "model.safetensors")
    assert (out / "tokenizer.json").read_bytes() == (like / "tokenizer.json").read_bytes()
    assert config["vocab_size"] == json.loads((like / "config.json").read_text())["vocab_size"]
    layers = sum(t.numel() for name, t in weights.items() if "embed" not in name)
    assert layers + 49152 * 192 < 15e6
    (tmp_path / "chat").mkdir()
    begin_starter(tmp_path / "chat", out, str(begun / "reader"))
    assert load_chat_model(tmp_path / "chat").network.lm_head.weight.shape[1] == 192
