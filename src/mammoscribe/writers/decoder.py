"""The reader's own report decoder as a writer: it writes from the findings, and each claim points at what it is about."""

from dataclasses import dataclass

from mammoscribe.domain.evidence import Writer
from mammoscribe.models.reader.reader import Reader
from mammoscribe.writers.author import Case, Draft


@dataclass(frozen=True)
class DecoderAuthor:
    """The decoder of a reader."""

    reader: Reader
    writer: Writer = Writer.DECODER
    manner: str = "from the reader's findings"
    reads_prior_report: bool = False

    @property
    def name(self) -> str:
        """The reader that it is part of."""
        return f"the report decoder of {self.reader.card.name}"

    def write(self, case: Case) -> Draft:
        """Claims about the findings.

        Raises:
            InputError: for a reader without a decoder.
        """
        return Draft(self.reader.draft(case.exam, case.findings, case.breasts))
