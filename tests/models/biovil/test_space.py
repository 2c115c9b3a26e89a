"""BioViL-T and BioViL as a joint space: one folder in, embeddings out, kept priors, mistakes refused."""

import importlib
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mammoscribe.models.biovil.space import AT_ONCE, BiovilSpace, image_weights
from mammoscribe.models.biovil.text_model import load_text_model
from mammoscribe.models.joint_space import JointSpace
from mammoscribe.support.errors import InputError
from tests.models.tiny_joint import picture, write_published_folder, write_published_text


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_published_folder(tmp_path_factory.mktemp("biovil"))


@pytest.fixture
def space(folder) -> BiovilSpace:
    return BiovilSpace.load(folder)


def assert_same(one, other):
    for field in ("patches", "whole", "pooled"):
        torch.testing.assert_close(getattr(one, field), getattr(other, field))


def test_it_is_a_joint_space(space):
    keeps_the_protocol: JointSpace = space
    assert (keeps_the_protocol.name, keeps_the_protocol.dim) == ("biovil-t", 16)


def test_images_come_as_the_model_gives_them(space):
    found = space.embed_images([picture(1), picture(2)])
    three = torch.stack([torch.from_numpy(picture(i).pixels).expand(3, -1, -1) for i in (1, 2)])
    with torch.no_grad():
        out = space.image.model(three)
    torch.testing.assert_close(found.patches, out.projected_patches)
    torch.testing.assert_close(found.whole, out.projected_global)
    torch.testing.assert_close(found.pooled, out.pooled)


def test_priors_count_for_their_rows_only(space):
    both = space.embed_images([picture(1), picture(2)], [None, picture(3)])
    plain = space.embed_images([picture(1), picture(2)])
    torch.testing.assert_close(both.whole[0], plain.whole[0])
    assert (both.whole[1] - plain.whole[1]).abs().max() > 1e-4


def test_the_map_of_a_prior_is_computed_once(space, monkeypatch):
    passes = []
    monkeypatch.setattr(
        space.image.model, "prior_maps", lambda x, old=space.image.model.prior_maps: passes.append(len(x)) or old(x)
    )
    prior = picture(3)
    first = space.embed_images([picture(1), picture(2)], [prior, prior])
    again = space.embed_images([picture(1), picture(2)], [prior, replace(prior, pixels=prior.pixels.copy())])
    assert passes == [1]
    assert_same(first, again)
    space.embed_images([picture(1)], [picture(4)])
    assert passes == [1, 1]


def test_a_prior_that_was_changed_is_not_taken_for_the_kept_one(space):
    prior = picture(3)
    one = space.embed_images([picture(1)], [prior])
    changed = replace(prior, pixels=1 - prior.pixels)
    assert (space.embed_images([picture(1)], [changed]).whole - one.whole).abs().max() > 1e-4


def test_more_pictures_than_go_at_once_keep_their_order(space):
    many = [picture(i) for i in range(AT_ONCE + 2)]
    together = space.embed_images(many, [None] * AT_ONCE + [picture(90), None])
    torch.testing.assert_close(together.whole[:AT_ONCE], space.embed_images(many[:AT_ONCE]).whole)
    assert_same(
        SimpleNamespace(**{k: getattr(together, k)[AT_ONCE:-1] for k in ("patches", "whole", "pooled")}),
        space.embed_images([many[AT_ONCE]], [picture(90)]),
    )


@pytest.mark.parametrize(
    ("pictures", "priors", "message"),
    [
        ([], None, "no picture"),
        ([picture(1)], [None, None], "2 priors for 1"),
        ([picture(1), picture(1, 96)], None, "2 sizes"),
        ([picture(1)], [picture(1, 96)], "prior maps of shape"),
    ],
)
def test_pictures_that_do_not_go_together_are_refused(space, pictures, priors, message):
    with pytest.raises(InputError, match=message):
        space.embed_images(pictures, priors)


def test_biovil_embeds_pictures_and_refuses_priors(tmp_path):
    space = BiovilSpace.load(write_published_folder(tmp_path, takes_priors=False))
    assert space.name == "biovil"
    assert space.embed_images([picture(1)]).pooled.shape == (1, 256)
    with pytest.raises(InputError, match="use biovil-t"):
        space.embed_images([picture(1)], [picture(2)])


def test_texts_are_unit_vectors_without_their_last_punctuation(space):
    found = space.embed_texts(["A mass.", "a mass", "no mass!"])
    torch.testing.assert_close(found.norm(dim=1), torch.ones(3))
    torch.testing.assert_close(found[0], found[1])
    assert (found[0] - found[2]).abs().max() > 1e-4
    assert space.embed_texts([]).shape == (0, 16)


def test_special_tokens_in_a_text_are_refused_but_for_the_mask(space):
    space.embed_texts(["a [MASK] mass"])
    with pytest.raises(InputError, match=r"\[SEP\]"):
        space.embed_texts(["a mass [SEP] no mass"])


def test_long_texts_are_refused_or_cut_and_named(space, folder):
    with pytest.raises(InputError, match="text 2"):
        space.embed_texts(["a", "a " * 20])
    cutting = BiovilSpace(space.image, space.text, truncate=True)
    cutting.embed_texts(["a", "a " * 20])
    assert cutting.cut_texts == (1,)
    cutting.embed_texts(["a"])
    assert cutting.cut_texts == ()


@pytest.mark.parametrize(
    ("mode", "takes_priors", "called"),
    [
        ("published", True, ("published", {"crop_px": 448})),
        ("published", False, ("published", {"crop_px": 480})),
        ("whole", True, ("whole", {"size_px": 448})),
    ],
)
def test_pictures_are_prepared_by_the_named_mode(tmp_path, monkeypatch, mode, takes_priors, called):
    calls = []
    fake = SimpleNamespace(
        prepare_published=lambda path, **size: calls.append(("published", size)),
        prepare_whole=lambda path, **size: calls.append(("whole", size)),
    )
    importlib.import_module("mammoscribe.imaging.joint_prepare")
    monkeypatch.setattr("mammoscribe.imaging.joint_prepare", fake)
    BiovilSpace.load(write_published_folder(tmp_path, takes_priors), mode).prepare(tmp_path / "a.png")
    assert calls == [called]


def test_an_unknown_mode_is_refused(folder):
    with pytest.raises(InputError, match="published or whole"):
        BiovilSpace.load(folder, "squashed")


def test_a_text_model_without_projection_is_refused(space, tmp_path):
    write_published_text(tmp_path, joint_dim=None)
    with pytest.raises(InputError, match="projects to nothing"):
        BiovilSpace(space.image, load_text_model(tmp_path))


def test_published_files_of_two_models_are_refused(space):
    from mammoscribe.models.biovil.published import PUBLISHED

    digests = {name: next(f.sha256 for f in m.files if f.file == "pytorch_model.bin") for name, m in PUBLISHED.items()}
    image = replace(space.image, source_sha256=digests["biovil-t"])
    with pytest.raises(InputError, match=r"of biovil-t beside .* of biovil"):
        BiovilSpace(image, replace(space.text, source_sha256=digests["biovil"]))


def test_a_folder_needs_one_image_model(folder, tmp_path):
    with pytest.raises(InputError, match="no image weights"):
        image_weights(tmp_path)
    for name in ("biovil_t_image_model_proj_size_128.pt", "biovil_image_resnet50_proj_size_128.pt"):
        (tmp_path / name).touch()
    with pytest.raises(InputError, match="one image model"):
        image_weights(tmp_path)


def test_pixels_are_read_as_they_are(space):
    half = replace(picture(1), pixels=picture(1).pixels.astype(np.float64))
    assert_same(space.embed_images([half]), space.embed_images([picture(1)]))
