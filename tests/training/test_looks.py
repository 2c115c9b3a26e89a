"""Training the second look: what counts as a lesion, what training varies, and that it sees what a reading sees."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mammoscribe.domain.view import Box
from mammoscribe.evaluation.reading_records import decode_phantom
from mammoscribe.imaging.prepare import prepare_view, resample
from mammoscribe.models.reader.assemble import RawMark
from mammoscribe.models.reader.crop_refiner import GREY_PLANES, PLANES, CropRefiner, CropRefinerConfig
from mammoscribe.models.reader.queries import NO_FINDING
from mammoscribe.models.reader.refine import refine_marks
from mammoscribe.phantom import TRAINING_SPEC, draw_exam
from mammoscribe.support.errors import InputError
from mammoscribe.training.details import Detail, load_details, save_details
from mammoscribe.training.looks import LookSample, LookSchedule, look_losses, look_samples, train_looks, varied
from mammoscribe.training.prepare import phantom_details, phantom_exam
from mammoscribe.training.samples import GREY_SCALE, LabelledFinding, LabelledMark, TrainingExam, ViewSample
from mammoscribe.training.view_looks import view_planes
from tests.models.tiny import tiny_config

MASS = LabelledFinding(0, ("shape.oval", "margin.circumscribed", "density.high"), 0.1, 1)


def square_view(lesion: bool = True) -> ViewSample:
    """A 96 x 64 canvas and its detail, twice as large, with a bright square."""
    pixels = np.random.default_rng(0).integers(30, 60, (192, 128)).astype(np.uint8)
    if lesion:
        pixels[84:108, 48:72] = 220
    mark = (LabelledMark(0, (24.0, 42.0, 36.0, 54.0)),) if lesion else ()
    details = {"current": Detail(pixels, 0.0, 2.0), "prior": Detail(pixels, 0.0, 2.0)}
    return ViewSample(0, pixels[::2, ::2], (60.0, 48.0), 0.4, mark, True, None, details)


def exam_with(*boxes) -> tuple[TrainingExam, list[dict]]:
    exam = TrainingExam("phantom-1", "p", "phantom", (square_view(),), (MASS,))
    return exam, [{"slot": 0, "predicted": [{"box": b} for b in boxes]}]


@pytest.mark.parametrize(
    ("box", "kind"),
    [((25, 43, 37, 55), 0), ((20, 38, 40, 58), 0), ((2, 2, 10, 10), NO_FINDING)],
    ids=["close", "larger", "elsewhere"],
)
def test_a_proposal_is_what_it_clearly_shows(box, kind):
    samples = look_samples(*exam_with(box))
    assert [s.label.type for s in samples] == [0, kind]


def test_a_proposal_at_the_edge_of_a_lesion_is_left_out():
    assert len(look_samples(*exam_with((31, 49, 48, 68)))) == 1


def test_what_is_varied_keeps_its_empty_planes_and_its_range():
    planes = view_planes(square_view(), (24, 42, 36, 54), 32)
    planes[3:] = 0
    for seed in range(6):
        out = varied(planes, np.random.default_rng(seed))
        assert out.shape == planes.shape and not out[3:].any()
        assert out[list(GREY_PLANES)].min() >= 0 and out.max() <= 1.2


def test_words_are_learnt_from_lesions_alone():
    out = CropRefiner(CropRefinerConfig(32, 8))(torch.rand(2, PLANES, 32, 32))
    nothing = LabelledFinding(NO_FINDING)
    assert set(look_losses(out, [nothing, nothing], torch.tensor([True, False]))) == {"type"}
    told = look_losses(out, [MASS, nothing], torch.tensor([True, True]))
    assert {"shape", "margin", "density", "suspicion", "change", "associated"} <= set(told)
    assert "change" not in look_losses(out, [MASS, nothing], torch.tensor([False, False]))


def test_a_few_steps_tell_a_square_from_nothing(tmp_path):
    lesion = LookSample(square_view(), (24, 42, 36, 54), MASS)
    empty = LookSample(square_view(False), (24, 42, 36, 54), LabelledFinding(NO_FINDING))
    schedule = LookSchedule(steps=80, batch=8, learning_rate=2e-3)
    net = train_looks([lesion, empty], CropRefinerConfig(32, 8), schedule, tmp_path)
    with torch.no_grad():
        planes = np.stack([view_planes(s.view, s.box, 32) for s in (lesion, empty)])
        sure = 1 - net(torch.from_numpy(planes)).type.softmax(1)[:, -1]
    assert float(sure[0]) > float(sure[1]) + 0.3
    assert (tmp_path / "checkpoint.pt").is_file()


def test_details_come_back_from_their_file(tmp_path):
    view = square_view()
    save_details([view.details], tmp_path / "d.npz")
    (read,) = load_details(tmp_path / "d.npz", 1)
    np.testing.assert_array_equal(read["prior"].pixels, view.details["prior"].pixels)
    assert (read["current"].top_px, read["current"].zoom) == (0.0, 2.0)


def test_a_cache_without_details_says_what_to_do(tmp_path):
    with pytest.raises(InputError, match="prepare it again"):
        load_details(tmp_path / "d.npz", 1)


def test_training_looks_at_what_a_reading_looks_at():
    spec = replace(TRAINING_SPEC, prior_probability=1.0, lesion_probability=1.0, mass_weight=1.0, suspicious_calc_weight=0,
                   benign_calc_weight=0, distortion_weight=0, asymmetry_weight=0)  # fmt: skip
    drawn = draw_exam(17, spec)
    config = replace(tiny_config(), canvas_px=(384, 224), um_per_px=500.0)
    sample = phantom_exam(drawn, config).views[0]
    sample = replace(sample, details=phantom_details(drawn, config)[0])
    x0, y0, x1, y1 = sample.marks[0].box
    box = Box(x0, y0, x1 + 0.13, y1 + 0.09)  # not on an edge of rounding
    trained = view_planes(sample, (box.x0, box.y0, box.x1, box.y1), 64)
    np.testing.assert_allclose(_seen_in_a_reading(drawn, box, config), trained, atol=1.1 / GREY_SCALE)


def _seen_in_a_reading(drawn, box: Box, config) -> np.ndarray:
    """The planes that the second look gets of a mark in the first view, whose prior shows the place elsewhere."""
    decode, view = decode_phantom(drawn), drawn.exam.current[0]
    prior = drawn.exam.prior_of(view)
    first = {v.id: prepare_view(v, decode(v), config.um_per_px, config.canvas_px) for v in (view, prior)}
    detail = {v.id: resample(decode(v), first[v.id], config.detail_um) for v in (view, prior)}
    stored = first[view.id].placement.to_stored_box(box)
    assert stored is not None
    mark = RawMark(view, stored, 0.5, np.full(4, 0.25), {}, 0.5, np.full(4, 0.25), None, 4.0, 2.0, 0.5)
    net, seen = CropRefiner(CropRefinerConfig(size_px=64, width=8)).eval(), []
    net.register_forward_pre_hook(lambda _, given: seen.append(given[0].numpy()[0]))
    refine_marks(net, [mark], drawn.exam, first, detail)
    return seen[0]
