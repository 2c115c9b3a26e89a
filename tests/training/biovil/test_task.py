"""The recipe from end to end at debug size: it learns, goes on exactly, and writes a folder that the commands take."""

import json
import os
import shutil
import signal

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from benchmarks.engine_processes import in_ranks
from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.domain.view import Box
from mammoscribe.explain.load import load_space
from mammoscribe.imaging.joint_pixels import JointPixels
from mammoscribe.imaging.placement import Placement
from mammoscribe.models.biovil.image_model import load_image_model
from mammoscribe.models.biovil.imported import import_published
from mammoscribe.models.biovil.text_model import load_text_model
from mammoscribe.support.errors import InputError, InvalidNoun
from mammoscribe.training.biovil.passes import both_passes, pairs_of
from mammoscribe.training.biovil.recipe import biovil_t
from mammoscribe.training.biovil.task import joint_counts, joint_loss
from mammoscribe.training.engine.run_folder import TIMED
from mammoscribe.training.engine.task import Feed
from mammoscribe.training.engine.train import train
from mammoscribe.training.probes.towers import open_tower
from tests.models.tiny_joint import write_published_folder, write_published_image
from tests.training.biovil.lab import breast_lab, chest_lab

pytest.importorskip("accelerate")
QUICK = {
    "steps": "2", "batch": "4", "precision": "fp32", "device": "cpu", "learning_rate": "5e-3", "checkpoint_every": "8",
    "validate_every": "8",
}  # fmt: skip
NEW = {**QUICK, "task.text.preset": "debug", "joint_dim": "16"}
LONG = {**NEW, "steps": "24", "batch": "8", "task.temperatures.whole": "0.1"}
STILL = {"task.image.dropout": "0", "task.image.drop_path": "0", "keep_statistics": "true"}


@pytest.fixture(scope="module")
def chest(tmp_path_factory):
    return chest_lab(tmp_path_factory.mktemp("chest"), 15)


@pytest.fixture(scope="module")
def breasts(tmp_path_factory):
    return breast_lab(tmp_path_factory.mktemp("breasts"), 3)


@pytest.fixture(scope="module")
def trained(chest, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained") / "run"
    assert train(biovil_t([chest]).with_set(LONG), folder).finished
    return folder


def rows(folder):
    found = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in row.items() if name not in TIMED} for row in found]


def built(run):
    """The task and one batch of its only source."""
    task = run.task.build(run)
    (source,) = task.sources.values()
    return task, next(source.batches(Feed(0, size=8)))


def test_every_loss_falls_and_retrieval_is_shown_beside_chance(trained):
    losses = [row for row in rows(trained) if "loss/whole" in row]
    for name in ("whole", "local", "masked"):
        values = [row[f"loss/{name}"] for row in losses]
        assert np.mean(values[-4:]) < 0.9 * np.mean(values[:4]), name
    last = [row for row in rows(trained) if "val/score" in row][-1]
    assert {"val/image/r@1", "val/text/r@10", "val/image/r@1/chance", "val/with_prior"} <= last.keys()
    assert 0 < last["val/with_prior"] < 1


def test_a_run_that_was_stopped_goes_on_exactly(chest, trained, tmp_path):
    def stop(row):
        if row["step"] == 9 and "rate" in row:
            os.kill(os.getpid(), signal.SIGTERM)

    run = biovil_t([chest]).with_set(LONG)
    assert train(run, tmp_path, stop).step == 9
    assert train(run, tmp_path).finished
    assert rows(tmp_path) == rows(trained)


def test_the_model_folder_gives_the_embeddings_of_the_run(chest, trained):
    task, _ = built(biovil_t([chest], trained).with_set(QUICK))
    best = load_file(next((trained / "checkpoints").glob("best-*")) / "weights.safetensors")
    space = load_space(str(trained / "model"))
    for module, ours in (("image", space.image.model), ("text", space.text.model)):
        for name, value in ours.state_dict().items():
            assert torch.equal(value, best[f"{module}.{name}"]), name
    modules = {name: module.eval() for name, module in task.modules.items()}
    (batch,) = task.validation.batches.batches([0])
    with torch.no_grad():
        found = pairs_of(modules, batch)
    pictures, before = [shown_as_is(p) for p in batch.images], iter(batch.previous)
    priors = [shown_as_is(next(before)) if has else None for has in batch.has_prior.tolist()]
    assert None in priors and len(set(map(type, priors))) == 2
    torch.testing.assert_close(space.embed_images(pictures, priors).whole, found.whole, atol=1e-5, rtol=1e-4)
    said = "There is an opacity in the upper right lung"
    tokens = space.text.tokens([said])
    own = modules["text"].project(tokens.ids, tokens.mask).detach()
    torch.testing.assert_close(space.embed_texts([said + "."]), torch.nn.functional.normalize(own, dim=1))


def shown_as_is(pixels):
    grey, side = pixels.numpy(), len(pixels)
    return JointPixels(
        grey, Placement(side, side, False, 1.0, 1.0, 0.0, 0.0, side, side), Box(0, 0, side, side), "test"
    )


def test_the_commands_show_the_model_what_it_learned_from(chest, breasts, trained, tmp_path):
    space = load_space(str(trained / "model"))
    picture = next(chest.parent.glob("files/*/pa.png"))
    assert space.mode == "published" and space.prepare(picture).pixels.shape == (64, 64)
    assert train(
        biovil_t([breasts]).with_set({**NEW, "precision": "bf16", "validate_every": "2"}), tmp_path / "run"
    ).finished
    space = load_space(str(tmp_path / "run" / "model"))
    picture = next(breasts.parent.glob("files/*/R_CC.png"))
    assert space.mode == "whole" and space.prepare(picture).mode == "whole"
    assert load_space(str(tmp_path / "run" / "model"), "published").mode == "published"
    import_published(tmp_path / "run" / "model", tmp_path / "copy")
    assert load_space(str(tmp_path / "copy")).prepare(picture).pixels.shape == (64, 64)
    tower, data = open_tower(str(tmp_path / "run" / "model")), PreparedDataset(breasts)
    tower.check(data)
    with pytest.raises(InputError, match="--as plain"):
        tower.check(PreparedDataset(chest))
    assert json.loads((tmp_path / "run" / "model" / "image.json").read_text())["name"] == "biovil-t on listed"


@pytest.mark.parametrize("case", ["mixed", "no priors", "nothing masked"])
def test_every_parameter_has_a_gradient(chest, trained, case):
    changes = {**QUICK, "priors": "false"} if case == "no priors" else QUICK
    task, batch = built(biovil_t([chest], trained).with_set(changes))
    assert bool(batch.has_prior.any()) == (case != "no priors") and not batch.has_prior.all()
    if case == "nothing masked":
        batch = type(batch)(**{**vars(batch), "labels": torch.full_like(batch.labels, -100)})
    sums = joint_loss(task.modules, {"x": batch}, biovil_t([chest]).task.temperatures)
    assert sums.keys() == joint_counts({"x": batch}).keys() == task.losses.keys()
    assert (float(sums["masked"].detach()) == 0) == (case == "nothing masked")
    torch.stack(list(sums.values())).sum().backward()
    for module, net in task.modules.items():
        for name, parameter in net.named_parameters():
            assert parameter.grad is not None, name
            has_effect = bool(parameter.grad.any())
            if (case == "no priors" and "vit_pooler" in name) or (case == "nothing masked" and module == "guide"):
                assert not has_effect, name
            elif case == "mixed":
                assert has_effect or _changes_nothing(name), name


def _changes_nothing(name: str) -> bool:
    """A bias of keys is the same for all that a softmax is over."""
    return name.endswith("key.bias")


def test_a_pair_is_the_same_beside_pairs_with_and_without_a_prior(chest, trained):
    task, batch = built(biovil_t([chest], trained).with_set({**QUICK, "task.masking.share": "0.9"}))
    modules = {name: module.eval() for name, module in task.modules.items()}
    with torch.no_grad():
        together = pairs_of(modules, batch)
        for row in range(len(batch.ids)):
            before = int(batch.has_prior[:row].sum())
            number = int(batch.has_prior[row])
            one = type(batch)(**{
                name: value[row : row + 1] if name != "previous" else value[before : before + number]
                for name, value in vars(batch).items() if name != "dataset"
            })  # fmt: skip
            alone = pairs_of(modules, one)
            torch.testing.assert_close(alone.whole[0], together.whole[row], atol=1e-5, rtol=1e-4)
            torch.testing.assert_close(alone.texts[0], together.texts[row], atol=1e-5, rtol=1e-4)


def test_masked_tokens_see_the_patches_that_show_something_and_no_others(chest, trained):
    task, batch = built(biovil_t([chest], trained).with_set(QUICK))
    modules = {name: module.eval() for name, module in task.modules.items()}
    guide = modules["guide"]
    texts, patches = torch.randn(2, 5, 32), torch.randn(2, 4, 16)
    shown = torch.tensor([[True, True, False, True]] * 2)
    with torch.no_grad():
        first = guide(texts, patches, shown)
        patches[:, 2] += 3.0
        assert torch.equal(guide(texts, patches, shown), first)
        patches[:, 1] += torch.randn(16)
        assert not torch.allclose(guide(texts, patches, shown), first, atol=1e-4)
        passed = both_passes(modules, batch)
        other = both_passes(modules, type(batch)(**{**vars(batch), "images": batch.images.flip(1)}))
    assert passed.logits.shape == (
        int((batch.labels != -100).sum()),
        load_text_model(trained / "model").model.bert.config.vocab_size,
    )
    assert not torch.allclose(passed.logits, other.logits, atol=1e-6)


def _train(run, folder):
    train(run, folder)
    return 0


@pytest.mark.parametrize("kind", ["ddp", pytest.param("fsdp2", marks=pytest.mark.slow)])
def test_two_processes_train_as_one_does(chest, trained, kind, tmp_path):
    # Adam divides a gradient by its size, so that where it is nearly 0 the order of a sum moves a weight by up to the learning rate
    fields = {**QUICK, **STILL, "steps": "4", "batch": "6", "validate_every": "4", "learning_rate": "1e-3"}
    run = biovil_t([chest], trained).with_set(fields)
    spread = run.with_set({"distribution.kind": kind})
    assert in_ranks(2, tmp_path, _train, spread, tmp_path / "two") == [0, 0]
    _train(run, tmp_path / "one")
    for one, two in zip(rows(tmp_path / "one"), rows(tmp_path / "two"), strict=True):
        assert one.keys() == two.keys()
        for name, value in one.items():
            assert two[name] == pytest.approx(value, abs=1e-4), name
    a, b = (
        load_file(next((tmp_path / n / "checkpoints").glob("best-*")) / "weights.safetensors") for n in ("one", "two")
    )
    assert all(torch.allclose(a[name].float(), b[name].float(), atol=1e-4) for name in a)


def test_published_files_are_gone_on_with(chest, tmp_path):
    published = write_published_folder(tmp_path / "published")
    run = biovil_t([chest], published).with_set({**QUICK, "size_px": "64", "validate_every": "2"})
    assert run.init.name == "biovil_t_image_model_proj_size_128.pt"
    assert train(run, tmp_path / "run").finished
    before = load_image_model(run.init).model.state_dict()
    after = load_image_model(tmp_path / "run" / "model" / "image.safetensors")
    assert after.model.config.joint_dim == 16 and after.size_px == 64
    still = [n for n, value in after.model.state_dict().items() if torch.equal(value, before[n])]
    assert not still, still
    assert (tmp_path / "run" / "model" / "vocab.txt").read_bytes() == (published / "vocab.txt").read_bytes()


def test_the_text_stage_is_gone_on_with_and_the_image_model_is_new(chest, trained, tmp_path):
    stage = tmp_path / "sections" / "model"
    stage.mkdir(parents=True)
    for name in ("config.json", "vocab.txt", "model.safetensors", "model.json"):
        shutil.copy(trained / "model" / name, stage)
    run = biovil_t([chest], tmp_path / "sections").with_set(
        {**QUICK, "task.image.preset": "debug", "learning_rate": "1e-9"}
    )
    assert (
        biovil_t([chest], tmp_path / "sections").schedule.learning_rate == 5e-4
    )  # a new image model, as without --init
    assert biovil_t([chest], trained).schedule.learning_rate == 2e-5
    assert train(run, tmp_path / "run").finished
    one, two = (load_text_model(f).model.state_dict() for f in (stage, tmp_path / "run" / "model"))
    assert all(torch.allclose(one[name], two[name], atol=1e-6) for name in one)


def test_what_is_wrong_is_one_sentence_and_leaves_nothing(chest, trained, tmp_path):
    with pytest.raises(InputError, match="no data to train on"):
        biovil_t([])
    with pytest.raises(InputError, match="no text weights in"):
        biovil_t([chest], tmp_path)
    wrong = {"task.image.preset": "debug", "task.text.preset": "debug", "joint_dim": "8"}
    for name, value in wrong.items():
        with pytest.raises(InputError):
            train(biovil_t([chest], trained).with_set({**QUICK, name: value}), tmp_path / "run")
    single = write_published_folder(tmp_path / "single", takes_priors=False)
    with pytest.raises(InputError, match="takes no priors"):
        train(biovil_t([chest], single).with_set(QUICK), tmp_path / "run")
    mixed = write_published_folder(tmp_path / "mixed")
    write_published_image(mixed / "biovil_image_resnet50_proj_size_128.pt", takes_priors=False)
    with pytest.raises(InputError, match="use two folders"):
        biovil_t([chest], mixed)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("wrong", [
    {"size_px": "100"}, {"drop_path": "1"}, {"guide_layers": "0"}, {"validation_pairs": "0"}, {"image_rate": "0"},
    {"task.temperatures.whole": "0"}, {"task.chest.rotation_deg": "180"}, {"task.masking.share": "1"},
])  # fmt: skip
def test_settings_that_are_none_are_refused(wrong, chest):
    with pytest.raises(InvalidNoun):
        biovil_t([chest]).with_set(wrong)
