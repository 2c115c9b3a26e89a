"""Reading a prepared dataset: records with their pictures, mapped from disk without copying, by number or shuffled."""

import hashlib
import mmap
import operator
import random
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, SupportsIndex

import numpy as np

from mammoscribe.data.folds import Fold
from mammoscribe.data.prepared.preparation import FinerPicture
from mammoscribe.data.prepared.prepare import ABOUT, ROWS, SCHEMA, SPLIT_CODES
from mammoscribe.data.prepared.shards import ROW, id_number
from mammoscribe.data.record_json import from_json
from mammoscribe.data.records import SPLITS, Record, TextDocument, group_of
from mammoscribe.data.supervision import Supervision, supervision_from
from mammoscribe.domain.view import Box
from mammoscribe.imaging.placement import Placement
from mammoscribe.support.errors import InputError
from mammoscribe.support.files import sha256_of
from mammoscribe.support.parsing import json_value

OPEN_SHARDS = 64
"""Shards that stay mapped at a time."""
AGAIN = "prepare the catalogue again; what is right is kept"


@dataclass(frozen=True)
class StoredPicture:
    """A prepared picture as it lies in its shard.

    Args:
        path: of the file it came from, in the dataset's folder.
        pixels: uint8 or uint16 [H, W], read-only, a view of the mapped file.
        placement: that file's pixels to these and back.
        regions: boxes of the record's regions on these pixels.
        nipple_xy, um_per_px: of a mammogram's canvas, else None.
        spacing_mm: (row, column) distance of these pixels, None when unknown.
        image: which of the record's images it is.
        hash: `imaging.perceptual.picture_hash` of these pixels.
        steps, warnings: what was done, and what to know.
        finer: the same mammogram at finer scales; their `pixels` are views of the mapped file too.
    """

    path: str
    pixels: np.ndarray
    placement: Placement
    regions: tuple[Box, ...]
    nipple_xy: tuple[float, float] | None = None
    um_per_px: float | None = None
    spacing_mm: tuple[float, float] | None = None
    image: int = 0
    hash: bytes = b""
    steps: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    finer: tuple[FinerPicture, ...] = ()

    def at(self, um_per_px: float) -> FinerPicture | None:
        """The picture at a finer scale; None where it was not prepared at that scale."""
        return next((f for f in self.finer if f.um_per_px == um_per_px), None)


@dataclass(frozen=True)
class StoredRecord:
    """A record with the pictures that could be prepared."""

    record: Record
    pictures: tuple[StoredPicture, ...]


class PreparedDataset:
    """The records of a prepared folder, or of one split of it; works as a map-style dataset of a torch DataLoader.

    Opening it reads next to nothing, and it is pickled as its folder and split. Pictures are valid as long as somebody
    holds them; `pixels` are read-only, so copy before writing (`torch.tensor`, `astype` and `np.stack` do).

    Args:
        folder: as `prepare` filled it.
        split: `train`, `val` or `test`; None for all.
        fold: only the exams of its patients, of `train` and `val`, in place of a split.

    Raises:
        InputError: when the folder is not finished, or has no such split; for a split and a fold.
    """

    def __init__(self, folder: Path, split: str | None = None, fold: Fold | None = None) -> None:
        self.folder, self.split, self.fold = Path(folder), split, fold
        self.about: Mapping[str, Any] = _about(self.folder)
        self._rows = _mapped(self.folder / ROWS, ROW, self.about["num_records"])
        self._chosen = None if split is None else self._of_split(split)
        self._order: np.ndarray | None = None
        self._maps: OrderedDict[int, mmap.mmap] = OrderedDict()
        if fold is not None:
            self._chosen = self._of_fold(fold)

    @property
    def part(self) -> str:
        """What it holds of the dataset, in words."""
        return f"fold {self.fold} of train and val" if self.fold is not None else self.split or "all"

    @property
    def supervision(self) -> Supervision:
        """What the labels of the dataset teach a reader, as its card said when it was ingested."""
        return supervision_from(self.about["supervision"])

    @property
    def synthetic(self) -> bool:
        """Whether the dataset was drawn."""
        return bool(self.about["synthetic"])

    @property
    def root(self) -> Path:
        """Where the pictures were that this was prepared from.

        Raises:
            InputError: when it was prepared before this was noted, or they are there no more.
        """
        noted = self.about.get("root")
        if noted is None or not Path(noted).is_dir():
            found = f"{self.folder} does not say where its pictures are" if noted is None else f"{noted} is not there"
            do = "ingest and prepare again where they are; no picture is prepared twice"
            raise InputError(found, f"the pictures that {self.folder} was prepared from", do)
        return Path(noted)

    def splits(self) -> list[str | None]:
        """The split of every record of the whole dataset, None for one in no split.

        Raises:
            InputError: when it was prepared without splits.
        """
        return [SPLITS[code - 1] if code else None for code in self._split_codes().tolist()]

    def _split_codes(self) -> np.ndarray:
        if self.about["splits_sha256"] is None:
            do = "`mammoscribe data split`, then prepare again; no picture is decoded again"
            raise InputError(f"{self.folder} was prepared without splits", "splits", do)
        return _mapped(self.folder / SPLIT_CODES, np.dtype("u1"), self.about["num_records"])

    def _of_split(self, split: str) -> np.ndarray:
        """Numbers of the records of a split, in order."""
        if split not in SPLITS:
            raise InputError(f"a split {split!r}", ", ".join(SPLITS))
        chosen = np.flatnonzero(self._split_codes() == SPLITS.index(split) + 1).astype(np.uint32)
        if not len(chosen):
            raise InputError(f"{self.folder} has no record in {split}", "at least one")
        return chosen

    def _of_fold(self, fold: Fold) -> np.ndarray:
        """Numbers of the records of `train` and `val` whose patients a fold holds, in order."""
        if self.split is not None:
            raise InputError(f"the split {self.split} with the fold {fold}", "one of them")
        learned = [SPLITS.index(name) + 1 for name in ("train", "val")]
        numbers = np.flatnonzero(np.isin(self._split_codes(), learned)).astype(np.uint32)
        chosen = [n for n in numbers.tolist() if fold.holds(group_of(self._record(n).record))]
        if not chosen:
            raise InputError(f"{self.folder} has no patient of fold {fold} in train and val", "at least one")
        return np.array(chosen, dtype=np.uint32)

    def __len__(self) -> int:
        return len(self._rows) if self._chosen is None else len(self._chosen)

    def __getitem__(self, number: SupportsIndex) -> StoredRecord:
        place = operator.index(number)
        if not -len(self) <= place < len(self):
            raise IndexError(f"no record {place} of {len(self)}")
        return self._record(range(len(self))[place])

    def __iter__(self) -> Iterator[StoredRecord]:
        return (self._record(number) for number in range(len(self)))

    def __reduce__(self) -> tuple[Any, ...]:
        return PreparedDataset, (self.folder, self.split, self.fold)

    def shuffled(self, seed: int, shards_at_once: int = 8) -> Iterator[StoredRecord]:
        """Every record once, in an order that the seed decides, with few shards open at a time."""
        order = random.Random(seed)
        starts, ends = self._bounds()
        shards = [n for n in range(len(starts)) if starts[n] < ends[n]]
        order.shuffle(shards)
        for first in range(0, len(shards), shards_at_once):
            numbers = [n for s in shards[first : first + shards_at_once] for n in range(starts[s], ends[s])]
            order.shuffle(numbers)
            yield from map(self._record, numbers)

    def _bounds(self) -> tuple[list[int], list[int]]:
        """Per shard, the first of its records in here and the one after its last."""
        shards = self._rows["shard"] if self._chosen is None else self._rows["shard"][self._chosen]
        numbers = np.arange(self.about["num_shards"])
        return np.searchsorted(shards, numbers).tolist(), np.searchsorted(shards, numbers, "right").tolist()

    def position_of(self, record_id: str) -> int | None:
        """Where the record of that id (such as a `prior_id`) lies in here; None when it does not."""
        ids = self._rows["id"] if self._chosen is None else self._rows["id"][self._chosen]
        if self._order is None:
            self._order = np.argsort(ids)
        wanted = np.uint64(id_number(record_id))
        first = int(np.searchsorted(ids, wanted, sorter=self._order))
        for place in self._order[first : first + 8]:
            if ids[place] != wanted:
                return None
            if self._record(int(place)).record.id == record_id:
                return int(place)
        return None

    def prior_of(self, stored: StoredRecord) -> StoredRecord | None:
        """The record before this one, in whichever split it is; None when there is none in the folder."""
        prior_id = None if isinstance(stored.record, TextDocument) else stored.record.prior_id
        whole = self if self._chosen is None else self._all_splits
        place = None if prior_id is None else whole.position_of(prior_id)
        return None if place is None else whole[place]

    @cached_property
    def _all_splits(self) -> "PreparedDataset":
        return PreparedDataset(self.folder)

    def hashes(self) -> Iterator[tuple[str, str, str, bytes]]:
        """(record id, group, path, perceptual hash) of every picture, for the leakage audit."""
        here = np.ones(len(self._rows), bool)
        if self._chosen is not None:
            here[:] = False
            here[self._chosen] = True
        for number in range(self.about["num_shards"]):
            for record in _index(self.folder, number)["records"]:
                if here[int(record["key"])]:
                    for picture in record["pictures"]:
                        yield record["id"], record["group"], picture["path"], bytes.fromhex(picture["hash"])

    def verify(self, on_shard: Callable[[int], None] = lambda _: None) -> list[str]:
        """One sentence for each file whose bytes are not those that were written; [] when all are.

        Reads everything. After `prepare` is run again on a folder from which the named files were removed, all is right.
        """
        wrong, indexes = [], hashlib.sha256()
        for name, digest in self.about["tables_sha256"].items():
            if sha256_of(self.folder / name) != digest:
                wrong.append(f"{name} is not as it was written")
        for number in range(self.about["num_shards"]):
            path = self.folder / f"shard-{number:06d}.tar"
            try:
                indexes.update(sha256_of(path.with_suffix(".json")).encode())
                expected = _index(self.folder, number)["tar_sha256"]
                if not path.is_file():
                    wrong.append(f"{path.name} is not there")
                elif sha256_of(path) != expected:
                    wrong.append(f"{path.name} is not as it was written")
            except (OSError, InputError, KeyError):
                wrong.append(f"{path.with_suffix('.json').name} cannot be read")
            on_shard(number + 1)
        if not wrong and indexes.hexdigest() != self.about["index_sha256"]:
            wrong.append("an index (shard-*.json) is not as it was written")
        return wrong

    def _record(self, number: int) -> StoredRecord:
        row = self._rows[number if self._chosen is None else self._chosen[number]]
        shard, start = int(row["shard"]), int(row["offset"])
        mapped = self._map(shard)
        try:
            entry = json_value(mapped[start : start + int(row["size"])])
            return StoredRecord(from_json(entry["record"]), tuple(_picture(mapped, p) for p in entry["pictures"]))
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"shard-{shard:06d}.tar in {self.folder} is damaged ({error})", "", AGAIN) from error

    def _map(self, number: int) -> mmap.mmap:
        """The bytes of a shard; those not used for long are let go, once nobody holds a picture of them."""
        if number not in self._maps:
            path = self.folder / f"shard-{number:06d}.tar"
            try:
                with path.open("rb") as stream:
                    self._maps[number] = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
            except (OSError, ValueError) as error:
                raise InputError(f"{path} cannot be mapped ({error})", "a whole shard", AGAIN) from error
            if len(self._maps) > OPEN_SHARDS:
                self._maps.popitem(last=False)
        self._maps.move_to_end(number)
        return self._maps[number]


def _picture(mapped: mmap.mmap, entry: Mapping[str, Any]) -> StoredPicture:
    finer = tuple(
        FinerPicture(f["um_per_px"], _pixels(mapped, f), Placement(**f["placement"])) for f in entry.get("finer", ())
    )
    return StoredPicture(
        entry["path"], _pixels(mapped, entry), Placement(**entry["placement"]), tuple(Box(*edges) for edges in entry["regions_px"]),
        _pair(entry["nipple_xy"]), entry["um_per_px"], _pair(entry["spacing_mm"]), entry["image"],
        bytes.fromhex(entry["hash"]), tuple(entry["steps"]), tuple(entry["warnings"]), finer,
    )  # fmt: skip


def _pixels(mapped: mmap.mmap, entry: Mapping[str, Any]) -> np.ndarray:
    high, wide = entry["shape"]
    return np.frombuffer(mapped, entry["dtype"], high * wide, entry["offset"]).reshape(high, wide)


def _pair(values: list[float] | None) -> tuple[float, float] | None:
    return None if values is None else (values[0], values[1])


def _mapped(path: Path, kind: np.dtype, count: int) -> np.ndarray:
    """`count` rows of a file, mapped; InputError when it is of another size."""
    if not path.is_file() or path.stat().st_size != count * kind.itemsize:
        raise InputError(f"{path} is not whole", f"{count} rows", AGAIN)
    return np.asarray(np.memmap(path, kind, "r"))


def _about(folder: Path) -> Mapping[str, Any]:
    path = folder / ABOUT
    if not path.is_file():
        do = "run `mammoscribe data prepare` again; it goes on" if folder.is_dir() else ""
        raise InputError(f"{folder} is not a prepared dataset, or not finished", ABOUT, do)
    try:
        about = json_value(path.read_text(encoding="utf-8"))
        if about["schema"] == SCHEMA:
            return about
    except (ValueError, KeyError, TypeError):
        pass
    raise InputError(f"{path} cannot be read", SCHEMA, "prepare the catalogue again")


def _index(folder: Path, number: int) -> Mapping[str, Any]:
    path = folder / f"shard-{number:06d}.json"
    try:
        return json_value(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({error})", "the index of a shard", AGAIN) from error
