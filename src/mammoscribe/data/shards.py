"""One shard: an uncompressed tar that WebDataset streams and that is mapped here without copying, and its index.

`shard-000012.tar` holds for every record `<key>.json` and `<key>.<n>.npy`; `shard-000012.json` says where each lies, with
digests. A shard is a function of its records, their files and the preparation, so it is never written twice for nothing.
"""

import hashlib
import io
import json
import os
import tarfile
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from mammoscribe.data.catalogue import record_of_line
from mammoscribe.data.preparation import Preparation, PreparedPicture, prepare_picture
from mammoscribe.data.record_json import to_json
from mammoscribe.data.records import Record, TextDocument, group_of
from mammoscribe.imaging.perceptual import picture_hash
from mammoscribe.support.errors import InputError, MammoscribeError
from mammoscribe.support.files import sha256_of, write_text

SCHEMA = "mammoscribe.shard/1"


@dataclass(frozen=True)
class ShardTask:
    """What one process does: a slice of records, whose number in the catalogue begins at `first`."""

    number: int
    first: int
    lines: tuple[str, ...]
    root: Path
    folder: Path
    preparation: Preparation

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
            for path in _paths(line):
                try:
                    found = os.stat(self.root / path)
                    digest.update(f"{path} {found.st_size} {found.st_mtime_ns}\n".encode())
                except OSError:
                    digest.update(f"{path} is not there\n".encode())
        return digest.hexdigest()


@dataclass(frozen=True)
class ShardDone:
    """What a shard holds: records, pictures, and those that could not be prepared (where, found, expected, do)."""

    number: int
    num_records: int
    num_pictures: int
    errors: tuple[tuple[str, str, str, str], ...]


def _paths(line: str) -> list[str]:
    record = json.loads(line)
    return [i["path"] for i in record.get("views", record.get("images", [])) if "path" in i]


def finished(task: ShardTask) -> ShardDone | None:
    """What is there already for this task, None when it is to be (re)written."""
    try:
        index = json.loads(task.index_path.read_text(encoding="utf-8"))
        same = index["schema"] == SCHEMA and index["input_sha256"] == task.input_digest()
        if same and task.tar_path.stat().st_size == index["tar_bytes"]:
            return _done(task.number, index)
    except (OSError, ValueError, KeyError):
        pass
    return None


def _done(number: int, index: dict[str, Any]) -> ShardDone:
    pictures = sum(len(r["pictures"]) for r in index["records"])
    return ShardDone(number, len(index["records"]), pictures, tuple(tuple(e) for e in index["errors"]))


def write_shard(task: ShardTask) -> ShardDone:
    """Prepare the pictures of a slice of records and write the shard; a picture that cannot be prepared is an error line.

    Raises:
        InputError: when the disk is full or cannot be written.
    """
    task.index_path.unlink(missing_ok=True)  # a shard without an index is not finished
    handle, temporary = tempfile.mkstemp(dir=task.folder, prefix=".shard-")
    try:
        with os.fdopen(handle, "wb") as stream:
            index = _written(task, stream)
        os.chmod(temporary, 0o644)
        index["tar_bytes"], index["tar_sha256"] = os.path.getsize(temporary), sha256_of(Path(temporary))
        os.replace(temporary, task.tar_path)
        write_text(task.index_path, json.dumps(index) + "\n")
    except OSError as error:
        raise InputError(
            f"{task.tar_path} cannot be written ({error.strerror})", "", "make room; what is there stays"
        ) from error
    finally:
        Path(temporary).unlink(missing_ok=True)
    return _done(task.number, index)


def _written(task: ShardTask, stream: BinaryIO) -> dict[str, Any]:
    records: list[dict[str, Any]] = []
    errors: list[tuple[str, str, str, str]] = []
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for number, line in enumerate(task.lines, start=task.first):
            record = record_of_line(line, f"record {number + 1}")
            key = f"{number:09d}"
            pictures = _add_pictures(tar, key, record, task, errors)
            meta = {"record": to_json(record), "pictures": [p["info"] for p in pictures]}
            offset, size = _add(tar, f"{key}.json", json.dumps(meta, ensure_ascii=False).encode())
            listed = [{k: v for k, v in p.items() if k != "info"} for p in pictures]
            records.append(
                {"key": key, "id": record.id, "group": group_of(record), "json": [offset, size], "pictures": listed}
            )
    return {"schema": SCHEMA, "input_sha256": task.input_digest(), "records": records, "errors": errors}


def _add_pictures(
    tar: tarfile.TarFile, key: str, record: Record, task: ShardTask, errors: list[tuple[str, str, str, str]]
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for image in () if isinstance(record, TextDocument) else record.images:
        if image.path is None:
            continue
        try:
            prepared = prepare_picture(image, task.root, task.preparation)
        except MammoscribeError as error:
            errors.append((image.path, error.found, error.expected, error.do))
            continue
        except MemoryError:
            errors.append((image.path, f"{image.path} needs more memory than there is", "a smaller picture", ""))
            continue
        payload, header = _npy(prepared.pixels)
        offset, _ = _add(tar, f"{key}.{len(found)}.npy", payload)
        found.append(
            {
                "path": image.path, "offset": offset + header, "shape": list(prepared.pixels.shape),
                "hash": picture_hash(prepared.pixels).hex(), "info": _info(image.path, prepared),
            }
        )  # fmt: skip
    return found


def _info(path: str, prepared: PreparedPicture) -> dict[str, Any]:
    boxes = [[float(e) for e in (b.x0, b.y0, b.x1, b.y1)] for b in prepared.regions]
    return {
        "path": path, "placement": asdict(prepared.placement), "regions_px": boxes, "steps": list(prepared.steps),
        "warnings": list(prepared.warnings), "nipple_xy": prepared.nipple_xy, "um_per_px": prepared.um_per_px,
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
