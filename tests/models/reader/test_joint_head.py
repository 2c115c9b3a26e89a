"""The joint head: air projects to nothing, and the image is a weighted mean of its cells."""

import torch

from mammoscribe.models.reader.joint_head import CellFeatures, JointHead, on_grid


def features(n: int = 2) -> CellFeatures:
    torch.manual_seed(1)
    tissue = torch.zeros(n, 8, 8, dtype=torch.bool)
    tissue[:, 2:6, :5] = True
    return CellFeatures(torch.randn(n, 8, 8, 8), tissue)


def test_air_has_no_direction_and_no_weight():
    head, given = JointHead(8, 16).eval(), features()
    patches, whole, pooled = head(given)
    assert patches.shape == (2, 16, 8, 8) and whole.shape == (2, 16) and pooled.shape == (2, 8)
    assert not patches[:, :, ~given.tissue[0]].any()
    bright = CellFeatures(given.fine.clone(), given.tissue)
    bright.fine[:, :, 7, 7] += 100.0  # a cell of air
    torch.testing.assert_close(head(bright)[1], whole)
    torch.testing.assert_close(head(bright)[2], pooled)


def test_the_image_lies_within_its_cells():
    head, given = JointHead(8, 16).eval(), features()
    patches, whole, _ = head(given)
    cells = patches[:, :, given.tissue[0]]
    assert bool((whole <= cells.amax(dim=2) + 1e-4).all()) and bool((whole >= cells.amin(dim=2) - 1e-4).all())


def test_an_image_alone_is_what_it_is_in_company():
    head, given = JointHead(8, 16).eval(), features()
    first = CellFeatures(given.fine[:1], given.tissue[:1])
    torch.testing.assert_close(head(first)[1], head(given)[1][:1], atol=1e-5, rtol=1e-5)


def test_a_grid_is_padded_below_and_right():
    padded = on_grid(torch.ones(3, 2, 4), (5, 6))
    assert padded.shape == (3, 5, 6) and float(padded.sum()) == 24 and float(padded[0, 1, 3]) == 1


def test_it_learns_from_features_with_channels_last_that_need_no_gradient():
    given = features()
    fine = given.fine.contiguous(memory_format=torch.channels_last)
    head = JointHead(8, 16)
    head(CellFeatures(fine, given.tissue))[1].sum().backward()
    assert all(p.grad is not None for p in head.parameters())
