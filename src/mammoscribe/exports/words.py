"""The words that report.txt and report.html share: numbers with their population, places, what was not assessed."""

from mammoscribe.domain.exam import HANGING
from mammoscribe.domain.finding import Finding, FindingType
from mammoscribe.domain.lexicon import term
from mammoscribe.domain.report import Breast, Calibration, Report
from mammoscribe.domain.view import Role, View

NOTICE = "Research use only. Not a medical device; not for diagnosis or treatment."
AGREES = "agrees with the model's findings"

TYPE_WORDS = {
    FindingType.MASS: "mass",
    FindingType.CALCIFICATION: "calcifications",
    FindingType.DISTORTION: "architectural distortion",
    FindingType.ASYMMETRY: "asymmetry",
}


def percent(fraction: float) -> str:
    """A probability as a reader says it: `31%`, `3.1%`, `< 0.1%`, `> 99.9%`."""
    if 0 < fraction < 0.001:
        return "< 0.1%"
    if 0.999 < fraction < 1:
        return "> 99.9%"
    value = 100 * fraction
    return f"{value:.1f}%" if value < 9.95 or value > 90.05 else f"{value:.0f}%"


def calibration_words(calibration: Calibration) -> str:
    """Population, prevalence and n of a calibration, in one phrase."""
    prevalence = percent(calibration.prevalence)
    return f"calibrated on {calibration.population}; prevalence {prevalence}, n = {calibration.n:,}"


def against_prevalence(breast: Breast) -> str:
    """How a breast's probability compares with its calibration population, or "" when that says nothing."""
    if breast.prob_malignant is None or breast.calibration is None or breast.calibration.prevalence <= 0:
        return ""
    ratio = breast.prob_malignant / breast.calibration.prevalence
    if 0.8 <= ratio <= 1.25:
        return "about the prevalence there"
    if ratio >= 1:
        return f"{ratio:.0f} times the prevalence there" if ratio >= 9.5 else f"{ratio:.1f} times the prevalence there"
    return "less than a tenth of the prevalence there" if ratio < 0.1 else f"{ratio:.1f} times the prevalence there"


def density_words(breast: Breast) -> str:
    """`b, scattered areas of fibroglandular density`, or `not assessed`."""
    return f"{breast.density}, {term(f'composition.{breast.density}').label}" if breast.density else "not assessed"


def location_words(finding: Finding) -> str:
    """Place of a finding: side, then what is known of quadrant, clock face, region, half and depth."""
    place = finding.location
    parts = [f"{finding.laterality.word} breast"]
    if place.quadrant:
        parts.append(f"{place.quadrant} quadrant")
    if place.clock:
        parts.append(f"{place.clock} o'clock")
    if place.region:
        parts.append(str(place.region))
    if place.half:
        parts.append(f"{place.half} half")
    if place.depth:
        parts.append(f"{place.depth} depth")
    return ", ".join(parts)


def descriptor_words(finding: Finding) -> str:
    """Descriptors in the order a report names them: `irregular, spiculated, high density`."""
    order = list(finding.type.axes)
    return ", ".join(term(d).label for d in sorted(finding.descriptors, key=lambda d: order.index(term(d).axis)))


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


def not_assessed(report: Report) -> list[str]:
    """What this report says nothing about, one sentence each."""
    exam = report.exam
    said = [f"{b.laterality.word.capitalize()} breast: {b.reason.rstrip('.')}." for b in report.breasts if b.reason]
    present = {(v.laterality, v.projection) for v in exam.current}
    missing = [f"{s} {p}" for s, p in HANGING if (s, p) not in present]
    if missing:
        said.append(f"Views not in this exam: {', '.join(missing)}.")
    if not exam.prior:
        said.append("Change over time: no prior exam was read.")
    if not any(v.millimetres_known for v in exam.current):
        said.append("Sizes in millimetres: the pixel spacing of the views is not known.")
    return said
