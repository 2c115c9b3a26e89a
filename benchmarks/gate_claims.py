"""Claims to try the gate with: true sentences in free wording, written without the report's own writers and parser."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

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
MANAGEMENT = {
    "0": ("additional imaging is recommended", "recall for additional imaging"),
    "1": ("routine screening is recommended", "routine follow up", "annual screening"),
    "2": ("routine screening is recommended", "routine follow up"),
    "3": ("short interval follow up", "follow-up in 6 months"),
    "4": ("biopsy is recommended", "tissue sampling is recommended"),
    "5": ("biopsy is recommended", "tissue sampling is recommended"),
}
CHANGED = {
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

    def one(self, options: Sequence):
        """One of the options, drawn at random."""
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
        lead = self.one(("Mammography", "Digital mammography"))
        yield Made(f"{lead}: {', '.join(names)}.", Section.TECHNIQUE, cite(EvidenceKind.EXAM, exam.id))
        pairs = [f"{v.id}|{p.id}" for v in exam.current if (p := exam.prior_of(v))]
        if not exam.prior:
            yield Made("No prior mammograms.", Section.COMPARISON, cite(EvidenceKind.EXAM, exam.id))
        elif pairs:
            day = f" of {exam.prior_date.isoformat()}" if exam.prior_date else ""
            lead = self.one(("Comparison with the prior mammogram", "Compared with the previous exam"))
            yield Made(f"{lead}{day}.", Section.COMPARISON, cite(EvidenceKind.PRIOR_PAIR, *pairs))

    def finding(self, finding: Finding) -> Made:
        """A finding with some of its attributes."""
        side, pairs = finding.laterality.word, self._pairs(finding)
        text = self.one((
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
        values = {"a": articled, "A": upper(articled), "bare": bare, "Bare": upper(bare), "side": side}
        values |= {"Side": upper(side), "v": verb, "at": self._place(finding), "rest": self._rest(finding)}
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
        noun = term(named).label if named and self.rng.random() < 0.5 else self.one(NOUNS[finding.type])
        return " ".join([*words, noun])

    def _place(self, finding: Finding) -> str:
        place = finding.location
        parts = [f" at {place.clock} o'clock"] if place.clock else []
        parts += [f" in the {place.quadrant} quadrant"] if place.quadrant else []
        parts += [f", {place.depth} depth"] if place.depth else []
        return self._maybe(self.one(parts)) if parts else ""

    def _rest(self, finding: Finding) -> str:
        parts = []
        if self.rng.random() < 0.3:
            names = [m.projection.value for m in finding.marks]
            parts.append(f", seen on {' and '.join(names)}" + (" only" if len(names) == 1 else ""))
        if finding.change and self._pairs(finding) and self.rng.random() < 0.5:
            parts.append(f", {self.one(CHANGED[finding.change])}")
        if (size := longest_mm(finding, self.exam)) and self.rng.random() < 0.3:
            parts.append(f", {size} mm")
        return "".join(parts)

    def _pair(self) -> Made | None:
        """Two findings of different breasts in one sentence."""
        by_side = {s: [f for f in self.facts.findings if f.laterality is s] for s in Laterality}
        if not all(by_side.values()):
            return None
        right, left = (self.one(by_side[s]) for s in Laterality)
        texts = [f"{self._described(f)} in the {f.laterality.word} breast" for f in (right, left)]
        joined = self.one((" and ", "; ")).join(texts)
        return Made(f"{upper(joined)}.", Section.FINDINGS, cite(EvidenceKind.FINDING, right.id, left.id))

    def _of_breast(self, breast: Breast) -> Iterator[Made]:
        side, word = breast.laterality, breast.laterality.word
        yield from self._negatives(side)
        if breast.density:
            label = term(f"composition.{breast.density}").label
            text = self.one((f"ACR density {breast.density} in the {word} breast.", f"The {word} breast: {label}."))
            yield Made(text, Section.COMPOSITION, cite(EvidenceKind.BREAST, side.value), side)
        if breast.assessment:
            category = breast.assessment.category
            text = self.one((
                f"BI-RADS category {category} for the {word} breast.", f"{upper(word)} breast: BIRADS-{category}.",
            ))  # fmt: skip
            yield Made(text, Section.IMPRESSION, cite(EvidenceKind.BREAST, side.value), side)
            management = self.one(MANAGEMENT[category[0]]) if category[0] in MANAGEMENT else None
            if management:
                text = f"{upper(word)} breast: {management}."
                yield Made(text, Section.RECOMMENDATION, cite(EvidenceKind.BREAST, side.value), side)

    def _negatives(self, side: Laterality) -> Iterator[Made]:
        absent = [k for k in FindingType if not shows(self.facts, side, k) and searched(self.facts, side, (k,))]
        views = [v.id for v in self.exam.views_of(side)]
        if not shows(self.facts, side, None) and len(absent) == len(FindingType):
            yield self._negative(side, self.one(ANY), views)
        if absent:
            yield self._negative(side, self.one(NOUNS[self.one(absent)]), views)

    def _negative(self, side: Laterality, what: str, views: list[str]) -> Made:
        verb = "are" if what.endswith("calcifications") else "is"
        text = self.one((
            "No {what} {verb} seen in the {side} breast.",
            "There {verb} no {what} in the {side} breast.",
            "{Side} breast: no {what}.",
            "{Side} breast without {what}.",
            "The {side} breast shows no {what}.",
        )).format(what=what, verb=verb, side=side.word, Side=upper(side.word))  # fmt: skip
        return Made(text, Section.FINDINGS, cite(EvidenceKind.VIEW, *views), side)


def longest_mm(finding: Finding, exam: Exam) -> int | None:
    """Longest side of the finding's boxes in whole millimetres, or None without a known spacing."""
    lengths = []
    for mark in finding.marks:
        view = exam.view(mark.view_id)
        if view.millimetres_known and view.spacing_mm:
            lengths += [mark.box.height * view.spacing_mm[0], mark.box.width * view.spacing_mm[1]]
    return max(1, round(max(lengths))) if lengths else None


def upper(text: str) -> str:
    """With the first letter in upper case."""
    return text[:1].upper() + text[1:]
