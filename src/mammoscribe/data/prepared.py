"""Reading a prepared dataset: records with their pictures, mapped from disk without copying, by number or shuffled."""

import json
import mmap
import random
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mammoscribe.data.catalogue import SPLITS_CSV, read_splits
from mammoscribe.data.prepare import ABOUT, SCHEMA
from mammoscribe.data.record_json import from_json
from mammoscribe.data.records import Record
from mammoscribe.domain.view import Box
from mammoscribe.imaging.placement import Placement
from mammoscribe.support.errors import InputError
from mammoscribe.support.files import sha256_of

OPEN_SHARDS = 64
"""Shards that stay mapped at a time."""


@dataclass(frozen=True)
class StoredPicture:
    """A prepared picture as it lies in its shard.

    Args:
        path: of the file it came from, in the dataset's folder.
        pixels: uint8 [H, W], read-only, a view of the mapped file.
        placement: that file's pixels to these and back.
        regions: boxes of the record's regions on these pixels.
        nipple_xy, um_per_px: of a mammogram's canvas, else None.
    """

    path: str
    pixels: np.ndarray
    placement: Placement
    regions: tuple[Box, ...]
    nipple_xy: tuple[float, float] | None = None
    um_per_px: float | None = None


@dataclass(frozen=True)
class StoredRecord:
    """A record with the pictures that could be prepared."""

    record: Record
    pictures: tuple[StoredPicture, ...]


class PreparedDataset:
    """The records of a prepared folder, or of one split of it; works as a map-style dataset of a torch DataLoader.

    Args:
        folder: as `prepare` filled it.
        split: `train`, `val` or `test`; None for all.

    Raises:
        InputError: when the folder is not finished, or has no such split.
    """

    def __init__(self, folder: Path, split: str | None = None) -> None:
        self.folder, self.split = Path(folder), split
        self.about: Mapping[str, Any] = _about(self.folder)
        self._shards: OrderedDict[int, _Shard] = OrderedDict()
        self._places = self._find_places()

    def _find_places(self) -> list[Sequence[int]]:
        """Per shard, the rows that belong to the split."""
        splits = None if self.split is None else read_splits(self.folder)
        if splits is None and self.split is not None:
            raise InputError(
                f"{self.folder} has no {SPLITS_CSV}", "splits", "`mammoscribe data split`, then prepare again"
            )
        places: list[Sequence[int]] = []
        for number in range(self.about["num_shards"]):
            records = _index(self.folder, number)["records"]
            if splits is None:
                places.append(range(len(records)))
            else:
                places.append(tuple(n for n, r in enumerate(records) if splits.get(r["group"]) == self.split))
        self._ends = np.cumsum([len(rows) for rows in places]).tolist()
        if not self._ends or not self._ends[-1]:
            raise InputError(f"{self.folder} has no record in {self.split or 'it'}", "at least one")
        return places

    def __len__(self) -> int:
        return self._ends[-1]

    def __getitem__(self, number: int) -> StoredRecord:
        if not 0 <= number < len(self):
            raise IndexError(number)
        shard = bisect_right(self._ends, number)
        before = self._ends[shard - 1] if shard else 0
        return self._shard(shard).record(self._places[shard][number - before])

    def __iter__(self) -> Iterator[StoredRecord]:
        return (self[number] for number in range(len(self)))

    def shuffled(self, seed: int, shards_at_once: int = 8) -> Iterator[StoredRecord]:
        """Every record once, in an order that the seed decides, with few shards open at a time."""
        order = random.Random(seed)
        shards = list(range(len(self._places)))
        order.shuffle(shards)
        for start in range(0, len(shards), shards_at_once):
            rows = [(shard, row) for shard in shards[start : start + shards_at_once] for row in self._places[shard]]
            order.shuffle(rows)
            for shard, row in rows:
                yield self._shard(shard).record(row)

    def hashes(self) -> Iterator[tuple[str, str, str, bytes]]:
        """(record id, group, path, perceptual hash) of every picture, for the leakage audit."""
        for number, rows in enumerate(self._places):
            records = _index(self.folder, number)["records"]
            for row in rows:
                record = records[row]
                for picture in record["pictures"]:
                    yield record["id"], record["group"], picture["path"], bytes.fromhex(picture["hash"])

    def verify(self) -> list[str]:
        """One sentence for each shard whose bytes are not those that were written; [] when all are."""
        wrong = []
        for number in range(self.about["num_shards"]):
            path = self.folder / f"shard-{number:06d}.tar"
            if not path.is_file():
                wrong.append(f"{path.name} is not there")
            elif sha256_of(path) != _index(self.folder, number)["tar_sha256"]:
                wrong.append(f"{path.name} is not as it was written")
        return wrong

    def _shard(self, number: int) -> "_Shard":
        if number not in self._shards:
            self._shards[number] = _Shard(self.folder, number)
            if len(self._shards) > OPEN_SHARDS:
                self._shards.popitem(last=False)
        self._shards.move_to_end(number)
        return self._shards[number]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_shards": OrderedDict()}  # a worker process maps its own


class _Shard:
    """One mapped shard."""

    def __init__(self, folder: Path, number: int) -> None:
        self._records = _index(folder, number)["records"]
        path = folder / f"shard-{number:06d}.tar"
        try:
            with path.open("rb") as stream:
                self._map = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise InputError(
                f"{path} cannot be mapped ({error})", "a whole shard", "prepare the catalogue again"
            ) from error

    def record(self, row: int) -> StoredRecord:
        listed = self._records[row]
        start, size = listed["json"]
        meta = json.loads(self._map[start : start + size])
        pictures = tuple(self._picture(p, info) for p, info in zip(listed["pictures"], meta["pictures"], strict=True))
        return StoredRecord(from_json(meta["record"]), pictures)

    def _picture(self, listed: Mapping[str, Any], info: Mapping[str, Any]) -> StoredPicture:
        high, wide = listed["shape"]
        pixels = np.frombuffer(self._map, np.uint8, high * wide, listed["offset"]).reshape(high, wide)
        boxes = tuple(Box(*edges) for edges in info["regions_px"])
        nipple = (info["nipple_xy"][0], info["nipple_xy"][1]) if info["nipple_xy"] else None
        return StoredPicture(listed["path"], pixels, Placement(**info["placement"]), boxes, nipple, info["um_per_px"])


def _about(folder: Path) -> Mapping[str, Any]:
    path = folder / ABOUT
    if not path.is_file():
        do = "run `mammoscribe data prepare` again; it goes on" if folder.is_dir() else ""
        raise InputError(f"{folder} is not a prepared dataset, or not finished", ABOUT, do)
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        if about["schema"] == SCHEMA:
            return about
    except (ValueError, KeyError, TypeError):
        pass
    raise InputError(f"{path} cannot be read", SCHEMA, "prepare the catalogue again")


def _index(folder: Path, number: int) -> Mapping[str, Any]:
    path = folder / f"shard-{number:06d}.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} cannot be read ({error})", "the index of a shard", "prepare the catalogue again"
        ) from error
