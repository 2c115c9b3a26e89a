"""What a report is written from (`Chart`), and a sentence with the facts that it states (`Statement`)."""

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mammoscribe.domain.assessment import Assessment, Category, NotAssessed
from mammoscribe.domain.evidence import Evidence, Section, Sentence
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import Finding
from mammoscribe.domain.report import Breast, overall_assessment
from mammoscribe.domain.search import Search
from mammoscribe.domain.view import Laterality
from mammoscribe.reporting.facts import Fact

Point = tuple[str, tuple[Evidence, ...]]
"""One thing that a report states: the renderer's sentence for it, and what that rests on."""


@dataclass(frozen=True)
class Chart:
    """What a report is written from.

    Args:
        exam: its views.
        search: what was looked for in them.
        breasts: facts of both breasts, right first.
        findings: those above threshold, in the order they are named within a breast.
        words_measured: whether it is known, for such exams, how often descriptors and change are right. Where it is
            not, the report withholds them and says so.
    """

    exam: Exam
    search: Search
    breasts: tuple[Breast, Breast]
    findings: tuple[Finding, ...]
    words_measured: bool = True

    def breast(self, side: Laterality) -> Breast:
        """The facts of one breast."""
        return self.breasts[list(Laterality).index(side)]

    def findings_of(self, side: Laterality) -> tuple[Finding, ...]:
        """Findings of one breast, in order."""
        return tuple(f for f in self.findings if f.laterality is side)

    @property
    def overall(self) -> Assessment | NotAssessed:
        """The most severe breast's assessment, or why the exam has none."""
        return overall_assessment(self.breasts)

    @property
    def category(self) -> Category | None:
        """The exam's category, or None."""
        return self.overall.category if isinstance(self.overall, Assessment) else None


@dataclass(frozen=True)
class Statement:
    """A sentence with the facts it states.

    Args:
        sentence: text and evidence.
        facts: what it says.
        parts: the smaller statements that together say the same, where it says more than one thing or says it in other
            words than the renderer's; empty for the renderer's own sentence about one thing.
    """

    sentence: Sentence
    facts: tuple[Fact, ...]
    parts: tuple["Statement", ...] = ()

    @property
    def side(self) -> Laterality | None:
        """The one breast it is about, or None."""
        sides = {f.laterality for f in self.facts}
        return sides.pop() if len(sides) == 1 else None

    @property
    def points(self) -> frozenset[Point]:
        """What it states, each thing by itself: two statements that share a point say something twice."""
        if not self.parts:
            return frozenset({(self.sentence.text, self.sentence.evidence)})
        return frozenset(point for part in self.parts for point in part.points)

    def in_words(self, text: str) -> "Statement":
        """The same statement, worded otherwise."""
        return Statement(dataclasses.replace(self.sentence, text=text), self.facts, self.parts or (self,))

    def beyond(self, stated: Iterable[Point]) -> Iterator["Statement"]:
        """What is left to say when `stated` has been said: the whole sentence, some of its parts, or nothing."""
        known = frozenset(stated)
        if not self.points & known:
            yield self
        else:
            for part in self.parts:
                yield from part.beyond(known)


def statement(text: str, section: Section, evidence: Iterable[Evidence], *facts: Fact) -> Statement:
    """A statement about one thing in the renderer's words."""
    return Statement(Sentence(text, section, tuple(evidence)), facts)


def joined(text: str, *parts: Statement) -> Statement:
    """One sentence that says what several statements of a section say, citing all that they cite."""
    evidence = tuple(dict.fromkeys(e for p in parts for e in p.sentence.evidence))
    facts = tuple(dict.fromkeys(f for p in parts for f in p.facts))
    return Statement(Sentence(text, parts[0].sentence.section, evidence), facts, parts)
