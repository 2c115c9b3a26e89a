"""Questions about findings that the labels of an exam can answer, with their answers, in words of a small table of our own."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np

from mammoscribe.domain.finding import Change, FindingType
from mammoscribe.domain.lexicon import Axis, Edition, in_edition, term, terms_of
from mammoscribe.domain.location import Location
from mammoscribe.domain.search import PLURALS
from mammoscribe.domain.view import Laterality, Projection
from mammoscribe.reporting.phrases import CHANGES, NOUNS, place_parts, views_phrase
from mammoscribe.reporting.words import capitalised, count_word, listed, with_article
from mammoscribe.training.chat.facts import ALL_KINDS, BreastFacts, Lesion
from mammoscribe.training.joint.statements import of_tissue
from mammoscribe.training.reader.samples import UNKNOWN

SUSPICIOUS = 0.5
"""A labelled suspicion of at least so much is called suspicious."""
AXES = (Axis.SHAPE, Axis.MARGIN, Axis.DENSITY, Axis.MORPHOLOGY, Axis.DISTRIBUTION)
"""Axes on which a finding has one value, so that another value is false of it."""
FIRST, SECOND, THIRD = range(3)
"""Order in a conversation: a question that takes a finding for granted comes after those whether there is one."""


@dataclass(frozen=True)
class Ask:
    """A question that labels can answer.

    Args:
        topic: table of `questions.toml`.
        about: what it is about beside the place, such as the kind of finding: yes and no are balanced for each.
        fills: words for the braces.
        affirms: whether the answer says that something is there or so; None where it says neither.
        turn: FIRST, SECOND or THIRD.
        lesion: whose place the answer names, else None.
    """

    topic: str
    about: str
    fills: Mapping[str, str]
    affirms: bool | None
    turn: int
    lesion: Lesion | None = None

    def words(self, rng: np.random.Generator, places: Mapping[str, Location]) -> tuple[str, str]:
        """Question and answer.

        Args:
            rng: chooses among the wordings.
            places: place of each finding by its id.
        """
        table, fills = _table()[self.topic], dict(self.fills)
        if self.topic == "density":
            fills["answer"] = of_tissue(self.about, rng).text
        if self.lesion is not None:
            fills["answer"] = _where(self.lesion, places.get(self.lesion.finding.id, Location()), fills["views"])
        said = table["answer"] if "answer" in table else table["yes" if self.affirms else "no"]
        question, answer = (words[int(rng.integers(len(words)))].format(**fills) for words in (table["ask"], said))
        return question, capitalised(answer if answer.endswith(".") else f"{answer}.")


@cache
def _table() -> Mapping[str, Mapping[str, Sequence[str]]]:
    text = resources.files("mammoscribe.training.chat").joinpath("questions.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@dataclass(frozen=True)
class _Place:
    """What a question about findings is about: a breast, or one view of it."""

    words: str
    kinds: frozenset[FindingType]
    lesions: tuple[Lesion, ...]

    def of(self, kind: FindingType) -> tuple[Lesion, ...]:
        return tuple(lesion for lesion in self.lesions if lesion.finding.type is kind)


def questions_of(breasts: Sequence[BreastFacts], compared: frozenset[Laterality]) -> Iterator[Ask]:
    """All questions that the labels of an exam can answer.

    Args:
        breasts: what is known of those that are shown.
        compared: breasts of which each view is shown with its prior; others are not asked about change.
    """
    for breast in breasts:
        yield from _of_breast(breast)
        yield from _presence(breast)
        for place in _places(breast):
            yield from _counts(place)
            for kind in FindingType:
                if len(place.of(kind)) == 1:
                    yield from _of_lesion(place, place.of(kind)[0])
        if breast.side in compared:
            yield from _news(breast)
            yield from (ask for place in _places(breast) for ask in _changes(place))
    yield from _wheres(breasts)


def _of_breast(breast: BreastFacts) -> Iterator[Ask]:
    labels, fills = breast.labels, {"side": breast.side.word}
    if labels.density != UNKNOWN:
        yield Ask("density", "abcd"[labels.density], fills, None, FIRST)
    for topic, value in (("recall", labels.recall), ("cancer", labels.malignant)):
        if value != UNKNOWN:
            yield Ask(topic, "", fills, bool(value), FIRST)


def _presence(breast: BreastFacts) -> Iterator[Ask]:
    """Whether there is a finding of each kind, where that is known.

    What only boxes in the one view of a breast say is asked of that view; a report speaks of the breast.
    """
    for kind in FindingType:
        shows = breast.shows(kind)
        if shows is not None:
            where = _in_breast(breast) if breast.reported(kind) is None else f"in the {breast.side.word} breast"
            yield Ask("presence", kind, {**_named(kind), "where": where}, shows, FIRST)


def _in_breast(breast: BreastFacts) -> str:
    alone = len(breast.pictures) == 1
    return _on_view(breast, breast.projections[0]) if alone else f"in the {breast.side.word} breast"


def _on_view(breast: BreastFacts, projection: Projection) -> str:
    return f"on the {breast.side.word} {projection} view"


def _places(breast: BreastFacts) -> Iterator[_Place]:
    """The breast, where it is known which boxes of several views are of one finding; else each view by itself."""
    if len(breast.pictures) == 1 or all(lesion.shares for lesion in breast.lesions):
        yield _Place(_in_breast(breast), breast.closed, breast.lesions)
        return
    if len(breast.pictures) != len(breast.projections):
        return  # two pictures of one name: words do not tell them apart
    for number in breast.pictures:
        own = tuple(lesion for lesion in breast.lesions if number in lesion.boxes)
        projection = next((m.projection for lesion in own for m in lesion.finding.marks), None)
        if projection is not None:
            yield _Place(_on_view(breast, projection), breast.complete[number], own)


def _counts(place: _Place) -> Iterator[Ask]:
    """How many findings of a kind there are, and which kinds, where all of them are known."""
    for kind in sorted(place.kinds):
        if kind is not FindingType.CALCIFICATION:  # a box holds a group of them
            number = len(place.of(kind))
            fills = {**_named(kind), "where": place.words, "answer": count_word(number) if number else "none"}
            yield Ask("count", kind, fills, number > 0, SECOND)
    if place.kinds == ALL_KINDS:
        there = [NOUNS[kind] for kind in FindingType if place.of(kind)]
        fills = {"where": place.words, "answer": listed(there) if there else "none"}
        yield Ask("kinds", "", fills, bool(there), SECOND)


def _of_lesion(place: _Place, lesion: Lesion) -> Iterator[Ask]:
    """What is labelled of the one finding of its kind in a place; a value that it has, and one that it has not."""
    finding = lesion.finding
    fills = {**_named(finding.type), "where": place.words}
    for axis in AXES:
        value = finding.descriptor(axis) if axis in finding.type.axes else None
        if value is None:
            continue
        words = {**fills, "axis": axis.value}
        yield Ask("axis", axis, {**words, "answer": _value(value)}, None, THIRD)
        for other in _told_apart(value):
            yield Ask("value", other, {**words, "value": _value(other)}, other == value, THIRD)
    if lesion.malignant is not None:
        yield Ask("malignant", finding.type, fills, lesion.malignant, THIRD)
    if lesion.suspicion is not None:
        yield Ask("suspicious", finding.type, fills, lesion.suspicion >= SUSPICIOUS, THIRD)


def _told_apart(value: str) -> Iterator[str]:
    """The value, and those of its axis that no edition of the lexicon takes for the same."""
    for other in (t.id for t in terms_of(term(value).axis)):
        if other == value or all(in_edition(other, e) != in_edition(value, e) for e in Edition):
            yield other


def _value(term_id: str) -> str:
    """`spiculated`; of densities without the word that the question holds already."""
    return term(term_id).label.removesuffix(" density")


def _news(breast: BreastFacts) -> Iterator[Ask]:
    """Whether there is a new finding of a kind: known where each of the kind has its change labelled, or there is none."""
    for kind in FindingType:
        changes = [lesion.finding.change for lesion in breast.of(kind)]
        if breast.shows(kind) is None or kind not in breast.closed or None in changes:
            continue
        fills = {**_named(kind), "where": _in_breast(breast)}
        yield Ask("new", kind, fills, Change.NEW in changes, SECOND)


def _changes(place: _Place) -> Iterator[Ask]:
    for kind in FindingType:
        found = place.of(kind)
        if len(found) == 1 and found[0].finding.change is not None:
            change = found[0].finding.change
            yield Ask("change", kind, {**_named(kind), "where": place.words, "answer": CHANGES[change]}, None, THIRD)


def _wheres(breasts: Sequence[BreastFacts]) -> Iterator[Ask]:
    """Where the one finding of a kind is: in the exam, or in its breast where the other breast has one, too."""
    for kind in FindingType:
        holding = [(breast, place, place.of(kind)) for breast in breasts for place in _places(breast) if place.of(kind)]
        alone = len(holding) == 1
        for breast, place, found in holding:
            if len(found) == 1:
                fills = {**_named(kind), "where": place.words, "views": _views(breast, found[0])}
                yield Ask("where" if alone else "where_in", kind, fills, None, THIRD, found[0])


def _views(breast: BreastFacts, lesion: Lesion) -> str:
    """`CC and MLO`, `CC only`; "" where it is not known that the other view does not show the finding."""
    shown = [p for p in Projection if p in {m.projection for m in lesion.finding.marks}]
    if len(breast.projections) == 1 or (len(shown) == 1 and not lesion.shares):
        return ""
    return views_phrase(shown) if len(shown) > 1 or lesion.finding.type in breast.closed else ""


def _where(lesion: Lesion, place: Location, views: str) -> str:
    """`in the right breast, upper outer quadrant, 10 o'clock, middle depth, seen on CC and MLO`."""
    parts = [f"in the {lesion.finding.laterality.word} breast", *place_parts(place)]
    return ", ".join([*parts, *([f"seen on {views}"] if views else [])])


def _named(kind: FindingType) -> dict[str, str]:
    plural = kind is FindingType.CALCIFICATION
    without = plural or kind is FindingType.DISTORTION
    verb, noun = "are" if plural else "is", NOUNS[kind]
    return {
        "thing": noun, "things": PLURALS[kind], "verb": verb, "Verb": capitalised(verb),
        "a_thing": noun if without else with_article(noun), "has": "have" if plural else "has",
        "a_new_thing": f"new {noun}" if without else with_article(f"new {noun}"),
    }  # fmt: skip
