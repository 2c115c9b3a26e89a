"""Views of a frozen encoder that are encoded once, and not in every pass: their tokens in a file, by what the view holds."""

import hashlib
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from mammoscribe.models.chat.adapter import Adapter
from mammoscribe.models.chat.starter_views import Encode, StarterChat
from mammoscribe.support.errors import InputError
from mammoscribe.support.files import held_folder
from mammoscribe.support.progress import counted

_DIGEST_BYTES = 16


class WithViews(Protocol):
    """Things by number that have `views`, uint8 [H, W] each: conversations, or exams."""

    def __len__(self) -> int:
        """How many there are."""
        ...

    def __getitem__(self, number: int) -> Any:
        """One of them."""
        ...


@dataclass(frozen=True)
class KeptViews:
    """Tokens of views in a file of 16-bit numbers, one row after the other, mapped and not read.

    Args:
        encode: for a view that is not among them.
        rows: [V, T, D] of the file.
        numbers: digest of a view -> its row.
    """

    encode: Encode
    rows: np.ndarray
    numbers: dict[bytes, int]

    def __call__(self, view: np.ndarray) -> Tensor:
        """[T, D], 32 bits."""
        number = self.numbers.get(digest_of(view))
        return self.encode(view) if number is None else torch.from_numpy(self.rows[number].astype(np.float32))


def digest_of(view: np.ndarray) -> bytes:
    """What tells views apart: their size and pixels."""
    shape = np.asarray(view.shape, np.int64).tobytes()
    return hashlib.blake2b(shape + view.tobytes(), digest_size=_DIGEST_BYTES).digest()


def with_kept_views(
    adapter: Adapter, sources: Sequence[WithViews], folder: Path | None, clock: Callable[[], float] = time.monotonic
) -> tuple[Adapter, tuple[str, ...]]:
    """The adapter with the tokens of every view at hand, and a sentence of what was done.

    Of a family whose encoder is trained or is part of the network, the adapter as it is.

    Args:
        adapter: of the model.
        sources: whose views are encoded.
        folder: that keeps the tokens for later runs with the same reader; None keeps them for this run alone. While another
            process writes there, such as one of the same run, this one waits, and then finds most views encoded.
        clock: seconds.

    Raises:
        InputError: for a folder of tokens with a family that has no use for them.
    """
    if not isinstance(adapter, StarterChat):
        if folder is not None:
            raise InputError(f"features for {adapter.family.name}, whose encoder is part of its network", "none")
        return adapter, ()
    started = clock()
    total = sum(len(own) for own in sources)
    items = counted((own[n] for own in sources for n in range(len(own))), total, "encoding views of")
    views = (view for item in items for view in item.views)
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="mammoscribe-views-") as place:  # mapped files outlive their names
            kept, new = _filled(adapter, views, Path(place))
    else:
        folder.mkdir(parents=True, exist_ok=True)
        with held_folder(folder, "keeping views in", waits=True):
            kept, new = _filled(adapter, views, folder)
    where = "" if folder is None else f" in {folder}"
    note = (
        f"{len(kept.numbers)} views are kept as tokens of the reader's encoder{where}; {new} of them were encoded now, "
        f"in {clock() - started:.0f} s"
    )
    return replace(adapter, encode=kept), (note,)


def _filled(adapter: StarterChat, views: Iterable[np.ndarray], folder: Path) -> tuple[KeptViews, int]:
    """What the folder holds and what was added; only whole rows with their digest count."""
    width = adapter.width
    name = f"{adapter.canvas.reader_sha256[:16]}-{adapter.tokens}x{width}"
    rows, index = folder / f"{name}.f16", folder / f"{name}.index"
    row_bytes, new = 2 * adapter.tokens * width, 0
    digests = _whole_digests(rows, index, row_bytes)
    numbers = {digest: n for n, digest in enumerate(digests)}
    with (
        rows.open("r+b" if rows.exists() else "w+b") as tokens,
        index.open("r+b" if index.exists() else "w+b") as names,
    ):
        tokens.seek(len(digests) * row_bytes)
        names.seek(len(digests) * _DIGEST_BYTES)
        for view in views:
            digest = digest_of(view)
            if digest not in numbers:
                tokens.write(adapter.encode(view).numpy().astype(np.float16).tobytes())
                names.write(digest)
                numbers[digest], new = len(numbers), new + 1
        tokens.truncate()
        names.truncate()
        tokens.flush()
        shape = (len(numbers), adapter.tokens, width)
        mapped = np.memmap(tokens, np.float16, "r", shape=shape) if numbers else np.empty(shape, np.float16)
    return KeptViews(adapter.encode, mapped, numbers), new


def _whole_digests(rows: Path, index: Path, row_bytes: int) -> list[bytes]:
    """Digests of the rows that are there with both parts; a run that was killed leaves one part shorter."""
    if not rows.is_file() or not index.is_file():
        return []
    held = index.read_bytes()
    count = min(len(held) // _DIGEST_BYTES, rows.stat().st_size // row_bytes)
    return [held[n * _DIGEST_BYTES : (n + 1) * _DIGEST_BYTES] for n in range(count)]
