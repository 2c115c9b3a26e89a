"""Reference reports in several writing styles, every sentence with its evidence: what the report decoder learns from.

A style is a way of wording the same facts. Every sentence of every style is read back by the parser into exactly the
facts it was written from, so text and pointer targets cannot drift apart.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from mammoscribe.domain.assessment import Category, most_severe
from mammoscribe.domain.evidence import Evidence, EvidenceKind, Section, Sentence
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import Finding
from mammoscribe.domain.view import Laterality
from mammoscribe.reporting import render
from mammoscribe.reporting.facts import (
    Fact,
    FactKind,
    Status,
    birads_fact,
    density_fact,
    fact_of_finding,
    size_mm,
)
from mammoscribe.reporting.finding_styles import (
    Pick,
    academic,
    by_view,
    dictation,
    prose,
    structured,
    telegraphic,
)
from mammoscribe.reporting.render import Statement
from mammoscribe.support.errors import InvalidNoun

FindingWriter = Callable[[Finding, int | None, Pick], str]


@dataclass(frozen=True)
class _Style:
    """Wordings of one style; `{where}` is filled with the breast (`right breast`), other braces with the value."""

    name: str
    finding: FindingWriter
    negative: tuple[str, ...]
    density: tuple[str, ...]
    birads: tuple[str, ...]
    overall: tuple[str, ...]
    compared: tuple[str, ...]
    no_prior: tuple[str, ...]


_STYLES = (
    _Style(
        "prose",
        prose,
        ("No suspicious finding is seen in the {where}.", "There is no evidence of malignancy in the {where}."),
        ("The {where} shows {tissue} (density {letter}).",),
        ("The {where} is classified as BI-RADS {category}.", "The {where} is rated BI-RADS category {category}."),
        ("The overall assessment is BI-RADS {category}.",),
        ("The examination was compared with the prior exam{of_date}.",),
        ("There is no prior exam for comparison.",),
    ),
    _Style(
        "telegraphic",
        telegraphic,
        ("{S}: no suspicious finding.", "{S}: no abnormality."),
        ("{S}: ACR {LETTER}.", "{S}: density {letter}."),
        ("{S}: BIRADS {category}.", "{S}: BI-RADS-{category}."),
        ("Overall: BIRADS {category}.",),
        ("Prior exam{of_date}.",),
        ("No prior.",),
    ),
    _Style(
        "structured",
        structured,
        ("{Where}: no suspicious finding.",),
        ("{Where}, composition: ACR density {LETTER}, {words}.",),
        ("{Where}, assessment: BI-RADS {category}.",),
        ("Overall assessment: BI-RADS {category}.",),
        ("Comparison: prior exam{of_date}.",),
        ("Comparison: none.",),
    ),
    _Style(
        "by_view",
        by_view,
        ("No abnormality is seen in the {where} on any view.", "On all views, no suspicious finding in the {where}."),
        ("On all views, the {where} shows {tissue}, density {letter}.",),
        ("{Where}: BI-RADS category {category}.",),
        ("Overall: BI-RADS category {category}.",),
        ("Compared to the prior exam{of_date}.",),
        ("No prior exam was available.",),
    ),
    _Style(
        "academic",
        academic,
        ("Within the {where}, no suspicious abnormality is demonstrated.",),
        ("The parenchyma of the {where} demonstrates {tissue}, corresponding to ACR density category {letter}.",),
        ("The {where} is assigned the assessment category BI-RADS {category}.",),
        ("The overall assessment of this examination is BI-RADS {category}.",),
        ("This examination was made in comparison with the prior exam{of_date}.",),
        ("No prior exam was available for comparison.",),
    ),
    _Style(
        "dictation",
        dictation,
        ("No lesion, {where}.", "No signs of malignancy, {where}."),
        ("Type {letter} density, {where}.", "ACR type {letter}, {where}."),
        ("BI-RADS {category}, {where}.", "BIRADS {category} {where}."),
        ("BI-RADS {category} overall.",),
        ("Comparison with previous exam{of_date}.",),
        ("No previous mammogram.",),
    ),
)

STYLES: tuple[str, ...] = tuple(s.name for s in _STYLES)
"""Names of the writing styles; `write_reference` takes an index into it."""

_DENSITY_WORDS = {
    "a": "almost entirely fatty",
    "b": "scattered areas of fibroglandular density",
    "c": "heterogeneously dense",
    "d": "extremely dense",
}


def write_reference(
    exam: Exam,
    findings: tuple[Finding, ...],
    breasts: Mapping[Laterality, tuple[str | None, Category | str | None]],
    style: int,
    rng: np.random.Generator,
) -> tuple[Sentence, ...]:
    """The reference report of an exam in one style.

    Args:
        exam: its current views say which breasts are spoken of.
        findings: ground truth, in the order they should be named within a breast.
        breasts: per imaged breast its density letter and category; None leaves the sentence out.
        style: index into STYLES.
        rng: chooses among wordings; the same state gives the same text.

    Returns:
        Sentences in the order comparison, composition, findings (right, left), impression.
    """
    return tuple(s.sentence for s in reference_statements(exam, findings, breasts, style, rng))


def reference_statements(
    exam: Exam,
    findings: tuple[Finding, ...],
    breasts: Mapping[Laterality, tuple[str | None, Category | str | None]],
    style: int,
    rng: np.random.Generator,
) -> tuple[Statement, ...]:
    """As `write_reference`, each sentence with the facts it was written from."""
    if not 0 <= style < len(_STYLES):
        raise InvalidNoun(f"writing style {style}", f"0 to {len(_STYLES) - 1} ({', '.join(STYLES)})")
    writer = _Writer(exam, _STYLES[style], rng)
    stated = [writer.comparison()]
    stated += [writer.density(s, d) for s in exam.imaged if (d := breasts.get(s, (None, None))[0])]
    for side in exam.imaged:
        here = [f for f in findings if f.laterality is side]
        stated += [writer.finding(f) for f in here] or [writer.negative(side)]
    given = {s: Category(c) for s in exam.imaged if (c := breasts.get(s, (None, None))[1])}
    stated += [writer.birads(s, c) for s, c in given.items()]
    return (*stated, writer.overall(given)) if given else tuple(stated)


class _Writer:
    def __init__(self, exam: Exam, style: _Style, rng: np.random.Generator) -> None:
        self.exam, self.style = exam, style
        self.pick: Pick = lambda options: options[int(rng.integers(len(options)))]

    def _say(self, options: tuple[str, ...], side: Laterality | None = None, **values: str) -> str:
        word = f"{side.word} breast" if side else ""
        names = {"where": word, "Where": word.capitalize(), "S": side.value if side else ""}
        return self.pick(options).format(**names, **values)

    def finding(self, finding: Finding) -> Statement:
        text = self.style.finding(finding, size_mm(finding, self.exam), self.pick)
        fact = fact_of_finding(finding, self.exam)
        return _statement(text, Section.FINDINGS, render.cite_finding(finding, self.exam), fact)

    def negative(self, side: Laterality) -> Statement:
        fact = Fact(Status.NEGATIVE, FactKind.ANY_FINDING, side)
        evidence = tuple(Evidence(EvidenceKind.VIEW, v.id) for v in self.exam.views_of(side))
        return _statement(self._say(self.style.negative, side), Section.FINDINGS, evidence, fact)

    def density(self, side: Laterality, letter: str) -> Statement:
        words = _DENSITY_WORDS[letter]
        tissue = words if letter == "b" else f"{words} tissue"
        values = {"letter": letter, "LETTER": letter.upper(), "words": words, "tissue": tissue}
        text = self._say(self.style.density, side, **values)
        return _statement(text, Section.COMPOSITION, render.cite_breasts((side,)), density_fact(side, letter))

    def birads(self, side: Laterality, category: Category) -> Statement:
        text = self._say(self.style.birads, side, category=self._spelled(category))
        return _statement(text, Section.IMPRESSION, render.cite_breasts((side,)), birads_fact(side, category))

    def overall(self, given: Mapping[Laterality, Category]) -> Statement:
        category = most_severe(given.values())
        text = self._say(self.style.overall, category=self._spelled(category))
        return _statement(text, Section.IMPRESSION, render.cite_breasts(given), birads_fact(None, category))

    def comparison(self) -> Statement:
        pairs, day = render.cite_pairs(self.exam), self.exam.prior_date
        if not pairs:
            cited = (Evidence(EvidenceKind.EXAM, self.exam.id),)
            fact = Fact(Status.NEGATIVE, FactKind.COMPARISON)
            return _statement(self._say(self.style.no_prior), Section.COMPARISON, cited, fact)
        text = self._say(self.style.compared, of_date=f" of {day.isoformat()}" if day else "")
        fact = Fact(Status.POSITIVE, FactKind.COMPARISON, None, day.isoformat() if day else None)
        return _statement(text, Section.COMPARISON, pairs, fact)

    def _spelled(self, category: Category) -> str:
        return self.pick((category.value, category.value.lower()))


def _statement(text: str, section: Section, evidence: tuple[Evidence, ...], fact: Fact) -> Statement:
    return Statement(Sentence(text, section, evidence), (fact,))
