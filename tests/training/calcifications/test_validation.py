"""How a calcification network is measured: on whole views, suspicious groups and any calcifications apart."""

import numpy as np
import torch

from mammoscribe.domain.view import Box
from mammoscribe.models.reader.calcifications import BENIGN, SUSPICIOUS, PatchConfig, PatchNet, PatchOutput
from mammoscribe.training.calcifications.validation import measure, summary, whole_view
from mammoscribe.training.calcifications.views import EITHER, IGNORED, FineView, Group

CONFIG = PatchConfig(patch_px=64, per_view=4, width=8, link_mm=1.0)


class Sure(PatchNet):
    """Answers the cells that it is given, of one patch of 8 x 8 cells."""

    def __init__(self, suspicious=(), benign=()) -> None:
        super().__init__(CONFIG)
        self.cells = suspicious, benign

    def forward(self, patches):
        out = super().forward(patches)
        heat = torch.full_like(out.heat, -9.0)
        for channel, cells in enumerate(self.cells):
            for row, column in cells:
                heat[:, channel, row, column] = 9.0
        return PatchOutput(heat, out.morphology, out.distribution)


def group(reading, row, column, name="c") -> Group:
    box = Box(column * 8.0, row * 8.0, column * 8.0 + 8, row * 8.0 + 8)
    return Group(name, box, reading, -1, -1, np.zeros((0, 2), np.int64))


def seen(net, *groups, centres=((32, 32),)):
    view = FineView(np.full((64, 64), 20000, np.uint16), groups, True, centres)
    with torch.no_grad():
        return measure({"calcifications": net}, whole_view(view, 64), CONFIG)


def test_a_benign_group_called_suspicious_is_a_false_mark_of_suspicious_ones_and_a_hit_of_any():
    found = seen(Sure(suspicious=[(1, 1), (6, 6)]), group(SUSPICIOUS, 1, 1), group(BENIGN, 6, 6, "d"))
    assert len(found.suspicious.marks) == 2 and [n for n, _ in found.suspicious.lesions] == ["c"]
    assert [n for n, _ in found.any.lesions] == ["c", "d"]
    assert summary([found]) == {"found/suspicious": 0.0, "found/any": 1.0, "score": 0.5}


def test_a_mark_on_calcifications_of_another_finding_is_neither_right_nor_false():
    found = seen(Sure(suspicious=[(1, 1)]), group(IGNORED, 1, 1))
    assert found.any.marks == () and found.any.lesions == ()


def test_a_view_with_a_group_of_unknown_kind_is_measured_for_any_calcifications_only():
    found = seen(Sure(benign=[(1, 1)]), group(EITHER, 1, 1))
    assert found.suspicious is None
    assert summary([found]) == {"found/any": 1.0, "score": 1.0}


def test_a_view_without_a_place_to_look_at_has_no_marks_and_misses_its_groups():
    found = seen(Sure(suspicious=[(1, 1)]), group(SUSPICIOUS, 1, 1), centres=())
    assert found.any.marks == ()
    assert summary([found])["found/any"] == 0.0
