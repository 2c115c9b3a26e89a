"""The BioViL-T encoder: published layout, rows with and without prior in one batch, any size."""

import csv
import math

import pytest
import torch

from mammoscribe.models.biovil.image_encoder import ImageEncoderConfig, MultiImageEncoder, sine_position_code
from mammoscribe.models.biovil.resnet import ResNetConfig
from tests.models.tiny import tiny_config


@pytest.fixture(scope="module")
def tiny_encoder() -> MultiImageEncoder:
    torch.manual_seed(0)
    return MultiImageEncoder(tiny_config().encoder).eval()


def test_default_configuration_has_the_published_parameter_count():
    with torch.device("meta"):
        encoder = MultiImageEncoder(ImageEncoderConfig())
    unused_classifier = 1000 * 2048 + 1000
    projector = 82_304
    assert sum(p.numel() for p in encoder.parameters()) == 27_349_928 - unused_classifier - projector


@pytest.mark.real
def test_keys_and_shapes_are_those_of_the_published_checkpoint(data_root):
    table = data_root.parent / "reference" / "biovil_t_keys.tsv"
    rows = [r for r in csv.reader(table.open(), delimiter="\t") if r and r[0].startswith("encoder.")]
    published = {r[0].removeprefix("encoder.") for r in rows if not r[0].startswith("encoder.encoder.fc.")}
    with torch.device("meta"):
        ours = set(MultiImageEncoder(ImageEncoderConfig()).state_dict())
    assert ours == published


def test_rows_with_and_without_prior_in_one_batch_equal_separate_passes(tiny_encoder):
    current, prior = torch.rand(3, 1, 96, 64), torch.rand(1, 1, 96, 64)
    mixed = tiny_encoder(current, prior, torch.tensor([False, True, False])).patches
    alone = tiny_encoder(current[[0, 2]]).patches
    paired = tiny_encoder(current[1:2], prior).patches
    torch.testing.assert_close(mixed[[0, 2]], alone)
    torch.testing.assert_close(mixed[1:2], paired)


def test_without_a_prior_the_difference_half_is_the_learned_vector(tiny_encoder):
    patches = tiny_encoder(torch.rand(1, 1, 96, 64)).patches
    dim = tiny_encoder.config.dim
    expected = tiny_encoder.missing_previous_emb.expand(1, dim, *patches.shape[2:])
    torch.testing.assert_close(patches[:, dim:], expected)


def test_the_prior_changes_the_difference_half_and_not_the_static_half(tiny_encoder):
    current = torch.rand(1, 1, 96, 64)
    one, two = (tiny_encoder(current, torch.rand(1, 1, 96, 64)).patches for _ in range(2))
    dim = tiny_encoder.config.dim
    torch.testing.assert_close(one[:, :dim], two[:, :dim])
    assert (one[:, dim:] - two[:, dim:]).abs().max() > 1e-4


def test_sine_code_follows_the_published_formula():
    code = sine_position_code(3, 4, 8)
    row, column, k = 2, 1, 1
    y = (row + 1) / (3 + 1e-6) * 2 * math.pi
    x = (column + 1) / (4 + 1e-6) * 2 * math.pi
    frequency = 10000 ** (2 * k / 4)
    token = code[row * 4 + column]
    assert token[2 * k].item() == pytest.approx(math.sin(y / frequency), abs=1e-6)
    assert token[4 + 2 * k + 1].item() == pytest.approx(math.cos(x / frequency), abs=1e-6)


def test_group_norm_rows_do_not_depend_on_their_neighbours(tiny_encoder):
    images = torch.rand(2, 1, 96, 64)
    tiny_encoder.train()
    try:
        together = tiny_encoder(images).patches[:1]
        alone = tiny_encoder(images[:1]).patches
    finally:
        tiny_encoder.eval()
    torch.testing.assert_close(together, alone)


def test_batch_norm_is_the_published_default():
    assert ResNetConfig().norm == "batch"
    assert ResNetConfig().channels == (256, 512, 1024, 2048)


def test_an_encoder_that_always_compares_gives_the_same_and_every_parameter_a_gradient():
    torch.manual_seed(0)
    backbone = ResNetConfig(in_channels=1, stem=8, width=4, depths=(1, 1, 1, 1), norm="batch")
    encoder = MultiImageEncoder(ImageEncoderConfig(backbone, dim=8, heads=2, blocks=1, dropout=0.0, drop_path=0.0))
    images = torch.rand(2, 1, 64, 64)
    plain = encoder(images).patches
    before = {name: value.clone() for name, value in encoder.state_dict().items() if "running" in name}
    encoder(images)
    once = {name: value.clone() for name, value in encoder.state_dict().items() if "running" in name}
    encoder.load_state_dict({**encoder.state_dict(), **before})
    encoder.compares_always = True
    found = encoder(images).patches
    assert torch.equal(found, plain)
    for name, value in once.items():
        torch.testing.assert_close(encoder.state_dict()[name], value)
    found.sum().backward()
    assert all(p.grad is not None for p in encoder.parameters())
    assert all(m.training for m in encoder.modules())
    assert not any(p.grad.any() for p in encoder.vit_pooler.parameters())
