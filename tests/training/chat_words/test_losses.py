"""The losses and figures of a projector that is taught words, against what is written out here."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mammoscribe.training.chat.export import CHAT
from mammoscribe.training.chat_words.losses import WORDS, WordsFound, summary, word_counts, word_loss
from mammoscribe.training.chat_words.vocabulary import GROUPS, SOFTNESS, Vocabulary, Weights

WIDTH = 6


def vocabulary(share=0.5, width=WIDTH):
    rng = np.random.default_rng(0)
    words = {g: torch.from_numpy(rng.normal(size=(len(w), width)).astype(np.float32)) for g, w in GROUPS.items()}
    weights = Weights(torch.tensor([3.0, 2.0, 5.0, 1.0, 1.0, 1.5]), torch.arange(1.0, 1 + len(GROUPS)))
    return Vocabulary(words, torch.full((width,), 0.5), 2.0, weights, share)


def labels(**by_group):
    """[1, 2, G] of one view of two tokens."""
    return torch.stack([torch.tensor(by_group.get(group, (-1, -1))) for group in GROUPS], dim=1)[None].to(torch.int8)


def test_what_labels_mean_is_the_row_of_the_kind_with_a_share_of_each_other_row():
    own = vocabulary()
    meant = own.meant(labels(kind=(0, 4), shape=(1, -1)).long())[0]
    assert torch.allclose(meant[0], 0.5 + own.words_kind[0] + 0.5 * own.words_shape[1])
    assert torch.allclose(meant[1], 0.5 + own.words_kind[4])
    assert own.distances(meant[None], labels(kind=(0, 4), shape=(1, -1)).long()).abs().max() < 1e-6
    away = own.distances(meant[None] + 2.0, labels(kind=(0, 4), shape=(1, -1)).long())
    assert torch.allclose(away, torch.full((1, 2), 2.0**2 * WIDTH / 2.0**2))  # in squared lengths of a row


def test_of_what_labels_mean_each_word_is_found_again_with_its_share():
    own = vocabulary(width=64)
    meant = own.meant(labels(kind=(0, 4), shape=(1, -1)).long())
    scores = {group: own.scores(meant)[group][0] for group in GROUPS}
    assert torch.allclose(scores["kind"], torch.eye(6)[[0, 4]], atol=1e-4)
    assert torch.allclose(scores["shape"][0], 0.5 * torch.eye(len(GROUPS["shape"]))[1], atol=1e-4)
    assert scores["shape"][1].abs().max() < 1e-4 and scores["tissue"].abs().max() < 1e-4


def test_tokens_are_counted_by_how_rare_their_kind_is_and_those_without_one_not_at_all():
    rows = {"words": torch.cat([labels(kind=(0, 4)), labels(kind=(-1, 2), tissue=(2, 2))])}
    counts = word_counts({WORDS: vocabulary()}, {"a": rows, "b": rows})
    assert counts["distance"] == 2 * (3.0 + 1.0 + 5.0)


def test_other_words_than_the_kind_are_counted_by_how_rarely_their_group_is_labelled():
    rows = {"words": torch.cat([labels(kind=(0, 4)), labels(kind=(0, 2), tissue=(2, 2), shape=(1, -1))])}
    counts = word_counts({WORDS: vocabulary()}, {"a": rows, "b": rows})
    groups = list(GROUPS)
    assert counts["choice"] == 2 * (2 * (1 + groups.index("tissue")) + (1 + groups.index("shape")))


class Handed(torch.nn.Module):
    def forward(self, tokens):
        return SimpleNamespace(last_hidden_state=tokens * 3)


def lost_on(own, words):
    """Losses of one view of two tokens that are 3 everywhere."""
    inner = torch.nn.Module()
    inner.vision_tower, inner.multi_modal_projector = Handed(), torch.nn.Identity()
    chat = torch.nn.Module()
    chat.model = inner
    rows = {"words": words, "tokens": torch.ones(1, 2, WIDTH), "dataset": torch.zeros(1)}
    return {name: float(loss) for name, loss in word_loss({CHAT: chat, WORDS: own}, {"a": rows}).items()}


def test_the_distance_is_that_of_projected_tokens_weighted_by_their_kind():
    own = vocabulary()
    lost = lost_on(own, labels(kind=(-1, 2)))
    assert lost["distance"] == pytest.approx(5.0 * float((3.0 - 0.5 - own.words_kind[2]).square().sum()) / 4, rel=1e-5)
    assert lost["choice"] == 0.0


def test_the_choice_is_the_cross_entropy_of_which_word_beside_the_kind_a_token_is_nearest_to():
    own = vocabulary()
    lost = lost_on(own, labels(kind=(1, 0), shape=(2, -1), margin=(0, -1)))["choice"]
    expected = 0.0
    for group, word in (("shape", 2), ("margin", 0)):
        rows = getattr(own, f"words_{group}").numpy().astype(float)
        apart = ((3.0 - 0.5 - own.words_kind[1].numpy().astype(float) - 0.5 * rows) ** 2).sum(axis=1)
        likely = np.exp(-(apart - apart.min()) / (2.0**2 * SOFTNESS))
        expected -= (1 + list(GROUPS).index(group)) * np.log(likely[word] / likely.sum())
    assert lost == pytest.approx(expected, rel=1e-4)


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
