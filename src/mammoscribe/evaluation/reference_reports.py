"""The reference report of a drawn exam: what is true of it in one of our writing styles, each sentence with its boxes.

The seed chooses the style and its wordings, so that a system gains nothing by learning one way of writing.
"""

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from mammoscribe import __version__
from mammoscribe.domain.assessment import Assessment, Setting
from mammoscribe.domain.grounded import GroundedSentence, boxes_of
from mammoscribe.domain.report import Breast, Provenance, Report
from mammoscribe.domain.search import everything_searched
from mammoscribe.exports.json_report import dumps_report
from mammoscribe.phantom import PhantomExam
from mammoscribe.phantom.exam import BreastTruth
from mammoscribe.phantom.streams import stream
from mammoscribe.reporting.styles import STYLES, write_reference
from mammoscribe.support.files import write_text

COLUMNS = ("exam_id", "patient_id", "report")
_STREAM = "reference report"
"""Name of the random numbers that choose style and wordings; another name would be another bench."""
_RULE = "the most severe category that its drawn lesions call for in a diagnostic exam"
_NO_PROBABILITY = "the truth of a drawn exam is no probability"


def reference_report(drawn: PhantomExam) -> Report:
    """The report that is true of a drawn exam; its categories are those of a diagnostic exam."""
    rng = stream(drawn.seed, _STREAM)
    search = everything_searched(drawn.exam)
    stated = {b.laterality: (b.density, b.category) for b in drawn.breasts}
    sentences = write_reference(search, drawn.findings, stated, int(rng.integers(len(STYLES))), rng)
    right, left = (_breast(b) for b in drawn.breasts)
    made_by = Provenance(
        f"mammoscribe {__version__}", f"none: truth of a drawn exam, generator version {drawn.spec.generator.value}", "",
        "nothing", setting=Setting.DIAGNOSTIC,
    )  # fmt: skip
    return Report(drawn.exam, search, (right, left), drawn.findings, sentences, made_by)


def _breast(truth: BreastTruth) -> Breast:
    given = Assessment(truth.category, _RULE)
    return Breast(truth.laterality, True, truth.density, assessment=given, reason=_NO_PROBABILITY)


def grounded(report: Report) -> tuple[GroundedSentence, ...]:
    """The sentences of a report with every box that they rest on."""
    return tuple(GroundedSentence(s.text, boxes_of(s.evidence, report.findings)) for s in report.sentences)


def report_text(report: Report) -> str:
    """Its sentences, one on each line."""
    return "\n".join(s.text for s in report.sentences)


def write_reference_report(report: Report, folder: Path) -> Path:
    """Write `EXAM/report.json` into a folder of references, as `mammoscribe evaluate --reference` reads it."""
    return write_text(folder / report.exam.id / "report.json", dumps_report(report))


def write_reference_table(rows: Iterable[tuple[str, str, str]], path: Path) -> Path:
    """Write the texts alone as a table.

    Args:
        rows: (exam id, patient id, text). path: of the CSV file.
    """
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *rows])
    return write_text(path, text.getvalue())
