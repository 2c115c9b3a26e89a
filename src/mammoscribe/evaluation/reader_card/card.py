"""The card of one or two readers on labelled exams: figures with intervals, groups, curves; two are compared paired."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.view import Laterality
from mammoscribe.evaluation.bootstrap import IntArray, cluster_bootstrap
from mammoscribe.evaluation.classification import GroupAuc, Weights, auc_by_group, delong
from mammoscribe.evaluation.comparison import Difference, Line, compare, entry, independent_cases
from mammoscribe.evaluation.outputs.exam_output import DENSITIES
from mammoscribe.evaluation.outputs.store import Outputs
from mammoscribe.evaluation.reader_card.abstention import ABSTENTION, Abstaining, abstention_measures
from mammoscribe.evaluation.reader_card.breast_measures import (
    HALF,
    ORDINAL,
    BreastCases,
    breast_cases,
    category_cases,
    category_given,
    category_shares,
    class_measures,
    confusion,
    decision_measures,
    dense,
    density_cases,
    malignant,
    prob_dense,
    prob_malignant,
    recall,
    recalled,
    risk_measures,
    score_measures,
)
from mammoscribe.evaluation.reader_card.cases import Joined, listed
from mammoscribe.evaluation.reader_card.mark_measures import KindCases, kind_cases, mark_measures
from mammoscribe.evaluation.reader_card.measures import Measure, MeasureSet, all_values
from mammoscribe.support.errors import InputError

FEW_PATIENTS = 30
LEAST_IN_GROUP = 20
OnDraw = Callable[[int], None]
MALIGNANCY, RECALL, DENSITY, CATEGORY, FINDINGS = "Malignancy", "Recall", "Density", "BI-RADS category", "Findings"


@dataclass(frozen=True)
class Threshold:
    """A probability from which a breast counts as malignant, and where it was fixed, in words."""

    value: float
    source: str


@dataclass(frozen=True)
class SystemCases:
    """The cases of one system, question by question."""

    malignancy: BreastCases
    recall: BreastCases
    decision_malignant: BreastCases
    decision_recall: BreastCases
    dense: BreastCases
    density: BreastCases
    category: BreastCases
    kinds: tuple[KindCases, ...]
    by_category: BreastCases

    def sets(self, threshold: Threshold | None, abstaining: Abstaining | None = None) -> list[MeasureSet]:
        """Every figure that the labels and answers of this system support."""
        found: list[MeasureSet | None] = [
            score_measures(MALIGNANCY, "malignant breast", self.malignancy, probabilities=True),
            risk_measures(
                MALIGNANCY, "malignant breast", self.malignancy, threshold.value if threshold else HALF
            ),
            *([decision_measures(MALIGNANCY, f"malignant breast, called from {threshold.value:g}", self.malignancy, threshold.value)] if threshold else []),
            decision_measures(MALIGNANCY, "malignant breast, called by the report's category", self.decision_malignant, HALF),
            None if abstaining is None else abstention_measures(self.malignancy, abstaining),
            category_shares(MALIGNANCY, "malignant breast", self.by_category),
            score_measures(RECALL, "recalled breast, by the probability of malignancy", self.recall, probabilities=False),
            decision_measures(RECALL, "recalled breast, called by the report's category", self.decision_recall, HALF),
            class_measures(DENSITY, "density", self.density, len(DENSITIES), Weights.LINEAR),
            score_measures(DENSITY, "dense breast (c, d)", self.dense, probabilities=True),
            class_measures(CATEGORY, "BI-RADS 1 to 5", self.category, len(ORDINAL), Weights.QUADRATIC),
            *(s for kind in self.kinds for s in mark_measures(kind, FINDINGS)),
        ]  # fmt: skip
        return [s for s in found if s is not None]


def system_cases(joined: Joined, system: int) -> SystemCases:
    """The cases of one system."""
    cases = joined.cases(system)
    return SystemCases(
        breast_cases(cases, malignant, prob_malignant), breast_cases(cases, recall, prob_malignant),
        breast_cases(cases, malignant, recalled), breast_cases(cases, recall, recalled),
        breast_cases(cases, dense, prob_dense), density_cases(cases), category_cases(cases),
        tuple(kind_cases(cases, kind) for kind in FindingType),
        breast_cases(cases, malignant, category_given),
    )  # fmt: skip


@dataclass(frozen=True)
class Grouped:
    """AUC of malignancy in the groups of one property, for one system."""

    system: int
    property: str
    groups: tuple[GroupAuc, ...]


@dataclass(frozen=True)
class ReaderCard:
    """All that the card holds.

    Args:
        dataset, split: in words. synthetic: whether the exams were drawn.
        systems: their outputs. joined: exams, labels and outputs. cases: of each system.
        threshold: of malignancy, None where none was given. abstaining: of each system, empty where none was asked for.
        lines, differences: figures. groups: of subgroups. notes: what to be careful about.
        num_patients, num_draws: of the bootstrap.
    """

    dataset: str
    split: str
    synthetic: bool
    systems: tuple[Outputs, ...]
    joined: Joined
    cases: tuple[SystemCases, ...]
    threshold: Threshold | None
    lines: tuple[Line, ...]
    differences: tuple[Difference, ...]
    groups: tuple[Grouped, ...]
    notes: tuple[str, ...]
    num_patients: int
    num_draws: int
    abstaining: tuple[Abstaining, ...] = ()


def make_card(
    dataset: str, split: str, synthetic: bool, systems: Sequence[Outputs], joined: Joined, num_draws: int = 1000,
    threshold: Threshold | None = None, only: frozenset[str] | None = None, notes: Sequence[str] = (),
    on_draw: OnDraw = lambda _: None, reports_alone: bool = False, abstaining: Sequence[Abstaining] = (),
) -> ReaderCard:  # fmt: skip
    """Measure one or two systems on the same exams.

    Args:
        dataset, split, synthetic: what the exams are.
        systems: outputs of each. joined: with the labels.
        num_draws: bootstrap samples of patients.
        threshold: of the probability of malignancy, fixed on other exams.
        only: names of the figures that are compared between two systems; None compares all.
        notes: remarks that are put on the card.
        on_draw: called with 1 after every draw.
        reports_alone: whether a card without a figure of labels will do, because reports are scored beside.
        abstaining: how each system leaves breasts to a person, fixed on other exams; empty where that is not measured.

    Raises:
        InputError: when no label can be held against an answer, unless reports alone will do.
    """
    cases = tuple(system_cases(joined, k) for k in range(len(systems)))
    rules = abstaining or [None] * len(systems)
    sets = [c.sets(threshold, rule) for c, rule in zip(cases, rules, strict=True)]
    if not any(sets) and not reports_alone:
        raise InputError(
            f"no label of {dataset}, {split}, can be held against an answer", "labels that answer what readers answer"
        )
    shared = _shared([[m for s in own for m in s.measures] for own in sets])
    patients = [e.patient_id for e in joined.labels]
    measured = _measured(sets, shared, patients, num_draws, only, on_draw) if shared else ((), ())
    lines, differences = measured
    return ReaderCard(
        dataset, split, synthetic, tuple(systems), joined, cases, threshold, lines, differences,
        tuple(_groups(cases, joined, num_draws)), (*notes, *_notes(systems, joined, cases, patients)),
        len(set(patients)), num_draws, tuple(abstaining),
    )  # fmt: skip


def compared(joined: Joined, num_draws: int, only: frozenset[str]) -> tuple[Difference, ...]:
    """First minus second of two systems on some figures alone, where both have them.

    Args:
        joined: exams with both outputs. num_draws: bootstrap samples of patients. only: names of the figures.
    """
    sets = [[s for s in system_cases(joined, k).sets(None) if any(m.name in only for m in s.measures)] for k in (0, 1)]
    shared = _shared([[m for s in own for m in s.measures] for own in sets])
    patients = [e.patient_id for e in joined.labels]
    return _measured(sets, shared, patients, num_draws, only, lambda _: None)[1] if all(sets) else ()


Names = list[tuple[str, list[tuple[int, Measure] | None]]]
"""(name, for each system the place and the measure, None where the system has it not)."""


def _shared(systems: Sequence[Sequence[Measure]]) -> Names:
    """Figures of all systems by name, in the order of their headings."""
    order = {m.name: m.group for own in systems for m in own}
    groups = (MALIGNANCY, ABSTENTION, RECALL, DENSITY, CATEGORY, FINDINGS)
    places = [{m.name: (k, m) for k, m in enumerate(own)} for own in systems]
    names = sorted(order, key=lambda name: groups.index(order[name]))
    return [(name, [own.get(name) for own in places]) for name in names]


def _measured(
    sets: Sequence[Sequence[MeasureSet]], shared: Names, patients: Sequence[str], num_draws: int,
    only: frozenset[str] | None, on_draw: OnDraw,
) -> tuple[tuple[Line, ...], tuple[Difference, ...]]:  # fmt: skip
    """Every figure over all exams and on the same draws of patients for all systems."""
    sizes = [sum(len(s.measures) for s in own) for own in sets]

    def values(rows: IntArray) -> list[float]:
        on_draw(1)
        return np.concatenate([all_values(own, rows) for own in sets]).tolist()

    value = np.concatenate([all_values(own, np.arange(len(patients))) for own in sets])
    drawn = cluster_bootstrap(values, patients, num_draws).reshape(num_draws, -1)
    starts = np.cumsum([0, *sizes])
    lines, compared = [], []
    for _, places in shared:
        entries, found = [], []
        for start, place in zip(starts, places, strict=False):
            k = None if place is None else int(start) + place[0]
            m = None if place is None else place[1]
            if k is None or m is None:
                entries.append(entry(float("nan"), np.zeros(0), 0))
                continue
            whole = 1.0 if m.is_share else None
            entries.append(entry(float(value[k]), drawn[:, k], m.n, m.positives, len(set(patients)), whole))
            found.append((m, float(value[k]), drawn[:, k]))
        measure = found[0][0]
        lines.append(Line(measure, tuple(entries), measure.baselines))
        if len(found) == 2:
            compared.append(found)
    return tuple(lines), _differences(compared, len(set(patients)), only)


def _differences(compared: Sequence[list], num_patients: int, only: frozenset[str] | None) -> tuple[Difference, ...]:
    names = [one[0] for one, _ in compared]
    return compare(
        names, [(one[1], other[1]) for one, other in compared], [(one[2], other[2]) for one, other in compared],
        [min(independent_cases(m.n, m.positives, num_patients) for m, *_ in pair) for pair in compared], only,
        [1.0 if m.is_share else None for m in names],
    )  # fmt: skip


def _groups(cases: Sequence[SystemCases], joined: Joined, num_draws: int) -> Iterator[Grouped]:
    """AUC of malignancy by age, machine and so on, and by the label of density, where there are several groups."""
    for system, own in enumerate(cases):
        c = own.malignancy
        if not c.both_classes:
            continue
        patients = [joined.labels[e].patient_id for e in c.exams]
        for name in dict.fromkeys(["density", *(n for e in joined.labels for n in e.groups)]):
            values = [_group_of(joined, name, e, s) for e, s in zip(c.exams, c.sides, strict=True)]
            at = [i for i, v in enumerate(values) if v]
            if len({values[i] for i in at}) > 1:
                found = auc_by_group(
                    c.scores[at], c.labels[at], [values[i] for i in at], [patients[i] for i in at], LEAST_IN_GROUP,
                    num_draws,
                )  # fmt: skip
                if any(g.interval is not None for g in found):
                    yield Grouped(system, name, found)


def _group_of(joined: Joined, name: str, exam: int, side: Laterality) -> str:
    labels = joined.labels[exam]
    return (labels.breasts[side].density or "") if name == "density" else labels.groups.get(name, "")


def _notes(
    systems: Sequence[Outputs], joined: Joined, cases: Sequence[SystemCases], patients: Sequence[str]
) -> Iterator[str]:
    if len(set(patients)) < FEW_PATIENTS:
        yield f"fewer than {FEW_PATIENTS} patients: intervals and p-values are rough"
    if joined.missing:
        yield f"{len(joined.missing)} exams were left out, as not every system has an output of them ({listed(joined.missing)})"
    if joined.unreadable:
        yield f"{len(joined.unreadable)} exams were left out, as they could not be read ({listed(joined.unreadable)})"
    for system, own in zip(systems, cases, strict=True):
        if own.malignancy.unanswered:
            yield f"{system.name}: no probability of malignancy for {own.malignancy.unanswered} labelled breasts, which are left out"
        if own.decision_malignant.unanswered:
            yield f"{system.name}: no category for {own.decision_malignant.unanswered} breasts with a label of malignancy, which are left out of its decision"
        shown = [k for k in own.kinds if k.num_lesions and not k.complete]
        if shown:
            yield f"{system.name}: its reports hold only the marks that are shown, so there is no curve over all thresholds"


def delong_rows(card: ReaderCard) -> list[tuple[str, str, str]]:
    """(figure, system, interval or p) of AUCs by DeLong's method, which takes breasts as independent: a check only."""
    rows = []
    for system, own in zip(card.systems, card.cases, strict=True):
        c = own.malignancy
        if c.both_classes and min(c.labels.sum(), (1 - c.labels).sum()) >= 2:
            found = delong([c.scores], c.labels)
            rows.append(
                (
                    "malignant breast: AUC",
                    system.name,
                    f"{found.aucs[0]:.3f} ({found.interval().low:.3f} to {found.interval().high:.3f})",
                )
            )
    return rows


def grouped_lines(lines: Sequence[Line]) -> Iterator[tuple[str, tuple[Line, ...]]]:
    """(heading, its figures) in the order of the card."""
    for group, own in groupby(lines, key=lambda line: line.figure.group):
        yield group, tuple(own)


def confusions(own: SystemCases) -> Mapping[str, tuple[str, list[list[int]]]]:
    """Heading -> (classes, [true][answer] counts) of density and category, where there are labels."""
    tables = {DENSITY: (DENSITIES, own.density), CATEGORY: (ORDINAL, own.category)}
    return {name: (classes, confusion(c, len(classes))) for name, (classes, c) in tables.items() if len(c.labels)}
