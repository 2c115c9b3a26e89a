import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from mammoscribe.domain.view import Box
from mammoscribe.exports import dumps_report, report_json, schema
from tests.exports.golden_file import same_as_golden
from tests.exports.samples import one_film, two_findings_with_prior
from tests.nouns import make_report

VALIDATOR = jsonschema.Draft202012Validator(schema())


@pytest.mark.parametrize(
    "report", [two_findings_with_prior(), one_film(), make_report()], ids=["prior", "film", "small"]
)
def test_every_report_validates_against_the_schema_that_ships(report):
    VALIDATOR.validate(report_json(report))


def test_the_schema_is_itself_valid():
    jsonschema.Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize(
    "path",
    [
        (),
        ("exam",),
        ("exam", "views", 0),
        ("breasts", 0),
        ("findings", 0),
        ("findings", 0, "location"),
        ("findings", 0, "marks", 0),
        ("sentences", 0),
        ("rejected_claims", 0),
        ("assessment",),
        ("provenance",),
    ],
    ids=lambda p: ".".join(map(str, p)) or "report",
)
def test_a_field_that_the_schema_does_not_know_is_refused_everywhere(path):
    written = report_json(two_findings_with_prior())
    place = written
    for step in path:
        place = place[step]
    place["surprise"] = 1
    assert not VALIDATOR.is_valid(written)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda j: j["sentences"][0].update(evidence=[]), "a sentence without evidence"),
        (lambda j: j["sentences"][0].update(gate="unsupported"), "an unsupported sentence"),
        (lambda j: j["breasts"][0].update(calibration=None), "a probability without its population"),
        (lambda j: j["breasts"][0].update(density=None, reason=None), "nothing assessed and no reason"),
        (lambda j: j["breasts"].reverse(), "left breast first"),
        (lambda j: j["breasts"][0].update(density="B"), "density in upper case"),
        (lambda j: j["findings"][0].update(change=None), "no change and no reason"),
        (lambda j: j["findings"][0].update(marks=[]), "a finding without a mark"),
        (lambda j: j["assessment"].update(birads="4a"), "a category in lower case"),
        (lambda j: j["exam"].update(views=[]), "an exam without views"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_the_schema_refuses_what_the_contract_forbids(change, why):
    written = report_json(two_findings_with_prior())
    change(written)
    assert not VALIDATOR.is_valid(written), why


def test_the_contract_fields_are_all_there():
    written = report_json(two_findings_with_prior())
    assert written["schema"] == "mammoscribe.report/1"
    view = written["exam"]["views"][-1]
    assert (view["role"], view["laterality"], view["projection"], view["date"]) == ("prior", "L", "MLO", "2022-04-11")
    assert view["spacing_mm"] == [0.2, 0.2]
    assert view["spacing_source"] == "header"
    assert view["preprocessing"][0].startswith("VOI LUT")
    finding = written["findings"][0]
    assert finding["location"] == {
        "quadrant": "upper outer",
        "clock": 10,
        "depth": "posterior",
        "half": None,
        "region": None,
        "nipple_distance_mm": None,
        "reason": None,
    }
    assert finding["marks"][0] == {"view": "R_CC", "box_px": [560.0, 470.0, 630.0, 548.0], "score": 0.93}
    assert written["breasts"][0]["calibration"]["n"] == 674


def test_what_was_not_assessed_is_null_with_its_reason():
    right, left = report_json(one_film())["breasts"]
    assert (right["imaged"], right["density"], right["assessment"], right["reason"]) == (
        False,
        None,
        None,
        "not imaged",
    )
    assert left["prob_malignant"] is None
    assert "calcifications were not searched for" in left["reason"]
    calcifications = report_json(two_findings_with_prior())["findings"][1]
    assert calcifications["location"]["quadrant"] is None
    assert calcifications["location"]["reason"] == "seen in one projection only"


def test_numbers_are_rounded_and_boxes_stay_in_the_stored_array():
    report = two_findings_with_prior()
    mass = report.findings[0]
    mark = replace(mass.marks[0], box=Box(1 / 3, 0, 899.9999, 1200), score=2 / 3)
    odd = replace(report, findings=(replace(mass, marks=(mark, mass.marks[1])), report.findings[1]))
    written = report_json(odd)["findings"][0]["marks"][0]
    assert written["box_px"] == [0.33, 0.0, 900.0, 1200.0]
    assert written["score"] == 0.6667


def test_equal_reports_give_equal_text_that_reads_back():
    first, second = dumps_report(two_findings_with_prior()), dumps_report(two_findings_with_prior())
    assert first == second
    assert json.loads(first) == report_json(two_findings_with_prior())


def test_schema_hands_out_copies():
    schema()["properties"].clear()
    assert schema()["properties"]


@pytest.mark.parametrize("name", ["prior", "film"])
def test_json_is_as_it_was(name):
    report = {"prior": two_findings_with_prior, "film": one_film}[name]()
    same_as_golden(Path(__file__).parent / "golden" / f"{name}.json", dumps_report(report))


def test_what_was_searched_set_aside_and_where_the_pictures_come_from_are_in_the_json():
    written = report_json(one_film())
    assert written["exam"]["views"][0]["searched"]["calcification"] == {
        "searched": False,
        "reason": "pixel size unknown",
    }
    assert [s["reason"] for s in written["exam"]["set_aside"]] == ["a magnification view", "not a picture"]
    assert (written["exam"]["origin"], written["exam"]["accession"]) == ("acquired", None)
    assert written["assessment"]["birads"] is None
    assert "left breast" in written["assessment"]["reason"]
