"""The main path, from an exam to its report. Read this file first.

exam ─► prepare: every view cropped, turned, resampled, with the way back to its stored pixels
─► reader: findings with a box in each view, and what each breast looks like
─► report: sentences that each cite what they rest on
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mammoscribe import __version__
from mammoscribe.domain.assessment import assess_breast
from mammoscribe.domain.evidence import Claim, Writer
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.report import Breast, Provenance, Report
from mammoscribe.domain.view import Laterality, Role, View
from mammoscribe.exports.display import display_image
from mammoscribe.exports.html import ViewImage, report_html
from mammoscribe.exports.json_report import dumps_report
from mammoscribe.exports.text import report_text
from mammoscribe.imaging.decode import Picture, decode_view
from mammoscribe.imaging.prepare import PreparedView, prepare_view, resample
from mammoscribe.models.reader import Canvases, Reader, ReaderOutput, load_reader
from mammoscribe.reporting.compose import compose_report
from mammoscribe.support.errors import InputError
from mammoscribe.support.files import write_text

__all__ = ["Reading", "load_reader", "read_exam", "write_outputs"]

Decode = Callable[[View], Picture]
FINE_UM = 100.0
COARSEST_FOR_CALCIFICATIONS_MM = 0.15
"""Stored pixels larger than this hold no calcification of a tenth of a millimetre, whatever they are resampled to."""


@dataclass(frozen=True)
class Reading:
    """A report with what it was made from: the reader's output, pictures to show it on, and the decoder's claims."""

    report: Report
    output: ReaderOutput
    images: Mapping[str, ViewImage]
    claims: tuple[Claim, ...] = ()


@dataclass(frozen=True)
class Prepared:
    """Views of one exam, ready for the networks, and pictures for the page by view id."""

    canvases: Canvases
    images: Mapping[str, ViewImage]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the reader of the report should know about the views; views not searched for calcifications included."""
        blurred = [
            v.view.name
            for v in self.canvases.first.values()
            if v.view.role is Role.CURRENT and v.view.id not in self.canvases.fine
        ]
        limit = f"{', '.join(blurred)}: pixels too coarse or of unknown size, calcifications were not searched for"
        return (*(w for v in self.canvases.first.values() for w in v.warnings), *((limit,) if blurred else ()))


def read_exam(
    exam: Exam, reader: Reader, writer: Writer = Writer.RENDERER, decode: Decode = decode_view, images: bool = True
) -> Reading:
    """Exam in, report out: every sentence of the result cites evidence in `exam`.

    Args:
        exam: the views to read, with prior views or without.
        reader: a trained reader (`load_reader`).
        writer: who writes the findings section; a decoder's claims always pass the gate.
        decode: how to get a view's pixels; the default reads the file that the view names.
        images: whether to make pictures for the HTML page.
    """
    synthetic = exam.synthetic
    prepared = prepare(exam, reader, decode, images)
    output = reader.read(exam, prepared.canvases, synthetic)
    breasts = assess(exam, reader, output, synthetic)
    claims = reader.draft(exam, output.findings, breasts) if writer is Writer.DECODER else ()
    report = compose_report(
        exam, breasts, output.findings, provenance(reader, prepared, synthetic), claims, writer,
        warnings=prepared.warnings, possible=output.possible,
    )  # fmt: skip
    return Reading(report, output, prepared.images, claims)


def prepare(exam: Exam, reader: Reader, decode: Decode, images: bool) -> Prepared:
    """Decode each view once and keep only what is needed of it: full-size pixels of one view at a time."""
    config = reader.card.config
    coarse, detail, fine, shown = {}, {}, {}, {}
    for view in exam.views:
        picture = decode(view)
        coarse[view.id] = prepare_view(view, picture, config.um_per_px, config.canvas_px)
        if reader.look_net is not None:
            detail[view.id] = resample(picture, coarse[view.id], config.detail_um)
        if reader.patch_net is not None and shows_calcifications(coarse[view.id], picture):
            fine[view.id] = resample(picture, coarse[view.id], FINE_UM)
        if images:
            shown[view.id] = shown_view(view, picture, coarse[view.id])
    return Prepared(Canvases(coarse, detail, fine), shown)


def shows_calcifications(prepared: PreparedView, picture: Picture) -> bool:
    """Whether the stored pixels are known to be small enough for the 100 um patch path."""
    spacing = picture.spacing_mm
    return prepared.millimetres_known and spacing is not None and max(spacing) <= COARSEST_FOR_CALCIFICATIONS_MM


def shown_view(view: View, picture: Picture, prepared: PreparedView) -> ViewImage:
    """The view as stored, for the page; right views hang with the chest wall right, left views with it left."""
    unusual = prepared.chest_on_left != (view.laterality is Laterality.LEFT)
    place = prepared.placement
    return display_image(view, picture.pixels, unusual, prepared.crop, place.scale_x / place.scale_y)


def assess(exam: Exam, reader: Reader, output: ReaderOutput, synthetic: bool) -> tuple[Breast, Breast]:
    """Breast-level facts: the domain's rule over findings, which the recall head can only raise."""
    threshold = reader.card.operating_point(synthetic).recall_threshold
    right, left = (_breast(side, exam, output, threshold, words_measured=synthetic) for side in Laterality)
    return right, left


def _breast(
    side: Laterality, exam: Exam, output: ReaderOutput, recall_threshold: float, words_measured: bool
) -> Breast:
    if side not in exam.imaged:
        return Breast(side, imaged=False, reason="not imaged in this exam")
    reading = output.breasts[side]
    own = [f for f in output.findings if f.laterality is side]
    return Breast(
        side, imaged=True, density=reading.density, density_probs=reading.density_probs,
        assessment=assess_breast(own, reading.recall_score >= recall_threshold, words_measured),
        prob_malignant=reading.prob_malignant, calibration=reading.calibration,
    )  # fmt: skip


def provenance(reader: Reader, prepared: Prepared, synthetic: bool) -> Provenance:
    """What made the report, and how often such sentences are right for this kind of exam."""
    card = reader.card
    return Provenance(
        package=f"mammoscribe {__version__}", model=f"{card.name} {card.version}", weights_sha256=card.weights_sha256,
        trained_on=card.trained_on, preprocessing=tuple((i, v.steps) for i, v in prepared.canvases.first.items()),
        reliability=card.operating_point(synthetic).reliability,
    )  # fmt: skip


def write_outputs(reading: Reading, out: Path, formats: Sequence[str] = ("html", "json", "txt")) -> list[Path]:
    """Write `report.<format>` files into `out`; an unknown format raises InputError before anything is written."""
    writers: dict[str, Callable[[], str]] = {
        "html": lambda: report_html(reading.report, reading.images),
        "json": lambda: dumps_report(reading.report),
        "txt": lambda: report_text(reading.report),
    }
    unknown = [f for f in formats if f not in writers]
    if unknown:
        raise InputError(f"format {unknown[0]!r}", f"some of {', '.join(writers)}")
    return [write_text(out / f"report.{name}", writers[name]()) for name in formats]
