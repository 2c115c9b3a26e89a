"""What `predict` does with each exam: read it, here or in a worker process, and make its rows."""

import signal
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from mammoscribe.cli.authors import Authorship, refused_words
from mammoscribe.cli.console import quiet_libraries
from mammoscribe.cli.results import MadeBy, Row, error_row, lacks_a_view, rows_of
from mammoscribe.support.errors import InputError, MammoscribeError
from mammoscribe.support.names import folder_name
from mammoscribe.support.workers import Died, in_workers

if TYPE_CHECKING:
    from mammoscribe.data.deidentify import DeidentifiedExam
    from mammoscribe.data.load import LoadedExam
    from mammoscribe.data.manifest import ManifestRow
    from mammoscribe.data.pseudonyms import Pseudonyms
    from mammoscribe.domain.view import View
    from mammoscribe.imaging.picture import Picture
    from mammoscribe.models.reader.reader import Reader
    from mammoscribe.writers.author import Author

Listed: TypeAlias = "tuple[str, list[ManifestRow] | InputError]"
"""The id of an exam, and its rows in the manifest or what is wrong with them."""


@dataclass(frozen=True)
class ReadingJob:
    """How every exam of a run is read; plain values, so that it can be handed to a worker process.

    Args:
        manifest: its folder is where relative paths start from.
        model, device: of the reader.
        setting, prevalence: as of `read_exam`.
        reports: where each exam's report goes, None for no reports.
        formats: of the reports.
        names: under whose pseudonyms exams are read and written, None under their own names.
        authorship: who writes the reports.
    """

    manifest: Path
    model: str
    device: str
    setting: str
    prevalence: float | None
    reports: Path | None
    formats: tuple[str, ...]
    names: "Pseudonyms | None" = None
    authorship: Authorship = Authorship()

    def exams(self) -> "Iterator[Listed]":
        """The exams of the manifest, in its order."""
        from mammoscribe.data.manifest import exam_groups

        if self.names is None:
            return exam_groups(self.manifest)
        from mammoscribe.data.deidentify import pseudonymous_groups

        return pseudonymous_groups(exam_groups(self.manifest), self.names)

    def made_by(self) -> MadeBy:
        """What decides about the results; InputError for a device that is not there, or a model without a card."""
        from mammoscribe.models.devices import chosen_device
        from mammoscribe.reading import card_of

        kind, card = chosen_device(self.device).type, card_of(self.model)
        return {
            "model": card.name, "weights_sha256": card.weights_sha256, "setting": self.setting,
            "prevalence": self.prevalence, "device": kind,
            **({} if self.names is None else {"pseudonyms": self.names.fingerprint}), **self.authorship.made_by(),
        }  # fmt: skip

    def begin(self) -> "Callable[[Listed], list[Row]]":
        """Load the reader and the writer, once for many exams; InputError when one cannot be loaded."""
        quiet_libraries()
        from mammoscribe.models.devices import chosen_device
        from mammoscribe.reading import load_reader

        where = chosen_device(self.device)
        reader = load_reader(self.model, where)
        return partial(self._rows, reader, self.authorship.author(reader, where))

    def _rows(self, reader: "Reader", author: "Author | None", exam: Listed) -> list[Row]:
        """The rows of one exam; whatever goes wrong with it is a row."""
        exam_id, listed = exam
        try:
            if isinstance(listed, InputError):
                raise listed
            return self._read(reader, author, listed)
        except MammoscribeError as error:
            return [error_row(exam_id, error.sentence())]
        except Exception as error:  # one exam must not stop a night's run
            return [error_row(exam_id, f"unexpected {type(error).__name__}: {error}")]

    def _read(self, reader: "Reader", author: "Author | None", listed: "list[ManifestRow]") -> list[Row]:
        from mammoscribe.domain.assessment import Setting
        from mammoscribe.reading import read_exam, write_outputs

        loaded, decode = self._opened(listed)
        images = self.reports is not None and "html" in self.formats
        reading = read_exam(
            loaded.exam,
            reader,
            author,
            decode,
            images=images,
            setting=Setting(self.setting),
            prevalence=self.prevalence,
        )
        if self.reports is not None:
            write_outputs(reading, self.reports / folder_name(loaded.exam.id), self.formats)
        all_notes = dict.fromkeys((*loaded.warnings, *reading.report.warnings, refused_words(reading.report)))
        notes = [note for note in all_notes if note]
        return rows_of(reading.report, notes, set_aside=lacks_a_view(loaded.exam))

    def _opened(self, rows: "list[ManifestRow]") -> "tuple[LoadedExam | DeidentifiedExam, Callable[[View], Picture]]":
        """An exam and how its views are decoded."""
        if self.names is None:
            from mammoscribe.data.load import load_rows
            from mammoscribe.imaging.decode import decode_view

            return load_rows(rows, self.manifest), decode_view
        from mammoscribe.data.deidentify import load_pseudonymous

        opened = load_pseudonymous(rows, self.manifest, self.names)
        return opened, opened.decode


def read_exams(job: ReadingJob, exams: "Iterable[Listed]", workers: int) -> Generator[list[Row]]:
    """The rows of each exam as it is done: in this process, or in so many workers, then in no order of its own."""
    if not workers:
        yield from map(job.begin(), exams)
        return
    with closing(in_workers(job.begin, exams, workers)) as results:
        for (exam_id, _), rows in results:
            yield [_row_of_the_dead(exam_id, rows)] if isinstance(rows, Died) else rows


def _row_of_the_dead(exam_id: str, died: Died) -> Row:
    message = f"the worker process that read it {died}; read it again with --retry-errors, with fewer workers"
    return error_row(exam_id, message)


class Stopped(KeyboardInterrupt):
    """This process was asked to end by a signal."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


@contextmanager
def stopping() -> Iterator[None]:
    """Ctrl-C and SIGTERM raise Stopped in the block, once; a second one does not disturb what is put away meanwhile."""
    if threading.current_thread() is not threading.main_thread():  # only there can signals be taken
        yield
        return

    def stop(number: int, _: object) -> None:
        for other in before:
            signal.signal(other, signal.SIG_IGN)
        raise Stopped(number)

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
