"""The rules from findings to a BI-RADS category, in our words after the ACR BI-RADS atlas, 5th edition.

A finding is first graded by itself, as in a diagnostic exam. A breast takes the most severe grade of its findings, in
the terms of the setting, and no category that calls it free of disease unless everything was looked for in it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from mammoscribe.domain.assessment import (
    FREE_OF_DISEASE,
    SEVERITY,
    Assessment,
    Category,
    Grade,
    NotAssessed,
    Setting,
)
from mammoscribe.domain.finding import Change, Finding, FindingType
from mammoscribe.domain.lexicon import Axis

STABLE_MONTHS = 23.0
"""A finding unchanged for two years is benign, for less it is followed (5th edition, guidance chapter); a screening
round comes a few weeks early or late."""

CONTRADICTING_ODDS = 2.0
"""Odds of malignancy over those of the population that a probability was calibrated on: above this they contradict a
category up to 3, which says at most 2 %; below it they contradict category 5, which says at least 95 %."""

_SUSPICIOUS = (Category.SUSPICIOUS, Category.HIGHLY_SUGGESTIVE)
_GROWN = (Change.NEW, Change.INCREASED)
_FOLLOWED_MORPHOLOGY = ("morphology.round", "morphology.punctate")
"""Round and punctate calcifications are benign when diffuse, and depend on distribution and change otherwise."""


@dataclass(frozen=True)
class Circumstances:
    """What a category depends on beside the findings.

    Args:
        setting: screening or diagnostic.
        gaps: what was not looked for in the breast, in words (`search.gap_words`).
        words_measured: whether it is known, for such exams, how often kind, descriptors and change are right. Without
            that knowledge they decide nothing: every finding gets 0.
        months_since_prior: months between prior and exam, None when unknown.
        prior_read: whether a prior of the exam was read at all.
    """

    setting: Setting = Setting.SCREENING
    gaps: tuple[str, ...] = ()
    words_measured: bool = True
    months_since_prior: float | None = None
    prior_read: bool = False


def assess_breast(
    findings: Iterable[Finding], circumstances: Circumstances, odds_ratio: float | None = None
) -> Assessment | NotAssessed:
    """Category of one breast, or why none is given.

    Args:
        findings: of that breast, above threshold.
        circumstances: setting, what was searched, what is known of such words.
        odds_ratio: odds of malignancy of the breast over those of the calibration's population; None without a
            calibrated probability. It may raise the category to 0, never lower one that calls for more.
    """
    graded = [g.assessment for g in grade_breast(findings, circumstances, odds_ratio)]
    if circumstances.setting is Setting.SCREENING:
        graded = [_in_screening(a) for a in graded]
    best = max(graded, key=lambda a: SEVERITY.index(a.category), default=Assessment(Category.NEGATIVE, "no finding"))
    if odds_ratio is not None:
        best = _agreeing(best, odds_ratio)
    if best.category in FREE_OF_DISEASE and circumstances.gaps:
        return NotAssessed(f"no assessment: {'; '.join(circumstances.gaps)}")
    return best


def contradiction(category: Category, odds_ratio: float) -> str:
    """Why a category and a breast's odds of malignancy cannot be given side by side; "" when they can.

    Args:
        category: of the breast.
        odds_ratio: odds of malignancy over those of the calibration's population.
    """
    if category in (*FREE_OF_DISEASE, Category.PROBABLY_BENIGN) and odds_ratio > CONTRADICTING_ODDS:
        return f"the odds of malignancy are {odds_ratio:.1f} times those of the population it was calibrated on"
    if category is Category.HIGHLY_SUGGESTIVE and odds_ratio < CONTRADICTING_ODDS:
        return f"the odds of malignancy are only {odds_ratio:.2f} times those of the population it was calibrated on"
    return ""


def odds_ratio(probability: float, prevalence: float) -> float:
    """Odds of `probability` over the odds of `prevalence`; both are kept a ten-thousandth away from 0 and 1."""
    p, q = (min(max(x, 1e-4), 1 - 1e-4) for x in (probability, prevalence))
    return (p / (1 - p)) / (q / (1 - q))


def _agreeing(assessment: Assessment, ratio: float) -> Assessment:
    reason = contradiction(assessment.category, ratio)
    if not reason:
        return assessment
    given = Category.SUSPICIOUS if assessment.category is Category.HIGHLY_SUGGESTIVE else Category.INCOMPLETE
    changed = "lowered" if given is Category.SUSPICIOUS else "raised"
    return Assessment(given, f"{changed} from {assessment.category} ({assessment.rule}): {reason}")


def _in_screening(assessment: Assessment) -> Assessment:
    """Screening ends in 0, 1 or 2; 3, 4 and 5 belong to the diagnostic exam after a recall (5th edition, FAQ)."""
    if assessment.category in FREE_OF_DISEASE or assessment.category is Category.INCOMPLETE:
        return assessment
    return Assessment(Category.INCOMPLETE, f"{assessment.rule}: recall from screening")


def grade_breast(
    findings: Iterable[Finding], circumstances: Circumstances, odds_ratio: float | None = None
) -> tuple[Grade, ...]:
    """Level of suspicion of each finding of one breast, none of which its odds of malignancy contradict.

    High odds raise what would be called benign or probably benign, unless another finding is suspicious and explains
    them. Odds that are not high lower what would be called highly suggestive of malignancy.

    Args:
        findings: of one breast, above threshold.
        circumstances: as of `assess_breast`.
        odds_ratio: as of `assess_breast`.
    """
    grades = [grade_finding(f, circumstances) for f in findings]
    if odds_ratio is None:
        return tuple(grades)
    explained = any(g.assessment.category in _SUSPICIOUS for g in grades)
    return tuple(
        g
        if explained and g.assessment.category not in _SUSPICIOUS
        else replace(g, assessment=_agreeing(g.assessment, odds_ratio))
        for g in grades
    )


def grade_finding(finding: Finding, circumstances: Circumstances) -> Grade:
    """The category a finding by itself calls for; suspicious ones stay plain 4, since 4A to 4C need calibration."""
    if not circumstances.words_measured:
        rule = "a finding; how often its kind and descriptors are right was not measured on such images"
        return Grade(finding.id, Assessment(Category.INCOMPLETE, rule))
    rules = {
        FindingType.MASS: _grade_mass,
        FindingType.CALCIFICATION: _grade_calcifications,
        FindingType.DISTORTION: lambda *_: Assessment(Category.SUSPICIOUS, "architectural distortion, no known cause"),
        FindingType.ASYMMETRY: _grade_asymmetry,
    }
    return Grade(finding.id, rules[finding.type](finding, circumstances))


def _grade_mass(mass: Finding, at: Circumstances) -> Assessment:
    margin, shape = mass.descriptor(Axis.MARGIN), mass.descriptor(Axis.SHAPE)
    if margin == "margin.spiculated" and shape == "shape.irregular":
        return Assessment(Category.HIGHLY_SUGGESTIVE, "irregular spiculated mass")
    if mass.suspicious:
        return Assessment(Category.SUSPICIOUS, "mass with a suspicious descriptor or associated feature")
    if mass.descriptor(Axis.DENSITY) == "density.fat_containing":
        return Assessment(Category.BENIGN, "fat-containing mass without a suspicious feature")
    if mass.change in (Change.STABLE, Change.DECREASED):
        return _followed(mass, at, "mass without a suspicious descriptor")
    if margin == "margin.circumscribed" and mass.change is None:
        return Assessment(Category.PROBABLY_BENIGN, f"circumscribed mass, {_not_compared(at)}")
    if mass.change in _GROWN:
        return Assessment(Category.INCOMPLETE, "mass that is new or larger")
    return Assessment(Category.INCOMPLETE, "mass not shown to be circumscribed")


def _grade_calcifications(calcifications: Finding, at: Circumstances) -> Assessment:
    morphology = calcifications.descriptor(Axis.MORPHOLOGY)
    distribution = calcifications.descriptor(Axis.DISTRIBUTION)
    ductal = distribution in ("distribution.linear", "distribution.segmental")
    if morphology == "morphology.fine_linear" and ductal:
        return Assessment(Category.HIGHLY_SUGGESTIVE, "fine linear calcifications in a duct-like distribution")
    if calcifications.suspicious:
        return Assessment(Category.SUSPICIOUS, "calcifications of suspicious morphology or with a suspicious feature")
    if morphology in (None, *_FOLLOWED_MORPHOLOGY) and ductal:
        return Assessment(Category.SUSPICIOUS, "calcifications in a duct-like distribution")
    if morphology is None:
        return Assessment(Category.INCOMPLETE, "calcifications of undetermined morphology")
    if morphology not in _FOLLOWED_MORPHOLOGY:
        return Assessment(Category.BENIGN, "calcifications of typically benign morphology")
    if calcifications.change in _GROWN:
        return Assessment(Category.SUSPICIOUS, "round or punctate calcifications that are new or increased")
    if distribution in ("distribution.diffuse", "distribution.regional"):
        return Assessment(Category.BENIGN, "diffuse or regional round or punctate calcifications")
    if calcifications.change in (Change.STABLE, Change.DECREASED):
        return _followed(calcifications, at, "group of round or punctate calcifications")
    return Assessment(Category.PROBABLY_BENIGN, f"group of round or punctate calcifications, {_not_compared(at)}")


def _grade_asymmetry(asymmetry: Finding, at: Circumstances) -> Assessment:
    kind = asymmetry.descriptor(Axis.ASYMMETRY)
    if kind == "asymmetry.developing" or (asymmetry.change in _GROWN and kind != "asymmetry.asymmetry"):
        return Assessment(Category.SUSPICIOUS, "developing asymmetry: new or larger than before")
    if asymmetry.suspicious:
        return Assessment(Category.SUSPICIOUS, "asymmetry with a suspicious associated feature")
    if asymmetry.change in _GROWN:
        return Assessment(Category.INCOMPLETE, "one-view asymmetry that is new or larger")
    if asymmetry.change in (Change.STABLE, Change.DECREASED):
        return _followed(asymmetry, at, "asymmetry without an associated feature")
    if kind == "asymmetry.global":
        return Assessment(Category.BENIGN, "global asymmetry without an associated feature")
    return Assessment(Category.INCOMPLETE, f"asymmetry, {_not_compared(at)}")


def _followed(finding: Finding, at: Circumstances, what: str) -> Assessment:
    """Benign once it was unchanged for two years, probably benign before (5th edition, guidance chapter)."""
    if at.months_since_prior is None:
        return Assessment(Category.PROBABLY_BENIGN, f"{what}, {finding.change} over an unknown time")
    months = f"{finding.change} over {at.months_since_prior:.0f} months"
    long_enough = at.months_since_prior >= STABLE_MONTHS
    return Assessment(Category.BENIGN if long_enough else Category.PROBABLY_BENIGN, f"{what}, {months}")


def _not_compared(at: Circumstances) -> str:
    return "not compared with the prior" if at.prior_read else "no prior read"
