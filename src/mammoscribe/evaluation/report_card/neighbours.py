"""The report of the training exam whose picture is most alike: what a system reaches that only looks pictures up."""

from collections.abc import Mapping, Sequence

import numpy as np

from mammoscribe.data.report_files import StoredReport
from mammoscribe.evaluation.bootstrap import FloatArray
from mammoscribe.evaluation.report_card.pairs import ReportPairs
from mammoscribe.support.errors import InputError

_NAMED = 5


def train_faults(pairs: ReportPairs, train: Mapping[str, StoredReport]) -> list[str]:
    """Exams or patients that are both measured and learned from, as one sentence each."""
    found = []
    exams = [i for i in pairs.ids if i in train]
    if exams:
        found.append(f"{len(exams)} of the scored exams are also in the training reports ({', '.join(exams[:_NAMED])})")
    learned = {r.patient for r in train.values() if r.patient is not None}
    patients = sorted(learned.intersection(pairs.patients)) if pairs.patients_known else []
    if patients and not exams:
        words = ", ".join(patients[:_NAMED])
        found.append(f"{len(patients)} patients are in the scored and in the training reports ({words})")
    return found


def neighbour_reports(
    pairs: ReportPairs, train: Mapping[str, StoredReport], picture_ids: Sequence[str], features: FloatArray
) -> list[str | None]:
    """For each scored exam the training report of the exam with the most alike pictures (cosine); None without pictures.

    Args:
        pairs: the scored exams. train: reports by exam id.
        picture_ids: for each picture the id of its exam, alone or with `/` and more behind it.
        features: [N, D] of the pictures; an exam with several has the mean direction.

    Raises:
        InputError: when no scored exam, or no training exam, has a picture.
    """
    directions = _directions(picture_ids, features)
    learned = [i for i in train if i in directions and i not in set(pairs.ids)]
    measured = [i for i in pairs.ids if i in directions]
    if not learned or not measured:
        found = f"the feature set has pictures of {len(measured)} scored and {len(learned)} training exams"
        raise InputError(found, "both", "the id of a picture is that of its exam, alone or followed by /")
    stack = np.stack([directions[i] for i in learned])
    best: list[str | None] = []
    for exam, patient in zip(pairs.ids, pairs.patients, strict=True):
        if exam not in directions:
            best.append(None)
            continue
        order = np.argsort(-(stack @ directions[exam]), kind="stable")
        other = (train[learned[k]] for k in order.tolist() if train[learned[k]].patient != patient)
        best.append(next((r.text for r in other), None))
    return best


def _directions(picture_ids: Sequence[str], features: FloatArray) -> dict[str, FloatArray]:
    """Mean direction of the pictures of each exam, of length 1."""
    summed: dict[str, FloatArray] = {}
    for name, row in zip(picture_ids, np.asarray(features, dtype=np.float64), strict=True):
        exam, length = name.split("/", 1)[0], float(np.linalg.norm(row))
        if length:
            summed[exam] = summed.get(exam, 0.0) + row / length
    return {exam: v / n for exam, v in summed.items() if (n := float(np.linalg.norm(v)))}
