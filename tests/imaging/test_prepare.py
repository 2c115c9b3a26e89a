"""From a stored picture to the canvas."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mammoscribe.data.datasets.known import DATASETS
from mammoscribe.data.record_views import exam_of
from mammoscribe.data.records import MammoExam
from mammoscribe.domain.view import Box, SpacingSource, View
from mammoscribe.imaging.decode import decode, decode_view
from mammoscribe.imaging.picture import Picture
from mammoscribe.imaging.prepare import PreparedView, prepare_view, resample
from mammoscribe.support.errors import InputError
from tests.imaging.drawn import a_picture, a_view, half_disc, mammogram, saved


def prepared(pixels: np.ndarray, name: str = "LCC", spacing: float | None = 0.4, **options: object) -> PreparedView:
    picture = a_picture(pixels, spacing)
    return prepare_view(a_view(picture, name), picture, **options)  # type: ignore[arg-type]


def prepared_dicom(path: Path, orientation: list[str] | None, chest_on_left: bool) -> PreparedView:
    """An R CC file with that Patient Orientation, whose pixels show the chest wall on one side, read and prepared."""
    stored = (half_disc(chest_on_left=chest_on_left) * 4000).astype(np.uint16)
    picture = decode(saved(mammogram(stored, PatientOrientation=orientation), path))
    return prepare_view(a_view(picture, "RCC"), picture)


def spot(pixels: np.ndarray, x: float, y: float, radius: float = 4.0) -> np.ndarray:
    """A flat breast with a bright Gaussian spot centred at (x, y), in continuous stored coordinates."""
    rows, columns = np.mgrid[: pixels.shape[0], : pixels.shape[1]] + 0.5
    return ((pixels > 0) * 0.2 + np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * radius**2))).astype(np.float32)


def brightest(view: PreparedView, near: tuple[float, float], reach: float) -> tuple[float, float]:
    """Centre of brightness in canvas pixels around a canvas point."""
    rows, columns = np.mgrid[: view.pixels.shape[0], : view.pixels.shape[1]] + 0.5
    weight = np.where(np.hypot(columns - near[0], rows - near[1]) < reach, np.maximum(view.pixels - 0.5, 0), 0)
    return float((columns * weight).sum() / weight.sum()), float((rows * weight).sum() / weight.sum())


def test_the_canvas_has_the_asked_size_with_the_chest_wall_at_its_left_edge() -> None:
    view = prepared(half_disc(chest_on_left=False), "RCC")
    assert view.pixels.shape == view.mask.shape == (512, 320)
    assert view.pixels.dtype == np.float32
    assert view.placement.flipped
    assert view.mask[:, 0].sum() > 150
    assert not view.mask[:, 200:].any()
    assert view.warnings == ()


def test_the_breast_is_centred_from_top_to_bottom() -> None:
    rows = np.nonzero(prepared(half_disc()).mask.any(axis=1))[0]
    assert abs((rows[0] + rows[-1] + 1) / 2 - 256) <= 1


@pytest.mark.parametrize(("name", "on_left"), [("LCC", True), ("RMLO", False), ("LMLO", False)])
def test_what_is_seen_on_the_canvas_leads_back_to_the_stored_pixel(name: str, on_left: bool) -> None:
    x, y = (50.3, 120.7) if on_left else (200 - 50.3, 120.7)
    pixels = spot(half_disc(400, 200, on_left), x, y)
    view = prepared(pixels, name, spacing=0.15)
    seen = brightest(view, view.placement.to_canvas_point(x, y), 5)
    assert view.placement.to_stored_point(*seen) == pytest.approx((x, y), abs=0.5)


@given(
    height=st.integers(60, 420), width=st.integers(60, 420), on_left=st.booleans(),
    row=st.floats(0.03, 1.5), column=st.floats(0.03, 1.5), um=st.sampled_from([100.0, 400.0, 733.3]),
)  # fmt: skip
@settings(max_examples=25, deadline=None)
def test_every_stored_point_survives_the_canvas(
    height: int, width: int, on_left: bool, row: float, column: float, um: float
) -> None:
    assume(height * row <= 600 and width * column <= 600)  # larger pictures are refused
    picture = Picture(half_disc(height, width, on_left), (row, column), SpacingSource.HEADER)
    view = prepare_view(a_view(picture), picture, um)
    corners = ((0.0, 0.0), (width, height), (width / 3, height / 7))
    for x, y in corners:
        back = view.placement.to_stored_point(*view.placement.to_canvas_point(x, y))
        assert back == pytest.approx((x, y), abs=0.5)
    crop = view.placement.to_canvas_box(view.crop)
    assert -1e-6 <= crop.x0 < 1e-6
    assert crop.x1 <= 320 + 1e-6
    assert -1e-6 <= crop.y0 < crop.y1 <= 512 + 1e-6


def test_the_canvas_is_isotropic_though_stored_pixels_are_not() -> None:
    picture = Picture(half_disc(256, 200), (0.4, 0.2), SpacingSource.HEADER)
    view = prepare_view(a_view(picture), picture)
    assert view.placement.scale_y == pytest.approx(1.0)
    assert view.placement.scale_x == pytest.approx(0.5)
    assert view.placement.um_per_px == view.um_per_px == 400.0


def test_resampling_averages_areas() -> None:
    board = half_disc(512, 400)
    board[board > 0] = 0.2
    board[::2, ::2] *= 4.0  # one pixel in four is four times as bright: the mean is 0.35, whatever the phase
    view = prepared(board, spacing=0.1)
    low, high = view.levels
    inner = view.pixels[view.mask][np.argsort(view.pixels[view.mask])][500:-500]
    assert low + inner * (high - low) == pytest.approx(np.full(inner.size, 0.35), abs=0.02)


def test_a_breast_larger_than_the_canvas_is_read_coarser_and_says_so() -> None:
    view = prepared(half_disc(256, 160), spacing=1.9)
    assert view.um_per_px == pytest.approx(view.crop.height * 1900 / 512)
    assert any("larger than the canvas" in w for w in view.warnings)
    assert view.mask.any(axis=1).sum() == pytest.approx(512, abs=3)


def test_without_a_size_the_canvas_is_the_breast() -> None:
    view = prepared(half_disc(), size_px=None)
    assert view.pixels.shape == (int(view.crop.height), int(view.crop.width))


def test_tissue_spans_zero_to_one_and_air_is_zero() -> None:
    view = prepared(half_disc(noise=0.02))
    inside = view.pixels[view.mask]
    assert np.percentile(inside, 1) == pytest.approx(0, abs=0.02)
    assert np.percentile(inside, 99) == pytest.approx(1, abs=0.02)
    assert inside.max() <= 1.2
    assert not view.pixels[~view.mask].any()


def test_brightness_and_contrast_of_the_picture_do_not_matter() -> None:
    one, other = prepared(half_disc()), prepared((half_disc() * 0.5).astype(np.float32))
    assert float(np.abs(one.pixels - other.pixels).max()) < 0.02


def test_the_chest_wall_on_the_unusual_side_is_reported_and_the_pixels_decide() -> None:
    view = prepared(half_disc(chest_on_left=True), "RCC")
    assert not view.placement.flipped
    assert view.view.laterality == "R"
    assert any("lies on the left" in w for w in view.warnings)


@pytest.mark.parametrize(
    ("orientation", "on_left", "warnings"),
    [
        (["P", "L"], False, 0),  # R CC as acquired
        (["A", "L"], True, 1),  # mirrored, and the header says so: only the unusual side is told
        (None, False, 0),
    ],
)
def test_a_header_that_fits_its_pixels_adds_no_warning(
    orientation: list[str] | None, on_left: bool, warnings: int, tmp_path: Path
) -> None:
    view = prepared_dicom(tmp_path / "a.dcm", orientation, on_left)
    assert len(view.warnings) == warnings
    assert not any("Patient Orientation" in w for w in view.warnings)


@pytest.mark.parametrize(("orientation", "on_left"), [(["A", "L"], False), (["P", "L"], True), (["AF", "L"], False)])
def test_a_header_that_contradicts_its_pixels_is_reported_and_the_pixels_decide(
    orientation: list[str], on_left: bool, tmp_path: Path
) -> None:
    view = prepared_dicom(tmp_path / "a.dcm", orientation, on_left)
    assert view.chest_on_left is on_left
    assert view.placement.flipped is not on_left
    header, pixels = ("right", "left") if on_left else ("left", "right")
    told = f"R CC: Patient Orientation in the header puts the chest wall on the {header} of the stored picture"
    assert [w for w in view.warnings if w.startswith(told) and f"read on the {pixels}" in w] == [view.warnings[-1]]


def test_a_breast_cut_alike_on_both_sides_takes_the_usual_side_and_says_so() -> None:
    pixels = np.zeros((200, 150), np.float32)
    pixels[30:170] = 0.5
    pixels[30:170:7] = 0.6
    view = prepared(pixels, "RMLO")
    assert view.placement.flipped
    assert any("usual side" in w for w in view.warnings)


def test_a_square_picture_without_spacing_is_taken_as_squashed_and_gives_no_millimetres() -> None:
    view = prepared(half_disc(256, 256), spacing=None)
    assert view.placement.scale_y / view.placement.scale_x == pytest.approx(1.28)
    assert not view.millimetres_known
    assert view.placement.um_per_px is None
    assert any("squashed" in w for w in view.warnings)


def test_a_square_picture_padded_beside_the_chest_wall_is_not_squashed() -> None:
    pixels = np.pad(half_disc(256, 200), ((0, 0), (40, 16)))
    view = prepared(pixels, spacing=None)
    assert view.placement.scale_y == view.placement.scale_x


def test_a_declared_spacing_gives_millimetres_and_an_assumed_one_does_not() -> None:
    picture = a_picture(half_disc(), None)
    view = a_view(picture)
    for source, known in ((SpacingSource.DECLARED, True), (SpacingSource.ASSUMED, False)):
        declared = replace(view, spacing_mm=(0.3, 0.3), spacing_source=source)
        result = prepare_view(declared, picture)
        assert result.millimetres_known is known
        assert result.placement.scale_x == pytest.approx(0.75)


def test_the_nipple_is_the_skin_point_farthest_from_the_chest_wall() -> None:
    pixels = half_disc(256, 200, chest_on_left=False)
    x, y = prepared(pixels, "RCC").placement.to_stored_point(*prepared(pixels, "RCC").nipple_xy)
    assert (x, y) == pytest.approx((200 - 140, 128), abs=3)


def test_a_blank_picture_is_refused() -> None:
    with pytest.raises(InputError, match="blank"):
        prepared(np.full((64, 64), 0.5, np.float32))


def test_the_fine_picture_shows_the_same_place_with_the_same_grey() -> None:
    x, y = 60.5, 300.5
    picture = a_picture(spot(half_disc(600, 300), x, y), 0.1)
    first = prepare_view(a_view(picture), picture)
    fine = resample(picture, first, 100.0)
    assert fine.um_per_px == 100.0
    assert fine.pixels.shape == fine.mask.shape == (int(first.crop.height), int(first.crop.width))
    assert fine.placement.to_stored_point(0, 0) == pytest.approx((first.crop.x0, first.crop.y0))
    seen = brightest(fine, fine.placement.to_canvas_point(x, y), 12)
    assert fine.placement.to_stored_point(*seen) == pytest.approx((x, y), abs=0.5)
    area = first.mask.sum() * 16
    assert fine.mask.sum() == pytest.approx(area, rel=0.03)
    assert fine.levels == first.levels
    assert fine.placement.to_stored_point(*fine.nipple_xy) == pytest.approx(
        first.placement.to_stored_point(*first.nipple_xy)
    )


def test_a_box_marked_on_the_fine_picture_lands_on_the_stored_pixels() -> None:
    picture = a_picture(half_disc(600, 300, chest_on_left=False), 0.1)
    first = prepare_view(a_view(picture, "RCC"), picture)
    fine = resample(picture, first, 50.0)
    box = Box(120, 250, 180, 320)
    assert fine.placement.to_stored_box(fine.placement.to_canvas_box(box)) == Box(120, 250, 180, 320)


def test_a_200_um_view_is_prepared_in_time() -> None:
    picture = a_picture(np.kron(half_disc(256, 208), np.ones((8, 8), np.float32)), 0.14)
    view = a_view(picture)
    prepare_view(view, picture)
    took = []
    for _ in range(5):
        start = time.process_time()
        prepare_view(view, picture)
        took.append(time.process_time() - start)
    assert min(took) <= 0.15


@pytest.mark.real
def test_real_films_and_screening_images_fill_the_canvas(data_root: Path) -> None:
    films, screening = (
        views_of("mini-mias", data_root / "mini_mias", 16),
        views_of("rsna-2023", data_root / "rsna_512", 90),
    )
    for view in films + screening:
        result = prepare_view(view, decode_view(view))
        assert 0.1 < result.mask.mean() < 0.95, view.source
        assert result.mask[:, :3].any(axis=1).sum() > 0.4 * result.mask.any(axis=1).sum(), view.source
        assert result.millimetres_known is (view in films)


def views_of(name: str, root: Path, every: int) -> list[View]:
    """Views of each so many-th exam of a dataset."""
    records = [item for item in DATASETS[name].edition_in(root).read(root) if isinstance(item, MammoExam)]
    return [view for record in records[::every] for view in exam_of(record, root).views]
