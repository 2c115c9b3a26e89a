"""The main path, from an exam to its report. Read this file first.

exam ─► prepare: every view cropped, turned, resampled, with the way back to its stored pixels
─► reader: findings with a box in each view, and what each breast looks like
─► report: sentences that each cite what they rest on
"""

import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mammoscribe import __version__
from mammoscribe.domain.assessment import NotAssessed, Setting
from mammoscribe.domain.assessment_rules import Circumstances, assess_breast, grade_breast, odds_ratio
from mammoscribe.domain.evidence import Claim, Writer
from mammoscribe.domain.exam import Exam, SetAside
from mammoscribe.domain.finding import Finding, FindingType
from mammoscribe.domain.report import Breast, Calibration, Provenance, Report
from mammoscribe.domain.search import Search, ViewSearch, gap_words
from mammoscribe.domain.view import Laterality, Role, View
from mammoscribe.exports.display import display_image, mark_crop
from mammoscribe.exports.html import report_html
from mammoscribe.exports.json_report import dumps_report, report_json
from mammoscribe.exports.pictures import MarkCrop, ViewImage
from mammoscribe.exports.text import report_text
from mammoscribe.imaging.decode import Picture, decode_view
from mammoscribe.imaging.prepare import FINE_UM, PreparedView, prepare_view, resample, why_no_calcifications_show
from mammoscribe.models.reader.judging import BreastReading, ReaderOutput
from mammoscribe.models.reader.loading import card_of, load_reader
from mammoscribe.models.reader.reader import Canvases, Reader
from mammoscribe.reporting.chart import Chart
from mammoscribe.reporting.compose import compose_report
from mammoscribe.support.errors import InputError
from mammoscribe.support.files import write_text
from mammoscribe.writers.author import Author, Case, Decode, Draft

__all__ = ["Reading", "card_of", "load_reader", "read_exam", "write_outputs"]


@dataclass(frozen=True, repr=False)
class Reading:
    """A report with what it was made from: the reader's output, pictures to show it on, and the claims of an author.

    `crops` are the surroundings of every mark at full resolution.
    """

    report: Report
    output: ReaderOutput
    images: Mapping[str, ViewImage]
    claims: tuple[Claim, ...] = ()
    crops: tuple[MarkCrop, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The report as in report.json: plain dicts, lists, strings and numbers."""
        return report_json(self.report)

    def __repr__(self) -> str:
        given = (
            f"{b.laterality} {f'BI-RADS {b.assessment.category}' if b.assessment else 'not assessed'}"
            for b in self.report.breasts
            if b.imaged
        )
        return f"Reading({self.report.exam.id}: {', '.join(given)}; {len(self.report.findings)} findings)"

    def _repr_html_(self) -> str:
        """The page of the report in a frame of its own, for notebooks."""
        page = html.escape(report_html(self.report, self.images, self.crops), quote=True)
        return f'<iframe srcdoc="{page}" style="width: 100%; height: 50em; border: 0"></iframe>'


@dataclass(frozen=True)
class Prepared:
    """Views of one exam, ready for the networks, what each can be searched for, and pictures for the page by view id."""

    canvases: Canvases
    search: Search
    images: Mapping[str, ViewImage]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the reader of the report should know about the views."""
        first = self.canvases.first.values()
        return tuple(f"prior {w}" if v.view.role is Role.PRIOR else w for v in first for w in v.warnings)


def read_exam(
    exam: Exam, reader: Reader, author: Author | None = None, decode: Decode = decode_view, images: bool = True,
    setting: Setting = Setting.SCREENING, prevalence: float | None = None, prior_report: str | None = None,
) -> Reading:  # fmt: skip
    """Exam in, report out: every sentence of the result cites evidence in `exam`.

    Args:
        exam: the views to read, with prior views or without.
        reader: a trained reader (`load_reader`).
        author: a model that writes about the exam (`mammoscribe.writers`); its claims always pass the gate. None leaves
            the report to our own renderer.
        decode: how to get a view's pixels; the default reads the file that the view names.
        images: whether to make pictures for the HTML page.
        setting: screening gives the categories 0, 1 and 2; diagnostic gives all.
        prevalence: share of malignant breasts where the exam was made, to which the probability of malignancy is
            moved; None gives it at the prevalence that it was calibrated at.
        prior_report: the text of the prior exam's report, for an author that reads it.

    Raises:
        InputError: when a view or the exam cannot be read, or the author cannot write.
    """
    exam = comparable(exam, reader)
    prepared = prepare(exam, reader, decode, images)
    output = reader.read(exam, prepared.canvases)
    breasts = assess(prepared.search, reader, output, setting, prevalence)
    drafted = draft(Case(exam, decode, output.findings, breasts, prior_report), author)
    measured = reader.card.operating_point(exam.origin).words_measured
    made_by = replace(provenance(exam, reader, prepared, output, setting), author=author.name if author else None)
    report = compose_report(
        Chart(exam, prepared.search, breasts, output.findings, measured), made_by, drafted.claims,
        author.writer if author else Writer.RENDERER,
        (*prepared.warnings, *unlike_warnings(exam, reader, output), *drafted.remarks), output.possible,
    )  # fmt: skip
    return Reading(
        report, output, prepared.images, drafted.claims, crops_of(report, prepared, decode) if images else ()
    )


def unlike_warnings(exam: Exam, reader: Reader, output: ReaderOutput) -> tuple[str, ...]:
    """A sentence for each view that is unlike the images that the reader's answers were calibrated on."""
    used_to = reader.card.operating_point(exam.origin).familiar
    if used_to is None:
        return ()
    return tuple(
        f"{exam.view(name).name}: unlike the images that the answers were calibrated on ({used_to.population}, {used_to.num_views} views): "
        f"its distance from them is {distance:.1f}, and that of 99 in 100 of them is at most {used_to.limit:.1f}; what is "
        "said of it may be wrong"
        for name, distance in output.unlike.items()
    )  # fmt: skip


def draft(case: Case, author: Author | None) -> Draft:
    """What an author writes about an exam, which is claims for the gate; nothing where our own renderer writes.

    Raises:
        InputError: for a prior report that the author does not read, or of an exam of which no prior is read.
    """
    if case.prior_report is not None and (author is None or not author.reads_prior_report):
        raise InputError("a prior report, which this writer does not read", "a writer that reads it")
    if case.prior_report is not None and not case.exam.prior:
        raise InputError("a prior report for an exam of which no prior is read", "the prior exam with it")
    if author is None:
        return Draft(())
    written = author.write(case)
    number = "1 claim was" if len(written.claims) == 1 else f"{len(written.claims)} claims were"
    who = f"{number} written by {author.name} {author.manner}; only what the reader's findings support is printed"
    return replace(written, remarks=(who, *written.remarks))


def comparable(exam: Exam, reader: Reader) -> Exam:
    """The exam as far as the reader can compare it: priors are set aside by a reader that learnt from none."""
    if reader.card.config.reads_priors or not exam.prior:
        return exam
    reason = f"prior exam not read: {reader.card.name} was trained without priors and cannot compare"
    left_out = tuple(SetAside(v.source, reason, v.laterality, v.projection) for v in exam.prior)
    return replace(exam, views=exam.current, set_aside=exam.set_aside + left_out)


def prepare(exam: Exam, reader: Reader, decode: Decode, images: bool) -> Prepared:
    """Decode each view once and keep only what is needed of it: full-size pixels of one view at a time."""
    config = reader.card.config
    coarse, detail, fine, shown, searched = {}, {}, {}, {}, []
    for view in exam.views:
        picture = decode(view)
        coarse[view.id] = prepare_view(view, picture, config.um_per_px, config.canvas_px)
        if reader.crop_refiner is not None:
            detail[view.id] = resample(picture, coarse[view.id], config.detail_um)
        skipped = why_no_calcifications(reader, coarse[view.id])
        if not skipped:
            fine[view.id] = resample(picture, coarse[view.id], FINE_UM)
        if view.role is Role.CURRENT:
            searched.append(ViewSearch(view.id, kinds_skipped(reader, exam, skipped)))
        if images:
            shown[view.id] = shown_view(view, picture, coarse[view.id])
    return Prepared(Canvases(coarse, detail, fine), Search(exam, tuple(searched)), shown)


def kinds_skipped(reader: Reader, exam: Exam, no_calcifications: str) -> tuple[tuple[FindingType, str], ...]:
    """Kinds of finding that a view is not searched for, with the reason.

    Args:
        reader: its card says which kinds it was taught and which it reports.
        exam: its origin decides which operating point applies.
        no_calcifications: why this view is not searched for calcifications, or "".
    """
    unreported = reader.card.operating_point(exam.origin).unreported
    found: dict[FindingType, str] = {}
    for kind in FindingType:
        if kind is FindingType.CALCIFICATION and no_calcifications:
            found[kind] = no_calcifications
        elif kind.value not in reader.card.taught:
            found[kind] = "this model was not trained to find them"
        elif kind.value in unreported:
            found[kind] = "this model does not find them reliably"
    return tuple(found.items())


def why_no_calcifications(reader: Reader, prepared: PreparedView) -> str:
    """Why a view is not searched for calcifications; "" where the 100 um patch path can see them."""
    if reader.patch_net is None:
        return "the model has no network for them"
    return why_no_calcifications_show(prepared)


def shown_view(view: View, picture: Picture, prepared: PreparedView) -> ViewImage:
    """The view upright, for the page; right views hang with the chest wall right, left views with it left."""
    unusual = prepared.chest_on_left != (view.laterality is Laterality.LEFT)
    place = prepared.placement
    squash = place.scale_x / place.scale_y
    return display_image(view, picture.pixels, unusual, prepared.crop, squash, place.transposed, place.upended)


def crops_of(report: Report, prepared: Prepared, decode: Decode) -> tuple[MarkCrop, ...]:
    """The surroundings of every mark; views with marks are decoded once more, one after the other."""
    crops: list[MarkCrop] = []
    for view in report.exam.current:
        marked = [(f.id, mark.box) for f in report.findings if (mark := f.mark_in(view.id))]
        if marked:
            pixels, place = decode(view).pixels, prepared.canvases.first[view.id].placement
            how = (prepared.images[view.id].mirrored, place.scale_x / place.scale_y, place.transposed, place.upended)
            crops += [mark_crop(view, pixels, name, box, *how) for name, box in marked]
    return tuple(crops)


def assess(
    search: Search, reader: Reader, output: ReaderOutput, setting: Setting = Setting.SCREENING,
    prevalence: float | None = None,
) -> tuple[Breast, Breast]:  # fmt: skip
    """Breast-level facts, right first: the domain's rule over findings, what was searched, and the setting."""
    measured = reader.card.operating_point(search.exam.origin).words_measured
    right, left = (_breast(side, search, output, setting, measured, prevalence) for side in Laterality)
    return right, left


def _breast(
    side: Laterality, search: Search, output: ReaderOutput, setting: Setting, words_measured: bool,
    prevalence: float | None,
) -> Breast:  # fmt: skip
    exam = search.exam
    if side not in exam.imaged:
        return Breast(side, imaged=False, reason="not imaged in this exam")
    reading, own = output.breasts[side], [f for f in output.findings if f.laterality is side]
    at = Circumstances(
        setting, gap_words(search.gaps(side)), words_measured, exam.months_since_prior, prior_read=bool(exam.prior)
    )
    probability, calibration = _probability(reading, prevalence)
    odds = None if probability is None else odds_ratio(probability, calibration.reference_prevalence)
    given = assess_breast(own, at, odds)
    withheld = isinstance(given, NotAssessed)
    unscaled = "no probability of malignancy: the model was given no labels to scale it"
    reason = given.reason if withheld else unscaled if probability is None else None
    return Breast(
        side, imaged=True, density=reading.density, density_probs=reading.density_probs,
        assessment=None if withheld else given, prob_malignant=probability,
        calibration=None if probability is None else calibration, reason=reason,
        grades=grade_breast(own, at, odds),
    )  # fmt: skip


def _probability(reading: BreastReading, prevalence: float | None) -> tuple[float | None, Calibration]:
    """The probability of malignancy with its calibration, moved to a stated prevalence."""
    if reading.prob_malignant is None or prevalence is None:
        return reading.prob_malignant, reading.calibration
    return reading.calibration.moved(reading.prob_malignant, prevalence)


def provenance(exam: Exam, reader: Reader, prepared: Prepared, output: ReaderOutput, setting: Setting) -> Provenance:
    """What made the report, and how often such sentences are right for this kind of exam."""
    card = reader.card
    return Provenance(
        package=f"mammoscribe {__version__}", model=f"{card.name} {card.version}", weights_sha256=card.weights_sha256,
        trained_on=card.trained_on, preprocessing=tuple((i, v.steps) for i, v in prepared.canvases.first.items()),
        reliability=card.operating_point(exam.origin).reliability, setting=setting,
        structures=output.structures,
    )  # fmt: skip


def write_outputs(
    reading: Reading, out: Path, formats: Sequence[str] = ("html", "json", "txt"), truth: Sequence[Finding] = ()
) -> list[Path]:
    """Write `report.<format>` files into `out`; an unknown format raises InputError before anything is written.

    Args:
        truth: what is really there, where that is known, for the page to show beside the reading.
    """
    writers: dict[str, Callable[[], str]] = {
        "html": lambda: report_html(reading.report, reading.images, reading.crops, truth),
        "json": lambda: dumps_report(reading.report),
        "txt": lambda: report_text(reading.report),
    }
    unknown = [f for f in formats if f not in writers]
    if unknown:
        raise InputError(f"format {unknown[0]!r}", f"some of {', '.join(writers)}")
    return [write_text(out / f"report.{name}", writers[name]()) for name in formats]
