"""BI-RADS assessment categories: order, likelihood bands, management, codes, and the rule from findings.

Order for the most severe category and likelihood bands: ACR BI-RADS (5th edition) in our own words; codes: DICOM
PS3.16 CID 6027 (scheme BI) and CID 6028.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from mammoscribe.domain.finding import Change, Finding, FindingType
from mammoscribe.domain.lexicon import Axis, Code
from mammoscribe.support.errors import InvalidNoun


class Category(StrEnum):
    """Assessment category, written as in report.json (`4A`, not `4a`)."""

    INCOMPLETE = "0"
    NEGATIVE = "1"
    BENIGN = "2"
    PROBABLY_BENIGN = "3"
    SUSPICIOUS = "4"
    LOW_SUSPICION = "4A"
    MODERATE_SUSPICION = "4B"
    HIGH_SUSPICION = "4C"
    HIGHLY_SUGGESTIVE = "5"
    KNOWN_MALIGNANCY = "6"

    @property
    def facts(self) -> "CategoryFacts":
        """Wording, likelihood band, management and code."""
        return _FACTS[self]


@dataclass(frozen=True)
class CategoryFacts:
    """What a category means; `likelihood` is a (low, high] band of malignancy, None where not defined."""

    wording: str
    likelihood: tuple[float, float] | None
    management: str
    code: Code
    follow_up: Code
    mqsa_term: str


def _bi(value: str, meaning: str) -> Code:
    return Code(value, "BI", meaning)


def _dcm(value: str, meaning: str) -> Code:
    return Code(value, "DCM", meaning)


_BIOPSY = _dcm("111143", "Biopsy should be considered")
_FACTS = {
    Category.INCOMPLETE: CategoryFacts("incomplete, additional imaging needed", None, "Recall for additional imaging.", _bi("II.AC.a", "0 - Need additional imaging evaluation"), _dcm("111135", "Additional projections"), "Incomplete: Need additional imaging evaluation"),
    Category.NEGATIVE: CategoryFacts("negative", (0.0, 0.0), "Routine screening.", _bi("II.AC.b.1", "1 - Negative"), _dcm("111140", "Normal interval follow-up"), "Negative"),
    Category.BENIGN: CategoryFacts("benign", (0.0, 0.0), "Routine screening.", _bi("II.AC.b.2", "2 - Benign Finding(s)"), _dcm("111140", "Normal interval follow-up"), "Benign"),
    Category.PROBABLY_BENIGN: CategoryFacts("probably benign", (0.0, 0.02), "Short-interval follow-up at six months.", _bi("II.AC.b.3", "3 - Probably Benign Finding"), _dcm("111142", "Follow-up at short interval (1-11 months)"), "Probably Benign"),
    Category.SUSPICIOUS: CategoryFacts("suspicious", (0.02, 0.95), "Tissue sampling should be considered.", _bi("II.AC.b.4", "4 - Suspicious Abnormality"), _BIOPSY, "Suspicious"),
    Category.LOW_SUSPICION: CategoryFacts("low suspicion for malignancy", (0.02, 0.10), "Tissue sampling should be considered.", _bi("MA.II.A.5.4A", "4A - Low suspicion"), _BIOPSY, "Suspicious"),
    Category.MODERATE_SUSPICION: CategoryFacts("moderate suspicion for malignancy", (0.10, 0.50), "Tissue sampling should be considered.", _bi("MA.II.A.5.4B", "4B - Intermediate suspicion"), _BIOPSY, "Suspicious"),
    Category.HIGH_SUSPICION: CategoryFacts("high suspicion for malignancy", (0.50, 0.95), "Tissue sampling should be considered.", _bi("MA.II.A.5.4C", "4C - Moderate suspicion"), _BIOPSY, "Suspicious"),
    Category.HIGHLY_SUGGESTIVE: CategoryFacts("highly suggestive of malignancy", (0.95, 1.0), "Tissue sampling; appropriate action should be taken.", _bi("II.AC.b.5", "5 - Highly suggestive of malignancy, take appropriate action"), _dcm("111149", "Highly suggestive of malignancy - take appropriate action"), "Highly Suggestive of Malignancy"),
    Category.KNOWN_MALIGNANCY: CategoryFacts("known biopsy-proven malignancy", None, "Appropriate action for the known malignancy.", _bi("MA.II.A.5.6", "6 - Known biopsy proven malignancy"), _dcm("111122", "Known biopsy proven malignancy - take appropriate action"), "Known Biopsy-Proven Malignancy"),
}  # fmt: skip

SEVERITY = tuple(Category(c) for c in ("1", "2", "3", "6", "0", "4", "4A", "4B", "4C", "5"))
"""Least to most severe when two breasts are combined (BI-RADS 5th edition, frequently asked questions)."""

RECALLED = frozenset({Category("0"), *(Category(c) for c in ("4", "4A", "4B", "4C", "5"))})


def most_severe(categories: Iterable[Category]) -> Category:
    """The category that stands for the whole exam; an empty iterable raises InvalidNoun."""
    found = list(categories)
    if not found:
        raise InvalidNoun("no category to choose from", "at least one assessed breast")
    return max(found, key=SEVERITY.index)


@dataclass(frozen=True)
class Assessment:
    """A category with the rule that gave it; `management` follows from the category."""

    category: Category
    rule: str

    def __post_init__(self) -> None:
        if not self.rule:
            raise InvalidNoun(f"assessment {self.category} without the rule that gave it")

    @property
    def management(self) -> str:
        """What to do next, in our words."""
        return self.category.facts.management


def assess_breast(findings: Iterable[Finding], recall: bool = False, words_measured: bool = True) -> Assessment:
    """Category of one breast from its findings; `recall` is the reader's own recall head above its threshold.

    The most severe rule of any finding counts. The recall head can raise the category to 0, never lower it.

    Args:
        findings: of that breast.
        recall: whether the recall score is above its threshold.
        words_measured: whether it is known, for such exams, how often the descriptors are right. Categories 2, 3 and 5 say how
            likely a malignancy is and rest on such words; without that knowledge a finding gets 0 or 4 in their place.
    """
    found = [assess_finding(f) for f in findings]
    if not words_measured:
        found = [_withheld(a) for a in found]
    best = max(found, key=lambda a: SEVERITY.index(a.category), default=Assessment(Category.NEGATIVE, "no finding"))
    if recall and best.category not in RECALLED:
        return Assessment(Category.INCOMPLETE, f"raised from {best.category} by the recall score ({best.rule})")
    return best


_UNMEASURED = {
    Category.BENIGN: Category.INCOMPLETE,
    Category.PROBABLY_BENIGN: Category.INCOMPLETE,
    Category.HIGHLY_SUGGESTIVE: Category.SUSPICIOUS,
}


def _withheld(assessment: Assessment) -> Assessment:
    given = _UNMEASURED.get(assessment.category)
    if given is None:
        return assessment
    why = f"{assessment.category} withheld, how often such words are right is not known for such exams"
    return Assessment(given, f"{assessment.rule}; {why}")


def assess_finding(finding: Finding) -> Assessment:
    """Category that one finding calls for; suspicious ones stay plain 4, since 4A-4C need calibration."""
    rules = {
        FindingType.MASS: _assess_mass,
        FindingType.CALCIFICATION: _assess_calcification,
        FindingType.DISTORTION: lambda _: Assessment(Category.SUSPICIOUS, "architectural distortion"),
        FindingType.ASYMMETRY: _assess_asymmetry,
    }
    return rules[finding.type](finding)


def _assess_mass(mass: Finding) -> Assessment:
    margin, shape = mass.descriptor(Axis.MARGIN), mass.descriptor(Axis.SHAPE)
    if mass.descriptor(Axis.DENSITY) == "density.fat_containing":
        return Assessment(Category.BENIGN, "fat-containing mass")
    if margin == "margin.spiculated" and shape == "shape.irregular":
        return Assessment(Category.HIGHLY_SUGGESTIVE, "irregular spiculated mass")
    if mass.suspicious:
        return Assessment(Category.SUSPICIOUS, "mass with a suspicious descriptor")
    if mass.change is Change.STABLE:
        return Assessment(Category.BENIGN, "stable mass without a suspicious descriptor")
    if margin == "margin.circumscribed" and mass.change is None:
        return Assessment(Category.PROBABLY_BENIGN, "circumscribed mass, no prior read")
    return Assessment(Category.INCOMPLETE, "mass that is new, changed or not fully seen")


def _assess_calcification(calcification: Finding) -> Assessment:
    morphology = calcification.descriptor(Axis.MORPHOLOGY)
    distribution = calcification.descriptor(Axis.DISTRIBUTION)
    if morphology == "morphology.fine_linear" and distribution in ("distribution.linear", "distribution.segmental"):
        return Assessment(Category.HIGHLY_SUGGESTIVE, "fine linear calcifications in a duct-like distribution")
    if calcification.suspicious:
        return Assessment(Category.SUSPICIOUS, "calcifications of suspicious morphology")
    if morphology is None:
        return Assessment(Category.INCOMPLETE, "calcifications of undetermined morphology")
    return Assessment(Category.BENIGN, "calcifications of typically benign morphology")


def _assess_asymmetry(asymmetry: Finding) -> Assessment:
    if asymmetry.descriptor(Axis.ASYMMETRY) == "asymmetry.developing":
        return Assessment(Category.SUSPICIOUS, "developing asymmetry")
    if asymmetry.change is Change.STABLE or asymmetry.descriptor(Axis.ASYMMETRY) == "asymmetry.global":
        return Assessment(Category.BENIGN, "asymmetry that is global or stable")
    return Assessment(Category.INCOMPLETE, "asymmetry without a stable prior")
