"""Twins with fake readers: one that looks, one that always says the same, one whose other sentences wobble."""

import math
from dataclasses import dataclass, replace

import pytest

from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import Finding, FindingType
from mammoscribe.domain.view import Box
from mammoscribe.evaluation.twins import run_twins, twin_cases


@dataclass(frozen=True)
class Drawn:
    """What twins need of a phantom."""

    exam: Exam
    findings: tuple[Finding, ...]

    def without(self, finding_id: str) -> "Drawn":
        return replace(self, findings=tuple(f for f in self.findings if f.id != finding_id))


@pytest.fixture
def drawn(exam, make_finding) -> Drawn:
    here, there = Box(50, 50, 70, 70), Box(120, 120, 140, 140)
    return Drawn(
        exam,
        (
            make_finding("t1", FindingType.MASS, "R", {"R_CC": here, "R_MLO": here}, ("shape.oval",)),
            make_finding("t2", FindingType.ASYMMETRY, "R", {"R_CC": there}),
            make_finding("t3", FindingType.MASS, "L", {"L_CC": here}, ("shape.round",)),
        ),
    )


def test_a_reader_that_reports_what_is_there_is_necessary_and_local(drawn, make_report):
    result = run_twins(lambda d: make_report(d.findings), [drawn])
    assert [c.lesion_id for c in result.cases] == ["t1", "t2", "t3"]
    assert (result.necessity, result.locality) == (1.0, 1.0)
    assert [c.untouched for c in result.cases] == [3, 3, 3]  # density, and the two other findings
    assert result.necessity_interval.low < 1.0 == result.necessity_interval.high


def test_a_reader_that_never_looks_is_not_necessary(drawn, make_report):
    report = make_report(drawn.findings)
    result = run_twins(lambda _: report, [drawn])
    assert result.necessity == 0.0
    assert result.locality == 1.0


def test_a_changed_density_or_a_lost_other_finding_is_not_local(drawn, make_report):
    whole = len(drawn.findings)

    def wobbling(d):
        return make_report(d.findings if len(d.findings) == whole else (), "bb" if len(d.findings) == whole else "cc")

    result = run_twins(wobbling, [drawn])
    assert result.necessity == 1.0
    assert result.locality == 0.0


def test_a_claim_at_another_place_does_not_stand_in_for_the_one_that_went(drawn, make_report, make_finding):
    elsewhere = make_finding("f9", FindingType.MASS, "R", {"R_CC": Box(150, 10, 170, 30)}, ("shape.oval",))
    (case,) = (c for c in twin_cases(lambda d: make_report((*d.findings, elsewhere)), drawn) if c.lesion_id == "t1")
    assert case.gone
    assert case.kept == case.untouched == 4


def test_another_kind_left_at_the_place_is_neither_the_claim_nor_untouched(exam, make_report, make_finding):
    box = Box(50, 50, 70, 70)
    lesion = make_finding("t1", FindingType.MASS, "R", {"R_CC": box})
    shadow = make_finding("f2", FindingType.ASYMMETRY, "R", {"R_CC": box})
    (case,) = twin_cases(lambda d: make_report((*d.findings, shadow)), Drawn(exam, (lesion,)))
    assert case.gone
    assert (case.untouched, case.kept, case.added) == (2, 2, 0)  # density, and the empty left breast


def test_a_false_claim_is_no_case_and_no_case_has_no_share(drawn, make_report):
    result = run_twins(lambda d: make_report(()), [drawn])
    assert result.cases == ()
    assert math.isnan(result.necessity)
    assert math.isnan(result.locality)


def test_a_new_sentence_about_the_other_breast_is_counted_as_added(drawn, make_report, make_finding):
    fresh = make_finding("f9", FindingType.DISTORTION, "L", {"L_MLO": Box(10, 10, 30, 30)})
    whole = len(drawn.findings)

    def inventive(d):
        return make_report(d.findings if len(d.findings) == whole else (*d.findings, fresh))

    assert [c.added for c in twin_cases(inventive, drawn)] == [1, 1, 1]
