from dataclasses import replace

import pytest

from mammoscribe.domain.anatomy import MarkOnStructure, Structure
from mammoscribe.domain.exam import SetAside
from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.search import Search, ViewSearch
from mammoscribe.domain.view import Box, Laterality
from mammoscribe.exports.html import report_html
from mammoscribe.exports.json_report import report_json
from mammoscribe.exports.limits import files_not_read, folded, marks_on_structures, not_assessed, unsearched
from mammoscribe.exports.text import report_text
from tests.exports.samples import one_film, two_findings_with_prior
from tests.nouns import make_breast, make_exam, make_report

CALCIFICATIONS = FindingType.CALCIFICATION


@pytest.mark.parametrize(
    ("warnings", "lines"),
    [
        ((), []),
        (("L CC: dark", "R CC: dark", "prior L CC: dark"), ["R CC, L CC, prior L CC: dark"]),
        (("R CC: dark", "R CC: dark"), ["R CC: dark"]),
        (("R CC: dark", "general", "L CC: dark"), ["R CC, L CC: dark", "general"]),
        (
            ("R CC: read at 633 um, 1.5 times", "L MLO: read at 1020 um, 1.5 times"),
            ["R CC, L MLO: read at 633 to 1020 um, 1.5 times"],
        ),
        (("f1 was called new", "f2 was called new"), ["f1 was called new", "f2 was called new"]),
        (("R CC: 12", "R CC: 12 or 13"), ["R CC: 12", "R CC: 12 or 13"]),
    ],
    ids=["none", "views", "repeated", "order", "numbers", "findings", "other words"],
)
def test_warnings_of_one_kind_become_one_line(warnings, lines):
    assert folded(warnings) == lines


def test_files_set_aside_are_listed_by_reason_and_many_are_counted():
    aside = [SetAside(f"/exam/note{i}.txt", "not a picture") for i in range(9)]
    exam = make_exam(set_aside=(SetAside("/exam/mag.dcm", "a magnification view."), *aside))
    assert files_not_read(exam) == [
        "mag.dcm: a magnification view",
        "note0.txt, note1.txt, note2.txt, note3.txt, note4.txt, note5.txt and 3 more: not a picture",
    ]
    assert files_not_read(make_exam()) == []


def test_a_view_says_what_it_was_not_searched_for_and_a_prior_says_nothing():
    exam = make_exam(prior=True)
    skipped = ((CALCIFICATIONS, "too coarse"), (FindingType.DISTORTION, "too coarse"), (FindingType.MASS, "no network"))
    search = Search(exam, tuple(ViewSearch(v.id, skipped if v.id == "R_CC" else ()) for v in exam.current))
    report = replace(make_report(exam), exam=exam, search=search, breasts=_recalled())
    assert unsearched(report, exam.view("R_CC")) == [
        "calcifications, architectural distortions not searched for: too coarse",
        "masses not searched for: no network",
    ]
    assert unsearched(report, exam.view("L_CC")) == []
    assert unsearched(report, exam.view("prior_R_CC")) == []


def _recalled():
    right, left = (make_breast(side, category="0") for side in Laterality)
    return right, left


def test_what_was_not_searched_is_said_once_for_both_breasts():
    exam = make_exam()
    search = Search(exam, tuple(ViewSearch(v.id, ((CALCIFICATIONS, "pixel size unknown"),)) for v in exam.current))
    said = not_assessed(replace(make_report(exam), search=search, breasts=_recalled()))
    assert [line for line in said if "searched" in line] == [
        "Calcifications were not searched for on right CC, right MLO, left CC and left MLO (pixel size unknown)."
    ]


def test_a_breast_without_a_category_names_what_it_lacks_and_why_without_repeating_it():
    said = not_assessed(one_film())
    assert said[0] == "Right breast: not imaged."
    assert said[1].startswith("Left breast, no BI-RADS category, no probability: no left CC was read (set aside: a")
    assert sum("calcifications were not searched for" in line.lower() for line in said) == 1


def test_a_complete_report_with_a_prior_has_nothing_to_add():
    views = tuple(replace(v, spacing_mm=(0.1, 0.1), spacing_source="declared") for v in make_exam(prior=True).views)
    assert not_assessed(make_report(make_exam(views=views))) == []


def test_a_mark_that_was_left_out_is_named_with_what_it_rests_on():
    report = two_findings_with_prior()
    mark = MarkOnStructure("R_CC", Box(10, 20, 30, 40), FindingType.MASS, Structure.NIPPLE, 0.41)
    report = replace(report, provenance=replace(report.provenance, structures=(mark,)))
    assert marks_on_structures(report) == ["R CC: mass mark on the nipple, score 0.41"]
    assert "mass mark on the nipple" in report_text(report)
    assert "mass mark on the nipple" in report_html(report, {})
    (stored,) = report_json(report)["provenance"]["structures"]
    assert stored == {
        "view": "R_CC",
        "box_px": [10.0, 20.0, 30.0, 40.0],
        "type": "mass",
        "structure": "nipple",
        "score": 0.41,
    }
