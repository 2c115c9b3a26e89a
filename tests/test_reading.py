"""The main path with the reader that ships: pixels in, evidence-linked report out."""

from dataclasses import replace

import numpy as np
import pytest

from mammoscribe.domain.evidence import EvidenceKind, Section, Writer
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.view import Laterality, Role, SpacingSource
from mammoscribe.evaluation.reading_records import decode_phantom, read_phantom
from mammoscribe.imaging.decode import Picture
from mammoscribe.phantom import TRAINING_SPEC, draw_exam
from mammoscribe.reading import assess, load_reader, read_exam, write_outputs
from mammoscribe.support.errors import InputError
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
    assert any("calcifications were not searched" in w for w in reading.report.warnings)


def test_without_a_spacing_no_millimetres_are_printed(reader, drawn):
    views = tuple(replace(v, spacing_mm=None, spacing_source=SpacingSource.UNKNOWN) for v in drawn.exam.current)
    exam = Exam("bare", views, drawn.exam.patient_id)
    report = read_exam(exam, reader, decode=decode_phantom_as(drawn, exam), images=False).report
    assert not any(" mm" in s.text for s in report.sentences)


def test_the_decoder_writes_claims_and_only_gated_ones_reach_the_page(reader, drawn):
    reading = read_exam(drawn.exam, reader, Writer.DECODER, decode_phantom(drawn), images=False)
    assert reading.claims
    findings = [s for s in reading.report.section(Section.FINDINGS) if s.writer is Writer.DECODER]
    assert all(s.evidence for s in findings)
    known = {f.id for f in reading.output.findings}
    assert {e.ref for s in findings for e in s.evidence if e.kind is EvidenceKind.FINDING} <= known


def test_a_reader_without_decoder_says_what_to_use_instead(reader, drawn):
    mute = replace(reader, decoder=None)
    with pytest.raises(InputError, match="--writer renderer"):
        read_exam(drawn.exam, mute, Writer.DECODER, decode_phantom(drawn), images=False)


def test_a_phantom_and_a_real_exam_are_read_at_their_own_operating_point(reader, drawn):
    real = Exam("real", drawn.exam.current, "somebody")
    as_real = read_exam(real, reader, decode=decode_phantom(drawn), images=False).report
    as_phantom = read_phantom(drawn, reader).report
    populations = [r.breast(Laterality.LEFT).calibration.population for r in (as_real, as_phantom)]
    assert "RSNA" in populations[0] and "synthetic" in populations[1]


def test_a_category_that_rests_on_words_is_withheld_on_a_real_exam_and_given_on_a_phantom(reader, drawn, reading):
    mass = make_finding(FindingType.MASS, "shape.irregular", "margin.spiculated")
    output = replace(reading.output, findings=(mass,))
    categories = [assess(drawn.exam, reader, output, synthetic)[0].assessment.category for synthetic in (True, False)]
    assert categories == ["5", "4"]


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
