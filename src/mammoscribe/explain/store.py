"""A store of embeddings on disk: one memory-mapped array, the items beside it, built once and resumable."""

import hashlib
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import torch.nn.functional as F

from mammoscribe.models.joint_space import JointPixels, JointSpace
from mammoscribe.support.errors import InputError
from mammoscribe.support.files import write_bytes, write_text

FORMAT = "mammoscribe.index/2"
BEFORE = "mammoscribe.index/1"
"""The format without a centre."""
PROBE = "No change since the prior exam"
"""What a space makes of this sentence is kept beside the vectors, so that another model's are not mixed with them."""
SAME = 0.999
"""Cosine from which on two embeddings of a picture are the same but for rounding."""
VECTORS, ITEMS, STARTS, STATE = "vectors.npy", "items.jsonl", "items_at.npy", "index.json"


class Kind(StrEnum):
    """What is stored."""

    IMAGES = "images"
    TEXTS = "texts"


@dataclass(frozen=True)
class Item:
    """One thing to embed: its id, and its text or the path of its picture."""

    id: str
    value: str


@dataclass
class State:
    """index.json: what the store holds and how far it is.

    `set_aside` maps rows that have no vector to the reason. `centre` is the mean of all rows of a whole store of pictures
    ([dim]), which a search by picture measures from; empty for texts.
    """

    kind: Kind
    model: str
    probe: list[float]
    items_sha256: str
    count: int
    dim: int
    done: int = 0
    mode: str = ""
    set_aside: dict[int, str] = field(default_factory=dict)
    centre: list[float] = field(default_factory=list)
    format: str = FORMAT


class VectorStore:
    """Rows of unit length, NaN where an item was set aside; nothing of it is held in memory, unless `held` is set.

    `held` is what a search engine made of all rows, kept between searches: of rows as they are, and of centred ones.

    Raises:
        InputError: when the folder holds no store, or one that is not whole.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.held: dict[bool, Any] = {}
        self.state = read_state(folder)
        if self.state.done < self.state.count:
            raise InputError(
                f"the index in {folder} holds {self.state.done} of {self.state.count} items",
                "a whole index",
                "build it again with the same sources; it goes on where it stopped",
            )
        try:
            array = np.lib.format.open_memmap(folder / VECTORS, mode="r")
        except (ValueError, OSError) as error:
            raise _damaged(folder, VECTORS) from error
        self._offset = array.offset
        if array.shape != (self.state.count, self.state.dim) or array.dtype != np.float32:
            raise InputError(f"{folder / VECTORS} is {array.dtype} {array.shape}", "the array that index.json names")
        self.centre = _centre(self.state, folder)

    def __len__(self) -> int:
        return self.state.count

    def blocks(self, rows: int) -> Iterator[tuple[int, np.ndarray]]:
        """(first row, [n, dim] float32) one after the other; each is mapped alone, so that memory stays flat."""
        width = self.state.dim * 4
        for start in range(0, len(self), rows):
            shape = (min(rows, len(self) - start), self.state.dim)
            yield start, np.memmap(self.folder / VECTORS, np.float32, "r", self._offset + start * width, shape)

    def items(self, rows: Sequence[int]) -> list[Item]:
        """The items of these rows, in that order; only their lines are read."""
        found = []
        try:
            starts = np.load(self.folder / STARTS, mmap_mode="r")
            with (self.folder / ITEMS).open("rb") as stream:
                for row in rows:
                    stream.seek(int(starts[row]))
                    found.append(Item(**json.loads(stream.readline())))
        except (ValueError, TypeError, IndexError, OSError, EOFError) as error:
            raise _damaged(self.folder, f"{STARTS} or {ITEMS}") from error
        return found

    def check_space(self, space: JointSpace) -> None:
        """InputError when the store was built with another model than `space`."""
        if self.state.model != space.name or not np.allclose(self.state.probe, _probe(space), atol=1e-3):
            raise InputError(
                f"the index in {self.folder} was built with another model than {space.name}",
                f"the model that built it ({self.state.model})",
                "give that --model, or build another index",
            )

    def check_mode(self, mode: str) -> None:
        """InputError when a picture was prepared otherwise than those of the store."""
        if self.state.mode not in ("", mode):
            raise InputError(
                f"the pictures of the index in {self.folder} were prepared as {self.state.mode!r}, this one as {mode!r}",
                "one way",
                "give the same --mode",
            )


def build_store(
    space: JointSpace,
    kind: Kind,
    items: Sequence[Item],
    folder: Path,
    batch: int = 16,
    on_rows: Callable[[int], object] | None = None,
) -> VectorStore:
    """Embed every item into `folder`; a run that was stopped goes on, a finished one does nothing.

    Where a run goes on, one picture is embedded again to see that the model is the same.
    A picture that cannot be read is set aside with its reason; a text that cannot be embedded stops the run.

    Args:
        space: what embeds.
        kind: pictures (paths) or texts.
        items: what to embed; the same ones, in the same order, when a run goes on.
        folder: of the store; made when absent.
        batch: items per pass.
        on_rows: called with the number of rows that are done, after every batch.

    Raises:
        InputError: without items, when the folder holds a store of other items, of another model or of pictures prepared
            in another way, or when no picture could be embedded.
    """
    if not items:
        raise InputError("nothing to build an index of", "one or more pictures or texts")
    state = _begun(space, kind, items, folder)
    try:
        vectors = np.lib.format.open_memmap(folder / VECTORS, mode="r+")
    except (ValueError, OSError) as error:
        raise _damaged(folder, VECTORS) from error
    if kind is Kind.IMAGES:
        _check_way(space, items, state, vectors, folder)
    while state.done < state.count:
        rows = range(state.done, min(state.count, state.done + batch))
        chunk = [items[row] for row in rows]
        vectors[rows.start : rows.stop] = (
            _embedded_texts(space, chunk) if kind is Kind.TEXTS else _embedded_images(space, chunk, rows.start, state)
        )
        vectors.flush()
        state.done = rows.stop
        _write_state(folder, state)
        if on_rows is not None:
            on_rows(state.done)
    if kind is Kind.IMAGES and not state.centre and len(state.set_aside) < state.count:
        state.centre = mean_of(vectors).tolist()
        _write_state(folder, state)
    del vectors
    if len(state.set_aside) == state.count:
        (folder / STATE).unlink()  # so that the next run tries again
        row, reason = next(iter(state.set_aside.items()))
        raise InputError(f"none of {state.count} pictures could be embedded; the first, {items[row].id}: {reason}")
    return VectorStore(folder)


def read_state(folder: Path) -> State:
    """index.json of a folder; InputError when there is none of ours."""
    path = folder / STATE
    if not path.is_file():
        raise InputError(
            f"no index in {folder}", "a folder that `mammoscribe search` built", "give --images or --texts"
        )
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if values["format"] == BEFORE:
            found = (
                f"the index in {folder} was built by an earlier version, which kept no centre for a search by picture"
            )
            raise InputError(found, FORMAT, "delete the folder and build it again")
        if values["format"] != FORMAT:
            raise ValueError(values["format"])
        values["set_aside"] = {int(row): reason for row, reason in values["set_aside"].items()}
        return State(**{**values, "kind": Kind(values["kind"])})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is not an index of ours ({error})", FORMAT) from error


def mean_of(rows: np.ndarray, at_once: int = 1 << 14) -> np.ndarray:
    """Mean of the rows that have a vector, float64 [dim], over one block of [N, dim] after the other."""
    total, count = np.zeros(rows.shape[1]), 0
    for start in range(0, len(rows), at_once):
        block = np.asarray(rows[start : start + at_once], np.float64)
        known = block[np.isfinite(block).all(axis=1)]
        total, count = total + known.sum(axis=0), count + len(known)
    return total / max(1, count)


def item_lines(items: Iterable[Item]) -> list[bytes]:
    """The items as JSON lines."""
    return [json.dumps(asdict(item), ensure_ascii=False).encode() + b"\n" for item in items]


def write_items(lines: Sequence[bytes], folder: Path) -> None:
    """Write the items' lines, and where each of them starts."""
    starts = io.BytesIO()
    np.save(starts, np.cumsum([0, *map(len, lines)], dtype=np.int64)[:-1])
    write_bytes(folder / STARTS, starts.getvalue())
    write_bytes(folder / ITEMS, b"".join(lines))


def _begun(space: JointSpace, kind: Kind, items: Sequence[Item], folder: Path) -> State:
    """The state to go on from: that of the folder when it fits, or a new store."""
    lines = item_lines(items)
    digest = hashlib.sha256(b"".join(lines)).hexdigest()
    new = State(kind, space.name, _probe(space), digest, len(items), space.dim)
    if not (folder / STATE).is_file():
        write_items(lines, folder)
        _allocate(folder / VECTORS, len(items), space.dim)
        _write_state(folder, new)
        return new
    state = read_state(folder)
    if (state.kind, state.items_sha256) != (kind, digest):
        raise InputError(f"the index in {folder} is of other {state.kind}", "the same items", "give another folder")
    if state.model != new.model or not np.allclose(state.probe, new.probe, atol=1e-3):
        raise InputError(f"the index in {folder} was begun with another model", state.model, "give another folder")
    return state


def _check_way(space: JointSpace, items: Sequence[Item], state: State, vectors: np.ndarray, folder: Path) -> None:
    """Refuse to go on where `space` prepares or embeds pictures otherwise than those that are done; one of them is tried.

    The probe is a text, and two models may share their text side and their name.
    """
    row = next((row for row in range(state.done) if row not in state.set_aside), None)
    if row is None:
        return
    try:
        prepared = space.prepare(Path(items[row].value))
    except InputError:
        return  # the picture has gone since, and nothing can be told
    if prepared.mode != state.mode:
        found = f"the pictures of the index in {folder} were prepared as {state.mode!r}, these as {prepared.mode!r}"
        raise InputError(found, "one way", "give the same --mode, or another folder")
    if float(_unit_rows(space, [prepared])[0] @ vectors[row]) < SAME:
        found = f"{items[row].id} is embedded otherwise in the index in {folder}"
        raise InputError(found, "the same picture and the same weights", "give another folder")


def _centre(state: State, folder: Path) -> np.ndarray | None:
    """float32 [dim] of a store of pictures, None of texts; InputError where it is not what a build leaves behind."""
    if state.kind is Kind.TEXTS and state.centre == []:
        return None
    try:
        centre = np.array(state.centre, np.float32)
    except (ValueError, TypeError):
        centre = np.zeros(0, np.float32)
    if state.kind is Kind.TEXTS or centre.shape != (state.dim,) or not np.isfinite(centre).all():
        raise _damaged(folder, f"the centre in {STATE}")
    return centre


def _damaged(folder: Path, file: str) -> InputError:
    return InputError(
        f"{file} of the index in {folder} is damaged or not there", "", "delete the folder and build it again"
    )


def _allocate(path: Path, count: int, dim: int) -> None:
    array = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(count, dim))
    array.flush()


def _write_state(folder: Path, state: State) -> None:
    write_text(folder / STATE, json.dumps(asdict(state), indent=1) + "\n")


def _probe(space: JointSpace) -> list[float]:
    return [round(float(v), 5) for v in space.embed_texts([PROBE])[0][:8]]


def _embedded_texts(space: JointSpace, chunk: Sequence[Item]) -> np.ndarray:
    return space.embed_texts([item.value for item in chunk]).float().cpu().numpy()


def _embedded_images(space: JointSpace, chunk: Sequence[Item], start: int, state: State) -> np.ndarray:
    """[n, dim], NaN in rows whose picture cannot be read; those are noted in `state`."""
    prepared = {}
    for row, item in enumerate(chunk, start):
        try:
            prepared[row] = space.prepare(Path(item.value))
        except InputError as error:
            state.set_aside[row] = error.sentence()
    vectors = np.full((len(chunk), state.dim), np.nan, np.float32)
    if prepared:
        state.mode = next(iter(prepared.values())).mode
        vectors[[row - start for row in prepared]] = _unit_rows(space, list(prepared.values()))
    return vectors


def _unit_rows(space: JointSpace, images: Sequence[JointPixels]) -> np.ndarray:
    return F.normalize(space.embed_images(images).whole.float(), dim=1).detach().cpu().numpy()
