"""Texts as ids: letters that look like marks stay letters, long texts are cut at words, rows are padded."""

import pickle

import numpy as np
import pytest
import torch

from mammoscribe.support.errors import InputError
from tests.training.text.made import BREAST, CLS, ES, IN, IVE, MASS, SEP, A, pieces


def test_marks_that_a_text_spells_are_letters(tmp_path):
    found = pieces(tmp_path)
    ids = found.ids("A mass [MASK] [SEP]")
    assert not found.special[ids[ids != 1]].any()
    assert ids[:4].tolist() == [A, MASS, 7, 9]


def test_which_ids_are_special_and_which_go_on_with_a_word(tmp_path):
    found = pieces(tmp_path)
    assert np.flatnonzero(found.special).tolist() == [0, 1, 2, 3, 4]
    assert np.flatnonzero(found.inside).tolist() == [ES, IVE]


def test_a_frame_is_cut_before_its_end(tmp_path):
    found = pieces(tmp_path, 5)
    assert found.framed(np.array([A, MASS, IN, A, BREAST])).tolist() == [CLS, A, MASS, IN, SEP]
    assert found.framed(np.zeros(0, np.int64)).tolist() == [CLS, SEP]


def test_a_window_begins_with_a_word_and_every_place_is_reached(tmp_path):
    found = pieces(tmp_path, 5)
    ids = np.array([A, MASS, ES, IVE, IN, A, BREAST, MASS, ES])
    starts = set()
    for seed in range(60):
        window = found.window(ids, np.random.default_rng(seed))
        assert len(window) == 3 and not found.inside[window[0]]
        starts.add(next(n for n in range(7) if np.array_equal(ids[n : n + 3], window)))
    assert starts == {0, 1, 4, 5, 6}
    short = ids[:3]
    assert found.window(short, np.random.default_rng(0)) is short


def test_a_text_that_begins_inside_a_word_gives_a_window_nevertheless(tmp_path):
    assert len(pieces(tmp_path, 4).window(np.array([ES] * 9), np.random.default_rng(0))) == 2


def test_windows_one_after_the_other_are_the_whole_text(tmp_path):
    ids = np.arange(5, 12)
    parts = pieces(tmp_path, 5).windows(ids)
    assert [len(p) for p in parts] == [3, 3, 1]
    assert np.concatenate(parts).tolist() == ids.tolist()
    assert pieces(tmp_path, 5).windows(np.zeros(0, np.int64)) == []


def test_rows_are_padded_to_the_longest(tmp_path):
    ids, mask = pieces(tmp_path).padded([np.array([CLS, A, SEP]), np.array([CLS, SEP])])
    assert ids.tolist() == [[CLS, A, SEP], [CLS, SEP, 0]]
    assert mask.tolist() == [[1, 1, 1], [1, 1, 0]] and ids.dtype == torch.long


def test_too_few_tokens_are_refused(tmp_path):
    with pytest.raises(InputError, match="max_tokens 3"):
        pieces(tmp_path, 3)


def test_pieces_go_to_worker_processes(tmp_path):
    found = pickle.loads(pickle.dumps(pieces(tmp_path)))
    assert found.ids("masses").tolist() == pieces(tmp_path).ids("masses").tolist()
