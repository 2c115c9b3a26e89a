"""The main path with the reader that ships: pixels in, evidence-linked report out."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from mammoscribe.data.arrays import exam_of_arrays
from mammoscribe.domain.assessment import Setting
from mammoscribe.domain.evidence import EvidenceKind, Section, Writer
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.search import everything_searched
from mammoscribe.domain.view import Laterality, Origin, Role, SpacingSource
from mammoscribe.evaluation.reading_records import decode_phantom, read_phantom
from mammoscribe.exports.json_report import dumps_report
from mammoscribe.imaging.decode import Picture
from mammoscribe.models.biovil.report_model import Pictures, WrittenReport
from mammoscribe.phantom import TRAINING_SPEC, draw_exam
from mammoscribe.reading import assess, load_reader, read_exam, write_outputs
from mammoscribe.support.errors import InputError
from mammoscribe.support.words import with_article
from mammoscribe.writers.biovil_t import BiovilAuthor
from mammoscribe.writers.decoder import DecoderAuthor
from tests.nouns import make_finding


@pytest.fixture(scope="module")
def reader():
    return load_reader("starter")


@pytest.fixture(scope="module")
def drawn():
    return draw_exam(100_004, replace(TRAINING_SPEC, prior_probability=1.0, lesion_probability=1.0))


@pytest.fixture(scope="module")
def reading(reader, drawn):
    return read_exam(drawn.exam, reader, decode=decode_phantom(drawn))


def test_every_finding_of_the_output_is_cited_by_a_sentence(reading):
    cited = {e.ref for s in reading.report.sentences for e in s.evidence if e.kind is EvidenceKind.FINDING}
    assert cited == {f.id for f in reading.output.findings}


def test_marks_lie_in_the_stored_pixels_of_their_own_breast(reading, drawn):
    for finding in reading.output.candidates:
        for mark in finding.marks:
            view = drawn.exam.view(mark.view_id)
            assert view.laterality is finding.laterality and view.role is Role.CURRENT
            assert 0 <= mark.box.x0 < mark.box.x1 <= view.width_px
            assert 0 <= mark.box.y0 < mark.box.y1 <= view.height_px


def test_reading_twice_gives_the_same_report(reading, reader, drawn):
    assert read_phantom(drawn, reader).report.sentences == reading.report.sentences


def test_a_reader_that_was_trained_without_priors_sets_them_aside_and_says_so(reader, drawn):
    card = replace(reader.card, config=replace(reader.card.config, reads_priors=False))
    report = read_exam(drawn.exam, replace(reader, card=card), decode=decode_phantom(drawn), images=False).report
    assert not report.exam.prior
    assert [s.source for s in report.exam.set_aside] == [v.source for v in drawn.exam.prior]
    assert all("trained without priors" in s.reason for s in report.exam.set_aside)
    assert not any(
        word in s.text.lower() for s in report.sentences for word in ("stable", "unchanged", "increased", "new ")
    )


@pytest.mark.parametrize("change", ["not taught", "not reported"])
def test_a_kind_that_the_reader_cannot_report_is_not_denied_and_no_breast_is_called_free_of_disease(
    reader, drawn, change
):
    card = reader.card
    if change == "not taught":
        card = replace(card, taught=("calcification",))
    else:
        never = {**card.synthetic.thresholds, "mass": 0.99, "asymmetry": 0.99, "architectural_distortion": 0.99}
        point = replace(card.synthetic, thresholds=never, unreported=("mass", "architectural_distortion", "asymmetry"))
        card = replace(card, synthetic=point)
    report = read_exam(drawn.exam, replace(reader, card=card), decode=decode_phantom(drawn), images=False).report
    why = "not trained" if change == "not taught" else "does not find them reliably"
    for view in report.exam.current:
        skipped = dict(report.search.of(view).skipped)
        assert all(why in skipped[kind] for kind in (FindingType.MASS, FindingType.DISTORTION, FindingType.ASYMMETRY))
        assert FindingType.CALCIFICATION not in skipped
    denied = [s.text for s in report.sentences if s.text.startswith("No ")]
    assert not any(
        word in text for text in denied for word in ("mass", "asymmetry", "distortion", "suspicious finding")
    )
    for breast in report.breasts:
        assert breast.assessment is None or breast.assessment.category not in ("1", "2")


def test_a_single_view_is_read_and_the_other_breast_is_named_as_not_imaged(reader, drawn):
    exam = Exam("single", tuple(v for v in drawn.exam.current if v.id == "L_MLO"), drawn.exam.patient_id)
    report = read_exam(exam, reader, decode=decode_phantom(drawn), images=False).report
    assert not report.breast(Laterality.RIGHT).imaged
    assert all(f.location.quadrant is None for f in report.findings)
    assert all(f.change is None for f in report.findings)


def test_coarse_pixels_are_not_searched_for_calcifications_and_the_report_says_so(reader, drawn):
    exam = Exam("coarse", tuple(replace(v, spacing_mm=(0.3, 0.3)) for v in drawn.exam.current), drawn.exam.patient_id)
    reading = read_exam(exam, reader, decode=decode_phantom_as(drawn, exam), images=False)
    assert not [f for f in reading.output.candidates if f.type == "calcification"]
    reason = reading.report.search.of(exam.view("R_CC")).reason(FindingType.CALCIFICATION)
    assert reason == "pixels of 0.3 mm are too coarse"
    assert any("Calcifications were not searched for" in s.text for s in reading.report.section(Section.LIMITS))
    categories = [b.assessment.category if b.assessment else None for b in reading.report.breasts]
    assert set(categories) <= {None, "0"}
    assert not any("calcification" in s.text.lower() for s in reading.report.section(Section.FINDINGS))


def test_without_a_spacing_no_millimetres_are_printed(reader, drawn):
    views = tuple(replace(v, spacing_mm=None, spacing_source=SpacingSource.UNKNOWN) for v in drawn.exam.current)
    exam = Exam("bare", views, drawn.exam.patient_id)
    report = read_exam(exam, reader, decode=decode_phantom_as(drawn, exam), images=False).report
    assert not any(" mm" in s.text for s in report.sentences)


def test_the_decoder_writes_claims_and_only_gated_ones_reach_the_page(reader, drawn):
    reading = read_exam(drawn.exam, reader, DecoderAuthor(reader), decode_phantom(drawn), images=False)
    assert reading.claims
    findings = [s for s in reading.report.section(Section.FINDINGS) if s.writer is Writer.DECODER]
    assert all(s.evidence for s in findings)
    assert reading.report.provenance.author == f"the report decoder of {reader.card.name}"
    known = {f.id for f in reading.output.findings}
    assert {e.ref for s in findings for e in s.evidence if e.kind is EvidenceKind.FINDING} <= known


def test_a_reader_without_decoder_says_what_to_use_instead(reader, drawn):
    mute = replace(reader, decoder=None)
    with pytest.raises(InputError, match="--writer renderer"):
        read_exam(drawn.exam, mute, DecoderAuthor(mute), decode_phantom(drawn), images=False)


class Scripted:
    """A report writer that says a text about every view."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.card = SimpleNamespace(name="scripted", pictures=Pictures.MAMMOGRAM, weights_sha256="ab" * 32)

    def fit(self, picture, name):
        return picture

    def write(self, images, priors, prior_reports, limits):
        self.given = list(prior_reports)
        return [WrittenReport(self.text, False) for _ in images]


FALSE = "There is a spiculated mass with a halo of gold."


def test_an_author_writes_claims_and_what_the_findings_do_not_support_is_shown_as_rejected(reader, drawn):
    truth = "Small group of calcifications. " + FALSE
    reading = read_exam(drawn.exam, reader, BiovilAuthor(Scripted(truth)), decode_phantom(drawn), images=False)
    report, sides = reading.report, [v.laterality.word for v in drawn.exam.current]
    assert [c.text for c in reading.claims] == [
        f"{side.capitalize()} breast: {text}"
        for side in dict.fromkeys(sides)
        for text in ("Small group of calcifications.", FALSE)
    ]
    assert not any("gold" in s.text for s in report.sentences)
    assert {c.claim.text for c in report.rejected_claims} <= {c.text for c in reading.claims}
    assert any("gold" in c.claim.text for c in report.rejected_claims)
    stored = json.loads(dumps_report(report))
    assert {c["writer"] for c in stored["rejected_claims"]} == {"external"}
    assert any("scripted (weights abababababab)" in warning for warning in stored["warnings"])
    assert stored["provenance"]["author"] == "scripted (weights abababababab)"


def test_what_an_author_says_of_a_finding_is_printed_in_our_words_with_who_said_it(reader, drawn, reading):
    found = reading.output.findings[0]
    said = f"There is {with_article(found.type.value.replace('_', ' '))} in the {found.laterality.word} breast."
    written = read_exam(drawn.exam, reader, BiovilAuthor(Scripted(said)), decode_phantom(drawn), images=False).report
    own = [s for s in written.sentences if s.writer is Writer.EXTERNAL]
    assert own and all(s.evidence for s in own)
    cited = {e.ref for s in own for e in s.evidence if e.kind is EvidenceKind.FINDING}
    assert found.type in {f.type for f in reading.output.findings if f.id in cited}


def test_an_author_is_given_what_the_prior_report_says_of_the_breast_of_each_view(reader, drawn):
    script = Scripted("")
    said = "There is a mass in the right breast. Scattered calcifications are seen in the left breast."
    exam = drawn.exam
    read_exam(exam, reader, BiovilAuthor(script), decode_phantom(drawn), images=False, prior_report=said)
    own = {"R": "There is a mass in the right breast.", "L": "Scattered calcifications are seen in the left breast."}
    assert script.given == [own[v.laterality] if exam.prior_of(v) else None for v in exam.current]
    assert set(script.given) >= set(own.values())
    first = replace(exam, views=exam.current)
    with pytest.raises(InputError, match="no prior is read"):
        read_exam(first, reader, BiovilAuthor(script), decode_phantom(drawn), images=False, prior_report=said)


@pytest.mark.parametrize("decodes", [False, True])
def test_a_prior_report_for_a_writer_that_does_not_read_it_is_an_error(reader, drawn, decodes):
    author = DecoderAuthor(reader) if decodes else None
    with pytest.raises(InputError, match="does not read"):
        read_exam(drawn.exam, reader, author, decode_phantom(drawn), images=False, prior_report="A mass.")


def test_a_report_without_an_author_names_none(reading):
    assert reading.report.provenance.author is None


def acquired(drawn):
    """The drawn exam as if an X-ray machine had made it."""
    views = tuple(replace(v, origin=Origin.ACQUIRED) for v in drawn.exam.current)
    return Exam("acquired", views, "PHANTOM-99")


def test_origin_of_the_files_and_not_the_patients_name_decides_the_operating_point(reader, drawn):
    as_real = read_exam(acquired(drawn), reader, decode=decode_phantom(drawn), images=False).report
    renamed = Exam("renamed", drawn.exam.views, "DOE^JANE")
    as_phantom = read_exam(renamed, reader, decode=decode_phantom(drawn), images=False).report
    populations = [r.breast(Laterality.LEFT).calibration.population for r in (as_real, as_phantom)]
    card = reader.card
    assert populations == [card.real.population, card.synthetic.population] and len(set(populations)) == 2


def test_words_that_were_not_measured_on_acquired_images_are_withheld_there(reader, drawn):
    real = replace(reader.card.real, words_measured=False, density_temperature=None)
    unmeasured = replace(reader, card=replace(reader.card, real=real))
    read = read_exam(acquired(drawn), unmeasured, decode=decode_phantom(drawn), images=False).report
    assert all(f.descriptors == () and f.change is None for f in (*read.findings, *read.possible))
    assert all(b.density_probs is None and b.density for b in read.breasts)
    assert not any("level of suspicion" in s.text for s in read.sentences)


@pytest.mark.parametrize(("setting", "category"), [(Setting.SCREENING, "0"), (Setting.DIAGNOSTIC, "5")])
def test_the_setting_decides_which_categories_can_be_given(reader, drawn, reading, setting, category):
    mass = make_finding(FindingType.MASS, "shape.irregular", "margin.spiculated")
    right = replace(reading.output.breasts[Laterality.RIGHT], prob_malignant=0.99)
    output = replace(reading.output, findings=(mass,), breasts={**reading.output.breasts, Laterality.RIGHT: right})
    breast, _ = assess(everything_searched(drawn.exam), reader, output, setting)
    assert breast.assessment is not None and breast.assessment.category == category
    assert breast.grades[0].level == "highly suggestive of malignancy"
    usual = replace(right, prob_malignant=reader.card.synthetic.prevalence)
    output = replace(output, breasts={**output.breasts, Laterality.RIGHT: usual})
    breast, _ = assess(everything_searched(drawn.exam), reader, output, setting)
    assert breast.grades[0].level == "suspicious"  # a breast of usual odds has no finding with 95 %


def test_a_stated_prevalence_moves_the_probability_and_not_the_category(reader, drawn, reading):
    moved = read_exam(drawn.exam, reader, decode=decode_phantom(drawn), images=False, prevalence=0.006).report
    for before, after in zip(reading.report.breasts, moved.breasts, strict=True):
        assert after.prob_malignant < before.prob_malignant
        assert after.calibration.stated_prevalence == 0.006
        assert after.assessment == before.assessment


def test_an_unknown_format_is_refused_before_anything_is_written(reading, tmp_path):
    with pytest.raises(InputError, match="pdf"):
        write_outputs(reading, tmp_path / "out", ("json", "pdf"))
    assert not (tmp_path / "out").exists()


def decode_phantom_as(drawn, exam):
    """The drawn pixels under the spacing that the views of `exam` claim."""

    def decode(view):
        pixels = drawn.pixels[view.id].astype(np.float32) / np.float32(4095)
        return Picture(pixels, view.spacing_mm, view.spacing_source, ("phantom",))

    assert all(v.id in drawn.pixels for v in exam.views)
    return decode


def test_a_reading_is_short_in_a_console_whole_in_a_notebook_and_plain_as_a_dict(reading):
    assert repr(reading) == (
        f"Reading(phantom-100004: R BI-RADS {reading.report.breasts[0].assessment.category}, "
        f"L BI-RADS {reading.report.breasts[1].assessment.category}; {len(reading.report.findings)} findings)"
    )
    shown = reading._repr_html_()
    assert shown.startswith('<iframe srcdoc="') and shown.count("<iframe") == 1 and "<script" not in shown
    assert json.loads(json.dumps(reading.to_dict())) == json.loads(dumps_report(reading.report))


def test_arrays_are_read_as_the_files_that_hold_them(reader, drawn, tmp_path):
    views = {v.name.replace(" ", ""): drawn.pixels[v.id] for v in drawn.exam.current}
    arrays = exam_of_arrays(views, spacing_mm=0.1, exam_id="mine")
    reading = read_exam(arrays.exam, reader, decode=arrays.decode, images=False)
    assert reading.report.exam.id == "mine"
    assert {f.laterality for f in reading.report.findings} <= {"R", "L"}
    assert reading.output.breasts.keys() == {"R", "L"}
    for view in arrays.exam.views:
        one, other = arrays.decode(view).pixels, drawn.pixels[view.id]
        assert np.corrcoef(one[::9, ::9].ravel(), other[::9, ::9].ravel())[0, 1] > 0.999
