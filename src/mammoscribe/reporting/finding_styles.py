"""The finding sentence in six writing styles, each naming every known attribute of the finding."""

from mammoscribe.domain.finding import Change, Finding, FindingType
from mammoscribe.domain.lexicon import Axis, term
from mammoscribe.domain.location import Quadrant
from mammoscribe.reporting import phrases
from mammoscribe.reporting.choices import Pick
from mammoscribe.reporting.words import capitalised, listed, with_article

Sides = tuple[int, int]
"""Longer and shorter side of a finding's box in whole mm."""

_SHORT_QUADRANTS = {
    Quadrant.UPPER_OUTER: "UOQ",
    Quadrant.UPPER_INNER: "UIQ",
    Quadrant.LOWER_OUTER: "LOQ",
    Quadrant.LOWER_INNER: "LIQ",
}
_SYNONYMS = {
    "circumscribed": ("well-defined", "well-circumscribed"),
    "indistinct": ("ill-defined", "poorly defined"),
    "oval": ("ovoid", "oval"),
    "spiculated": ("stellate", "spiculated"),
    "equal-density": ("isodense",),
    "high-density": ("hyperdense", "high-density"),
    "low-density": ("hypodense", "low-density"),
    "grouped": ("clustered",),
    "coarse": ("popcorn-like", "coarse"),
    "rim": ("eggshell", "rim"),
    "mass": ("nodule", "opacity", "mass"),
    "calcifications": ("microcalcifications", "calcifications"),
}
_SHORT_CHANGES = {
    Change.NEW: ("new",),
    Change.STABLE: ("stable", "unchanged"),
    Change.INCREASED: ("increased", "larger"),
    Change.DECREASED: ("decreased", "smaller"),
}


def _is_plural(finding: Finding) -> bool:
    return finding.type is FindingType.CALCIFICATION


def _articled(finding: Finding, phrase: str) -> str:
    return phrase if _is_plural(finding) or finding.type is FindingType.DISTORTION else with_article(phrase)


def _tail(finding: Finding, box: Sides | None) -> list[str]:
    """Lengths and change, as most styles end."""
    return phrases.measures_words(finding, box) + ([phrases.CHANGES[finding.change]] if finding.change else [])


def _named_place(finding: Finding) -> list[str]:
    """Quadrant, half and region in words."""
    place = finding.location
    parts = [f"{place.quadrant} quadrant"] if place.quadrant else []
    parts += [f"{place.half} half"] if place.half else []
    return parts + ([f"{place.region} region"] if place.region else [])


def prose(finding: Finding, box: Sides | None, pick: Pick) -> str:
    """`There is an irregular mass in the upper outer quadrant of the right breast at 10 o'clock, ...`."""
    core = _articled(finding, phrases.core_phrase(finding))
    verb = "are" if _is_plural(finding) else "is"
    opening = pick((f"There {verb} {core}", f"The {finding.laterality.word} breast shows {core}"))
    place = listed(_named_place(finding))
    own = "" if opening.startswith("The ") else f"{' of' if place else ' in'} the {finding.laterality.word} breast"
    text = " ".join(p for p in (opening, phrases.associated_phrase(finding)) if p)
    text += (f" in the {place}" if place else "") + own
    text += f" at {finding.location.clock} o'clock" if finding.location.clock else ""
    parts = [text] + ([f"at {finding.location.depth} depth"] if finding.location.depth else [])
    views = phrases.shown_phrase(finding)
    return ", ".join([*parts, *_tail(finding, box), f"visible on {views}"]) + "."


def telegraphic(finding: Finding, box: Sides | None, pick: Pick) -> str:
    """`R: irregular spiculated mass, UOQ, 10:00, middle depth, box 14 x 9 mm, CC+MLO, new`."""
    place = finding.location
    axes = (Axis.DISTRIBUTION, Axis.MORPHOLOGY, Axis.SHAPE, Axis.MARGIN, Axis.DENSITY)
    parts = [" ".join([*phrases.adjectives_of(finding, *axes), phrases.noun_of(finding)])]
    parts += [phrases.associated_phrase(finding, "associated")] if finding.associated else []
    parts += [_SHORT_QUADRANTS[place.quadrant]] if place.quadrant else []
    parts += [f"{place.half} half"] if place.half else []
    parts += [place.region.value] if place.region else []
    parts += [f"{place.clock}:00"] if place.clock else []
    parts += [place.depth.value] if place.depth else []
    parts += phrases.measures_words(finding, box)
    shown = phrases.projections_of(finding)
    parts.append("+".join(p.value for p in shown) if len(shown) > 1 else phrases.shown_phrase(finding))
    parts += [pick(_SHORT_CHANGES[finding.change])] if finding.change else []
    return f"{finding.laterality}: {', '.join(parts)}."


def structured(finding: Finding, box: Sides | None, pick: Pick) -> str:  # noqa: ARG001 - every style is handed it
    """`Right breast, mass: shape irregular, margin spiculated, quadrant upper outer, clock 10, box 14 x 9 mm, ...`."""
    named = (Axis.SHAPE, Axis.MARGIN, Axis.DENSITY, Axis.MORPHOLOGY, Axis.DISTRIBUTION)
    place = finding.location
    values = {str(a): _structured_word(d) for a in named if (d := finding.descriptor(a))}
    values |= {"associated features": listed([term(d).label for d in finding.associated])} if finding.associated else {}
    located = {"quadrant": place.quadrant, "half": place.half, "region": place.region, "clock": place.clock}
    distance = place.nipple_distance_mm
    located |= {"depth": place.depth, "distance": f"{distance} mm from the nipple" if distance is not None else None}
    located |= {"box": phrases.box_words(box) if box else None}
    values |= {name: str(value) for name, value in located.items() if value}
    shown = phrases.projections_of(finding)
    values["views" if len(shown) > 1 else "view"] = phrases.shown_phrase(finding)
    values |= {"change": finding.change.value} if finding.change else {}
    written = ", ".join(f"{name} {value}" for name, value in values.items())
    return f"{capitalised(finding.laterality.word)} breast, {phrases.noun_of(finding)}: {written}."


def _structured_word(term_id: str) -> str:
    return phrases.word_of(term_id).removesuffix("-density")


def by_view(finding: Finding, box: Sides | None, pick: Pick) -> str:
    """`On the right CC and right MLO views, an irregular mass is seen in the upper outer quadrant, ...`."""
    shown = [f"{finding.laterality.word} {p}" for p in phrases.projections_of(finding)]
    core = _articled(finding, phrases.core_phrase(finding))
    verb = "are" if _is_plural(finding) else "is"
    only = phrases.only_word(shown, not finding.unpaired)
    lead = f"On the {listed(shown)} view{'s' if len(shown) > 1 else ''}{only}, {core} {verb} {pick(('seen', 'noted'))}"
    place = _named_place(finding)
    parts = [f"{lead} in the {place[0]}", *place[1:]] if place else [lead]
    parts += [f"{finding.location.clock} o'clock position"] if finding.location.clock else []
    parts += [f"{finding.location.depth} third"] if finding.location.depth else []
    parts += [phrases.associated_phrase(finding)] if finding.associated else []
    return ", ".join([*parts, *_tail(finding, box)]) + "."


def academic(finding: Finding, box: Sides | None, pick: Pick) -> str:
    """`Within the right breast, in the upper outer quadrant, an irregular mass with spiculated margins is ...`."""
    place = [f"in the {p}" for p in _named_place(finding)]
    place += [f"at the {finding.location.clock} o'clock position"] if finding.location.clock else []
    place += [f"in the {finding.location.depth} third"] if finding.location.depth else []
    verb = f"{'are' if _is_plural(finding) else 'is'} {pick(('demonstrated', 'identified', 'observed'))}"
    lead = ", ".join([f"Within the {finding.laterality.word} breast", *place, f"{_academic_core(finding)} {verb}"])
    parts = [lead] + ([phrases.associated_phrase(finding, "accompanied by")] if finding.associated else [])
    parts += phrases.measures_words(finding, box)
    shown = phrases.projections_of(finding)
    views, only = listed([p.value for p in shown]), phrases.only_word(shown, not finding.unpaired)
    parts.append(f"visualised on the {views} projection{'s' if len(shown) > 1 else ''}{only}")
    parts += (
        [f"{'which are' if _is_plural(finding) else 'which is'} {phrases.CHANGES[finding.change]}"]
        if finding.change
        else []
    )
    return ", ".join(parts) + "."


def _academic_core(finding: Finding) -> str:
    noun = phrases.noun_of(finding)
    if finding.type is FindingType.CALCIFICATION:
        morphology, distribution = finding.descriptor(Axis.MORPHOLOGY), finding.descriptor(Axis.DISTRIBUTION)
        words = phrases.word_of(morphology) if morphology else ""
        words = "skin type" if morphology == "morphology.skin" else words
        of = f" of {words} morphology" if words else ""
        return f"{noun}{of}" + (f" in a {phrases.word_of(distribution)} distribution" if distribution else "")
    core = _articled(finding, " ".join([*phrases.adjectives_of(finding, Axis.SHAPE), noun]))
    margin, density = finding.descriptor(Axis.MARGIN), finding.descriptor(Axis.DENSITY)
    parts = [f"with {phrases.word_of(margin)} margins"] if margin else []
    if density:
        fat = density == "density.fat_containing"
        parts.append("containing fat" if fat else f"of {phrases.word_of(density).replace('-', ' ')}")
    return " ".join([core, " and ".join(parts)]).strip()


def dictation(finding: Finding, box: Sides | None, pick: Pick) -> str:
    """`Ill-defined nodule, right breast, 10 o'clock, upper outer quadrant, ...`: everyday synonyms."""
    axes = (Axis.DISTRIBUTION, Axis.MORPHOLOGY, Axis.SHAPE, Axis.MARGIN, Axis.DENSITY)
    words = [*phrases.adjectives_of(finding, *axes), phrases.noun_of(finding)]
    named = " ".join(pick(_SYNONYMS.get(w, (w,))) for w in words)
    parts = [capitalised(named), f"{finding.laterality.word} breast"]
    parts += [f"{finding.location.clock} o'clock"] if finding.location.clock else []
    parts += _named_place(finding)
    parts += [f"{finding.location.depth} depth"] if finding.location.depth else []
    parts += phrases.measures_words(finding, box)
    parts += [phrases.associated_phrase(finding)] if finding.associated else []
    parts.append(f"seen on {phrases.shown_phrase(finding)}")
    parts += [pick(_SHORT_CHANGES[finding.change])] if finding.change else []
    return ", ".join(parts) + "."
