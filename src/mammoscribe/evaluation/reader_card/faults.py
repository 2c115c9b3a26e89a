"""Faults of a measurement that make its figures wrong: leaked patients, repeated exams, exchanged sides, shuffled ids.

Each is one sentence. A caller refuses to measure, or is told to measure anyway and puts the sentence on the card.
"""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from scipy import stats

from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.data.records import SPLITS, MammoExam, group_of
from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.view import Box
from mammoscribe.evaluation.classification import auc
from mammoscribe.evaluation.detection import is_hit
from mammoscribe.evaluation.outputs.exam_output import ExamOutput
from mammoscribe.evaluation.reader_card.breast_measures import (
    BreastCases,
    breast_cases,
    density_cases,
    malignant,
    prob_malignant,
)
from mammoscribe.evaluation.reader_card.cases import Case, listed
from mammoscribe.support.errors import InputError

LEAST_EXAMS, LEAST_POSITIVES, LEAST_PAIRS = 40, 10, 5
"""Exams, malignant breasts and patients with one malignant breast from which chance can be told from a fault."""
RARE = 0.01
"""Probability below which exchanged sides are no chance."""
SHUFFLES, NO_BETTER = 200, 0.2
"""Random orders of the exams, and the share of them that must agree as well before ids look shuffled."""


def leaks(dataset: PreparedDataset, trained_on: Sequence[Path] = ()) -> Iterator[str]:
    """Patients and pictures of a split that are also in splits a reader learns from.

    Args:
        dataset: the split that is measured. Its own `train` and `val` are looked at.
        trained_on: further prepared datasets that the reader learned from.
    """
    tested = _groups(dataset)
    own = {bytes_: record for record, bytes_ in _pictures(dataset)}
    here = dataset.folder.resolve()
    for folder in dict.fromkeys([here, *(Path(f).resolve() for f in trained_on)]):
        other = PreparedDataset(folder)
        if other.about["splits_sha256"] is None:
            continue
        same_ids = other.about["dataset"] == dataset.about["dataset"]
        for name in (s for s in SPLITS if s != "test" and s in set(other.splits())):
            if folder == here and name == dataset.split:
                continue
            part = PreparedDataset(folder, name)
            if same_ids and (shared := sorted(tested & _groups(part))):
                yield f"{len(shared)} patients of {dataset.split} are also in {name} of {folder.name} ({listed(shared)})"
            again = [(own[p], record) for record, p in _pictures(part) if p in own]
            if again:
                first, second = again[0]
                yield f"{len(again)} pictures of {dataset.split} are also in {name} of {folder.name} ({first} and {second})"


def repeats(dataset: PreparedDataset) -> Iterator[str]:
    """Pictures that two exams of a split share: one of them counts twice."""
    seen: dict[bytes, str] = {}
    found: dict[tuple[str, str], None] = {}
    for record, picture in _pictures(dataset):
        first = seen.setdefault(picture, record)
        if first != record:
            found[first, record] = None
    if found:
        first, second = next(iter(found))
        yield f"{len(found)} exams of {dataset.split} repeat the pictures of another one ({first} and {second})"


def _groups(dataset: PreparedDataset) -> set[str]:
    return {group_of(stored.record) for stored in dataset}


def _pictures(dataset: PreparedDataset) -> Iterator[tuple[str, bytes]]:
    """(record id, digest) of every picture that shows anything: of equal pictures equal digests."""
    for stored in dataset:
        if isinstance(stored.record, MammoExam):
            for picture in stored.pictures:
                if np.ptp(picture.pixels):
                    yield stored.record.id, _digest(picture.pixels)


def _digest(pixels: np.ndarray) -> bytes:
    return hashlib.sha256(repr(pixels.shape).encode() + np.ascontiguousarray(pixels).tobytes()).digest()


# --- outputs ------------------------------------------------------------------------------------------------------


def output_faults(name: str, cases: Sequence[Case]) -> Iterator[str]:
    """Signs that a system's outputs were put together wrongly.

    Args:
        name: of the system. cases: its exams with labels.
    """
    found = list(_exchanged(name, cases))  # exchanged sides agree no better than shuffled ids do
    yield from found or _shuffled(name, cases)


def _exchanged(name: str, cases: Sequence[Case]) -> Iterator[str]:
    """Whether right and left agree better with each other's labels, by exams in which they differ (sign test)."""
    c = breast_cases(cases, malignant, prob_malignant)
    ways = (
        (_pairs(c), "exams in which the malignant breast has the higher probability"),
        (_hits(cases), "lesions that a mark hits"),
    )
    for (as_given, exchanged), what in ways:
        if as_given + exchanged >= LEAST_PAIRS and _sign_test(exchanged, as_given) < RARE:
            yield (
                f"{name}: agreement is higher with right and left exchanged than as given ({what}: {exchanged} exchanged, "
                f"{as_given} as given)"
            )
            return


def _pairs(c: BreastCases) -> tuple[int, int]:
    """In how many exams the malignant of two breasts has the higher probability, and in how many the other one."""
    exams: dict[int, dict[float, float]] = {}
    for exam, label, score in zip(c.exams, c.labels.tolist(), c.scores.tolist(), strict=True):
        exams.setdefault(exam, {})[label] = score
    both = [e for e in exams.values() if len(e) == 2]
    return sum(e[1.0] > e[0.0] for e in both), sum(e[1.0] < e[0.0] for e in both)


def _hits(cases: Sequence[Case]) -> tuple[int, int]:
    """How many lesions only the marks of their view hit, and how many only those of the other side's view do."""
    own = other = 0
    for case in cases:
        for finding in case.labels.truth:
            given = [_hit(case.output, finding.type, m.view_id, m.box) for m in finding.marks]
            swapped = [_hit(case.output, finding.type, _across(m.view_id), m.box) for m in finding.marks]
            own += any(given) and not any(swapped)
            other += any(swapped) and not any(given)
    return own, other


def _hit(output: ExamOutput, kind: FindingType, view: str, box: Box) -> bool:
    return any(m.stated and m.kind is kind and m.view == view and is_hit(m.box, box) for m in output.marks)


def _across(view: str) -> str:
    return ("L" if view[0] == "R" else "R") + view[1:]


def _sign_test(more: int, less: int) -> float:
    return float(stats.binomtest(more, more + less, alternative="greater").pvalue)


def _shuffled(name: str, cases: Sequence[Case]) -> Iterator[str]:
    """Whether every label that can tell agrees no better than with the exams in random orders."""
    if len(cases) < LEAST_EXAMS:
        return
    rng = np.random.default_rng(0)
    orders = [rng.permutation(len(cases)) for _ in range(SHUFFLES)]
    found = []
    for what, value in (("AUC of malignancy", _malignancy), ("exact density", _density)):
        own = value(cases)
        if own is not None:
            others = [v for o in orders if (v := value(_reordered(cases, o))) is not None]
            found.append((what, own, float(np.mean(others)), float(np.mean([v >= own for v in others]))))
    if found and all(as_good > NO_BETTER for *_, as_good in found):
        words = "; ".join(f"{what} {own:.2f}, shuffled {other:.2f}" for what, own, other, _ in found)
        yield f"{name}: its outputs agree no better with their own exams than with others ({words}); ids may be shuffled"


def _reordered(cases: Sequence[Case], order: np.ndarray) -> list[Case]:
    return [Case(case.labels, cases[i].output) for case, i in zip(cases, order.tolist(), strict=True)]


def _malignancy(cases: Sequence[Case]) -> float | None:
    c = breast_cases(cases, malignant, prob_malignant)
    enough = min(c.labels.sum(), (1 - c.labels).sum()) >= LEAST_POSITIVES
    return auc(c.scores, c.labels) if enough else None


def _density(cases: Sequence[Case]) -> float | None:
    c = density_cases(cases)
    if len(c.labels) < LEAST_EXAMS or min(len(set(c.labels.tolist())), len(set(c.scores.tolist()))) < 2:
        return None
    return float((c.labels == c.scores).mean())


# --- thresholds ---------------------------------------------------------------------------------------------------


def check_threshold_split(split: str | None, fixed_on: str) -> None:
    """InputError where a threshold would be fixed on the exams on which it is measured."""
    if fixed_on == split or fixed_on == "test":
        raise InputError(
            f"a threshold fixed on {fixed_on}, which is measured" if fixed_on == split else "a threshold fixed on test",
            "a threshold that the measured exams did not choose", "fix it on val",
        )  # fmt: skip
