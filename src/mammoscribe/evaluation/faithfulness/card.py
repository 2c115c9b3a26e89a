"""The card of faithfulness: figures with intervals and meanings, and in one sentence whether the generator sees its pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import groupby
from typing import Any

import numpy as np

from mammoscribe.evaluation.bootstrap import Interval, clopper_pearson, cluster_bootstrap
from mammoscribe.evaluation.card_page import Page, Section, Table, interval_words, line_json, number
from mammoscribe.evaluation.comparison import Entry, Line, entry, spread
from mammoscribe.evaluation.faithfulness.measures import FIGURES, SEES, Figure, MeasuredFigure
from mammoscribe.evaluation.faithfulness.trials import GREY, OTHER, OWN, Trial
from mammoscribe.evaluation.faithfulness.written import REPORT, WORDS
from mammoscribe.support.errors import InputError

SCHEMA = "mammoscribe.faithfulness/1"
METHOD = (
    "Every exam is written about again with its pictures changed, and the facts of the texts, read by the report parser of this "
    "package, are compared: kinds of finding, density and category of each breast. Intervals are 95 % percentile intervals of a "
    "bootstrap that draws whole patients, wider where cases are few (Hesterberg 2015). A cited place is enlarged by 15 % of its box on every side, and is "
    "tried only where its finding is the only one of its kind in its breast."
)
ONLY_TEXT = "report"
NAMES = {WORDS: "its own words, before the gate", REPORT: "the report, after the gate"}
FEW_PATIENTS = 30
ALIKE, RARE = 1e-12, 0.05
"""Spread of draws that are all alike; probability below which a difference is no chance."""
_ADDED = "fact F1, own minus another patient's pictures"


class Sight(StrEnum):
    """What the trials say about whether a generator sees its pictures."""

    SEES = "sees"
    BLIND = "blind"
    NOT_SHOWN = "not shown to see"


@dataclass(frozen=True)
class FaithfulnessCard:
    """All that the card holds.

    Args:
        generator, exams: in words. texts: names of the texts, which are the columns. trials: of every exam.
        lines: figures with their intervals. sight: of each text. made_by: what decided about the trials.
        notes: what to be careful about. num_patients, num_draws: of the bootstrap.
    """

    generator: str
    exams: str
    texts: tuple[str, ...]
    trials: tuple[Trial, ...]
    lines: tuple[Line, ...]
    sight: Mapping[str, Sight]
    made_by: Mapping[str, Any]
    notes: tuple[str, ...]
    num_patients: int
    num_draws: int


def make_card(
    generator: str, exams: str, texts: Sequence[str], trials: Sequence[Trial], made_by: Mapping[str, Any],
    num_draws: int = 1000, notes: Sequence[str] = (),
) -> FaithfulnessCard:  # fmt: skip
    """Measure trials.

    Args:
        generator, exams: in words. texts: names of the texts of the generator. trials: of its exams.
        made_by: what decided about them. num_draws: bootstrap samples of patients. notes: put on the card.

    Raises:
        InputError: when nothing could be written about any exam.
    """
    kept = [t for t in trials if OWN in t.facts]
    if not kept:
        why = next((p for t in trials for p in (t.problems or {}).values()), "there is no exam")
        raise InputError(f"nothing could be written about any exam ({why})", "at least one")
    patients = [t.patient for t in kept]
    lines = _lines(kept, texts, patients, num_draws)
    sight = {text: _sight(kept, text, lines, column) for column, text in enumerate(texts)}
    return FaithfulnessCard(
        generator, exams, tuple(texts), tuple(kept), lines, sight, made_by, (*notes, *_notes(trials, kept, patients)),
        len(set(patients)), num_draws,
    )  # fmt: skip


def _lines(trials: Sequence[Trial], texts: Sequence[str], patients: Sequence[str], num_draws: int) -> tuple[Line, ...]:
    measured = [(f, [f.measure(trials, text) for text in texts]) for f in FIGURES]
    known = [(f, own) for f, own in measured if any(m is not None for m in own)]
    flat = [m for _, own in known for m in own if m is not None]
    drawn = cluster_bootstrap(lambda rows: [m.value(rows) for m in flat], patients, num_draws).reshape(num_draws, -1)
    column = {id(m): drawn[:, k] for k, m in enumerate(flat)}
    return tuple(
        Line(next(m.measure for m in own if m is not None), tuple(_entry(m, column, len(trials), len(set(patients))) for m in own))
        for _, own in known
    )  # fmt: skip


def _entry(m: MeasuredFigure | None, columns: Mapping[int, Any], num: int, num_patients: int) -> Entry:
    if m is None:
        return entry(float("nan"), np.zeros(0), 0)
    every, draws, n = np.arange(num), columns[id(m)], m.measure.n
    cases = min(num_patients, n)
    if m.measure.is_share:
        return entry(m.value(every), draws, n, independent=cases)
    found = entry(m.value(every), draws, n, independent=cases, whole=None)
    alike = _of_difference(m.shares(every), cases)
    return replace(found, interval=alike, detectable=float("nan")) if spread(draws) < ALIKE else found


def _of_difference(shares: Sequence[float], cases: int) -> Interval | None:
    """Of a difference that is the same on every draw, about which the bootstrap says nothing.

    It follows from the exact intervals of its two shares where both are 0 or 1; else there is none.
    """
    if any(s not in (0.0, 1.0) for s in shares):
        return None
    one, other = (clopper_pearson(cases if s else 0, cases) for s in shares)
    return Interval(one.low - other.high, one.high - other.low)


def _sight(trials: Sequence[Trial], text: str, lines: Sequence[Line], column: int) -> Sight:
    """Whether the text depends on the pictures: never (blind), for the better (sees), or not shown."""
    tried = [t.facts for t in trials if OTHER in t.facts and GREY in t.facts]
    if tried and all(f[OWN][text] == f[OTHER][text] == f[GREY][text] for f in tried):
        return Sight.BLIND
    added = next((line.entries[column] for line in lines if line.figure.name == _ADDED), None)
    few = (
        2 * 0.5 ** len({t.patient for t in trials}) > RARE
    )  # so few patients could all differ alike by chance (sign test)
    shown = added is not None and added.interval is not None and added.interval.low > 0 and not few
    return Sight.SEES if shown else Sight.NOT_SHOWN


def _notes(trials: Sequence[Trial], kept: Sequence[Trial], patients: Sequence[str]) -> list[str]:
    notes = []
    if len(set(patients)) < FEW_PATIENTS:
        notes.append(f"fewer than {FEW_PATIENTS} patients: intervals are rough")
    if not any(t.asked for t in kept):
        notes.append("no label says what is true of these exams, so agreement with the truth was not measured")
    left_out = [t.exam_id for t in trials if OWN not in t.facts]
    if left_out:
        notes.append(f"nothing could be written about {len(left_out)} exams ({', '.join(left_out[:5])})")
    problems = [(name, why) for t in kept for name, why in (t.problems or {}).items()]
    for name in dict.fromkeys(name for name, _ in problems):
        own = [why for other, why in problems if other == name]
        notes.append(
            f"{name}: nothing could be written about {len(own)} exams so changed (the first: {own[0].rstrip('.')})"
        )
    return notes


# --- files --------------------------------------------------------------------------------------------------------


def card_json(card: FaithfulnessCard) -> dict[str, Any]:
    """The card as JSON values; a figure that is not defined is NaN here and null in the file."""
    meanings = {f.name: f.meaning for f in FIGURES}
    return {
        "schema": SCHEMA, "method": METHOD, "generator": card.generator, "exams_from": card.exams,
        "exams": len(card.trials), "patients": card.num_patients, "bootstrap_draws": card.num_draws,
        "texts": [_name(card, text) for text in card.texts], "made_by": dict(card.made_by), "notes": list(card.notes),
        "sight": {_name(card, text): sight.value for text, sight in card.sight.items()},
        "figures": [{**line_json(line), "meaning": meanings[line.figure.name]} for line in card.lines],
    }  # fmt: skip


def _name(card: FaithfulnessCard, text: str) -> str:
    return NAMES[text] if len(card.texts) > 1 else ONLY_TEXT


def card_page(card: FaithfulnessCard) -> Page:
    """The card as a page."""
    about = f"{card.generator} on {card.exams}: {len(card.trials)} exams of {card.num_patients} patients, {card.num_draws} bootstrap draws."
    sections = tuple(
        Section(
            group, _verdicts(card) if group == SEES else "", tuple(lines), (_meanings([line.figure.name for line in lines]),)
        )
        for group, lines in ((g, list(own)) for g, own in groupby(card.lines, key=lambda line: line.figure.group))
    )  # fmt: skip
    names = tuple(_name(card, text) for text in card.texts)
    return Page("Faithfulness card", names, (about, METHOD), card.notes, sections)


def _meanings(names: Sequence[str]) -> Table:
    figures: list[Figure] = [f for f in FIGURES if f.name in names]
    return Table(("figure", "what it means"), tuple((f.name, f.meaning) for f in figures))


def _verdicts(card: FaithfulnessCard) -> str:
    """One sentence for each text: whether the generator sees its pictures."""
    return " ".join(_verdict(card, text, column) for column, text in enumerate(card.texts))


def _verdict(card: FaithfulnessCard, text: str, column: int) -> str:
    what, sight = _name(card, text).capitalize(), card.sight[text]
    if sight is Sight.BLIND:
        return f"{what}: blind. With grey pictures and with another patient's pictures it states the very same facts of every exam."
    added = next((line.entries[column] for line in card.lines if line.figure.name == _ADDED), None)
    if added is None or added.interval is None:
        return f"{what}: not shown to see, as nothing says what is true of these exams."
    gain = f"{number(added.value, 3)} ({interval_words(added.interval, 3)})"
    if sight is Sight.SEES:
        return f"{what}: sees. The exam's own pictures raise the agreement with the truth by {gain} over another patient's."
    return (
        f"{what}: not shown to see, at this n. The exam's own pictures change the agreement with the truth by {gain} against another "
        f"patient's, on {added.n} exams."
    )
