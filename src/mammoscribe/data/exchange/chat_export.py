"""A catalogue as conversations on disk: one file of entries per split, the pictures beside it, and a sidecar of the records."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TextIO

from mammoscribe.data.catalogue import Catalogue
from mammoscribe.data.dataset import Fault
from mammoscribe.data.exchange.chat import Chat, chat_about, kept_chat
from mammoscribe.data.exchange.flavours import LAYOUTS, Flavour, Layout, Views, dataset_info
from mammoscribe.data.exchange.pictures import PictureFolder
from mammoscribe.data.exchange.prompts import Prompt, answer_of, prompt_for, question_of, view_names
from mammoscribe.data.exchange.views import Shown, shown
from mammoscribe.data.record_json import to_json
from mammoscribe.data.records import (
    SPLITS,
    ImageText,
    ListedImage,
    ListedView,
    MammoExam,
    Record,
    TextDocument,
    group_of,
)
from mammoscribe.support.errors import InputError, MammoscribeError
from mammoscribe.support.files import text_writer, write_text

WHOLE = "all"
"""Name of the one part of a catalogue without splits."""
SIDECAR = ".records.jsonl"
"""Beside `train.json` is `train.records.jsonl` with what no layout has a place for: patients, dates, labels, boxes."""


@dataclass(frozen=True)
class ChatOptions:
    """How conversations are written.

    Args:
        flavour: for which trainer.
        views: what becomes of a record with several pictures.
        prompts: what is asked and answered, by table of the file of prompts.
        png: whether the pictures are written beside the entries; else paths start from the dataset's folder.

    Raises:
        InputError: when the flavour cannot show views together, or pictures have to be written and are not.
    """

    flavour: Flavour
    views: Views
    prompts: Mapping[str, Prompt]
    png: bool = True

    def __post_init__(self) -> None:
        if self.views is Views.TOGETHER and not LAYOUTS[self.flavour].several:
            raise InputError(
                f"--views {self.views} with --flavour {self.flavour}, which reads one picture an entry",
                f"{Views.MONTAGE} or {Views.EACH}", f"or another flavour, such as {Flavour.LLAVA_NEXT}",
            )  # fmt: skip
        if not self.png and (self.flavour is Flavour.HF or self.views is Views.MONTAGE):
            what = f"--flavour {self.flavour}" if self.flavour is Flavour.HF else f"--views {self.views}"
            raise InputError(f"--no-png with {what}", "pictures that are written", "leave --no-png out")


@dataclass(frozen=True)
class ExportedChats:
    """What was written.

    Args:
        entries: number of conversations by path of the file.
        num_without_text, num_without_picture: records that are left out.
        num_pictures_left_out: further pictures of a view that is in its montage already.
        faults: what could not be written.
    """

    entries: Mapping[Path, int]
    num_without_text: int
    num_without_picture: int
    num_pictures_left_out: int
    faults: tuple[Fault, ...]


def most_pictures(catalogue: Catalogue) -> int:
    """The largest number of pictures that a record with a text has."""
    return max((len(r.images) for r in catalogue.records() if not isinstance(r, TextDocument) and r.report), default=0)


def usual_flavour(num_pictures: int) -> Flavour:
    """The flavour for records of so many pictures where none is asked for."""
    return Flavour.LLAVA if num_pictures < 2 else Flavour.LLAVA_NEXT


def usual_views(flavour: Flavour, num_pictures: int) -> Views:
    """What becomes of several pictures in a flavour where nothing is asked for."""
    return Views.EACH if num_pictures < 2 else Views.TOGETHER if LAYOUTS[flavour].several else Views.MONTAGE


def export_chats(
    catalogue: Catalogue, out: Path, options: ChatOptions, on_record: Callable[[], None] = lambda: None
) -> ExportedChats:
    """Write the conversations of each split (`all` before there are splits) into a folder, each with its sidecar.

    Raises:
        InputError: when no record has a text.
    """
    splits = catalogue.splits()
    with ExitStack() as files:
        writer = _Export(catalogue, out, options, splits, files)
        for record in catalogue.records():
            writer.add(record)
            on_record()
        if not writer.parts:
            raise InputError(f"no record of {catalogue.folder} could be written", "reports", _first(writer.faults))
        for name in SPLITS if splits is not None and options.flavour is not Flavour.HF else ():
            writer.part(name)  # an empty file; `datasets` cannot read a folder that has one
    parts = sorted(writer.parts, key=(*SPLITS, WHOLE).index)
    if options.flavour is Flavour.MESSAGES:
        write_text(out / "dataset_info.json", json.dumps(dataset_info(parts), indent=2) + "\n")
    counts = writer.counts
    return ExportedChats(
        {writer.parts[name].path: writer.parts[name].written for name in parts}, counts["without text"], counts["without picture"],
        counts["pictures left out"], tuple(writer.faults),
    )  # fmt: skip


def _first(faults: Sequence[Fault]) -> str:
    return f"the first error: {faults[0].error.sentence()}" if faults else "this dataset has labels and no texts"


@dataclass
class _Part:
    """One file of entries that is being written, and its sidecar."""

    path: Path
    layout: Layout
    entries: TextIO
    records: TextIO
    written: int = 0

    def add(self, entry: Mapping[str, object], record: Record) -> None:
        # Escapes, since LLaVA opens its file in whatever encoding the machine has.
        text = json.dumps(entry) if self.layout.lines else _indented(json.dumps(entry, indent=2))
        self.entries.write(("" if self.layout.lines else ",\n" if self.written else "[\n") + text)
        self.entries.write("\n" if self.layout.lines else "")
        line = {"entry_sha256": entry_digest(entry), "record": to_json(record)}
        self.records.write(json.dumps(line, ensure_ascii=False) + "\n")
        self.written += 1


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.split("\n"))


@contextmanager
def _part(out: Path, name: str, options: ChatOptions) -> Iterator[_Part]:
    layout = LAYOUTS[options.flavour]
    path = out / layout.file.format(part=name)
    with text_writer(path) as entries, text_writer(sidecar_of(path)) as records:
        part = _Part(path, layout, entries, records)
        yield part
        if not layout.lines:
            entries.write("\n]\n" if part.written else "[]\n")


def sidecar_of(path: Path) -> Path:
    """The sidecar of a file of entries."""
    return path.with_name(f"{path.stem}{SIDECAR}")


def entry_digest(entry: object) -> str:
    """SHA-256 of an entry as the sidecar keeps it."""
    return hashlib.sha256(json.dumps(entry, ensure_ascii=True, sort_keys=True).encode()).hexdigest()


@dataclass
class _Export:
    """Writes record after record; what cannot be written is a fault and the others go on."""

    catalogue: Catalogue
    out: Path
    options: ChatOptions
    splits: Mapping[str, str] | None
    files: ExitStack
    parts: dict[str, _Part] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    faults: list[Fault] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._folders: dict[str, PictureFolder] = {}

    def part(self, name: str) -> _Part:
        """The file of a part, begun when the first entry comes."""
        if name not in self.parts:
            self.parts[name] = self.files.enter_context(_part(self.out, name, self.options))
        return self.parts[name]

    def _folder(self, part: str) -> PictureFolder:
        images = LAYOUTS[self.options.flavour].images.format(part=part)
        if images not in self._folders:
            folder = self.out / images if self.options.png else None
            clean = self.catalogue.about.pseudonymous
            self._folders[images] = PictureFolder(self.catalogue.root, folder, pixels_only=clean)
        return self._folders[images]

    def add(self, record: Record) -> None:
        try:
            self._add(record)
        except MammoscribeError as error:
            named = error.found if record.id in error.found else f"{record.id}: {error.found}"
            self.faults.append(Fault(record.id, InputError(named, error.expected, error.do)))

    def _add(self, record: Record) -> None:
        part = WHOLE if self.splits is None else self.splits.get(group_of(record), "")
        if part not in (*SPLITS, WHOLE):
            raise InputError(
                f"{record.id} is in no split", "a split for every patient", "run `mammoscribe data split` again"
            )
        if isinstance(record, TextDocument):
            raise InputError(f"{record.id} is a text without pictures", "images with text")
        kept = isinstance(record, ImageText) and bool(record.conversation)
        prompt = prompt_for(record.kind, self.catalogue.about.name, self.options.prompts) if not kept else None
        if prompt is not None and (record.report is None or not answer_of(record.report, prompt)):
            self.counts["without text"] += 1
        elif prompt is not None and not record.images:
            self.counts["without picture"] += 1  # asked about a picture that is not there, a model learns to invent
        else:
            self._write(record, prompt, part)

    def _write(self, record: MammoExam | ImageText, prompt: Prompt | None, name: str) -> None:
        layout, entries = LAYOUTS[self.options.flavour], []
        for one in shown(record, self.options.views, self.catalogue.root):
            # What is wrong with the text shows here, before a picture is written.
            self._chat(one, [""] * len(one.record.images), prompt)
            images = self._images(one, name)
            chat = self._chat(one, [self._from(layout.start, name, image) for image in images], prompt)
            images = tuple(replace(image, path=self._from(layout.root, name, image)) for image in images)
            entries.append((layout.entry(chat), replace(one.record, images=images)))  # type: ignore[arg-type]
            self.counts["pictures left out"] += one.num_left_out
        for entry, kept in entries:
            self.part(name).add(entry, kept)

    def _images(self, one: Shown, part: str) -> tuple[ListedView | ListedImage, ...]:
        """The pictures of an entry, which are written now; their paths start from OUT, or from the dataset's folder."""
        folder, within = self._folder(part), PurePosixPath(LAYOUTS[self.options.flavour].images.format(part=part))
        if one.drawn is not None:
            (image,) = one.record.images
            return (replace(image, path=str(within / folder.add_drawing(image.path or "", one.drawn))),)
        found = folder.add(one.sources)
        if self.options.png:
            found = [replace(image, path=str(within / (image.path or ""))) for image in found]
        # a single view shown among montages is kept as a picture of no kind, as they are
        pairs = zip(one.record.images, found, strict=True)
        return tuple(new if type(new) is type(old) else replace(old, path=new.path) for old, new in pairs)

    def _from(self, start: str, part: str, image: ListedView | ListedImage) -> str:
        path = image.path or ""
        return str(PurePosixPath(path).relative_to(start.format(part=part))) if self.options.png else path

    def _chat(self, one: Shown, pictures: Sequence[str], prompt: Prompt | None) -> Chat:
        if prompt is None:
            assert isinstance(one.record, ImageText)
            return kept_chat(one.record, pictures, one.record.conversation)
        question, report = question_of(one.about, prompt), one.about.report
        assert report is not None
        if one.note and (one.needed or view_names(one.about) not in question):
            question = f"{one.note}\n{question}"
        return chat_about(one.record.id, pictures, question, answer_of(report, prompt))
