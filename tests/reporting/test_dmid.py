"""The parser on real reports: the benchmark's own measures, held to their bars."""

import csv

import pytest

from benchmarks.dmid_parser import (
    BAR,
    FINDINGS_BAR,
    LABELS,
    NUM_SET_ASIDE,
    FindingScore,
    Score,
    in_new_words,
    measure,
    measure_findings,
    rows_of,
    set_aside,
)
from mammoscribe.domain.lexicon import TERMS
from mammoscribe.reporting.parse import parse_report


@pytest.fixture
def reports_csv(data_root):
    path = data_root / "dmid_reports" / "dmid_reports.csv"
    if not path.is_file():
        pytest.skip("DMID reports not present")
    return path


@pytest.mark.real
def test_categories_and_densities_of_real_reports_are_read(reports_csv):
    """Label of a report with several categories: the most severe; blank density labels are not scored."""
    scores = measure(reports_csv)
    assert [s.total for s in scores] == [414, 378, 408]
    for score in scores:
        assert score.accuracy >= BAR, (score.field, score.misses)


@pytest.mark.real
def test_findings_of_the_reports_set_aside_are_read(reports_csv):
    for score in measure_findings(reports_csv):
        assert len(score.true) == NUM_SET_ASIDE
        assert min(score.precision, score.recall) >= FINDINGS_BAR, (score.name, score.faults)


@pytest.mark.real
def test_the_labelled_reports_are_those_with_the_smallest_digest(reports_csv):
    with reports_csv.open(encoding="utf-8-sig", newline="") as stream:
        ids = [row["id"] for row in csv.DictReader(stream)]
    with LABELS.open(newline="") as stream:
        labelled = {row["report_id"] for row in csv.DictReader(stream)}
    assert labelled == set_aside(ids)


def test_labels_are_rows_of_known_kinds_and_terms():
    with LABELS.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {r["kind"] for r in rows} <= {
        "mass",
        "calcification",
        "architectural_distortion",
        "asymmetry",
        "associated",
    }
    assert {r["status"] for r in rows} <= {"positive", "negative", "uncertain"}
    assert {d for r in rows for d in r["descriptors"].split()} <= set(TERMS)
    assert len({tuple(r.values()) for r in rows}) == len(rows)


def test_accuracy_counts_misses():
    assert Score("birads", 4, ("a",)).accuracy == 0.75
    assert Score("birads", 0, ()).accuracy == 0.0


def test_precision_and_recall_count_rows_over_reports():
    mass, asymmetry = ("mass", "", "positive", ""), ("asymmetry", "R", "negative", "")
    score = FindingScore(
        "x", {"1": frozenset({mass, asymmetry}), "2": frozenset()}, dict.fromkeys("12", frozenset({mass}))
    )
    assert (score.precision, score.recall) == (0.5, 0.5)
    assert score.faults == [("2", "missed", mass), ("1", "wrong", asymmetry)]


def test_facts_in_the_form_of_labels_have_associated_features_apart():
    facts = parse_report(
        "Right breast: oval mass with associated skin thickening. No abnormality in the left breast."
    ).facts
    assert rows_of(facts) == {
        ("mass", "R", "positive", "shape.oval"),
        ("associated", "R", "positive", "associated.skin_thickening"),
        ("any_finding", "L", "negative", ""),
    }


def test_a_report_has_new_words_when_no_other_report_has_one_of_its_lines():
    texts = {"1": "Findings:\nOval mass.", "2": "FINDINGS:\noval mass\nBIRADS: 2", "3": "Oval mass.\nRound mass."}
    assert in_new_words(texts, ["2", "3"]) == ["3"]
