"""True claims made false in one respect: a side, a denial, a kind, a clause, a date, a count, a view, a length, ...

Written without the report's own writers and parser; whether a change makes the claim false is looked up in the chart.
"""

import re
from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.gate_claims import (
    CHANGED,
    MANAGEMENT,
    NOUNS,
    PLURALS,
    A,
    C,
    D,
    Facts,
    FreeWriter,
    M,
    Made,
    other,
    shows,
    upper,
)
from mammoscribe.domain.assessment import Category
from mammoscribe.domain.evidence import Section
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.lexicon import Axis, term
from mammoscribe.domain.report import Breast
from mammoscribe.domain.view import Laterality, Projection

Damage = Callable[["_Breaker", Made], str | None]


class _Breaker:
    """Makes a true claim false; each way gives None where it would leave the claim true or does not apply."""

    def __init__(self, facts: Facts, rng: np.random.Generator) -> None:
        self.facts, self.exam, self.rng = facts, facts.exam, rng
        self.one = FreeWriter(facts, rng).one

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
                f"{upper(noun)} in the {side} breast {verb} not seen.",
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
            f"{stem}; {phrase} {where}.", f"{stem} but {phrase} {where}.", f"{stem}. {upper(phrase)} {where}.",
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
            f"{upper(side)} breast: several {PLURALS[noun]}.", f"{upper(side)} breast: 3 {PLURALS[noun]}.",
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
            wrong = [w for c, several in CHANGED.items() if c is not made.finding.change for w in several]
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
        others = [w for key, ways in MANAGEMENT.items() if key in "0134" and _group(key) != own for w in ways]
        return f"{upper(word)} breast: {self.one(others)}."

    def change_words(self, made: Made) -> str | None:
        """A descriptor, category or density that is another's."""
        breast = self.facts.breasts[list(Laterality).index(made.side)] if made.side else None
        if made.finding and made.finding.type is M:
            wrong = "spiculated" if made.finding.descriptor(Axis.MARGIN) != "margin.spiculated" else "circumscribed"
            return f"{upper(wrong)} mass in the {made.finding.laterality.word} breast."
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
