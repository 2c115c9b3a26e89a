"""Reading a prepared split with a reader: the same steps as a reading of files, from pictures that were prepared once."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

from mammoscribe import __version__
from mammoscribe.data.prepared.dataset import PreparedDataset, StoredRecord
from mammoscribe.data.records import MammoExam, text_of
from mammoscribe.domain.assessment import Setting
from mammoscribe.domain.evidence import Writer
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import Finding
from mammoscribe.domain.grounded import GroundedSentence, boxes_of
from mammoscribe.domain.report import Report
from mammoscribe.domain.search import Search, ViewSearch
from mammoscribe.domain.view import Laterality, Role, View
from mammoscribe.evaluation.outputs.changes import AS_THEY_ARE, Change
from mammoscribe.evaluation.outputs.exam_output import (
    BreastOutput,
    ExamOutput,
    OutputMark,
    OutputView,
)
from mammoscribe.evaluation.outputs.store import MadeBy
from mammoscribe.evaluation.prepared_views import (
    decoded_canvases,
    lacks_a_scale,
    stored_canvases,
    views_of_record,
)
from mammoscribe.evaluation.stored_views import check_preparation
from mammoscribe.models.reader.judging import ReaderOutput
from mammoscribe.models.reader.reader import Canvases, Reader
from mammoscribe.reading import Prepared, assess, comparable, kinds_skipped, provenance, why_no_calcifications
from mammoscribe.reporting.chart import Chart
from mammoscribe.reporting.compose import compose_report
from mammoscribe.support.code_version import git_commit, source_digest

ROOMS = ("domain", "imaging", "models", "reporting", "reading.py", "data/prepared", "evaluation/outputs")
"""Rooms whose code decides about an output."""


def by_breast(dataset: PreparedDataset) -> bool:
    """Whether each breast is read as an exam by itself, as readers are trained on and calibrated with such datasets.

    That is where neither boxes nor reports are given: in an enriched set of breasts the number of views tells the label.
    """
    return not dataset.supervision.boxed_kinds and not any(text_of(stored.record) for stored in dataset)


def made_by(reader: Reader, dataset: PreparedDataset, setting: Setting, change: Change | None = None) -> MadeBy:
    """All that decides about the outputs of a reader on a split, as `read_split` gives them."""
    about, card = dataset.about, reader.card
    return MadeBy(
        {
            "input": {
                "dataset": about["dataset"], "split": dataset.part, "index_sha256": about["index_sha256"],
                "splits_sha256": about["splits_sha256"],
            },
            "configuration": {
                "model": card.name, "version": card.version, "weights_sha256": card.weights_sha256,
                "operating_point": repr(card.synthetic if dataset.synthetic else card.real), "setting": setting.value,
                "device": reader.device.type, "by_breast": by_breast(dataset),
                **({} if change is None else {"pictures": change.name}),
            },
            "code": {"sha256": source_digest(*ROOMS)},
        },
        {"package": __version__, "git": git_commit()},
    )  # fmt: skip


def read_split(
    reader: Reader, dataset: PreparedDataset, setting: Setting, wanted: Collection[str], change: Change | None = None
) -> Iterator[ExamOutput]:
    """The outputs of a reader on exams of a split, one by one.

    Args:
        reader: with its card. dataset: the split. setting: of the categories.
        wanted: ids of the exams that are read; one of which a change leaves no view is passed over.
        change: decodes the pictures again and changes them; None takes what was prepared.

    Raises:
        InputError: when the dataset was not prepared for this reader, or a finer scale is needed and its pictures are gone.
    """
    check_preparation(dataset, reader.card.config)
    root = dataset.root if change is not None or lacks_a_scale(reader, dataset) else None
    apart, synthetic = by_breast(dataset), dataset.synthetic
    for stored in dataset:
        if isinstance(stored.record, MammoExam) and stored.record.id in wanted:
            prior = dataset.prior_of(stored)
            parts = [
                _read(reader, stored, prior, side, synthetic, setting, root, change or AS_THEY_ARE)
                for side in (tuple(Laterality) if apart else (None,))
            ]
            found = [p for p in parts if p is not None]
            if found:
                yield _joined(found) if apart else found[0]


def _read(
    reader: Reader, stored: StoredRecord, prior: StoredRecord | None, side: Laterality | None, synthetic: bool,
    setting: Setting, root: Path | None, change: Change,
) -> ExamOutput | None:  # fmt: skip
    """The output of an exam or of one breast of it; None where it has no current view."""
    assert isinstance(stored.record, MammoExam)
    views = [v for v in views_of_record(stored, prior, side, synthetic) if change.keeps(v.view)]
    if not any(v.view.role is Role.CURRENT for v in views):
        return None
    exam = comparable(Exam(stored.record.id, tuple(v.view for v in views), stored.record.patient_id), reader)
    kept = [v for v in views if v.view in exam.views]
    canvases = stored_canvases(kept, reader) if root is None else decoded_canvases(exam, reader, root, change.picture)
    given = reader.read(exam, canvases)
    return output_of(report_of(reader, exam, canvases, given, setting), given)


def report_of(reader: Reader, exam: Exam, canvases: Canvases, given: ReaderOutput, setting: Setting) -> Report:
    """The report that a reading of files would write of this output."""
    search = Search(
        exam,
        tuple(ViewSearch(v.id, kinds_skipped(reader, exam, _unsearched(reader, v, canvases))) for v in exam.current),
    )
    measured = reader.card.operating_point(exam.origin).words_measured
    chart = Chart(exam, search, assess(search, reader, given, setting), given.findings, measured)
    made = provenance(exam, reader, Prepared(canvases, search, {}), given, setting)
    return compose_report(chart, made, (), Writer.RENDERER, possible=given.possible)


def _unsearched(reader: Reader, view: View, canvases: Canvases) -> str:
    """Why a view was not searched for calcifications; "" where it was."""
    if reader.patch_net is not None and view.id in canvases.fine:
        return ""
    return why_no_calcifications(reader, canvases.first[view.id]) or "it was not prepared at the scale that shows them"


def output_of(report: Report, given: ReaderOutput) -> ExamOutput:
    """What is kept of a reading."""
    stated = {f.id for f in report.findings}
    views = {
        v.id: OutputView(v.width_px, v.height_px, frozenset(report.search.of(v).kinds)) for v in report.exam.current
    }
    marks = tuple(m for f in given.candidates for m in _marks(f, f.id in stated))
    sentences = tuple(GroundedSentence(s.text, boxes_of(s.evidence, report.findings)) for s in report.sentences)
    breasts = {b.laterality: _breast(report, b.laterality) for b in report.breasts if b.imaged}
    return ExamOutput(report.exam.id, breasts, views, marks, True, sentences)


def _marks(finding: Finding, stated: bool) -> Iterator[OutputMark]:
    for m in finding.marks:
        yield OutputMark(m.view_id, finding.type, m.box, finding.score, finding.suspicion, stated)


def _breast(report: Report, side: Laterality) -> BreastOutput:
    b = report.breast(side)
    return BreastOutput(
        b.prob_malignant, b.density, b.density_probs, b.assessment.category.value if b.assessment else None,
        sum(f.laterality is side for f in report.findings),
    )  # fmt: skip


def _joined(parts: list[ExamOutput]) -> ExamOutput:
    """Breasts that were read one by one as one exam; their reports are of one breast each, so the exam has none."""
    return replace(
        parts[0],
        breasts={side: b for p in parts for side, b in p.breasts.items()},
        views={name: v for p in parts for name, v in (p.views or {}).items()},
        marks=tuple(m for p in parts for m in p.marks),
        sentences=None,
    )
