"""Masked tokens: the shares, which positions can be chosen, whole words, and nothing asked of padding."""

import numpy as np
import pytest

from mammoscribe.support.errors import InvalidNoun
from mammoscribe.training.text.batches import MaskedText, MaskText, collate_texts
from mammoscribe.training.text.masking import IGNORED, Masking, with_masks
from tests.training.text.made import BREAST, CLS, DOT, ES, IN, IVE, MASK, MASS, SEP, A, pieces

WORDS = [A, MASS, IN, BREAST, DOT]


def drawn(found, masking, ids, times=400):
    for seed in range(times):
        yield with_masks(ids, found, masking, np.random.default_rng(seed))


def test_fifteen_in_a_hundred_are_asked_for_of_which_eighty_ten_ten(tmp_path):
    found = pieces(tmp_path)
    ids = np.array([CLS, *WORDS * 200, SEP])
    shown, labels = (np.array(part) for part in zip(*drawn(found, Masking(), ids, 60), strict=True))
    asked = labels != IGNORED
    whole = np.broadcast_to(ids, shown.shape)
    masked, kept = shown[asked] == MASK, shown[asked] == whole[asked]
    assert asked.mean() == pytest.approx(0.15, abs=0.004)
    assert masked.mean() == pytest.approx(0.8, abs=0.01)
    # a random piece may be the true one: one of ten pieces
    assert kept.mean() == pytest.approx(0.1 + 0.1 / 10, abs=0.01)
    assert np.array_equal(shown[~asked], whole[~asked])
    assert np.array_equal(labels[asked], whole[asked])


def test_special_tokens_are_never_asked_for_and_never_put_in(tmp_path):
    found = pieces(tmp_path)
    ids = np.array([CLS, A, 1, MASS, SEP])
    put_in = set()
    for shown, labels in drawn(found, Masking(share=0.9, masked=0.0, random=1.0), ids):
        assert (labels[[0, 2, 4]] == IGNORED).all() and shown[[0, 2, 4]].tolist() == [CLS, 1, SEP]
        put_in |= set(shown[[1, 3]].tolist())
    assert put_in == set(range(5, 15))


def test_each_time_others_are_masked_and_the_same_generator_gives_the_same(tmp_path):
    found, ids = pieces(tmp_path), np.array([CLS, *WORDS * 8, SEP])
    first, second = (with_masks(ids, found, Masking(), np.random.default_rng(seed))[1] for seed in (1, 2))
    assert not np.array_equal(first, second)
    assert np.array_equal(first, with_masks(ids, found, Masking(), np.random.default_rng(1))[1])


def test_pieces_of_one_word_are_masked_together_when_asked_for(tmp_path):
    found = pieces(tmp_path)
    ids = np.array([CLS, A, MASS, ES, IVE, IN, MASS, ES, SEP])
    together = apart = 0
    for masking in (Masking(0.5, whole_words=True), Masking(0.5)):
        for _, labels in drawn(found, masking, ids):
            asked = labels != IGNORED
            split = asked[2:5].any() != asked[2:5].all() or asked[6] != asked[7]
            if masking.whole_words:
                assert not split
                together += int(asked[2])
            else:
                apart += int(split)
    assert 150 < together < 250 and apart > 100


def test_padding_is_not_asked_for_and_not_attended_to(tmp_path):
    found = pieces(tmp_path)
    items = [MaskedText(np.array([CLS, MASK, SEP]), np.array([IGNORED, A, IGNORED]))]
    items.append(MaskedText(np.array([CLS, SEP]), np.array([IGNORED, IGNORED])))
    batch = collate_texts(items, found, "x")
    assert batch.labels.tolist() == [[IGNORED, A, IGNORED], [IGNORED] * 3]
    assert batch.mask.tolist() == [[1, 1, 1], [1, 1, 0]] and batch.dataset == "x"


def test_a_text_is_framed_cut_and_masked(tmp_path):
    make = MaskText(pieces(tmp_path, 6), Masking(share=0.99, masked=1.0, random=0.0))
    item = make("a mass in a breast . a mass", np.random.default_rng(0))
    assert len(item.shown) == 6 and item.shown[0] == CLS and item.shown[-1] == SEP
    assert (item.shown[1:-1] == MASK).all() and (item.labels[1:-1] >= 5).all()


@pytest.mark.parametrize("wrong", [{"share": 0.0}, {"share": 1.0}, {"masked": 0.9, "random": 0.2}, {"random": -0.1}])
def test_shares_that_are_none_are_refused(wrong):
    with pytest.raises(InvalidNoun):
        Masking(**wrong)
