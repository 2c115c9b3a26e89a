"""The losses against their formulas in plain numpy, and in two processes against one with the whole batch."""

import math

import numpy as np
import pytest
import torch
import torch.distributed as dist

from benchmarks.engine_processes import in_ranks
from mammoscribe.support.errors import InvalidNoun
from mammoscribe.training.biovil import losses as module
from mammoscribe.training.biovil.losses import Embedded, Temperatures, contrastive_sums, likeness
from mammoscribe.training.text.losses import masked_sum

PAIRS, PATCHES, TOKENS, DIM = 6, 7, 5, 4
KEYS = (1, 2, 3, 2, 5, 6)
"""The second and the fourth text are equal."""
HEAT = Temperatures(whole=0.4, attention=0.3, tokens=0.25, local=0.15)


def pairs(part: slice = slice(None), cut: int = TOKENS) -> Embedded:
    """Made-up places, each a function of its number; texts have 5, 4, 3, 5, 4, 3 words, pictures 7, 6, 5, 7, ... patches."""
    rng = np.random.default_rng(3)
    numbers = [rng.standard_normal(shape) for shape in (
        (PAIRS, DIM), (PAIRS, PATCHES, DIM), (PAIRS, DIM), (PAIRS, TOKENS, DIM),
    )]  # fmt: skip
    whole, patches, texts, tokens = (torch.from_numpy(n)[part].requires_grad_() for n in numbers)
    shown = torch.arange(PATCHES)[None] < (PATCHES - torch.arange(PAIRS) % 3)[:, None]
    words = torch.arange(TOKENS)[None] < (TOKENS - torch.arange(PAIRS) % 3)[:, None]
    return Embedded(whole, patches, shown[part], texts, tokens, words[part][:, :cut], torch.tensor(KEYS)[part])


def unit(values: torch.Tensor) -> np.ndarray:
    found = values.detach().numpy()
    return found / np.linalg.norm(found, axis=-1, keepdims=True)


def info_nce(scores: np.ndarray) -> float:
    """The sum over rows of -log of the share of the diagonal, in both directions; equal texts are left out."""
    total = 0.0
    for table in (scores, scores.T):
        for row in range(PAIRS):
            others = [k for k in range(PAIRS) if k == row or KEYS[k] != KEYS[row]]
            total += math.log(sum(math.exp(table[row, k]) for k in others)) - table[row, row]
    return total / 2


def alike(e: Embedded, picture: int, text: int) -> float:
    """GLoRIA's likeness of one picture and one text, word by word."""
    patches = [p for p, seen in zip(unit(e.patches)[picture], e.shown[picture], strict=True) if seen]
    total = 0.0
    for token, is_word in zip(unit(e.tokens)[text], e.words[text], strict=True):
        if not is_word:
            continue
        looks = [math.exp(float(p @ token) / HEAT.attention) for p in patches]
        context = sum(weight / sum(looks) * p for weight, p in zip(looks, patches, strict=True))
        total += math.exp(float(context @ token) / np.linalg.norm(context) / HEAT.tokens)
    return HEAT.tokens * math.log(total)


def written_out(e: Embedded) -> dict[str, float]:
    cosines = unit(e.whole) @ unit(e.texts).T
    local = np.array([[alike(e, i, k) for k in range(PAIRS)] for i in range(PAIRS)])
    return {"whole": info_nce(cosines / HEAT.whole), "local": info_nce(local / HEAT.local)}


def test_both_contrastive_losses_are_the_ones_that_loops_give():
    found, expected = contrastive_sums(pairs(), HEAT), written_out(pairs())
    assert found.keys() == expected.keys()
    for name, value in found.items():
        assert float(value.detach()) == pytest.approx(expected[name], abs=1e-6), name
        assert expected[name] > 1


def test_a_loss_in_groups_of_texts_has_the_same_value_and_gradient(monkeypatch):
    whole = pairs()
    contrastive_sums(whole, HEAT)["local"].backward()
    monkeypatch.setattr(module, "AT_ONCE", 2 * PAIRS * PATCHES * TOKENS)
    parts = pairs()
    loss = contrastive_sums(parts, HEAT)["local"]
    loss.backward()
    assert float(loss.detach()) == pytest.approx(written_out(parts)["local"], abs=1e-6)
    torch.testing.assert_close(parts.tokens.grad, whole.tokens.grad)
    torch.testing.assert_close(parts.patches.grad, whole.patches.grad)


def test_padding_and_air_change_nothing_and_get_no_gradient():
    one, other = pairs(), pairs()
    with torch.no_grad():
        other.patches[~other.shown] = 9.0
        other.tokens[~other.words] = -9.0
    sums = [contrastive_sums(e, HEAT)["local"] for e in (one, other)]
    assert float(sums[0].detach()) == pytest.approx(float(sums[1].detach()), abs=1e-9)
    sums[1].backward()
    assert not other.patches.grad[~other.shown].any() and not other.tokens.grad[~other.words].any()
    assert other.patches.grad[other.shown].any() and other.tokens.grad[other.words].any()


def test_a_patch_that_shows_something_does_change_it():
    one, other = pairs(), pairs()
    with torch.no_grad():
        other.patches[0, 0] *= -1
    sums = [float(contrastive_sums(e, HEAT)["local"].detach()) for e in (one, other)]
    assert abs(sums[0] - sums[1]) > 1e-3


def test_a_text_is_most_like_the_picture_that_has_its_words():
    patches = torch.eye(4)[None].repeat(2, 1, 1)
    shown = torch.tensor([[True, True, False, False], [False, False, True, True]])
    tokens, words = torch.eye(4)[:2][None], torch.ones(1, 2, dtype=torch.bool)
    found = likeness(patches, shown, tokens, words, HEAT)
    assert float(found[0, 0]) > float(found[1, 0]) + 0.5


def test_masked_tokens_cost_their_cross_entropy():
    rng = np.random.default_rng(0)
    logits, labels = rng.standard_normal((3, 8)), torch.full((2, 4), -100)
    labels[0, 1], labels[0, 3], labels[1, 0] = 2, 5, 7
    expected = sum(math.log(sum(math.exp(v) for v in row)) - row[k] for row, k in zip(logits, (2, 5, 7), strict=True))
    assert float(masked_sum(torch.from_numpy(logits), labels)) == pytest.approx(expected, abs=1e-6)


def _share(rank: int) -> dict[str, np.ndarray]:
    """Two pairs are the first process's, four the second's; the first one's longest text is shorter than that of all."""
    e = pairs(slice(0, 2)) if rank == 0 else pairs(slice(2, 6))
    sums = contrastive_sums(e, HEAT)
    (sums["whole"] + 2 * sums["local"]).backward()
    grads = {name: getattr(e, name).grad.numpy() for name in ("whole", "patches", "texts", "tokens")}
    return {"loss": np.array([float(v.detach()) for v in sums.values()]), **grads}


def _with_group(function):
    dist.init_process_group("gloo")
    try:
        return function(dist.get_rank())
    finally:
        dist.destroy_process_group()


def test_two_processes_have_the_losses_and_gradients_of_one_with_all_pairs(tmp_path):
    e = pairs()
    sums = contrastive_sums(e, HEAT)
    (sums["whole"] + 2 * sums["local"]).backward()
    first, second = in_ranks(2, tmp_path, _with_group, _share)
    np.testing.assert_allclose(first["loss"] + second["loss"], [float(v.detach()) for v in sums.values()], atol=1e-9)
    for name in ("whole", "patches", "texts", "tokens"):
        gradient = getattr(e, name).grad.numpy()
        assert np.abs(gradient).max() > 0.01, name
        np.testing.assert_allclose(np.concatenate([first[name], second[name]]), gradient, atol=1e-9, err_msg=name)


@pytest.mark.parametrize(
    "wrong", [{"whole": 0.0}, {"tokens": -1.0}, {"local": float("inf")}, {"attention": float("nan")}]
)
def test_temperatures_that_are_none_are_refused(wrong):
    with pytest.raises(InvalidNoun):
        Temperatures(**wrong)
