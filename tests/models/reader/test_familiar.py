"""Images unlike a population: further views of it pass the limit rarely, other images do, and a report says so."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import ndimage

from mammoscribe.imaging.picture import Picture
from mammoscribe.models.reader.card import read_card, write_card
from mammoscribe.models.reader.familiar import Familiar, fit_familiar, view_features
from mammoscribe.models.reader.loading import load_reader
from mammoscribe.reading import prepare, read_exam
from mammoscribe.support.errors import InputError, InvalidNoun
from tests.cli.tiny_reader import write_tiny_reader
from tests.evaluation.faithfulness.made import subject


def test_of_further_views_of_the_population_one_in_a_hundred_passes_the_limit():
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(20):
        mixed = rng.normal(0, 1, (5, 30))  # features that hang together, as those of a network do
        drawn = rng.normal(3, 2, (1200, 5)) @ mixed + rng.normal(0, 0.5, (1200, 30))
        found = fit_familiar(drawn[:200], [f"p{i // 2}" for i in range(200)], "made")
        shares.append(np.mean([found.distance(v) > found.limit for v in drawn[200:]]))
    assert 0.002 < np.mean(shares) < 0.02
    far = drawn[200:] + 8 * drawn.std(axis=0) * np.sign(rng.normal(size=30))
    assert np.mean([found.distance(v) > found.limit for v in far]) == 1.0
    assert (found.num_views, found.population) == (200, "made")


def test_a_feature_that_never_varies_cannot_decide_alone():
    views = np.random.default_rng(1).normal(0, 1, (60, 20))
    views[:, 0] = 0.5
    found = fit_familiar(views, [str(i) for i in range(60)], "made")
    moved = views[0].copy()
    moved[0] = 1e6
    assert np.isfinite(found.distance(moved)) and found.distance(moved) < 3


def test_features_of_another_network_and_numbers_that_cannot_be_are_refused():
    sound = Familiar("made", 20, (0.0, 1.0), (1.0, 1.0), 2.0)
    with pytest.raises(InvalidNoun, match="features"):
        sound.distance(np.zeros(3))
    for wrong in (
        {"mean": (0.0,)},
        {"spread": (0.0, 1.0)},
        {"limit": float("nan")},
        {"num_views": 0},
        {"population": ""},
    ):
        with pytest.raises(InvalidNoun):
            replace(sound, **wrong)


def test_features_are_of_the_tissue_and_not_of_the_margin_around_it():
    torch.manual_seed(0)
    images, maps = torch.zeros(1, 1, 64, 64), torch.rand(1, 6, 8, 8)
    images[:, :, :, :32] = 0.2 + 0.5 * torch.rand(1, 1, 64, 32)
    wider = torch.zeros(1, 1, 64, 128)
    wider[..., :64] = images
    margin = torch.cat((maps, torch.full((1, 6, 8, 8), 50.0)), dim=3)
    assert view_features(margin, wider)[0] == pytest.approx(view_features(maps, images)[0], rel=1e-5)
    assert view_features(maps, images).shape == (1, 2 * 6 + 10)


# --- a reader -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tiny reader whose card knows the drawn half-discs of twelve exams."""
    place = write_tiny_reader(tmp_path_factory.mktemp("tiny"))
    reader, looks, patients = load_reader(str(place)), [], []
    for number in range(12):
        one = subject(number, "R" if number % 2 else "")
        own = reader.see(one.exam, prepare(one.exam, reader, one.decode, images=False).canvases).looks
        looks += own.values()
        patients += [one.patient] * len(own)
    known = fit_familiar(np.stack(looks), patients, "all exams of a made site")
    write_card(replace(reader.card, real=replace(reader.card.real, familiar=known)), place / "card.json")
    return place


def warnings(folder, number: int, change) -> list[str]:
    one = subject(number, "R")
    reading = read_exam(
        one.exam, load_reader(str(folder)), None, lambda v: Picture(change(one.decode(v).pixels)), images=False
    )
    return [w for w in reading.report.warnings if "unlike" in w]


def inverted(pixels):
    return np.where(pixels > 0.2, 0.9 - pixels, pixels).astype(np.float32)


def noise(pixels):
    return np.where(pixels > 0.2, np.random.default_rng(5).random(pixels.shape), 0).astype(np.float32)


def photograph(pixels):
    """Shapes of all sizes with sharp edges, as in a picture of a room."""
    rng, out = np.random.default_rng(6), np.zeros_like(pixels)
    for size in (60, 40, 25, 12, 6):
        for _ in range(12):
            y, x = rng.integers(0, pixels.shape[0]), rng.integers(0, pixels.shape[1])
            out[y : y + size, x : x + size] = rng.random()
    return np.where(pixels > 0.2, np.maximum(out, 0.05), 0).astype(np.float32)


@pytest.mark.parametrize(
    "change",
    [noise, photograph, lambda p: np.where(p > 0.2, ndimage.gaussian_filter(noise(p), 3), 0).astype(np.float32)],
)
def test_a_report_warns_of_an_image_that_is_unlike_its_population(folder, change):
    found = warnings(folder, 30, change)
    assert found and "all exams of a made site, 48 views" in found[0]


def test_an_exam_of_the_population_gives_no_such_warning(folder):
    assert sum(bool(warnings(folder, n, lambda p: p)) for n in range(30, 36)) <= 1


def test_an_inverted_exam_is_unlike(folder):
    assert warnings(folder, 31, inverted)


def test_a_reader_that_does_not_know_its_population_calls_nothing_unlike(tmp_path):
    assert warnings(write_tiny_reader(tmp_path), 30, noise) == []


def test_a_damaged_card_is_one_sentence(folder, tmp_path):
    text = (folder / "card.json").read_text()
    (tmp_path / "card.json").write_text(text.replace('"limit": ', '"limit": -'))
    with pytest.raises(InputError, match="familiar views"):
        read_card(tmp_path / "card.json")
    assert read_card(folder / "card.json").real.familiar is not None
