"""Reading drawn exams for measuring: phantom pixels straight into the reader, its answers into an exam record."""

import hashlib
import time
from collections import Counter
from pathlib import Path

import numpy as np

from mammoscribe.domain.evidence import GateResult, Sentence, Writer
from mammoscribe.domain.report import Report
from mammoscribe.domain.view import View
from mammoscribe.evaluation.facts import sentence_keys, text_keys, truth_keys
from mammoscribe.evaluation.records import BreastRecord, ExamRecord
from mammoscribe.imaging.picture import Picture
from mammoscribe.models.reader.card import ModelCard
from mammoscribe.models.reader.reader import Reader
from mammoscribe.phantom import GeneratorVersion, PhantomExam
from mammoscribe.reading import Decode, Reading, read_exam
from mammoscribe.reporting.chart import Chart
from mammoscribe.reporting.compose import compose_report
from mammoscribe.writers.author import Author
from mammoscribe.writers.decoder import DecoderAuthor

WHITE = 4095.0
"""Largest value of a phantom's 12-bit pixels."""


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


def read_phantom(drawn: PhantomExam, reader: Reader, author: Author | None = None) -> Reading:
    """The reading of a drawn exam, without pictures."""
    return read_exam(drawn.exam, reader, author, decode=decode_phantom(drawn), images=False)


def read_record(drawn: PhantomExam, reader: Reader) -> ExamRecord:
    """Read one drawn exam once, and keep what is measured; the decoder writes too where the reader has one."""
    author = DecoderAuthor(reader) if reader.decoder is not None else None
    start = time.perf_counter()
    reading = read_phantom(drawn, reader, author)
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
    if writer is Writer.DECODER:
        facts["decoder_before_gate"] = text_keys(c.text for c in reading.claims)
        facts["decoder_after_gate"] = sentence_keys(_passed(report), report, report.possible)
        facts["decoder_report"] = sentence_keys(report.sentences, report, report.possible)
    return ExamRecord(
        drawn.exam.id, tuple(v.id for v in drawn.exam.current), bool(drawn.exam.prior), drawn.findings,
        output.findings, output.possible, output.candidates, _breasts(drawn, report), facts, _claims(report), seconds,
    )  # fmt: skip


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
