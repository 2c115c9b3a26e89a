"""The oracle: it has nothing against what our writers write, and objects to every kind of false sentence."""

import ast
import dataclasses
import inspect

import pytest
from hypothesis import HealthCheck, given, settings

from benchmarks.gate import Tally, measure_claims
from mammoscribe.domain.assessment import Assessment, Category, Grade
from mammoscribe.domain.evidence import Evidence, EvidenceKind, Section, Sentence
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import Change, FindingType
from mammoscribe.domain.location import Depth, Location, Quadrant
from mammoscribe.domain.report import Report
from mammoscribe.domain.search import Search, ViewSearch
from mammoscribe.domain.view import Box, Laterality, Role, SpacingSource
from mammoscribe.evaluation import oracle, oracle_reading, oracle_words
from mammoscribe.evaluation.oracle import objections
from mammoscribe.reporting.wordings import book_of
from tests.nouns import CC, MLO, L, R, make_breast, make_exam, make_finding, make_mark, make_report, make_view
from tests.reporting.strategies import charts

F1 = Evidence(EvidenceKind.FINDING, "f1")
RIGHT, LEFT = (Evidence(EvidenceKind.BREAST, s.value) for s in Laterality)
PAIR = Evidence(EvidenceKind.PRIOR_PAIR, "R_CC|prior_R_CC")
EXAM = Evidence(EvidenceKind.EXAM, "e1")
R_VIEWS = (Evidence(EvidenceKind.VIEW, "R_CC"), Evidence(EvidenceKind.VIEW, "R_MLO"))
L_VIEWS = (Evidence(EvidenceKind.VIEW, "L_CC"), Evidence(EvidenceKind.VIEW, "L_MLO"))


def views_with_spacing(exam: Exam) -> Exam:
    known = {"spacing_mm": (0.1, 0.1), "spacing_source": SpacingSource.HEADER}
    return dataclasses.replace(exam, views=tuple(dataclasses.replace(v, **known) for v in exam.views))


@pytest.fixture(scope="module")
def report() -> Report:
    """A new irregular spiculated mass of 14 x 12 mm at 10 o'clock right, seen in both views; a dense left breast."""
    box = Box(10, 20, 150, 140)
    mass = make_finding(
        FindingType.MASS, "shape.irregular", "margin.spiculated",
        marks=(make_mark(R, CC, box=box), make_mark(R, MLO, box=box)),
        location=Location(Quadrant.UPPER_OUTER, 10, Depth.MIDDLE, nipple_distance_mm=42), change=Change.NEW,
    )  # fmt: skip
    grade = Grade("f1", Assessment(Category.HIGHLY_SUGGESTIVE, "test"))
    breasts = (make_breast(R, "0", density="c", prob_malignant=0.9, grades=(grade,)), make_breast(L, "1", density="d"))
    return make_report(views_with_spacing(make_exam(prior=True)), findings=(mass,), breasts=breasts)


def against(report: Report, text: str, section: Section, *evidence: Evidence) -> tuple[str, ...]:
    return objections(Sentence(text, section, evidence), report)


FINDINGS, IMPRESSION = Section.FINDINGS, Section.IMPRESSION
TRUE = [
    ("Right breast: irregular, spiculated mass, 42 mm from the nipple, box 14 x 12 mm, seen on CC and MLO, new since the prior exam.", FINDINGS, (F1, PAIR)),
    ("R: stellate nodule, UOQ, 10:00, middle, CC+MLO.", FINDINGS, (F1,)),
    ("No calcifications in the right breast.", FINDINGS, R_VIEWS),
    ("No suspicious finding on the left CC.", FINDINGS, L_VIEWS[:1]),
    ("No mass, architectural distortion or asymmetry in the left breast.", FINDINGS, L_VIEWS),
    ("Compared with the prior exam of 2025-01-02.", Section.COMPARISON, (PAIR,)),
    ("L: ACR D.", Section.COMPOSITION, (LEFT,)),
    ("Overall breast density: d.", Section.COMPOSITION, (RIGHT, LEFT)),
    ("The mass at 10 o'clock in the right breast is highly suggestive of malignancy.", IMPRESSION, (F1,)),
    ("Right breast: BI-RADS 0, incomplete, additional imaging needed.", IMPRESSION, (F1, RIGHT)),
    ("Right breast: recall for additional imaging (mass at 10 o'clock).", Section.RECOMMENDATION, (F1, RIGHT)),
    ("Mammography, four views: right CC, left CC, right MLO and left MLO.", Section.TECHNIQUE, (EXAM,)),
]  # fmt: skip
FALSE = [
    ("side", "Left breast: irregular mass.", FINDINGS, (F1,)),
    ("second side", "Spiculated mass in the right upper outer quadrant in the left breast.", FINDINGS, (F1,)),
    ("no breast", "There is a mass.", FINDINGS, (F1,)),
    ("kind", "Right breast: focal asymmetry.", FINDINGS, (F1,)),
    ("denied", "No mass in the right breast.", FINDINGS, R_VIEWS),
    ("denied after", "A mass is not seen in the right breast.", FINDINGS, R_VIEWS),
    ("denied of both", "No mass in the left and right breast.", FINDINGS, (*R_VIEWS, *L_VIEWS)),
    ("denied of a view not cited", "No calcifications in the right breast.", FINDINGS, R_VIEWS[:1]),
    ("negation that ends", "No calcifications are seen in the right breast and there is a focal asymmetry.", FINDINGS, R_VIEWS),
    ("after a colon", "No calcifications in the right breast: asymmetry in the right breast.", FINDINGS, R_VIEWS),
    ("in brackets", "No calcifications in the right breast (asymmetry in the right breast).", FINDINGS, R_VIEWS),
    ("plural", "There are masses in the right breast.", FINDINGS, (F1,)),
    ("count", "Two nodules in the right breast.", FINDINGS, (F1,)),
    ("number", "Right breast: 3 irregular nodules.", FINDINGS, (F1,)),
    ("only", "Irregular mass in the right breast, seen on CC only.", FINDINGS, (F1,)),
    ("other views", "Irregular mass in the right breast, seen on L CC and L MLO.", FINDINGS, (F1,)),
    ("size", "Right breast: mass of 24 mm.", FINDINGS, (F1,)),
    ("shorter side", "Right breast: mass, box 14 x 9 mm.", FINDINGS, (F1,)),
    ("distance", "Right breast: mass, 14 mm from the nipple.", FINDINGS, (F1,)),
    ("clock", "Right breast: mass at 2 o'clock.", FINDINGS, (F1,)),
    ("quadrant", "Right breast: mass, LIQ.", FINDINGS, (F1,)),
    ("depth", "Right breast: mass at posterior depth.", FINDINGS, (F1,)),
    ("descriptor", "Right breast: oval mass.", FINDINGS, (F1,)),
    ("feature", "Right breast: mass with associated skin thickening.", FINDINGS, (F1,)),
    ("change", "Right breast: mass, unchanged since the prior exam.", FINDINGS, (F1, PAIR)),
    ("change without a pair", "Right breast: new mass.", FINDINGS, (F1,)),
    ("change of another breast", "Right breast: new mass; left breast new.", FINDINGS, (F1, PAIR)),
    ("developing", "Right breast: developing asymmetry.", FINDINGS, (F1, PAIR)),
    ("date", "Right breast: mass, new since the prior exam of 2020-01-01.", FINDINGS, (F1, PAIR)),
    ("no prior", "No prior exam was available for comparison.", Section.COMPARISON, (EXAM,)),
    ("withheld", "Compared with the prior exam, date withheld.", Section.COMPARISON, (PAIR,)),
    ("undated", "Compared with the prior exam, date unknown.", Section.COMPARISON, (PAIR,)),
    ("density", "R: ACR D.", Section.COMPOSITION, (RIGHT,)),
    ("density of both", "Both breasts are extremely dense (density d).", Section.COMPOSITION, (RIGHT, LEFT)),
    ("category", "Right breast: BI-RADS 2.", IMPRESSION, (RIGHT,)),
    ("words of a category", "Right breast: BI-RADS 0, benign.", IMPRESSION, (RIGHT,)),
    ("overall", "Overall: BI-RADS 1, negative.", IMPRESSION, (RIGHT, LEFT)),
    ("level", "The mass at 10 o'clock in the right breast is benign.", IMPRESSION, (F1,)),
    ("recommendation", "Left breast: biopsy is recommended.", Section.RECOMMENDATION, (LEFT,)),
    ("recommendation of the other breast", "Right breast: routine screening.", Section.RECOMMENDATION, (RIGHT,)),
    ("views", "Mammography, two views: right CC, right MLO, left CC, left MLO.", Section.TECHNIQUE, (EXAM,)),
    ("a view left out", "Mammography: right CC, right MLO and left CC.", Section.TECHNIQUE, (EXAM,)),
    ("not imaged", "The left breast was not imaged and is not assessed.", Section.LIMITS, (EXAM,)),
    ("one view", "The left CC is the only view, so a finding can be hidden and no quadrant is given.", Section.LIMITS, (EXAM,)),
    ("was searched", "Calcifications were not searched for on left CC (no reason).", Section.LIMITS, (EXAM,)),
    ("spacing", "The pixel spacing is not known, so no size is given in millimetres.", Section.LIMITS, (EXAM,)),
    ("added to a limit", "The left breast was not imaged and is not assessed, but has a mass.", Section.LIMITS, (EXAM,)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "section", "evidence"), TRUE, ids=[t[0][:40] for t in TRUE])
def test_it_has_nothing_against_a_true_sentence(report, text, section, evidence):
    assert against(report, text, section, *evidence) == ()


@pytest.mark.parametrize(("text", "section", "evidence"), [f[1:] for f in FALSE], ids=[f[0] for f in FALSE])
def test_it_objects_to_a_false_sentence(report, text, section, evidence):
    assert against(report, text, section, *evidence)


def test_what_was_not_searched_cannot_be_denied():
    exam = make_exam()
    coarse = ((FindingType.CALCIFICATION, "pixels too coarse"),)
    search = Search(exam, tuple(ViewSearch(v.id, coarse) for v in exam.current))
    unassessed = [make_breast(s, assessment=None, reason="not searched") for s in Laterality]
    report = make_report(exam, search=search, breasts=tuple(unassessed))
    assert against(report, "No calcifications in the right breast.", FINDINGS, *R_VIEWS)
    assert against(report, "No suspicious finding in the right breast.", FINDINGS, *R_VIEWS)
    assert against(report, "No mass in the right breast.", FINDINGS, *R_VIEWS) == ()


def test_a_possible_finding_is_one_that_the_report_shows_as_a_weaker_mark():
    weak = make_finding(FindingType.DISTORTION, id="w1", marks=(make_mark(R, CC),))
    sentence = Sentence("Right breast: possible architectural distortion, seen on CC only.", FINDINGS, R_VIEWS[:1])
    assert objections(sentence, make_report(), (weak,)) == ()
    assert objections(sentence, make_report())


def test_a_change_needs_a_prior_of_the_exam():
    exam = Exam("e1", (make_view(R, CC), make_view(R, CC, Role.PRIOR, id="prior_R_CC")))
    mass = make_finding(FindingType.MASS, marks=(make_mark(R, CC),), change=Change.STABLE)
    unassessed = (
        make_breast(R, assessment=None, reason="one view"),
        make_report(exam=make_exam(sides=(R,))).breasts[1],
    )
    report = make_report(exam, findings=(mass,), breasts=unassessed)
    assert against(report, "Right breast: mass, unchanged since the prior exam.", FINDINGS, F1, PAIR) == ()
    assert against(report, "Right breast: mass, larger.", FINDINGS, F1, PAIR)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(charts())
def test_it_has_nothing_against_any_wording_of_our_writers(chart):
    for text, statements in book_of(chart).items():
        for statement in statements:
            assert objections(statement.sentence, chart) == (), text


@pytest.mark.parametrize("module", [oracle, oracle_reading, oracle_words])
def test_it_shares_no_code_with_what_it_checks(module):
    names = [n for node in ast.walk(ast.parse(inspect.getsource(module))) for n in _imported(node)]
    assert names
    assert {n.split(".")[1] for n in names if n.startswith("mammoscribe.")} <= {"domain", "evaluation"}
    assert {n for n in names if n.startswith("mammoscribe.evaluation.")} <= {"mammoscribe.evaluation.oracle_reading"}


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else []


@pytest.fixture(scope="module")
def tally() -> Tally:
    return measure_claims(1500, seed=1)


def test_no_false_part_of_a_false_claim_reaches_the_report(tally):
    assert tally.reached == []


def test_true_claims_are_kept_or_written_anew(tally):
    assert tally.true > 300
    assert tally.free > 100
    assert len(tally.lost) + len(tally.lost_free) <= 0.01 * tally.true, tally.lost + tally.lost_free


def test_behind_a_gate_that_lets_everything_pass_it_would_object_to_the_false_claims(tally):
    assert len(tally.missed) <= 0.02 * tally.false, tally.missed
    kinds = {k for k in tally.by_damage if "missed" not in k}
    assert len(kinds) == 12
    assert {k for k in kinds if tally.by_damage[f"{k}, missed"] > 0.05 * tally.by_damage[k]} == set()


def test_it_does_not_object_to_everything(tally):
    assert len(tally.false_alarms) <= 0.02 * tally.free, tally.false_alarms


@pytest.mark.slow
def test_of_ten_thousand_false_claims_no_false_part_reaches_the_report():
    tally = measure_claims(10_000, seed=2)
    assert tally.reached == []
    assert len(tally.lost) + len(tally.lost_free) <= 0.01 * tally.true
    assert len(tally.missed) <= 0.02 * tally.false
