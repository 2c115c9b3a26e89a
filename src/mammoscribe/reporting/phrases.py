"""Noun phrases of findings and their parts: the words that the renderer and the writing styles share."""

from collections.abc import Iterable, Sequence

from mammoscribe.domain.finding import Change, Finding, FindingType
from mammoscribe.domain.lexicon import Axis, term
from mammoscribe.domain.location import Location
from mammoscribe.domain.view import Projection
from mammoscribe.reporting.words import listed

NOUNS = {
    FindingType.MASS: "mass",
    FindingType.CALCIFICATION: "calcifications",
    FindingType.DISTORTION: "architectural distortion",
    FindingType.ASYMMETRY: "asymmetry",
}
CHANGES = {
    Change.NEW: "new since the prior exam",
    Change.STABLE: "unchanged since the prior exam",
    Change.INCREASED: "increased since the prior exam",
    Change.DECREASED: "decreased since the prior exam",
}
_DENSITY_ADJECTIVES = {
    "density.high": "high-density",
    "density.equal": "equal-density",
    "density.low": "low-density",
    "density.fat_containing": "fat-containing",
}


def word_of(term_id: str) -> str:
    """The term's own word as an adjective: `spiculated`, `high-density`, `fine linear branching`."""
    if term_id == "morphology.fine_linear":
        return "fine linear branching"
    return _DENSITY_ADJECTIVES.get(term_id) or term(term_id).label


def noun_of(finding: Finding) -> str:
    """The noun: `mass`, `calcifications`, `focal asymmetry`."""
    kind = finding.descriptor(Axis.ASYMMETRY)
    return term(kind).label if kind else NOUNS[finding.type]


def adjectives_of(finding: Finding, *axes: Axis) -> list[str]:
    """Adjectives on those axes, in that order, absent ones left out."""
    return [word_of(d) for axis in axes if (d := finding.descriptor(axis))]


def core_phrase(finding: Finding) -> str:
    """What it is: `irregular, spiculated, high-density mass`, `amorphous calcifications in a grouped distribution`."""
    if finding.type is FindingType.CALCIFICATION:
        words = " ".join([*adjectives_of(finding, Axis.MORPHOLOGY), noun_of(finding)])
        distribution = adjectives_of(finding, Axis.DISTRIBUTION)
        return f"{words} in a {distribution[0]} distribution" if distribution else words
    adjectives = ", ".join(adjectives_of(finding, Axis.SHAPE, Axis.MARGIN, Axis.DENSITY))
    return f"{adjectives} {noun_of(finding)}".strip()


def associated_phrase(finding: Finding, lead: str = "with associated") -> str:
    """`with associated skin thickening and nipple retraction`, or nothing."""
    return f"{lead} {listed([term(d).label for d in finding.associated])}" if finding.associated else ""


def place_parts(location: Location) -> list[str]:
    """`upper outer quadrant`, `10 o'clock`, `middle depth`: the known parts in report order, without lengths."""
    parts = [f"{location.quadrant} quadrant"] if location.quadrant else []
    parts += [f"{location.half} half"] if location.half else []
    parts += [f"{location.region} region"] if location.region else []
    parts += [f"{location.clock} o'clock"] if location.clock else []
    return parts + ([f"{location.depth} depth"] if location.depth else [])


def box_words(box: tuple[int, int]) -> str:
    """`14 x 9 mm`: sides of a finding's box."""
    return f"{box[0]} x {box[1]} mm"


def measures_words(finding: Finding, box: tuple[int, int] | None) -> list[str]:
    """`42 mm from the nipple`, `box 14 x 9 mm`: the lengths that are known."""
    distance = finding.location.nipple_distance_mm
    parts = [f"{distance} mm from the nipple"] if distance is not None else []
    return parts + ([f"box {box_words(box)}"] if box else [])


def brief(finding: Finding) -> str:
    """`mass at 10 o'clock`, `calcifications in the inner half`: enough to tell the findings of a breast apart."""
    kind = brief_kind(finding)
    return f"{term(kind).label if kind else NOUNS[finding.type]} {_brief_place(finding.location)}".strip()


def brief_kind(finding: Finding) -> str | None:
    """The kind of asymmetry that `brief` names; not `developing`, which compares with a prior exam."""
    kind = finding.descriptor(Axis.ASYMMETRY)
    return None if kind == "asymmetry.developing" else kind


def brief_in_breast(finding: Finding) -> str:
    """`mass at 10 o'clock in the right breast`, `calcifications in the inner half of the right breast`."""
    inside = "of" if _brief_place(finding.location).startswith("in ") else "in"
    return f"{brief(finding)} {inside} the {finding.laterality.word} breast"


def brief_location(location: Location) -> Location:
    """The part of a place that `brief` names."""
    if location.clock:
        return Location(clock=location.clock)
    return Location(quadrant=location.quadrant) if location.quadrant else Location(half=location.half)


def _brief_place(location: Location) -> str:
    if location.clock:
        return f"at {location.clock} o'clock"
    if location.quadrant:
        return f"in the {location.quadrant} quadrant"
    return f"in the {location.half} half" if location.half else ""


def projections_of(finding: Finding) -> list[Projection]:
    """Projections that show the finding, CC first."""
    shown = {m.projection for m in finding.marks}
    return [p for p in Projection if p in shown]


def views_phrase(projections: Iterable[Projection], only: bool = True) -> str:
    """`CC and MLO`, or `CC only`; `CC` where it cannot be said that no other view shows it."""
    shown = [p.value for p in projections]
    return listed(shown) + only_word(shown, only)


def only_word(shown: Sequence[object], only: bool) -> str:
    """` only` behind a single view, where that can be said."""
    return " only" if only and len(shown) == 1 else ""


def shown_phrase(finding: Finding) -> str:
    """The views that show a finding."""
    return views_phrase(projections_of(finding), not finding.unpaired)
