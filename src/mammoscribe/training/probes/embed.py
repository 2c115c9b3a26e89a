"""Pictures of a table of labels embedded once by a frozen image-text model into a feature set; a stopped run goes on."""

import hashlib
import io
import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from mammoscribe.data.labelled import LabelledPicture, LabelTable
from mammoscribe.imaging.joint_pixels import JointPixels
from mammoscribe.models.joint_space import JointSpace
from mammoscribe.support.errors import InputError, MammoscribeError
from mammoscribe.support.files import write_bytes
from mammoscribe.training.probes.feature_set import FeatureKind, FeatureSet, load_features, save_features

CHUNK_ROWS, BATCH = 256, 16
"""A stopped run loses at most one chunk; pictures go through the model in batches."""
DRIFT = 0.02
"""Share of its length by which a feature may differ on another machine (half precision)."""
Report = Callable[[int, int], None]
"""Takes pictures done and pictures in all."""


def build_features(
    space: JointSpace, table: LabelTable, out: Path, kind: FeatureKind, settings: str = "",
    report: Report = lambda _done, _all: None,
) -> FeatureSet:  # fmt: skip
    """Embed every picture of a table and write the feature set to `out`.

    Chunks are kept in `OUT.parts` until the set is whole, so that a stopped run goes on. A picture that cannot be read
    or embedded goes into `skipped` with its reason.

    Args:
        space: the frozen model.
        table: pictures and labels.
        out: the .npz; one that is there already and was made from the same table and model is returned as it is, after a
            look at its first picture.
        kind: which features to keep.
        settings: whatever else decides the features, such as the pre-processing that the model was loaded with.
        report: called after every batch.

    Raises:
        InputError: when `out` or its parts were made from something else, or none of the first chunk can be embedded.
    """
    digest = _digest(space, table, kind, settings)
    if out.exists():
        there = load_features(out)
        _same(there.made_from, digest, out)
        _same_weights(space, table, kind, there.ids, there.features, out)
        return there
    parts = out.with_name(out.name + ".parts")
    if (parts / "made_from").is_file() and any(parts.glob("*.npz")):
        _same((parts / "made_from").read_text(encoding="utf-8"), digest, parts)
    write_bytes(parts / "made_from", digest.encode())
    chunks: list[_Chunk] = []
    for start in range(0, len(table.rows), CHUNK_ROWS):
        rows = table.rows[start : start + CHUNK_ROWS]
        so_far = lambda n, s=start: report(s + n, len(table.rows))  # noqa: E731
        goes_on = (parts / f"{start:08d}.npz").is_file() and not chunks
        chunks.append(_chunk(space, rows, kind, parts / f"{start:08d}.npz", so_far))
        if goes_on:
            _same_weights(space, table, kind, chunks[0].ids, chunks[0].features, parts)
        if not any(c.ids for c in chunks):
            first, reason = chunks[0].skipped[0]
            shutil.rmtree(parts)  # nothing is in it, and it would stand in the way of the corrected table
            raise InputError(f"none of {len(rows)} pictures could be embedded; the first, {first}: {reason}")
    features = _joined(chunks, space, table, kind, digest)
    save_features(features, out)
    shutil.rmtree(parts)
    return features


def _digest(space: JointSpace, table: LabelTable, kind: FeatureKind, settings: str) -> str:
    rows = [
        [r.id, _whole(r.path), _whole(r.prior), r.patient_id, r.split, [str(v) for v in r.labels]] for r in table.rows
    ]
    text = json.dumps([space.name, space.dim, kind, settings, table.classes, table.kinds, rows])
    return hashlib.sha256(text.encode()).hexdigest()


def _whole(path: Path | None) -> str | None:
    """The whole path, so that a run may go on from another folder."""
    return None if path is None else os.path.abspath(path)


def _same(there: str, wanted: str, path: Path) -> None:
    if there != wanted:
        found = f"{path} is there and was made from another manifest, model or kind of features"
        raise InputError(found, "", "give another name with --out, or delete it")


def _same_weights(
    space: JointSpace, table: LabelTable, kind: FeatureKind, ids: Sequence[str], features: np.ndarray, path: Path
) -> None:
    """Embed the first picture that is there again: weights may have changed where their name has not."""
    first = next(row for row in table.rows if row.id == ids[0])
    bad: dict[str, str] = {}
    prepared = _prepared(space, first, bad)
    again = {} if prepared is None else _embedded(space, [prepared], kind, bad)
    if first.id not in again:
        return  # the picture has gone since, and nothing can be told
    if np.linalg.norm(again[first.id] - features[0]) > DRIFT * np.linalg.norm(features[0]):
        found = f"{first.id} has other features in {path}, which was made from other weights or another picture"
        raise InputError(found, "", "give another name with --out, or delete it")


@dataclass(frozen=True)
class _Chunk:
    """Embedded rows of a chunk: their ids, features [n, D], the pre-processing's name, and what was skipped."""

    ids: tuple[str, ...]
    features: np.ndarray
    mode: str
    skipped: tuple[tuple[str, str], ...]


def _chunk(
    space: JointSpace, rows: Sequence[LabelledPicture], kind: FeatureKind, path: Path, report: Callable[[int], None]
) -> _Chunk:
    """Embed the rows of a chunk and keep them in `path`; or take what is there."""
    if path.is_file():
        report(len(rows))
        with np.load(path, allow_pickle=False) as a:
            skipped = tuple((str(i), str(why)) for i, why in a["skipped"])
            return _Chunk(tuple(str(i) for i in a["ids"]), a["features"], str(a["mode"]), skipped)
    done: dict[str, np.ndarray] = {}
    bad: dict[str, str] = {}
    modes: set[str] = set()
    for start in range(0, len(rows), BATCH):
        prepared = [p for row in rows[start : start + BATCH] if (p := _prepared(space, row, bad)) is not None]
        modes |= {pixels.mode for _, pixels, _ in prepared}
        for alike in _alike(prepared):
            done |= _embedded(space, alike, kind, bad)
        report(min(start + BATCH, len(rows)))
    ids = tuple(r.id for r in rows if r.id in done)
    features = np.stack([done[i] for i in ids]) if ids else np.zeros((0, 0), np.float32)
    return _kept(_Chunk(ids, features, "|".join(sorted(modes)), tuple(bad.items())), path)


def _kept(chunk: _Chunk, path: Path) -> _Chunk:
    """Write a chunk; one without any feature is tried again by the next run."""
    if chunk.ids:
        stream = io.BytesIO()
        skipped = np.array(chunk.skipped, dtype=np.str_).reshape(-1, 2)
        np.savez(stream, ids=np.array(chunk.ids), features=chunk.features, mode=np.str_(chunk.mode), skipped=skipped)
        write_bytes(path, stream.getvalue())
    return chunk


_Prepared = tuple[str, JointPixels, JointPixels | None]


def _prepared(space: JointSpace, row: LabelledPicture, bad: dict[str, str]) -> _Prepared | None:
    try:
        return row.id, space.prepare(row.path), space.prepare(row.prior) if row.prior else None
    except MammoscribeError as error:
        bad[row.id] = " ".join(str(error).split())
    except Exception as error:  # one picture must not stop a night's run
        bad[row.id] = f"unexpected {type(error).__name__}: {error}"
    return None


def _alike(prepared: Sequence[_Prepared]) -> list[list[_Prepared]]:
    """Pictures of one canvas size together, since a batch is one array."""
    groups: dict[tuple[int, ...], list[_Prepared]] = {}
    for item in prepared:
        groups.setdefault(item[1].pixels.shape, []).append(item)
    return list(groups.values())


def _embedded(
    space: JointSpace, batch: Sequence[_Prepared], kind: FeatureKind, bad: dict[str, str]
) -> dict[str, np.ndarray]:
    """Features by id; a batch that fails is tried picture by picture, so that one bad pair spoils no other."""
    try:
        priors = [prior for _, _, prior in batch]
        with torch.inference_mode():
            images = space.embed_images(
                [p for _, p, _ in batch], priors if any(p is not None for p in priors) else None
            )
    except MammoscribeError as error:
        if len(batch) == 1:
            bad[batch[0][0]] = " ".join(str(error).split())
            return {}
        return {i: f for item in batch for i, f in _embedded(space, [item], kind, bad).items()}
    values = (images.whole if kind is FeatureKind.PROJECTED else images.pooled).float().cpu().numpy()
    given = {item[0]: value for item, value in zip(batch, values, strict=True)}
    broken = [name for name, value in given.items() if not np.isfinite(value).all()]
    bad |= dict.fromkeys(broken, "its features are not finite numbers")
    return {name: value for name, value in given.items() if name not in broken}


def _joined(
    chunks: Sequence[_Chunk], space: JointSpace, table: LabelTable, kind: FeatureKind, digest: str
) -> FeatureSet:
    modes = {c.mode for c in chunks if c.ids}
    if len(modes) != 1:
        raise InputError(f"pictures prepared in different modes ({', '.join(sorted(modes))})", "one mode")
    by_id = {r.id: r for r in table.rows}
    rows = [by_id[i] for c in chunks for i in c.ids]
    return FeatureSet(
        features=np.concatenate([c.features for c in chunks if c.ids]), ids=tuple(r.id for r in rows),
        patients=tuple(r.patient_id for r in rows), splits=tuple(r.split for r in rows),
        has_prior=np.array([r.prior is not None for r in rows]), classes=table.classes, kinds=table.kinds,
        labels=np.array([r.labels for r in rows], dtype=np.float32), kind=kind, model=space.name, mode=modes.pop(),
        skipped=tuple(s for c in chunks for s in c.skipped), made_from=digest,
    )  # fmt: skip
