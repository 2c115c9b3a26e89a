"""Crops: that training sees what a reading sees, what is varied, and what labels become."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mammoscribe.domain.exam import Exam
from mammoscribe.domain.lexicon import Axis
from mammoscribe.domain.view import Box
from mammoscribe.evaluation.reading_records import decode_phantom
from mammoscribe.imaging.prepare import prepare_view, resample
from mammoscribe.models.reader.assemble import RawMark
from mammoscribe.models.reader.crop_refiner import GREY_PLANES, PLANES, CropRefiner, CropRefinerConfig
from mammoscribe.models.reader.loading import load_reader
from mammoscribe.models.reader.queries import AXIS_TERMS, NO_FINDING
from mammoscribe.models.reader.reader import Canvases
from mammoscribe.models.reader.refine import refine_marks
from mammoscribe.phantom import TRAINING_SPEC, draw_exam, write_png_exam
from mammoscribe.phantom.png import truth_record
from mammoscribe.training.crop_refiner.crops import (
    CropMaker,
    LabelledCrop,
    Variation,
    ViewItems,
    collate,
    collate_views,
    varied,
)
from mammoscribe.training.crop_refiner.marks import MarkedView, MarkedViews
from mammoscribe.training.reader.samples import UNKNOWN, LabelledFinding
from tests.training.fine_lab import fine_lab, tiny_reader

ALL = frozenset(range(NO_FINDING))
NONE = Variation(0, 0, 0, 0, 0, False)
MASS = LabelledFinding(0, ("shape.oval", "margin.circumscribed"), 0.1, 1)


def a_crop(label, boxed=ALL, has_prior=True) -> LabelledCrop:
    return LabelledCrop(np.zeros((PLANES, 32, 32), np.float32), label, boxed, has_prior)


def test_what_is_varied_keeps_its_empty_planes_and_its_range():
    planes = np.random.default_rng(0).random((PLANES, 32, 32), np.float32)
    planes[3:] = 0
    outs = [varied(planes, np.random.default_rng(seed), Variation()) for seed in range(6)]
    for out in outs:
        assert out.shape == planes.shape and out.flags["C_CONTIGUOUS"] and not out[3:].any()
        assert out[list(GREY_PLANES)].min() >= 0 and out.max() <= 1.2
    assert len({out.tobytes() for out in outs}) == 6
    np.testing.assert_array_equal(varied(planes, np.random.default_rng(0), NONE), planes)


def test_a_crop_of_a_lesion_allows_its_kind_alone():
    batch = collate([a_crop(MASS)], True)
    assert batch.allowed.tolist() == [[True, False, False, False, False]]
    oval = AXIS_TERMS[Axis.SHAPE].index("shape.oval")
    assert (batch.words["shape"].tolist(), batch.words["density"].tolist()) == ([oval], [UNKNOWN])
    assert batch.suspicion.tolist() == [pytest.approx(0.1)] and batch.change.tolist() == [1]


def test_a_crop_of_nothing_may_show_the_kinds_that_are_not_boxed():
    nothing = LabelledFinding(NO_FINDING)
    batch = collate([a_crop(nothing), a_crop(nothing, frozenset({0})), a_crop(LabelledFinding(UNKNOWN))], True)
    assert batch.allowed.tolist() == [
        [False, False, False, False, True],
        [False, True, True, True, True],
        [True] * 5,
    ]


def test_a_dataset_that_names_no_associated_feature_does_not_teach_that_there_is_none():
    distortion = frozenset({"associated.architectural_distortion"})
    crops = [a_crop(MASS), *(replace(a_crop(MASS), associated=a) for a in (distortion, frozenset()))]
    named = collate([*crops, a_crop(LabelledFinding(0))], True).named
    assert named.sum(1).tolist() == [len(AXIS_TERMS[Axis.ASSOCIATED]), 1, 0, 0]
    assert named[1, AXIS_TERMS[Axis.ASSOCIATED].index("associated.architectural_distortion")]


def test_change_is_not_known_without_a_prior():
    assert collate([a_crop(MASS, has_prior=False)], True).change.tolist() == [UNKNOWN]


def _square_view(proposals) -> MarkedView:
    truths = ((Box(50, 60, 80, 90), MASS),)
    drawn = draw_exam(3, replace(TRAINING_SPEC, prior_probability=0.0))
    view, decode = drawn.exam.current[0], decode_phantom(drawn)
    first = prepare_view(view, decode(view), 500.0, (384, 224))
    detail = {view.id: resample(decode(view), first, 200.0)}
    return MarkedView(Exam("e", (view,)), Canvases({view.id: first}, detail, {}), truths, proposals, ALL, True)


def test_a_spot_of_a_lesion_takes_the_true_box_or_a_proposal_that_shows_it_and_one_of_nothing_another():
    hit, miss = Box(35, 45, 95, 105), Box(400, 700, 460, 760)
    view = _square_view((hit, miss))
    sides = {float(CropMaker(32, NONE)((view, 0), np.random.default_rng(s)).planes[2].sum()) for s in range(8)}
    assert len(sides) == 2
    labels = {CropMaker(32, NONE)((view, None), np.random.default_rng(s)).label.type for s in range(4)}
    assert labels == {NO_FINDING}
    assert CropMaker(32, NONE)((view, 0), np.random.default_rng(0)).label is MASS


def test_without_a_proposal_a_place_in_the_breast_stands_in():
    view = _square_view(())
    found = [CropMaker(32, NONE)((view, None), np.random.default_rng(s)) for s in range(5)]
    assert all((c.planes[0] > 0).mean() > 0.2 for c in found)
    assert {c.label.type for c in found} <= {NO_FINDING, UNKNOWN, MASS.type}


def test_validation_takes_every_mark_whose_content_is_known(tmp_path):
    folder = fine_lab(tmp_path, 3, "crops")
    views = MarkedViews(folder, "val", load_reader(str(tiny_reader(tmp_path / "reader"))), None)
    items = ViewItems(views, 32)
    crops = items[0]
    view = views.view(*views.places[0])
    known = sum(view.shown(box) is not None for box in view.proposals)
    assert len(items) == 4 and len(crops) == len(view.truths) + known
    assert len(collate_views([crops], True).planes) == len(crops)
    assert collate_views([[]], True) is None


def test_training_sees_what_a_reading_sees(tmp_path):
    """The planes of a prepared dataset, from 8 bits on disk, against those that the refiner gets while an exam is read."""
    spec = replace(TRAINING_SPEC, prior_probability=1.0, lesion_probability=1.0, mass_weight=1.0, suspicious_calc_weight=0,
                   benign_calc_weight=0, distortion_weight=0, asymmetry_weight=0)  # fmt: skip
    drawn = draw_exam(17, spec)
    write_png_exam(drawn, tmp_path / "files" / drawn.exam.id)
    assert truth_record(drawn)["findings"]
    views = _prepared_views(tmp_path)
    spot = next(s for s in views.spots if s.shown is not None)
    view = views.view(spot.record, spot.picture)
    box, name = view.truths[spot.shown][0], view.exam.current[0].id
    box = Box(box.x0, box.y0, box.x1 + 0.13, box.y1 + 0.09)  # not on an edge of rounding
    item = replace(view, truths=((box, MASS),), proposals=())
    trained = CropMaker(64, NONE)((item, 0), np.random.default_rng(0)).planes
    np.testing.assert_allclose(_seen_in_a_reading(drawn, name, box), trained, atol=1.3 / 212)


def _prepared_views(root) -> MarkedViews:
    from mammoscribe.data.catalogue import open_catalogue, write_splits
    from mammoscribe.data.datasets.phantom import PHANTOM
    from mammoscribe.data.prepared.preparation import PREPARATIONS
    from mammoscribe.data.prepared.prepare import prepare
    from tests.training.reader.lab import opened, prepared

    folder = prepared(PHANTOM, root / "files", root, "crops")
    catalogue = open_catalogue(root / "catalogue")
    patient = opened(folder)[0].record.patient_id
    write_splits(catalogue.folder, {patient: "train"})
    prepare(catalogue, folder, PREPARATIONS["crops"])
    return MarkedViews(folder, "train", load_reader(str(tiny_reader(root / "reader"))), None)


def _seen_in_a_reading(drawn, name: str, box: Box) -> np.ndarray:
    decode, view = decode_phantom(drawn), drawn.exam.view(name)
    prior = drawn.exam.prior_of(view)
    first = {v.id: prepare_view(v, decode(v), 500.0, (384, 224)) for v in (view, prior)}
    detail = {v.id: resample(decode(v), first[v.id], 200.0) for v in (view, prior)}
    mark = RawMark(view, box, 0.5, np.full(4, 0.25), {}, 0.5, np.full(4, 0.25), None, 4.0, 2.0, 0.5)
    net, seen = CropRefiner(CropRefinerConfig(size_px=64, width=8)).eval(), []
    net.register_forward_pre_hook(lambda _, given: seen.append(given[0].numpy()[0]))
    with torch.no_grad():
        refine_marks(net, [mark], drawn.exam, first, detail)
    return seen[0]
