"""Batches of pairs: sections of the same report, sentences in another order, a masked text beside each pair."""

import numpy as np

from mammoscribe.training.text.batches import MakePair, MaskText, collate_pairs
from mammoscribe.training.text.masking import Masking
from mammoscribe.training.text.texts import SectionPair, prepared_texts, text_key
from tests.training.text.lab import one_section, prepared
from tests.training.text.made import BREAST, CLS, DOT, IN, MASK, MASS, SEP, A, pieces

PAIR = SectionPair("A mass in a breast. In a breast.", "Mass.")


def test_sections_are_framed_and_keyed(tmp_path):
    item = MakePair(pieces(tmp_path))(PAIR, np.random.default_rng(0))
    assert item.findings.tolist() == [CLS, A, MASS, IN, A, BREAST, DOT, IN, A, BREAST, DOT, SEP]
    assert item.impression.tolist() == [CLS, MASS, DOT, SEP] and item.text is None
    assert (item.findings_key, item.impression_key) == (text_key(PAIR.findings), text_key(PAIR.impression))


def test_shuffled_sentences_stay_whole_and_keep_the_key_of_the_text(tmp_path):
    make = MakePair(pieces(tmp_path), shuffled=True)
    items = [make(PAIR, np.random.default_rng(seed)) for seed in range(12)]
    orders = {tuple(item.findings.tolist()) for item in items}
    straight = (CLS, A, MASS, IN, A, BREAST, DOT, IN, A, BREAST, DOT, SEP)
    assert orders == {straight, (CLS, IN, A, BREAST, DOT, A, MASS, IN, A, BREAST, DOT, SEP)}
    assert {item.findings_key for item in items} == {text_key(PAIR.findings)}


def test_a_section_that_is_too_long_is_cut_at_its_end(tmp_path):
    item = MakePair(pieces(tmp_path, 6))(PAIR, np.random.default_rng(0))
    assert item.findings.tolist() == [CLS, A, MASS, IN, A, SEP]


def test_a_masked_text_of_any_record_is_drawn_beside_each_pair(tmp_path):
    texts = prepared_texts(prepared([one_section(n) for n in range(6)], tmp_path, ("train",)), "train")
    found = pieces(tmp_path)
    make = MakePair(found, texts=texts, mask=MaskText(found, Masking(0.99, masked=1.0, random=0.0)))
    items = [make(PAIR, np.random.default_rng(seed)) for seed in range(5)]
    assert all(item.text is not None and (item.text.shown == MASK).any() for item in items)
    batch = collate_pairs(items, found, "name")
    assert batch.texts is not None and batch.texts.ids.shape[0] == 5 and batch.texts.dataset == batch.dataset == "name"
    assert batch.findings_key.tolist() == [text_key(PAIR.findings)] * 5
    again = make(PAIR, np.random.default_rng(3))
    assert np.array_equal(again.text.labels, items[3].text.labels)
