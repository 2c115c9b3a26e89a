"""Retrieval in the joint space: exact search of texts by picture and pictures by text, over stores of any size."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from mammoscribe.data.formats.tables import all_rows
from mammoscribe.explain.store import Item, VectorStore
from mammoscribe.imaging.decode import is_dicom
from mammoscribe.imaging.joint_pixels import JointPixels
from mammoscribe.models.joint_space import JointSpace
from mammoscribe.support.errors import InputError, MissingExtra, install_extra

PICTURES = {".dcm", ".dicom", ".ima", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".pgm"}
BLOCK_FLOATS = 1 << 22
"""Largest number of scores or vector elements looked at in one block: 16 MB."""
ROUNDING = 1e-6
"""Length below which what is left of a unit vector after the centre was taken from it is rounding."""
TEXTS_AT_ONCE = 64
"""Texts per pass, so that memory does not grow with their number."""


class Index(StrEnum):
    """How to search: block by block from disk, or with FAISS, which holds all vectors in memory."""

    EXACT = "exact"
    FAISS = "faiss"


@dataclass(frozen=True)
class Hit:
    """One result: its row in the store, its item, and its cosine with the query."""

    row: int
    item: Item
    score: float


def search(
    store: VectorStore, queries: np.ndarray, k: int = 10, index: Index = Index.EXACT, centred: bool = False
) -> list[list[Hit]]:
    """The `k` nearest items of every query, best first; of equal scores, the earlier row.

    Pictures of one kind share most of their direction: where they are compared with each other, `centred` takes the mean of
    the store's pictures from both sides first, so that the score is about what differs (Mu & Viswanath, "All-but-the-top",
    ICLR 2018). A text is on the other side of that direction and is compared with pictures as they are.

    Args:
        store: what to search.
        queries: [Q, dim], of unit length.
        k: how many; fewer where the store holds fewer.
        index: how to search; both ways give the same items.
        centred: for queries that are pictures, over a store of pictures.

    Raises:
        InputError: for `k` below 1, queries of another dimension, or `centred` over a store of texts.
        MissingExtra: for FAISS where it is not installed.
    """
    queries = np.ascontiguousarray(queries, np.float32)
    if k < 1:
        raise InputError(f"the nearest {k}", "at least 1")
    if queries.ndim != 2 or queries.shape[1] != store.state.dim:
        raise InputError(f"queries of shape {queries.shape}", f"[queries, {store.state.dim}]")
    if centred:
        queries = from_centre(queries, _centre_of(store))
    scores, rows = (top_k_faiss if index is Index.FAISS else top_k)(store, queries, k, centred)
    items = dict(zip(kept := sorted({*rows[rows >= 0].tolist()}), store.items(kept), strict=True))
    return [
        [Hit(r, items[r], float(s)) for r, s in zip(row.tolist(), score, strict=True) if r >= 0]
        for row, score in zip(rows, scores, strict=True)
    ]


def from_centre(rows: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Unit rows [N, dim] less the centre [dim], of unit length again; one that is the centre becomes zero, NaN stays."""
    moved = rows - centre
    length = np.linalg.norm(moved, axis=1, keepdims=True)
    return moved / np.where(length < ROUNDING, np.inf, length)


def _centre_of(store: VectorStore) -> np.ndarray:
    if store.centre is None:
        raise InputError(f"a search by picture from the centre of the index in {store.folder}", "an index of images")
    return store.centre


def _blocks(store: VectorStore, rows: int, centred: bool) -> Iterator[tuple[int, np.ndarray]]:
    """The store's blocks, as they are or from the centre."""
    for start, block in store.blocks(rows):
        yield start, from_centre(block, _centre_of(store)) if centred else block


def top_k(store: VectorStore, queries: np.ndarray, k: int, centred: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Scores [Q, k] and rows [Q, k], best first; exact, with one block of the store in memory at a time.

    `centred` takes the rows from the centre, as the queries were. Where there are fewer than k items, scores are -inf and
    rows -1.
    """
    num = len(queries)
    scores, rows = np.full((num, k), -np.inf, np.float32), np.full((num, k), -1, np.int64)
    for start, block in _blocks(store, max(1, BLOCK_FLOATS // max(store.state.dim, num)), centred):
        found = queries @ block.T
        np.nan_to_num(found, copy=False, nan=-np.inf)
        for q in range(num):
            scores[q], rows[q] = _merged(scores[q], rows[q], found[q], start)
    return scores, rows


def _merged(scores: np.ndarray, rows: np.ndarray, found: np.ndarray, start: int) -> tuple[np.ndarray, np.ndarray]:
    """The best k of those so far and of a block; ties go to the earlier row."""
    k, worst = len(scores), scores[-1]
    near = np.flatnonzero(found > worst)
    if len(near) > k:
        least = np.partition(found[near], len(near) - k)[len(near) - k]
        near = near[found[near] >= least]
    every = np.concatenate((scores, found[near]))
    where = np.concatenate((rows, near + start))
    order = np.lexsort((where, -every))[:k]
    return every[order], where[order]


def top_k_faiss(
    store: VectorStore, queries: np.ndarray, k: int, centred: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """The same by a flat inner-product index of FAISS; all vectors are held in memory, from the first search on.

    Shapes: queries [Q, D] -> scores and numbers, [Q, k] each.
    """
    faiss = _faiss()
    if centred not in store.held:
        store.held[centred] = faiss.IndexFlatIP(store.state.dim)
        for _, block in _blocks(store, max(1, BLOCK_FLOATS // store.state.dim), centred):
            store.held[centred].add(np.nan_to_num(np.array(block), nan=0.0))
    wanted = min(k + len(store.state.set_aside), len(store))
    scores, rows = store.held[centred].search(queries, wanted)
    aside = np.isin(rows, list(store.state.set_aside))
    scores, rows = np.where(aside, -np.inf, scores), np.where(aside, -1, rows)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(scores, order, 1).astype(np.float32), np.take_along_axis(rows, order, 1)


def _faiss() -> Any:
    try:
        import faiss  # type: ignore[import-not-found]
    except ImportError as error:
        do = f"{install_extra('faiss')}, or search without it: the result is the same"
        raise MissingExtra("faiss is not installed", "", do) from error
    return faiss


def text_queries(space: JointSpace, texts: Sequence[str]) -> np.ndarray:
    """[N, dim] float32, of unit length."""
    starts = range(0, len(texts), TEXTS_AT_ONCE)
    with torch.no_grad():
        parts = [space.embed_texts(texts[s : s + TEXTS_AT_ONCE]).float().cpu().numpy() for s in starts]
    return np.concatenate([np.zeros((0, space.dim), np.float32), *parts])


def image_queries(space: JointSpace, images: Sequence[JointPixels]) -> np.ndarray:
    """[N, dim] float32, of unit length."""
    with torch.no_grad():
        return F.normalize(space.embed_images(images).whole.float(), dim=1).cpu().numpy()


def find_images(source: Path) -> list[Item]:
    """Pictures below a folder by their suffix (or DICOM without one), sorted; or those of a CSV with a column `path`.

    Paths of a CSV count from where it stands; its ids come from a column `id`, else they are the paths.

    Raises:
        InputError: when the source is not there, or names no picture.
    """
    if source.is_dir():
        paths = sorted(p for p in source.rglob("*") if p.is_file() and _is_picture(p))
        items = [Item(p.relative_to(source).as_posix(), str(p)) for p in paths]
    else:
        rows = _csv_rows(source, "path")
        items = [Item(r.get("id") or r["path"], str(source.parent / r["path"])) for r in rows]
    if not items:
        raise InputError(f"{source} holds no picture", "DICOM, PNG, JPEG, TIFF or PGM files")
    return items


def find_texts(source: Path) -> list[Item]:
    """Texts of a CSV with a column `text` (and `id`), or else one per line, empty lines left out.

    Raises:
        InputError: when the file is not there, or holds no text.
    """
    if source.suffix.lower() == ".csv":
        rows = _csv_rows(source, "text")
        items = [Item(r.get("id") or str(n), r["text"]) for n, r in enumerate(rows, 1)]
    else:
        items = [Item(str(n), line) for n, line in enumerate(_lines(source), 1) if line]
    if not items:
        raise InputError(f"{source} holds no text", "one text per line, or a CSV with a column text")
    return items


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in PICTURES or (not path.suffix and is_dicom(path))


def _lines(source: Path) -> Iterable[str]:
    try:
        return [line.strip() for line in source.read_text(encoding="utf-8-sig").splitlines()]
    except FileNotFoundError as error:
        raise InputError(f"{source} is not there", "a file of texts, one per line") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{source} is not text in UTF-8") from error


def _csv_rows(source: Path, column: str) -> list[dict[str, str]]:
    """Rows by column name; one without a value in `column` raises InputError."""
    if not source.is_file():
        raise InputError(f"{source} is not there", f"a folder, or a CSV with a column {column}")
    rows = all_rows(source, f"a CSV with a column {column}, and a row for each {column}")
    if column not in rows[0].fields:
        raise InputError(f"{source} has the columns {', '.join(list(rows[0].fields)[:12])}", f"one called {column}")
    if empty := next((row.line for row in rows if not row.fields[column]), None):
        raise InputError(f"{source} line {empty} has no {column}", f"a {column} in every row")
    return [dict(row.fields) for row in rows]
