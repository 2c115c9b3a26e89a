"""Features that are kept: those of a pass over the view itself, computed once, whatever batch a view is in."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mammoscribe.models.reader.batch import ViewBatch
from mammoscribe.models.reader.joint_head import CellFeatures, cell_features
from mammoscribe.models.reader.network import ReaderNet, debug_config
from mammoscribe.training.joint.kept_features import KeptFeatures, one_view
from tests.training.joint.made import OVAL, SPICULATED, batch_of, view


def named(batch):
    return replace(batch, keys=tuple(f"view {n}" for n in range(len(batch.keys))))


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return ReaderNet(debug_config()).eval()


@pytest.fixture
def looks():
    return []


@pytest.fixture
def look(net, looks):
    @torch.no_grad()
    def look(views: ViewBatch) -> CellFeatures:
        looks.append(len(views.images))
        return cell_features(net(views), views)

    return look


def test_kept_features_are_those_of_a_pass_over_the_view_without_its_margins(tmp_path, look, net):
    batch = named(batch_of(view(OVAL), view(SPICULATED, seed=1)))
    kept = KeptFeatures(tmp_path)(batch, look)
    for number, seen in enumerate(kept.tissue):
        image = batch.views.images[number : number + 1]
        rows, columns = (int(torch.nonzero(image[0, 0].sum(dim=d))[-1]) // 32 * 32 + 32 for d in (1, 0))
        alone = look(replace(one_view(batch.views, number), images=image[:, :, :rows, :columns]))
        assert int(seen.sum()) == int(alone.tissue.sum()) > 20
        part = kept.fine[number, :, : alone.tissue.shape[1], : alone.tissue.shape[2]]
        expected = alone.fine[0] * alone.tissue
        torch.testing.assert_close(part, expected, atol=1e-3, rtol=1e-3)
        assert float(kept.fine[number].abs().sum()) == pytest.approx(float(part.abs().sum()))


def test_a_view_is_looked_at_once_whatever_batch_it_is_in(tmp_path, look, looks):
    kept = KeptFeatures(tmp_path)
    both = named(batch_of(view(OVAL), view(SPICULATED, seed=1)))
    first = kept(both, look)
    assert looks == [1, 1]
    again = KeptFeatures(tmp_path)(both, look)
    assert looks == [1, 1]
    assert torch.equal(first.fine, again.fine)
    (alone,) = (replace(batch_of(view(SPICULATED, seed=1), first_seed=1), keys=("view 1",)),)
    torch.testing.assert_close(kept(alone, look).fine[0], first.fine[1], atol=0, rtol=0)
    assert looks == [1, 1]


def test_nothing_is_kept_of_air(tmp_path, look):
    batch = named(batch_of(view(OVAL)))
    features = KeptFeatures(tmp_path)(batch, look)
    (file,) = tmp_path.iterdir()
    assert np.load(file).shape == (features.fine.shape[1], int(features.tissue.sum()))
    assert not features.fine[0][:, ~features.tissue[0]].any()


def test_the_prior_of_a_view_goes_with_it():
    batch = batch_of(view(OVAL), view(SPICULATED, seed=1), view(OVAL, seed=2)).views
    prior = torch.arange(2.0)[:, None, None, None].expand(2, 1, *batch.images.shape[2:])
    batch = replace(batch, previous=prior, has_prior=torch.tensor([True, False, True]))
    found = [one_view(batch, n).previous for n in range(3)]
    assert found[1] is None
    assert [float(p.mean()) for p in found if p is not None] == [0.0, 1.0]
