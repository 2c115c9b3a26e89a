"""EfficientNet-Lite: shapes, folded norms, published files; its parity with the reference is measured by `make parity`."""

import pytest
import torch

from mammoscribe.models.efficientnet_lite import EfficientNetLite, EfficientNetLiteConfig, load_published
from mammoscribe.support.errors import InputError


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A network with statistics that are not 0 and 1, and a file of it in the published layout."""
    torch.manual_seed(3)
    net = EfficientNetLite(EfficientNetLiteConfig(norm="batch", in_channels=3)).eval()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.2, 0.2)
            module.running_var.uniform_(0.5, 1.5)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.uniform_(module.bias, -0.2, 0.2)
    path = tmp_path_factory.mktemp("weights") / "lite0.pth"
    head = {
        "_fc.weight": torch.zeros(1000, 1280),
        "_conv_head.weight": torch.zeros(1280, 320, 1, 1),
        "_bn1.bias": torch.zeros(1280),
    }
    torch.save(net.state_dict() | head, path)
    return net, path


@pytest.mark.parametrize(
    ("variant", "channels"),
    [("lite0", (24, 40, 112, 320)), ("lite1", (24, 40, 112, 320)), ("lite2", (24, 48, 120, 352))],
)
def test_maps_have_the_strides_and_channels_that_the_configuration_says(variant, channels):
    config = EfficientNetLiteConfig(variant)
    maps = EfficientNetLite(config).eval()(torch.rand(1, 1, 64, 96))
    assert config.channels == channels
    assert [tuple(m.shape[1:]) for m in maps] == [
        (c, 64 // s, 96 // s) for c, s in zip(channels, (4, 8, 16, 32), strict=True)
    ]


@pytest.mark.parametrize("size", [(64, 64), (70, 51)])
def test_folded_norms_give_the_same_maps(published, size):
    net, path = published
    folded = EfficientNetLite(EfficientNetLiteConfig(norm="folded", in_channels=3)).eval()
    load_published(folded, path)
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in folded.modules())
    x = torch.rand(2, 3, *size)
    with torch.no_grad():
        for one, other in zip(folded.maps(x), net.maps(x), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_one_channel_is_three_equal_ones_in_the_published_range(published):
    net, path = published
    grey = EfficientNetLite(EfficientNetLiteConfig(norm="batch")).eval()
    load_published(grey, path)
    canvas = torch.rand(1, 1, 64, 64) * 1.2
    value = torch.round(canvas * 255 / 1.2, decimals=4)
    with torch.no_grad():
        expected = net.maps(((value - 127) / 128).expand(-1, 3, -1, -1))
        for one, other in zip(grey(canvas), expected, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_a_file_of_another_variant_or_of_no_weights_is_refused_in_one_sentence(published, tmp_path):
    with pytest.raises(InputError, match="does not hold EfficientNet-lite2"):
        load_published(EfficientNetLite(EfficientNetLiteConfig("lite2")), published[1])
    (tmp_path / "x.pth").write_bytes(b"no weights")
    with pytest.raises(InputError, match="cannot be read as weights"):
        load_published(EfficientNetLite(EfficientNetLiteConfig()), tmp_path / "x.pth")
