"""A second opinion on printed sentences: plain rules that share no code with the report's writers, parser or gate.

Every literal side, finding noun, denial, change word, number with its unit, date, view, `only`, category, density,
place and descriptor of a sentence must be backed by the facts that the sentence cites. The oracle does not understand
a sentence; it objects to words that what is cited does not bear out, and knows nothing of words that are not in its
lists. It is for checking what was printed, not for reading reports.
"""

import re
from collections.abc import Iterator, Sequence

from mammoscribe.domain.evidence import Section, Sentence
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import Finding, FindingType
from mammoscribe.domain.location import Depth, Half, Quadrant, Region
from mammoscribe.domain.view import Projection, View
from mammoscribe.evaluation import oracle_words as words
from mammoscribe.evaluation.oracle_reading import SIDE_WORDS, KnownOfExam, Line, Noun

__all__ = ["KnownOfExam", "objections"]


def objections(sentence: Sentence, facts: KnownOfExam, possible: Sequence[Finding] = ()) -> tuple[str, ...]:
    """Why a sentence is not borne out by what it cites; empty when the oracle has nothing against it.

    Args:
        sentence: as printed.
        facts: of the exam.
        possible: candidates below the threshold, which may be called possible.
    """
    if sentence.section is Section.INDICATION:
        return ()
    line = Line(sentence, facts, tuple(possible))
    rules = _LIMIT_RULES if sentence.section is Section.LIMITS else _RULES
    return tuple(dict.fromkeys(reason for rule in rules for reason in rule(line)))


# --- rules --------------------------------------------------------------------------------------------------------


def _sides(line: Line) -> Iterator[str]:
    if not line.sides <= line.cited_sides:
        yield f"it names the {min(line.sides - line.cited_sides).word} breast, which it does not cite"
    for part in line.statements:
        for side, projection in re.findall(r"\b(right|left|r|l) (cc|mlo)\b", part.text):
            if not any(
                v.laterality in SIDE_WORDS[side] and v.projection == projection.upper() for v in line.exam.current
            ):
                yield f"the {side} {projection} is no view of the exam"


def _finding_nouns(line: Line) -> Iterator[str]:
    for noun in line.nouns:
        if noun.denied:
            yield from _denial(noun, line)
            continue
        if not noun.sides and len(line.exam.imaged) > 1:
            yield f"{noun.word}: no breast is named"
        pool = line.possible if noun.doubted else line.findings
        for side in noun.sides or line.exam.imaged[:1]:
            same = [f for f in pool if f.laterality is side and _is(f, noun.kind)]
            if not same:
                yield f"no cited {noun.word} of the {side.word} breast"
            if len(same) < (2 if noun.word in words.PLURALS else 1) or (noun.count or 0) > len(same):
                yield f"not so many: {noun.word}"


def _is(finding: Finding, kind: FindingType | None) -> bool:
    """Whether the finding is of the kind, or has it as an associated feature."""
    features = {
        FindingType.CALCIFICATION: "associated.calcifications",
        FindingType.DISTORTION: "associated.architectural_distortion",
    }
    return kind is None or finding.type is kind or (kind in features and features[kind] in finding.descriptors)


def _denial(noun: Noun, line: Line) -> Iterator[str]:
    if not noun.sides:
        yield f"no {noun.word}: no breast is named"
    kinds = (noun.kind,) if noun.kind else tuple(FindingType)
    projections = {p for p in Projection if re.search(rf"\b{p.value.lower()}\b", line.text)}
    for side in noun.sides:
        if any(f.laterality is side and any(_is(f, k) for k in kinds) for f in line.facts.findings):
            yield f"{noun.word} is denied of the {side.word} breast, which has one"
        cited = [v for v in line.views if v.laterality is side]
        if {v.projection for v in cited} != (projections or set(Projection)):
            yield f"{noun.word} is denied of more or other views of the {side.word} breast than it cites"
        if any(k not in line.facts.search.of(v).kinds for v in cited for k in kinds):
            yield f"{noun.word} is denied of a view that was not searched for it"


def _views(line: Line) -> Iterator[str]:
    if line.section is Section.TECHNIQUE or line.text.startswith("mammography"):
        named = re.findall(r"\b(right|left|r|l) (cc|mlo)\b", line.text)
        shown = sorted((v.laterality.word[0], v.projection.lower()) for v in line.exam.current)
        if sorted((side[0], p) for side, p in named) != shown:
            yield "the views are not those of the exam"
        for count in re.findall(r"\b(\w+) views?\b", line.text):
            if words.COUNTS.get(count, int(count) if count.isdigit() else len(shown)) != len(shown):
                yield f"not {count} views"
        return
    if not line.shown:
        return
    marked = {m.projection for f in line.shown for m in f.marks}
    named = {p for p in Projection if re.search(rf"\b{p.value.lower()}\b", line.text)}
    if not named <= marked:
        yield f"not seen on {min(named - marked)}"
    if re.search(r"\bonly\b", line.text) and named != marked:
        yield "not only there"
    if re.search(r"\bonly\b", line.text) and len(marked) > 1:
        yield "it is seen in more than one projection"
    if re.search(r"\b(both|all) views\b", line.text) and len(marked) < 2:
        yield "it is seen in one projection"


def _change(line: Line) -> Iterator[str]:
    for part in line.statements:
        for word in (w for w in words.CHANGES if part.has(w)):
            if not line.pairs:
                yield f"{word}: no prior pair is cited"
            if not all(n.denied for n in part.nouns) or not part.nouns:
                changed = {f.laterality for f in line.shown if f.change is words.CHANGES[word]}
                if not changed or not part.sides <= changed:
                    yield f"{word}: no cited finding of the breast is"
        if part.has("developing") and not (line.pairs and _described(line, frozenset({"asymmetry.developing"}))):
            yield "developing: not borne out by a prior pair"


def _prior(line: Line) -> Iterator[str]:
    mentioned = re.search(r"\b(prior|previous|priors|comparison|compared|since)\b", line.text)
    if not mentioned:
        return
    pairs = any(line.exam.prior_of(v) for v in line.exam.current)
    if re.search(r"\bno\b[^.]*\b(prior|previous)|comparison: none|without a prior", line.text):
        if pairs or (line.exam.prior and "comparable" not in line.text):
            yield "there is a prior"
    elif not line.pairs:
        yield "it speaks of a prior and cites no prior pair"
    day = line.exam.prior_date
    for date in re.findall(r"\d{4}-\d\d-\d\d", line.text):
        if day is None or date != day.isoformat():
            yield f"the prior is not of {date}"
    if ("date unknown" in line.text or "undated" in line.text) and day is not None:
        yield "the date of the prior is known"
    if line.exam.dates_withheld != ("withheld" in line.text) and re.search(r"date (unknown|withheld)", line.text):
        yield "unknown is not withheld"


_LENGTH = re.compile(r"(\d+(?:\.\d+)?)(?: x (\d+(?:\.\d+)?))?[ -]?(mm|cm)\b( from (?:the )?nipple)?")
_CLOCK = re.compile(r"\b(\d{1,2}) ?o'clock")
_BIRADS = re.compile(r"\bbirads (\d[abc]?)")
_COUNTED = re.compile(r"\b\d+(?= views?\b)|\d{4}-\d\d-\d\d")


def _numbers(line: Line) -> Iterator[str]:
    for first, second, unit, nipple in _LENGTH.findall(line.text):
        given = tuple(round(float(n) * (10 if unit == "cm" else 1)) for n in (first, second) if n)
        if not any(_bears(f, given, bool(nipple), line.exam) for f in line.shown):
            yield f"no cited finding has a length of {' x '.join(map(str, given))} mm"
    for hour in _CLOCK.findall(line.text):
        if not any(f.location.clock == int(hour) for f in line.shown):
            yield f"no cited finding is at {hour} o'clock"
    rest = line.text
    for known in (_LENGTH, _CLOCK, _BIRADS, _COUNTED):
        rest = known.sub(" ", rest)
    if stray := re.search(r"\d+", rest):
        yield f"the number {stray[0]} is borne out by nothing"


def _bears(finding: Finding, given: tuple[int, ...], nipple: bool, exam: Exam) -> bool:
    """Whether a distance from the nipple, or one or both sides of the larger box, are those of the finding, in whole mm."""
    if nipple:
        return given == (finding.location.nipple_distance_mm,)
    boxes = []
    for mark in finding.marks:
        view = exam.view(mark.view_id)
        if view.spacing_mm and view.millimetres_known:
            sides = (mark.box.height * view.spacing_mm[0], mark.box.width * view.spacing_mm[1])
            boxes.append(sorted(sides, reverse=True))
    return bool(boxes) and given == tuple(max(1, round(s)) for s in max(boxes))[: len(given)]


def _category(line: Line) -> Iterator[str]:
    for part in line.statements:
        stated = [c.upper() for c in _BIRADS.findall(part.text)]
        withheld = part.has("no birads category")
        if not stated and not withheld:
            continue
        whole = bool(re.search(r"\boverall\b", line.text)) or not part.sides
        true = {line.overall} if whole else {line.category(s) for s in part.sides}
        if any({c} != true for c in stated) or (withheld and true != {None}):
            yield f"the category is {', '.join(str(c) for c in true)}"


def _density(line: Line) -> Iterator[str]:
    for part in line.statements:
        stated = re.findall(r"\bdensity:? (?:category )?([a-d])\b", part.text)
        stated += re.findall(r"\b(?:acr|type|acr type|acr density) ([a-d])\b", part.text)
        stated += [letter for phrase, letter in words.TISSUE.items() if phrase in part.text]
        for side in part.sides if stated and "overall" not in line.text else ():
            if {line.breast(side).density} != set(stated):
                yield f"the density of the {side.word} breast is {line.breast(side).density}"
        letters = [b.density for b in line.facts.breasts if b.density]
        if stated and not part.sides and set(stated) != {max(letters, default=None)}:
            yield f"the density is not {', '.join(stated)}"
        if part.has("density was not assessed") and any(line.breast(s).density for s in part.sides):
            yield "the density was assessed"


def _described(line: Line, terms: frozenset[str]) -> bool:
    return any(terms & set(f.descriptors) for f in line.shown)


_DESCRIPTOR = re.compile(rf"(?<![a-z])(?:{'|'.join(map(re.escape, words.DESCRIPTORS))})(?![a-z])")


def _descriptors(line: Line) -> Iterator[str]:
    for part in line.statements if line.shown else ():
        if part.nouns and all(n.denied for n in part.nouns):
            continue
        for phrase in _DESCRIPTOR.findall(part.text):
            if not _described(line, words.DESCRIPTORS[phrase]):
                yield f"no cited finding is {phrase}"


def _places(line: Line) -> Iterator[str]:
    if not line.shown:
        return
    text = re.sub(r"\b(uoq|uiq|loq|liq)\b", lambda m: words.QUADRANTS[m[0]], line.text)
    here = [f.location for f in line.shown]
    for quadrant in Quadrant:
        if re.search(rf"\b{quadrant.value}\b", text) and not any(p.quadrant is quadrant for p in here):
            yield f"no cited finding is in the {quadrant} quadrant"
        text = re.sub(rf"\b{quadrant.value}\b", " ", text)
    for kind, name in ((Half, "half"), (Depth, "depth"), (Region, "region")):
        for value in sorted(kind, key=lambda v: -len(v.value)):
            if re.search(rf"\b{value.value}\b", text) and not any(getattr(p, name) is value for p in here):
                yield f"no cited finding is {value}"
            text = re.sub(rf"\b{value.value}\b", " ", text)


def _judgements(line: Line) -> Iterator[str]:
    """Words of a category or a level of suspicion: of a cited finding, of a cited breast, or of the exam."""
    for part in line.statements:
        if part.nouns and all(n.denied for n in part.nouns):
            continue
        rest, true = part.text, {line.overall} if "overall" in line.text else {line.category(s) for s in line.breasts}
        if not _BIRADS.search(line.text):
            grades = (line.breast(f.laterality).grade(f.id) for f in line.findings)
            true = {g.assessment.category for g in grades if g}
        for level in words.LEVELS:
            if re.search(rf"(?<![a-z]){level}(?![a-z])", rest):
                rest = rest.replace(level, " ")
                if not any(c is not None and c.facts.wording == level for c in true):
                    yield f"nothing cited is {level}"


def _management(line: Line) -> Iterator[str]:
    for part in line.statements:
        for phrases, categories in words.MANAGEMENT:
            if not part.has(*phrases):
                continue
            if not line.breasts >= part.sides:
                yield f"{phrases[0]}: the breast is not cited"
            asked = part.sides or frozenset(line.exam.imaged)
            if "overall" in line.text:
                if line.overall not in categories:
                    yield f"{phrases[0]}: not what the category calls for"
            elif any(line.category(s) not in categories for s in asked):
                yield f"{phrases[0]}: not what the category of the breast calls for"
        if part.has("no recommendation") and any(line.category(s) for s in part.sides):
            yield "there is a recommendation"


_RULES = (
    _sides, _finding_nouns, _views, _change, _prior, _numbers, _category, _density, _descriptors, _places, _judgements,
    _management,
)  # fmt: skip


# --- limits -------------------------------------------------------------------------------------------------------


_VIEW = r"(?:right|left) (?:cc|mlo)"
_LIMITS = {
    "not imaged": r"the (right|left) breast was not imaged and is not assessed\.",
    "one view": rf"the {_VIEW} is the only view, so a finding can be hidden and no quadrant is given\.",
    "not searched": rf"[a-z ]+ were not searched for on {_VIEW}(?:(?:, | and ){_VIEW})* \([^()]+\)\.",
    "no lengths": r"the pixel spacing is not known, so no size is given in millimetres\.",
    "no words": r"descriptors and change since a prior exam are not given: how often they would be right has not been "
    r"measured on images of patients\.",
}
"""The sentences on what a report does not say: nothing may be added to them."""


def _limit(line: Line) -> Iterator[str]:
    text, exam = line.text, line.exam
    matter = next((name for name, pattern in _LIMITS.items() if re.fullmatch(pattern, text)), None)
    views = [v for v in exam.current if re.search(rf"\b{v.laterality.word} {v.projection.lower()}\b", text)]
    if matter is None:
        yield "a limit that the oracle does not know"
    elif matter == "not imaged" and line.sides & set(exam.imaged):
        yield "the breast was imaged"
    elif matter == "one view" and (len(views) != 1 or len(exam.views_of(views[0].laterality)) != 1):
        yield "it is not the only view of its breast"
    elif matter == "not searched":
        yield from _not_searched(line, views)
    elif matter == "no lengths" and all(
        exam.view(m.view_id).millimetres_known for f in line.facts.findings for m in f.marks
    ):
        yield "the pixel spacing is known"
    elif matter == "no words" and any(f.descriptors or f.change for f in line.facts.findings):
        yield "descriptors or change are given"


def _not_searched(line: Line, views: list[View]) -> Iterator[str]:
    kinds = {n.kind for part in line.statements[:1] for n in part.nouns}
    if len(views) != len(re.findall(_VIEW, line.text)) or not kinds:
        yield "it does not say what was not searched for, or where"
    if any(kind is None or line.facts.search.of(v).reason(kind) is None for v in views for kind in kinds):
        yield "it was searched for"


_LIMIT_RULES = (_limit,)
