import numpy as np

from mammoscribe.phantom.letters import turned, word_cover


def test_a_word_has_the_height_asked_for_and_is_lead_where_its_strokes_are():
    cover = word_cover("LMLO", 63)
    assert cover.shape[0] == 81  # seven dots of nine pixels, and a dot above and below
    assert 0.15 < cover.mean() < 0.5
    assert cover.min() == 0 and cover.max() == 1


def test_letters_can_be_told_apart():
    assert len({word_cover(c, 70).tobytes() for c in "RLCMO"}) == 5


def test_a_mirrored_and_turned_word_is_the_same_word():
    word = word_cover("R", 70)
    assert np.array_equal(turned(word, 0, mirrored=True), word[:, ::-1])
    assert np.array_equal(turned(word, 90, mirrored=False), np.rot90(word))
    oblique = turned(word, 30, mirrored=False)
    assert oblique.sum() == np.float32(word.sum()) or abs(oblique.sum() / word.sum() - 1) < 0.05
