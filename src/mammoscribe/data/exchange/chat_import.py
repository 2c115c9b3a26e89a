"""Files of conversations, ours or anybody's, read into a catalogue: every picture opens and is called for in the text."""

import json
import posixpath
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from mammoscribe.data.dataset import Dataset, Edition, Fault, Item, Label, State
from mammoscribe.data.exchange.chat import Chat, record_of
from mammoscribe.data.exchange.chat_entry import TURN_LISTS, chat_of
from mammoscribe.data.exchange.chat_export import entry_digest, sidecar_of
from mammoscribe.data.formats.json_lists import json_lines, json_list
from mammoscribe.data.ingest import Ingested, ingest
from mammoscribe.data.record_json import from_json
from mammoscribe.data.records import SPLITS, ImageText, Kind, ListedImage, MammoExam, Record, TextDocument
from mammoscribe.imaging.decode import decode
from mammoscribe.support.errors import InputError, MammoscribeError

IMAGEFOLDER = "metadata.jsonl"
"""Name of the entries in a folder for `datasets`; the paths in it start from its own folder, whose name is the split."""
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://|data:", re.IGNORECASE)
_START_BYTES = 1 << 16
_SHOWN = 80


def import_chats(
    files: Sequence[Path], images: Path, out: Path, on_record: Callable[[int], None] = lambda _: None
) -> Ingested:
    """Read files of conversations (a JSON list, or one object a line) into a catalogue.

    A file with its sidecar beside it comes back with everything that was exported; without one, each entry is taken for
    another patient. Files called train, val or test give their entries that split.

    Args:
        files: such as `train.json` or `train.jsonl`.
        images: folder that the paths of the pictures start from.
        out: the catalogue's folder.
        on_record: given the number of records so far.

    Raises:
        InputError: when a file is absent or holds no entries, or no entry of it can be used.
    """
    for file in files:
        if not file.is_file():
            raise InputError(f"{file} is not there", "a file of conversations (JSON list or JSON Lines)")
    if not images.is_dir():
        raise InputError(f"{images} is not a folder", "the folder that the paths of the pictures start from")
    kind = _kind_of(files)
    reader = _Reader(files)
    edition = Edition("llava", ("*",), "conversations, as a JSON list or one a line", {}, State.TESTED, reader.read)
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
        sidecar = sidecar_of(file)
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


def entries_of(file: Path) -> Iterator[object]:
    """The entries of a JSON list, or of a file with one object a line, whatever its suffix; a Fault for what is broken.

    Raises:
        InputError: when the file is neither.
    """
    with file.open("rb") as stream:
        start = stream.read(_START_BYTES)
    if start.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in start[:64]:
        raise InputError(f"{file} is not in UTF-8", "a JSON list or JSON Lines in UTF-8", "save it anew as UTF-8")
    text = start.decode("utf-8-sig", errors="replace").strip()
    if text.startswith("["):
        return json_list(file)
    if text and file.suffix.lower() == ".jsonl":
        return json_lines(file)
    found = _whole_object(text) if text.startswith("{") else "is not a JSON list"
    if not found:
        return json_lines(file)
    raise InputError(f"{file} {found}", "a JSON list of entries, or one entry a line")


def _whole_object(text: str) -> str:
    """What a file is that begins with an object and has no entry a line; "" where lines are objects.

    Args:
        text: the beginning of the file.
    """
    first, _, rest = text.partition("\n")
    if rest:
        key = re.search(r'"([^"\\]{1,40})"\s*:', text)
        begins = f"begins with one JSON object{f', with the key {key[1]}' if key else ''}"
        return "" if first.rstrip().endswith("}") else begins
    try:
        found = json.loads(first)
    except (ValueError, RecursionError):
        return ""
    if set(found) & set(TURN_LISTS):
        return ""
    return f"is one JSON object, with the keys {', '.join(list(found)[:3])}" if found else "is an empty JSON object"


def chats_in(file: Path, images: Path) -> Iterator[tuple[str, Chat]]:
    """(name for errors, conversation) of every entry of a file, as it is there; pictures are paths from `images` that exist.

    No picture is opened, and a sidecar is not looked at.

    Raises:
        InputError: naming the entry, for one that cannot be used or names a picture that is not there; also for a file
            without entries.
    """
    if not file.is_file():
        raise InputError(f"{file} is not there", "a file of conversations (JSON list or JSON Lines)")
    pictures, number = _Pictures(images), 0
    for number, entry in enumerate(entries_of(file), start=1):
        if isinstance(entry, Fault):
            raise entry.error
        held = entry.get("id") if isinstance(entry, dict) else None
        name = f"{file.name} entry {number}"
        name = f"{name} (id {held!r})" if isinstance(held, str | int) and len(str(held)) <= _SHOWN else name
        try:
            chat = chat_of(entry)
            _check_whole(chat)
            yield name, replace(chat, pictures=tuple(pictures.path(path) for path in chat.pictures))
        except (MammoscribeError, RecursionError) as error:
            if isinstance(error, RecursionError):
                error = InputError("nested too deeply", "an entry")
            raise InputError(f"{name}: {error.found}", error.expected, error.do) from error
    if not number:
        raise InputError(f"{file} has no entries", "at least one")


class _Reader:
    """Reads files entry by entry; their ids are made unique over all of them."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = files
        self._ids: Counter[str] = Counter()
        self._num_unnamed = self._num_entries = 0
        self._opened: set[tuple[str, int]] = set()

    def read(self, root: Path) -> Iterator[Item]:
        pictures = _Pictures(root)
        for file in self._files:
            sidecar = sidecar_of(file)
            known = sidecar.open(encoding="utf-8") if sidecar.is_file() else None
            try:
                for number, entry in enumerate(entries_of(file), start=1):
                    self._num_entries += 1
                    where = f"{file.name} entry {number}"
                    yield entry if isinstance(entry, Fault) else self._item(entry, where, pictures, file, known)
            finally:
                if known is not None:
                    known.close()
        if not self._num_entries:
            raise InputError(f"{', '.join(str(file) for file in self._files)} has no entries", "at least one")

    def _item(self, entry: object, where: str, pictures: "_Pictures", file: Path, known: TextIO | None) -> Item:
        try:
            record = self._known(entry, known.readline(), where) if known else self._new(entry, file, pictures)
            for image in record.images:
                self._check_opens(pictures.root / (image.path or ""), getattr(image, "frame", 0))
            return record
        except (MammoscribeError, RecursionError) as error:
            name = entry.get("id") if isinstance(entry, dict) else None
            named = f"{where} (id {name!r})" if isinstance(name, str | int) and len(str(name)) <= _SHOWN else where
            if isinstance(error, RecursionError):
                error = InputError("nested too deeply", "an entry")
            return Fault(where, InputError(f"{named}: {error.found}", error.expected, error.do))

    def _check_opens(self, path: Path, frame: int) -> None:
        if (str(path), frame) not in self._opened:
            decode(path, frame)
            self._opened.add((str(path), frame))

    def _known(self, entry: object, line: str, where: str) -> MammoExam | ImageText:
        """The record of the sidecar, whose entry must be as it was written."""
        do = "delete the sidecar to read the entries alone"
        if not line:
            raise InputError("the sidecar has no record for it", "one line per entry", do)
        record, digest = _exported(line, where)
        if isinstance(record, TextDocument) or digest != entry_digest(entry):
            raise InputError("the entry is not as it was exported", "what the sidecar beside the file goes with", do)
        return record

    def _new(self, entry: object, file: Path, pictures: "_Pictures") -> ImageText:
        chat = chat_of(entry)
        _check_whole(chat)
        part = file.parent.name if file.name == IMAGEFOLDER else file.stem
        start = file.parent if file.name == IMAGEFOLDER else None
        images = [ListedImage(pictures.path(path, start)) for path in chat.pictures]
        return record_of(chat, self._unique(chat.id, part), images, part if part in SPLITS else None)

    def _unique(self, name: object, part: str) -> str:
        text = str(name).strip() if name is not None else ""
        if not text:
            self._num_unnamed += 1
            text = f"{part}-{self._num_unnamed}"
        unique = text
        while unique in self._ids:
            self._ids[text] += 1
            unique = f"{text}#{self._ids[text]}"
        self._ids[unique] = 1
        return unique


def _check_whole(chat: Chat) -> None:
    """Refuse what was not UTF-8: the reader has put U+FFFD in its place."""
    for number, turn in enumerate(chat.turns, start=1):
        if "\ufffd" in turn.text:
            raise InputError(
                f"turn {number} holds characters that are not UTF-8", "UTF-8", "save the file anew as UTF-8"
            )


def _exported(line: str, where: str) -> tuple[Record, str]:
    """A line of a sidecar: the record, and the digest of its entry."""
    try:
        found = json.loads(line)
        return from_json(found["record"]), str(found["entry_sha256"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"the sidecar's line for {where} cannot be read ({error})", "as it was exported") from error


class _Pictures:
    """Finds the files that entries name, and what was probably meant where one is absent."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._listed: dict[str, list[str]] = {}

    def path(self, text: str, start: Path | None = None) -> str:
        """The path of a picture from the root, with forward slashes.

        Args:
            text: as an entry has it: with slashes of either kind, or whole where it leads into the root.
            start: folder that it starts from, where this is not the root.

        Raises:
            InputError: for an address on the network, a path that leads out of the root, or a file that is absent.
        """
        shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text[:_SHOWN])
        if _URL.match(text):
            raise InputError(f"the picture {shown} is not a file", "a path; nothing is fetched", "fetch it first")
        path = self._relative(text.replace("\\", "/"), start)
        if path is None:
            raise InputError(f"the path {shown}", f"a file inside the dataset's folder, {self.root}")
        return path if _is_file(self.root / path) else self._same_name(path, shown)

    def _relative(self, text: str, start: Path | None) -> str | None:
        """The path from the root; None where it leads out of it, or no file can have it."""
        try:
            if b"\0" in text.encode():
                return None
        except UnicodeEncodeError:  # half a surrogate pair
            return None
        whole = posixpath.join(str(start.resolve() if start else self.root), text)
        for absolute in (posixpath.normpath(whole), posixpath.realpath(whole) if text.startswith("/") else ""):
            path = posixpath.relpath(absolute, self.root) if absolute else ".."
            if path != "." and path.split("/")[0] != "..":
                return path
        return None

    def _same_name(self, path: str, shown: str) -> str:
        """The file whose name is the same but for the form of its accents; otherwise an error with what comes near."""
        folder, name = posixpath.split(path)
        names = self._names(folder)
        same = [n for n in names if unicodedata.normalize("NFC", n) == unicodedata.normalize("NFC", name)]
        if len(same) == 1:
            return posixpath.join(folder, same[0])
        raise InputError(f"{self.root / shown} is not there", "a picture file", self._hint(path, name, names))

    def _hint(self, path: str, name: str, names: Sequence[str]) -> str:
        if _is_file(self.root.parent / path):
            return f"give --images {self.root.parent}"
        near = [n for n in names if n.casefold() == name.casefold()]
        near = near or [n for n in names if Path(n).stem.casefold() == Path(name).stem.casefold()]
        return f"did you mean {', '.join(near[:3])}?" if near else ""

    def _names(self, folder: str) -> list[str]:
        if folder not in self._listed:
            try:
                self._listed[folder] = sorted(p.name for p in (self.root / folder).iterdir() if p.is_file())
            except OSError:
                self._listed[folder] = []
        return self._listed[folder]


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long
        return False
