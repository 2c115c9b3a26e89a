"""Out-of-fold predictions on RSNA breasts: pooled AUCs with intervals, per machine, beside age and machine alone.

Every breast of every patient is predicted once, by the network that never met its patient; the predictions of the
folds are pooled as they are. Labels come from the data set, never from the predictions file.
"""

import csv
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mammoscribe.data.folds import fold
from mammoscribe.data.rsna import RsnaBreast, RsnaExam
from mammoscribe.evaluation.bootstrap import FloatArray, Interval, cluster_bootstrap, percentile_interval
from mammoscribe.evaluation.card import Row
from mammoscribe.evaluation.classification import (
    auc,
    auc_by_group,
    auc_interval,
    average_precision,
    sensitivity_at_specificity,
)
from mammoscribe.support.errors import InputError

CANCER_BAR, AGE_BAR, DENSITY_BAR = 0.70, 0.638, 0.90
Key = tuple[str, str]


@dataclass(frozen=True)
class Prediction:
    """Scores of one breast by the network of its fold; `dense` is the probability of density c or d."""

    fold: int
    cancer: float
    dense: float


@dataclass(frozen=True)
class Case:
    """A breast with labels and prediction."""

    exam: RsnaExam
    breast: RsnaBreast
    prediction: Prediction


def read_predictions(paths: Sequence[Path]) -> dict[Key, Prediction]:
    """Predictions by (patient id, laterality) from one or several CSV files.

    Columns: `patient_id, laterality, fold` with either `prob_cancer, prob_dense` or, as the training recipe writes
    them, the logits `malignant_logit, density_a..density_d`.

    Raises:
        InputError: for a missing file or column, a breast predicted twice, or one in the wrong fold.
    """
    found: dict[Key, Prediction] = {}
    for path in paths:
        if not path.is_file():
            raise InputError(f"no predictions in {path}", "", "run the cross-validation recipe first")
        with path.open(newline="", encoding="utf-8") as stream:
            for row in csv.DictReader(stream):
                key = (row.get("patient_id", ""), row.get("laterality", ""))
                if key in found:
                    raise InputError(f"breast {' '.join(key)} is predicted twice", "one out-of-fold prediction")
                found[key] = _prediction(row, path)
                if found[key].fold != fold(key[0]):
                    raise InputError(
                        f"patient {key[0]} is in fold {found[key].fold}", f"fold {fold(key[0])}, by the hash rule"
                    )
    return found


def _prediction(row: Mapping[str, str], path: Path) -> Prediction:
    try:
        if "prob_cancer" in row:
            return Prediction(int(row["fold"]), float(row["prob_cancer"]), float(row["prob_dense"]))
        logits = np.array([float(row[f"density_{c}"]) for c in "abcd"])
        weights = np.exp(logits - logits.max())
        cancer = 1 / (1 + math.exp(-float(row["malignant_logit"])))
        return Prediction(int(row["fold"]), cancer, float(weights[2:].sum() / weights.sum()))
    except (KeyError, ValueError) as error:
        raise InputError(f"{path} has a row that cannot be read ({error})", "the columns the recipe writes") from error


def join(
    predictions: Mapping[Key, Prediction], exams: Sequence[RsnaExam], folds: Collection[int] | None = None
) -> list[Case]:
    """Every breast that has a readable view, with its prediction.

    Args:
        predictions: by patient and laterality.
        exams: of the data set.
        folds: those to keep to; None for all.

    Raises:
        InputError: when a breast has no prediction: a pooled figure over part of the patients is another figure.
    """
    kept = [e for e in exams if folds is None or fold(e.patient_id) in folds]
    wanted = [(e, b) for e in kept for b in e.breasts if e.images_of(b.laterality)]
    missing = [
        f"{e.patient_id} {b.laterality}" for e, b in wanted if (e.patient_id, b.laterality.value) not in predictions
    ]
    if missing or not wanted:
        first = f", {missing[0]} first" if missing else ""
        expected = "all folds" if folds is None else "all breasts of the folds that are given"
        raise InputError(f"{len(missing)} of {len(wanted)} breasts have no prediction{first}", expected)
    return [Case(e, b, predictions[e.patient_id, b.laterality.value]) for e, b in wanted]


def folds_of(cases: Sequence[Case]) -> list[int]:
    """The folds that the cases come from, in order."""
    return sorted({c.prediction.fold for c in cases})


def out_of_fold_rows(cases: Sequence[Case], num_draws: int = 1000) -> list[Row]:
    """The figures of the issue, then per machine, per fold and the baselines."""
    labels = np.array([c.breast.cancer for c in cases], dtype=int)
    scores = np.array([c.prediction.cancer for c in cases])
    n = _n(labels, "cancers")
    patients = [c.exam.patient_id for c in cases]
    interval = auc_interval(scores, labels, patients, num_draws)
    return [
        Row("cancer AUC per breast, pooled out-of-fold", auc(scores, labels), n, interval, CANCER_BAR),
        Row("… lower end of its interval, against age alone", interval.low, n, bar=AGE_BAR),
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
    interval = auc_interval(scores, labels, [c.exam.patient_id for c in rated], num_draws)
    pooled = Row(
        "density c/d against a/b AUC per breast, pooled out-of-fold",
        auc(scores, labels),
        _n(labels, "dense"),
        interval,
        DENSITY_BAR,
    )
    return [pooled, *_group_rows("density AUC", rated, scores, labels, num_draws)]


def _n(labels, what: str) -> str:
    return f"{len(labels)} breasts, {int(labels.sum())} {what}"


def _mean_of_folds(cases: Sequence[Case], scores: FloatArray, labels) -> float:
    folds = np.array([c.prediction.fold for c in cases])
    return float(np.mean([auc(scores[folds == f], labels[folds == f]) for f in sorted(set(folds.tolist()))]))


def _group_rows(what: str, cases: Sequence[Case], scores: FloatArray, labels, num_draws: int) -> list[Row]:
    patients = [c.exam.patient_id for c in cases]
    machines = [c.exam.machine_id for c in cases]
    groups = auc_by_group(scores, labels, machines, patients, num_draws=num_draws)
    return [
        Row(f"{what}, machine {g.group}", g.auc, f"{g.n} breasts, {g.positives} positive", g.interval) for g in groups
    ]


def _baseline_rows(cases: Sequence[Case], scores: FloatArray, labels, num_draws: int) -> list[Row]:
    """Age alone, the paired gain over it, and the machine alone (cancer rate of the machine in the other folds)."""
    known = np.array([i for i, c in enumerate(cases) if c.exam.age is not None])
    ages = np.array([cases[i].exam.age for i in known], dtype=float)
    s, y, patients = scores[known], labels[known], [cases[i].exam.patient_id for i in known]
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
    folds = np.array([c.prediction.fold for c in cases])
    machines = np.array([c.exam.machine_id for c in cases])
    rates = np.full(len(cases), labels.mean(), dtype=float)
    for f, machine in {(c.prediction.fold, c.exam.machine_id) for c in cases}:
        others = (folds != f) & (machines == machine)
        if others.any():
            rates[(folds == f) & (machines == machine)] = labels[others].mean()
    return rates
