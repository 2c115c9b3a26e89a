"""Figures of faithfulness from trials: shares and differences of shares over exams, each with what it means in one sentence.

Necessity and sufficiency are those of Pearl (Synthese 1999): of lesions that are stated, the share that is not when the lesion
is not drawn; of lesions that are not stated of the twin without them, the share that is stated once they are drawn.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mammoscribe.evaluation.bootstrap import FloatArray, IntArray
from mammoscribe.evaluation.facts import FactKey
from mammoscribe.evaluation.faithfulness.subjects import mirrored_keys
from mammoscribe.evaluation.faithfulness.trials import (
    DELETED,
    DELETED_ELSEWHERE,
    GREY,
    INSERTED,
    INSERTED_ELSEWHERE,
    MIRROR,
    MOVED,
    OTHER,
    OWN,
    RANDOM,
    WITHOUT,
    Trial,
    Tried,
)
from mammoscribe.evaluation.faithfulness.written import REPORT, WORDS
from mammoscribe.evaluation.reader_card.measures import UNDEFINED, Measure

SEES = "Does it see the pictures?"
PLACES = "Does it look where its sentences point?"
LESIONS = "Is a sentence there because of the lesion?"
FOLLOWS = "Do the words follow when things move?"
LEARNED = "Does it rest on what was learned?"
PRINTED = "Report, evidence and gate"

Counts = tuple[float, float]
"""Numerator and denominator of one exam."""
Count = Callable[[Trial, str], Counts | None]
"""Trial and text -> counts; None where the figure does not concern the exam."""


@dataclass(frozen=True)
class Figure:
    """A share over exams, or the difference of two.

    Args:
        name, group, of: as of a `Measure`. meaning: one sentence. parts: one count, or two whose shares are subtracted.
        by_exam: whether its n counts exams and not what the denominator counts. better: False for errors.
        texts: the texts that it concerns.
    """

    name: str
    group: str
    of: str
    meaning: str
    parts: tuple[Count, ...]
    by_exam: bool = False
    better: bool = True
    texts: tuple[str, ...] = (WORDS, REPORT)

    def measure(self, trials: Sequence[Trial], text: str) -> "MeasuredFigure | None":
        """The figure on trials; None where it concerns none of them."""
        if text not in self.texts:
            return None
        counts = [[part(t, text) for part in self.parts] for t in trials]
        whole = [row if None not in row else [(0.0, 0.0)] * len(self.parts) for row in counts]
        sums = np.array(whole, dtype=np.float64).reshape(len(trials), len(self.parts), 2)
        n = sum(None not in row for row in counts) if self.by_exam else int(sums[:, 0, 1].sum())
        if not n:
            return None
        difference = len(self.parts) > 1
        measure = Measure(self.name, self.group, self.of, n, higher_is_better=self.better, is_share=not difference)
        return MeasuredFigure(measure, sums)


@dataclass(frozen=True)
class MeasuredFigure:
    """A figure with the counts of every exam, [exams, parts, 2]."""

    measure: Measure
    counts: FloatArray

    def shares(self, rows: IntArray) -> list[float]:
        """Its share, or both shares of the difference, on exams with repeats; NaN where they are not defined."""
        return [above / below if below else UNDEFINED for above, below in self.counts[rows].sum(axis=0).tolist()]

    def value(self, rows: IntArray) -> float:
        """Its value on exams, with repeats; NaN where it is not defined."""
        first, *others = self.shares(rows)
        return first - sum(others)


# --- counts -------------------------------------------------------------------------------------------------------


def _facts(trial: Trial, condition: str, text: str) -> frozenset[FactKey] | None:
    texts = trial.facts.get(condition)
    return None if texts is None else texts.get(text)


def _stated(trial: Trial, condition: str, text: str) -> tuple[int, int, int] | None:
    """Facts that are stated and true, stated and false, true and not stated, as far as the labels say what is true."""
    facts = _facts(trial, condition, text)
    if facts is None or not trial.asked:
        return None
    answers = {k for k in facts if k[:2] in trial.asked}
    return len(answers & trial.truth), len(answers - trial.truth), len(trial.truth - answers)


def _f1(condition: str, beside: str = OWN) -> Count:
    """Of exams that were written about under both conditions."""

    def count(trial: Trial, text: str) -> Counts | None:
        found = _stated(trial, condition, text)
        if found is None or _facts(trial, beside, text) is None:
            return None
        right, wrong, missed = found
        return 2 * right, 2 * right + wrong + missed

    return count


def _precision(trial: Trial, text: str) -> Counts | None:
    found = _stated(trial, OWN, text)
    return None if found is None else (found[0], found[0] + found[1])


def _recall(trial: Trial, text: str) -> Counts | None:
    found = _stated(trial, OWN, text)
    return None if found is None else (found[0], found[0] + found[2])


def _same(condition: str) -> Count:
    """Facts that both texts state, of those that either does (F1 of the two sets)."""

    def count(trial: Trial, text: str) -> Counts | None:
        own, other = _facts(trial, OWN, text), _facts(trial, condition, text)
        if own is None or other is None:
            return None
        return 2 * len(own & other), len(own) + len(other)

    return count


def _of_places(condition: str, beside: str, gone: bool) -> Count:
    """Stated cited findings that are not stated (`gone`), or still are, where both conditions were tried."""

    def of_place(trial: Trial, text: str, place: Tried) -> bool | None:
        own = _facts(trial, OWN, text)
        if own is None or place.key not in own or condition not in place.facts or beside not in place.facts:
            return None
        return (place.key not in place.facts[condition].get(text, frozenset())) is gone

    return lambda trial, text: _counted(of_place(trial, text, p) for p in trial.places)


def _counted(answers: Iterator[bool | None]) -> Counts | None:
    known = [a for a in answers if a is not None]
    return (sum(known), len(known)) if known else None


def _twins(answer: Callable[[Tried, frozenset[FactKey], Mapping[str, frozenset[FactKey]]], bool | None]) -> Count:
    def count(trial: Trial, text: str) -> Counts | None:
        own = _facts(trial, OWN, text)
        if own is None:
            return None
        return _counted(
            answer(t, own, {c: texts[text] for c, texts in t.facts.items() if text in texts}) for t in trial.twins
        )

    return count


def _necessary(twin: Tried, own: frozenset[FactKey], found: Mapping[str, frozenset[FactKey]]) -> bool | None:
    return twin.key not in found[WITHOUT] if twin.key in own and WITHOUT in found else None


def _sufficient(twin: Tried, own: frozenset[FactKey], found: Mapping[str, frozenset[FactKey]]) -> bool | None:
    return twin.key in own if WITHOUT in found and twin.key not in found[WITHOUT] else None


def _moved(twin: Tried, own: frozenset[FactKey], found: Mapping[str, frozenset[FactKey]]) -> bool | None:
    (there,) = mirrored_keys(frozenset({twin.key}))
    if MOVED not in found or twin.key not in own or there in own:
        return None
    return there in found[MOVED] and twin.key not in found[MOVED]


def _local(trial: Trial, text: str) -> Counts | None:
    """Facts about anything but the lesion, and the category that follows from it, that the twin's text states too."""
    own, kept, total = _facts(trial, OWN, text), 0, 0
    for twin in trial.twins:
        if own is None or WITHOUT not in twin.facts:
            continue
        others = {k for k in own if k != twin.key and k[:2] != (twin.key[0], "category")}
        kept, total = kept + len(others & twin.facts[WITHOUT][text]), total + len(others)
    return (kept, total) if total else None


def _mirrored(trial: Trial, text: str) -> Counts | None:
    """Facts of one breast alone that are stated of the other one of the mirrored exam, and not of the first any more."""
    own, mirror = _facts(trial, OWN, text), _facts(trial, MIRROR, text)
    if own is None or mirror is None:
        return None
    one_sided = {k for k in own if mirrored_keys(frozenset({k})) - own}
    return _counted(bool(mirrored_keys(frozenset({k})) <= mirror and k not in mirror) for k in one_sided)


def _borne_out(trial: Trial, _: str) -> Counts | None:
    return (trial.sentences - trial.objected, trial.sentences) if trial.sentences else None


def _gate(result: str) -> Count:
    def count(trial: Trial, _: str) -> Counts | None:
        return None if not trial.gate else (trial.gate.get(result, 0), sum(trial.gate.values()))

    return count


# --- figures ------------------------------------------------------------------------------------------------------

_F1 = (
    "agreement of the facts with the truth (F1: kinds of finding and density of each breast, as far as labels say them)"
)

FIGURES: tuple[Figure, ...] = (
    Figure("fact F1, the exam's own pictures", SEES, "exams", f"How good the text is: {_F1}.", (_f1(OWN),), True),
    Figure("fact F1, grey pictures", SEES, "exams",
           "What is right by habit alone: the same with all tissue replaced by one grey, so that only outlines are seen.", (_f1(GREY),), True),
    Figure("fact F1, another patient's pictures", SEES, "exams",
           "What is right by habit alone: the same with the pictures of another patient in place of the exam's own.", (_f1(OTHER),), True),
    Figure("fact F1, own minus another patient's pictures", SEES, "exams",
           "What seeing adds. An interval above 0 says that the generator sees; one that holds 0 that this was not shown.",
           (_f1(OWN, OTHER), _f1(OTHER)), True),
    Figure("fact F1, own minus grey pictures", SEES, "exams",
           "What seeing more than the outline of the breast adds.", (_f1(OWN, GREY), _f1(GREY)), True),
    Figure("facts that stay with another patient's pictures", SEES, "exams",
           "How alike the texts of two patients are; 1 says that the pictures do not matter.", (_same(OTHER),), True, better=False),
    Figure("facts that stay with grey pictures", SEES, "exams",
           "How much is written in the same way without seeing tissue; 1 says that the tissue does not matter.", (_same(GREY),), True, better=False),
    Figure("stated findings that go when their cited place is filled with tissue", PLACES, "cited findings",
           "Deletion: how often a sentence needs the place that it cites.", (_of_places(DELETED, DELETED_ELSEWHERE, True),)),
    Figure("stated findings that go when a random place is filled", PLACES, "cited findings",
           "The same with a place of the same size elsewhere in the same breast: what any change of the picture does.",
           (_of_places(DELETED_ELSEWHERE, DELETED, True),), better=False),
    Figure("deletion: cited minus random place", PLACES, "cited findings",
           "Above 0: the cited place matters more than any other.", (_of_places(DELETED, DELETED_ELSEWHERE, True), _of_places(DELETED_ELSEWHERE, DELETED, True))),
    Figure("stated findings that stay when only the cited place is shown", PLACES, "cited findings",
           "Insertion: how often the cited place is enough, with all other tissue grey.", (_of_places(INSERTED, INSERTED_ELSEWHERE, False),)),
    Figure("stated findings that stay when only a random place is shown", PLACES, "cited findings",
           "The same with a random place of the same size.", (_of_places(INSERTED_ELSEWHERE, INSERTED, False),), better=False),
    Figure("insertion: cited minus random place", PLACES, "cited findings",
           "Above 0: the cited place says more than any other.", (_of_places(INSERTED, INSERTED_ELSEWHERE, False), _of_places(INSERTED_ELSEWHERE, INSERTED, False))),
    Figure("necessity", LESIONS, "stated lesions",
           "Of lesions that are stated, the share that is not when the same exam is drawn without the lesion.", (_twins(_necessary),)),
    Figure("sufficiency", LESIONS, "lesions not stated without them",
           "Of lesions that are not stated when they are not drawn, the share that is when they are.", (_twins(_sufficient),)),
    Figure("locality", LESIONS, "other facts", "Facts about anything else that are stated with and without the lesion.", (_local,)),
    Figure("a moved lesion: the words follow", FOLLOWS, "stated lesions",
           "The lesion is drawn in the other breast: the share that is then stated there, and not where it was.", (_twins(_moved),)),
    Figure("a mirrored exam: the words follow", FOLLOWS, "facts of one breast",
           "All pictures are mirrored and called those of the other breast: the share of one-sided facts that change sides.", (_mirrored,)),
    Figure("facts that stay with random weights", LEARNED, "exams",
           "The same network with its weights in a random order: a high share says that the text does not rest on what was learned.",
           (_same(RANDOM),), True, better=False),
    Figure("fact F1, own minus random weights", LEARNED, "exams",
           "What learning adds to the agreement with the truth.", (_f1(OWN, RANDOM), _f1(RANDOM)), True),
    Figure("stated facts that are true", PRINTED, "stated facts", "Precision, before the gate and after it.", (_precision,)),
    Figure("true facts that are stated", PRINTED, "true facts", "Recall, before the gate and after it.", (_recall,)),
    Figure("sentences that their evidence bears out", PRINTED, "sentences",
           "Sentences to which a second set of rules, which shares no code with writer and gate, has no objection by what they cite.",
           (_borne_out,), texts=(REPORT,)),
    Figure("claims that the gate kept word for word", PRINTED, "claims", "What the generator wrote and the findings support.", (_gate("consistent"),), texts=(WORDS,)),
    Figure("claims that the gate corrected", PRINTED, "claims", "Written anew from the findings.", (_gate("corrected"),), better=False, texts=(WORDS,)),
    Figure("claims that the gate refused", PRINTED, "claims", "Nothing in the findings supports them, or they could not be read.",
           (_gate("refused"),), better=False, texts=(WORDS,)),
)  # fmt: skip
