"""Which words fit each token of a view, from boxes and from labels of its breast."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from mammoscribe.domain.view import Box
from mammoscribe.training.chat.facts import ALL_KINDS, BreastFacts, Lesion
from mammoscribe.training.chat.shown import Shown
from mammoscribe.training.chat_words.vocabulary import (
    AIR,
    GROUPS,
    KIND,
    KINDS,
    MALIGNANT,
    NO_FINDING,
    TERMS,
    TISSUE,
    UNLABELLED,
)
from mammoscribe.training.reader.samples import UNKNOWN

HARDLY = 0.02
"""Share of a token's part of the view that is breast, below which it is air."""
MOSTLY = 0.3
"""The share from which on it has a density."""
SHARE = 0.35
"""A token holds a finding when it has so much of its box, or the box so much of the token."""
_NUMBER = {group: number for number, group in enumerate(GROUPS)}


def words_of(
    shown: Sequence[Shown], breasts: Sequence[BreastFacts], grid: tuple[int, int]
) -> Mapping[int, np.ndarray]:  # fmt: skip
    """Number of each picture -> int8 [T, G]: the word of each group at each token, row by row; `UNLABELLED` where none is known.

    A finding is said at the tokens that hold its box; tokens that it only touches have no kind. Tissue without a finding is
    said where all boxes of all kinds are known.

    Args:
        shown: prepared pictures.
        breasts: what is known of them.
        grid: rows and columns of the tokens of a view.
    """
    return {
        number: _of_view(shown[number].picture.pixels, number, breast, grid)
        for breast in breasts
        for number in breast.pictures
    }


def _of_view(pixels: np.ndarray, number: int, breast: BreastFacts, grid: tuple[int, int]) -> np.ndarray:
    tissue = _tissue(pixels, grid)
    words = np.full((tissue.size, len(GROUPS)), UNLABELLED, np.int8)
    if breast.complete[number] == ALL_KINDS:
        words[:, _NUMBER[KIND]] = NO_FINDING
    words[tissue < HARDLY, _NUMBER[KIND]] = AIR
    if breast.labels.density != UNKNOWN:
        words[tissue > MOSTLY, _NUMBER[TISSUE]] = breast.labels.density
    for lesion in breast.lesions:
        if number in lesion.boxes:
            inside, touched = _held(lesion.boxes[number], pixels.shape, grid)
            words[touched & (words[:, _NUMBER[KIND]] >= NO_FINDING), _NUMBER[KIND]] = UNLABELLED
            for group, word in _said(lesion).items():
                words[inside, _NUMBER[group]] = word
    return words


def _tissue(pixels: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """[T] share of each token's part of the view that is breast."""
    rows, columns = (
        np.linspace(0, size, parts + 1).astype(int) for size, parts in zip(pixels.shape, grid, strict=True)
    )
    there = pixels > 0
    return np.array([
        there[top:bottom, left:right].mean()
        for top, bottom in pairwise(rows)
        for left, right in pairwise(columns)
    ])  # fmt: skip


def _held(box: Box, size: tuple[int, ...], grid: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """[T] tokens that hold a box, at least the one with most of it, and all that it touches."""
    high, wide = size[0] / grid[0], size[1] / grid[1]
    down, across = _overlap(box.y0, box.y1, high, grid[0]), _overlap(box.x0, box.x1, wide, grid[1])
    shared = np.outer(down, across).ravel()
    area = max(1.0, (box.y1 - box.y0) * (box.x1 - box.x0))
    inside = (shared >= SHARE * area) | (shared >= SHARE * high * wide)
    inside[shared.argmax()] |= bool(shared.max() > 0)
    return inside, shared > 0


def _overlap(first: float, last: float, length: float, parts: int) -> np.ndarray:
    """[P] how much of first to last is in each of the parts of this length."""
    starts = np.arange(parts) * length
    return np.clip(np.minimum(last, starts + length) - np.maximum(first, starts), 0, None)


def _said(lesion: Lesion) -> dict[str, int]:
    """Group -> number of the word that fits a finding, and `UNLABELLED` of those that nobody labelled."""
    finding = lesion.finding
    malignant = UNLABELLED if lesion.malignant is None else int(lesion.malignant)
    found = {KIND: KINDS.index(finding.type), MALIGNANT: malignant}
    for axis in finding.type.axes:
        if axis.value in TERMS:
            term = finding.descriptor(axis)
            found[axis.value] = TERMS[axis.value].index(term) if term in TERMS[axis.value] else UNLABELLED
    return found
