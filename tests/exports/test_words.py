from dataclasses import replace

import pytest

from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.location import Location
from mammoscribe.domain.report import Calibration
from mammoscribe.exports import words
from tests.nouns import make_breast, make_exam, make_finding, make_view

UID = "1.2.840.113619.2.401.1029384756.2024.5.2.101112"


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.0, "0.0%"), (0.0004, "< 0.1%"), (0.0312, "3.1%"), (0.46, "46%"), (0.956, "95.6%"), (0.9999, "> 99.9%"), (1.0, "100.0%")],
)  # fmt: skip
def test_probabilities_are_never_rounded_to_certainty(value, said):
    assert words.percent(value) == said


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"id": "case 12"}, "case 12"),
        ({"id": UID, "accession": "A-4711"}, "A-4711"),
        ({"id": UID}, "1.2.840....2.101112"),
        ({"id": "e1", "accession": "A-1"}, "A-1"),
        ({"id": "x" * 80}, "xxxxxxxx...xxxxxxxx"),
    ],
    ids=["id", "accession", "uid", "accession first", "long"],
)
def test_the_name_of_an_exam_is_short(fields, name):
    assert words.exam_name(make_exam(**fields)) == name


@pytest.mark.parametrize(
    ("folders", "name"), [(("autumn", "autumn"), "autumn"), (("a", "b"), "1.2.840....2.101112"), ((UID, UID), "1.2.840....2.101112")]
)  # fmt: skip
def test_an_exam_with_a_uid_is_called_by_the_folder_of_its_files(folders, name):
    from mammoscribe.domain.view import Laterality

    views = tuple(make_view(s, source=f"/data/{f}/1.dcm") for s, f in zip(Laterality, folders, strict=True))
    assert words.exam_name(Exam(UID, views)) == name


@pytest.mark.parametrize(
    ("probability", "level"),
    [(0.05, "far below average"), (0.2, "below average"), (0.34, "about average"), (0.42, "a little above average"),
     (0.7, "above average (odds 4.5 times)"), (0.9, "above average (odds 17 times)")],
)  # fmt: skip
def test_a_probability_is_given_against_the_prevalence_it_was_calibrated_at(probability, level):
    breast = make_breast(category="0", prob_malignant=probability, calibration=Calibration("lab A", 0.34, 1200))
    said = words.probability_words(breast)
    assert said.meaning == f"{level} for lab A, where 34% of 1,200 breasts had cancer"
    assert not said.large


def test_a_probability_at_a_stated_prevalence_is_large_and_names_both():
    known = Calibration("lab A", 0.34, 1200, stated_prevalence=0.006)
    said = words.probability_words(make_breast(category="0", prob_malignant=0.006, calibration=known))
    assert said == words.Probability(
        "0.6%",
        True,
        "about average at the stated prevalence of 0.6%; calibrated on lab A, where 34% of 1,200 breasts had cancer",
    )


def test_a_breast_without_a_probability_has_no_words_for_it():
    breast = make_breast(prob_malignant=None, calibration=None, reason="no calibration")
    assert words.probability_words(breast) is None


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("no finding", "no finding"),
        ("raised from 1 (no finding): the odds are 6.0 times", "raised from BI-RADS 1 (no finding), because the odds are 6.0 times"),
        ("lowered from 5 (irregular mass): the odds are 0.20 times", "lowered from BI-RADS 5 (irregular mass), because the odds are 0.20 times"),
        ("no assessment: no right MLO was read (not in this exam).", "no right MLO was read (not in this exam)"),
    ],
)  # fmt: skip
def test_rules_are_given_in_plain_words(rule, said):
    assert words.rule_words(rule) == said


@pytest.mark.parametrize(
    ("descriptors", "noun", "others"),
    [
        (("asymmetry.focal", "associated.skin_thickening"), "focal asymmetry", "skin thickening"),
        (("asymmetry.asymmetry",), "asymmetry", ""),
        ((), "asymmetry", ""),
    ],
)
def test_the_kind_of_an_asymmetry_is_in_its_noun_alone(descriptors, noun, others):
    finding = make_finding(FindingType.ASYMMETRY, *descriptors)
    assert (words.finding_noun(finding), words.descriptor_words(finding)) == (noun, others)


def test_descriptors_stand_in_the_order_of_a_report():
    finding = make_finding(FindingType.MASS, "density.high", "margin.spiculated", "shape.irregular")
    assert words.descriptor_words(finding) == "irregular, spiculated, high density"


def test_the_distance_from_the_nipple_is_part_of_a_place():
    finding = replace(make_finding(), location=Location(clock=10, nipple_distance_mm=45))
    assert words.location_words(finding) == "right breast, 10 o'clock, 45 mm from the nipple"
