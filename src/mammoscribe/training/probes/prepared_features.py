"""Features of prepared pictures, computed once by a frozen tower and kept beside the dataset; a stopped run goes on.

They are kept in `PREPARED.features/`, in a file named by the digest of the pictures and of the tower's weights, so that
all runs on them share one. Several processes divide the work.
"""

import hashlib
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load_file, save
from torch import Tensor

from mammoscribe.data.labelled import LabelKind
from mammoscribe.data.prepared.dataset import PreparedDataset, StoredPicture, StoredRecord
from mammoscribe.data.records import ListedImage, ListedView, TextDocument
from mammoscribe.support.errors import InputError, MammoscribeError
from mammoscribe.support.files import write_bytes
from mammoscribe.training.engine.collectives import from_first, of_all
from mammoscribe.training.engine.devices import on_device
from mammoscribe.training.probes.feature_set import FeatureKind, FeatureSet
from mammoscribe.training.probes.items import ProbeItem, items_of, with_absent
from mammoscribe.training.probes.towers import Found, Shown, Tower, open_tower, picture_batch

RECORDS_AT_ONCE, AT_ONCE = 64, 16
"""A stopped run loses at most one chunk of records; pictures go through the tower in batches."""
VERSION = 1
"""Rises when the same pictures and weights give other features."""


@dataclass(frozen=True)
class PictureFeatures:
    """Features of all pictures of a dataset, in the order of its records.

    Args:
        first: [R + 1], where the pictures of each record begin.
        pooled: float32 [P, D]. whole: float32 [P, J], None for a tower without a joint space.
        has_prior: bool [P].
    """

    first: np.ndarray
    pooled: np.ndarray
    whole: np.ndarray | None
    has_prior: np.ndarray


@dataclass(frozen=True)
class _Row:
    """An item with its split, its features and whether a prior was looked at."""

    item: ProbeItem
    split: str
    features: np.ndarray
    has_prior: bool


def prepared_features(folders: Sequence[Path], model: str, kind: FeatureKind, device: str = "cpu") -> FeatureSet:
    """The feature set of prepared datasets: an item's features are the mean of its pictures'.

    Args:
        folders: of `mammoscribe data prepare`, with splits.
        model: see `towers.open_tower`.
        kind: which features.
        device: that embeds what is not kept yet.

    Raises:
        InputError: for a tower that does not fit, data without splits, and where no label teaches.
    """
    rows: list[_Row] = []
    name, digests = model, []
    for folder in folders:
        dataset = PreparedDataset(folder)
        tower = open_tower(model, dataset.synthetic)
        tower.check(dataset)
        found = picture_features(dataset, tower, device)
        values = found.pooled if kind is FeatureKind.POOLED else found.whole
        if values is None:
            raise InputError(f"joint features of {tower.name}, which has none", "a BioViL folder or a reader")
        rows += _rows(dataset, found, values)
        name = tower.name
        digests.append(f"{dataset.about['index_sha256']} {tower.digest}")
    return _feature_set(rows, kind, name, ", ".join(digests))


def _rows(dataset: PreparedDataset, found: PictureFeatures, values: np.ndarray) -> list[_Row]:
    placed = probe_items(dataset)
    items = with_absent([p.item for p in placed])
    pictures = [found.first[p.record] + np.array(p.item.pictures) for p in placed]
    return [
        _Row(item, p.split, values[own].mean(axis=0), bool(found.has_prior[own].any()))
        for item, p, own in zip(items, placed, pictures, strict=True)
    ]


@dataclass(frozen=True)
class PlacedItem:
    """An item, the number of its record in the whole dataset, and its split."""

    item: ProbeItem
    record: int
    split: str


def probe_items(dataset: PreparedDataset) -> list[PlacedItem]:
    """The items of a whole dataset that are in a split, in order."""
    supervision, splits = dataset.supervision, dataset.splits()
    return [
        PlacedItem(item, number, split)
        for number, (stored, split) in enumerate(zip(dataset, splits, strict=True))
        if split is not None
        for item in items_of(stored, supervision)
    ]


def _feature_set(rows: Sequence[_Row], kind: FeatureKind, name: str, digest: str) -> FeatureSet:
    presence = _columns([row.item.present for row in rows])
    changes = _columns([row.item.changes if row.has_prior else {} for row in rows])
    labels = [*presence.values(), *changes.values()]
    if not labels:
        raise InputError("prepared data in which no label teaches", "labels that the card of the dataset explains")
    return FeatureSet(
        features=np.stack([row.features for row in rows]).astype(np.float32), ids=_unique([r.item.id for r in rows]),
        patients=tuple(row.item.patient for row in rows), splits=tuple(row.split for row in rows),
        has_prior=np.array([row.has_prior for row in rows]),
        classes=(*presence, *(f"change of {name}" for name in changes)),
        kinds=(LabelKind.PRESENCE,) * len(presence) + (LabelKind.CHANGE,) * len(changes), labels=np.stack(labels, axis=1),
        kind=kind, model=name, mode="as prepared", made_from=hashlib.sha256(digest.encode()).hexdigest(),
    )  # fmt: skip


def _columns(named: Sequence[Mapping[str, int]]) -> dict[str, np.ndarray]:
    """Name -> float32 [N], the value of every item or NaN where it is not known."""
    columns: dict[str, np.ndarray] = {}
    for row, values in enumerate(named):
        for name, value in values.items():
            columns.setdefault(name, np.full(len(named), np.nan, np.float32))[row] = value
    return dict(sorted(columns.items()))


def _unique(ids: Sequence[str]) -> tuple[str, ...]:
    """Ids of several datasets may be alike; from the second on they get a number."""
    seen: Counter[str] = Counter()
    named = []
    for name in ids:
        seen[name] += 1
        named.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return tuple(named)


def features_file(dataset: PreparedDataset, tower: Tower) -> Path:
    """Where the features of a dataset by a tower are kept."""
    about = f"{VERSION} {dataset.about['index_sha256']} {tower.digest}"
    return (
        dataset.folder.with_name(f"{dataset.folder.name}.features")
        / f"{hashlib.sha256(about.encode()).hexdigest()[:24]}.safetensors"
    )


def picture_features(dataset: PreparedDataset, tower: Tower, device: str = "cpu") -> PictureFeatures:
    """The features of every picture: those that are kept, or new ones, which are kept.

    Raises:
        InputError: where they cannot be kept, and for a picture that the tower cannot take.
    """
    path = features_file(dataset, tower)
    if not from_first(path.is_file()):
        parts = path.with_suffix(".parts")
        starts = range(0, len(dataset), RECORDS_AT_ONCE)
        rank, world = _place()
        problems = of_all([_embedded(dataset, tower, parts, starts[rank::world], torch.device(device))])
        first = next((p for own in problems for p in own if p is not None), None)
        if first is not None:
            raise InputError(*first)
        if rank == 0:
            _join(parts, starts, path)
        from_first(True)  # the others wait for the file
    return _loaded(path)


def _place() -> tuple[int, int]:
    """Number of this process, and how many there are."""
    several = torch.distributed.is_available() and torch.distributed.is_initialized()
    return (torch.distributed.get_rank(), torch.distributed.get_world_size()) if several else (0, 1)


def _embedded(
    dataset: PreparedDataset, tower: Tower, parts: Path, starts: Sequence[int], device: torch.device
) -> tuple[str, str, str] | None:
    """Embed the chunks that are not there yet; what went wrong, so that no process waits for one that failed."""
    tower.to(device)
    try:
        for start in starts:
            if not _part(parts, start).is_file():
                numbers = range(start, min(start + RECORDS_AT_ONCE, len(dataset)))
                write_bytes(_part(parts, start), save(_chunk(dataset, tower, numbers, device)))
    except MammoscribeError as error:
        return error.found, error.expected, error.do
    finally:
        tower.to("cpu")
    return None


def _part(parts: Path, start: int) -> Path:
    return parts / f"{start:08d}.safetensors"


@torch.inference_mode()
def _chunk(
    dataset: PreparedDataset, tower: Tower, numbers: Sequence[int], device: torch.device
) -> dict[str, np.ndarray]:
    """Features of some records' pictures, and how many pictures each record has."""
    shown = [shown_pictures(dataset, tower, number) for number in numbers]
    flat = [s for own in shown for s in own]
    found = [tower(on_device(picture_batch(flat[i : i + AT_ONCE]), device)) for i in range(0, len(flat), AT_ONCE)]
    arrays = {
        "count": np.array([len(own) for own in shown]),
        "has_prior": np.array([s.prior is not None for s in flat], bool),
    }
    arrays["pooled"] = _together([f.pooled for f in found], tower.dim)
    if found and found[0].whole is not None:
        arrays["whole"] = _together([f.whole for f in found], 0)
    return arrays


def _together(values: Sequence[Tensor], dim: int) -> np.ndarray:
    return torch.cat(list(values)).float().cpu().numpy() if values else np.zeros((0, dim), np.float32)


def shown_pictures(dataset: PreparedDataset, tower: Tower, number: int) -> list[Shown]:
    """The pictures of a record as a tower looks at them, each beside the earlier one of its view."""
    stored = dataset[number]
    if isinstance(stored.record, TextDocument):
        raise InputError(f"{stored.record.id} is a text", "records with images")
    prior = dataset.prior_of(stored)
    earlier = {} if prior is None else _by_view(prior)
    images = stored.record.images
    return [tower.shown(Found(p, images[p.image], earlier.get(_view(images[p.image])))) for p in stored.pictures]


def _by_view(stored: StoredRecord) -> dict[str, StoredPicture]:
    assert not isinstance(stored.record, TextDocument)
    images = stored.record.images
    return {_view(images[p.image]): p for p in reversed(stored.pictures)}


def _view(image: ListedView | ListedImage) -> str:
    """What two pictures have in common that can be compared."""
    return f"{image.laterality}_{image.projection}" if isinstance(image, ListedView) else image.view


def _join(parts: Path, starts: Sequence[int], path: Path) -> None:
    """One file of all chunks."""
    chunks = [load_file(_part(parts, start)) for start in starts]
    names = set.union(*(set(chunk) for chunk in chunks))
    whole = {n: np.concatenate([c[n] for c in chunks if n in c]) for n in names}
    write_bytes(path, save(whole))
    shutil.rmtree(parts)


def _loaded(path: Path) -> PictureFeatures:
    try:
        arrays = load_file(path)
        first = np.concatenate([[0], np.cumsum(arrays["count"])])
        return PictureFeatures(first, arrays["pooled"], arrays.get("whole"), arrays["has_prior"])
    except (SafetensorError, KeyError, OSError) as error:
        raise InputError(f"{path} cannot be read ({error})", "features as they were kept", "delete it") from error
