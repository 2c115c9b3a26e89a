"""Conversations to learn from: a file in LLaVA's JSON with its pictures, or a prepared dataset with reports."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from mammoscribe.data.exchange.chat_import import chats_in
from mammoscribe.data.exchange.pictures import drawn_picture
from mammoscribe.data.exchange.prompts import Prompt, answer_of, prompt_for, question_of, read_prompts
from mammoscribe.data.prepared.dataset import PreparedDataset, StoredRecord
from mammoscribe.data.records import ImageText, ListedImage, MammoExam, TextDocument, Turn
from mammoscribe.models.chat.family import Canvas
from mammoscribe.support.errors import InputError
from mammoscribe.support.files import sha256_of
from mammoscribe.training.chat.shown import check_prepared, current, listed

IMAGES = "images"
"""Folder beside a file of conversations that its pictures may be in, as our own export writes it."""


@dataclass(frozen=True)
class Conversation:
    """A conversation with its pictures opened.

    Args:
        name: for errors.
        turns: ending with an answer.
        views: uint8 [H, W] each, windowed, in the order of their `<image>`.
    """

    name: str
    turns: tuple[Turn, ...]
    views: tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Dialogue:
    """A conversation without its pictures: its name for errors, turns, and how many pictures belong to it."""

    name: str
    turns: tuple[Turn, ...]
    num_pictures: int


class Conversations(Protocol):
    """Conversations by number."""

    def __len__(self) -> int:
        """How many there are."""
        ...

    def __getitem__(self, number: int) -> Conversation:
        """One of them; its pictures are opened now."""
        ...

    def dialogue(self, number: int) -> Dialogue:
        """What is said in one of them; no picture is opened."""
        ...

    @property
    def digest(self) -> str:
        """SHA-256 of what they were read from, without the pixels."""
        ...

    @property
    def lengths(self) -> Sequence[int]:
        """Words of each, below 0 for one without pictures: for batches of alike conversations."""
        ...


@dataclass(frozen=True)
class Entry:
    """An entry of a file: its name for errors, turns, and paths of its pictures."""

    name: str
    turns: tuple[Turn, ...]
    paths: tuple[Path, ...]


class FileConversations:
    """The conversations of a file in LLaVA's JSON or one of its dialects; pictures are opened one by one.

    Args:
        file: a JSON list, or one object a line.
        images: folder that the paths of pictures start from; None is that of the file, or `images` beside it.

    Raises:
        InputError: naming the entry, for one that cannot be used or whose picture is not there.
    """

    def __init__(self, file: Path, images: Path | None = None) -> None:
        self.file = file
        self._root = _images_of(file, images)
        try:
            self._entries = [
                Entry(name, chat.turns, tuple(self._root / path for path in chat.pictures))
                for name, chat in chats_in(file, self._root)
            ]
        except InputError as error:
            do = error.do.replace("give --images ", "--set task.images=")
            raise InputError(error.found, error.expected, do) from error

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, number: int) -> Conversation:
        entry = self._entries[number]
        return Conversation(entry.name, entry.turns, tuple(self._opened(path, entry.name) for path in entry.paths))

    def _opened(self, path: Path, name: str) -> np.ndarray:
        """A picture as a display shows it: the window of its header, 8 bits."""
        try:
            return drawn_picture(ListedImage(path.relative_to(self._root).as_posix()), self._root)[0]
        except InputError as error:
            raise InputError(f"{name}: {error.found}", error.expected, error.do) from error

    def dialogue(self, number: int) -> Dialogue:
        """See `Conversations`."""
        entry = self._entries[number]
        return Dialogue(entry.name, entry.turns, len(entry.paths))

    @property
    def digest(self) -> str:
        """SHA-256 of the file; a picture that was mended does not make another run of it."""
        return sha256_of(self.file)

    @property
    def lengths(self) -> list[int]:
        """See `Conversations`."""
        return [_length(entry.turns, bool(entry.paths)) for entry in self._entries]


def _images_of(file: Path, images: Path | None) -> Path:
    """The folder that paths start from: the one that is given, else that of the file, or `images` in it."""
    if images is not None:
        if not images.is_dir():
            raise InputError(f"{images} is not a folder", "the folder that the paths of the pictures start from")
        return images.resolve()
    folder = file.parent.resolve()
    inside = folder / IMAGES
    return inside if inside.is_dir() and not _begins_in(file, folder) and _begins_in(file, inside) else folder


def _begins_in(file: Path, folder: Path) -> bool:
    """Whether the first picture of a file is found from a folder."""
    try:
        return next((True for _, chat in chats_in(file, folder) if chat.pictures), True)
    except InputError:
        return False


class PreparedConversations:
    """The reports of a prepared dataset, asked for as `data export` asks for them, and the conversations kept in it.

    Args:
        dataset: of `mammoscribe data prepare`, whole or one split.
        prompts: TOML file of questions; None for those that come with the package.
        canvas: that the pictures have to be prepared on; None for `--as plain`.

    Raises:
        InputError: for another preparation, or when no record has a text.
    """

    def __init__(self, dataset: PreparedDataset, prompts: Path | None = None, canvas: Canvas | None = None) -> None:
        check_prepared(dataset, canvas)
        self._dataset, self._prompts = dataset, read_prompts(prompts)
        self._name = str(dataset.about["dataset"])
        found = [(n, _length_of(stored)) for n, stored in enumerate(dataset) if self._can_be_asked(stored)]
        if not found:
            raise InputError(f"no record in {dataset.folder} has a picture and a text", "reports or conversations")
        self._numbers, self.lengths = [n for n, _ in found], [length for _, length in found]

    def __len__(self) -> int:
        return len(self._numbers)

    @property
    def digest(self) -> str:
        """SHA-256 of the dataset and of the questions."""
        questions = repr(sorted(self._prompts.items()))
        return hashlib.sha256(f"{self._dataset.about['index_sha256']} {questions}".encode()).hexdigest()

    def _can_be_asked(self, stored: StoredRecord) -> bool:
        """Whether there is something to learn: a kept conversation, or a report with at least one picture."""
        record = stored.record
        if isinstance(record, TextDocument):
            return False
        if isinstance(record, ImageText) and record.conversation:
            return True
        return bool(stored.pictures and record.report is not None and answer_of(record.report, self._prompt(record)))

    def _prompt(self, record: MammoExam | ImageText) -> Prompt:
        return prompt_for(record.kind, self._name, self._prompts)

    def __getitem__(self, number: int) -> Conversation:
        stored = self._dataset[self._numbers[number]]
        record = stored.record
        assert not isinstance(record, TextDocument)
        return Conversation(record.id, self._turns(stored), tuple(shown.pixels() for shown in current(stored)))

    def dialogue(self, number: int) -> Dialogue:
        """See `Conversations`."""
        stored = self._dataset[self._numbers[number]]
        return Dialogue(stored.record.id, self._turns(stored), len(stored.pictures))

    def _turns(self, stored: StoredRecord) -> tuple[Turn, ...]:
        record = stored.record
        assert not isinstance(record, TextDocument)
        if isinstance(record, ImageText) and record.conversation:
            return record.conversation
        assert record.report is not None
        prompt = self._prompt(record)
        return Turn("human", f"{listed(current(stored))}\n{question_of(record, prompt)}"), Turn(
            "gpt", answer_of(record.report, prompt)
        )


def _length_of(stored: StoredRecord) -> int:
    record = stored.record
    if isinstance(record, ImageText) and record.conversation:
        return _length(record.conversation, bool(record.images))
    return len(record.report.raw.split()) if not isinstance(record, TextDocument) and record.report else 1


def _length(turns: Sequence[Turn], has_pictures: bool) -> int:
    words = sum(len(turn.text.split()) for turn in turns)
    return words if has_pictures else -words


def sources_of(data: Sequence[Path]) -> Mapping[str, Path]:
    """Training data by name: prepared folders by their dataset, files by their stem; a second one of a name gets a number."""
    found: dict[str, Path] = {}
    for place in data:
        name = place.stem if is_file_of_conversations(place) else str(PreparedDataset(place).about["dataset"])
        found[name if name not in found else f"{name}-{sum(n.startswith(name) for n in found) + 1}"] = place
    return found


def is_file_of_conversations(place: Path) -> bool:
    """Whether a path given as data is a file of conversations, by its suffix, and no prepared folder."""
    return place.suffix.lower() in (".json", ".jsonl") and not place.is_dir()
