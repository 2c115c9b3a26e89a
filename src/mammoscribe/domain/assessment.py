"""BI-RADS assessment categories: order, likelihood bands, management and codes; `assessment_rules` says when each is given.

Order for the most severe category and likelihood bands: ACR BI-RADS (5th edition) in our own words; codes: DICOM
PS3.16 CID 6027 (scheme BI) and CID 6028.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from mammoscribe.domain.lexicon import Code
from mammoscribe.support.errors import InvalidNoun


class Setting(StrEnum):
    """Why the exam was made: `screening` ends in 0, 1 or 2; `diagnostic` may give every category."""

    SCREENING = "screening"
    DIAGNOSTIC = "diagnostic"


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

FREE_OF_DISEASE = frozenset({Category.NEGATIVE, Category.BENIGN})
"""Categories that call a breast free of signs of cancer."""

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


@dataclass(frozen=True)
class NotAssessed:
    """No category is given, and why."""

    reason: str

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise InvalidNoun("a category withheld without a reason")


@dataclass(frozen=True)
class Grade:
    """The category that one finding by itself calls for in a diagnostic exam, with the rule: its level of suspicion."""

    finding_id: str
    assessment: Assessment

    @property
    def level(self) -> str:
        """`suspicious`, `probably benign`, ...: the level of suspicion in words; "" where it cannot be told."""
        return "" if self.assessment.category is Category.INCOMPLETE else self.assessment.category.facts.wording
