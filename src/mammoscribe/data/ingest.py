"""Ingesting: a download is read once, row by row, and becomes a catalogue; what cannot be read is listed, not lost."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from mammoscribe import __version__
from mammoscribe.data.catalogue import Catalogue, CatalogueWriter
from mammoscribe.data.chronology import Chronology
from mammoscribe.data.counts import Tally, tally_for
from mammoscribe.data.dataset import Dataset, Edition
from mammoscribe.data.kept_apart import KeptApart
from mammoscribe.data.records import Record, TextDocument
from mammoscribe.data.supervision import supervision_json
from mammoscribe.data.texts.comparisons import Comparisons, with_comparisons
from mammoscribe.data.texts.report_text import Section
from mammoscribe.support.errors import InputError


@dataclass(frozen=True)
class Ingested:
    """What came of it: the catalogue, what was counted, and how many records have a prior or an edited report."""

    catalogue: Catalogue
    edition: Edition
    tally: Tally
    num_with_prior: int
    num_edited: int


def ingest(
    dataset: Dataset,
    root: Path,
    out: Path,
    comparisons: Comparisons = Comparisons.KEEP,
    edition: str | None = None,
    on_record: Callable[[int], None] = lambda _: None,
    key_file: Path | None = None,
) -> Ingested:
    """Read a download into a catalogue: records with their priors, and errors.csv with what could not be read.

    Args:
        dataset: what the folder holds.
        root: the folder; nothing in it is written or renamed.
        out: the catalogue's folder; what is there is replaced when all is read, and splits.csv stays.
        comparisons: what becomes of sentences that compare with another exam.
        edition: the layout by name; the first that is recognised when None.
        on_record: told the number of records so far.
        key_file: write pseudonyms of this key (`data.pseudonyms`); it is made where it is not there.

    Raises:
        InputError: when the folder holds no edition of the dataset, its table cannot be read, or no record is in it; when
            another run writes the catalogue, or the disk is full.
    """
    root = Path(root).resolve()
    layout = dataset.edition_in(root, edition)
    tally = tally_for(layout, root)
    with ExitStack() as stack:
        writer = stack.enter_context(CatalogueWriter(out, dataset.kind))
        chronology = stack.enter_context(Chronology())
        apart = None if key_file is None else stack.enter_context(KeptApart(key_file, root, out))
        for item in tally.passing(layout.read(root)):
            record = writer.add(item if apart is None else apart.pseudonymous(item))
            if record is not None and not isinstance(record, TextDocument):
                chronology.add(record)
            on_record(writer.num_records)
        if not writer.num_records:
            raise InputError(f"{root} holds no record of {dataset.name} that can be read", *_first_fault(tally))
        links = _Links(chronology, comparisons)
        writer.rewrite(links.finished)
        pictures = root if apart is None else apart.finish()
        about = {
            "name": dataset.name, "edition": layout.name, "licence": dataset.licence, "root": str(pictures),
            "comparisons": str(comparisons), "package": __version__, "pseudonymous": apart is not None,
            "supervision": supervision_json(dataset.supervision_of(layout)),
        }  # fmt: skip
        catalogue = writer.finish(about)
    return Ingested(catalogue, layout, tally, links.num_with_prior, links.num_edited)


def _first_fault(tally: Tally) -> tuple[str, str]:
    if not tally.faults:
        return "at least one", ""
    error = tally.faults[0].error
    return error.expected, f"the first of {tally.counts['faults']} errors: {error.sentence()}"


class _Links:
    """The second pass over the records, when every date is known: prior and comparisons."""

    def __init__(self, chronology: Chronology, comparisons: Comparisons) -> None:
        self._chronology, self._comparisons = chronology, comparisons
        self.num_with_prior = self.num_edited = 0

    def finished(self, record: Record) -> Record:
        """The record with its prior, and its report with comparisons kept, dropped or rewritten."""
        if isinstance(record, TextDocument):
            return record
        prior = record.prior_id or self._chronology.prior_of(record)
        report = with_comparisons(record.report, self._comparisons) if record.report is not None else None
        self.num_with_prior += prior is not None
        # a section that only names earlier exams goes without saying
        self.num_edited += report is not None and any(e.section is not Section.COMPARISON for e in report.edits)
        if (prior, report) == (record.prior_id, record.report):
            return record
        return replace(record, prior_id=prior, report=report)
