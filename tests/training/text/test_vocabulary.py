"""A vocabulary of the published layout: the same each time, special ids first, every character spelled, no text a mark."""

from pathlib import Path

import pytest

from mammoscribe.support.errors import InputError
from mammoscribe.training.text.vocabulary import SPECIAL, train_vocabulary, vocabulary_file

TEXTS = [
    "The mass in the left breast is Máss-like.",
    "No masses; the breasts are dense.",
    "Left mass, left masses.",
] * 3


def tokenizer_of(pieces, folder: Path):
    from transformers import BertTokenizer

    (folder / "vocab.txt").write_bytes(vocabulary_file(pieces))
    return BertTokenizer.from_pretrained(str(folder), local_files_only=True)


def test_special_tokens_have_the_published_ids_and_every_piece_comes_once():
    pieces = train_vocabulary(TEXTS, 80)
    assert pieces[:5] == ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]") == SPECIAL
    assert len(set(pieces)) == len(pieces) <= 80


def test_the_same_texts_give_the_same_vocabulary_in_the_same_order():
    assert len({train_vocabulary(TEXTS, 80) for _ in range(5)}) == 1


def test_frequent_words_are_one_piece_and_rare_ones_are_spelled(tmp_path):
    tokenizer = tokenizer_of(train_vocabulary(TEXTS, 120), tmp_path)
    assert tokenizer.tokenize("Left MASS") == ["left", "mass"]
    assert tokenizer.tokenize("máss") == ["mass"]
    spelled = tokenizer.tokenize("sassemble")
    assert len(spelled) > 2 and "[UNK]" not in spelled
    assert tokenizer.tokenize("xyz") == ["[UNK]"]  # no x was in the texts


def test_a_piece_has_to_be_seen_twice():
    assert "zq" not in train_vocabulary(["zq ab ab"], 60)
    assert "ab" in train_vocabulary(["zq ab ab"], 60)


def test_a_size_below_the_characters_is_one_sentence():
    with pytest.raises(InputError, match=r"a vocabulary of 12 pieces; expected at least \d\d"):
        train_vocabulary(TEXTS, 12)


def test_of_too_many_characters_the_rarest_are_left_out(monkeypatch):
    from mammoscribe.training.text import vocabulary

    monkeypatch.setattr(vocabulary, "LETTERS", 2)
    pieces = train_vocabulary(["aaa aaa bbb bbb c"], 60)
    assert "a" in pieces and "##b" in pieces and "c" not in pieces


def test_characters_of_any_script_are_pieces(tmp_path):
    tokenizer = tokenizer_of(train_vocabulary(["nódulo ñ 結節 µm", "nódulo"], 60), tmp_path)
    assert "[UNK]" not in tokenizer.tokenize("nodulo 結 µ")
