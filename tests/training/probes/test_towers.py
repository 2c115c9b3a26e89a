"""Towers: their pictures and features are those of the models that `features` runs; what they are not made for is refused."""

from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.imaging.joint_prepare import prepare_published
from mammoscribe.models.biovil.image_model import CROP_PX, load_image_model
from mammoscribe.models.biovil.resnet import ResNet, ResNetConfig
from mammoscribe.models.reader.space import load_starter_space
from mammoscribe.support.errors import InputError
from mammoscribe.training.probes.prepared_features import shown_pictures
from mammoscribe.training.probes.towers import (
    BackboneTower,
    BiovilTower,
    Found,
    StarterTower,
    open_tower,
    picture_batch,
    still_parts,
)
from tests.models.tiny_joint import write_published_image
from tests.training.probes.lab import chest_lab
from tests.training.reader.lab import boxed_lab, labelled_lab


@pytest.fixture(scope="module")
def chest(tmp_path_factory) -> Path:
    return chest_lab(tmp_path_factory.mktemp("chest") / "lab", patients=2, views=2)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> Path:
    return boxed_lab(tmp_path_factory.mktemp("drawn"))


def biovil(folder: Path, takes_priors: bool = True) -> Path:
    name = "biovil_t_image_model_proj_size_128.pt" if takes_priors else "biovil_image_resnet50_proj_size_128.pt"
    folder.mkdir(parents=True, exist_ok=True)
    write_published_image(folder / name, takes_priors)
    return folder


@pytest.mark.parametrize("takes_priors", [True, False])
def test_a_prepared_picture_is_cut_and_embedded_as_a_published_one(chest, tmp_path, takes_priors):
    tower = open_tower(str(biovil(tmp_path, takes_priors)))
    assert isinstance(tower, BiovilTower)
    dataset = PreparedDataset(chest)
    shown = [s for n in range(2) for s in shown_pictures(dataset, tower, n)]
    paths = [chest.parent / "raw" / p.path for record in dataset for p in record.pictures]
    expected = [prepare_published(path, crop_px=CROP_PX[tower.name]).pixels for path in paths]
    assert all(np.array_equal(s.image, pixels) for s, pixels in zip(shown, expected, strict=True))
    model = load_image_model(next(tmp_path.glob("*.pt"))).model
    with torch.no_grad():
        found = tower(picture_batch(shown))
        out = model(torch.from_numpy(np.stack(expected))[:, None].expand(-1, 3, -1, -1).contiguous())
    torch.testing.assert_close(found.pooled, out.pooled)
    torch.testing.assert_close(found.whole, out.projected_global)


def test_a_prior_is_looked_at_by_the_tower_that_compares_and_by_no_other(chest, tmp_path):
    dataset = PreparedDataset(chest)
    now, then = dataset[0].pictures[0], dataset[1].pictures[0]
    listed = dataset[0].record.images[0]
    for takes_priors in (True, False):
        tower = open_tower(str(biovil(tmp_path / str(takes_priors), takes_priors)))
        shown = [tower.shown(Found(now, listed, prior)) for prior in (None, then)]
        with torch.no_grad():
            alone, compared = tower(picture_batch(shown)).pooled
        half = len(alone) // 2
        assert torch.equal(alone, compared) is not takes_priors
        if takes_priors:
            torch.testing.assert_close(alone[:half], compared[:half])  # the static half


def test_mammograms_are_embedded_as_by_the_joint_space_of_the_starter(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "mammoscribe.models.reader.reader.mixed_precision", lambda _: nullcontext()
    )  # 32 bits, as the tower
    dataset, tower = PreparedDataset(labelled_lab(tmp_path, 2, "reader-lite")), open_tower("starter")
    assert isinstance(tower, StarterTower)
    tower.check(dataset)
    stored, shown = dataset[0], shown_pictures(dataset, tower, 0)
    names = {
        Path(p.path).name: "{0.laterality}{0.projection}".format(stored.record.images[p.image]) for p in stored.pictures
    }
    space = load_starter_space("starter", names)
    assert tower.name == space.name
    images = [space.prepare(tmp_path / "files" / picture.path) for picture in stored.pictures]
    with torch.no_grad():
        found = tower(picture_batch(shown))
    expected = space.embed_images(images)
    for given, wanted in ((found.pooled, expected.pooled), (found.whole, expected.whole)):
        assert torch.cosine_similarity(given, wanted).min() > 0.996  # 8 bits a pixel on one side


def test_a_picture_has_the_same_features_in_every_batch(drawn):
    tower, dataset = open_tower("starter", synthetic=True), PreparedDataset(drawn)
    shown = [s for n in range(len(dataset)) for s in shown_pictures(dataset, tower, n)]
    with torch.no_grad():
        together = tower(picture_batch(shown)).pooled
        alone = torch.cat([tower(picture_batch([s])).pooled for s in shown])
    torch.testing.assert_close(together, alone)


def test_a_resnet_file_in_torchvisions_names_is_a_tower_without_its_classifier(chest, tmp_path):
    torch.manual_seed(0)
    net = ResNet(ResNetConfig()).eval()
    tensors = {**net.state_dict(), "fc.weight": torch.zeros(10, 2048), "fc.bias": torch.zeros(10)}
    save_file(tensors, tmp_path / "resnet50.safetensors")
    tower = open_tower(str(tmp_path / "resnet50.safetensors"))
    assert isinstance(tower, BackboneTower) and tower.dim == 2048
    (shown, *_) = shown_pictures(PreparedDataset(chest), tower, 0)
    with torch.no_grad():
        image = torch.from_numpy(shown.image)[None, None].expand(-1, 3, -1, -1)
        torch.testing.assert_close(tower(picture_batch([shown])).pooled, net(image)[3].mean((2, 3)))


def test_a_random_backbone_is_the_same_every_time_and_leaves_the_generator_alone():
    torch.manual_seed(5)
    one = open_tower("debug").state_dict()
    drawn_after = torch.rand(1)
    torch.manual_seed(5)
    assert torch.equal(drawn_after, torch.rand(1))
    assert all(torch.equal(one[name], value) for name, value in open_tower("debug").state_dict().items())


def test_batch_norms_and_what_the_features_do_not_use_stay_still(tmp_path):
    tower = open_tower(str(biovil(tmp_path)))
    still = still_parts(tower)
    modules = dict(tower.named_modules())
    assert "model.projector" in still and set(still) <= modules.keys()
    norms = {n for n, m in modules.items() if isinstance(m, torch.nn.BatchNorm2d)}
    assert norms and norms <= set(still)
    assert still_parts(open_tower("debug")) == ()


@pytest.mark.parametrize(
    ("model", "as_name", "sentence"),
    [
        ("debug", "plain", "prepared as plain, which debug does not see"),
        ("biovil", "plain", "prepared as plain, which biovil-t does not see; expected --as joint"),
        ("starter", "joint", "prepared as joint"),
    ],
)
def test_data_of_another_preparation_are_refused(tmp_path, model, as_name, sentence):
    folder = chest_lab(tmp_path / "lab", patients=2, as_name=as_name)
    tower = open_tower(str(biovil(tmp_path / "model")) if model == "biovil" else model)
    with pytest.raises(InputError, match=sentence):
        tower.check(PreparedDataset(folder))


def test_a_model_that_is_not_there_is_one_sentence():
    with pytest.raises(InputError, match="no model 'nothing'"):
        open_tower("nothing")
