"""LLaVA files: a catalogue is written as one JSON list per split, and such files are read into a catalogue."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TextIO

import numpy as np
from PIL import Image

from mammoscribe.data.catalogue import Catalogue
from mammoscribe.data.dataset import Dataset, Edition, Fault, Item, Label, State
from mammoscribe.data.exchange.llava import Prompt, entry_of, record_of
from mammoscribe.data.formats.json_lists import json_list
from mammoscribe.data.ingest import Ingested, ingest
from mammoscribe.data.record_json import from_json, to_json
from mammoscribe.data.records import SPLITS, ImageText, Kind, MammoExam, Record, TextDocument, group_of
from mammoscribe.imaging.decode import decode
from mammoscribe.support.errors import InputError, MammoscribeError
from mammoscribe.support.files import text_writer

WHOLE = "all"
"""Name of the one file of a catalogue without splits."""
SIDECAR = ".records.jsonl"
"""Beside `train.json` lies `train.records.jsonl` with what the format has no place for: patients, dates, labels, boxes."""


@dataclass(frozen=True)
class Exported:
    """What was written: entries by file, records without a text, and what could not be written."""

    entries: Mapping[str, int]
    num_without_text: int
    faults: tuple[Fault, ...]


def export_llava(
    catalogue: Catalogue,
    out: Path,
    prompts: Mapping[Kind, Prompt],
    as_png: bool = False,
    on_record: Callable[[], None] = lambda: None,
) -> Exported:
    """Write `OUT/train.json`, ... (or `OUT/all.json` before there are splits), each with its sidecar.

    Paths in it start from the dataset's folder; with `as_png` every picture is also written to `OUT/images/` as an 8-bit
    PNG, so that a loader that knows no DICOM opens it, and paths start from there.

    Raises:
        InputError: when no record has a text.
    """
    splits = catalogue.splits()
    parts = SPLITS if splits is not None else (WHOLE,)
    counts: Counter[str] = Counter()
    faults: list[Fault] = []
    with ExitStack() as files:
        writers = {part: files.enter_context(_list_writer(out, part)) for part in parts}
        for record in catalogue.records():
            part = WHOLE if splits is None else splits.get(group_of(record), "")
            try:
                counts[_written(record, part, catalogue, out, prompts, writers, as_png)] += 1
            except MammoscribeError as error:
                faults.append(Fault(record.id, InputError(error.found, error.expected, error.do)))
            on_record()
        if not any(counts[part] for part in parts):
            raise InputError(f"no record of {catalogue.folder} could be written", "reports", _first(faults))
    return Exported({part: counts[part] for part in parts}, counts[""], tuple(faults))


def _first(faults: Sequence[Fault]) -> str:
    return f"the first error: {faults[0].error.sentence()}" if faults else "this dataset has labels and no texts"


def _written(
    record: Record,
    part: str,
    catalogue: Catalogue,
    out: Path,
    prompts: Mapping[Kind, Prompt],
    writers: Mapping[str, "_ListWriter"],
    as_png: bool,
) -> str:
    """Write one record; gives the part it went into, "" when it has no text."""
    if part not in writers:
        raise InputError(
            f"{record.id} is in no split", "a split for every patient", "run `mammoscribe data split` again"
        )
    entry = entry_of(record, prompts)
    if entry is None:
        return ""
    if as_png and not isinstance(record, TextDocument):
        record = _with_png(record, catalogue.root, out / "images")
        entry = entry_of(record, prompts) or entry
    writers[part].add(entry, record)
    return part


def _with_png(record: MammoExam | ImageText, root: Path, folder: Path) -> MammoExam | ImageText:
    """The record with its pictures written as 8-bit PNG of the same size, so that boxes stay right."""
    images = []
    for image in record.images:
        assert image.path is not None  # entry_of has refused those without
        name = str(PurePosixPath(image.path).with_suffix(".png"))
        target = folder / name
        if not target.is_file():
            frame = getattr(image, "frame", 0)
            grey = np.clip(np.rint(decode(root / image.path, frame).pixels * 255), 0, 255).astype(np.uint8)
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_name(f".{target.name}.part")
            Image.fromarray(grey).save(part, format="PNG")
            part.replace(target)
        images.append(replace(image, path=name))
    return replace(record, images=tuple(images))  # type: ignore[arg-type]  # each image is of the kind it was


@contextmanager
def _list_writer(out: Path, part: str) -> Iterator["_ListWriter"]:
    with text_writer(out / f"{part}.json") as entries, text_writer(out / f"{part}{SIDECAR}") as records:
        writer = _ListWriter(entries, records)
        yield writer
        entries.write("\n]\n" if writer.begun else "[]\n")


class _ListWriter:
    """Writes a JSON list entry by entry, and the sidecar's lines."""

    def __init__(self, entries: TextIO, records: TextIO) -> None:
        self._entries, self._records, self.begun = entries, records, False

    def add(self, entry: Mapping[str, object], record: Record) -> None:
        """Write one entry and its record."""
        text = json.dumps(entry, indent=2, ensure_ascii=False)
        self._entries.write((",\n" if self.begun else "[\n") + "\n".join(f"  {line}" for line in text.split("\n")))
        line = {"entry_sha256": _digest(entry), "record": to_json(record)}
        self._records.write(json.dumps(line, ensure_ascii=False) + "\n")
        self.begun = True


def _digest(entry: object) -> str:
    return hashlib.sha256(json.dumps(entry, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def import_llava(
    files: Sequence[Path],
    images: Path,
    out: Path,
    on_record: Callable[[int], None] = lambda _: None,
) -> Ingested:
    """Read LLaVA files into a catalogue; every picture must exist and open, every `<image>` have its picture.

    A file with its sidecar beside it comes back with everything that was exported; without one, each entry is a patient
    of its own. Files called train, val or test give their entries that split.

    Raises:
        InputError: when a file is not there or no JSON list, or no entry of it can be used.
    """
    for file in files:
        if not file.is_file():
            raise InputError(f"{file} is not there", "a LLaVA file (JSON list)")
    if not images.is_dir():
        raise InputError(f"{images} is not a folder", "the folder that the paths of the pictures start from")
    kind = _kind_of(files)
    reader = _Reader(files)
    edition = Edition("llava", ("*",), "a JSON list of conversations", {}, State.TESTED, reader.read)
    dataset = Dataset(
        files[0].stem, "conversations read from LLaVA files", kind, "", "as given by whoever made the files",
        "given by the user", "none", (Label("llava_id", "exam", "the id in the file, where it came more than once"),),
        (), (edition,),
    )  # fmt: skip
    return ingest(dataset, images, out, on_record=on_record)


def _kind_of(files: Sequence[Path]) -> Kind:
    """The kind of the sidecars; without any, images with text."""
    kinds: set[Kind] = set()
    for file in files:
        sidecar = file.with_name(f"{file.stem}{SIDECAR}")
        if not sidecar.is_file():
            kinds.add(Kind.IMAGE_TEXT)
            continue
        with sidecar.open(encoding="utf-8") as lines:
            line = lines.readline()
        if line:
            kinds.add(_exported(line, f"{sidecar.name} line 1")[0].kind)
    if len(kinds) > 1:
        raise InputError(f"the files hold {' and '.join(sorted(kinds))}", "one kind", "import them one by one")
    return kinds.pop() if kinds else Kind.IMAGE_TEXT


class _Reader:
    """Reads files entry by entry; their ids are made unique over all of them."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = files

    def read(self, root: Path) -> Iterator[Item]:
        seen: Counter[str] = Counter()
        for file in self._files:
            sidecar = file.with_name(f"{file.stem}{SIDECAR}")
            known = sidecar.open(encoding="utf-8") if sidecar.is_file() else None
            try:
                for number, entry in enumerate(json_list(file), start=1):
                    where = f"{file.name} entry {number}"
                    yield entry if isinstance(entry, Fault) else self._item(entry, where, root, file, known, seen)
            finally:
                if known is not None:
                    known.close()

    def _item(
        self, entry: object, where: str, root: Path, file: Path, known: TextIO | None, seen: Counter[str]
    ) -> Item:
        try:
            record = self._known(entry, known.readline(), where) if known is not None else self._new(entry, file, seen)
            for image in record.images:
                decode(root / (image.path or ""), getattr(image, "frame", 0))
            return record
        except MammoscribeError as error:
            return Fault(where, InputError(f"{where}: {error.found}", error.expected, error.do))

    def _known(self, entry: object, line: str, where: str) -> MammoExam | ImageText:
        """The record of the sidecar, whose entry must be as it was written."""
        do = "delete the sidecar to read the entries alone"
        if not line:
            raise InputError("the sidecar has no record for it", "one line per entry", do)
        record, digest = _exported(line, where)
        if isinstance(record, TextDocument) or digest != _digest(entry):
            raise InputError("the entry is not as it was exported", "what the sidecar beside the file goes with", do)
        return record

    def _new(self, entry: object, file: Path, seen: Counter[str]) -> ImageText:
        name = str(entry.get("id", "")) if isinstance(entry, dict) else ""
        name = name.strip() or f"{file.stem}-{sum(seen.values()) + 1}"
        seen[name] += 1
        unique = name if seen[name] == 1 else f"{name}#{seen[name]}"
        return record_of(entry, unique, file.stem if file.stem in SPLITS else None)


def _exported(line: str, where: str) -> tuple[Record, str]:
    """A line of a sidecar: the record, and the digest of its entry."""
    try:
        found = json.loads(line)
        return from_json(found["record"]), str(found["entry_sha256"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"the sidecar's line for {where} cannot be read ({error})", "as it was exported") from error
