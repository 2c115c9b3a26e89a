"""The recipe from end to end on tiny models: learned by heart, with and without pictures, written out and gone on with."""

import json
import os
import signal

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from benchmarks.engine_processes import in_ranks
from mammoscribe.data.records import Turn
from mammoscribe.models.chat.answer import Question, answer
from mammoscribe.models.chat.batch import batch_of
from mammoscribe.models.chat.chat_model import load_chat_model
from mammoscribe.support.errors import InputError, MammoscribeError
from mammoscribe.training.chat.conversations import FileConversations
from mammoscribe.training.chat.recipe import chat
from mammoscribe.training.chat.task import chat_counts, chat_loss, learned_logits, measure, summary
from mammoscribe.training.engine.run_folder import TIMED
from mammoscribe.training.engine.task import Feed
from mammoscribe.training.engine.train import train
from tests.data.datasets.made import write_dicom
from tests.models.tiny_chat import write_llava, write_qwen2_vl
from tests.training.chat.lab import REPORTS, VIEWS, exam_entry, lab, text_entry, write_entries

pytest.importorskip("accelerate")
transformers = pytest.importorskip("transformers")
WRITERS = {"llava-1.5": write_llava, "qwen2-vl": write_qwen2_vl}
CLASSES = {"llava-1.5": "LlavaForConditionalGeneration", "qwen2-vl": "Qwen2VLForConditionalGeneration"}
QUICK = {
    "steps": "2", "batch": "4", "accumulate": "1", "precision": "fp32", "device": "cpu", "learning_rate": "1e-3",
    "checkpoint_every": "500", "validate_every": "500", "max_tokens": "512",
}  # fmt: skip


@pytest.fixture(scope="module", params=list(WRITERS))
def name(request):
    return request.param


@pytest.fixture(scope="module")
def init(name, tmp_path_factory):
    return WRITERS[name](tmp_path_factory.mktemp("published") / name)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return lab(tmp_path_factory.mktemp("lab"))


def rows(folder):
    found = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in row.items() if key not in TIMED} for row in found]


def built(run, size=6):
    task = run.task.build(run)
    (source,) = task.sources.values()
    return task, next(source.batches(Feed(0, size=size)))


def questions(root, exams):
    found = []
    for number in exams:
        names = [root / f"exam{number}" / f"{view.replace(' ', '_')}.png" for view in VIEWS]
        asked = "\n".join([*(f"{view}: <image>" for view in VIEWS), "Write the report."])
        found.append(Question([Turn("human", asked)], [np.asarray(Image.open(path)) for path in names]))
    return found


def test_two_exams_of_four_views_are_learned_by_heart_and_written_word_for_word(tmp_path):
    """The acceptance test of issue 15: the only thing that tells the two apart is their pictures."""
    folder = write_llava(tmp_path / "published")
    file = write_entries(tmp_path, [exam_entry(tmp_path, n, REPORTS[n]) for n in range(2)])
    run = chat([file], folder).with_set(
        {**QUICK, "steps": "120", "batch": "2", "learning_rate": "4e-3", "checkpointing": "false"}
    )
    assert train(run, tmp_path / "run").finished
    model = load_chat_model(tmp_path / "run" / "model")
    found = answer(model, questions(tmp_path, (0, 1)), 200)
    assert [a.text for a in found] == list(REPORTS) and not any(a.is_cut for a in found)
    swapped = [questions(tmp_path, (1, 0))[n] for n in (0, 1)]
    assert [a.text for a in answer(model, swapped, 200)] == list(reversed(REPORTS))
    assert rows(tmp_path / "run")[-1]["loss/total"] < 0.02


def test_what_a_run_writes_is_loaded_by_transformers_without_a_key_to_spare(name, init, data, tmp_path):
    assert train(chat([data], init).with_set(QUICK), tmp_path / "run").finished
    out = tmp_path / "run" / "model"
    network, info = getattr(transformers, CLASSES[name]).from_pretrained(out, output_loading_info=True)
    assert not any(info[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    model, before = load_chat_model(out), load_chat_model(init)
    state, old = model.network.state_dict(), before.network.state_dict()
    assert all(torch.equal(tensor, state[key]) for key, tensor in network.state_dict().items())
    parts = model.family.parts
    changed = {key for key in old if not torch.equal(old[key], state[key])}
    assert not any(key.startswith(parts.vision) for key in changed)
    assert any(key.startswith(parts.projector) for key in changed) and any("q_proj" in key for key in changed)
    assert transformers.AutoTokenizer.from_pretrained(out).get_vocab() == before.tokenizer.get_vocab()


def test_the_loss_is_the_cross_entropy_of_the_answers_in_plain_numpy(init, data):
    task, batch = built(chat([data], init).with_set(QUICK))
    network = task.modules["chat"].eval()
    with torch.no_grad():
        found = chat_loss(task.modules, {"x": batch})
        logits = network(**batch.chat.inputs()).logits.double().numpy()
        scores, labels = learned_logits(network, batch.chat)
        figures = summary([measure(task.modules, batch), measure(task.modules, batch)])
    total, count = 0.0, 0
    for row, place in np.argwhere(batch.chat.labels.numpy() >= 0):
        before = logits[row, place - 1]  # a token is foreseen from what stands before it
        total += np.log(np.exp(before - before.max()).sum()) + before.max() - before[batch.chat.labels[row, place]]
        count += 1
    assert float(found["token"]) == pytest.approx(total, rel=1e-5)
    assert chat_counts({"x": batch}) == {"token": count} and len(scores) == len(labels) == count
    assert figures["perplexity"] == pytest.approx(np.exp(total / count), rel=1e-4)


@pytest.mark.parametrize("changes", [
    {}, {"trained": "projector"}, {"train_vision": "true"}, {"trained": "projector", "train_vision": "true"},
])  # fmt: skip
def test_every_parameter_that_is_trained_has_a_gradient_and_no_other(name, init, data, changes):
    task, batch = built(chat([data], init).with_set({**QUICK, **changes}))
    network = task.modules["chat"]
    for module_name in task.frozen:
        network.get_submodule(module_name.removeprefix("chat.")).requires_grad_(False)
    chat_loss(task.modules, {"x": batch})["token"].backward()
    parts = load_chat_model(init).family.parts
    with_gradient = {key for key, parameter in network.named_parameters() if parameter.grad is not None}
    for key, parameter in network.named_parameters():
        part = next(kind for kind in ("vision", "projector", "language") if key.startswith(getattr(parts, kind)))
        unused = name == "llava-1.5" and ("encoder.layers.2." in key or "post_layernorm" in key)
        wanted = {
            "vision": "train_vision" in changes and not unused,
            "projector": True,
            "language": "trained" not in changes,
        }
        assert (key in with_gradient) == wanted[part], key
        if wanted[part] and not key.endswith(("k_proj.bias", "qkv.bias")):
            assert parameter.grad is not None and parameter.grad.any(), key


def test_conversations_without_pictures_train_the_same_parameters_to_the_same_loss(init, tmp_path):
    entries = [text_entry(n, said=f"Yes. {'It is dense. ' * n}") for n in range(4)]
    task, batch = built(chat([write_entries(tmp_path, entries)], init).with_set(QUICK), 4)
    network, model = task.modules["chat"], load_chat_model(init)
    assert batch.chat.pixels  # a black picture behind the end of the shortest conversation
    loss = chat_loss(task.modules, {"x": batch})["token"]
    total, count = 0.0, 0
    for entry in entries:
        turns = [Turn(turn["from"], turn["value"]) for turn in entry["conversations"]]
        alone = model.prompter().learned(turns, (), "x")
        with torch.no_grad():
            logits, labels = learned_logits(network, batch_of([alone.ids], [alone.labels], [None], model.prompter()))
        total += float(torch.nn.functional.cross_entropy(logits, labels, reduction="sum"))
        count += alone.num_learned
    assert float(loss.detach()) == pytest.approx(total, rel=1e-5) and chat_counts({"x": batch}) == {"token": count}
    loss.backward()
    projector = [p.grad for key, p in network.named_parameters() if key.startswith(model.family.parts.projector)]
    assert projector and all(gradient is not None and not gradient.any() for gradient in projector)


def test_mixed_batches_train_and_batches_of_one_kind_come_first(init, data, tmp_path):
    run = chat([data], init).with_set({**QUICK, "steps": "6", "batch": "4", "accumulate": "2"})
    task = run.task.build(run)
    (source,) = task.sources.values()
    feed = source.batches(Feed(0, size=4))
    image = load_chat_model(init).prompter().image_id
    with_picture = [int((next(feed).chat.ids == image).any(dim=1).sum()) for _ in range(3)]
    assert sorted(with_picture[:2]) == [1, 4] and with_picture[2] == 2  # a batch of texts has the black one
    assert train(run, tmp_path / "run").finished
    assert [row["loss/total"] > 0 for row in rows(tmp_path / "run")] == [True] * 6


def test_what_looks_at_pictures_runs_first_also_when_there_is_none(init, data, tmp_path):
    """In another order, processes that share out the weights of one network would wait for each other's layers."""
    texts = write_entries(tmp_path, [text_entry(n) for n in range(2)])
    for file in (data, texts):
        task, batch = built(chat([file], init).with_set(QUICK), 2)
        network, order = task.modules["chat"], []
        vision = next(m for key, m in network.model.named_children() if key in ("vision_tower", "visual"))
        for part, layers in (("vision", vision), ("language", network.model.language_model)):
            layers.register_forward_hook(lambda *_, part=part, order=order: order.append(part))
        with torch.no_grad():
            chat_loss(task.modules, {"x": batch})
            measure(task.modules, batch)
        assert order == ["vision", "language"] * 2


def train_in(run, folder):
    train(run, folder)
    return 0


@pytest.mark.parametrize(
    "kind", ["ddp", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("fsdp2", "zero2", "zero3"))]
)
def test_two_processes_train_as_one_does_also_when_one_has_no_picture(init, data, kind, tmp_path):
    run = chat([data], init).with_set({**QUICK, "steps": "4", "group_by_length": "false"})
    if kind.startswith("zero"):
        pytest.importorskip("deepspeed")
    if kind != "ddp":  # with a split to measure on, whose batches have pictures in one process alone
        val = write_entries(
            tmp_path / "lab",
            [exam_entry(tmp_path / "lab", 0, REPORTS[0]), *(text_entry(n) for n in range(5))],
            "val.json",
        )
        run = chat([data, val], init).with_set({**QUICK, "steps": "4", "group_by_length": "false"})
    spread = run.with_set({"distribution.kind": kind})
    assert in_ranks(2, tmp_path, train_in, spread, tmp_path / "two") == [0, 0]
    train_in(run, tmp_path / "one")
    for one, two in zip(rows(tmp_path / "one"), rows(tmp_path / "two"), strict=True):
        assert one.keys() == two.keys()
        for key, value in one.items():
            assert two[key] == pytest.approx(value, rel=1e-5, abs=1e-4), key
    a, b = (load_file(tmp_path / place / "model" / "model.safetensors") for place in ("one", "two"))
    assert all(torch.allclose(a[key], b[key], atol=1e-4) for key in a)


def _killed_at_step_3(run, folder):
    if os.environ["RANK"] == "1":
        (folder / "pid").write_text(str(os.getpid()))

    def die(row):
        if row["step"] == 3 and "rate" in row:
            os.kill(int((folder / "pid").read_text()), signal.SIGKILL)

    try:
        train(run, folder / "run", die)
    except MammoscribeError as error:
        return str(error)


@pytest.mark.slow
def test_a_killed_process_ends_the_run_in_one_sentence_and_it_goes_on_to_the_same_figures(init, data, tmp_path):
    run = chat([data], init).with_set({**QUICK, "steps": "6", "checkpoint_every": "2"})
    assert in_ranks(2, tmp_path / "undisturbed", train_in, run, tmp_path / "whole") == [0, 0]
    first, second = in_ranks(2, tmp_path, _killed_at_step_3, run, tmp_path)
    assert second == -signal.SIGKILL
    assert "goes on from checkpoints/step-00000002" in first
    assert in_ranks(2, tmp_path / "again", train_in, run, tmp_path / "run") == [0, 0]
    assert rows(tmp_path / "run") == rows(tmp_path / "whole")


def test_a_run_is_gone_on_with_by_another_and_stopped_runs_go_on(init, data, tmp_path):
    run = chat([data], init).with_set({**QUICK, "steps": "4"})
    assert train(run, tmp_path / "whole").finished
    assert train(run.with_set({"minutes": "1e-6", "checkpoint_every": "1"}), tmp_path / "parts").finished is False
    assert train(run, tmp_path / "parts").finished
    assert rows(tmp_path / "parts") == rows(tmp_path / "whole")
    more = chat([data], tmp_path / "whole").with_set({**QUICK, "learning_rate": "1e-9"})
    assert train(more, tmp_path / "more").finished
    a, b = (load_file(tmp_path / place / "model" / "model.safetensors") for place in ("whole", "more"))
    assert a.keys() == b.keys() and all(torch.allclose(a[key], b[key], atol=1e-6) for key in a)


def test_checkpointing_changes_nothing_but_memory(init, data):
    losses = []
    for changes in ({"checkpointing": "true"}, {"checkpointing": "false"}):
        task, batch = built(chat([data], init).with_set({**QUICK, **changes}))
        network = task.modules["chat"].train()
        assert network.model.language_model.layers[0].gradient_checkpointing == (changes["checkpointing"] == "true")
        loss = chat_loss(task.modules, {"x": batch})["token"]
        loss.backward()
        gradients = [p.grad.clone() for p in network.model.language_model.parameters()]
        losses.append((loss.item(), gradients))
    assert losses[0][0] == pytest.approx(losses[1][0], rel=1e-6)
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(losses[0][1], losses[1][1], strict=True))


def test_a_val_file_is_measured_on_and_a_test_file_refused(init, data, tmp_path):
    val = write_entries(tmp_path, [text_entry(n, said=f"Yes. {n}") for n in range(5)], "val.json")
    run = chat([data, val], init).with_set(QUICK)
    assert list(run.batch) == ["train"]
    assert train(run, tmp_path / "run").finished
    assert rows(tmp_path / "run")[-1]["val/perplexity"] > 1
    with pytest.raises(InputError, match="to train on"):
        chat([data, write_entries(tmp_path, [text_entry(0)], "test.json")], init)
    with pytest.raises(InputError, match="no data to train on"):
        chat([val], init)


def test_weights_are_written_in_the_type_that_they_were_read_in(tmp_path, data):
    folder = write_llava(tmp_path / "half", dtype=torch.bfloat16)
    assert train(chat([data], folder).with_set({**QUICK, "precision": "bf16"}), tmp_path / "run").finished
    held = load_file(tmp_path / "run" / "model" / "model.safetensors")
    assert {tensor.dtype for tensor in held.values()} == {torch.bfloat16}


def test_what_is_wrong_is_one_sentence_that_names_the_sample_and_leaves_no_run(init, data, tmp_path):
    def refused(entries, message, **changes):
        file = write_entries(tmp_path / "wrong", entries)
        with pytest.raises(InputError, match=message):
            train(chat([file], init).with_set({**QUICK, **changes}), tmp_path / "run")
        assert not (tmp_path / "run").exists()

    exam = exam_entry(tmp_path / "wrong", 0, REPORTS[0])
    too_long = r"train.json entry 2 \(id 'exam-0'\) has \d+ tokens, \d+ of them of 4 pictures"
    refused([text_entry(0), exam], too_long, max_tokens="90")
    refused(
        [{**exam, "image": exam["image"][:3]}], r"entry 1 \(id 'exam-0'\): 4 <image> in the human turns for 3 pictures"
    )
    refused([{**exam, "image": [*exam["image"][:3], "exam0/other.png"]}], r"entry 1 .* is not there")
    marked = text_entry(1, said="</s> <|im_end|>")
    refused([text_entry(0), marked], r"entry 2 \(id 'text-1'\) holds .* which the model takes for a token")
    many = {
        **exam,
        "image": exam["image"][:1] * 9,
        "conversations": [{"from": "human", "value": "<image>" * 9}, {"from": "gpt", "value": "x"}],
    }
    refused([many], r"entry 1 \(id 'exam-0'\) has 9 pictures; expected at most [68]")
    with pytest.raises(InputError, match="no chat model to begin with"):
        chat([data], None)
    with pytest.raises(InputError, match=r"config\.json"):
        chat([data], tmp_path)


def test_a_picture_that_does_not_open_stops_the_run_by_name_and_the_run_goes_on_when_it_is_mended(init, tmp_path):
    exam = exam_entry(tmp_path, 0, REPORTS[0])
    file, broken = write_entries(tmp_path, [exam]), tmp_path / exam["image"][1]
    whole = broken.read_bytes()
    broken.write_bytes(b"no picture")
    run = chat([file], init).with_set({**QUICK, "batch": "1"})
    with pytest.raises(InputError, match=r"entry 1 \(id 'exam-0'\): .*left_CC.png"):
        train(run, tmp_path / "run")
    broken.write_bytes(whole)
    assert train(run, tmp_path / "run").finished


def test_the_example_of_the_seed_trains_one_dicom_an_entry(init, tmp_path):
    """The JSON of the seed: one `.dcm` an entry, 12 bits, shown by the window of its header."""
    stored = np.tile(np.arange(64, dtype=np.uint16) * 64, (80, 1))
    size = {"Rows": 80, "Columns": 64, "PixelData": stored.tobytes()}
    write_dicom(tmp_path / "files" / "view.dcm", **size, WindowCenter=2048, WindowWidth=3072)
    entry = {
        "id": "mimic-cxr-sample", "image": "files/view.dcm",
        "conversations": [
            {"from": "human", "value": "<image>\nDescribe the findings in this chest X-ray and write a report."},
            {"from": "gpt", "value": "The heart is of normal size; no pleural effusion."},
        ],
    }  # fmt: skip
    file = write_entries(tmp_path, [entry])
    (view,) = FileConversations(file)[0].views
    assert view.shape == stored.shape
    assert [int(view[0, n]) for n in (0, 7, 57, 63)] == [0, 0, 255, 255] and 120 < view[
        0, 32
    ] < 135  # 0 to 4095 without
    assert train(chat([file], init).with_set({**QUICK, "batch": "1"}), tmp_path / "run").finished


def test_pictures_start_from_the_files_folder_from_images_beside_it_or_from_where_one_says(init, tmp_path):
    for place, images in (("a", "a"), ("b", "b/images"), ("c", "elsewhere")):
        exam = exam_entry(tmp_path / images, 0, REPORTS[0])
        file = write_entries(tmp_path / place, [text_entry(0), exam])
        if place == "c":
            with pytest.raises(InputError, match="is not there"):
                FileConversations(file)
        found = FileConversations(file, tmp_path / images if place == "c" else None)
        assert [len(found[n].views) for n in (0, 1)] == [0, 4]
    with pytest.raises(InputError, match="is not a folder"):
        FileConversations(file, tmp_path / "nowhere")
