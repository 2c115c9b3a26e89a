"""What is said of the findings of one breast together."""

from dataclasses import replace
from types import SimpleNamespace

import torch

from mammoscribe.domain.view import Laterality
from mammoscribe.models.reader.judging import Seen, judge
from mammoscribe.training.calibration.point import neutral
from tests.models.reader.test_assemble import EXAM, mark

BREASTS = SimpleNamespace(
    malignant=torch.zeros(2), recall=torch.zeros(2), pooled_malignant=None, density=torch.zeros(2, 4)
)


def found(*marks):
    seen = Seen(tuple(marks), BREASTS, torch.tensor([1.0, 0.0]))
    return {f.laterality: f.unpaired for f in judge(seen, EXAM, neutral()).findings}


def test_a_finding_of_one_view_may_be_one_that_was_not_joined_with_it_in_the_other():
    apart = mark("R_CC", behind_cm=1.0), mark("R_MLO", behind_cm=9.0)
    assert found(*apart) == {Laterality.RIGHT: True}
    assert found(apart[0]) == {Laterality.RIGHT: False}
    assert found(apart[0], replace(apart[1], score=0.1)) == {Laterality.RIGHT: False}  # no finding of the report
    assert found(apart[0], mark("L_MLO", behind_cm=9.0)) == dict.fromkeys(Laterality, False)
    assert found(mark("R_CC"), mark("R_MLO")) == {Laterality.RIGHT: False}  # joined
