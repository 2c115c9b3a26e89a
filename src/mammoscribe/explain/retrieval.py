"""Retrieval in the joint space: exact search of texts by picture and pictures by text, over stores of any size."""

from collections.abc import Iterable, Sequence
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
from mammoscribe.support.errors import InputError, MissingExtra

PICTURES = {".dcm", ".dicom", ".ima", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".pgm"}
BLOCK_FLOATS = 1 << 22
"""Largest number of scores or vector elements looked at in one block: 16 MB."""
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


def search(store: VectorStore, queries: np.ndarray, k: int = 10, index: Index = Index.EXACT) -> list[list[Hit]]:
    """The `k` nearest items of every query, best first; of equal scores, the earlier row.

    Args:
        store: what to search.
        queries: [Q, dim], of unit length.
        k: how many; fewer where the store holds fewer.
        index: how to search; both ways give the same items.

    Raises:
        InputError: for `k` below 1, or queries of another dimension.
        MissingExtra: for FAISS where it is not installed.
    """
    queries = np.ascontiguousarray(queries, np.float32)
    if k < 1:
        raise InputError(f"the nearest {k}", "at least 1")
    if queries.ndim != 2 or queries.shape[1] != store.state.dim:
        raise InputError(f"queries of shape {queries.shape}", f"[queries, {store.state.dim}]")
    found = top_k_faiss(store, queries, k) if index is Index.FAISS else top_k(store, queries, k)
    scores, rows = found
    items = dict(zip(kept := sorted({*rows[rows >= 0].tolist()}), store.items(kept), strict=True))
    return [
        [Hit(r, items[r], float(s)) for r, s in zip(row.tolist(), score, strict=True) if r >= 0]
        for row, score in zip(rows, scores, strict=True)
    ]


def top_k(store: VectorStore, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores [Q, k] and rows [Q, k], best first; exact, with one block of the store in memory at a time.

    Where there are fewer than k items, scores are -inf and rows -1.
    """
    num = len(queries)
    scores, rows = np.full((num, k), -np.inf, np.float32), np.full((num, k), -1, np.int64)
    for start, block in store.blocks(max(1, BLOCK_FLOATS // max(store.state.dim, num))):
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


def top_k_faiss(store: VectorStore, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The same by a flat inner-product index of FAISS; all vectors are held in memory, from the first search on."""
    faiss = _faiss()
    if store.held is None:
        store.held = faiss.IndexFlatIP(store.state.dim)
        for _, block in store.blocks(max(1, BLOCK_FLOATS // store.state.dim)):
            store.held.add(np.nan_to_num(np.array(block), nan=0.0))
    wanted = min(k + len(store.state.set_aside), len(store))
    scores, rows = store.held.search(queries, wanted)
    aside = np.isin(rows, list(store.state.set_aside))
    scores, rows = np.where(aside, -np.inf, scores), np.where(aside, -1, rows)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(scores, order, 1).astype(np.float32), np.take_along_axis(rows, order, 1)


def _faiss() -> Any:
    try:
        import faiss  # type: ignore[import-not-found]
    except ImportError as error:
        do = "pip install 'mammoscribe[faiss]', or search without it: the result is the same"
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
