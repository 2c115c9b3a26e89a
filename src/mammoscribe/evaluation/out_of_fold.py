"""Out-of-fold predictions on RSNA breasts: pooled AUCs with intervals, per machine, beside age and machine alone.

Every breast of every patient is predicted once, by the network that never met its patient; the predictions of the
folds are pooled as they are. Labels come from the data set, never from the predictions file.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mammoscribe.data.datasets.rsna import RSNA
from mammoscribe.data.folds import Fold
from mammoscribe.data.records import MammoExam
from mammoscribe.domain.view import Laterality
from mammoscribe.evaluation.bootstrap import (
    FloatArray,
    Interval,
    cluster_bootstrap,
    percentile_interval,
    ratio_interval,
)
from mammoscribe.evaluation.card import Row
from mammoscribe.evaluation.classification import (
    auc,
    auc_by_group,
    auc_interval,
    average_precision,
    sensitivity_at_specificity,
)
from mammoscribe.support.errors import InputError

CANCER_BAR, LOWER_END_BAR, DENSITY_BAR = 0.72, 0.68, 0.92
LETTER_BAR, DENSEST_BAR = 0.78, 0.5
Key = tuple[str, str]


@dataclass(frozen=True)
class Prediction:
    """Scores of one breast by the network of its fold; `dense` is the probability of density c or d, `letter` the likeliest density."""

    fold: Fold
    cancer: float
    dense: float
    letter: str


@dataclass(frozen=True)
class Breast:
    """A breast with a readable view and its labels; density and age None where there is none.

    Args:
        patient_id: whose it is. laterality: R or L.
        cancer: biopsy-proven cancer.
        density: a to d.
        age: in years.
        machine: number of the mammography unit.
    """

    patient_id: str
    laterality: Laterality
    cancer: bool
    density: str | None
    age: float | None
    machine: str


@dataclass(frozen=True)
class Case:
    """A breast with labels and prediction."""

    breast: Breast
    prediction: Prediction


def read_breasts(root: Path) -> list[Breast]:
    """The labelled breasts of an RSNA folder, in the order of its table.

    Raises:
        InputError: when the folder holds no layout of RSNA.
    """
    records = (item for item in RSNA.edition_in(root).read(root) if isinstance(item, MammoExam))
    return [
        _breast(record, side)
        for record in records
        for side in Laterality
        if any(v.laterality is side for v in record.images) and record.breasts.get(side, {}).get("cancer")
    ]


def _breast(record: MammoExam, side: Laterality) -> Breast:
    labels, age = record.breasts[side], record.labels.get("age")
    return Breast(
        record.patient_id, side, labels["cancer"] == "1", labels.get("density"), None if age is None else float(age),
        record.labels.get("machine", ""),
    )  # fmt: skip


def read_predictions(path: Path) -> dict[Key, Prediction]:
    """Predictions by (patient id, laterality) from the `breasts.csv` that `mammoscribe calibrate --fold` writes.

    Rows of other datasets, and breasts that the folds could not predict, are left out.

    Raises:
        InputError: for a missing file or column, a breast predicted twice, or one in the wrong fold.
    """
    if not path.is_file():
        raise InputError(f"no predictions in {path}", "", "run `mammoscribe calibrate --fold ...` first")
    found: dict[Key, Prediction] = {}
    with path.open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            if row.get("dataset") != RSNA.name or not row.get("prob_cancer", "missing"):
                continue
            key = (row.get("patient_id", ""), row.get("laterality", ""))
            if key in found:
                raise InputError(f"breast {' '.join(key)} is predicted twice", "one out-of-fold prediction")
            found[key] = _prediction(row, path)
            if not found[key].fold.holds(key[0]):
                raise InputError(f"patient {key[0]} is in fold {found[key].fold}", "its fold by the hash rule")
    return found


def _prediction(row: Mapping[str, str], path: Path) -> Prediction:
    try:
        return Prediction(
            Fold.from_text(row["fold"]), float(row["prob_cancer"]), float(row["prob_dense"]), row["letter"]
        )
    except (KeyError, ValueError, InputError) as error:
        raise InputError(
            f"{path} has a row that cannot be read ({error})", "the columns that `mammoscribe calibrate` writes"
        ) from error


def join(predictions: Mapping[Key, Prediction], breasts: Sequence[Breast]) -> list[Case]:
    """Every breast with its prediction.

    Args:
        predictions: by patient and laterality.
        breasts: of the data set.

    Raises:
        InputError: when a breast has no prediction: a pooled figure over part of the patients is another figure.
    """
    missing = [
        f"{b.patient_id} {b.laterality}" for b in breasts if (b.patient_id, b.laterality.value) not in predictions
    ]
    if missing or not breasts:
        first = f", {missing[0]} first" if missing else ""
        raise InputError(
            f"{len(missing)} of {len(breasts)} breasts have no prediction{first}", "all of them, of all folds"
        )
    return [Case(b, predictions[b.patient_id, b.laterality.value]) for b in breasts]


def folds_of(cases: Sequence[Case]) -> list[int]:
    """The folds that the cases come from, in order."""
    return sorted({c.prediction.fold.number for c in cases})


def out_of_fold_rows(cases: Sequence[Case], num_draws: int = 1000) -> list[Row]:
    """The figures of the issue, then per machine, per fold and the baselines."""
    labels = np.array([c.breast.cancer for c in cases], dtype=int)
    scores = np.array([c.prediction.cancer for c in cases])
    n = _n(labels, "cancers")
    patients = [c.breast.patient_id for c in cases]
    interval = auc_interval(scores, labels, patients, num_draws)
    return [
        Row("cancer AUC per breast, pooled out-of-fold", auc(scores, labels), n, interval, CANCER_BAR),
        Row("… lower end of its interval", interval.low, n, bar=LOWER_END_BAR),
        *_baseline_rows(cases, scores, labels, num_draws),
        Row("… average precision", average_precision(scores, labels), n),
        Row("… sensitivity at specificity 0.9", sensitivity_at_specificity(scores, labels, 0.9), n),
        Row("… mean AUC of the folds", _mean_of_folds(cases, scores, labels), n),
        *_group_rows("cancer AUC", cases, scores, labels, num_draws),
        *density_rows(cases, num_draws),
    ]


def density_rows(cases: Sequence[Case], num_draws: int = 1000) -> list[Row]:
    """Density C/D against A/B on the breasts that have a density label, pooled and per machine."""
    rated = [c for c in cases if c.breast.density]
    labels = np.array([c.breast.density in ("c", "d") for c in rated], dtype=int)
    scores = np.array([c.prediction.dense for c in rated])
    if len(set(labels.tolist())) < 2:
        return []
    interval = auc_interval(scores, labels, [c.breast.patient_id for c in rated], num_draws)
    pooled = Row(
        "density c/d against a/b AUC per breast, pooled out-of-fold",
        auc(scores, labels),
        _n(labels, "dense"),
        interval,
        DENSITY_BAR,
    )
    return [pooled, *_letter_rows(rated, num_draws), *_group_rows("density AUC", rated, scores, labels, num_draws)]


def _letter_rows(rated: Sequence[Case], num_draws: int) -> list[Row]:
    """How often the letter is that of the label: of all breasts, and of those labelled d."""
    exact = _right("… density letter exact", rated, LETTER_BAR, num_draws)
    densest = [c for c in rated if c.breast.density == "d"]
    return [exact, *([_right("… d given where the label is d", densest, DENSEST_BAR, num_draws)] if densest else [])]


def _right(what: str, cases: Sequence[Case], bar: float, num_draws: int) -> Row:
    right: dict[str, list[bool]] = {}
    for case in cases:
        right.setdefault(case.breast.patient_id, []).append(case.prediction.letter == case.breast.density)
    counts, breasts = [sum(own) for own in right.values()], [len(own) for own in right.values()]
    interval = ratio_interval(counts, breasts, num_draws)
    return Row(what, sum(counts) / sum(breasts), f"{sum(breasts)} breasts", interval, bar)


def _n(labels, what: str) -> str:
    return f"{len(labels)} breasts, {int(labels.sum())} {what}"


def _mean_of_folds(cases: Sequence[Case], scores: FloatArray, labels) -> float:
    folds = np.array([c.prediction.fold.number for c in cases])
    return float(np.mean([auc(scores[folds == f], labels[folds == f]) for f in sorted(set(folds.tolist()))]))


def _group_rows(what: str, cases: Sequence[Case], scores: FloatArray, labels, num_draws: int) -> list[Row]:
    patients = [c.breast.patient_id for c in cases]
    machines = [c.breast.machine for c in cases]
    groups = auc_by_group(scores, labels, machines, patients, num_draws=num_draws)
    return [
        Row(f"{what}, machine {g.group}", g.auc, f"{g.n} breasts, {g.positives} positive", g.interval) for g in groups
    ]


def _baseline_rows(cases: Sequence[Case], scores: FloatArray, labels, num_draws: int) -> list[Row]:
    """Age alone, the paired gain over it, and the machine alone (cancer rate of the machine in the other folds)."""
    known = np.array([i for i, c in enumerate(cases) if c.breast.age is not None])
    ages = np.array([cases[i].breast.age for i in known], dtype=float)
    s, y, patients = scores[known], labels[known], [cases[i].breast.patient_id for i in known]
    gains = cluster_bootstrap(lambda i: auc(s[i], y[i]) - auc(ages[i], y[i]), patients, num_draws)
    gain: Interval = percentile_interval(gains)
    n = _n(y, "cancers")
    rows = [
        Row("… age alone", auc(ages, y), n, auc_interval(ages, y, patients, num_draws)),
        Row("… gain over age alone (paired)", auc(s, y) - auc(ages, y), n, gain),
    ]
    if len(folds_of(cases)) > 1:  # the rates come from the other folds
        rows.append(Row("… machine alone", auc(_machine_rates(cases, labels), labels), _n(labels, "cancers")))
    return rows


def _machine_rates(cases: Sequence[Case], labels) -> FloatArray:
    folds = np.array([c.prediction.fold.number for c in cases])
    machines = np.array([c.breast.machine for c in cases])
    rates = np.full(len(cases), labels.mean(), dtype=float)
    for f, machine in {(c.prediction.fold.number, c.breast.machine) for c in cases}:
        others = (folds != f) & (machines == machine)
        if others.any():
            rates[(folds == f) & (machines == machine)] = labels[others].mean()
    return rates
