"""Which words belong to a picture: sections of a study, our own words for labels."""

from dataclasses import replace

import numpy as np
import pytest

from mammoscribe.data.datasets.phantom import PHANTOM
from mammoscribe.data.records import ListedView, Region
from mammoscribe.data.texts.report_text import ReportText, Section
from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.view import Box
from mammoscribe.training.biovil.pairs import Choice
from mammoscribe.training.biovil.texts import stated, study_text
from tests.data.some_records import CC, MLO, L, R, exam


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        (("findings", "impression"), "Clear.\nNormal."),
        (("impression",), "Normal."),
        (("technique",), "Cough.\nClear.\nNormal."),
    ],
)
def test_a_study_gives_the_sections_that_are_asked_for_or_all(sections, expected):
    texts = {Section.INDICATION: "Cough.", Section.FINDINGS: "Clear.", Section.IMPRESSION: "Normal."}
    assert study_text(ReportText("raw", texts), sections) == expected


def test_how_dense_a_breast_is_belongs_to_the_text_by_default_and_what_was_asked_does_not():
    texts = {
        Section.COMPARISON: "None.", Section.COMPOSITION: "Dense.", Section.FINDINGS: "Clear.", Section.IMPRESSION: "Normal.",
    }  # fmt: skip
    assert study_text(ReportText("raw", texts), Choice().sections) == "Dense.\nClear.\nNormal."


def test_a_report_without_sections_is_taken_whole():
    assert study_text(ReportText(" Just this. "), ("findings",)) == "Just this."


SUPERVISION = replace(PHANTOM.supervision, boxed_kinds=tuple(FindingType))


def view(*kinds: str, side=R, labels=None, change: str = "new", projection=CC) -> ListedView:
    regions = tuple(
        Region(Box(1, 2, 30, 40), {"finding": f"m{n}", "kind": kind, "descriptors": "", "change": change})
        for n, kind in enumerate(kinds)
    )
    return ListedView("a.png", side, projection, labels=labels or {}, regions=regions)


def words(given, number: int = 40) -> set[str]:
    return {given.words(np.random.default_rng(seed)) for seed in range(number)}


def said_of(*kinds: str, **more):
    record = exam(report=None, breasts={R: {"density": "d"}, L: {"density": "a"}})
    found = stated(record, view(*kinds, **more), SUPERVISION)
    assert found is not None
    return found


def test_labels_are_written_in_words_that_change_and_say_the_same():
    found = said_of("mass")
    texts = words(found)
    assert len(texts) > 10
    assert all("density d" in t.lower() or "extremely dense" in t.lower() for t in texts)
    assert not any("calcification" in t.lower() for t in texts)
    assert found.key == said_of("mass").key
    others = (said_of("calcification"), said_of("mass", change="stable"), said_of("mass", side=L), said_of())
    assert len({found.key, *(other.key for other in others)}) == 5


@pytest.mark.parametrize(("other", "only"), [(("mass",), False), ((), True)])
def test_a_finding_is_said_to_be_seen_in_the_views_that_show_it(other, only):
    views = (view("mass"), view(*other, projection=MLO))
    found = stated(exam(report=None, images=views, breasts={}), views[0], SUPERVISION)
    texts = words(found)
    assert any("CC only" in t or "only CC" in t for t in texts) == only
    assert any("MLO" in t for t in texts) != only


def test_a_view_without_a_finding_is_said_to_have_none():
    assert all("no " in t.lower() and " left breast" in t for t in words(said_of(side=L)))


def test_nothing_is_stated_of_a_view_whose_findings_are_not_all_labelled():
    prior = view(labels={"unplaced": "mass|calcification|architectural_distortion|asymmetry"})
    assert stated(exam(report=None), prior, SUPERVISION) is None
