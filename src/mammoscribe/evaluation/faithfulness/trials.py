"""What a generator writes about one exam under every change of its pictures, kept as facts, one line of JSON an exam."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from mammoscribe.domain.view import Box, View
from mammoscribe.evaluation.facts import FactKey
from mammoscribe.evaluation.faithfulness.pixels import (
    breast_of,
    enlarged,
    filled,
    greyed,
    place_like,
    shown_only,
)
from mammoscribe.evaluation.faithfulness.subjects import (
    Subject,
    Subjects,
    changed,
    current_views,
    mirrored,
    partner,
    with_pictures_of,
)
from mammoscribe.evaluation.faithfulness.written import Cited, Generator, Written
from mammoscribe.imaging.picture import Picture
from mammoscribe.support.errors import InputError
from mammoscribe.support.files import write_text

OWN, GREY, OTHER, MIRROR, RANDOM = "own", "grey", "other", "mirror", "random weights"
DELETED, DELETED_ELSEWHERE, INSERTED, INSERTED_ELSEWHERE = (
    "deleted",
    "deleted elsewhere",
    "inserted",
    "inserted elsewhere",
)
WITHOUT, MOVED = "without", "moved"
MOST_PLACES = 2
"""Cited findings of one exam whose places are deleted and inserted."""
Texts = Mapping[str, frozenset[FactKey]]
"""Facts by the name of the text."""


@dataclass(frozen=True)
class Tried:
    """One finding or lesion: the fact that states it, and condition -> facts that were then written, by text."""

    key: FactKey
    facts: Mapping[str, Texts]


@dataclass(frozen=True)
class Trial:
    """All that was written about one exam.

    Args:
        exam_id, patient: whose. truth: facts that are true. asked: what the labels say the truth of.
        facts: condition -> facts by text. places: cited findings. twins: drawn lesions.
        gate: claims by result. sentences, objected: of the report on the own pictures.
        problems: condition -> why nothing could be written.
    """

    exam_id: str
    patient: str
    truth: frozenset[FactKey]
    asked: frozenset[FactKey]
    facts: Mapping[str, Texts]
    places: tuple[Tried, ...] = ()
    twins: tuple[Tried, ...] = ()
    gate: Mapping[str, int] | None = None
    sentences: int = 0
    objected: int = 0
    problems: Mapping[str, str] | None = None


def run_trial(generator: Generator, subjects: Subjects, number: int, random: Generator | None) -> Trial:
    """Write about one exam under every change.

    Args:
        generator: writes. subjects: the exams, of which `number` is meant and others lend pictures.
        random: the generator with random weights, None where there is none.
    """
    subject = remembered(subjects[number])
    problems: dict[str, str] = {}
    own = _try(generator, subject, OWN, problems)
    if own is None:
        return Trial(subject.exam.id, subject.patient, subject.truth, subject.asked, {}, problems=problems)
    facts = {OWN: own.facts}
    for name, given, writes in _conditions(generator, subjects, number, subject, random):
        found = _try(writes, given, name, problems)
        if found is not None:
            facts[name] = found.facts
    return Trial(
        subject.exam.id, subject.patient, subject.truth, subject.asked, facts,
        tuple(_places(generator, subject, own, problems)), tuple(_twins(generator, subject, problems)),
        own.gate, own.sentences, own.objected, problems,
    )  # fmt: skip


def _conditions(
    generator: Generator, subjects: Subjects, number: int, subject: Subject, random: Generator | None
) -> Iterator[tuple[str, Subject, Generator]]:
    yield GREY, changed(subject, lambda _, p: replace(p, pixels=greyed(p.pixels, breast_of(p.pixels)))), generator
    yield MIRROR, mirrored(subject), generator
    if (other := partner(subjects, number)) is not None:
        yield OTHER, with_pictures_of(subject, other), generator
    if random is not None:
        yield RANDOM, subject, random


def _try(generator: Generator, subject: Subject, name: str, problems: dict[str, str]) -> Written | None:
    """What was written; None, with the reason noted, where the exam could not be written about so."""
    try:
        return generator.write(subject.exam, subject.decode)
    except InputError as error:
        problems[name] = error.sentence()
        return None


def remembered(subject: Subject) -> Subject:
    """The same, whose pictures are decoded once and kept as long as it is."""
    decode = lru_cache(None)(lambda name: subject.decode(subject.exam.view(name)))
    return replace(subject, decode=lambda view: decode(view.id))


# --- cited places -------------------------------------------------------------------------------------------------


def _places(generator: Generator, subject: Subject, own: Written, problems: dict[str, str]) -> Iterator[Tried]:
    """Cited findings, in a random order that their exam decides; a box that fits nowhere else in its breast is passed over."""
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(subject.exam.id.encode()).digest()[:8], "big"))
    cited = [own.cited[i] for i in rng.permutation(len(own.cited))]
    done = 0
    for one in cited:
        places = _boxes(subject, one, cited, rng)
        if places is not None and done < MOST_PLACES:
            done += 1
            at, elsewhere, textures = places
            conditions = (
                (DELETED, _without(subject, at, textures)), (DELETED_ELSEWHERE, _without(subject, elsewhere, textures)),
                (INSERTED, _only(subject, at)), (INSERTED_ELSEWHERE, _only(subject, elsewhere)),
            )  # fmt: skip
            written = {name: _try(generator, given, name, problems) for name, given in conditions}
            yield Tried(one.key, {name: w.facts for name, w in written.items() if w is not None})


Boxes = Mapping[str, Box]


def _boxes(
    subject: Subject, one: Cited, cited: Iterable[Cited], rng: np.random.Generator
) -> tuple[Boxes, Boxes, Boxes] | None:
    """Places of a finding, random ones of the same size in the same views, and others that lend their texture.

    In whole pixels; the lending places are left out where there are none. None where no random place was found.
    """
    at: dict[str, Box] = {}
    elsewhere: dict[str, Box] = {}
    textures: dict[str, Box] = {}
    for name, view in current_views(subject.exam).items():
        if name not in one.boxes:
            continue
        pixels = subject.decode(view).pixels
        box = enlarged(one.boxes[name], pixels)
        if box is None:
            continue
        avoided = [b for c in cited if name in c.boxes and (b := enlarged(c.boxes[name], pixels)) is not None]
        found = place_like(box, breast_of(pixels), avoided, rng)
        if found is None:
            return None
        at[name], elsewhere[name] = box, found
        if (lent := place_like(box, breast_of(pixels), [*avoided, found], rng)) is not None:
            textures[name] = lent
    return (at, elsewhere, textures) if at else None


def _without(subject: Subject, boxes: Boxes, textures: Boxes) -> Subject:
    def change(view: View, picture: Picture) -> Picture:
        if view.id not in boxes:
            return picture
        return replace(picture, pixels=filled(picture.pixels, boxes[view.id], textures.get(view.id)))

    return changed(subject, change)


def _only(subject: Subject, boxes: Boxes) -> Subject:
    def change(view: View, picture: Picture) -> Picture:
        shown = [boxes[view.id]] if view.id in boxes else []
        return replace(picture, pixels=shown_only(picture.pixels, breast_of(picture.pixels), shown))

    return changed(subject, change)


# --- twins --------------------------------------------------------------------------------------------------------


def _twins(generator: Generator, subject: Subject, problems: dict[str, str]) -> Iterator[Tried]:
    for lesion in subject.lesions:
        drawn: tuple[tuple[str, Callable[[], Subject | None]], ...] = ((WITHOUT, lesion.without), (MOVED, lesion.moved))
        given = {name: twin for name, draw in drawn if (twin := draw()) is not None}
        written = {name: _try(generator, twin, name, problems) for name, twin in given.items()}
        yield Tried(lesion.key, {name: w.facts for name, w in written.items() if w is not None})


# --- files --------------------------------------------------------------------------------------------------------


def dump_trial(trial: Trial) -> str:
    """The trial as one line of JSON."""
    plain = {
        "exam_id": trial.exam_id, "patient": trial.patient, "truth": _plain(trial.truth), "asked": _plain(trial.asked),
        "facts": _plain_texts(trial.facts),
        **{
            name: [{"key": list(p.key), "facts": _plain_texts(p.facts)} for p in getattr(trial, name)]
            for name in ("places", "twins")
        },
        "gate": None if trial.gate is None else dict(trial.gate), "sentences": trial.sentences, "objected": trial.objected,
        "problems": dict(trial.problems or {}),
    }  # fmt: skip
    return json.dumps(plain, separators=(",", ":"))


def parse_trial(line: str) -> Trial:
    """Inverse of `dump_trial`.

    Raises:
        InputError: when the line is no such trial.
    """
    try:
        p = json.loads(line)
        places, twins = (
            tuple(Tried(tuple(x["key"]), _texts(x["facts"])) for x in p[name]) for name in ("places", "twins")
        )
        return Trial(
            p["exam_id"], p["patient"], _keys(p["truth"]), _keys(p["asked"]), _texts(p["facts"]), places, twins,
            p["gate"], p["sentences"], p["objected"], p["problems"],
        )  # fmt: skip
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"a line that is no trial ({error})", "", "delete the file and run again") from error


def read_trials(path: Path) -> dict[str, Trial]:
    """Trials of a file by exam; none where there is no file."""
    if not path.is_file():
        return {}
    found = (parse_trial(line) for line in path.read_text(encoding="utf-8").splitlines() if line)
    return {t.exam_id: t for t in found}


def write_trials(trials: Iterable[Trial], path: Path) -> None:
    """All trials, one a line; the file is written whole, so that a run that is stopped can go on."""
    write_text(path, "".join(dump_trial(t) + "\n" for t in trials))


def _plain(keys: Iterable[FactKey]) -> list[list[str]]:
    return sorted(map(list, keys))


def _plain_texts(facts: Mapping[str, Texts]) -> dict[str, dict[str, list[list[str]]]]:
    return {name: {text: _plain(keys) for text, keys in texts.items()} for name, texts in facts.items()}


def _keys(plain: Iterable[list[str]]) -> frozenset[FactKey]:
    return frozenset(tuple(k) for k in plain)


def _texts(plain: Mapping[str, Mapping[str, list[list[str]]]]) -> dict[str, Texts]:
    return {name: {text: _keys(keys) for text, keys in texts.items()} for name, texts in plain.items()}
