"""Realistic reports built by hand, with drawn fake breasts, for the tests of every export."""

import datetime as dt
import io
from dataclasses import replace
from functools import cache

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from mammoscribe.domain.assessment import Setting
from mammoscribe.domain.assessment_rules import Circumstances, assess_breast, grade_finding
from mammoscribe.domain.evidence import (
    Claim,
    Evidence,
    EvidenceKind,
    GateResult,
    RejectedClaim,
    Section,
    Sentence,
    Writer,
)
from mammoscribe.domain.exam import Exam, SetAside
from mammoscribe.domain.finding import Change, Finding, FindingType, Mark
from mammoscribe.domain.location import Depth, Half, Location, Quadrant
from mammoscribe.domain.report import Breast, Calibration, Provenance, Report
from mammoscribe.domain.search import Search, ViewSearch, everything_searched, gap_words
from mammoscribe.domain.view import Box, Laterality, Origin, Projection, Role, SpacingSource, View, standard_view_id
from mammoscribe.exports import MarkCrop, ViewImage

WIDTH_PX, HEIGHT_PX, SHOWN = 900, 1200, 2
MASS_CC, MASS_MLO = Box(560, 470, 630, 548), Box(548, 420, 622, 500)
CALC_CC = Box(300, 690, 352, 736)
R, L, CC, MLO = Laterality.RIGHT, Laterality.LEFT, Projection.CC, Projection.MLO
POPULATION = "RSNA screening subset, out of fold"


def view(laterality: Laterality, projection: Projection, role: Role = Role.CURRENT, **more) -> View:
    day = dt.date(2024, 5, 2) if role is Role.CURRENT else dt.date(2022, 4, 11)
    name = standard_view_id(laterality, projection, role)
    facts = {"spacing_mm": (0.2, 0.2), "spacing_source": SpacingSource.HEADER, "date": day, **more}
    return View(name, laterality, projection, WIDTH_PX, HEIGHT_PX, f"{name}.dcm", role, **facts)


def four_view_exam(exam_id: str = "PHANTOM-0007", origin: Origin = Origin.SYNTHETIC) -> Exam:
    """All four views with their priors."""
    pairs = [(s, p) for p in (CC, MLO) for s in (R, L)]
    views = [view(s, p, role, origin=origin) for role in Role for s, p in pairs]
    return Exam(exam_id, tuple(views), patient_id="PHANTOM^SEVEN")


def mass() -> Finding:
    marks = (Mark("R_CC", CC, MASS_CC, 0.93), Mark("R_MLO", MLO, MASS_MLO, 0.88))
    return Finding(
        id="f1",
        type=FindingType.MASS,
        laterality=R,
        marks=marks,
        score=0.94,
        suspicion=0.81,
        descriptors=("shape.irregular", "margin.indistinct", "density.high"),
        location=Location(quadrant=Quadrant.UPPER_OUTER, clock=10, depth=Depth.POSTERIOR),
        change=Change.INCREASED,
    )


def calcifications(change: Change | None = Change.NEW) -> Finding:
    return Finding(
        id="f2",
        type=FindingType.CALCIFICATION,
        laterality=L,
        marks=(Mark("L_CC", CC, CALC_CC, 0.66),),
        score=0.66,
        suspicion=0.42,
        descriptors=("morphology.amorphous", "distribution.grouped"),
        location=Location(half=Half.INNER, depth=Depth.MIDDLE),
        change=change,
    )


def _cites(*pairs: tuple[EvidenceKind, str]) -> tuple[Evidence, ...]:
    return tuple(Evidence(kind, ref) for kind, ref in pairs)


def _sentences(exam: Exam) -> tuple[Sentence, ...]:
    finding, breast, exam_kind = EvidenceKind.FINDING, EvidenceKind.BREAST, EvidenceKind.EXAM
    pairs = [(EvidenceKind.PRIOR_PAIR, f"{v.id}|{exam.prior_of(v).id}") for v in exam.current]
    searched = [(EvidenceKind.VIEW, v.id) for v in exam.current]
    rows = [
        ("Standard CC and MLO views of both breasts were read.", Section.TECHNIQUE, [(exam_kind, exam.id)]),
        ("Compared with the exam of 2022-04-11.", Section.COMPARISON, pairs),
        ("Right breast: scattered areas of fibroglandular density.", Section.COMPOSITION, [(breast, "R")]),
        ("Left breast: scattered areas of fibroglandular density.", Section.COMPOSITION, [(breast, "L")]),
        ("In the right breast, upper outer quadrant, 10 o'clock, posterior depth, there is an irregular, high density mass with an indistinct margin, 15 mm.", Section.FINDINGS, [(finding, "f1")]),
        ("The mass has increased since the prior exam.", Section.FINDINGS, [(finding, "f1"), pairs[0], pairs[2]]),
        ("In the left breast, inner half, middle depth, there are grouped amorphous calcifications, new since the prior exam.", Section.FINDINGS, [(finding, "f2")]),
        ("No architectural distortion is seen in either breast.", Section.FINDINGS, searched),
        ("Right breast: suspicious mass. BI-RADS 4.", Section.IMPRESSION, [(finding, "f1"), (breast, "R")]),
        ("Left breast: suspicious calcifications. BI-RADS 4.", Section.IMPRESSION, [(finding, "f2"), (breast, "L")]),
        ("Tissue sampling should be considered for both breasts.", Section.RECOMMENDATION, [(finding, "f1"), (finding, "f2")]),
        ("The calcifications are seen in the CC view only; no quadrant is given.", Section.LIMITS, [(finding, "f2")]),
    ]  # fmt: skip
    sentences = [Sentence(text, section, _cites(*cited)) for text, section, cited in rows]
    sentences[6] = replace(sentences[6], writer=Writer.DECODER, gate=GateResult.CORRECTED)
    sentences[7] = replace(sentences[7], writer=Writer.DECODER)
    return tuple(sentences)


def weak_mass() -> Finding:
    """A candidate on the left, in one view, that no sentence names."""
    mark = Mark("L_MLO", MLO, Box(300, 700, 380, 790), 0.2)
    return Finding("f9", FindingType.MASS, L, (mark,), 0.2, 0.1, ("shape.oval",))


def provenance(exam: Exam) -> Provenance:
    steps = ("VOI LUT window 2048/4096", "breast found", "0.4 mm per pixel, isotropic")
    return Provenance(
        package="mammoscribe 0.1.0",
        model="starter",
        weights_sha256="9f2c5a1e" * 8,
        trained_on="3,000 synthetic exams (phantom 1); RSNA screening subset; mini-MIAS",
        preprocessing=tuple((v.id, steps) for v in exam.views),
        reliability=(
            "Sentences about a mass: 91% right (200 synthetic exams; measured on synthetic exams only).",
            "Sentences about calcifications: 72% right (200 synthetic exams; measured on synthetic exams only).",
        ),
        setting=Setting.DIAGNOSTIC,
    )


def two_findings_with_prior(exam_id: str = "PHANTOM-0007", origin: Origin = Origin.SYNTHETIC) -> Report:
    """Four views with a prior: a growing mass on the right in both projections, new calcifications on the left in one."""
    exam = four_view_exam(exam_id, origin)
    found = (mass(), calcifications())
    known, at = Calibration(POPULATION, 0.142, 674), Circumstances(Setting.DIAGNOSTIC, prior_read=True)
    (right, left), grades = (assess_breast([f], at) for f in found), [grade_finding(f, at) for f in found]
    breasts = (
        Breast(R, True, "b", (0.08, 0.71, 0.19, 0.02), right, 0.46, known, grades=(grades[0],)),
        Breast(L, True, "b", (0.11, 0.66, 0.21, 0.02), left, 0.127, known, grades=(grades[1],)),
    )
    rejected = (
        RejectedClaim(Claim("There is skin thickening of the left breast."), "no such finding in the left breast"),
        RejectedClaim(Claim("Postoperative clips are seen.", Writer.EXTERNAL), "the text could not be read as a fact"),
    )
    return Report(
        exam=exam,
        search=everything_searched(exam),
        breasts=breasts,
        findings=found,
        sentences=_sentences(exam),
        provenance=provenance(exam),
        rejected_claims=rejected,
        warnings=("L MLO: the header has no window; one was chosen from the pixels.",),
        possible=(weak_mass(),),
    )


def one_film(source: str = "mdb042.pgm") -> Report:
    """One left MLO film with an indication, without spacing, date or prior: nothing found, the right not imaged.

    A magnification view of its left CC and a file that is no picture were set aside.
    """
    film = View("L_MLO", L, MLO, WIDTH_PX, HEIGHT_PX, source, spacing_source=SpacingSource.UNKNOWN)
    aside = (
        SetAside("films/magnified.dcm", "a magnification view", L, CC),
        SetAside("films/letter.pdf", "not a picture"),
    )
    exam = Exam("FILM-42", (film,), indication="Lump <left>", set_aside=aside)
    search = Search(exam, (ViewSearch("L_MLO", ((FindingType.CALCIFICATION, "pixel size unknown"),)),))
    reason = f"no assessment: {'; '.join(gap_words(search.gaps(L)))}"
    sentences = (
        Sentence('Given with the exam: "Lump <left>".', Section.INDICATION, _cites((EvidenceKind.EXAM, exam.id))),
        Sentence("One left MLO view was read.", Section.TECHNIQUE, _cites((EvidenceKind.EXAM, exam.id))),
        Sentence("The left breast is almost entirely fatty.", Section.COMPOSITION, _cites((EvidenceKind.BREAST, "L"))),
        Sentence("No mass is seen in the left breast.", Section.FINDINGS, _cites((EvidenceKind.VIEW, "L_MLO"))),
        Sentence(
            "Left breast: no BI-RADS category was assigned.", Section.IMPRESSION, _cites((EvidenceKind.BREAST, "L"))
        ),
        Sentence("The exam is one view.", Section.LIMITS, _cites((EvidenceKind.EXAM, exam.id))),
    )
    return Report(
        exam=exam,
        search=search,
        breasts=(
            Breast(R, False, reason="not imaged"),
            Breast(L, True, "a", (0.83, 0.15, 0.02, 0.0), reason=reason),
        ),
        findings=(),
        sentences=sentences,
        provenance=replace(provenance(exam), reliability=(), preprocessing=(), setting=Setting.SCREENING),
    )


def pictures(report: Report, marked: bool = True) -> dict[str, ViewImage]:
    """A drawn fake breast per view, half the stored size, with bright squares exactly where the boxes are."""
    return {v.id: _picture(v, report if marked else None) for v in report.exam.views}


def _picture(view: View, report: Report | None) -> ViewImage:
    grey = _breast(view.id, view.laterality, view.projection).copy()
    for finding in report.findings if report else ():
        mark = finding.mark_in(view.id)
        if mark:
            x0, y0, x1, y1 = (round(e / SHOWN) for e in (mark.box.x0, mark.box.y0, mark.box.x1, mark.box.y1))
            grey[y0:y1, x0:x1] = 255
    png = png_of(grey)
    width, height = WIDTH_PX // SHOWN, HEIGHT_PX // SHOWN
    return ViewImage(view.id, png, width, height, WIDTH_PX, HEIGHT_PX, focus=_focus(view))


def _focus(view: View) -> Box:
    top = 130 if view.projection is CC else 0
    return Box(290, top, 900, 1100) if view.laterality is R else Box(0, top, 610, 1100)


@cache
def _breast(view_id: str, laterality: Laterality, projection: Projection) -> np.ndarray:
    """Grey levels [H, W] uint8; the chest wall on the right edge for R, on the left for L."""
    height, width = HEIGHT_PX // SHOWN, WIDTH_PX // SHOWN
    noise = np.random.default_rng(hash_of(view_id))
    y, x = np.mgrid[0:height, 0:width].astype(float)
    middle = height * (0.5 if projection is CC else 0.56)
    down = (y - middle) / (height * (0.36 if projection is CC else np.where(y < middle, 0.52, 0.33)))
    depth = x / (width * 0.62)
    inside = np.clip(1 - depth**2 - np.abs(down) ** 2.3, 0, 1)
    wisps = sum(gaussian_filter(noise.standard_normal((height, width)), s) * s for s in (1.2, 3, 7, 16))
    gland = np.exp(-(((depth - 0.5) / 0.3) ** 2) - (down / 0.5) ** 2) * (1 + 0.5 * wisps)
    grey = 6 + np.sqrt(inside) * 38 + (inside > 0) * np.clip(inside * 5, 0, 1) * (78 * np.clip(gland, 0, 2) + 7 * wisps)
    if projection is MLO:
        muscle = 1 / (1 + np.exp((x - 128 + 0.4 * y) / 4)) * (y < 320)
        grey = grey * (1 - 0.6 * muscle) + muscle * (105 + 5 * wisps)
    grey = np.clip(gaussian_filter(grey, 0.7), 0, 235).astype(np.uint8)
    return grey[:, ::-1] if laterality is R else grey


def hash_of(text: str) -> int:
    return sum(ord(c) * 31**i for i, c in enumerate(text)) % 2**32


def png_of(grey: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(grey).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def crops(report: Report) -> tuple[MarkCrop, ...]:
    """A crop of every mark: noise, with the mark's own box bright; 300 x 260 stored pixels."""
    return tuple(_crop(f, m) for f in report.findings for m in f.marks)


def _crop(finding: Finding, mark: Mark) -> MarkCrop:
    x0, y0 = (int(c) - half for c, half in zip(mark.box.centre, (150, 130), strict=True))
    grey = np.random.default_rng(hash_of(mark.view_id)).integers(20, 60, (260, 300)).astype(np.uint8)
    box = mark.box
    grey[int(box.y0) - y0 : int(box.y1) - y0, int(box.x0) - x0 : int(box.x1) - x0] = 255
    return MarkCrop(finding.id, mark.view_id, png_of(grey), Box(x0, y0, x0 + 300, y0 + 260))


def with_exam(report: Report, exam: Exam) -> Report:
    """The same report of another exam with views of the same ids, searched alike."""
    return replace(report, exam=exam, search=Search(exam, report.search.views))
