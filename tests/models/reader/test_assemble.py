"""Findings from raw marks: pairs joined, duplicates dropped, words and places that the views allow."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mammoscribe.domain.anatomy import Resting, Structure
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import Change, FindingType
from mammoscribe.domain.lexicon import Axis
from mammoscribe.domain.location import Half, Location, Quadrant
from mammoscribe.domain.view import Box, Laterality, Projection, View
from mammoscribe.imaging.decode import Picture
from mammoscribe.imaging.prepare import prepare_view
from mammoscribe.models.reader.assemble import (
    RawMark,
    assemble,
    change_since,
    combined_score,
    on_structures,
    query_marks,
)
from mammoscribe.models.reader.detection_head import TYPES
from mammoscribe.models.reader.judging import marks_left_out
from mammoscribe.models.reader.network import ReaderNet
from mammoscribe.models.reader.queries import AXIS_TERMS, CHANGES, LINK_DIM
from mammoscribe.training.calibration.point import neutral
from tests.models.tiny import noise_batch, tiny_config

LINK_SCALE = torch.tensor([1.0, 0.0])
VIEWS = {
    f"{side}_{projection}": View(f"{side}_{projection}", side, projection, 1000, 2000, "file")
    for side in Laterality
    for projection in Projection
}
EXAM = Exam("e", tuple(VIEWS.values()))


def one_hot(axis: Axis, term: str) -> np.ndarray:
    return np.array([float(t == term) for t in AXIS_TERMS[axis]])


def mark(
    view: str = "R_CC", x: float = 300, y: float = 900, score: float = 0.8, kind=FindingType.MASS, **more
) -> RawMark:
    link = np.ones(LINK_DIM) * 0.5
    words = {
        Axis.SHAPE: one_hot(Axis.SHAPE, "shape.oval"), Axis.MARGIN: one_hot(Axis.MARGIN, "margin.spiculated"),
        Axis.DENSITY: one_hot(Axis.DENSITY, "density.high"), Axis.ASSOCIATED: np.zeros(len(AXIS_TERMS[Axis.ASSOCIATED])),
        Axis.ASYMMETRY: one_hot(Axis.ASYMMETRY, "asymmetry.asymmetry"),
        Axis.MORPHOLOGY: one_hot(Axis.MORPHOLOGY, "morphology.amorphous"),
        Axis.DISTRIBUTION: one_hot(Axis.DISTRIBUTION, "distribution.grouped"),
    }  # fmt: skip
    types = np.array([float(t is kind) for t in TYPES])
    values = {"behind_cm": 4.0, "above_cm": 2.0, "depth": 0.5, "change": None, "link": (link, link), "suspicion": 0.9}
    return RawMark(VIEWS[view], Box(x, y, x + 100, y + 100), score, types, words, **{**values, **more})


def test_a_cc_and_an_mlo_mark_at_one_nipple_distance_become_one_finding_with_a_quadrant():
    (finding,) = assemble([mark("R_CC"), mark("R_MLO", above_cm=3.0)], EXAM, LINK_SCALE)
    assert {m.projection for m in finding.marks} == set(Projection)
    assert finding.location.quadrant is Quadrant.UPPER_OUTER
    assert finding.descriptors == ("shape.oval", "margin.spiculated", "density.high")


def test_marks_at_very_different_nipple_distances_stay_apart():
    findings = assemble([mark("R_CC", behind_cm=1.0), mark("R_MLO", behind_cm=9.0)], EXAM, LINK_SCALE)
    assert [len(f.marks) for f in findings] == [1, 1]


def test_marks_of_the_two_breasts_are_never_joined():
    findings = assemble([mark("R_CC"), mark("L_MLO")], EXAM, LINK_SCALE)
    assert sorted(f.laterality for f in findings) == ["L", "R"]


def test_one_view_alone_gives_a_half_and_no_quadrant():
    (finding,) = assemble([mark("L_MLO", above_cm=-1.0)], EXAM, LINK_SCALE)
    assert finding.location.half is Half.LOWER and finding.location.quadrant is None


def test_the_weaker_of_two_marks_on_one_place_is_dropped():
    findings = assemble([mark(score=0.4), mark(x=310, score=0.9)], EXAM, LINK_SCALE)
    assert [round(f.score, 2) for f in findings] == [0.9]


def test_two_projections_count_for_more_than_one():
    (both,) = assemble([mark("R_CC", score=0.6), mark("R_MLO", score=0.6)], EXAM, LINK_SCALE)
    assert both.score == pytest.approx(0.84)


def test_an_asymmetry_seen_in_two_views_is_not_called_an_asymmetry_of_one_view():
    kind = FindingType.ASYMMETRY
    (two,) = assemble([mark("R_CC", kind=kind), mark("R_MLO", kind=kind)], EXAM, LINK_SCALE)
    (one,) = assemble([mark("R_CC", kind=kind)], EXAM, LINK_SCALE)
    assert two.descriptor(Axis.ASYMMETRY) != "asymmetry.asymmetry"
    assert one.descriptor(Axis.ASYMMETRY) == "asymmetry.asymmetry"


def test_change_is_said_only_of_marks_with_a_prior():
    told = np.array([0.1, 0.1, 0.7, 0.1])
    (with_prior,) = assemble([mark(change=told)], EXAM, LINK_SCALE)
    (without,) = assemble([mark()], EXAM, LINK_SCALE)
    assert with_prior.change == "increased" and without.change is None


def test_calcification_marks_without_link_vectors_join_by_nipple_distance():
    calc = replace(mark("R_CC", kind=FindingType.CALCIFICATION), link=None)
    near = replace(mark("R_MLO", kind=FindingType.CALCIFICATION), link=None, behind_cm=4.5)
    far = replace(near, behind_cm=8.0)
    assert len(assemble([calc, near], EXAM, LINK_SCALE)) == 1
    assert len(assemble([calc, far], EXAM, LINK_SCALE)) == 2


@pytest.mark.parametrize(
    ("earlier", "change"),
    [
        ([], Change.NEW),
        ([Box(300, 100, 320, 120)], Change.NEW),
        ([Box(101, 99, 121, 119)], Change.STABLE),
        ([Box(105, 105, 115, 115)], Change.INCREASED),
        ([Box(95, 95, 125, 125)], Change.DECREASED),
    ],
    ids=["nothing before", "far away", "alike", "smaller before", "larger before"],
)
def test_calcifications_change_by_what_the_prior_shows_near_their_place(earlier, change):
    told = change_since(Box(100, 100, 120, 120), earlier, mm_per_px=0.5)
    assert CHANGES[int(told.argmax())] is change and told.sum() == 1


def test_a_mark_that_nobody_looked_at_again_keeps_its_score():
    assert combined_score(0.7, None, (2.0, 3.0, -1.0)) == 0.7
    assert mark().weighed((2.0, 3.0, -1.0)).score == mark().score


def test_the_crop_refiner_can_lift_a_mark_and_take_it_away():
    weights = (1.0, 1.0, 0.0)
    assert mark(crop_score=0.9).weighed(weights).score > mark().score > mark(crop_score=0.1).weighed(weights).score


def test_words_and_suspicion_of_two_passes_are_mixed_by_their_shares():
    first, second = np.array([0.9, 0.1]), np.array([0.1, 0.9])
    crop = {"crop_words": {Axis.SHAPE: second}, "crop_suspicion": 0.8}
    seen = replace(mark(suspicion=0.2), words={Axis.SHAPE: first}, **crop)
    assert seen.mixed((0.0, 0.0)).words[Axis.SHAPE] is first and seen.mixed((1.0, 1.0)).suspicion == 0.8
    apart = seen.mixed((1.0, 0.0))
    assert apart.words[Axis.SHAPE] is second and apart.suspicion == 0.2
    both = seen.mixed((0.5, 0.5))
    assert both.words[Axis.SHAPE] == pytest.approx([0.5, 0.5]) and both.suspicion == pytest.approx(0.5)
    assert both.mixed((1.0, 1.0)) is both  # nothing is left to mix


def one_pass():
    """A view, its canvas by view id, and what a network with random weights gives for noise."""
    view = VIEWS["R_CC"]
    picture = Picture(np.tile(np.linspace(0.2, 0.9, 1000, dtype=np.float32), (2000, 1)), None, None)
    prepared = {view.id: prepare_view(view, picture, 400.0, (512, 320))}
    torch.manual_seed(0)
    with torch.no_grad():
        out = ReaderNet(tiny_config()).eval()(noise_batch([[0]]))
    return view, prepared, out


def test_marks_lie_below_the_rows_that_were_trimmed():
    view, prepared, out = one_pass()
    exam = Exam("one", (view,))
    before, after = (query_marks(out, exam, prepared, top) for top in (0, 32))
    moved = 32 / prepared[view.id].placement.scale_y
    assert before
    for a, b in zip(before, after, strict=True):
        assert b.box.centre[1] - a.box.centre[1] == pytest.approx(moved, rel=0.02)
        assert b.above_cm < a.above_cm


def test_the_score_of_a_mark_is_that_of_its_own_kind():
    view, prepared, out = one_pass()
    exam = Exam("one", (view,))
    mass = TYPES.index(FindingType.MASS)
    kinds = torch.full_like(out.queries.type, -9.0)
    kinds[:, mass], kinds[:, -1] = 1.0, 0.0

    def scores(own: float, others: float) -> list[float]:
        heat = torch.full_like(out.maps.heat, others)
        heat[:, mass] = own
        changed = replace(out, maps=replace(out.maps, heat=heat), queries=replace(out.queries, type=kinds))
        return [m.score for m in query_marks(changed, exam, prepared)]

    likely = 1 / (1 + np.exp(-1.0))  # a mass and not nothing
    assert scores(2.0, -2.0) == pytest.approx([np.sqrt(likely / (1 + np.exp(-2.0)))] * len(scores(2.0, -2.0)), abs=1e-3)
    assert max(scores(-2.0, 2.0)) < min(scores(2.0, -2.0))


def test_a_mark_is_as_suspicious_as_the_map_says_where_there_is_one():
    view, prepared, out = one_pass()
    given = torch.full(out.maps.heat[:, 0].shape, 3.0)
    mapped = replace(out, maps=replace(out.maps, suspicion=given))
    exam = Exam("one", (view,))
    by_map, by_query = ([m.suspicion for m in query_marks(o, exam, prepared)] for o in (mapped, out))
    assert by_map and by_map == pytest.approx([1 / (1 + np.exp(-3.0))] * len(by_map))
    assert all(s < 0.9 for s in by_query)


def test_a_word_that_is_little_more_than_a_guess_is_left_out():
    shape, margin = AXIS_TERMS[Axis.SHAPE], AXIS_TERMS[Axis.MARGIN]
    told = {
        Axis.SHAPE: np.linspace(0.2, 0.4, len(shape)) / np.linspace(0.2, 0.4, len(shape)).sum(),
        Axis.MARGIN: np.array([0.9] + [0.1 / (len(margin) - 1)] * (len(margin) - 1)),
    }
    guessed = replace(mark("R_CC"), words=told)
    (every,) = assemble([guessed], EXAM, LINK_SCALE)
    (sure,) = assemble([guessed], EXAM, LINK_SCALE, least_word=0.8)
    assert set(every.descriptors) == {shape[-1], margin[0]}
    assert sure.descriptors == (margin[0],)


class NippleHere:
    """Anatomy that takes every box for the nipple."""

    def structure_of(self, box):
        return Resting(Structure.NIPPLE, 1.0)


def test_a_mark_on_a_structure_is_left_out_and_counted_when_it_would_have_been_shown():
    canvas = SimpleNamespace(placement=SimpleNamespace(to_canvas_box=lambda box: box))
    found = on_structures([mark("R_CC", score=0.9), mark("R_CC", score=0.05)], {"R_CC": NippleHere()}, {"R_CC": canvas})
    assert {m.structure for m in found} == {Structure.NIPPLE}
    point = replace(neutral(), possible=dict.fromkeys((t.value for t in FindingType), 0.1))
    (left_out,) = marks_left_out(found, point)
    assert (left_out.view_id, left_out.kind, left_out.structure, left_out.score) == (
        "R_CC", FindingType.MASS, Structure.NIPPLE, 0.9
    )  # fmt: skip


def test_a_place_is_told_only_where_the_nipple_was_found():
    (lost,) = assemble([mark(nipple_found=False)], EXAM, LINK_SCALE)
    assert lost.location == Location()
    (found,) = assemble([mark(lengths_known=True)], EXAM, LINK_SCALE)
    assert found.location.half is not None and found.location.nipple_distance_mm == 45  # of 4 cm behind, 2 cm above
    (unscaled,) = assemble([mark()], EXAM, LINK_SCALE)
    assert unscaled.location.nipple_distance_mm is None


def test_each_mark_of_a_pair_keeps_the_score_of_its_own_detection():
    (finding,) = assemble([mark("R_CC", score=0.6), mark("R_MLO", above_cm=3.0, score=0.5)], EXAM, LINK_SCALE)
    assert sorted(m.score for m in finding.marks) == [0.5, 0.6]
    assert finding.score == pytest.approx(0.8)


def test_two_marks_that_are_no_calcifications_do_not_add_up_to_one():
    def types(first, second):
        values = np.zeros(len(TYPES))
        values[TYPES.index(FindingType.CALCIFICATION)], values[TYPES.index(first)], values[TYPES.index(second)] = (
            0.4,
            0.45,
            0.15,
        )
        return values

    mass, distortion = FindingType.MASS, FindingType.DISTORTION
    pair = [
        replace(mark("R_CC"), types=types(mass, distortion)),
        replace(mark("R_MLO", above_cm=3.0), types=types(distortion, mass)),
    ]
    (finding,) = assemble(pair, EXAM, LINK_SCALE)
    assert finding.type is not FindingType.CALCIFICATION
