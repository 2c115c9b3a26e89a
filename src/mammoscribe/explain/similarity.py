"""Similarity of sentences: paraphrase against contradiction, inference by similarity, and the nearest report."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from mammoscribe.data.formats.tables import all_rows
from mammoscribe.explain.retrieval import Hit, image_queries, search, text_queries
from mammoscribe.explain.store import Kind, VectorStore
from mammoscribe.imaging.joint_pixels import JointPixels
from mammoscribe.models.joint_space import JointSpace
from mammoscribe.support.errors import InputError

ALIKE = {"paraphrase", "entailment", "similar", "1", "true"}
OPPOSED = {"contradiction", "different", "0", "false"}
LEFT_OUT = {"neutral"}
FIRST = ("sentence_1", "sentence1", "first")
SECOND = ("sentence_2", "sentence2", "second")
LABEL = ("label", "category", "gold_label")


@dataclass(frozen=True)
class Pair:
    """Two sentences, and whether they say the same."""

    first: str
    second: str
    alike: bool


@dataclass(frozen=True)
class PairFigures:
    """How well a similarity tells pairs that say the same from pairs that contradict.

    Args:
        threshold: similarity from which on a pair counts as alike.
        fitted: whether the threshold was chosen on these very pairs; then the accuracy flatters.
        accuracy: at the threshold, 0..1.
        auc: area under the ROC curve; NaN when only one class is there.
        alike, opposed: number of pairs of each class.
    """

    threshold: float
    fitted: bool
    accuracy: float
    auc: float
    alike: int
    opposed: int


def sentence_similarities(space: JointSpace, first: Sequence[str], second: Sequence[str]) -> np.ndarray:
    """Cosine of every sentence of `first` with that at the same place of `second`, float [N].

    Raises:
        InputError: for lists of two lengths.
    """
    if len(first) != len(second):
        raise InputError(f"{len(first)} sentences beside {len(second)}", "pairs")
    known = list(dict.fromkeys([*first, *second]))
    vector = dict(zip(known, text_queries(space, known).astype(float), strict=True))
    return np.array([float(vector[a] @ vector[b]) for a, b in zip(first, second, strict=True)])


def best_threshold(scores: ArrayLike, alike: ArrayLike) -> float:
    """The similarity at which most pairs are told right; half-way between two scores, the lowest of equally good ones.

    Raises:
        InputError: without pairs.
    """
    scores, alike = np.asarray(scores, float), np.asarray(alike, bool)
    if not len(scores):
        raise InputError("a threshold over no pairs", "one or more")
    values = np.unique(scores)
    middles = (values[1:] + values[:-1]) / 2
    candidates = np.array([values[0] - 1e-6, *middles, values[-1] + 1e-6])
    # right at a threshold: alike pairs from it on, and opposed pairs below it
    from_on = alike.sum() - np.searchsorted(np.sort(scores[alike]), candidates, side="left")
    below = np.searchsorted(np.sort(scores[~alike]), candidates, side="left")
    return float(candidates[int((from_on + below).argmax())])


def pair_figures(scores: ArrayLike, alike: ArrayLike, threshold: float | None = None) -> PairFigures:
    """Accuracy at a threshold, and ROC-AUC (ties count half), as for MS-CXR-T and RadNLI (Bannur et al., CVPR 2023).

    Args:
        scores: similarity of each pair, [N].
        alike: whether the pair says the same, [N] bool.
        threshold: chosen on other pairs; None fits it on these, as the published figures do.
    """
    scores, alike = np.asarray(scores, float), np.asarray(alike, bool)
    at = best_threshold(scores, alike) if threshold is None else threshold
    accuracy = float(((scores >= at) == alike).mean()) if len(scores) else float("nan")
    positives, negatives = scores[alike], scores[~alike]
    auc = float("nan")
    if len(positives) and len(negatives):
        auc = float(stats.mannwhitneyu(positives, negatives).statistic / (len(positives) * len(negatives)))
    return PairFigures(at, threshold is None, accuracy, auc, len(positives), len(negatives))


def read_pairs(path: Path) -> tuple[list[Pair], int]:
    """Pairs of a CSV, and how many neutral ones were left out.

    Columns: `sentence_1`, `sentence_2` and `label` (or `category`, `gold_label`), which says paraphrase, entailment or 1
    for pairs that say the same, contradiction or 0 for those that do not; neutral pairs are counted and left out.

    Raises:
        InputError: for a missing file, column or sentence, or an unknown label.
    """
    rows = all_rows(path, "a CSV of sentence pairs")
    first, second, label = (_column(path, list(rows[0].fields), known) for known in (FIRST, SECOND, LABEL))
    pairs = [_pair(path, r.line, (r.fields[first], r.fields[second], r.fields[label].lower())) for r in rows]
    kept = [pair for pair in pairs if pair is not None]
    if not kept:
        raise InputError(f"{path} holds no pair that says the same or contradicts")
    return kept, len(pairs) - len(kept)


def _column(path: Path, found: Sequence[str], names: tuple[str, ...]) -> str:
    name = next((n for n in names if n in found), None)
    if name is None:
        raise InputError(f"{path} has the columns {', '.join(found)}", f"one called {names[0]}")
    return name


def _pair(path: Path, line: int, row: tuple[str, str, str]) -> Pair | None:
    first, second, label = row
    if not first or not second:
        raise InputError(f"line {line} of {path} lacks a sentence", "two")
    if label not in ALIKE | OPPOSED | LEFT_OUT:
        known = ", ".join(sorted(ALIKE | OPPOSED | LEFT_OUT))
        raise InputError(f"label {label!r} in line {line} of {path}", f"one of {known}")
    return None if label in LEFT_OUT else Pair(first, second, label in ALIKE)


def nearest_reports(
    space: JointSpace, images: Sequence[JointPixels], reports: VectorStore, k: int = 1
) -> list[list[Hit]]:
    """The reports of a store that are closest to each picture, best first: report writing by nearest neighbour.

    Raises:
        InputError: when the store does not hold texts, or was built with another model.
    """
    if reports.state.kind is not Kind.TEXTS:
        raise InputError(f"the index in {reports.folder} holds {reports.state.kind}", "texts")
    reports.check_space(space)
    return search(reports, image_queries(space, images), k)
