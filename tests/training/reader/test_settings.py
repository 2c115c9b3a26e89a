"""Settings of the reader: parts of the backbone that keep their weights, and presets that they are for."""

import pytest

from mammoscribe.data.datasets.rsna import RSNA
from mammoscribe.support.errors import InvalidNoun
from mammoscribe.training.reader.recipe import reader
from mammoscribe.training.reader.task import ReaderSettings
from tests.training.reader.lab import labelled_lab, prepared


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    root = tmp_path_factory.mktemp("lab")
    labelled_lab(root)
    return prepared(RSNA, root / "files", root / "lite", "reader-lite")


@pytest.mark.parametrize("blocks", [0, 3])
def test_the_first_blocks_of_the_backbone_and_what_is_before_them_keep_their_weights(lab, blocks):
    run = reader([lab]).with_set({"preset": "lite", "frozen_blocks": str(blocks)})
    task = run.task.build(run)
    net = task.modules["reader"]
    named = dict(net.named_modules())
    frozen = {
        id(p) for f in task.frozen if f.startswith("reader.") for p in named[f.removeprefix("reader.")].parameters()
    }
    backbone = {name: p for name, p in net.named_parameters() if name.startswith("image_encoder.encoder.")}
    kept = {name.split(".encoder.")[1] for name, p in backbone.items() if id(p) in frozen}
    assert {name.split(".")[0] for name in kept if not name.startswith("_blocks")} == (
        {"_conv_stem"} if blocks else set()
    )
    assert {int(name.split(".")[1]) for name in kept if name.startswith("_blocks")} == set(range(blocks))


@pytest.mark.parametrize("given", [{"frozen_blocks": 2}, {"imagenet": True}])
def test_what_only_an_efficientnet_has_is_refused_for_another_backbone(given):
    with pytest.raises(InvalidNoun, match="for the preset small; expected the preset lite"):
        ReaderSettings(**given)
