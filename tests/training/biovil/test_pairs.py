"""Pairs of prepared data: pictures from the front, a breast's views with its sentences, earlier pictures of the same view."""

from dataclasses import replace

import numpy as np
import pytest

from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.data.records import ListedImage
from mammoscribe.support.errors import InputError
from mammoscribe.training.biovil.batches import MakePair, Show, collate_pairs
from mammoscribe.training.biovil.pairs import Choice, ImagePairs
from mammoscribe.training.biovil.pixels import CHEST
from mammoscribe.training.text.batches import MaskText
from mammoscribe.training.text.masking import Masking
from tests.data.some_records import report, study
from tests.training.biovil.lab import breast_lab, breast_records, chest_lab, chest_picture, prepared
from tests.training.text.made import pieces


@pytest.fixture(scope="module")
def chest(tmp_path_factory):
    return chest_lab(tmp_path_factory.mktemp("chest"), 12)


@pytest.fixture(scope="module")
def breasts(tmp_path_factory):
    return breast_lab(tmp_path_factory.mktemp("breasts"), 3)


def pairs(folder, split=None, **choice) -> ImagePairs:
    return ImagePairs(PreparedDataset(folder, split), Choice(**choice))


def test_a_study_is_a_pair_of_its_picture_from_the_front(chest):
    found = pairs(chest)
    assert len(found) == 12 and found.mode == "published"
    assert all(pair.picture.path.endswith("pa.png") for pair in found)
    assert all(pair.text.text.startswith("There is an opacity in the") for pair in found)
    assert len(pairs(chest, frontal=False)) == 24


def test_an_earlier_picture_is_found_and_can_be_left_out(chest):
    found = pairs(chest)
    assert found.with_prior.tolist() == [pair.prior is not None for pair in found]
    assert {p.prior.path.replace("-before", "") == p.picture.path for p in found if p.prior is not None} == {True}
    assert int(found.with_prior.sum()) == 6
    assert not pairs(chest, priors=False).with_prior.any()
    assert all(pair.prior is None for pair in pairs(chest, priors=False))


def test_an_earlier_picture_is_of_the_same_view(breasts):
    found = pairs(breasts)
    with_prior = [pair for pair in found if pair.prior is not None]
    assert len(found) == 12 and len(with_prior) == 4
    for pair in with_prior:
        assert pair.prior.path.split("/")[1] == pair.picture.path.split("/")[1]


def test_both_views_of_a_breast_have_its_sentences(breasts):
    found = pairs(breasts)
    for pair in found:
        right = pair.picture.path.split("/")[1].startswith("R")
        assert ("oval mass" in pair.text.text) == right and ("calcifications" in pair.text.text) != right
        assert "BI-RADS" not in pair.text.text
    assert len({pair.text.key for pair in found}) == 4  # three right breasts, and the left ones, which say the same


def test_pairs_are_of_the_split_and_their_priors_of_all(chest):
    parts = [pairs(chest, split) for split in ("train", "val")]
    assert sum(map(len, parts)) == 12 and all(len(p) for p in parts)
    assert sum(int(p.with_prior.sum()) for p in parts) == 6
    some = parts[0].of(np.array([2, 0]))
    assert [p.picture.path for p in some] == [parts[0][2].picture.path, parts[0][0].picture.path]


def test_data_without_texts_are_refused_in_one_sentence(tmp_path):
    chest_picture(tmp_path / "files" / "a.png", (0, 0), 0)
    images = (ListedImage("a.png", "LATERAL"),)
    folder = prepared([study("a", "p", images=images, report=report())], tmp_path, "joint", ("train",))
    with pytest.raises(InputError, match="has no picture with a text"):
        pairs(folder)


def test_a_report_that_cannot_be_divided_between_breasts_is_not_given_to_both(tmp_path):
    records = breast_records(tmp_path, 1)
    spanish = [replace(r, report=None if r.report is None else replace(r.report, language="es")) for r in records]
    folder = prepared(spanish, tmp_path, "plain", ("train",))
    with pytest.raises(InputError, match="of mammograms in English"):
        pairs(folder)


def made(folder, tmp_path, numbers, **more):
    found, words = pairs(folder), pieces(tmp_path)
    make = MakePair(
        Show(found.mode, 64, more.get("variation")), more.get("shuffled", False), words, MaskText(words, Masking(share=0.5))
    )  # fmt: skip
    items = [make(found[n], np.random.default_rng((7, n))) for n in numbers]
    return items, collate_pairs(items, words, "x")


def test_a_batch_mixes_pairs_with_and_without_an_earlier_picture(chest, tmp_path):
    numbers = [int(np.flatnonzero(~pairs(chest).with_prior)[0]), *np.flatnonzero(pairs(chest).with_prior)[:2].tolist()]
    items, batch = made(chest, tmp_path, numbers)
    assert batch.has_prior.tolist() == [False, True, True]
    assert batch.images.shape == (3, 64, 64) and batch.previous.shape == (2, 64, 64)
    assert np.array_equal(batch.previous[1].numpy(), items[2].prior)
    alone = made(chest, tmp_path, numbers[:1])[1]
    assert len(alone.previous) == 0 and alone.images.shape == (1, 64, 64)


def test_words_are_pieces_and_nothing_special_or_padded(chest, tmp_path):
    _, batch = made(chest, tmp_path, range(4))
    special = {0, 1, 2, 3, 4}
    for ids, words, mask in zip(batch.ids.tolist(), batch.words.tolist(), batch.mask.tolist(), strict=True):
        assert any(words)
        assert all(not w or (m and i not in special) for i, w, m in zip(ids, words, mask, strict=True))
    assert ((batch.masked != batch.ids).any(dim=1) | (batch.labels != -100).any(dim=1)).any()


def test_an_item_depends_on_its_own_seed_only(chest, tmp_path):
    (one, two), _ = made(chest, tmp_path, [1, 2], variation=CHEST, shuffled=True)
    (again,), _ = made(chest, tmp_path, [2], variation=CHEST, shuffled=True)
    assert np.array_equal(two.image, again.image) and np.array_equal(two.masked, again.masked)
    assert not np.array_equal(one.image, two.image)


def test_a_picture_and_its_prior_are_varied_alike(chest, tmp_path):
    found = pairs(chest)
    number = int(np.flatnonzero(found.with_prior)[0])
    twin = type(found[number])(found[number].picture, found[number].picture, found[number].text)
    words = pieces(tmp_path)
    make = MakePair(Show(found.mode, 64, CHEST), False, words, MaskText(words, Masking()))
    item = make(twin, np.random.default_rng(0))
    assert np.array_equal(item.image, item.prior)


def test_sentences_come_in_other_orders_and_are_all_there(chest, tmp_path):
    found, words = pairs(chest)[0], pieces(tmp_path)
    make = MakePair(Show("published", 64, None), True, words, MaskText(words, Masking()))
    orders = {tuple(make(found, np.random.default_rng(seed)).ids.tolist()) for seed in range(12)}
    assert len(orders) > 1 and len({tuple(sorted(o)) for o in orders}) == 1
