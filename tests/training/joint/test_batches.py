"""Batches of the joint space: canvases, cells of boxes, statements that hold, and what they point at."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mammoscribe.models.tokenizer import load_tokenizer
from mammoscribe.training.joint.batches import collate, middle_of
from mammoscribe.training.joint.losses import counts
from mammoscribe.training.reader.batches import Augmentation
from mammoscribe.training.reader.samples import BreastLabels
from tests.training.joint.made import GROUPED, HIGH, OVAL, SPICULATED, TOP, WIDE, batch_of, view

CELLS = (HIGH // 8, WIDE // 8)


def cells_of(box, top: int) -> np.ndarray:
    """Cells whose centre is in the box moved up by `top`, written out."""
    x0, y0, x1, y1 = box
    found = np.zeros(CELLS, bool)
    for row in range(CELLS[0]):
        for column in range(CELLS[1]):
            found[row, column] = y0 - top <= 8 * row + 4 < y1 - top and x0 <= 8 * column + 4 < x1
    return found


def test_canvases_keep_their_size_and_begin_at_the_first_row_of_the_breast():
    batch = batch_of(view(OVAL), view(GROUPED, seed=1))
    assert batch.views.images.shape == (2, 1, HIGH, WIDE)
    assert (batch.views.images[:, 0, 0, :80] > 0).all() and (batch.views.images[:, 0, -TOP:] == 0).all()
    assert batch.views.exam.tolist() == [0, 1] and batch.views.num_exams == 2


def test_a_box_has_the_cells_whose_centre_it_holds_and_its_statements_point_at_their_middle():
    batch = batch_of(view(OVAL))
    assert np.array_equal(batch.boxes[0].numpy(), cells_of(OVAL[2], TOP))
    assert len(batch.points) >= 2  # the description, and that there is a mass
    for points, whole in zip(batch.points.numpy(), batch.point_boxes.numpy(), strict=True):
        assert np.array_equal(points, cells_of(middle_of(OVAL[2]), TOP))
        assert np.array_equal(whole, cells_of(OVAL[2], TOP))


def test_a_statement_that_fits_two_boxes_points_at_both():
    batch = batch_of(view(OVAL, SPICULATED))
    whole = cells_of(OVAL[2], TOP) | cells_of(SPICULATED[2], TOP)
    sizes = {int(p.sum()) for p in batch.point_boxes}
    assert int(whole.sum()) in sizes and int(cells_of(OVAL[2], TOP).sum()) in sizes


def test_a_finding_smaller_than_a_cell_has_the_cell_of_its_middle():
    batch = batch_of(view(("mass", (), (17.0, 49.0, 19.0, 51.0))))
    assert batch.boxes[0].sum() == 1 and batch.boxes[0, (50 - TOP) // 8, 18 // 8]


def test_a_box_in_the_air_teaches_no_place():
    batch = batch_of(view(("mass", (), (84.0, 40.0, 94.0, 60.0))))
    assert len(batch.points) == 0 and counts(batch)["pointing"] == 0
    assert counts(batch)["local_boxes"] == 1


def test_each_view_has_a_statement_that_holds_and_one_that_does_not():
    views = [view(OVAL), view(GROUPED, seed=1), view(seed=2), view(SPICULATED, GROUPED, seed=3)]
    for seed in range(5):
        batch = batch_of(*views, first_seed=10 * seed)
        for n in range(len(views)):
            held = batch.holds[batch.statement_view == n].tolist()
            assert True in held and False in held
        assert counts(batch)["global_images"] == 4


def test_only_boxed_masses_give_no_statement_about_other_kinds():
    batch = batch_of(view(boxed=frozenset({0})), view(OVAL, boxed=frozenset({0}), seed=1))
    assert set(batch.statements[:, 0].tolist()) <= {0, 1}
    assert not batch.denies[batch.statements[:, 0] == 0].logical_and(batch.holds[batch.statements[:, 0] == 0]).any()


def test_reports_and_densities_are_stated_without_a_place():
    labels = BreastLabels(density=2, kinds=(1, 0, -1, -1))
    batch = batch_of(view(boxed=frozenset(), labels=labels))
    assert counts(batch)["local_boxes"] == counts(batch)["pointing"] == counts(batch)["local_texts"] == 0
    held = {(int(s[0]), bool(d)) for s, d, h in zip(batch.statements, batch.denies, batch.holds, strict=True) if h}
    assert held == {(1, False), (2, True), (5, False)}  # a mass, no calcifications, the tissue


def test_what_is_drawn_of_a_view_does_not_depend_on_its_neighbours():
    amount = Augmentation(drop_view_chance=0.0)
    items = [(view(OVAL), 5), (view(GROUPED, seed=1), 6), (view(seed=2), 7)]
    whole = collate(items, amount, load_tokenizer(), 96)
    for n, item in enumerate(items):
        alone = collate([item], amount, load_tokenizer(), 96)
        assert torch.equal(alone.views.images[0], whole.views.images[n])
        assert torch.equal(alone.statements, whole.statements[whole.statement_view == n])
        assert torch.equal(alone.boxes, whole.boxes[whole.box_view == n])


def test_a_prior_stays_beside_its_view():
    with_prior = view(OVAL)
    sample = replace(with_prior.exam.views[0], prior=with_prior.exam.views[0].canvas // 2)
    with_prior = replace(with_prior, exam=replace(with_prior.exam, views=(sample,)))
    batch = batch_of(view(seed=1), with_prior)
    assert batch.views.has_prior.tolist() == [False, True]
    assert batch.views.previous is not None and batch.views.previous.shape == (1, 1, HIGH, WIDE)


@pytest.mark.parametrize("letter", range(4))
def test_a_density_is_a_letter(letter):
    batch = batch_of(view(labels=BreastLabels(density=letter)))
    assert (batch.things[:, -1] == letter + 1).any()


def test_a_view_that_was_shifted_out_of_its_canvas_is_seen_as_it_is():
    small = view()
    canvas = np.zeros((HIGH, WIDE), np.uint8)
    canvas[60:64, :3] = 100
    small = replace(small, exam=replace(small.exam, views=(replace(small.exam.views[0], canvas=canvas),)))
    far = Augmentation(0, 0, 1000.0, 0, 0, 0, 0, 0, 0, 0)
    batch = collate([(small, seed) for seed in range(6)], far, load_tokenizer(), 96)
    assert (batch.views.images > 0).flatten(1).any(dim=1).all()


def test_another_seed_varies_the_image_and_states_something_else():
    amount = Augmentation(drop_view_chance=0.0)
    one, two = (collate([(view(OVAL), seed)], amount, load_tokenizer(), 96) for seed in (1, 2))
    assert not torch.equal(one.views.images, two.views.images)
    assert one.ids.tolist() != two.ids.tolist()
