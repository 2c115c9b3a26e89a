"""Views of prepared exams: which of them teach, in what order, and each by itself."""

import numpy as np
import pytest

from mammoscribe.support.errors import InputError
from mammoscribe.training.joint.views import JointViews
from mammoscribe.training.reader.exams import PreparedExams, Teachers
from tests.training.reader.lab import boxed_lab, labelled_lab, opened


@pytest.fixture(scope="module")
def boxed(tmp_path_factory):
    return boxed_lab(tmp_path_factory.mktemp("boxed"))


def test_every_view_is_an_exam_of_its_own_and_keeps_the_places_of_the_whole_exam(boxed):
    views = JointViews(PreparedExams(opened(boxed)))
    assert len(views) == 8  # of two exams; the prior says nothing of itself
    assert all(len(v.exam.views) == 1 for v in views)
    with_mass = [v for v in views if v.findings]
    assert len(with_mass) == 4
    for view in with_mass:
        (finding,) = view.findings.values()
        assert {m.projection.value for m in finding.marks} == {"CC", "MLO"}
        assert finding.location.quadrant or finding.location.clock


def test_two_of_three_views_of_a_pass_show_something(boxed):
    views = JointViews(PreparedExams(opened(boxed)))
    for seed in range(3):
        order = views.order(np.random.default_rng(seed))
        assert sorted(bool(views[n].findings) for n in order) == [False, False, True, True, True, True]


def test_a_dataset_with_labels_of_breasts_alone_speaks_of_density(tmp_path):
    views = JointViews(PreparedExams(opened(labelled_lab(tmp_path))))
    assert len(views) == 24 and not any(v.findings for v in views)
    assert {v.breast.density for v in views} == {0, 1, 2, 3}
    assert len(views.order(np.random.default_rng(0))) == 24


def test_a_dataset_of_which_nothing_can_be_stated_is_refused(tmp_path, boxed):
    exams = PreparedExams(opened(boxed), Teachers(boxes=False))
    exams._places = ()
    with pytest.raises(InputError, match="no view of which a phrase is known"):
        JointViews(exams)
