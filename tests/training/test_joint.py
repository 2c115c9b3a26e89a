"""The joint space learns from features and phrases: cells of boxes, losses that know right from wrong, a short run."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from mammoscribe.domain.finding import Finding, FindingType, Mark
from mammoscribe.domain.view import Box, Laterality, Projection
from mammoscribe.models.reader.joint_head import JointHead
from mammoscribe.models.reader.network import ReaderNet
from mammoscribe.models.reader.phrases import PhraseConfig, PhraseNet
from mammoscribe.training.joint import (
    Joined,
    JointSchedule,
    JointView,
    box_cells,
    cells_of,
    joint_views,
    kind_loss,
    place_loss,
    train_joint,
    whole_loss,
)
from mammoscribe.training.samples import LabelledFinding, LabelledMark, TrainingExam, ViewSample
from mammoscribe.training.statements import Statement
from tests.models.tiny import tiny_config

MARK = (Mark("R_CC", Projection.CC, Box(0, 0, 1, 1), 1.0),)
MASS = Finding("f1", FindingType.MASS, Laterality.RIGHT, MARK, 1.0, 0.5)
CALC = replace(MASS, type=FindingType.CALCIFICATION)


def view(kind: int | None, seed: int = 0) -> JointView:
    """A 12 x 8 grid; a mass lights channel 0 and calcifications channel 1 in the cells of their box."""
    rng = np.random.default_rng(seed)
    fine = rng.normal(0, 0.1, (8, 12, 8)).astype(np.float16)
    shown = ()
    if kind is not None:
        row, column = int(rng.integers(1, 9)), int(rng.integers(1, 5))
        fine[kind, row : row + 2, column : column + 2] += 3
        shown = (((MASS, CALC)[kind], (column * 8.0, row * 8.0, column * 8 + 16.0, row * 8 + 16.0)),)
    return JointView(fine, np.ones((12, 8), bool), shown)


def test_the_cells_of_a_phrase_are_those_of_the_findings_it_is_about():
    shown = view(0)
    ((_, (x0, y0, _, _)),) = shown.shown
    goal = cells_of(shown, Statement("mass", MASS))
    assert goal.sum() >= 1 and goal[int((y0 + 8) / 8), int((x0 + 8) / 8)] == 1
    assert cells_of(shown, Statement("calcifications", CALC)).sum() == 0
    assert cells_of(shown, Statement("no mass", MASS, negated=True)).sum() == 0
    assert cells_of(shown, Statement("nothing", None)).sum() == 0


def test_a_finding_smaller_than_a_cell_still_has_one():
    tiny = replace(view(None), shown=((MASS, (17.0, 33.0, 19.0, 35.0)),))
    goal = cells_of(tiny, Statement("mass", MASS))
    assert goal.sum() == 1 and goal[4, 2] == 1


def test_every_loss_falls_when_right_pairs_are_close():
    joined = Joined(JointHead(8, 8), PhraseNet(PhraseConfig(40, dim=8, heads=2, layers=1, joint_dim=8)))
    shown, said = [view(0), view(None)], [Statement("mass", MASS), Statement("nothing", None)]
    text = torch.nn.functional.normalize(torch.randn(2, 8), dim=1)
    patches = -text[:1, :, None, None].expand(2, 8, 12, 8).clone()
    unsure = place_loss(patches, text, joined, shown, said), kind_loss(patches, text, joined, shown, said)
    inside = torch.from_numpy(box_cells(shown[0].shown[0][1], (12, 8))) > 0
    patches[0, :, inside] = text[0][:, None]
    assert place_loss(patches, text, joined, shown, said) < 0.5 * unsure[0]
    assert kind_loss(patches, text, joined, shown, said) < unsure[1]
    right = whole_loss(text.clone(), text, joined, shown, said)
    assert right < whole_loss(text.flip(0).clone(), text, joined, shown, said)


def test_features_of_an_exam_lie_where_its_boxes_are(monkeypatch):
    torch.manual_seed(0)
    config = tiny_config()
    high, wide = config.canvas_px
    canvas = np.zeros((high, wide), np.uint8)
    canvas[40:, : wide // 2] = 120
    mark = LabelledMark(0, (8.0, 56.0, 24.0, 72.0))
    sample = ViewSample(0, canvas, (wide / 2, 60.0), 1.6, (mark,), True)
    exam = TrainingExam("e", "p", "phantom", (sample,), (LabelledFinding(0, ("shape.oval",)),))
    (made,) = joint_views(ReaderNet(config), [exam])
    ((_, box),) = made.shown
    assert made.fine.shape == (config.mark_channels, high // 8, wide // 8)
    rows = np.nonzero(made.tissue.any(axis=1))[0]
    assert box[1] < 56.0 and abs(rows[0] * 8 + (56 - 40) - box[1]) <= 8  # both moved up by the trimmed rows


def test_a_short_run_tells_two_kinds_apart_and_can_be_read_back(tmp_path):
    views = [view(i % 3 if i % 3 < 2 else None, seed=i) for i in range(30)]
    head, phrases = train_joint(views, JointSchedule(steps=60, minutes=5, batch=12, learning_rate=3e-3), tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    first, last = (np.mean([r["place"] for r in part]) for part in (rows[:5], rows[-5:]))
    assert last < 0.7 * first
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    PhraseNet(phrases.config).load_state_dict(state["phrases"])
    assert set(state["head"]) == set(head.state_dict())


@pytest.mark.parametrize("kind", [0, 1])
def test_half_of_the_views_drawn_show_something(kind):
    from mammoscribe.training.joint import _drawn

    views = [view(None, 1), view(kind, 2)]
    drawn = _drawn(views, 9, np.random.default_rng(0))
    assert sum(bool(v.shown) for v in drawn) == 6


def test_a_batch_in_which_nothing_is_shown_has_no_place_and_no_kind_to_learn():
    joined = Joined(JointHead(8, 8), PhraseNet(PhraseConfig(40, dim=8, heads=2, layers=1, joint_dim=8)))
    patches, text = torch.randn(1, 8, 12, 8), torch.randn(1, 8)
    said = [Statement("mass", MASS)]
    assert float(place_loss(patches, text, joined, [view(None)], said)) == 0.0
    assert float(kind_loss(patches, text, joined, [view(None)], said)) == 0.0
