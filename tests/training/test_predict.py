"""Predictions under training: marks are given where they lie on the canvas, whatever was trimmed to make them."""

import numpy as np
import pytest
import torch

from mammoscribe.models.reader.network import ReaderNet
from mammoscribe.training.predict import mark_rows
from mammoscribe.training.samples import TrainingExam, ViewSample
from tests.models.tiny import tiny_config


def exam(shift: int) -> TrainingExam:
    """A breast of 32 rows, `shift` rows below the top of its canvas."""
    canvas = np.zeros((96, 64), np.uint8)
    canvas[shift : shift + 32, :40] = np.random.default_rng(0).integers(20, 250, (32, 40))
    return TrainingExam("rsna-1-R", "1", "rsna", (ViewSample(0, canvas, (38.0, shift + 16.0), 1.6, (), True),))


@pytest.mark.parametrize("shift", [17, 64])
def test_marks_move_down_the_canvas_with_their_breast(shift):
    torch.manual_seed(0)
    net = ReaderNet(tiny_config())
    (top,), (low,) = (mark_rows(net, [exam(s)]) for s in (0, shift))
    assert len(top["predicted"]) == len(low["predicted"]) > 0
    for a, b in zip(top["predicted"], low["predicted"], strict=True):
        assert np.subtract(b["box"], a["box"]) == pytest.approx([0, shift, 0, shift], abs=0.2)
