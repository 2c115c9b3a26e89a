"""Where crops are taken: what a proposal shows, which views teach, and marks that are worked out once."""

from dataclasses import replace

import pytest

from mammoscribe.data.datasets.cbis_ddsm import CBIS_DDSM
from mammoscribe.data.datasets.phantom import PHANTOM
from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.lexicon import Axis
from mammoscribe.domain.view import Box
from mammoscribe.evaluation.stored_views import rebuilt
from mammoscribe.models.reader.detection_head import TYPES
from mammoscribe.models.reader.loading import load_reader
from mammoscribe.models.reader.queries import AXIS_TERMS, NO_FINDING
from mammoscribe.support.errors import InputError
from mammoscribe.training.crop_refiner.marks import MarkedView, MarkedViews, associated_terms
from mammoscribe.training.reader.samples import LabelledFinding
from tests.training.fine_lab import MASS_BOX, WIDE, fine_lab, tiny_reader

MASS = LabelledFinding(TYPES.index(FindingType.MASS), ("shape.oval",))
ALL = frozenset(range(len(TYPES)))


def view_with(*truths, boxed=ALL) -> MarkedView:
    return MarkedView(None, None, tuple((Box(*box), MASS) for box in truths), (), boxed, True)


@pytest.mark.parametrize(
    ("box", "kind"),
    [((102, 102, 142, 142), MASS.type), ((90, 90, 150, 150), MASS.type), ((10, 10, 50, 50), NO_FINDING)],
    ids=["close", "larger", "elsewhere"],
)
def test_a_proposal_is_what_it_clearly_shows(box, kind):
    assert view_with((100, 100, 140, 140)).shown(Box(*box)).type == kind


def test_a_proposal_at_the_edge_of_a_lesion_shows_nothing_that_is_known():
    assert view_with((100, 100, 140, 140)).shown(Box(125, 125, 180, 180)) is None


def test_where_no_kind_is_boxed_a_place_without_a_box_may_show_anything():
    view = view_with((100, 100, 140, 140), boxed=frozenset())
    assert view.shown(Box(10, 10, 50, 50)) is None
    assert view.shown(Box(102, 102, 142, 142)) is MASS


def test_associated_features_are_known_where_the_dataset_can_name_them():
    assert associated_terms(PHANTOM.supervision) == set(AXIS_TERMS[Axis.ASSOCIATED])
    assert associated_terms(CBIS_DDSM.supervision) == {"associated.architectural_distortion"}


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    root = tmp_path_factory.mktemp("fine")
    return fine_lab(root, 4, "crops"), load_reader(str(tiny_reader(root / "reader")))


def test_every_true_mark_and_every_boxed_view_is_a_spot(lab):
    folder, reader = lab
    views = MarkedViews(folder, "train", reader, None)
    by_kind = {kind: sum(s.kind == kind for s in views.spots) for kind in {s.kind for s in views.spots}}
    exams = len(views.dataset) - 1  # one of the records is a prior, of which nothing is known
    assert by_kind == {MASS.type: 2 * exams, TYPES.index(FindingType.CALCIFICATION): 2 * exams, NO_FINDING: 4 * exams}


def test_a_view_has_its_truth_and_its_prior_in_stored_pixels(lab):
    folder, reader = lab
    views = MarkedViews(folder, "train", reader, None)
    spot = next(
        s for s in views.spots if s.kind == MASS.type and views.dataset.prior_of(views.dataset[s.record]) is not None
    )
    view = views.view(spot.record, spot.picture)
    ((box, label),) = view.truths
    x0, y0, x1, y1 = MASS_BOX
    assert (box.x0, box.y0, box.x1, box.y1) == pytest.approx((WIDE - x1, y0, WIDE - x0, y1), abs=1e-6)
    assert "margin.spiculated" in label.descriptors
    assert [v.role.value for v in view.exam.views] == ["current", "prior"]
    assert set(view.canvases.detail) == {v.id for v in view.exam.views}


def test_marks_are_worked_out_once_and_kept_for_that_reader_alone(lab, tmp_path, monkeypatch):
    folder, reader = lab
    asked = []
    proposed = type(reader).proposals
    monkeypatch.setattr(
        type(reader), "proposals", lambda self, *given: asked.append(given[0].id) or proposed(self, *given)
    )

    def proposals(net):
        return [v.proposals for v in (lambda views: [views.view(*p) for p in views.places])(
            MarkedViews(folder, "train", net, tmp_path)
        )]  # fmt: skip

    before = proposals(reader)
    assert len(asked) == len(set(asked))
    number = len(asked)
    assert proposals(reader) == before
    assert len(asked) == number
    other = replace(reader, card=replace(reader.card, weights_sha256="f" * 64))
    proposals(other)
    assert len(asked) == 2 * number


def test_the_marks_of_an_exam_are_those_of_the_whole_exam_read_at_once(lab):
    folder, reader = lab
    views = MarkedViews(folder, "train", reader, None)
    record = views.places[0][0]
    stored = views.dataset[record]
    exam, canvases = rebuilt(stored, views.dataset.prior_of(stored), True, 200.0)
    marks, _ = reader.proposals(exam, canvases.first)
    for own, picture in views.places:
        if own == record:
            view = views.view(record, picture)
            expected = [m.box for m in marks if m.view.id == view.exam.current[0].id]
            assert list(view.proposals) == expected


def test_a_dataset_without_boxes_is_refused(tmp_path):
    from tests.training.reader.lab import labelled_lab

    folder = labelled_lab(tmp_path)
    with pytest.raises(InputError, match="no view in train that teaches a crop refiner"):
        MarkedViews(folder, "train", load_reader(str(tiny_reader(tmp_path / "reader"))), None)
