"""Reading drawn exams for measuring: phantom pixels straight into the reader, its answers into an exam record."""

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from mammoscribe.domain.assessment import Setting
from mammoscribe.domain.evidence import GateResult, Sentence, Writer
from mammoscribe.domain.grounded import GroundedSentence, boxes_of
from mammoscribe.domain.report import Report
from mammoscribe.domain.view import View
from mammoscribe.evaluation.facts import sentence_keys, text_keys, truth_keys
from mammoscribe.evaluation.records import BreastRecord, ExamRecord, read_records, write_records
from mammoscribe.imaging.picture import Picture
from mammoscribe.models.reader.card import ModelCard
from mammoscribe.models.reader.reader import Reader
from mammoscribe.phantom import GeneratorVersion, PhantomExam, PhantomSpec, draw_exam
from mammoscribe.reading import Decode, Reading, read_exam
from mammoscribe.reporting.chart import Chart
from mammoscribe.reporting.compose import compose_report
from mammoscribe.writers.author import Author
from mammoscribe.writers.decoder import DecoderAuthor

_NAMES = {Writer.DECODER: "decoder", Writer.EXTERNAL: "model"}
"""What the texts of a writer are called in a record."""
WHITE = 4095.0
"""Largest value of a phantom's 12-bit pixels."""


def read_seeds(
    seeds: Iterable[int], spec: PhantomSpec, kept: Path, read: Callable[[PhantomExam], ExamRecord]
) -> list[ExamRecord]:  # fmt: skip
    """Records of drawn exams, each read once; a run that was stopped goes on where it was.

    Args:
        seeds: of the exams, such as those of a bench; a progress bar may be around them.
        spec: that they are drawn from.
        kept: file of the records so far, written after each exam.
        read: what reads an exam.
    """
    records, wanted = read_records(kept), []
    for seed in seeds:
        name = f"phantom-{seed}"
        wanted.append(name)
        if name not in records:
            records[name] = read(draw_exam(seed, spec))
            write_records(records.values(), kept)
    return [records[name] for name in wanted]


def cache_path(
    folder: Path, card: ModelCard, suffix: str, fresh: bool = False, generator: GeneratorVersion = GeneratorVersion.V1
) -> Path:
    """File for partial results of one card (weights, thresholds, calibration) on one generator.

    Args:
        folder: where such files lie.
        card: of the reader that is measured.
        suffix: of the file name, without the dot.
        fresh: remove what an earlier run left, since results also depend on code.
        generator: version of the generator that draws the exams.
    """
    key = hashlib.sha256(f"{card!r}/{generator}".encode()).hexdigest()[:12]
    path = folder / f"{card.name}-{key}.{suffix}"
    if fresh:
        path.unlink(missing_ok=True)
    return path


def decode_phantom(drawn: PhantomExam) -> Decode:
    """A decoder of the exam's views that takes the drawn pixels instead of a file."""

    def decode(view: View) -> Picture:
        pixels = drawn.pixels[view.id].astype(np.float32) / np.float32(WHITE)
        return Picture(pixels, view.spacing_mm, view.spacing_source, ("phantom",))

    return decode


def read_phantom(
    drawn: PhantomExam, reader: Reader, author: Author | None = None, setting: Setting = Setting.SCREENING
) -> Reading:
    """The reading of a drawn exam, without pictures."""
    return read_exam(drawn.exam, reader, author, decode=decode_phantom(drawn), images=False, setting=setting)


def read_record(
    drawn: PhantomExam, reader: Reader, author: Author | None = None, setting: Setting = Setting.SCREENING
) -> ExamRecord:
    """Read one drawn exam once, and keep what is measured.

    Args:
        drawn: the exam. reader: reads it.
        author: writes beside the renderer; None is the reader's own decoder, where it has one.
        setting: of the categories.
    """
    if author is None and reader.decoder is not None:
        author = DecoderAuthor(reader)
    start = time.perf_counter()
    reading = read_phantom(drawn, reader, author, setting)
    return record_of(drawn, reading, author.writer if author else Writer.RENDERER, time.perf_counter() - start)


def record_of(drawn: PhantomExam, reading: Reading, writer: Writer, seconds: float) -> ExamRecord:
    """The record of a reading."""
    output, report = reading.output, reading.report
    chart = Chart(report.exam, report.search, report.breasts, output.findings)
    rendered = compose_report(chart, report.provenance)
    facts = {
        "truth": truth_keys(drawn.findings, report.provenance.edition),
        "rendered": sentence_keys(rendered.sentences, rendered),
    }
    reports = {"rendered": _grounded(rendered.sentences, report)}
    if writer is not Writer.RENDERER:
        name = _NAMES[writer]
        facts[f"{name}_before_gate"] = text_keys(c.text for c in reading.claims)
        facts[f"{name}_after_gate"] = sentence_keys(_passed(report), report, report.possible)
        facts[f"{name}_report"] = sentence_keys(report.sentences, report, report.possible)
        claims = tuple(GroundedSentence(c.text, boxes_of(c.pointers, report.findings)) for c in reading.claims)
        reports[f"{name}_before_gate"] = claims
        reports[f"{name}_after_gate"] = _grounded(_passed(report), report)
        reports[f"{name}_report"] = _grounded(report.sentences, report)
    return ExamRecord(
        drawn.exam.id, tuple(v.id for v in drawn.exam.current), bool(drawn.exam.prior), drawn.findings,
        output.findings, output.possible, output.candidates, _breasts(drawn, report), facts, _claims(report), seconds, reports,
    )  # fmt: skip


def _grounded(sentences: Iterable[Sentence], report: Report) -> tuple[GroundedSentence, ...]:
    cited = (*report.findings, *report.possible)
    return tuple(GroundedSentence(s.text, boxes_of(s.evidence, cited)) for s in sentences)


def _passed(report: Report) -> tuple[Sentence, ...]:
    return tuple(s for s in report.sentences if s.writer is not Writer.RENDERER)


def _claims(report: Report) -> dict[str, int]:
    """Sentences of the decoder by gate result, and its rejected claims."""
    counts = Counter(s.gate.value for s in _passed(report))
    if report.rejected_claims:
        counts[GateResult.UNSUPPORTED.value] += len(report.rejected_claims)
    return dict(counts)


def _breasts(drawn: PhantomExam, report: Report) -> tuple[BreastRecord, ...]:
    pairs = [(truth, report.breast(truth.laterality)) for truth in drawn.breasts]
    return tuple(
        BreastRecord(t.laterality.value, t.density, t.malignant, b.density, b.prob_malignant)
        for t, b in pairs
        if b.imaged
    )
