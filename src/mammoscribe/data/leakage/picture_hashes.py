"""Perceptual hashes of a catalogue that is not prepared: every picture decoded once, in parallel."""

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from pathlib import Path

from mammoscribe.data.catalogue import Catalogue
from mammoscribe.data.dataset import Fault
from mammoscribe.data.leakage.audit import Hashed
from mammoscribe.data.records import TextDocument, group_of
from mammoscribe.imaging.decode import decode
from mammoscribe.imaging.perceptual import picture_hash
from mammoscribe.support.errors import InputError

AT_ONCE = 256


def hash_pictures(catalogue: Catalogue, workers: int = 1) -> Iterator[Hashed | Fault]:
    """The hash of every picture that has a file, in order; one that cannot be decoded is a Fault."""
    listed = _listed(catalogue)
    if workers == 1:
        yield from (_hashed(item) for item in listed)
        return
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        while chunk := list(islice(listed, AT_ONCE)):
            yield from pool.map(_hashed, chunk, chunksize=8)


def _listed(catalogue: Catalogue) -> Iterator[tuple[Path, str, str, str, int]]:
    for record in catalogue.records():
        for image in () if isinstance(record, TextDocument) else record.images:
            if image.path is not None:
                yield catalogue.root, record.id, group_of(record), image.path, getattr(image, "frame", 0)


def _hashed(item: tuple[Path, str, str, str, int]) -> Hashed | Fault:
    root, record, group, path, frame = item
    try:
        return record, group, path, picture_hash(decode(root / path, frame).pixels)
    except InputError as error:
        return Fault(path, error)
    except Exception as error:  # of a million files one fails in a way nobody has seen; the rest goes on
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        return Fault(path, InputError(f"{path} cannot be decoded ({reason})", "a whole picture"))
