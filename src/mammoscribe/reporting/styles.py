"""Reference reports in several writing styles, every sentence with its evidence: what the report decoder learns from.

A style is a way of wording the renderer's statements. Every sentence of every style is read back by the parser into
exactly the facts it was written from, so text and pointer targets cannot drift apart.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mammoscribe.domain.assessment import FREE_OF_DISEASE, Category, most_severe
from mammoscribe.domain.evidence import Section, Sentence
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import Finding, FindingType
from mammoscribe.domain.search import Search
from mammoscribe.domain.view import Laterality
from mammoscribe.reporting.chart import Statement, statement
from mammoscribe.reporting.choices import Pick
from mammoscribe.reporting.cite import cite_breasts
from mammoscribe.reporting.facts import birads_fact, box_mm, prior_pairs, undated_words
from mammoscribe.reporting.finding_styles import (
    Sides,
    academic,
    by_view,
    dictation,
    prose,
    structured,
    telegraphic,
)
from mammoscribe.reporting.findings import (
    denied_words,
    finding_statement,
    limited,
    negative_statement,
    searched_alike,
    views_of,
)
from mammoscribe.reporting.render import comparison_statement, density_statement
from mammoscribe.reporting.words import capitalised
from mammoscribe.support.errors import InvalidNoun

FindingWriter = Callable[[Finding, Sides | None, Pick], str]


@dataclass(frozen=True)
class Style:
    """Wordings of one style.

    Braces are filled with the value; `{where}` with the breast (`right breast`) and `{S}` with its letter. In
    `negative_of`, for what was searched in part, `{name}` is the breast or the views (`right CC`), `{short}` their
    letters, `{place}` and `{Within}` either with its preposition, `{what}` what is denied and `{verb}` is or are.
    """

    name: str
    finding: FindingWriter
    negative: tuple[str, ...]
    negative_of: tuple[str, ...]
    density: tuple[str, ...]
    birads: tuple[str, ...]
    overall: tuple[str, ...]
    compared: tuple[str, ...]
    no_prior: tuple[str, ...]


ALL_STYLES: tuple[Style, ...] = (
    Style(
        "prose",
        prose,
        ("No suspicious finding is seen in the {where}.",),
        ("No {what} {verb} seen {place}.",),
        ("The {where} shows {tissue} (density {letter}).",),
        ("The {where} is classified as BI-RADS {category}.", "The {where} is rated BI-RADS category {category}."),
        ("The overall assessment is BI-RADS {category}.",),
        ("The examination was compared with the prior exam{of_date}.",),
        ("There is no prior exam for comparison.",),
    ),
    Style(
        "telegraphic",
        telegraphic,
        ("{S}: no suspicious finding.", "{S}: no abnormality."),
        ("{short}: no {what}.",),
        ("{S}: ACR {LETTER}.", "{S}: density {letter}."),
        ("{S}: BIRADS {category}.", "{S}: BI-RADS-{category}."),
        ("Overall: BIRADS {category}.",),
        ("Prior exam{of_date}.",),
        ("No prior.",),
    ),
    Style(
        "structured",
        structured,
        ("{Where}: no suspicious finding.",),
        ("{Name}: no {what}.",),
        ("{Where}, composition: ACR density {LETTER}, {words}.",),
        ("{Where}, assessment: BI-RADS {category}.",),
        ("Overall assessment: BI-RADS {category}.",),
        ("Comparison: prior exam{of_date}.",),
        ("Comparison: none.",),
    ),
    Style(
        "by_view",
        by_view,
        ("No abnormality is seen in the {where} on any view.", "On all views, no suspicious finding in the {where}."),
        ("{Place}, no {what} {verb} noted.",),
        ("On all views, the {where} shows {tissue}, density {letter}.",),
        ("{Where}: BI-RADS category {category}.",),
        ("Overall: BI-RADS category {category}.",),
        ("Compared to the prior exam{of_date}.",),
        ("No prior exam was available.",),
    ),
    Style(
        "academic",
        academic,
        ("Within the {where}, no suspicious abnormality is demonstrated.",),
        ("{Within}, no {what} {verb} demonstrated.",),
        ("The parenchyma of the {where} demonstrates {tissue}, corresponding to ACR density category {letter}.",),
        ("The {where} is assigned the assessment category BI-RADS {category}.",),
        ("The overall assessment of this examination is BI-RADS {category}.",),
        ("This examination was made in comparison with the prior exam{of_date}.",),
        ("No prior exam was available for comparison.",),
    ),
    Style(
        "dictation",
        dictation,
        ("No lesion, {where}.", "No suspicious finding, {where}."),
        ("No {what}, {name}.",),
        ("Type {letter} density, {where}.", "ACR type {letter}, {where}."),
        ("BI-RADS {category}, {where}.", "BIRADS {category} {where}."),
        ("BI-RADS {category} overall.",),
        ("Comparison with previous exam{of_date}.",),
        ("No previous mammogram.",),
    ),
)

STYLES: tuple[str, ...] = tuple(s.name for s in ALL_STYLES)
"""Names of the writing styles; `write_reference` takes an index into it."""

_DENSITY_WORDS = {
    "a": "almost entirely fatty",
    "b": "scattered areas of fibroglandular density",
    "c": "heterogeneously dense",
    "d": "extremely dense",
}


# --- one sentence -------------------------------------------------------------------------------------------------


def negative_text(style: Style, side: Laterality, search: Search, kinds: Sequence[FindingType], pick: Pick) -> str:
    """That nothing of these kinds was found in a breast; the words say where it was searched for all of them."""
    views = search.views_searched(side, kinds)
    if len(kinds) == len(FindingType) and not limited(views):
        return _filled(style.negative, pick, side)
    what, name = denied_words(kinds), views_of(views) if limited(views) else f"{side.word} breast"
    place = f"on the {name}" if limited(views) else f"in the {name}"
    return pick(style.negative_of).format(
        what=what,
        verb="are" if kinds[-1] is FindingType.CALCIFICATION else "is",
        name=name,
        Name=capitalised(name),
        short=" ".join([side.value, *(v.projection.value for v in views if limited(views))]),
        place=place,
        Place=capitalised(place),
        Within=capitalised(place).replace("In ", "Within "),
    )


def density_text(style: Style, side: Laterality, letter: str, pick: Pick) -> str:
    """Density of one breast."""
    words = _DENSITY_WORDS[letter]
    tissue = words if letter == "b" else f"{words} tissue"
    return _filled(style.density, pick, side, letter=letter, LETTER=letter.upper(), words=words, tissue=tissue)


def birads_text(style: Style, side: Laterality, category: Category, pick: Pick) -> str:
    """Category of one breast."""
    return _filled(style.birads, pick, side, category=_spelled(category, pick))


def overall_text(style: Style, category: Category, pick: Pick) -> str:
    """Category of the exam."""
    return _filled(style.overall, pick, category=_spelled(category, pick))


def comparison_text(style: Style, exam: Exam, pick: Pick) -> str | None:
    """With which prior the exam was compared, or that there was none; None for a prior that shows no view of the exam."""
    if not exam.prior:
        return _filled(style.no_prior, pick)
    if not prior_pairs(exam):
        return None
    return _filled(
        style.compared,
        pick,
        of_date=f" of {exam.prior_date.isoformat()}" if exam.prior_date else f", {undated_words(exam)}",
    )


def _filled(options: Sequence[str], pick: Pick, side: Laterality | None = None, **values: str) -> str:
    breast = f"{side.word} breast" if side else ""
    return pick(options).format(where=breast, Where=capitalised(breast), S=side.value if side else "", **values)


def _spelled(category: Category, pick: Pick) -> str:
    return pick(tuple(dict.fromkeys((category.value, category.value.lower()))))


# --- a whole report -----------------------------------------------------------------------------------------------

Stated = Mapping[Laterality, tuple[str | None, Category | str | None]]
"""Per imaged breast its density letter and category; None leaves the sentence out."""


def write_reference(
    search: Search, findings: tuple[Finding, ...], breasts: Stated, style: int, rng: np.random.Generator
) -> tuple[Sentence, ...]:
    """The reference report of an exam in one style.

    Args:
        search: what was looked for in which of the exam's views; a negative denies no more than that.
        findings: ground truth, in the order they should be named within a breast.
        breasts: per imaged breast its density letter and category; None leaves the sentence out.
        style: index into STYLES.
        rng: chooses among wordings; the same state gives the same text.

    Returns:
        Sentences in the order comparison, composition, findings (right, left), impression. The exam's category is left
        out where a breast without one could be worse.
    """
    return tuple(s.sentence for s in reference_statements(search, findings, breasts, style, rng))


def reference_statements(
    search: Search, findings: tuple[Finding, ...], breasts: Stated, style: int, rng: np.random.Generator
) -> tuple[Statement, ...]:
    """As `write_reference`, each sentence with the facts it was written from."""
    if not 0 <= style < len(ALL_STYLES):
        raise InvalidNoun(f"writing style {style}", f"0 to {len(ALL_STYLES) - 1} ({', '.join(STYLES)})")
    writer = _Writer(search, ALL_STYLES[style], rng)
    sides = search.exam.imaged
    stated = [writer.comparison()]
    stated += [writer.density(s, d) for s in sides if (d := breasts.get(s, (None, None))[0])]
    for side in sides:
        here = [f for f in findings if f.laterality is side]
        stated += [writer.finding(f) for f in here] or writer.negatives(side)
    given = {s: Category(c) for s in sides if (c := breasts.get(s, (None, None))[1])}
    stated += [writer.birads(s, c) for s, c in given.items()]
    known = len(given) == len(sides) or not FREE_OF_DISEASE.issuperset(given.values())
    return (*stated, writer.overall(given)) if given and known else tuple(stated)


class _Writer:
    def __init__(self, search: Search, style: Style, rng: np.random.Generator) -> None:
        self.search, self.exam, self.style = search, search.exam, style
        self.pick: Pick = lambda options: options[int(rng.integers(len(options)))]

    def finding(self, finding: Finding) -> Statement:
        text = self.style.finding(finding, box_mm(finding, self.exam), self.pick)
        return finding_statement(finding, self.exam).in_words(text)

    def negatives(self, side: Laterality) -> list[Statement]:
        return [
            negative_statement(side, self.search, k).in_words(
                negative_text(self.style, side, self.search, k, self.pick)
            )
            for k in searched_alike(side, self.search)
        ]

    def density(self, side: Laterality, letter: str) -> Statement:
        return density_statement(side, letter).in_words(density_text(self.style, side, letter, self.pick))

    def birads(self, side: Laterality, category: Category) -> Statement:
        text = birads_text(self.style, side, category, self.pick)
        return statement(text, Section.IMPRESSION, cite_breasts((side,)), birads_fact(side, category))

    def overall(self, given: Mapping[Laterality, Category]) -> Statement:
        category = most_severe(given.values())
        text = overall_text(self.style, category, self.pick)
        return statement(text, Section.IMPRESSION, cite_breasts(given), birads_fact(None, category))

    def comparison(self) -> Statement:
        plain = comparison_statement(self.exam)
        text = comparison_text(self.style, self.exam, self.pick)
        return plain.in_words(text) if text else plain
