"""The recipe from end to end at debug size: learned by heart, exact over processes, written out and gone on with."""

import json
import re
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from benchmarks.engine_processes import in_ranks
from mammoscribe.models.biovil.report_model import load_report_model
from mammoscribe.models.biovil.report_search import Limits
from mammoscribe.support.errors import InputError, InvalidNoun
from mammoscribe.training.biovil_report.recipe import biovil_t_report
from mammoscribe.training.biovil_report.task import measure, report_counts, report_loss, summary
from mammoscribe.training.engine.run_folder import TIMED
from mammoscribe.training.engine.task import Feed
from mammoscribe.training.engine.train import train
from tests.models.tiny_joint import write_published_folder, write_published_text
from tests.training.biovil.lab import breast_lab
from tests.training.biovil_report.lab import BY_HEART, by_heart_lab, chest_lab, image_only
from tests.training.text.lab import documents
from tests.training.text.lab import prepared as prepared_documents

pytest.importorskip("accelerate")
QUICK = {
    "steps": "2", "batch": "4", "precision": "fp32", "device": "cpu", "learning_rate": "5e-3", "size_px": "64",
    "checkpoint_every": "50", "validate_every": "50",
}  # fmt: skip
NEW = {**QUICK, "task.text.preset": "debug"}
STILL = {
    f"task.chest.{name}": "0" for name in ("rotation_deg", "shear_deg", "scale", "shift", "brightness", "contrast")
}


@pytest.fixture(scope="module")
def init(tmp_path_factory):
    return image_only(tmp_path_factory.mktemp("image"))


@pytest.fixture(scope="module")
def chest(tmp_path_factory):
    return chest_lab(tmp_path_factory.mktemp("chest"))


@pytest.fixture(scope="module")
def learned(init, tmp_path_factory):
    root = tmp_path_factory.mktemp("by_heart")
    run = biovil_t_report([by_heart_lab(root)], init).with_set({**NEW, **STILL, "steps": "100", "batch": "2"})
    assert train(run, root / "run").finished
    return root


def words(text: str) -> list[str]:
    return re.findall(r"[\w.]*\w|[^\w\s]", text.lower())


def rows(folder):
    found = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in row.items() if name not in TIMED} for row in found]


def built(run):
    task = run.task.build(run)
    (source,) = task.sources.values()
    return task, next(source.batches(Feed(0, size=6)))


def weights_of(folder):
    return load_file(next((folder / "checkpoints").glob("best-*")) / "weights.safetensors")


@pytest.mark.parametrize("beams", [1, 3])
def test_two_reports_are_learned_by_heart_and_written_word_for_word(learned, beams):
    model = load_report_model(learned / "run")
    pictures = [model.prepare(learned / "files" / f"s00{n}" / "pa.png") for n in range(4)]
    found = model.write(pictures, limits=Limits(beams=beams))
    assert [words(f.text) for f in found] == [words(BY_HEART[n % 2]) for n in range(4)]
    assert not any(f.is_cut for f in found)
    validated = [row for row in rows(learned / "run") if "val/perplexity" in row][-1]
    assert validated["val/accuracy"] == 1 and validated["val/perplexity"] < 1.5


def test_a_report_that_is_cut_off_has_whole_sentences_only(learned):
    model = load_report_model(learned / "run")
    picture = model.prepare(learned / "files" / "s000" / "pa.png")
    whole = len(model.frames.ids(BY_HEART[0]))
    (cut,) = model.write([picture], limits=Limits(max_tokens=whole - 2))
    assert cut.is_cut and cut.text == BY_HEART[0].split(". ")[0] + "."
    (nothing,) = model.write([picture], limits=Limits(max_tokens=3))
    assert nothing.is_cut and nothing.text == ""


def test_a_frozen_image_model_is_exported_as_it_was_and_one_that_is_trained_is_not(init, chest, learned, tmp_path):
    before = {k: v for k, v in torch.load(init / "biovil_t_image_model_proj_size_128.pt").items() if ".fc." not in k}
    kept = load_file(learned / "run" / "model" / "image.safetensors")
    assert kept.keys() == before.keys() and all(torch.equal(kept[name], before[name]) for name in before)
    trained = biovil_t_report([chest], init).with_set({**NEW, "train_image": "true", "image_rate": "1"})
    assert train(trained, tmp_path / "run").finished
    changed = load_file(tmp_path / "run" / "model" / "image.safetensors")
    same = {name for name in before if torch.equal(changed[name], before[name])}
    assert same and all(name.startswith("projector") for name in same)


def test_the_loss_is_the_cross_entropy_of_the_report_in_plain_numpy(chest, init):
    task, batch = built(biovil_t_report([chest], init).with_set(NEW))
    modules = {name: module.eval() for name, module in task.modules.items()}
    with torch.no_grad():
        found = report_loss(modules, {"x": batch})
        image, net = modules["image"], modules["decoder"]
        grey = batch.images[:, None].expand(-1, 3, -1, -1)
        before = batch.previous[:, None].expand(-1, 3, -1, -1)
        assert len(before)
        seen = image(grey, before, batch.has_prior)
        logits = net(batch.ids, batch.mask, batch.kinds, net.look(seen.patches, batch.shown)).double().numpy()
        figures = summary([measure(modules, batch), measure(modules, batch)])
    total, count = 0.0, 0
    for row, position in np.argwhere(batch.labels.numpy() != -100):
        scores = logits[row, position]
        total += np.log(np.exp(scores - scores.max()).sum()) + scores.max() - scores[batch.labels[row, position]]
        count += 1
    assert float(found["token"]) == pytest.approx(total, rel=1e-5)
    assert report_counts({"x": batch}) == {"token": count}
    assert figures["perplexity"] == pytest.approx(np.exp(total / count), rel=1e-4)


def test_every_parameter_that_is_trained_has_a_gradient(chest, init):
    for changes, has_prior in (({}, True), ({"priors": "false"}, False)):
        run = biovil_t_report([chest], init).with_set({**NEW, "train_image": "true", **changes})
        task, batch = built(run)
        assert bool(batch.has_prior.any()) == has_prior
        report_loss(task.modules, {"x": batch})["token"].backward()
        for module, net in task.modules.items():
            for name, parameter in net.named_parameters():
                is_still = f"{module}.{name}".startswith(task.frozen)
                assert (parameter.grad is None) == is_still, name
                if not is_still and has_prior and not name.endswith(("key.bias", "missing_previous_emb")):
                    assert parameter.grad.any() or "embeddings" in name, name


def _train(run, folder):
    train(run, folder)
    return 0


@pytest.mark.parametrize("kind", ["ddp", pytest.param("fsdp2", marks=pytest.mark.slow)])
def test_two_processes_train_as_one_does(chest, init, kind, tmp_path):
    """Also where the reports of one process are longer than those of the other: a token counts the same in both."""
    run = biovil_t_report([chest], init).with_set({**NEW, "steps": "4", "batch": "6", "validate_every": "4"})
    spread = run.with_set({"distribution.kind": kind})
    assert in_ranks(2, tmp_path, _train, spread, tmp_path / "two") == [0, 0]
    _train(run, tmp_path / "one")
    for one, two in zip(rows(tmp_path / "one"), rows(tmp_path / "two"), strict=True):
        assert one.keys() == two.keys()
        for name, value in one.items():
            assert two[name] == pytest.approx(value, abs=1e-4), name
    a, b = weights_of(tmp_path / "one"), weights_of(tmp_path / "two")
    assert all(torch.allclose(a[name].float(), b[name].float(), atol=1e-4) for name in a)


def test_the_text_model_beside_the_image_model_is_what_the_decoder_begins_with(chest, tmp_path):
    published = write_published_folder(tmp_path / "published")
    text = write_published_text(published)
    run = biovil_t_report([chest], published).with_set({**QUICK, "learning_rate": "1e-9"})
    assert train(run, tmp_path / "run").finished
    model = load_report_model(tmp_path / "run")
    assert (tmp_path / "run" / "model" / "vocab.txt").read_bytes() == (published / "vocab.txt").read_bytes()
    own, there = model.net.state_dict(), text.state_dict()
    shared = own.keys() & there.keys()
    assert len(shared) > 30
    assert all(torch.allclose(own[name], there[name], atol=1e-6) for name in shared)
    assert model.card.name == "biovil-t-report on listed" and model.card.pictures == "chest"


def test_a_run_of_the_recipe_is_gone_on_with(learned, tmp_path):
    prepared = learned / "joint"
    run = biovil_t_report([prepared], learned / "run").with_set({**QUICK, "batch": "2", "learning_rate": "1e-9"})
    assert train(run, tmp_path / "more").finished
    one, two = (load_report_model(place).net.state_dict() for place in (learned / "run", tmp_path / "more"))
    assert all(torch.allclose(one[name], two[name], atol=1e-6) for name in one)
    with pytest.raises(InputError, match="preset"):
        train(run.with_set({"task.text.preset": "debug"}), tmp_path / "other")


def test_mammograms_give_a_writer_of_mammograms_and_do_not_go_with_chest_pictures(chest, init, tmp_path):
    breasts = breast_lab(tmp_path, 3)
    assert train(biovil_t_report([breasts], init).with_set({**NEW, "precision": "bf16"}), tmp_path / "run").finished
    model = load_report_model(tmp_path / "run")
    assert model.card.pictures == "mammogram" and model.is_whole
    shown = model.prepare(next(breasts.parent.glob("files/*/R_CC.png")))
    assert shown.pixels.shape == (64, 64) and shown.shown is not None
    both = {name: value for name, value in NEW.items() if name != "batch"}
    with pytest.raises(InputError, match="one kind in a run"):
        train(biovil_t_report([breasts, chest], init).with_set(both), tmp_path / "both")
    assert not (tmp_path / "both").exists()


def test_what_is_wrong_is_one_sentence_and_leaves_nothing(chest, init, learned, tmp_path):
    with pytest.raises(InputError, match="no data to train on"):
        biovil_t_report([], init)
    with pytest.raises(InputError, match="no image model to write from"):
        biovil_t_report([chest])
    write_published_text(tmp_path / "text")
    with pytest.raises(InputError, match="no image weights in"):
        biovil_t_report([chest], tmp_path / "text")
    unfinished = tmp_path / "unfinished"
    unfinished.mkdir()
    (unfinished / "run.json").write_text("{}")
    with pytest.raises(InputError, match="has not ended"):
        biovil_t_report([chest], unfinished)
    single = write_published_folder(tmp_path / "single", takes_priors=False)
    with pytest.raises(InputError, match="takes no priors"):
        train(biovil_t_report([chest], single).with_set(QUICK), tmp_path / "run")
    save_file({"a": torch.zeros(2)}, image_only(tmp_path / "other") / "image.safetensors")
    (tmp_path / "other" / "biovil_t_image_model_proj_size_128.pt").unlink()
    with pytest.raises(InputError, match="the layout of biovil-t"):
        train(biovil_t_report([chest], tmp_path / "other").with_set(NEW), tmp_path / "run")
    prepared_documents(documents(), tmp_path / "documents")
    with pytest.raises(InputError, match="prepared as text"):
        train(biovil_t_report([tmp_path / "documents" / "prepared"], init).with_set(NEW), tmp_path / "run")
    for wrong in ({"prompt_tokens": "40"}, {"task.text.max_tokens": "3"}, {"task.text.max_tokens": "65"}):
        with pytest.raises((InputError, InvalidNoun)):
            train(biovil_t_report([chest], init).with_set({**NEW, **wrong}), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("wrong", [
    {"task.prior_dropout.both": "1.5"}, {"validation_pairs": "0"}, {"prompt_tokens": "-1"}, {"image_rate": "0"},
])  # fmt: skip
def test_settings_that_are_none_are_refused(wrong, chest, init):
    with pytest.raises(InvalidNoun):
        biovil_t_report([chest], init).with_set(wrong)


@pytest.mark.parametrize("damage", ["card", "weights", "config", "image", "missing"])
def test_a_damaged_folder_is_one_sentence(learned, damage, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(learned / "run" / "model", folder)
    if damage == "card":
        (folder / "report.json").write_text("[]")
    elif damage == "missing":
        (folder / "report.json").unlink()
    elif damage == "config":
        (folder / "config.json").write_text("{")
    else:
        name = "image" if damage == "image" else "report"
        content = bytearray((folder / f"{name}.safetensors").read_bytes())
        content[-1] ^= 1
        (folder / f"{name}.safetensors").write_bytes(bytes(content))
    with pytest.raises(InputError):
        load_report_model(folder)
