"""Pictures that lie on their side or upside down, by a true header, are read upright; boxes stay in stored pixels."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mammoscribe.domain.view import Box, Laterality, Projection, SpacingSource
from mammoscribe.exports.hanging import _rect
from mammoscribe.imaging.orientation import Orientation, orientation_of
from mammoscribe.imaging.picture import Picture
from mammoscribe.imaging.prepare import PreparedView, prepare_view, resample
from mammoscribe.reading import shown_view
from mammoscribe.support.errors import InputError
from tests.imaging.drawn import a_view, half_disc, mammogram

USUAL = {"RCC": ("P", "L"), "LCC": ("A", "R"), "RMLO": ("P", "FL"), "LMLO": ("A", "FR")}
OPPOSITE = {"A": "P", "P": "A", "L": "R", "R": "L", "FL": "HR", "FR": "HL"}
SPOT = (52.0, 91.0)
"""x and y of a bright spot in the upper half of a left view of 300 x 200 pixels."""


def stored_as(name: str) -> tuple[np.ndarray, Orientation]:
    """A view as it usually lies, with a bright spot near its upper edge."""
    rows, columns = np.mgrid[:300, :200] + 0.5
    spot = np.exp(-((columns - SPOT[0]) ** 2 + (rows - SPOT[1]) ** 2) / 18)
    pixels = ((half_disc(300, 200) > 0) * 0.3 + spot).astype(np.float32)
    return (pixels if name[0] == "L" else pixels[:, ::-1]), Orientation(*USUAL[name])


def left_right(pixels: np.ndarray, lies: Orientation) -> tuple[np.ndarray, Orientation]:
    return pixels[:, ::-1], Orientation(OPPOSITE.get(lies.across, "") or opposite(lies.across), lies.down)


def top_bottom(pixels: np.ndarray, lies: Orientation) -> tuple[np.ndarray, Orientation]:
    return pixels[::-1], Orientation(lies.across, OPPOSITE.get(lies.down, "") or opposite(lies.down))


def across_the_diagonal(pixels: np.ndarray, lies: Orientation) -> tuple[np.ndarray, Orientation]:
    return pixels.T, Orientation(lies.down, lies.across)


def opposite(letters: str) -> str:
    return next(one for one, other in OPPOSITE.items() if other == letters)


Change = Callable[[np.ndarray, Orientation], tuple[np.ndarray, Orientation]]
WAYS: dict[str, tuple[Change, ...]] = {
    "as usual": (),
    "mirrored": (left_right,),
    "upside down": (top_bottom,),
    "by half": (left_right, top_bottom),
    "by a quarter": (across_the_diagonal, top_bottom),
    "by three quarters": (across_the_diagonal, left_right),
    "transposed": (across_the_diagonal,),
    "transposed by half": (across_the_diagonal, left_right, top_bottom),
}
"""All eight ways in which a picture can lie."""


def changed(name: str, way: str) -> tuple[np.ndarray, Orientation]:
    pixels, lies = stored_as(name)
    for change in WAYS[way]:
        pixels, lies = change(pixels, lies)
    return np.ascontiguousarray(pixels), lies


def spot_in(pixels: np.ndarray) -> tuple[float, float]:
    rows, columns = np.nonzero(pixels >= pixels.max() - 1e-6)  # the brightest are clipped alike on a canvas
    return float(columns.mean()) + 0.5, float(rows.mean()) + 0.5


def prepared(name: str, pixels: np.ndarray, lies: Orientation | None, spacing=(0.4, 0.4)) -> PreparedView:
    picture = Picture(pixels, spacing, SpacingSource.HEADER, orientation=lies)
    return prepare_view(a_view(picture, name), picture)


@pytest.mark.parametrize("name", USUAL)
@pytest.mark.parametrize("way", WAYS)
def test_the_canvas_is_the_same_however_the_picture_is_stored(name: str, way: str) -> None:
    usual, view = prepared(name, *stored_as(name)), prepared(name, *changed(name, way))
    assert np.abs(view.mask.astype(int) - usual.mask.astype(int)).mean() < 0.01
    assert np.abs(view.pixels - usual.pixels).mean() < 0.01
    assert view.nipple_xy == pytest.approx(usual.nipple_xy, abs=3)
    told = [w for w in view.warnings if "Patient Orientation" in w]
    assert len(told) == (way not in ("as usual", "mirrored"))


@pytest.mark.parametrize("name", USUAL)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("spacing", [(0.4, 0.4), (0.4, 0.2)])
def test_what_is_seen_on_the_canvas_leads_back_to_the_stored_pixel(name: str, way: str, spacing) -> None:
    pixels, lies = changed(name, way)
    view = prepared(name, pixels, lies, spacing)
    x, y = spot_in(pixels)
    seen = spot_in(view.pixels)
    assert view.placement.to_stored_point(*seen) == pytest.approx((x, y), abs=2.1)
    fine = resample(Picture(pixels, spacing, SpacingSource.HEADER), view, 100.0)
    assert fine.placement.to_stored_point(*spot_in(fine.pixels)) == pytest.approx((x, y), abs=1.1)
    assert seen[1] < view.nipple_xy[1]  # the spot is in the upper, or outer, half
    assert view.crop.contains(x, y)


@pytest.mark.parametrize("way", WAYS)
def test_boxes_go_to_the_canvas_and_back_exactly(way: str) -> None:
    place = prepared("RMLO", *changed("RMLO", way)).placement
    box = Box(31, 17, 58, 77)
    assert place.to_stored_box(place.to_canvas_box(box)) == box
    assert place.stored_box(place.upright_box(box)) == box


@pytest.mark.parametrize("name", USUAL)
@pytest.mark.parametrize("way", WAYS)
def test_the_page_shows_the_view_upright_with_its_boxes_on_it(name: str, way: str) -> None:
    pixels, lies = changed(name, way)
    picture = Picture(pixels, (0.4, 0.4), SpacingSource.HEADER, orientation=lies)
    view = a_view(picture, name)
    image = shown_view(view, picture, prepare_view(view, picture))
    x, y = spot_in(pixels)
    rect = _rect(Box(x - 1, y - 1, x + 1, y + 1), view, image)
    place = (rect.left + rect.width / 2) / 100 * image.width_px, (rect.top + rect.height / 2) / 100 * image.height_px
    expected = SPOT if name[0] == "L" else (200 - SPOT[0], SPOT[1])
    assert (image.width_px, image.height_px) == (200, 300)
    assert place == pytest.approx(expected, abs=1.5)


@pytest.mark.parametrize("way", ["by half", "by a quarter", "transposed", "by three quarters"])
def test_a_header_that_does_not_fit_the_chest_wall_turns_nothing_and_is_said(way: str) -> None:
    pixels, _ = stored_as("LMLO")
    view = prepared("LMLO", pixels, changed("LMLO", way)[1])
    assert not (view.placement.transposed or view.placement.upended)
    assert any("does not fit the side of the chest wall; it is read as it is stored" in w for w in view.warnings)
    assert spot_in(view.pixels) == pytest.approx(spot_in(prepared("LMLO", pixels, None).pixels), abs=1)


def test_a_cc_view_that_lies_as_the_other_breast_usually_does_is_said() -> None:
    view = prepared("RCC", *changed("RCC", "by half"))
    assert any("A left breast usually lies so: check its laterality" in w for w in view.warnings)


@pytest.mark.parametrize("letters", [["P"], ["", ""], ["P", "A"], ["L", "F"], ["P", "X"], "P"])
def test_letters_that_do_not_say_how_a_picture_lies_turn_nothing(letters) -> None:
    lies = orientation_of(mammogram(PatientOrientation=letters))
    assert lies is None or lies.upright(Laterality.RIGHT, Projection.MLO) is None


@pytest.mark.parametrize(
    ("letters", "upended"),
    [(["P", "F"], False), (["P", "H"], True), (["PR", "FL"], False), (["P", "HR"], True), (["P", "L"], False)],
)
def test_an_oblique_view_lies_by_head_and_feet_or_else_by_its_inner_side(letters: list[str], upended: bool) -> None:
    lies = orientation_of(mammogram(PatientOrientation=letters))
    assert lies is not None
    turn = lies.upright(Laterality.RIGHT, Projection.MLO)
    assert turn is not None and (turn.transposed, turn.upended) == (False, upended)


def test_a_thread_of_a_picture_and_one_larger_than_any_breast_are_refused_before_anything_is_made_of_them() -> None:
    thread = np.zeros((16, 40_000), np.float32)
    thread[4:9] = 0.5
    with pytest.raises(InputError, match=r"is 40000 x 16 pixels; expected at most 8 times as long as wide"):
        prepared("LCC", thread, None)
    with pytest.raises(InputError, match=r"is 400 x 620 mm large with a pixel spacing of 2 x 2 mm"):
        prepared("LCC", half_disc(310, 200), None, (2.0, 2.0))


def test_a_fine_canvas_of_more_pixels_than_any_breast_has_is_refused(tmp_path: Path) -> None:
    pixels = half_disc(300, 200)
    view = prepared("LCC", pixels, None, (1.9, 1.9))
    with pytest.raises(InputError, match="look at the pixel spacing"):
        resample(Picture(pixels, (1.9, 1.9), SpacingSource.HEADER), view, 40.0)
