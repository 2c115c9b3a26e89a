"""Losses: a missing label gives no loss, matching is one to one, training learns."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mammoscribe.models.reader.network import ReaderNet
from mammoscribe.training.batches import NO_AUGMENTATION, make_batch
from mammoscribe.training.loop import Schedule, Source, train
from mammoscribe.training.losses import heat_targets, losses, match
from mammoscribe.training.samples import BreastLabels, LabelledFinding, TrainingExam
from tests.models.tiny import tiny_config
from tests.training.test_batches import exam_of, square_view


@pytest.fixture
def net() -> ReaderNet:
    torch.manual_seed(0)
    return ReaderNet(tiny_config())


def unlabelled() -> TrainingExam:
    view = replace(square_view(0), marks=(), marks_labelled=False)
    return TrainingExam("u", "u", "rsna", (view,), (), (BreastLabels(malignant=0), BreastLabels()))


def test_a_view_without_mark_labels_trains_neither_boxes_nor_their_absence(net):
    batch, targets = make_batch([unlabelled()], np.random.default_rng(0), NO_AUGMENTATION)
    assert set(losses(net(batch), batch, targets)) == {"malignant"}


def test_a_fully_labelled_exam_trains_every_head_it_has_labels_for(net):
    finding = LabelledFinding(0, ("shape.oval",), 0.7, 1)
    exam = replace(exam_of(square_view(0, prior=True), square_view(2, prior=True)), findings=(finding,))
    batch, targets = make_batch([exam], np.random.default_rng(0), NO_AUGMENTATION)
    found = set(losses(net(batch), batch, targets))
    assert {"heat", "box", "type", "density", "malignant"} <= found
    assert "recall" not in found and "birads" not in found


def test_the_heat_target_peaks_at_the_centre_cell_of_the_right_type():
    _, targets = make_batch([exam_of(square_view(0, x=30, y=40))], np.random.default_rng(0), NO_AUGMENTATION)
    goal = heat_targets(torch.Size((1, 4, 12, 8)), targets)
    assert goal[0, 0, 4:6, 3].max() == 1 and goal[0, 0, 0, 7] < 0.01
    assert (goal[0, 0] == 1).sum() <= 4 and goal[0, 1:].abs().max() == 0


def test_two_queries_on_one_lesion_give_one_match(net):
    batch, targets = make_batch(
        [exam_of(square_view(0, x=32, y=48, half=20))], np.random.default_rng(0), NO_AUGMENTATION
    )
    query, mark = match(net(batch).queries, targets)
    assert len(mark) <= 1 and len(query) == len(mark)


def test_a_few_steps_learn_a_bright_square_and_resume_goes_on(net, tmp_path):
    exams = [
        exam_of(square_view(0, x=16 + 8 * i, y=24 + 8 * i), square_view(2, x=16 + 8 * i, y=24 + 8 * i))
        for i in range(4)
    ]
    source = Source("phantom", exams, 4, NO_AUGMENTATION)
    rows: list[dict] = []
    schedule = Schedule(steps=40, learning_rate=4e-3, bf16=False)
    train(net, [source], schedule, tmp_path, seed=0, report=rows.append)
    assert rows[-1]["phantom/heat"] < 0.5 * rows[0]["phantom/heat"]
    again: list[dict] = []
    train(net, [source], replace(schedule, steps=41), tmp_path, seed=0, report=again.append)
    assert [r["step"] for r in again] == [41]
