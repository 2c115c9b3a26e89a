"""Ways to show a record with several pictures, and what the question then says of them."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from mammoscribe.data.exchange.flavours import Views
from mammoscribe.data.exchange.montage import GAP_PX
from mammoscribe.data.exchange.views import shown
from mammoscribe.data.records import ImageText, ListedImage, ListedView
from tests.data.some_records import CC, MLO, L, R, exam, report, study

GREYS = {(R, CC): 40, (L, CC): 90, (R, MLO): 140, (L, MLO): 190}


@pytest.fixture
def views(tmp_path):
    """Four views of one grey each, listed in no order of hanging."""
    found = []
    for (side, projection), grey in reversed(GREYS.items()):
        Image.fromarray(np.full((60, 40), grey, np.uint8)).save(tmp_path / f"{side}{projection}.png")
        found.append(ListedView(f"{side}{projection}.png", side, projection))
    return tuple(found)


def panes(drawn):
    """The grey in the middle of the upper left, upper right, lower left and lower right pane."""
    high, wide = (drawn.shape[0] - GAP_PX) // 2, (drawn.shape[1] - GAP_PX) // 2
    return [int(drawn[y, x]) for y in (high // 2, high * 3 // 2 + GAP_PX) for x in (wide // 2, wide * 3 // 2 + GAP_PX)]


def test_a_montage_hangs_r_cc_and_l_cc_above_r_mlo_and_l_mlo(views, tmp_path):
    (one,) = shown(exam(images=views), Views.MONTAGE, tmp_path)
    assert panes(one.drawn) == [40, 90, 140, 190]
    assert one.note == (
        "The picture shows the views of one exam: right CC and left CC in the upper row, "
        "right MLO and left MLO in the lower row."
    )


@pytest.mark.parametrize(
    ("missing", "grey", "told"),
    [
        ([(L, CC)], [40, 0, 140, 190], "The place of left CC is black: there is no such view."),
        ([(R, CC), (L, MLO)], [0, 90, 140, 0], "The places of right CC and left MLO are black: no such views."),
        ([(L, CC), (L, MLO)], [40, 0, 140, 0], "The places of left CC and left MLO are black: no such views."),
    ],
)
def test_a_missing_view_is_black_and_the_question_says_so(missing, grey, told, views, tmp_path):
    there = tuple(v for v in views if (v.laterality, v.projection) not in missing)
    (one,) = shown(exam(images=there), Views.MONTAGE, tmp_path)
    assert panes(one.drawn) == grey and one.note.endswith(told)


def test_a_montage_keeps_the_shape_of_every_view_and_turns_none(views, tmp_path):
    marked = np.zeros((60, 40), np.uint8)
    marked[:20, :10] = 200  # the upper left corner
    Image.fromarray(marked).save(tmp_path / "RCC.png")
    (one,) = shown(exam(images=views), Views.MONTAGE, tmp_path)
    pane = one.drawn[:60, :40]
    assert np.array_equal(pane > 100, marked > 100)


def test_one_view_alone_is_shown_as_it_is(views, tmp_path):
    (one,) = shown(exam(images=views[:1]), Views.MONTAGE, tmp_path)
    assert one.drawn is None and one.sources == views[:1] and one.note == ""


def test_a_montage_of_other_pictures_is_a_row_in_their_order(views, tmp_path):
    images = tuple(ListedImage(v.path, name) for v, name in zip(views, ("PA", "LATERAL", "AP"), strict=False))
    (one,) = shown(study(images=images), Views.MONTAGE, tmp_path)
    assert one.drawn.shape == (60, 3 * 40 + 2 * GAP_PX)
    assert one.note == "The picture shows 3 pictures of one study from left to right: PA, LATERAL, AP."
    four = tuple(ListedImage(v.path) for v in views)
    (one,) = shown(study(images=four), Views.MONTAGE, tmp_path)
    assert one.note == "The picture shows 4 pictures of one study in rows of 2, from the upper left."


def test_each_view_is_a_record_of_its_patient_with_its_boxes(views, tmp_path):
    record = exam("e1", "p9", images=(*views, views[0]), prior_id="e0")
    parts = [one.record for one in shown(record, Views.EACH, tmp_path)]
    assert [part.id for part in parts] == ["e1/L_MLO", "e1/R_MLO", "e1/L_CC", "e1/R_CC", "e1/L_MLO-2"]
    assert {part.patient_id for part in parts} == {"p9"} and parts[3].prior_id == "e0/R_CC"
    assert [part.images for part in parts] == [(v,) for v in (*views, views[0])]


def test_together_the_order_of_the_views_is_said_once(views, tmp_path):
    (one,) = shown(exam(images=views), Views.TOGETHER, tmp_path)
    assert one.note == "The pictures show, in this order: left MLO, right MLO, left CC, right CC."
    assert not one.needed, "a question that names them need not repeat it"
    unnamed = study(images=(ListedImage("a.png"), ListedImage("b.png")))
    assert next(shown(unnamed, Views.TOGETHER, tmp_path)).note == ""


@pytest.mark.parametrize("name", ["a/b", "../../x", "e 1", ".", "x" * 500, "é"])
def test_a_montage_is_named_after_its_exam_and_stays_in_the_folder(name, views, tmp_path):
    (one,) = shown(replace(exam(images=views), id=name), Views.MONTAGE, tmp_path)
    folder, file = one.record.images[0].path.split("/")
    assert folder == "montages" and file.endswith(".png") and len(file) < 120 and not file.startswith(".")


def test_a_record_of_text_alone_is_left_as_it_is(tmp_path):
    talk = ImageText("t", "t", (), report=report())
    for way in Views:
        assert [one.record for one in shown(talk, way, tmp_path)] == [talk]
