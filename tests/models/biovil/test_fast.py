"""Quick copies: the same numbers, with and without oneDNN's fused convolutions, whatever the size, prior or padding."""

from dataclasses import replace

import pytest
import torch

from mammoscribe.models.biovil import fast as joint_fast
from mammoscribe.models.biovil.fast import FastTextModel, for_inference, has_bfloat16, has_fused_convolutions
from mammoscribe.models.biovil.image_model import JointImageModel
from mammoscribe.models.biovil.space import BiovilSpace
from mammoscribe.models.biovil.text_model import load_text_model
from mammoscribe.support.errors import InputError
from tests.models.tiny_joint import picture, tiny_image_model, write_published_folder, write_published_text


@pytest.fixture(params=[True, False], ids=["fused", "one by one"])
def fused(request, monkeypatch):
    if not request.param:
        monkeypatch.setattr(joint_fast, "has_fused_convolutions", lambda: False)
    elif not has_fused_convolutions():
        pytest.skip("this torch has no oneDNN")


@pytest.mark.parametrize("takes_priors", [True, False])
@pytest.mark.parametrize("size", [(64, 64), (96, 64), (80, 112)])
@torch.no_grad()
def test_a_quick_image_model_gives_the_same_numbers(fused, takes_priors, size):
    model = tiny_image_model(takes_priors)
    fast = for_inference(model, 64)
    image = torch.rand(2, 3, *size)
    for one, other in zip(fast(image), model(image), strict=True):
        torch.testing.assert_close(one, other, atol=2e-6, rtol=1e-5)


@torch.no_grad()
def test_priors_and_kept_maps_go_through_the_quick_model(fused):
    model = tiny_image_model()
    fast = for_inference(model, 64)
    image, prior, rows = torch.rand(3, 3, 64, 64), torch.rand(1, 3, 64, 64), torch.tensor([False, True, False])
    expected = model(image, prior, rows)
    for found in (fast(image, prior, rows), fast(image, None, rows, fast.prior_maps(prior))):
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one, other, atol=2e-6, rtol=1e-5)


def test_the_image_and_the_model_are_left_as_they_were(fused):
    model, image = tiny_image_model(), torch.rand(1, 3, 64, 64)
    before, pixels = model(image).projected_global.detach().clone(), image.clone()
    fast = for_inference(model, 64)
    assert not fast(image).projected_global.requires_grad
    fast(image)
    assert torch.equal(image, pixels)
    torch.testing.assert_close(model(image).projected_global, before)
    assert model(image).projected_global.requires_grad


@torch.no_grad()
def test_the_maps_of_all_stages_stay_right_though_additions_are_in_place(fused):
    model = tiny_image_model()
    fast = for_inference(model, 64)
    image = torch.rand(1, 3, 64, 64)
    for one, other in zip(fast.encoder.encoder(image), model.encoder.encoder(image), strict=True):
        torch.testing.assert_close(one.contiguous(), other, atol=2e-6, rtol=1e-5)


def test_group_norms_are_refused():
    model = tiny_image_model()
    encoder = model.config.encoder
    config = replace(model.config, encoder=replace(encoder, backbone=replace(encoder.backbone, norm="group")))
    with pytest.raises(InputError, match="group norms"):
        for_inference(JointImageModel(config))


@pytest.mark.parametrize(
    "texts", [["a mass"], ["a mass", "no mass"], ["a mass in the left breast", "a", "no new masses"]]
)
def test_a_quick_text_model_gives_the_same_embeddings(tmp_path, texts):
    write_published_text(tmp_path)
    text = load_text_model(tmp_path)
    tokens = text.tokens(texts)
    found = FastTextModel(text.model).project(tokens.ids, tokens.mask)
    torch.testing.assert_close(found, text.model.project(tokens.ids, tokens.mask).detach(), atol=2e-6, rtol=1e-5)
    assert not found.requires_grad


def test_a_quick_text_model_needs_a_projection_head(tmp_path):
    write_published_text(tmp_path, joint_dim=None)
    with pytest.raises(InputError, match="without projection head"):
        FastTextModel(load_text_model(tmp_path).model)


def test_a_quick_space_gives_the_same_numbers(tmp_path):
    folder = write_published_folder(tmp_path)
    exact, fast = BiovilSpace.load(folder), BiovilSpace.load(folder, quick="float32")
    one, other = (s.embed_images([picture(1), picture(2)], [None, picture(3)]) for s in (fast, exact))
    for field in ("patches", "whole", "pooled"):
        torch.testing.assert_close(getattr(one, field), getattr(other, field), atol=1e-5, rtol=1e-5)
    texts = ["a mass", "no masses in the left breast"]
    torch.testing.assert_close(fast.embed_texts(texts), exact.embed_texts(texts), atol=1e-5, rtol=1e-5)


needs_bfloat16 = pytest.mark.skipif(not has_bfloat16(), reason="a processor without bfloat16 products")


@needs_bfloat16
@torch.no_grad()
def test_in_bfloat16_embeddings_point_where_the_exact_ones_do_but_are_not_the_same_numbers(tmp_path):
    folder = write_published_folder(tmp_path)
    exact, quick = BiovilSpace.load(folder), BiovilSpace.load(folder, quick="bfloat16")
    one, other = (s.embed_images([picture(1), picture(2)], [None, picture(3)]) for s in (quick, exact))
    for field in ("patches", "whole", "pooled"):
        found, expected = getattr(one, field).flatten(1), getattr(other, field).flatten(1)
        assert found.dtype is torch.float32
        assert torch.nn.functional.cosine_similarity(found, expected).min() > 0.9995
        assert not torch.allclose(found, expected, atol=1e-6, rtol=1e-6)
    texts = ["a mass", "no masses in the left breast"]
    found, expected = quick.embed_texts(texts), exact.embed_texts(texts)
    assert found.dtype is torch.float32
    assert (found * expected).sum(1).min() > 0.9995
    assert not torch.allclose(found, expected, atol=1e-6, rtol=1e-6)


@needs_bfloat16
def test_a_text_model_stays_as_it_was_beside_its_copy_in_bfloat16(tmp_path):
    write_published_text(tmp_path)
    model = load_text_model(tmp_path).model
    FastTextModel(model, "bfloat16")
    assert {p.dtype for p in model.parameters()} == {torch.float32}


def test_bfloat16_is_refused_where_the_processor_only_emulates_it(monkeypatch):
    monkeypatch.setattr(joint_fast, "has_bfloat16", lambda: False)
    with pytest.raises(InputError, match="bfloat16 on a processor that has no such products"):
        for_inference(tiny_image_model(), 64, "bfloat16")
