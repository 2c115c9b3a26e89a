"""The card of one or two systems: every figure with its n, interval and best constant; two are compared paired."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mammoscribe.evaluation.bootstrap import cluster_bootstrap
from mammoscribe.evaluation.comparison import Difference, Entry, Line, compare, entry
from mammoscribe.evaluation.report_card.fact_counts import CATEGORIES, DENSITIES
from mammoscribe.evaluation.report_card.figures import FIGURES, Figure, Sums, confusion
from mammoscribe.evaluation.report_card.pairs import ReportPairs
from mammoscribe.evaluation.report_card.scoring import OnDone, Scored, best_constants, ignore_done, score_all
from mammoscribe.evaluation.report_card.suspicions import suspicions
from mammoscribe.support.errors import InputError

CONSTANT, OTHER, NEIGHBOUR = "best constant", "another exam's report", "nearest neighbour"
NO_SHARES = frozenset({"CIDEr-D (coco-caption)"})
"""Figures that are not between 0 and 1, or 0 and 100 where one decimal is printed."""
FEW_PATIENTS = 30
MUCH_UNREAD = 0.5
"""Share of sentences without a fact from which the card warns."""

Confusion = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class System:
    """One file of texts.

    Args:
        name, digest: of the file, of its texts.
        distinct, copies: share of different texts, share that equal their reference.
        unread: share of sentences from which no fact was read.
        density, birads: how often each class of the reference (row) got each answer (column, the last one for none).
    """

    name: str
    digest: str
    distinct: float
    copies: float
    unread: float
    density: Confusion = ()
    birads: Confusion = ()


@dataclass(frozen=True)
class ReportCard:
    """All that the card holds; `faults` are signs that a file of candidates was put together wrongly."""

    systems: tuple[System, ...]
    reference: System
    num_exams: int
    num_patients: int
    num_draws: int
    lines: tuple[Line, ...]
    differences: tuple[Difference, ...]
    notes: tuple[str, ...]
    faults: tuple[str, ...] = ()


def make_card(
    reference: str, systems: Sequence[tuple[str, ReportPairs]], num_draws: int = 1000, on_done: OnDone = ignore_done,
    neighbours: Sequence[str | None] | None = None, only: frozenset[str] | None = None, notes: Sequence[str] = (),
) -> ReportCard:  # fmt: skip
    """Score one or two systems on the same exams.

    Args:
        reference: name of the reference. systems: name of each system with its pairs.
        num_draws: bootstrap samples of patients.
        on_done: called with the number of exams that were scored since its last call.
        neighbours: for each exam the training report of the exam that looks most like it, None without one.
        only: names of the figures that are compared between two systems; None compares all.
        notes: remarks that are put on the card.

    Raises:
        InputError: when the systems were not joined to the same exams.
    """
    first = systems[0][1]
    if any((p.ids, p.references) != (first.ids, first.references) for _, p in systems):
        raise InputError("two candidates with reports of different exams", "the same exams for both")
    others = [reports_of_others(first), *([] if neighbours is None else [neighbours])]
    scored = score_all(
        first.references, [p.candidates for _, p in systems], on_done, [p.grounded for _, p in systems], others
    )
    sums, draws = _bootstrap(scored, first.patients, num_draws)
    num_patients = len(set(first.patients))
    lines = tuple(
        Line(
            figure, tuple(_entry(figure, s, d, num_patients) for s, d in zip(sums, draws, strict=True)),
            ((CONSTANT, constant), *_baselines(figure, scored)),
        )
        for figure, constant in zip(FIGURES, best_constants(scored), strict=True)
    )  # fmt: skip
    read = _system(reference, first.references, first.references, sums[0], "reference")
    given = [_system(n, p.candidates, p.references, s, "candidate") for (n, p), s in zip(systems, sums, strict=True)]
    return ReportCard(
        tuple(given),
        read,
        len(first.ids),
        len(set(first.patients)),
        num_draws,
        lines,
        _differences(sums, draws, num_patients, only) if len(systems) == 2 else (),
        (*notes, *_notes(systems), *_unread_notes([read, *given])),
        tuple(f for (name, p), of in zip(systems, sums, strict=True) for f in suspicions(name, p, of)),
    )


def reports_of_others(pairs: ReportPairs) -> list[str | None]:
    """For each exam the reference of an exam of another patient, half the file away; None where there is no other patient."""
    num, found = len(pairs.ids), list[str | None]()
    for i, patient in enumerate(pairs.patients):
        order = ((i + num // 2 + k) % num for k in range(num))
        found.append(next((pairs.references[j] for j in order if pairs.patients[j] != patient), None))
    return found


def _baselines(figure: Figure, scored: Scored) -> Iterator[tuple[str, float]]:
    """Reports of other exams by this figure."""
    for name, counts in zip((OTHER, NEIGHBOUR), scored.baselines, strict=False):
        yield name, float(figure.value(Sums(scored.names, counts)))


def _bootstrap(scored: Scored, patients: Sequence[str], num_draws: int) -> tuple[list[Sums], list[Sums]]:
    """Sums of every system over all exams, and over each draw of patients (the same draws for all systems)."""
    num_exams = len(patients)
    flat = scored.systems.swapaxes(0, 1).reshape(num_exams, -1)
    values = cluster_bootstrap(lambda rows: list(np.bincount(rows, minlength=num_exams) @ flat), patients, num_draws)
    drawn = values.reshape(num_draws, len(scored.systems), -1)
    systems = range(len(scored.systems))
    return [scored.sums(k) for k in systems], [Sums(scored.names, drawn[:, k]) for k in systems]


def _entry(figure: Figure, sums: Sums, draws: Sums, patients: int) -> Entry:
    return entry(
        float(figure.value(sums)),
        figure.value(draws),
        int(figure.count(sums)),
        independent=patients,
        whole=_whole(figure),
    )


def _whole(figure: Figure) -> float | None:
    """The value of a figure where all is right; None for one that is no share."""
    return None if figure.name in NO_SHARES else 100.0 if figure.digits == 1 else 1.0


def _system(name: str, texts: Sequence[str], references: Sequence[str], sums: Sums, side: str) -> System:
    digest = hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()
    copies = sum(t == r for t, r in zip(texts, references, strict=True)) / len(texts)
    sentences = float(sums[f"{side} sentences"])
    unread = float(sums[f"{side} sentences unread"]) / sentences if sentences else float("nan")
    tables = (_counted(sums, "density", DENSITIES), _counted(sums, "birads", CATEGORIES)) if side == "candidate" else ()
    return System(name, digest, len(Counter(texts)) / len(texts), copies, unread, *tables)


def _counted(sums: Sums, name: str, classes: str) -> Confusion:
    return tuple(tuple(int(n) for n in row) for row in confusion(sums, name, classes, f"{classes}-"))


def _notes(systems: Sequence[tuple[str, ReportPairs]]) -> tuple[str, ...]:
    first, notes = systems[0][1], []
    if not first.patients_known:
        notes.append("no patients were named: every exam was drawn as one patient's, so intervals may be too narrow")
    if len(set(first.patients)) < FEW_PATIENTS:
        notes.append(f"fewer than {FEW_PATIENTS} patients: intervals and p-values are rough")
    for name, pairs in systems:
        if pairs.left_out:
            notes.append(f"{name}: {len(pairs.left_out)} exams are on one side only and were left out")
    return tuple(notes)


def _unread_notes(files: Sequence[System]) -> list[str]:
    """Remarks about files of which the parser reads little: reports in another language, say."""
    little = [f for f in files if f.unread > MUCH_UNREAD]
    return [
        f"{f.name}: no fact was read from {100 * f.unread:.0f} % of the sentences, so the figures of facts cover little of it"
        for f in little
    ]


def _differences(
    sums: Sequence[Sums], draws: Sequence[Sums], num_patients: int, only: frozenset[str] | None
) -> tuple[Difference, ...]:
    """First minus second, of the figures that are defined for both."""
    values = [(float(f.value(sums[0])), float(f.value(sums[1]))) for f in FIGURES]
    cases = [min(num_patients, *(int(f.count(s)) for s in sums)) for f in FIGURES]
    drawn = [(f.value(draws[0]), f.value(draws[1])) for f in FIGURES]
    return compare(FIGURES, values, drawn, cases, only, [_whole(f) for f in FIGURES])
