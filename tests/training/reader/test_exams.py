"""What prepared exams teach: boxes, labels of breasts, and reports; what is not labelled is unknown."""

import datetime as dt

import pytest

from mammoscribe.data.records import ListedView, MammoExam
from mammoscribe.data.supervision import Question, Supervision, Teaching
from mammoscribe.data.texts.report_text import ReportText
from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.view import Laterality, Projection
from mammoscribe.models.reader.detection_head import TYPES
from mammoscribe.support.errors import InputError
from mammoscribe.training.reader.exams import PreparedExams, Teachers, training_exam
from mammoscribe.training.reader.report_labels import labels_of_report
from mammoscribe.training.reader.samples import UNKNOWN
from tests.training.reader.lab import boxed_lab, labelled_lab, opened

R, L = Laterality
MASS = TYPES.index(FindingType.MASS)


@pytest.fixture(scope="module")
def boxed(tmp_path_factory):
    return boxed_lab(tmp_path_factory.mktemp("boxed"))


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    return labelled_lab(tmp_path_factory.mktemp("labelled"))


def test_boxes_of_one_finding_in_two_views_are_one_finding(boxed):
    exams = {e.id: e for e in PreparedExams(opened(boxed))}
    exam = exams["phantom-5"]
    (finding,) = exam.findings
    assert finding.type == MASS and finding.descriptors == ("shape.irregular", "margin.spiculated")
    assert {m.finding for v in exam.views for m in v.marks} == {0} and finding.named
    assert sum(len(v.marks) for v in exam.views) == 2
    assert exam.synthetic and all(v.boxed == set(range(len(TYPES))) for v in exam.views)


def test_a_prior_whose_truth_is_not_written_teaches_nothing_by_itself_and_stands_beside_its_exam(boxed):
    exams = {e.id: e for e in PreparedExams(opened(boxed))}
    assert set(exams) == {"phantom-5", "phantom-6"}
    assert all(v.prior is not None and v.prior.shape == v.canvas.shape for v in exams["phantom-5"].views)
    assert all(v.prior is None for v in exams["phantom-6"].views)


def test_without_boxes_no_place_is_called_empty(boxed):
    exams = PreparedExams(opened(boxed), Teachers(boxes=False))
    assert all(not v.boxed and not v.marks for e in exams for v in e.views)
    assert exams[0].breasts[0].density != UNKNOWN


def test_a_dataset_without_boxes_is_read_breast_by_breast(labelled):
    exams = PreparedExams(opened(labelled))
    assert len(exams) == 12
    sides = {v.slot % 2 for v in exams[0].views}
    assert len(sides) == 1 and len(exams[0].views) == 2
    other = 1 - sides.pop()
    assert not exams[0].breasts[other].teaches


def test_recall_is_no_ordinal_category_and_a_breast_without_cancer_shows_nothing_only_when_asked(labelled):
    plain, weak = PreparedExams(opened(labelled)), PreparedExams(opened(labelled), Teachers(weak_lesions=True))
    labels = [next(b for b in e.breasts if b.teaches) for e in plain]
    assert {(b.malignant, b.recall) for b in labels} == {(1, 1), (0, 0)}
    assert {b.lesion for b in labels} == {UNKNOWN}
    assert {b.lesion for e in weak for b in e.breasts if b.teaches} == {0, 1}


def test_a_dataset_that_teaches_nothing_is_refused(labelled):
    with pytest.raises(InputError, match="no exam that teaches"):
        PreparedExams(opened(labelled), Teachers(labels=False))


class Stored:
    def __init__(self, record):
        self.record, self.pictures = record, ()


def exam_of(sides, labels, breasts=None):
    views = tuple(ListedView(f"{s}.png", s, Projection.CC) for s in sides)
    return MammoExam("e", "p", views, dt.date(2020, 1, 1), breasts=breasts or {}, labels=labels)


def test_a_label_of_the_exam_is_never_copied_to_both_breasts():
    teaches = Supervision(
        (Teaching("cancer", "exam", Question.MALIGNANT), Teaching("cancer", "breast", Question.MALIGNANT))
    )
    both = training_exam(Stored(exam_of((R, L), {"cancer": "1"})), None, teaches)
    assert [b.malignant for b in both.breasts] == [UNKNOWN, UNKNOWN]
    one = training_exam(Stored(exam_of((R,), {"cancer": "1"})), None, teaches)
    assert [b.malignant for b in one.breasts] == [1, UNKNOWN]


REPORT = (
    "FINDINGS: The right breast is heterogeneously dense. Irregular spiculated mass in the right breast. "
    "No calcifications in the right breast. No suspicious finding in the left breast.\n"
    "IMPRESSION: Right breast: BI-RADS 4. Left breast: BI-RADS 1."
)


def test_a_report_teaches_what_it_states_and_what_it_denies_of_each_breast():
    right, left = (labels_of_report(ReportText(REPORT), side) for side in (R, L))
    kinds = dict(zip((t.value for t in TYPES), right.kinds, strict=True))
    assert kinds == {"mass": 1, "calcification": 0, "architectural_distortion": UNKNOWN, "asymmetry": UNKNOWN}
    assert left.kinds == (0, 0, 0, 0)
    assert (right.density, right.recall, left.recall) == (2, 1, 0)


@pytest.mark.parametrize(
    "text", ["There is a mass.", "Possible mass in the right breast.", "Overall: BI-RADS 4.", "Normal lungs."]
)
def test_what_a_report_leaves_open_teaches_nothing_of_a_breast(text):
    labels = labels_of_report(ReportText(text), R)
    assert labels.kinds[MASS] == UNKNOWN and labels.recall == UNKNOWN
