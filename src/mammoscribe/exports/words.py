"""The words that report.txt, report.html and the terminal share: names, places, findings, rules, probabilities."""

import re
from dataclasses import dataclass
from pathlib import PurePath

from mammoscribe.domain.evidence import Writer
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import Finding, FindingType
from mammoscribe.domain.lexicon import Axis, term
from mammoscribe.domain.report import Breast
from mammoscribe.domain.view import Role, View

NOTICE = "Research use only. Not a medical device; not for diagnosis or treatment."
SYNTHETIC = "Synthetic exam: drawn by software, no patient was imaged."
AGREES = "agrees with the model's findings"
LONGEST_NAME = 32
_WRITERS = {Writer.RENDERER: "the renderer", Writer.DECODER: "the decoder", Writer.EXTERNAL: "another model"}

TYPE_WORDS = {
    FindingType.MASS: "mass",
    FindingType.CALCIFICATION: "calcifications",
    FindingType.DISTORTION: "architectural distortion",
    FindingType.ASYMMETRY: "asymmetry",
}


def who_wrote(writer: Writer, author: str | None) -> str:
    """A writer by the name of the report's author, where it is the one that a report has beside the renderer."""
    return _WRITERS[writer] if writer is Writer.RENDERER or author is None else author


def capitalised(text: str) -> str:
    """The text with its first letter in upper case, the others as they are."""
    return text[:1].upper() + text[1:]


def percent(fraction: float) -> str:
    """A probability as a reader says it: `31%`, `3.1%`, `< 0.1%`, `> 99.9%`."""
    if 0 < fraction < 0.001:
        return "< 0.1%"
    if 0.999 < fraction < 1:
        return "> 99.9%"
    value = 100 * fraction
    return f"{value:.1f}%" if value < 9.95 or value > 90.05 else f"{value:.0f}%"


# --- the exam ---------------------------------------------------------------------------------------------------


def exam_name(exam: Exam) -> str:
    """A short name: the accession number, else the id, else the folder of files whose id is a long UID."""
    if exam.accession:
        return shortened(exam.accession)
    if not _is_uid(exam.id):
        return shortened(exam.id)
    folders = {PurePath(v.source).parent.name for v in exam.current}
    folder = folders.pop() if len(folders) == 1 else ""
    return shortened(folder if folder and not _is_uid(folder) else exam.id)


def shortened(name: str) -> str:
    """A name of at most 32 characters; a longer one, such as a UID, keeps its two ends."""
    return name if len(name) <= LONGEST_NAME else f"{name[:8]}...{name[-8:]}"


def _is_uid(text: str) -> bool:
    """Whether it reads as a DICOM UID (PS3.5 section 9): long, digits and dots alone."""
    return len(text) > 16 and "." in text and set(text) <= set("0123456789.")


def day_words(exam: Exam) -> str:
    """`2024-05-02`, or that the day is unknown or withheld."""
    return exam.date.isoformat() if exam.date else "date withheld" if exam.dates_withheld else "date unknown"


def prior_day_words(exam: Exam) -> str:
    """`2022-05-02`, `24 months before`, or that the day of the prior is unknown or withheld."""
    if exam.prior_date:
        return exam.prior_date.isoformat()
    months = exam.months_since_prior
    if months is not None:
        return (
            "less than a month before"
            if months < 1
            else f"{months:.0f} months before"
            if months >= 1.5
            else "1 month before"
        )
    return "date withheld" if exam.dates_withheld else "date unknown"


def view_name(view: View) -> str:
    """`R CC`, or `prior R CC`."""
    return f"prior {view.name}" if view.role is Role.PRIOR else view.name


def spacing_words(view: View) -> str:
    """Pixel spacing with its source; without a measured one, that no millimetres are printed."""
    if view.spacing_mm is None:
        return f"pixel spacing {view.spacing_source}; no millimetres are printed"
    row, column = view.spacing_mm
    size = f"{row:.4g} mm" if abs(row - column) < 1e-6 else f"{row:.4g} x {column:.4g} mm"
    return f"{size} per pixel ({view.spacing_source})"


# --- findings ---------------------------------------------------------------------------------------------------


def finding_noun(finding: Finding) -> str:
    """What it is, in one noun: `mass`, `calcifications`, `focal asymmetry`."""
    kind = finding.descriptor(Axis.ASYMMETRY)
    return term(kind).label if kind else TYPE_WORDS[finding.type]


def descriptor_words(finding: Finding) -> str:
    """Descriptors in the order a report names them, without what the noun says: `irregular, spiculated, high density`."""
    order = [axis for axis in finding.type.axes if axis is not Axis.ASYMMETRY]
    shown = [d for d in finding.descriptors if term(d).axis in order]
    return ", ".join(term(d).label for d in sorted(shown, key=lambda d: order.index(term(d).axis)))


def location_words(finding: Finding) -> str:
    """Place of a finding: side, then what is known of quadrant, clock face, region, half, depth and distance."""
    place = finding.location
    parts = [f"{finding.laterality.word} breast"]
    parts += [f"{place.quadrant} quadrant"] if place.quadrant else []
    parts += [f"{place.clock} o'clock"] if place.clock else []
    parts += [str(place.region)] if place.region else []
    parts += [f"{place.half} half"] if place.half else []
    parts += [f"{place.depth} depth"] if place.depth else []
    distance = place.nipple_distance_mm
    return ", ".join(parts + ([f"{distance} mm from the nipple"] if distance is not None else []))


# --- breasts ----------------------------------------------------------------------------------------------------


def density_words(breast: Breast) -> str:
    """`b, scattered areas of fibroglandular density`, or `not assessed`."""
    return f"{breast.density}, {term(f'composition.{breast.density}').label}" if breast.density else "not assessed"


def rule_words(rule: str) -> str:
    """A rule or reason as a person reads it: a category is named as one, and there is no full stop at the end."""
    changed = re.fullmatch(r"(raised|lowered) from (\S+) \((.*?)\): (.*)", rule, re.DOTALL)
    if changed:
        verb, category, first, reason = changed.groups()
        rule = f"{verb} from BI-RADS {category} ({first}), because {reason}"
    return rule.replace("no assessment: ", "").rstrip(".")


@dataclass(frozen=True)
class Probability:
    """A probability of malignancy in words.

    Args:
        value: `36%`.
        large: whether the number may stand by itself: it was moved to a prevalence stated for these exams. A number
            calibrated on a set with many cancers says little to the reader of another set.
        meaning: how it compares, and with what.
    """

    value: str
    large: bool
    meaning: str


def probability_words(breast: Breast) -> Probability | None:
    """A breast's probability of malignancy against the prevalence that it refers to; None where there is none."""
    known = breast.calibration
    if breast.prob_malignant is None or known is None:
        return None
    level = _level(breast.odds_ratio or 1.0)
    if known.stated_prevalence is None:
        meaning = f"{level} for {known.population}, where {percent(known.prevalence)} of {known.n:,} breasts had cancer"
    else:
        meaning = (
            f"{level} at the stated prevalence of {percent(known.stated_prevalence)}; calibrated on "
            f"{known.population}, where {percent(known.prevalence)} of {known.n:,} breasts had cancer"
        )
    return Probability(percent(breast.prob_malignant), known.stated_prevalence is not None, meaning)


def _level(odds_ratio: float) -> str:
    """Odds of malignancy over those of the population, in words."""
    if odds_ratio > 2:
        return (
            f"above average (odds {odds_ratio:.0f} times)"
            if odds_ratio >= 9.5
            else f"above average (odds {odds_ratio:.1f} times)"
        )
    if odds_ratio > 1.25:
        return "a little above average"
    if odds_ratio >= 0.8:
        return "about average"
    return "below average" if odds_ratio >= 0.25 else "far below average"
