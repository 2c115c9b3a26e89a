"""Augmentation: boxes move with their pixels, missing labels stay missing, any view subset may come."""

import numpy as np
import pytest

from mammoscribe.training.reader.batches import NO_AUGMENTATION, Augmentation, make_batch
from mammoscribe.training.reader.samples import BreastLabels, LabelledFinding, LabelledMark, TrainingExam, ViewSample


def square_view(slot: int = 0, x: int = 30, y: int = 40, half: int = 6, prior: bool = False) -> ViewSample:
    """A dark 96 x 64 canvas with one bright square, marked."""
    canvas = np.full((96, 64), 20, np.uint8)
    canvas[y - half : y + half, x - half : x + half] = 250
    mark = LabelledMark(0, (x - half, y - half, x + half, y + half))
    return ViewSample(slot, canvas, (60.0, 48.0), 1.6, (mark,), frozenset({0}), canvas if prior else None)


def exam_of(*views: ViewSample) -> TrainingExam:
    labels = (BreastLabels(density=1, malignant=1), BreastLabels())
    return TrainingExam("e", "p", views, (LabelledFinding(0, ("shape.oval",)),), labels)


@pytest.mark.parametrize("seed", range(8))
def test_the_box_moves_with_the_pixels_it_surrounds(seed):
    moves = Augmentation(rotation_deg=6, scale=0.15, shift_px=8, gamma=0, gain=0, noise=0, blur_chance=0, drop_view_chance=0, flip_chance=0.5, stretch=0.1)  # fmt: skip
    batch, targets = make_batch([exam_of(square_view())], np.random.default_rng(seed), moves)
    rows, columns = np.nonzero(batch.images[0, 0].numpy() > 0.6)
    x0, y0, x1, y1 = targets.mark_box[0].tolist()
    assert (x0 + x1) / 2 == pytest.approx(columns.mean() + 0.5, abs=1.0)
    assert (y0 + y1) / 2 == pytest.approx(rows.mean() + 0.5, abs=1.0)
    assert x1 - x0 == pytest.approx(np.ptp(columns) + 1, abs=4)


def test_a_box_stays_on_its_pixels_when_the_air_above_is_trimmed():
    view = square_view(y=70)
    view.canvas[:50] = 0
    batch, targets = make_batch([exam_of(view)], np.random.default_rng(0), NO_AUGMENTATION)
    x0, y0, x1, y1 = (round(e) for e in targets.mark_box[0].tolist())
    assert targets.top_px > 0 and len(batch.images[0, 0]) < 96
    assert float(batch.images[0, 0, y0:y1, x0:x1].min()) > 0.9


def test_no_augmentation_gives_the_canvas_back():
    view = square_view()
    batch, _ = make_batch([exam_of(view)], np.random.default_rng(0), NO_AUGMENTATION)
    np.testing.assert_allclose(batch.images[0, 0].numpy(), view.canvas / 212.5, atol=1e-4)


def test_a_box_that_leaves_the_canvas_is_no_longer_a_target():
    moves = Augmentation(0, 0, 500.0, 0, 0, 0, 0, 0, 0, 0)
    _, targets = make_batch([exam_of(square_view())], np.random.default_rng(3), moves)
    assert len(targets.mark_view) == 0


def test_alternatives_of_a_slot_are_taken_one_at_a_time():
    exam = exam_of(square_view(0), square_view(0, x=20), square_view(2))
    batch, _ = make_batch([exam], np.random.default_rng(0), NO_AUGMENTATION)
    assert batch.slot.tolist() == [0, 2]


def test_views_are_dropped_but_never_the_last():
    moves = Augmentation(0, 0, 0, 0, 0, 0, 0, 1.0, 0, 0)
    pair, _ = make_batch([exam_of(square_view(0), square_view(2))], np.random.default_rng(0), moves)
    single, _ = make_batch([exam_of(square_view(0))], np.random.default_rng(0), moves)
    assert len(pair.images) == 1 and len(single.images) == 1


def test_priors_are_packed_in_the_order_of_their_views():
    exams = [exam_of(square_view(0), square_view(2, prior=True)), exam_of(square_view(1, prior=True))]
    batch, _ = make_batch(exams, np.random.default_rng(0), NO_AUGMENTATION)
    assert batch.has_prior.tolist() == [False, True, True]
    assert batch.previous is not None and len(batch.previous) == 2


def test_single_breast_exams_do_not_tell_how_many_views_the_other_breast_has():
    exam = exam_of(square_view(0), square_view(1), square_view(2))
    right, left = exam.of_breast(0), exam.of_breast(1)
    assert [v.slot for v in right.views] == [0, 2] and [v.slot for v in left.views] == [1]
    assert right.breasts[1] == BreastLabels() and left.breasts[0] == BreastLabels()


def test_what_is_boxed_and_where_an_exam_comes_from_is_said_of_every_view():
    _, targets = make_batch([exam_of(square_view(0), square_view(2))], np.random.default_rng(0), NO_AUGMENTATION)
    assert targets.boxed.tolist() == [[True, False, False, False]] * 2 and not targets.synthetic


def test_canvases_of_16_bits_have_the_same_grey_values():
    view = square_view()
    fine = ViewSample(0, view.canvas.astype(np.uint16) * 257, (60.0, 48.0), 1.6)
    (a, _), (b, _) = (make_batch([exam_of(v)], np.random.default_rng(0), NO_AUGMENTATION) for v in (view, fine))
    np.testing.assert_allclose(a.images.numpy(), b.images.numpy(), atol=1e-5)
