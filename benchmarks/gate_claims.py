"""Claims to try the gate with: true sentences in free wording, and true sentences made false in one respect.

Written without the report's own writers and parser: words are chosen here, truth is looked up in the chart.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mammoscribe.domain.assessment import Category
from mammoscribe.domain.evidence import Evidence, EvidenceKind, Section
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import Change, Finding, FindingType
from mammoscribe.domain.lexicon import Axis, term
from mammoscribe.domain.report import Breast
from mammoscribe.domain.search import Search
from mammoscribe.domain.view import Laterality, Projection

M, C, D, A = FindingType.MASS, FindingType.CALCIFICATION, FindingType.DISTORTION, FindingType.ASYMMETRY
NOUNS = {
    M: ("mass", "nodule", "opacity"),
    C: ("calcifications", "microcalcifications"),
    D: ("architectural distortion",),
    A: ("asymmetry",),
}
PLURALS = {"mass": "masses", "nodule": "nodules", "opacity": "opacities", "asymmetry": "asymmetries"}
ANY = ("suspicious finding", "abnormality", "suspicious lesion", "evidence of malignancy")
_FEATURES = {C: "associated.calcifications", D: "associated.architectural_distortion"}
_MANAGEMENT = {
    "0": ("additional imaging is recommended", "recall for additional imaging"),
    "1": ("routine screening is recommended", "routine follow up", "annual screening"),
    "2": ("routine screening is recommended", "routine follow up"),
    "3": ("short interval follow up", "follow-up in 6 months"),
    "4": ("biopsy is recommended", "tissue sampling is recommended"),
    "5": ("biopsy is recommended", "tissue sampling is recommended"),
}
_CHANGED = {
    Change.NEW: ("new", "newly seen"),
    Change.STABLE: ("unchanged", "stable"),
    Change.INCREASED: ("increased", "larger"),
    Change.DECREASED: ("decreased", "smaller"),
}


class Facts(Protocol):
    """What is known of an exam."""

    @property
    def exam(self) -> Exam: ...  # noqa: D102
    @property
    def search(self) -> Search: ...  # noqa: D102
    @property
    def breasts(self) -> tuple[Breast, Breast]: ...  # noqa: D102
    @property
    def findings(self) -> tuple[Finding, ...]: ...  # noqa: D102


@dataclass(frozen=True)
class Made:
    """A claim with what it is about.

    Args:
        text: of the claim.
        section: where it belongs.
        evidence: what a true sentence about the same would cite.
        side: the breast it is about, or None.
        finding: the finding it is about, or None.
        damage: how it was made false; "" for a true one.
        free: whether it was written in free wording, not in that of one of our styles.
    """

    text: str
    section: Section
    evidence: tuple[Evidence, ...]
    side: Laterality | None = None
    finding: Finding | None = None
    damage: str = ""
    free: bool = True


def other(side: Laterality) -> Laterality:
    """The other breast."""
    return next(s for s in Laterality if s is not side)


def shows(facts: Facts, side: Laterality, kind: FindingType | None) -> bool:
    """Whether a breast has a finding of the kind (any when None), alone or as a feature of another."""
    here = [f for f in facts.findings if f.laterality is side]
    return any(kind in (None, f.type) or _FEATURES.get(kind or M) in f.descriptors for f in here)


def searched(facts: Facts, side: Laterality, kinds: Sequence[FindingType]) -> bool:
    """Whether both projections of a breast were searched for all of the kinds."""
    return len(facts.search.views_searched(side, kinds)) == len(Projection)


def cite(kind: EvidenceKind, *refs: str) -> tuple[Evidence, ...]:
    """Evidence of one kind."""
    return tuple(Evidence(kind, ref) for ref in refs)


# --- true, in free wording ----------------------------------------------------------------------------------------


class FreeWriter:
    """Writes true sentences about a chart in words that are not those of our styles."""

    def __init__(self, facts: Facts, rng: np.random.Generator) -> None:
        self.facts, self.exam, self.rng = facts, facts.exam, rng

    def _one(self, options: Sequence):
        return options[int(self.rng.integers(len(options)))]

    def _maybe(self, text: str, share: float = 0.5) -> str:
        return text if self.rng.random() < share else ""

    def claims(self) -> Iterator[Made]:
        """One sentence about each thing that can be truly said, in the order of a report."""
        yield from self._whole_exam()
        for finding in self.facts.findings:
            yield self.finding(finding)
        if pair := self._pair():
            yield pair
        for breast in self.facts.breasts:
            if breast.imaged:
                yield from self._of_breast(breast)

    def _whole_exam(self) -> Iterator[Made]:
        exam = self.exam
        names = [f"{v.laterality.word} {v.projection}" for v in exam.current]
        self.rng.shuffle(names)
        lead = self._one(("Mammography", "Digital mammography"))
        yield Made(f"{lead}: {', '.join(names)}.", Section.TECHNIQUE, cite(EvidenceKind.EXAM, exam.id))
        pairs = [f"{v.id}|{p.id}" for v in exam.current if (p := exam.prior_of(v))]
        if not exam.prior:
            yield Made("No prior mammograms.", Section.COMPARISON, cite(EvidenceKind.EXAM, exam.id))
        elif pairs:
            day = f" of {exam.prior_date.isoformat()}" if exam.prior_date else ""
            lead = self._one(("Comparison with the prior mammogram", "Compared with the previous exam"))
            yield Made(f"{lead}{day}.", Section.COMPARISON, cite(EvidenceKind.PRIOR_PAIR, *pairs))

    def finding(self, finding: Finding) -> Made:
        """A finding with some of its attributes."""
        side, pairs = finding.laterality.word, self._pairs(finding)
        text = self._one((
            "{A} {v} seen in the {side} breast{at}{rest}.",
            "{Side} breast: {bare}{at}{rest}.",
            "In the {side} breast there {v} {a}{at}{rest}.",
            "{Bare} in the {side} breast{at}{rest}.",
            "The {side} breast demonstrates {a}{at}{rest}.",
            "There {v} {a} in the {side} breast{at}{rest}.",
        ))  # fmt: skip
        bare = self._described(finding)
        verb = "are" if finding.type is C else "is"
        articled = bare if finding.type in (C, D) else f"a{'n' if bare[0] in 'aeiou' else ''} {bare}"
        values = {"a": articled, "A": _upper(articled), "bare": bare, "Bare": _upper(bare), "side": side}
        values |= {"Side": _upper(side), "v": verb, "at": self._place(finding), "rest": self._rest(finding)}
        evidence = (*cite(EvidenceKind.FINDING, finding.id), *cite(EvidenceKind.PRIOR_PAIR, *pairs))
        return Made(text.format(**values), Section.FINDINGS, evidence, finding.laterality, finding)

    def _pairs(self, finding: Finding) -> list[str]:
        shown = [self.exam.view(m.view_id) for m in finding.marks]
        return [f"{v.id}|{p.id}" for v in shown if (p := self.exam.prior_of(v))]

    def _described(self, finding: Finding) -> str:
        words = [
            term(d).label.replace(" density", "-density")
            for d in finding.descriptors
            if term(d).axis not in (Axis.ASSOCIATED, Axis.ASYMMETRY) and self.rng.random() < 0.6
        ]
        kind = finding.descriptor(Axis.ASYMMETRY)
        named = kind if kind != "asymmetry.developing" else None
        noun = term(named).label if named and self.rng.random() < 0.5 else self._one(NOUNS[finding.type])
        return " ".join([*words, noun])

    def _place(self, finding: Finding) -> str:
        place = finding.location
        parts = [f" at {place.clock} o'clock"] if place.clock else []
        parts += [f" in the {place.quadrant} quadrant"] if place.quadrant else []
        parts += [f", {place.depth} depth"] if place.depth else []
        return self._maybe(self._one(parts)) if parts else ""

    def _rest(self, finding: Finding) -> str:
        parts = []
        if self.rng.random() < 0.3:
            names = [m.projection.value for m in finding.marks]
            parts.append(f", seen on {' and '.join(names)}" + (" only" if len(names) == 1 else ""))
        if finding.change and self._pairs(finding) and self.rng.random() < 0.5:
            parts.append(f", {self._one(_CHANGED[finding.change])}")
        if (size := longest_mm(finding, self.exam)) and self.rng.random() < 0.3:
            parts.append(f", {size} mm")
        return "".join(parts)

    def _pair(self) -> Made | None:
        """Two findings of different breasts in one sentence."""
        by_side = {s: [f for f in self.facts.findings if f.laterality is s] for s in Laterality}
        if not all(by_side.values()):
            return None
        right, left = (self._one(by_side[s]) for s in Laterality)
        texts = [f"{self._described(f)} in the {f.laterality.word} breast" for f in (right, left)]
        joined = self._one((" and ", "; ")).join(texts)
        return Made(f"{_upper(joined)}.", Section.FINDINGS, cite(EvidenceKind.FINDING, right.id, left.id))

    def _of_breast(self, breast: Breast) -> Iterator[Made]:
        side, word = breast.laterality, breast.laterality.word
        yield from self._negatives(side)
        if breast.density:
            label = term(f"composition.{breast.density}").label
            text = self._one((f"ACR density {breast.density} in the {word} breast.", f"The {word} breast: {label}."))
            yield Made(text, Section.COMPOSITION, cite(EvidenceKind.BREAST, side.value), side)
        if breast.assessment:
            category = breast.assessment.category
            text = self._one((
                f"BI-RADS category {category} for the {word} breast.", f"{_upper(word)} breast: BIRADS-{category}.",
            ))  # fmt: skip
            yield Made(text, Section.IMPRESSION, cite(EvidenceKind.BREAST, side.value), side)
            management = self._one(_MANAGEMENT[category[0]]) if category[0] in _MANAGEMENT else None
            if management:
                text = f"{_upper(word)} breast: {management}."
                yield Made(text, Section.RECOMMENDATION, cite(EvidenceKind.BREAST, side.value), side)

    def _negatives(self, side: Laterality) -> Iterator[Made]:
        absent = [k for k in FindingType if not shows(self.facts, side, k) and searched(self.facts, side, (k,))]
        views = [v.id for v in self.exam.views_of(side)]
        if not shows(self.facts, side, None) and len(absent) == len(FindingType):
            yield self._negative(side, self._one(ANY), views)
        if absent:
            yield self._negative(side, self._one(NOUNS[self._one(absent)]), views)

    def _negative(self, side: Laterality, what: str, views: list[str]) -> Made:
        verb = "are" if what.endswith("calcifications") else "is"
        text = self._one((
            "No {what} {verb} seen in the {side} breast.",
            "There {verb} no {what} in the {side} breast.",
            "{Side} breast: no {what}.",
            "{Side} breast without {what}.",
            "The {side} breast shows no {what}.",
        )).format(what=what, verb=verb, side=side.word, Side=_upper(side.word))  # fmt: skip
        return Made(text, Section.FINDINGS, cite(EvidenceKind.VIEW, *views), side)


def longest_mm(finding: Finding, exam: Exam) -> int | None:
    """Longest side of the finding's boxes in whole millimetres, or None without a known spacing."""
    lengths = []
    for mark in finding.marks:
        view = exam.view(mark.view_id)
        if view.millimetres_known and view.spacing_mm:
            lengths += [mark.box.height * view.spacing_mm[0], mark.box.width * view.spacing_mm[1]]
    return max(1, round(max(lengths))) if lengths else None


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


# --- made false ---------------------------------------------------------------------------------------------------

Damage = Callable[["_Breaker", Made], str | None]


class _Breaker:
    """Makes a true claim false; each way gives None where it would leave the claim true or does not apply."""

    def __init__(self, facts: Facts, rng: np.random.Generator) -> None:
        self.facts, self.exam, self.rng = facts, facts.exam, rng
        self.one = FreeWriter(facts, rng)._one

    def swap_side(self, made: Made) -> str | None:
        """`right` for `left` and the other way round."""
        if made.side is None or not self._differs(made, other(made.side)):
            return None
        swapped = re.sub(r"\b(right|left|Right|Left|R|L)\b", lambda m: _SWAP[m[0]], made.text)
        return swapped if swapped != made.text else None

    def _differs(self, made: Made, side: Laterality) -> bool:
        """Whether what the claim says of its own breast is not true of the other one."""
        mine, its = (self.facts.breasts[list(Laterality).index(s)] for s in (other(side), side))
        if made.finding:
            return not shows(self.facts, side, made.finding.type)
        if made.section is Section.FINDINGS:
            return shows(self.facts, side, _denied(made.text)) or side not in self.exam.imaged
        if made.section is Section.COMPOSITION:
            return mine.density != its.density
        return _management_of(mine) != _management_of(its) or (
            made.section is Section.IMPRESSION and _given(mine) != _given(its)
        )

    def flip_negation(self, made: Made) -> str | None:
        """A finding denied, or one that is not there stated."""
        if made.side is None or made.section is not Section.FINDINGS:
            return None
        side = made.side.word
        if made.finding:
            noun = self.one(NOUNS[made.finding.type])
            verb = "are" if made.finding.type is C else "is"
            return self.one((
                f"No {noun} in the {side} breast.", f"The {side} breast shows no {noun}.",
                f"{_upper(noun)} in the {side} breast {verb} not seen.",
            ))  # fmt: skip
        kind = self._absent(made.side)
        return f"There {'are' if kind is C else 'is'} {self._phrase(kind)} in the {side} breast." if kind else None

    def swap_kind(self, made: Made) -> str | None:
        """Another kind of finding in the place of the one that is stated or denied."""
        if made.section is not Section.FINDINGS or made.side is None:
            return None
        kinds = [k for k in FindingType if shows(self.facts, made.side, k) is (made.finding is None)]
        pattern = r"\b(masses|mass|nodule|opacity|(?:micro)?calcifications|architectural distortion|(?:focal |global |developing )?asymmetry)\b"
        if not kinds or not re.search(pattern, made.text, re.IGNORECASE):
            return None
        return re.sub(pattern, NOUNS[self.one(kinds)][0], made.text, count=1, flags=re.IGNORECASE)

    def add_clause(self, made: Made) -> str | None:
        """A true sentence that goes on with a finding that is not there."""
        side = self.one(list(Laterality))
        kind = self._absent(side)
        if kind is None:
            return None
        phrase, stem = self._phrase(kind), made.text.rstrip(".")
        verb = "are" if kind is C else "is"
        where = f"in the {side.word} breast"
        return self.one((
            f"{stem} and there {verb} {phrase} {where}.", f"{stem}, there {verb} {phrase} {where}.",
            f"{stem}: {phrase} {where}.", f"{stem} - {phrase} {where}.", f"{stem} ({phrase} {where}).",
            f"{stem}; {phrase} {where}.", f"{stem} but {phrase} {where}.", f"{stem}. {_upper(phrase)} {where}.",
        ))  # fmt: skip

    def _absent(self, side: Laterality) -> FindingType | None:
        kinds = [k for k in FindingType if not shows(self.facts, side, k)]
        return self.one(kinds) if kinds else None

    def _phrase(self, kind: FindingType) -> str:
        return {
            M: "an irregular spiculated mass", C: "grouped calcifications", D: "architectural distortion",
            A: "a focal asymmetry",
        }[kind]  # fmt: skip

    def change_date(self, made: Made) -> str | None:
        """Another day of the prior, or a day where there is none."""
        if re.search(r"\d{4}-\d\d-\d\d", made.text):
            return re.sub(r"\d{4}-\d\d-\d\d", "2015-07-09", made.text)
        if made.finding or (made.section is Section.COMPARISON and self.exam.prior):
            return f"{made.text.rstrip('.')}{', stable since the prior exam' if made.finding else ''} of 2015-07-09."
        return None

    def more_of_them(self, made: Made) -> str | None:
        """One finding made several."""
        found = made.finding
        if found is None or found.type not in (M, A):
            return None
        same = [f for f in self.facts.findings if (f.type, f.laterality) == (found.type, found.laterality)]
        noun = NOUNS[found.type][0]
        if len(same) > 1:
            return None
        side = found.laterality.word
        return self.one((
            f"There are {PLURALS[noun]} in the {side} breast.", f"Two {PLURALS[noun]} in the {side} breast.",
            f"{_upper(side)} breast: several {PLURALS[noun]}.", f"{_upper(side)} breast: 3 {PLURALS[noun]}.",
        ))  # fmt: skip

    def change_view(self, made: Made) -> str | None:
        """A view that does not show it, of either breast; or one that the exam does not have."""
        stem = made.text.rstrip(".")
        if made.finding:
            letter = other(made.finding.laterality).value
            shown = {m.projection for m in made.finding.marks}
            hidden = [p.value for p in Projection if p not in shown]
            return f"{stem}, seen on {hidden[0]}." if hidden else f"{stem}, seen on {letter} CC and {letter} MLO."
        if made.section is Section.TECHNIQUE:
            if len(self.exam.current) == 4:
                return re.sub(r",? (?:and )?(right|left) MLO(?=\.$|, |$)", "", made.text, count=1)
            missing = [f"{s.word} {p}" for s in Laterality for p in Projection if not _has(self.exam, s, p)]
            return f"{stem}, {missing[0]}."
        return None

    def change_size(self, made: Made) -> str | None:
        """Another length, hour or quadrant."""
        if made.finding is None:
            return None
        place, stem = made.finding.location, made.text.rstrip(".")
        hour = (place.clock or 3) % 12 + 1
        if " mm" in made.text:
            return re.sub(r"\b(\d+)(?= (?:x \d+ )?mm)", lambda m: str(int(m[1]) + 90), made.text)
        quadrant = "lower inner" if place.quadrant != "lower inner" else "upper outer"
        return self.one((
            f"{stem}, 97 mm.", f"{stem}, at {hour} o'clock.", f"{stem}, {quadrant} quadrant.",
            f"{stem}, 97 mm from the nipple.",
        ))  # fmt: skip

    def add_only(self, made: Made) -> str | None:
        """`Only` in one view, of what is seen in both."""
        if made.finding is None or len({m.projection for m in made.finding.marks}) < 2:
            return None
        stem, shown = made.text.rstrip("."), self.one(("CC", "MLO"))
        return self.one((f"{stem}, on {shown} only.", f"{stem}, seen only on the {shown} view."))

    def invent_prior(self, made: Made) -> str | None:
        """A change where no prior was read, or another change."""
        if made.finding:
            wrong = [w for c, several in _CHANGED.items() if c is not made.finding.change for w in several]
            return f"{made.text.rstrip('.')}, {self.one(wrong)} since the prior exam."
        if made.section is Section.COMPARISON and not self.exam.prior:
            return "Compared with the prior exam of 2019-03-02."
        return None

    def swap_recommendation(self, made: Made) -> str | None:
        """What to do next for the other breast, or something else to do."""
        if made.section is not Section.RECOMMENDATION or made.side is None:
            return None
        word = made.side.word
        own = _management_of(self.facts.breasts[list(Laterality).index(made.side)])
        others = [w for key, ways in _MANAGEMENT.items() if key in "0134" and _group(key) != own for w in ways]
        return f"{_upper(word)} breast: {self.one(others)}."

    def change_words(self, made: Made) -> str | None:
        """A descriptor, category or density that is another's."""
        breast = self.facts.breasts[list(Laterality).index(made.side)] if made.side else None
        if made.finding and made.finding.type is M:
            wrong = "spiculated" if made.finding.descriptor(Axis.MARGIN) != "margin.spiculated" else "circumscribed"
            return f"{_upper(wrong)} mass in the {made.finding.laterality.word} breast."
        if breast and made.section is Section.IMPRESSION and breast.assessment and "RADS" in made.text:
            wrong = "2" if breast.assessment.category != "2" else "5"
            return re.sub(r"(RADS[- ](?:category )?)\w+", rf"\g<1>{wrong}", made.text)
        if breast and made.section is Section.COMPOSITION and breast.density:
            wrong = "d" if breast.density != "d" else "a"
            return f"The {breast.laterality.word} breast is {term(f'composition.{wrong}').label} (density {wrong})."
        return None


_SWAP = {"right": "left", "left": "right", "Right": "Left", "Left": "Right", "R": "L", "L": "R"}
DAMAGES: dict[str, Damage] = {
    "side swapped": _Breaker.swap_side, "negation flipped": _Breaker.flip_negation, "kind swapped": _Breaker.swap_kind,
    "clause added": _Breaker.add_clause, "date changed": _Breaker.change_date, "count changed": _Breaker.more_of_them,
    "view changed": _Breaker.change_view, "size or place changed": _Breaker.change_size,
    "only added": _Breaker.add_only, "prior invented": _Breaker.invent_prior,
    "recommendation swapped": _Breaker.swap_recommendation, "words changed": _Breaker.change_words,
}  # fmt: skip


def damaged(made: Made, facts: Facts, rng: np.random.Generator) -> Iterator[Made]:
    """The claim made false in every way that applies to it."""
    breaker = _Breaker(facts, rng)
    for name, damage in DAMAGES.items():
        text = damage(breaker, made)
        if text is not None and text != made.text:
            yield Made(text, made.section, made.evidence, made.side, made.finding, name)


def _denied(text: str) -> FindingType | None:
    return next((k for k, nouns in NOUNS.items() if any(n in text.lower() for n in nouns)), None)


def _group(category: str | None) -> str | None:
    """Categories that call for the same are one group."""
    return {"2": "1", "5": "4"}.get(category[0], category[0]) if category else None


def _given(breast: Breast) -> Category | None:
    return breast.assessment.category if breast.assessment else None


def _management_of(breast: Breast) -> str | None:
    return _group(_given(breast))


def _has(exam: Exam, side: Laterality, projection: Projection) -> bool:
    return any((v.laterality, v.projection) == (side, projection) for v in exam.current)
