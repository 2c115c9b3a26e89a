"""The renderer's sentences about findings: seen, possible, denied, and their measures."""

import dataclasses
from collections.abc import Sequence

from mammoscribe.domain.evidence import Evidence, EvidenceKind, Section
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import Finding, FindingType
from mammoscribe.domain.search import Search
from mammoscribe.domain.view import Laterality, Projection, View
from mammoscribe.reporting import phrases
from mammoscribe.reporting.chart import Chart, Statement, statement
from mammoscribe.reporting.cite import cite_finding, cite_searched
from mammoscribe.reporting.facts import Fact, FactKind, Status, box_mm, fact_of_finding
from mammoscribe.reporting.words import capitalised, listed

AS_ASSOCIATED = {
    "associated.calcifications": FindingType.CALCIFICATION,
    "associated.architectural_distortion": FindingType.DISTORTION,
}
"""Associated features that are also kinds of finding."""

# --- seen ---------------------------------------------------------------------------------------------------------


def finding_statement(finding: Finding, exam: Exam) -> Statement:
    """The sentence of a finding above threshold; its parts are the sentence without lengths and the lengths alone."""
    plain, measures = unmeasured_statement(finding, exam), measures_statement(finding, exam)
    if measures is None:
        return plain
    text = _finding_text(finding, box_mm(finding, exam))
    whole = statement(text, Section.FINDINGS, plain.sentence.evidence, fact_of_finding(finding, exam))
    return dataclasses.replace(whole, parts=(plain, measures))


def unmeasured_statement(finding: Finding, exam: Exam) -> Statement:
    """All of a finding but its lengths, which a decoder is not shown."""
    plain = without_lengths(finding)
    return statement(_finding_text(plain, None), Section.FINDINGS, cite_finding(finding, exam), fact_of_finding(plain))


def without_lengths(finding: Finding) -> Finding:
    """The finding with the distance from the nipple left out; its size is measured on its boxes."""
    return dataclasses.replace(finding, location=dataclasses.replace(finding.location, nipple_distance_mm=None))


def measures_statement(finding: Finding, exam: Exam) -> Statement | None:
    """The lengths of a finding, `Right breast, mass at 10 o'clock: box 14 x 9 mm.`; None where none is known."""
    box = box_mm(finding, exam)
    lengths = phrases.measures_words(finding, box)
    if not lengths:
        return None
    text = f"{capitalised(finding.laterality.word)} breast, {phrases.brief(finding)}: {', '.join(lengths)}."
    kind = phrases.brief_kind(finding)
    place = phrases.brief_location(finding.location)
    fact = Fact(
        Status.POSITIVE,
        FactKind(finding.type.value),
        finding.laterality,
        descriptors=frozenset({kind} if kind else ()) - {"asymmetry.asymmetry"},
        location=dataclasses.replace(place, nipple_distance_mm=finding.location.nipple_distance_mm),
        size_mm=box[0] if box else None,
        shorter_mm=box[1] if box else None,
    )
    return statement(text, Section.FINDINGS, (Evidence(EvidenceKind.FINDING, finding.id),), fact)


def uncertain_statement(finding: Finding, exam: Exam) -> Statement:
    """The sentence of a finding in the lower score band; it is no finding of the report, so its views are cited."""
    fact = dataclasses.replace(fact_of_finding(finding, exam), status=Status.UNCERTAIN)
    views = tuple(Evidence(EvidenceKind.VIEW, m.view_id) for m in finding.marks)
    pairs = cite_finding(finding, exam)[1:]
    text = _finding_text(finding, box_mm(finding, exam), "possible")
    return statement(text, Section.FINDINGS, (*views, *pairs), fact)


def _finding_text(finding: Finding, box: tuple[int, int] | None, lead: str = "") -> str:
    """`Right breast: irregular mass in the upper outer quadrant, 10 o'clock, ..., box 14 x 9 mm, seen on CC and MLO`."""
    core = " ".join(p for p in (lead, phrases.core_phrase(finding)) if p)
    place, features = phrases.place_parts(finding.location), phrases.associated_phrase(finding)
    if not place:
        core, features = f"{core} {features}".strip(), ""
    elif place[0].endswith("o'clock"):
        core, place = f"{core} at {place[0]}", place[1:]
    elif not place[0].endswith("depth"):
        core, place = f"{core} in the {place[0]}", place[1:]
    parts = [core, *place] + ([features] if features else [])
    parts += phrases.measures_words(finding, box)
    parts.append(f"seen on {phrases.shown_phrase(finding)}")
    parts += [phrases.CHANGES[finding.change]] if finding.change else []
    return f"{capitalised(finding.laterality.word)} breast: {', '.join(parts)}."


# --- denied -------------------------------------------------------------------------------------------------------


def negative_statements(side: Laterality, search: Search) -> list[Statement]:
    """What is denied of a breast without findings: one sentence for each set of views that was searched alike."""
    return [negative_statement(side, search, kinds) for kinds in searched_alike(side, search)]


def searched_alike(side: Laterality, search: Search) -> list[tuple[FindingType, ...]]:
    """The kinds that were looked for in a breast, those that were looked for in the same views together."""
    groups: dict[tuple[View, ...], list[FindingType]] = {}
    for kind in search.kinds_searched(side):
        groups.setdefault(search.views_searched(side, (kind,)), []).append(kind)
    return [tuple(kinds) for kinds in groups.values()]


def negative_statement(side: Laterality, search: Search, kinds: Sequence[FindingType]) -> Statement:
    """`No mass, architectural distortion or asymmetry in the right breast.`, citing the views searched for all of them."""
    views = search.views_searched(side, kinds)
    where = f"on the {views_of(views)}" if limited(views) else f"in the {side.word} breast"
    text = f"No {denied_words(kinds)} {where}."
    evidence = cite_searched(search, (side,), kinds)
    return statement(text, Section.FINDINGS, evidence, *negative_facts(side, kinds, views))


def limited(views: Sequence[View]) -> bool:
    """Whether the views are fewer than both projections of a breast, so that a negative names them."""
    return len(views) < len(Projection)


def views_of(views: Sequence[View]) -> str:
    """`right CC`: the views in words."""
    return listed([f"{v.laterality.word} {v.projection}" for v in views])


def denied_words(kinds: Sequence[FindingType]) -> str:
    """What is denied, as a phrase after `no`."""
    if len(kinds) == len(FindingType):
        return "suspicious finding"
    return listed([phrases.NOUNS[k] for k in kinds], "or")


def negative_facts(side: Laterality, kinds: Sequence[FindingType], views: Sequence[View]) -> list[Fact]:
    """The negative facts of a breast: one for all kinds together, else one each; with views where it names them."""
    denied = [FactKind.ANY_FINDING] if len(kinds) == len(FindingType) else [FactKind(k.value) for k in kinds]
    shown = frozenset(v.projection for v in views) if limited(views) else frozenset()
    return [Fact(Status.NEGATIVE, kind, side, views=shown) for kind in denied]


def kinds_shown(findings: Sequence[Finding]) -> frozenset[FindingType]:
    """Kinds of the findings, and those that are there as an associated feature of another."""
    features = {AS_ASSOCIATED[d] for f in findings for d in f.associated if d in AS_ASSOCIATED}
    return frozenset(features | {f.type for f in findings})


def single_negatives(chart: Chart, side: Laterality) -> dict[FindingType, Statement]:
    """Of a breast with findings, the negatives that its report could add: one for each kind searched and not seen."""
    found = chart.findings_of(side)
    absent = [k for k in chart.search.kinds_searched(side) if k not in kinds_shown(found)] if found else []
    return {kind: negative_statement(side, chart.search, (kind,)) for kind in absent}
