"""One shard: an uncompressed tar that WebDataset streams and that is mapped here without copying, and its index.

`shard-000012.tar` holds for every record `<key>.<n>.npy`, its pictures (`<key>.<n>.200um.npy` at a finer scale), and `<key>.json`; the key is the record's number in
its catalogue. `shard-000012.json` says where each lies, with digests. A shard is a function of its records, their files and
the preparation, so it is never written twice for nothing.
"""

import hashlib
import io
import json
import os
import tarfile
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from mammoscribe.data.catalogue import RECORDS, record_of_line
from mammoscribe.data.prepared.preparation import FinerPicture, Preparation, PreparedPicture, prepare_picture
from mammoscribe.data.prepared.processes import Tell
from mammoscribe.data.record_json import to_json
from mammoscribe.data.records import ListedImage, ListedView, Record, TextDocument, group_of
from mammoscribe.imaging.perceptual import picture_hash
from mammoscribe.support.errors import InputError, MammoscribeError
from mammoscribe.support.files import sha256_of, temporary_file, write_bytes
from mammoscribe.support.parsing import json_value

SCHEMA = "mammoscribe.shard/3"
"""Rises when what is written changes, `picture_hash` too: shards of another schema are written again."""
ROW = np.dtype([("shard", "<u4"), ("size", "<u4"), ("offset", "<u8"), ("id", "<u8")])
"""Where the JSON of a record lies, and `id_number` of its id: one row a record in `rows.bin`."""
Errors = list[tuple[str, str, str]]
"""(record id, path, sentence) of every picture that could not be prepared."""


def id_number(record_id: str) -> int:
    """64 bits of a record id, to look it up by."""
    return int.from_bytes(hashlib.blake2b(record_id.encode(), digest_size=8).digest(), "little")


@dataclass(frozen=True)
class ShardTask:
    """What one process does: a slice of records, whose number in the catalogue begins at `first`."""

    number: int
    first: int
    lines: tuple[str, ...]
    root: Path
    folder: Path
    preparation: Preparation

    def __str__(self) -> str:
        return f"records {self.first} to {self.first + len(self.lines) - 1}"

    @property
    def tar_path(self) -> Path:
        """The shard."""
        return self.folder / f"shard-{self.number:06d}.tar"

    @property
    def index_path(self) -> Path:
        """Its index, written last."""
        return self.tar_path.with_suffix(".json")

    def input_digest(self) -> str:
        """SHA-256 of the records, of size and time of their files, and of the preparation."""
        digest = hashlib.sha256(f"{SCHEMA} {self.preparation.digest} {self.first}\n".encode())
        for line in self.lines:
            digest.update(line.encode())
            for path in _paths(line) if self.preparation.pictures else ():
                try:
                    found = os.stat(self.root / path)
                    digest.update(f"{path} {found.st_size} {found.st_mtime_ns}\n".encode())
                except OSError:
                    digest.update(f"{path} is not there\n".encode())
        return digest.hexdigest()


@dataclass(frozen=True)
class ShardDone:
    """What a shard holds.

    Args:
        number: of the shard.
        num_records, num_pictures, num_errors: in it, and pictures that could not be prepared.
        kept: whether it was there before.
        index_sha256: of its index.
        rows: a `ROW` for each record.
    """

    number: int
    num_records: int
    num_pictures: int
    num_errors: int
    kept: bool
    index_sha256: str
    rows: bytes


def _paths(line: str) -> list[str]:
    try:
        record = json_value(line)
        return [i["path"] for i in record.get("views", record.get("images", [])) if "path" in i]
    except (ValueError, TypeError, AttributeError):
        return []  # no record; who reads it says so


def make_shard(task: ShardTask, tell: Tell = lambda *_: None) -> ShardDone:
    """The shard of a slice of records: kept when it is there and still right, else written.

    A picture that cannot be prepared is an error in the index, and its record keeps the others.

    Raises:
        InputError: when a line is no record, or the disk is full or cannot be written.
    """
    digest = task.input_digest()
    if (kept := _finished(task, digest)) is not None:
        tell(kept.num_records, kept.num_pictures + kept.num_errors)
        return kept
    temporary = None
    try:
        task.index_path.unlink(missing_ok=True)  # a shard without an index is not finished
        handle, temporary = temporary_file(task.folder, ".shard-")
        with os.fdopen(handle, "wb") as stream:
            index = _written(task, stream, tell)
            stream.flush()
            os.fsync(stream.fileno())
        index |= {"input_sha256": digest, "tar_bytes": os.path.getsize(temporary)}
        index["tar_sha256"] = sha256_of(temporary)
        os.replace(temporary, task.tar_path)
        line = (json.dumps(index, ensure_ascii=False) + "\n").encode()
        write_bytes(task.index_path, line)
    except OSError as error:
        raise InputError(
            f"{task.tar_path} cannot be written ({error.strerror or error})", "", "make room; what is finished is kept"
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
    return _done(task.number, line, kept=False)


def _finished(task: ShardTask, digest: str) -> ShardDone | None:
    """What is there already for this task, None when it is to be (re)written."""
    try:
        line = task.index_path.read_bytes()
        index = json_value(line)
        same = index["schema"] == SCHEMA and index["input_sha256"] == digest
        if same and task.tar_path.stat().st_size == index["tar_bytes"]:
            return _done(task.number, line, kept=True)
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return None


def _done(number: int, line: bytes, kept: bool) -> ShardDone:
    index = json.loads(line)
    records = index["records"]
    rows = np.array([(number, r["json"][1], r["json"][0], id_number(r["id"])) for r in records], ROW)
    pictures = sum(len(r["pictures"]) for r in records)
    digest = hashlib.sha256(line).hexdigest()
    return ShardDone(number, len(records), pictures, len(index["errors"]), kept, digest, rows.tobytes())


def _written(task: ShardTask, stream: BinaryIO, tell: Tell) -> dict[str, Any]:
    """Write the tar; gives what its index says of it."""
    records: list[dict[str, Any]] = []
    errors: Errors = []
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as tar, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what decoders warn of would be said once for each of a million pictures
        for number, line in enumerate(task.lines, start=task.first):
            record, before = record_of_line(line, f"{RECORDS} line {number + 1}"), len(errors)
            key = f"{number:09d}"
            pictures = _add_pictures(tar, key, record, task, errors)
            meta = {"record": to_json(record), "pictures": pictures}
            place = _add(tar, f"{key}.json", json.dumps(meta, ensure_ascii=False).encode())
            listed = [{k: p[k] for k in ("path", "offset", "shape", "dtype", "hash")} for p in pictures]
            records.append({"key": key, "id": record.id, "group": group_of(record), "json": place, "pictures": listed})
            tell(1, len(pictures) + len(errors) - before)
    return {"schema": SCHEMA, "records": records, "errors": errors}


def _add_pictures(
    tar: tarfile.TarFile, key: str, record: Record, task: ShardTask, errors: Errors
) -> list[dict[str, Any]]:
    """Prepare and add the pictures of a record that have a file; gives what its JSON says of each."""
    found: list[dict[str, Any]] = []
    listed = () if isinstance(record, TextDocument) or not task.preparation.pictures else record.images
    for number, image in enumerate(listed):
        if image.path is None:
            continue
        try:
            prepared = prepare_picture(image, task.root, task.preparation)
            digest = picture_hash(prepared.pixels).hex()
        except Exception as error:  # of a million files one fails in a way nobody has seen; the rest goes on
            sentence = _sentence(image.path, error).replace(f"{task.root}{os.sep}", "")  # the same on every machine
            errors.append((record.id, image.path, sentence))
            continue
        payload, header = _npy(prepared.pixels)
        member = f"{len(found)}.npy"
        offset, _ = _add(tar, f"{key}.{member}", payload)
        lies = {"image": number, "member": member, "offset": offset + header, "hash": digest}
        finer = [_add_finer(tar, f"{key}.{len(found)}", picture) for picture in prepared.finer]
        found.append(lies | _entry(image, prepared) | ({"finer": finer} if finer else {}))
    return found


def _add_finer(tar: tarfile.TarFile, key: str, picture: FinerPicture) -> dict[str, Any]:
    """Add a finer picture; gives what the JSON of its record says of it."""
    payload, header = _npy(picture.pixels)
    offset, _ = _add(tar, f"{key}.{picture.um_per_px:.0f}um.npy", payload)
    return {
        "um_per_px": picture.um_per_px, "offset": offset + header, "shape": picture.pixels.shape,
        "dtype": picture.pixels.dtype.name, "placement": asdict(picture.placement),
    }  # fmt: skip


def _sentence(path: str, error: Exception) -> str:
    if isinstance(error, MammoscribeError):
        return error.sentence()
    if isinstance(error, MemoryError):
        return f"{path} needs more memory than there is."
    return f"{path} cannot be prepared ({type(error).__name__}: {error})."


def _entry(image: ListedView | ListedImage, prepared: PreparedPicture) -> dict[str, Any]:
    """What the JSON of a record says of one picture: where it came from, what was done, and the way back."""
    boxes = [[float(e) for e in (b.x0, b.y0, b.x1, b.y1)] for b in prepared.regions]
    return {
        "path": image.path, "frame": getattr(image, "frame", 0), "shape": prepared.pixels.shape,
        "dtype": prepared.pixels.dtype.name, "placement": asdict(prepared.placement),
        "spacing_mm": prepared.spacing_mm, "um_per_px": prepared.um_per_px, "nipple_xy": prepared.nipple_xy,
        "regions_px": boxes, "steps": prepared.steps, "warnings": prepared.warnings,
    }  # fmt: skip


def _npy(pixels: np.ndarray) -> tuple[bytes, int]:
    """The picture as .npy, and the length of its header."""
    stream = io.BytesIO()
    np.lib.format.write_array(stream, pixels, version=(1, 0), allow_pickle=False)
    return stream.getvalue(), stream.tell() - pixels.nbytes


def _add(tar: tarfile.TarFile, name: str, payload: bytes) -> tuple[int, int]:
    """Add one member; where its bytes begin, and how many they are."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(payload), 0o644
    start = tar.offset + tarfile.BLOCKSIZE
    tar.addfile(info, io.BytesIO(payload))
    return start, len(payload)
