"""Faults of a measurement that make its figures wrong: leaked patients, repeated exams, exchanged sides, shuffled ids.

Each is one sentence. A caller refuses to measure, or is told to measure anyway and puts the sentence on the card.
"""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from scipy import stats

from mammoscribe.data.folds import Fold
from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.data.records import SPLITS
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
        dataset: the split that is measured, or the fold. Its own `train` and `val` are looked at, without the patients of
            the fold.
        trained_on: further prepared datasets that the reader learned from.
    """
    own, here = _Pictures(dataset), dataset.folder.resolve()
    for folder in dict.fromkeys([here, *(Path(f).resolve() for f in trained_on)]):
        whole = PreparedDataset(folder)
        if whole.about["splits_sha256"] is None:
            continue
        same_ids = whole.about["dataset"] == dataset.about["dataset"]
        for name in (s for s in SPLITS if s != "test" and s in set(whole.splits())):
            if folder != here or name != dataset.split:
                yield from _shared(own, _Pictures(PreparedDataset(folder, name), dataset.fold), same_ids)


def _shared(own: "_Pictures", other: "_Pictures", same_ids: bool) -> Iterator[str]:
    where = f"{other.dataset.part} of {other.dataset.folder.name}"
    if same_ids and (patients := sorted(own.patients & other.patients)):
        yield f"{len(patients)} patients of {own.dataset.part} are also in {where} ({listed(patients)})"
    again = [
        (mine, its)
        for hash_ in own.by_hash.keys() & other.by_hash.keys()
        for mine in own.by_hash[hash_]
        for its in other.by_hash[hash_]
        if own.digest(mine) == other.digest(its) is not None
    ]
    if again:
        (first, _), (second, _) = min(again)
        yield f"{len({mine for mine, _ in again})} pictures of {own.dataset.part} are also in {where} ({first} and {second})"


def repeats(dataset: PreparedDataset) -> Iterator[str]:
    """Pictures that two exams of a split share: one of them counts twice."""
    pictures, found = _Pictures(dataset), set[tuple[str, str]]()
    for alike in pictures.by_hash.values():
        seen: dict[bytes, str] = {}
        for picture in alike if len({record for record, _ in alike}) > 1 else ():
            digest = pictures.digest(picture)
            if digest is not None and (first := seen.setdefault(digest, picture[0])) != picture[0]:
                found.add((first, picture[0]))
    if found:
        first, second = min(found)
        yield f"{len(found)} exams of {dataset.part} repeat the pictures of another one ({first} and {second})"


_Place = tuple[str, str]
"""Record id, and path of the picture."""


class _Pictures:
    """The pictures of a split by their perceptual hash, which is in the index; pixels are read only where hashes are equal.

    Args:
        dataset: the split. without: a fold whose patients are left out.
    """

    def __init__(self, dataset: PreparedDataset, without: Fold | None = None) -> None:
        self.dataset = dataset
        self.by_hash: dict[bytes, list[_Place]] = {}
        self.patients: set[str] = set()
        for record, patient, path, hash_ in dataset.hashes():
            if without is not None and without.holds(patient):
                continue
            self.by_hash.setdefault(hash_, []).append((record, path))
            self.patients.add(patient)

    def digest(self, place: _Place) -> bytes | None:
        """SHA-256 of the pixels of a picture; None of one that shows nothing."""
        record, path = place
        number = self.dataset.position_of(record)
        assert number is not None
        picture = next(p for p in self.dataset[number].pictures if p.path == path)
        if not np.ptp(picture.pixels):
            return None
        return hashlib.sha256(repr(picture.pixels.shape).encode() + picture.pixels.tobytes()).digest()


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
