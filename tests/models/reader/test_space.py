"""The shipped reader as a joint space: a mammogram's canvas, its patches, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mammoscribe.domain.exam import Exam
from mammoscribe.domain.view import Box, Origin
from mammoscribe.explain.grounding import ground
from mammoscribe.imaging.joint_prepare import prepare_whole
from mammoscribe.models.reader.card import write_card
from mammoscribe.models.reader.reader import Canvases
from mammoscribe.models.reader.space import load_starter_space
from mammoscribe.models.weights_file import save_weights
from mammoscribe.support.errors import InputError
from tests.models.tiny_space import mammogram, tiny_space


@pytest.fixture(scope="module")
def space():
    return tiny_space()


@pytest.fixture
def path(tmp_path):
    return mammogram(tmp_path / "L_CC.png")


def test_the_breast_starts_at_the_first_row_and_finds_its_way_back(space, path):
    image = space.prepare(path)
    assert image.prepared.mask[0].any() and image.pixels.shape == (96, 64)
    x, y = image.placement.to_canvas_point(57.0, 107.0)
    assert image.seen.contains(x, y)
    assert image.placement.to_stored_point(x, y) == pytest.approx((57.0, 107.0))
    row, column = np.unravel_index(int(image.pixels.argmax()), image.pixels.shape)
    assert abs(row + 0.5 - y) < 5 and abs(column + 0.5 - x) < 5  # the bright spot is where the placement says


def test_patches_lie_on_the_grid_of_the_whole_canvas(space, path):
    images = space.embed_images([space.prepare(path)])
    assert images.patches.shape == (1, 16, 12, 8)
    assert images.whole.shape == (1, 16) and images.pooled.shape == (1, 16)
    assert float(images.patches[0, :, -1, -1].abs().max()) == 0.0  # air


def test_an_image_alone_is_what_it_is_in_company(space, path, tmp_path):
    first, second = space.prepare(path), space.prepare(mammogram(tmp_path / "R_MLO.png", seed=3))
    both, alone = space.embed_images([first, second]), space.embed_images([first])
    torch.testing.assert_close(both.whole[:1], alone.whole)
    assert not torch.allclose(both.whole[0], both.whole[1])


def test_a_prior_of_the_same_view_changes_the_image_and_another_view_is_refused(space, path, tmp_path):
    now, before = space.prepare(path), space.prepare(mammogram(tmp_path / "left_cc.png", seed=5))
    assert not torch.allclose(space.embed_images([now], [before]).whole, space.embed_images([now]).whole)
    other = space.prepare(mammogram(tmp_path / "L_MLO.png"))
    with pytest.raises(InputError, match="the prior of"):
        space.embed_images([now], [other])


def test_a_file_that_does_not_say_its_view_is_named_by_the_user(tmp_path):
    path = mammogram(tmp_path / "film.png")
    with pytest.raises(InputError, match="nothing says which view"):
        tiny_space().prepare(path)
    named = tiny_space(**{"film.png": "LCC"})
    assert named.prepare(path).prepared.view.name == "L CC"


def test_a_picture_prepared_for_another_model_is_refused(space, path):
    with pytest.raises(InputError, match="one prepared by this model"):
        space.embed_images([prepare_whole(path, 64)])


def test_a_phrase_is_grounded_in_stored_pixels(space, path):
    found = ground(space, space.prepare(path), "spiculated mass")
    assert found.heat.shape == (240, 200)
    assert np.isfinite(found.heat[107, 57]) and -1 <= found.similarity <= 1
    assert found.best is None or found.best.clipped(200, 240) == found.best
    assert isinstance(found.best, Box | None)


@pytest.fixture
def moved():
    """A space whose film statistics differ from those of phantoms."""
    space = tiny_space(norm="batch")
    for value in space.reader.films.buffers():
        value.add_(0.5)
    return space


def test_phantoms_and_films_are_embedded_with_their_own_statistics(moved, path):
    image = moved.prepare(path)
    assert image.prepared.view.origin is Origin.ACQUIRED
    drawn = replace(image.prepared, view=replace(image.prepared.view, origin=Origin.SYNTHETIC))
    film, phantom = moved.embed_images([image]), moved.embed_images([replace(image, prepared=drawn)])
    assert not torch.allclose(film.whole, phantom.whole)


def test_phantoms_and_films_are_read_with_their_own_statistics(moved, path):
    prepared = moved.prepare(path).prepared
    exams = [Exam("e", (replace(prepared.view, origin=origin),)) for origin in Origin]
    canvases = Canvases({prepared.view.id: prepared}, {}, {})
    film, phantom = (moved.reader.see(exam, canvases).breasts.malignant for exam in exams)
    assert not torch.allclose(film, phantom)
    assert torch.equal(phantom, moved.reader.see(exams[1], canvases).breasts.malignant)


def saved(space, folder):
    digest = save_weights(space.reader.parts, folder / "weights.safetensors")
    write_card(replace(space.reader.card, weights_sha256=digest), folder / "card.json")
    return folder


def test_a_saved_space_is_read_back_as_it_was(space, path, tmp_path):
    again = load_starter_space(str(saved(space, tmp_path)))
    phrases = ["spiculated mass", "no calcifications"]
    torch.testing.assert_close(
        again.embed_texts(phrases), space.embed_texts(phrases), atol=2e-2, rtol=0
    )  # fp16 on disk
    one, other = (s.embed_images([s.prepare(path)]).whole for s in (again, space))
    assert float(torch.cosine_similarity(one, other)) > 0.99


def test_a_card_that_names_a_text_side_its_weights_do_not_hold_is_refused(space, tmp_path):
    without = replace(space.reader, head=None, phrases=None)
    with pytest.raises(InputError, match="does not fit the joint network"):
        load_starter_space(str(saved(replace(space, reader=without), tmp_path)))


def test_a_reader_without_a_text_side_is_refused(space, tmp_path):
    card = replace(space.reader.card, phrases=None)
    without = replace(space.reader, head=None, phrases=None, card=card)
    with pytest.raises(InputError, match="no text side"):
        load_starter_space(str(saved(replace(space, reader=without), tmp_path)))
