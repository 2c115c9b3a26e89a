"""The losses and figures of a projector that is taught words, against what is written out here."""

import math

import numpy as np
import pytest
import torch

from mammoscribe.training.chat_words.losses import WORDS, WordsFound, summary, word_counts
from mammoscribe.training.chat_words.vocabulary import GROUPS, SHARPNESS, Vocabulary

WIDTH = 6


def vocabulary():
    rng = np.random.default_rng(0)
    words = {g: torch.from_numpy(rng.normal(size=(len(w), WIDTH)).astype(np.float32)) for g, w in GROUPS.items()}
    words = {g: w / w.norm(dim=1, keepdim=True) for g, w in words.items()}
    return Vocabulary(words, torch.full((WIDTH,), 0.5), 2.0, torch.tensor([3.0, 2.0, 5.0, 1.0, 1.0, 1.5]))


def test_a_token_as_long_as_a_word_that_points_at_one_has_its_logit_and_length():
    own = vocabulary()
    token = own.words_kind[2] * 2.0 + 0.5
    logits = own.logits(token[None, None])["kind"][0, 0]
    assert logits.argmax() == 2 and float(logits[2]) == pytest.approx(SHARPNESS, rel=1e-5)
    assert float(own.lengths(token[None, None])) == pytest.approx(1.0)
    assert float(own.lengths(torch.zeros(1, 1, WIDTH))) == pytest.approx(0.5 * math.sqrt(WIDTH) / 2)


def test_labels_are_counted_by_group_and_kinds_by_how_rare_they_are():
    words = torch.full((1, 3, len(GROUPS)), -1, dtype=torch.int8)
    words[0, :, 0] = torch.tensor([0, 4, -1])
    words[0, 1, 1] = 2
    counts = word_counts({WORDS: vocabulary()}, {"a": {"words": words}, "b": {"words": words}})
    assert counts["kind"] == 2 * (3.0 + 1.0) and counts["tissue"] == 2 and counts["shape"] == 0
    assert counts["length"] == 6


def found(dataset, scores, shows, right, known, each):
    groups = len(GROUPS)
    pad = lambda values: np.array([*values, *[0] * (groups - len(values))])  # noqa: E731
    return WordsFound(
        dataset, np.array(scores), np.array(shows), pad(right), pad(known),
        {g: np.array(each) if n == 0 else np.zeros(len(w)) for n, (g, w) in enumerate(GROUPS.items())},
    )  # fmt: skip


def test_views_with_a_kind_are_told_from_those_of_the_same_dataset():
    nothing = [-1, -1, -1]
    apart = found(
        0,
        [[1.0, 0, 0, 0], [0.0, 0, 0, 0], [2.0, 0, 0, 0]],
        [[1, *nothing], [0, *nothing], [0, *nothing]],
        [3],
        [4],
        [1, 0, 0, 0, 3, 0],
    )
    # all of the second have the kind, so that it says nothing about telling it; against views of the first it would
    alike = found(1, [[9.0, 0, 0, 0]], [[1, *nothing]], [1], [1], [1, 0, 0, 0, 0, 0])
    figures = summary([apart, alike], ("phantom", "films"))
    assert figures["mass/auc"] == figures["auc"] == figures["phantom/mass/auc"] == 0.5
    assert "films/mass/auc" not in figures and "calcification/auc" not in figures
    assert figures["kind/accuracy"] == 4 / 5 and figures["kind/most_frequent"] == 3 / 5
    assert figures["films/kind/accuracy"] == 1.0 and "tissue/accuracy" not in figures
