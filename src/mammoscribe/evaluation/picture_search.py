"""Whether a search by picture means anything: related pictures among the nearest ones, against chance."""

from collections.abc import Callable, Hashable, Sequence

import numpy as np

from mammoscribe.domain.view import Origin
from mammoscribe.evaluation.bootstrap import Interval, bootstrap_interval
from mammoscribe.models.space_measures import PictureSearch
from mammoscribe.support.errors import InputError

Space = Callable[[np.ndarray], np.ndarray]
"""Unit rows [N, J] -> the rows [N, K] whose inner products are ranked."""
NEAREST = 5
DIGITS = 5


def as_they_are(rows: np.ndarray) -> np.ndarray:
    """Cosines of the embeddings themselves.

    Shapes: rows [N, D] -> the same.
    """
    return rows


def centred(rows: np.ndarray) -> np.ndarray:
    """From the mean of all rows, of unit length again: what `mammoscribe search` does among pictures.

    Shapes: rows [N, D] -> [N, D].
    """
    return _unit(rows - rows.mean(axis=0))


def without_components(num: int) -> Space:
    """Centred, and the first `num` principal components taken away (Mu & Viswanath, ICLR 2018)."""

    def space(rows: np.ndarray) -> np.ndarray:
        moved = rows - rows.mean(axis=0)
        first = np.linalg.svd(moved, full_matrices=False)[2][:num]
        return _unit(moved - moved @ first.T @ first)

    return space


def whitened(num: int) -> Space:
    """The first `num` principal components, each with a variance of one."""

    def space(rows: np.ndarray) -> np.ndarray:
        return _unit(np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)[0][:, :num])

    return space


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


def related_by(labels: Sequence[Sequence[str]]) -> np.ndarray:
    """Bool [N, N]: pictures that share a label."""
    known = sorted({label for row in labels for label in row})
    has = np.array([[label in row for label in known] for row in labels], np.float32).reshape(len(labels), len(known))
    return has @ has.T > 0


def precision_of(
    rows: np.ndarray, exams: Sequence[Hashable], related: np.ndarray, nearest: int = NEAREST
) -> tuple[np.ndarray, np.ndarray]:
    """For every picture: the share of related ones among its nearest of other exams, and among all of them.

    Args:
        rows: [N, K], ranked by inner product.
        exams: the exam each picture is from, [N].
        related: bool [N, N].

    Returns:
        Precision [N] and chance [N].

    Raises:
        InputError: when an exam leaves fewer than `nearest` pictures of others.
    """
    _, codes = np.unique(np.asarray([str(e) for e in exams]), return_inverse=True)
    others = codes[:, None] != codes[None]
    if not len(rows) or others.sum(axis=1).min() < nearest:
        raise InputError("too few pictures to search in", f"{nearest} of other exams for every picture")
    scores = np.where(others, rows @ rows.T, -np.inf)
    best = np.argsort(-scores, axis=1, kind="stable")[:, :nearest]
    return np.take_along_axis(related, best, axis=1).mean(axis=1), (related & others).sum(axis=1) / others.sum(axis=1)


def gain_interval(gains: np.ndarray, exams: Sequence[Hashable]) -> Interval:
    """95 % interval of a mean gain over pictures, whole exams drawn.

    Shapes: gains [N], one for each picture.
    """
    return bootstrap_interval(lambda drawn: float(gains[drawn].mean()), exams)


def measured_search(
    rows: np.ndarray, exams: Sequence[str], labels: Sequence[Sequence[str]], related: str, population: str
) -> PictureSearch:
    """Figures of the search as the command does it, by every picture of drawn exams that has a label.

    Args:
        rows: unit rows [N, J].
        exams: [N].
        labels: of each picture, [N]; pictures that share one are related.
        related: what a label is, in words.
        population: what the exams are, in words.
    """
    precision, chance = precision_of(centred(rows), exams, related_by(labels))
    asked = [i for i, row in enumerate(labels) if row]
    interval = gain_interval((precision - chance)[asked], [exams[i] for i in asked])
    numbers = (float(precision[asked].mean()), float(chance[asked].mean()), interval.low, interval.high)
    counts = (len({*exams}), len(asked), NEAREST)
    return PictureSearch(related, population, Origin.SYNTHETIC, *counts, *(round(v, DIGITS) for v in numbers))
