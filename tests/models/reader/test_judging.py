"""What is said of the findings of one breast together."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from mammoscribe.domain.anatomy import Structure
from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.view import Laterality
from mammoscribe.models.reader.judging import Seen, breast_features, judge
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


def test_findings_of_a_report_are_numbered_without_a_gap_and_weaker_ones_after_them():
    kinds = [t.value for t in FindingType]
    point = replace(neutral(), thresholds=dict.fromkeys(kinds, 0.5), possible=dict.fromkeys(kinds, 0.2))
    never = FindingType.ASYMMETRY.value
    point = replace(point, thresholds={**point.thresholds, never: 1.0}, possible={**point.possible, never: 1.0})
    marks = (
        mark("L_MLO", score=0.95, kind=FindingType.ASYMMETRY),
        mark("R_CC", score=0.3),
        mark("R_MLO", behind_cm=9.0, score=0.9),
    )
    output = judge(Seen(marks, BREASTS, torch.tensor([1.0, 0.0])), EXAM, point)
    assert [(f.id, f.score) for f in output.findings] == [("f1", pytest.approx(0.9))]
    assert [(f.id, f.score) for f in output.possible] == [("f2", pytest.approx(0.3))]
    assert [f.id for f in output.candidates] == ["f3", "f1", "f2"]


@pytest.mark.parametrize("structure", Structure)
def test_a_mark_on_what_is_no_lesion_is_no_finding_and_is_listed(structure: Structure):
    seen = Seen((mark("R_MLO", structure=structure, score=0.9),), BREASTS, torch.tensor([1.0, 0.0]))
    output = judge(seen, EXAM, neutral())
    assert (output.findings, output.possible, output.candidates) == ((), (), ())
    assert [(m.view_id, m.structure) for m in output.structures] == [("R_MLO", structure)]


def test_a_mark_in_the_axilla_counts_for_the_malignancy_of_its_breast_and_one_on_the_nipple_does_not():
    def features(structure: Structure):
        one = mark("R_MLO", structure=structure, score=0.9)
        return breast_features(Seen((one,), BREASTS, torch.tensor([1.0, 0.0])), Laterality.RIGHT)

    nothing = breast_features(Seen((), BREASTS, torch.tensor([1.0, 0.0])), Laterality.RIGHT)
    assert features(Structure.NIPPLE) == nothing
    assert features(Structure.AXILLA) != nothing
