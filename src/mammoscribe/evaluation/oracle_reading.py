"""A printed sentence as the oracle sees it: its statements with their nouns and sides, and what it cites, looked up."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from mammoscribe.domain.assessment import Assessment, Category
from mammoscribe.domain.evidence import EvidenceKind, Sentence
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import Finding, FindingType
from mammoscribe.domain.report import Breast, overall_assessment
from mammoscribe.domain.search import Search
from mammoscribe.domain.view import Laterality
from mammoscribe.evaluation import oracle_words as words

Sides = frozenset[Laterality]
BOTH: Sides = frozenset(Laterality)


class KnownOfExam(Protocol):
    """What is known of an exam: a Report, or the chart it is written from."""

    @property
    def exam(self) -> Exam: ...  # noqa: D102
    @property
    def search(self) -> Search: ...  # noqa: D102
    @property
    def breasts(self) -> tuple[Breast, Breast]: ...  # noqa: D102
    @property
    def findings(self) -> tuple[Finding, ...]: ...  # noqa: D102


_TOKEN = re.compile(r"\d{4}-\d\d-\d\d|\d+(?:\.\d+)?[abc]?|[a-z]+(?:[-'][a-z]+)*|[^\sa-z0-9]")
_STATEMENT_END = re.compile(
    r"(?<!\d)\.|\.(?!\d)|[;:()]|\s-\s|,?\s(?:but|however|while|whereas|although)\b|\b(?:and )?there (?:is|are)\b"
)
SIDE_WORDS: dict[str, Sides] = {
    **dict.fromkeys(("right", "r", "rt"), frozenset({Laterality.RIGHT})),
    **dict.fromkeys(("left", "l", "lt"), frozenset({Laterality.LEFT})),
    **dict.fromkeys(("both", "either", "bilateral", "bilaterally", "neither"), BOTH),
}
_WRITTEN_TOGETHER = re.compile(r"\b([rl])[ -]?(cc|mlo)\b")


def _prepared(text: str) -> str:
    """Lower case, with plain signs, clock times and categories in one spelling, and `L-CC` as two words."""
    lower = text.lower().translate(str.maketrans("–—−’‘×", "---''x"))
    lower = re.sub(r"\b(\d{1,2}):00\b", r"\1 o'clock", lower)
    lower = re.sub(r"\bclock (\d{1,2})\b", r"\1 o'clock", lower)
    lower = re.sub(r"\bbi-?\s?rads(?:[\s:=-]|category|score)*", "birads ", lower)
    lower = re.sub(r"\bdensity:", "density", lower)
    return _WRITTEN_TOGETHER.sub(r"\1 \2", lower).replace("o' clock", "o'clock")


@dataclass(frozen=True)
class Noun:
    """A finding noun where it stands: what it is, whether it is denied or doubted, and the breasts it is about."""

    word: str
    kind: FindingType | None
    denied: bool
    doubted: bool
    sides: Sides
    count: int | None


@dataclass(frozen=True)
class Part:
    """A part of a sentence that makes one statement; `inherited` are the sides named before it."""

    text: str
    inherited: Sides

    @cached_property
    def tokens(self) -> list[str]:
        """Words, numbers and signs, in order."""
        return _TOKEN.findall(self.text)

    @cached_property
    def own_sides(self) -> Sides:
        """Breasts that are named in it."""
        return frozenset(s for t in self.tokens for s in SIDE_WORDS.get(t, ()))

    @property
    def sides(self) -> Sides:
        """Breasts that it is about: its own, else those named before it."""
        return self.own_sides or self.inherited

    @cached_property
    def nouns(self) -> list[Noun]:
        """Its finding nouns."""
        at = [i for i, t in enumerate(self.tokens) if t in words.NOUNS or self._denied_malignancy(i)]
        denied = self._denied(at)
        doubted = any(d in self.text for d in words.DOUBTS)
        return [
            Noun(
                self.tokens[i],
                words.NOUNS.get(self.tokens[i]),
                i in denied,
                doubted and i not in denied,
                self._sides_at(i, at),
                self._count_before(i),
            )
            for i in at
        ]

    def _denied_malignancy(self, i: int) -> bool:
        return self.tokens[i] == "malignancy" and self.tokens[max(0, i - 2) : i] in (
            ["evidence", "of"],
            ["signs", "of"],
        )

    def _denied(self, at: list[int]) -> set[int]:
        """Nouns after a negation, on through a list; and a noun with a negation after it and before the next."""
        denied, negated, met = set(), False, False
        for i, token in enumerate(self.tokens):
            if token in words.NEGATORS:
                before = [n for n in at if n < i]
                if before and not negated and token in ("not", "absent"):
                    denied.add(before[-1])
                negated, met = True, False
            elif i in at:
                denied |= {i} if negated else set()
                met = True
            elif met and not (token in words.CARRIES_NEGATION or token in words.DESCRIPTORS):
                negated, met = False, False
        return denied

    def _sides_at(self, i: int, at: list[int]) -> Sides:
        """Sides named after a noun and before the next one, else before it, else before the statement."""
        following = next((n for n in at if n > i), len(self.tokens))
        for part in (self.tokens[i + 1 : following], self.tokens[:i]):
            named = frozenset(s for t in part for s in SIDE_WORDS.get(t, ()))
            if named:
                return named
        return self.sides

    def _count_before(self, i: int) -> int | None:
        for token in reversed(self.tokens[max(0, i - 5) : i]):
            if token in words.COUNTS:
                return words.COUNTS[token]
            if token not in words.DESCRIPTORS and token not in (",", "suspicious", "architectural"):
                return None
        return None

    def has(self, *phrases: str) -> bool:
        """Whether one of the phrases stands in it as whole words."""
        return any(re.search(rf"(?<![a-z]){re.escape(p)}(?![a-z])", self.text) for p in phrases)


class Line:
    """A sentence with what it cites, looked up."""

    def __init__(self, sentence: Sentence, facts: KnownOfExam, possible: tuple[Finding, ...]) -> None:
        self.facts, self.exam, self.section = facts, facts.exam, sentence.section
        self.text = _prepared(sentence.text)
        cited = {kind: [e.ref for e in sentence.evidence if e.kind is kind] for kind in EvidenceKind}
        known = {f.id: f for f in facts.findings}
        self.findings = [known[ref] for ref in cited[EvidenceKind.FINDING] if ref in known]
        self.breasts = frozenset(Laterality(ref) for ref in cited[EvidenceKind.BREAST])
        self.views = [self.exam.view(ref) for ref in cited[EvidenceKind.VIEW]]
        self.pairs = cited[EvidenceKind.PRIOR_PAIR]
        self.of_exam = bool(cited[EvidenceKind.EXAM])
        shown = {v.id for v in self.views}
        self.possible = [f for f in possible if shown and {m.view_id for m in f.marks} <= shown]

    @cached_property
    def statements(self) -> list[Part]:
        """Its statements, in order."""
        inherited: Sides = frozenset()
        made = []
        for part in _STATEMENT_END.split(self.text):
            made.append(Part(part, inherited))
            inherited = made[-1].own_sides or inherited
        return made

    @property
    def sides(self) -> Sides:
        """Breasts that are named anywhere in it."""
        return frozenset(s for part in self.statements for s in part.own_sides)

    @property
    def cited_sides(self) -> Sides:
        """Breasts that it cites in any way."""
        pairs = (self.exam.view(ref.split("|")[0]).laterality for ref in self.pairs)
        everything = self.exam.imaged if self.of_exam else ()
        return frozenset({
            *self.breasts, *everything, *pairs, *(v.laterality for v in self.views), *(f.laterality for f in self.findings)
        })  # fmt: skip

    @property
    def nouns(self) -> list[Noun]:
        """Finding nouns of all statements."""
        return [n for part in self.statements for n in part.nouns]

    @property
    def shown(self) -> list[Finding]:
        """Findings that its positive and doubtful words can be about."""
        return self.findings or self.possible

    def breast(self, side: Laterality) -> Breast:
        """The facts of a breast."""
        return self.facts.breasts[list(Laterality).index(side)]

    def category(self, side: Laterality) -> Category | None:
        """Category of a breast, or None."""
        given = self.breast(side).assessment
        return given.category if given else None

    @property
    def overall(self) -> Category | None:
        """Category of the exam, or None."""
        given = overall_assessment(self.facts.breasts)
        return given.category if isinstance(given, Assessment) else None
