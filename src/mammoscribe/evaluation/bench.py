"""Figures of a reader on exams with full ground truth: finds, false marks, density, facts, malignancy, change."""

from collections.abc import Sequence

import numpy as np

from mammoscribe.evaluation.bootstrap import bootstrap_interval, interval_or_none, ratio_interval
from mammoscribe.evaluation.card import Row, Sense
from mammoscribe.evaluation.classification import Weights, auc, auc_interval, brier, expected_calibration_error, kappa
from mammoscribe.evaluation.detection import (
    KINDS,
    ViewMarks,
    froc,
    match_findings,
    operating_point,
    sensitivity_at,
    views_of,
)
from mammoscribe.evaluation.facts import FactCounts, count_facts, findings_only, score_facts
from mammoscribe.evaluation.records import BreastRecord, ExamRecord

FALSE_MARK_BUDGET = 0.5
_FOUND_BARS = {"mass": 0.85, "suspicious_calcification": 0.6}
_FACTS_BAR = 0.75
_DENSITY_BAR = 0.75
_TEXTS = {
    "rendered": "facts F1, rendered report",
    "decoder_before_gate": "facts F1, decoder before the gate",
    "decoder_after_gate": "facts F1, decoder's sentences that passed the gate",
    "decoder_report": "facts F1, decoder's report (omissions appended)",
    "model_before_gate": "facts F1, other model before the gate",
    "model_after_gate": "facts F1, other model's sentences that passed the gate",
    "model_report": "facts F1, other model's report (omissions appended)",
}


def bench_rows(records: Sequence[ExamRecord]) -> list[Row]:
    """Every figure of the bench as rows of a report card, in the order of the issue's table."""
    rows = [row for kind in KINDS for row in detection_rows(records, kind)]
    rows += density_rows(records)
    rows += fact_rows(records)
    rows += malignancy_rows(records)
    return [*rows, change_row(records)]


def detection_rows(records: Sequence[ExamRecord], kind: str) -> list[Row]:
    """Lesions found and false marks per view at the two stored thresholds: all marks that can be shown, and those of sentences.

    The bars are for a detector, so they are held up to all marks that the page can show.
    """
    name, bar = kind.replace("_", " "), _FOUND_BARS.get(kind)
    stated = [_views(r, r.reported, kind) for r in records]
    boxes = [operating_point(views, by_lesion=False) for views in stated]
    curve = froc([v for r in records for v in _views(r, r.candidates, kind)])
    shown = [_views(r, (*r.reported, *r.possible), kind) for r in records]
    return [
        *_found_rows(f"{name}, weaker marks shown", shown, bar),
        *_found_rows(f"{name}, in sentences", stated, None),
        Row(f"{name}, in sentences: boxes found", _ratio([m.found for m in boxes], [m.lesions for m in boxes]), f"{sum(m.lesions for m in boxes)} boxes"),
        Row(f"{name}: found at {FALSE_MARK_BUDGET:g} false marks per view, any threshold", sensitivity_at(curve, FALSE_MARK_BUDGET), f"{curve.num_lesions} lesions"),
    ]  # fmt: skip


def _found_rows(name: str, per_exam: Sequence[tuple[ViewMarks, ...]], bar: float | None) -> list[Row]:
    points = [operating_point(views) for views in per_exam]
    found, lesions = [p.found for p in points], [p.lesions for p in points]
    false, views = [p.false_marks for p in points], [p.views for p in points]
    return [
        Row(f"{name}: found", _ratio(found, lesions), f"{sum(lesions)} lesions", interval_or_none(lambda: ratio_interval(found, lesions)), bar),
        Row(
            f"{name}: false marks per view", _ratio(false, views), f"{sum(views)} views",
            interval_or_none(lambda: ratio_interval(false, views)), FALSE_MARK_BUDGET if bar else None, Sense.AT_MOST,
        ),
    ]  # fmt: skip


def _views(record: ExamRecord, pred, kind: str) -> tuple[ViewMarks, ...]:
    return views_of(record.exam_id, record.view_ids, pred, record.truth, KINDS[kind])


def _ratio(above: Sequence[float], below: Sequence[float]) -> float:
    return sum(above) / sum(below) if sum(below) else float("nan")


def density_rows(records: Sequence[ExamRecord]) -> list[Row]:
    """Density per breast: exact, and linear kappa; a breast without an answer is not exact."""
    rated = [(r.exam_id, b) for r in records for b in r.breasts if b.density]
    patients = [exam for exam, _ in rated]
    exact = np.array([b.density == b.density_given for _, b in rated], dtype=float)
    answered = [(exam, b) for exam, b in rated if b.density_given]
    truth = np.array(["abcd".index(b.density or "") for _, b in answered], dtype=int)
    given = np.array(["abcd".index(b.density_given or "") for _, b in answered], dtype=int)
    within = [exam for exam, _ in answered]
    if not answered:
        return []
    return [
        Row("density exact", float(exact.mean()), f"{len(rated)} breasts", bootstrap_interval(lambda i: float(exact[i].mean()), patients), _DENSITY_BAR),
        Row("density kappa (linear)", kappa(truth, given, 4), f"{len(answered)} breasts", _kappa_interval(truth, given, within)),
    ]  # fmt: skip


def _kappa_interval(truth, given, patients: Sequence[str]):
    if len(set(truth.tolist()) | set(given.tolist())) < 2:
        return None
    return interval_or_none(
        lambda: bootstrap_interval(lambda i: kappa(truth[i], given[i], 4, Weights.LINEAR), patients)
    )


def fact_rows(records: Sequence[ExamRecord]) -> list[Row]:
    """Fact F1 of each text that was written, with the kinds of fact apart for the rendered one."""
    rows = []
    for text, what in _TEXTS.items():
        with_text = [r for r in records if text in r.facts]
        if not with_text:
            continue
        score = score_facts([count_facts(r.facts[text], r.facts["truth"]) for r in with_text])
        counts = score.pooled
        bar = _FACTS_BAR if text == "rendered" else None
        n = f"{counts.right + counts.missed} facts, {score.num_reports} reports"
        rows += [
            Row(what, counts.f1, n, _f1_interval(with_text, text), bar),
            Row(f"{what}: precision", counts.precision, n),
            Row(f"{what}: recall", counts.recall, n),
            Row(f"{what}: mean per report", score.mean, f"{score.num_reports} reports"),
            Row(
                f"{what}: mean, empty ones left out",
                score.mean_not_empty,
                f"{score.num_reports - score.num_empty} reports",
            ),
        ]
        kinds = [count_facts(findings_only(r.facts[text]), findings_only(r.facts["truth"])) for r in with_text]
        rows.append(Row(f"{what}: breast and kind only", sum(kinds, FactCounts(0, 0, 0)).f1, n))
    return rows + claim_rows(records)


def _f1_interval(records: Sequence[ExamRecord], text: str):
    counts = [count_facts(r.facts[text], r.facts["truth"]) for r in records]
    doubled = [2 * c.right for c in counts]
    totals = [d + c.wrong + c.missed for d, c in zip(doubled, counts, strict=True)]
    return interval_or_none(lambda: ratio_interval(doubled, totals))


def claim_rows(records: Sequence[ExamRecord]) -> list[Row]:
    """What the gate did with the decoder's claims; nothing when it did not write."""
    total = sum(sum(r.claims.values()) for r in records)
    results = sorted({k for r in records for k in r.claims})
    return [
        Row(f"decoder's claims {k}", sum(r.claims.get(k, 0) for r in records) / total, f"{total} claims")
        for k in results
        if total
    ]


def malignancy_rows(records: Sequence[ExamRecord]) -> list[Row]:
    """Breast malignancy: AUC, ECE, Brier, on breasts with truth and answer."""
    rated = [(r.exam_id, b) for r in records for b in r.breasts if _rated(b)]
    probs = np.array([b.prob_malignant for _, b in rated], dtype=float)
    labels = np.array([b.malignant for _, b in rated], dtype=int)
    if len(set(labels.tolist())) < 2:
        return []
    n = f"{len(labels)} breasts, {labels.sum()} malignant"
    patients = [exam for exam, _ in rated]
    return [
        Row(
            "malignancy AUC per breast",
            auc(probs, labels),
            n,
            interval_or_none(lambda: auc_interval(probs, labels, patients)),
        ),
        Row("malignancy ECE (15 bins of like size)", expected_calibration_error(probs, labels), n),
        Row("malignancy Brier score", brier(probs, labels), n),
    ]


def _rated(breast: BreastRecord) -> bool:
    return breast.malignant is not None and breast.prob_malignant is not None


def change_row(records: Sequence[ExamRecord]) -> Row:
    """Of findings that match a true one in exams with a prior, the share whose change is right."""
    right, total = 0, 0
    for record in records:
        if not record.has_prior:
            continue
        for match in match_findings(record.reported, record.truth):
            true = record.truth[match.truth].change
            if true is not None:
                total += 1
                right += record.reported[match.mark].change is true
    return Row("change since the prior right", right / total if total else float("nan"), f"{total} matched findings")
