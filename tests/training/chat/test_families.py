"""Every family is trained as a whole, in its projector alone and by updates of low rank; what is frozen stays bit for bit."""

import json

import pytest
import torch
from safetensors.torch import load_file

from benchmarks.engine_processes import in_ranks
from mammoscribe.models.chat.chat_model import load_chat_model
from mammoscribe.support.errors import InputError
from mammoscribe.training.chat.recipe import chat
from mammoscribe.training.chat.task import chat_counts, chat_loss
from mammoscribe.training.engine.task import Feed
from mammoscribe.training.engine.train import train
from tests.models.tiny_families import CLASSES, WRITERS
from tests.training.chat.lab import REPORTS, exam_entry, text_entry, write_entries
from tests.training.chat.test_task import QUICK, rows, train_in

pytest.importorskip("accelerate")
pytest.importorskip("peft")
pytest.importorskip("bitsandbytes")
transformers = pytest.importorskip("transformers")
NEW = ["llava-med-1.5", "gemma-3", "llama-3.2-vision", "deepseek-vl", "deepseek-vl-hybrid"]
STEPS = {**QUICK, "steps": "6", "batch": "2", "learning_rate": "3e-3"}
WAYS = {
    "full": {}, "projector": {"trained": "projector", "learning_rate": "1e-2"},
    "lora": {"trained": "lora", "task.lora.rank": "4", "task.lora.alpha": "8", "learning_rate": "1e-2"},
    "qlora": {
        "trained": "lora", "four_bits": "true", "task.lora.rank": "4", "task.lora.alpha": "8", "learning_rate": "1e-2",
    },
    "vision": {"train_vision": "true", "task.vision_rate": "1"},
}  # fmt: skip


@pytest.fixture(scope="module", params=NEW)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def init(name, tmp_path_factory):
    return WRITERS[name](tmp_path_factory.mktemp("published") / name)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("lab")
    return write_entries(root, [exam_entry(root, n, REPORTS[n]) for n in range(2)])


def part_of(family, key):
    """vision, projector or language: which part a parameter is of."""
    fitting = [
        kind for kind in ("vision", "projector", "language")
        if any(f"{key}.".startswith(f"{own}.") for own in getattr(family.parts, kind))
    ]  # fmt: skip
    assert len(fitting) == 1, key
    return fitting[0]


@pytest.mark.parametrize("way", WAYS)
def test_the_loss_falls_and_what_is_not_trained_stays_as_it_was(name, init, data, way, tmp_path):
    assert train(chat([data], init).with_set({**STEPS, **WAYS[way]}), tmp_path / "run").finished
    losses = [json.loads(line)["loss/total"] for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert losses[-1] < losses[0] - 0.02, losses
    out = tmp_path / "run" / "model"
    before, after = (load_chat_model(place) for place in (init, out))
    old, new = before.network.state_dict(), after.network.state_dict()
    parts = {part_of(before.family, key) for key in old if not torch.equal(old[key], new[key])}
    trained = {"projector", *(() if way == "projector" else ("language",)), *(("vision",) if way == "vision" else ())}
    assert parts == trained
    if way in ("lora", "qlora"):
        ends = tuple(f"{p}_proj.weight" for p in ("q", "k", "v", "o", "gate", "up", "down"))
        of_language = [k for k in old if part_of(before.family, k) == "language"]
        assert all(k.endswith(ends) for k in of_language if not torch.equal(old[k], new[k]))
        assert all(not torch.equal(old[k], new[k]) for k in of_language if k.endswith(ends))
    network, info = getattr(transformers, CLASSES[name]).from_pretrained(out, output_loading_info=True)
    assert not any(info[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    assert all(torch.equal(tensor, new[key]) for key, tensor in network.state_dict().items())


@pytest.mark.parametrize("way", ["projector", "vision"])
def test_every_parameter_that_is_trained_has_a_gradient_and_no_other(name, init, data, way):
    run = chat([data], init).with_set({**STEPS, "checkpointing": "false", **WAYS[way]})
    task = run.task.build(run)
    (source,) = task.sources.values()
    network, family = task.modules["chat"], load_chat_model(init).family
    network.requires_grad_(True)
    for key, parameter in network.named_parameters():
        parameter.requires_grad_(not any(f"chat.{key}.".startswith(f"{still}.") for still in task.frozen))
    chat_loss(task.modules, {"x": next(source.batches(Feed(0, size=2)))})["token"].backward()
    unused = ("encoder.layers.2.", "post_layernorm") if name == "llava-med-1.5" else ()
    zero = ("k_proj.bias", "attn.qkv.bias", "patch_embed.projection.bias")
    for key, parameter in network.named_parameters():
        part = part_of(family, key)
        wanted = part == "projector" or (way == "vision" and not (part == "vision" and any(u in key for u in unused)))
        assert (parameter.grad is not None) == wanted, key
        if wanted and not key.endswith(zero):
            assert parameter.grad.any(), key


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["ddp", "fsdp2", "zero2", "zero3"])
def test_two_processes_train_as_one_does_also_when_one_has_no_picture(name, init, kind, tmp_path):
    if kind.startswith("zero"):
        pytest.importorskip("deepspeed")
    entries = [exam_entry(tmp_path, 0, REPORTS[0]), *(text_entry(n) for n in range(3))]
    run = chat([write_entries(tmp_path, entries)], init).with_set({**QUICK, "steps": "4", "group_by_length": "false"})
    assert in_ranks(2, tmp_path, train_in, run.with_set({"distribution.kind": kind}), tmp_path / "two") == [0, 0]
    train_in(run, tmp_path / "one")
    for one, two in zip(rows(tmp_path / "one"), rows(tmp_path / "two"), strict=True):
        assert {key: two[key] for key in one} == pytest.approx(one, rel=1e-5, abs=1e-4)
    a, b = (load_file(tmp_path / place / "model" / "model.safetensors") for place in ("one", "two"))
    assert a.keys() == b.keys() and all(torch.allclose(a[key], b[key], atol=1e-4) for key in a)


def test_conversations_without_pictures_have_the_same_loss_alone_as_with_the_black_picture(name, init, tmp_path):
    entries = [text_entry(n, said=f"Yes. {'It is dense. ' * n}") for n in range(3)]
    run = chat([write_entries(tmp_path, entries)], init).with_set({**STEPS, "batch": "3", "checkpointing": "false"})
    task = run.task.build(run)
    (source,) = task.sources.values()
    batch, network = next(source.batches(Feed(0, size=3))), task.modules["chat"].eval()
    assert batch.chat.pixels
    loss = chat_loss(task.modules, {"x": batch})["token"]
    plain = getattr(transformers, CLASSES[name]).from_pretrained(init, dtype=torch.float32).eval()
    model = load_chat_model(init)
    total, prompter = 0.0, model.prompter()
    for row, mask, labels in zip(batch.chat.ids, batch.chat.mask, batch.chat.labels, strict=True):
        end = int(mask.sum()) - int((row == prompter.image_id).sum())
        more = {"token_type_ids": torch.zeros(1, end, dtype=torch.long)} if name == "gemma-3" else {}
        with torch.no_grad():
            scores = plain(input_ids=row[None, :end], **more).logits[0, :-1]
        total += float(torch.nn.functional.cross_entropy(scores, labels[1:end], reduction="sum", ignore_index=-100))
    assert float(loss.detach()) == pytest.approx(total, rel=1e-5)
    assert chat_counts({"x": batch})["token"] == int((batch.chat.labels >= 0).sum())
    loss.backward()
    seen = [p.grad for key, p in network.named_parameters() if part_of(model.family, key) == "projector"]
    assert seen and all(gradient is not None and not gradient.any() for gradient in seen)


def test_settings_that_a_family_has_no_use_for_are_refused(name, init, data):
    run = chat([data], init)
    with pytest.raises(InputError, match=f"exam_px for {name}"):
        run.with_set({**STEPS, "task.exam_px": "1000000"}).task.build(
            run.with_set({**STEPS, "task.exam_px": "1000000"})
        )
    padded = run.with_set({**STEPS, "task.pad_rgb": "0,0,0"})
    if name == "llama-3.2-vision":
        with pytest.raises(InputError, match=f"pad_rgb .* for {name}"):
            padded.task.build(padded)
    else:
        assert padded.task.build(padded).export.start.model.adapter.preparation.pad_rgb == (0, 0, 0)
