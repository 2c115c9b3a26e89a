"""The breast mask and the side of the chest wall."""

import csv
from pathlib import Path

import numpy as np
import pytest

from mammoscribe.imaging.decode import decode
from mammoscribe.imaging.mask import chest_wall_side, find_breast, otsu
from tests.imaging.drawn import half_disc


def share_outside(mask: np.ndarray, truth: np.ndarray) -> float:
    """1 - Dice of two masks."""
    return 1 - 2 * float((mask & truth).sum()) / float(mask.sum() + truth.sum())


def truth_of(pixels: np.ndarray) -> np.ndarray:
    return pixels > 0.2


def test_the_mask_of_a_clean_breast_is_the_breast() -> None:
    pixels = half_disc()
    outline = find_breast(pixels)
    assert outline.factor == 1
    assert share_outside(outline.mask, truth_of(pixels)) < 0.02
    assert outline.warnings == ()


def test_a_label_a_scratch_and_a_white_film_edge_do_not_belong_to_the_breast() -> None:
    pixels = half_disc(noise=0.02)
    truth = truth_of(half_disc())
    pixels[10:30, 160:190] = 1.0  # a label
    pixels[:, 150:151] += 0.3  # a scratch from top to bottom
    pixels[:, 194:] = 1.0  # the edge of the film
    pixels[250:, :] = 1.0
    assert share_outside(find_breast(np.clip(pixels, 0, 1)).mask, truth) < 0.04


def test_a_burnt_out_implant_at_the_chest_wall_belongs_to_the_breast() -> None:
    pixels = half_disc()
    rows, columns = np.mgrid[:256, :200]
    pixels[(columns / 90) ** 2 + ((rows - 128) / 90) ** 2 < 1] = 1.0
    outline = find_breast(pixels)
    assert outline.mask[40:216, 0].all()
    assert share_outside(outline.mask, truth_of(pixels)) < 0.02


def test_a_grey_background_is_air() -> None:
    pixels = np.maximum(half_disc(), 0.12).astype(np.float32)
    assert share_outside(find_breast(pixels).mask, truth_of(half_disc())) < 0.03


def test_a_large_picture_is_reduced_first() -> None:
    pixels = np.kron(half_disc(), np.ones((4, 4), np.float32))
    outline = find_breast(pixels)
    assert (outline.factor, outline.mask.shape) == (4, (256, 200))
    assert share_outside(outline.mask, truth_of(half_disc())) < 0.02


@pytest.mark.parametrize("on_left", [True, False])
def test_the_chest_wall_is_where_the_outline_is_flat(on_left: bool) -> None:
    side, certainty = chest_wall_side(truth_of(half_disc(chest_on_left=on_left)))
    assert side is on_left
    assert certainty > 0.5


def test_a_rotated_picture_is_noticed() -> None:
    assert any("rotated" in w for w in find_breast(np.ascontiguousarray(half_disc().T)).warnings)


def test_otsu_separates_two_levels() -> None:
    values = np.repeat([0.1, 0.9], 500)
    assert 0.1 < otsu(values) < 0.9


@pytest.mark.real
def test_the_side_found_in_real_screening_images_is_the_labelled_one(data_root: Path) -> None:
    with (data_root / "rsna_512" / "metadata.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))[::40]
    wrong = [
        row["file_name"]
        for row in rows
        if find_breast(decode(data_root / "rsna_512" / "images" / row["file_name"]).pixels).chest_on_left
        != (row["image_side"] == "L")
    ]
    assert len(rows) >= 59
    assert wrong == []


@pytest.mark.real
def test_the_side_found_in_films_is_the_one_they_were_hung_by(data_root: Path) -> None:
    with (data_root / "mini_mias" / "labels.csv").open(newline="") as stream:
        hung = {row["name"]: row["laterality"] for row in csv.DictReader(stream)}
    films = sorted(hung)[::6]
    outlines = [find_breast(decode(data_root / "mini_mias" / "images" / f"{name}.jpg").pixels) for name in films]
    wrong = [f for f, o in zip(films, outlines, strict=True) if o.chest_on_left != (hung[f] == "L")]
    assert len(wrong) <= 1  # 2 of all 232 films are cut alike on both sides
    assert all(0.03 < o.mask.mean() < 0.97 for o in outlines)
