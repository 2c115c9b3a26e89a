"""Who writes, as the options of `read` and `predict` say it, and the author that comes of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mammoscribe.cli.chat_options import ChatChoice, ChatGiven
from mammoscribe.cli.options import WriterName
from mammoscribe.support.errors import InputError

if TYPE_CHECKING:
    from mammoscribe.domain.report import Report
    from mammoscribe.models.reader.reader import Reader
    from mammoscribe.writers.author import Author

Writes = Annotated[WriterName, typer.Option("--writer", help="Who writes; what a model writes always passes the gate.")]
WriterModel = Annotated[
    Path | None,
    typer.Option(
        "--writer-model", metavar="DIR", help="With --writer biovil-t: a run of `mammoscribe train biovil-t-report`."
    ),
]
READS_PRIOR_REPORTS = (WriterName.BIOVIL_T, WriterName.CHAT)


@dataclass(frozen=True)
class Authorship:
    """Who writes: plain values that can be handed to a worker process.

    Args:
        writer: what kind.
        model: the folder of a report model, with `biovil-t` alone.
        chat: the chat model, with `chat` alone.
    """

    writer: WriterName = WriterName.RENDERER
    model: Path | None = None
    chat: ChatChoice | None = None

    def check(self) -> None:
        """Look at what the writer needs before anything is read; InputError where it is not there."""
        if self.model is not None:
            from mammoscribe.models.biovil.report_model import report_card_of

            report_card_of(self.model)
        if self.chat is not None:
            self.chat.check()

    def check_workers(self, workers: int) -> None:
        """InputError for a writer that so many worker processes cannot each hold."""
        if self.chat is not None:
            self.chat.model.check_workers(workers)

    def author(self, reader: "Reader", where: Any) -> "Author | None":
        """The writer itself, on a device; None for the renderer.

        Raises:
            InputError: when it cannot be loaded.
        """
        if self.writer is WriterName.DECODER:
            from mammoscribe.writers.decoder import DecoderAuthor

            return DecoderAuthor(reader)
        if self.model is not None:
            from mammoscribe.models.biovil.report_model import load_report_model
            from mammoscribe.writers.biovil_t import BiovilAuthor

            return BiovilAuthor(load_report_model(self.model).to(where))
        if self.chat is not None:
            from mammoscribe.writers.chat import ChatAuthor

            return ChatAuthor(
                self.chat.generator(str(where)), self.chat.prompts(), self.chat.longest_px, self.chat.model.canvas(),
                self.chat.model.by_breast(),
            )  # fmt: skip
        return None

    def made_by(self) -> dict[str, str | float | None]:
        """What of it decides about the reports of a run; nothing for the renderer."""
        if self.writer is WriterName.RENDERER:
            return {}
        made_by: dict[str, str | float | None] = {"writer": self.writer.value}
        if self.model is not None:
            from mammoscribe.models.biovil.report_model import report_card_of

            made_by["writer_weights_sha256"] = report_card_of(self.model).weights_sha256
        if self.chat is not None:
            made_by |= self.chat.made_by()
        return made_by


def authorship_of(writer: WriterName, model: Path | None, chat: ChatGiven) -> Authorship:
    """Who writes, by the options; InputError for an option of a writer that does not write, or one too few."""
    if (writer is WriterName.BIOVIL_T) != (model is not None):
        raise InputError("one of --writer biovil-t and --writer-model", "both or neither")
    if writer is not WriterName.CHAT and chat.first_name is not None:
        raise InputError(f"{chat.first_name}, which no other writer uses", "--writer chat with it")
    return Authorship(writer, model, chat.choice() if writer is WriterName.CHAT else None)


def refused_words(report: "Report") -> str:
    """How many claims of a report's author the gate refused; "" where our own renderer wrote alone."""
    if report.provenance.author is None:
        return ""
    number = len(report.rejected_claims)
    return (
        "the gate refused none of them"
        if not number
        else f"the gate refused {number} of them, with reasons in the report"
    )
