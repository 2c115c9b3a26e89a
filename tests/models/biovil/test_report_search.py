"""Writing token by token: with and without what is kept, many pictures as one, and beams against every possible report."""

from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mammoscribe.models.biovil.report_search import Limits, write_reports
from mammoscribe.support.errors import InputError
from tests.models.tiny_report import CLS, MASK, PAD, SEP, UNK, looked, tiny_net

pytest.importorskip("transformers")
FRAMES = SimpleNamespace(end=SEP, unwritten=(PAD, UNK, CLS, MASK))
PROMPTS = [np.array([CLS, SEP]), np.array([CLS, 5, 6, 7, SEP]), np.array([CLS, 8, SEP])]


def chances(net, seen, row: int, ids: list[int]) -> torch.Tensor:
    """Log chances after a prompt and some tokens, from one pass over all of it that keeps nothing."""
    prompt = PROMPTS[row].tolist()
    tokens = torch.tensor([[*prompt, *ids]])
    kinds = torch.tensor([[1] * len(prompt) + [0] * len(ids)])
    with torch.no_grad():
        found = net(tokens, torch.ones_like(tokens), kinds, seen.rows(torch.tensor([row])))
    return found[0, -1].log_softmax(0)


def greedy_by_hand(net, seen, row: int, room: int) -> tuple[list[int], bool]:
    ids: list[int] = []
    while True:
        scores = chances(net, seen, row, ids)
        scores[list(FRAMES.unwritten)] = -torch.inf
        token = int(scores.argmax())
        if token == SEP or len(ids) == room:
            return ids, token == SEP
        ids.append(token)


def best_of_all(net, seen, row: int, room: int) -> tuple[tuple[int, ...], float]:
    """The best of every report of up to `room` tokens, by the log chance of a token."""
    words = [n for n in range(net.config.vocab_size) if n not in (*FRAMES.unwritten, SEP)]
    found = []
    for length in range(room + 1):
        for ids in product(words, repeat=length):
            parts = [float(chances(net, seen, row, list(ids[:n]))[t]) for n, t in enumerate((*ids, SEP))]
            found.append((sum(parts) / len(parts), ids))
    best = max(found)
    return best[1], best[0]


@pytest.mark.parametrize("seed", range(6))
def test_the_best_token_each_time_is_that_of_a_pass_that_keeps_nothing(seed):
    net = tiny_net(seed=seed, spread=0.7)
    seen = looked(net)
    found = write_reports(net, FRAMES, seen, PROMPTS, Limits(max_tokens=8))
    for row, draft in enumerate(found):
        assert (list(draft.ids), draft.ended) == greedy_by_hand(net, seen, row, 8)


def test_reports_come_in_different_lengths():
    """Else the tests here would say nothing about pictures whose report ends before that of others."""
    drafts = [d for seed in range(6) for d in _written(tiny_net(seed=seed, spread=0.7))]
    assert len({len(d.ids) for d in drafts}) > 2 and {d.ended for d in drafts} == {True, False}


def _written(net, beams: int = 1):
    return write_reports(net, FRAMES, looked(net), PROMPTS, Limits(beams=beams, max_tokens=8))


@pytest.mark.parametrize("beams", [1, 2, 3])
@pytest.mark.parametrize("seed", range(3))
def test_a_picture_beside_others_has_the_report_that_it_has_alone(beams, seed):
    net = tiny_net(seed=seed, spread=0.7)
    seen, together = looked(net), _written(net, beams)
    for row, draft in enumerate(together):
        limits = Limits(beams=beams, max_tokens=8)
        (alone,) = write_reports(net, FRAMES, seen.rows(torch.tensor([row])), [PROMPTS[row]], limits)
        assert (alone.ids, alone.ended) == (draft.ids, draft.ended)
        assert alone.log_chance == pytest.approx(draft.log_chance, abs=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_beams_that_hold_every_report_find_the_best_of_all(seed):
    net = tiny_net(seed=seed)
    seen = looked(net)
    found = write_reports(net, FRAMES, seen, PROMPTS, Limits(beams=24, max_tokens=2))
    for row, draft in enumerate(found):
        ids, score = best_of_all(net, seen, row, 2)
        assert draft.ended and draft.ids == ids
        assert draft.log_chance / (len(ids) + 1) == pytest.approx(score, abs=1e-4)


def beams_by_hand(net, seen, row: int, beams: int, room: int) -> tuple[tuple[int, ...], float]:
    """Beam search that keeps nothing of earlier passes and never stops early: the best report, and its score."""
    words = [n for n in range(net.config.vocab_size) if n not in FRAMES.unwritten]
    alive: list[tuple[float, tuple[int, ...]]] = [(0.0, ())]
    ended: list[tuple[float, tuple[int, ...]]] = []
    for length in range(room + 1):
        longer = []
        for total, ids in alive:
            scores = chances(net, seen, row, list(ids))
            longer += [(total + float(scores[token]), ids, token) for token in words]
        longer = sorted(longer, reverse=True)[: 2 * beams]
        ended += [(t / (length + 1), ids) for t, ids, token in longer[:beams] if token == SEP]
        alive = [(t, (*ids, token)) for t, ids, token in longer if token != SEP][:beams] if length < room else alive
    score, ids = max(ended) if ended else (alive[0][0] / room, alive[0][1])
    return ids, score


@pytest.mark.parametrize("spread", [0.3, 0.5])
@pytest.mark.parametrize("seed", range(4))
def test_beams_follow_the_drafts_that_they_came_from(seed, spread):
    net = tiny_net(seed=seed, spread=spread)
    seen = looked(net)
    found = write_reports(net, FRAMES, seen, PROMPTS, Limits(beams=3, max_tokens=5))
    for row, draft in enumerate(found):
        ids, score = beams_by_hand(net, seen, row, 3, 5)
        assert draft.ids == ids
        assert draft.log_chance / (len(ids) + draft.ended) == pytest.approx(score, abs=1e-4)


@pytest.mark.parametrize("beams", [1, 3])
@pytest.mark.parametrize("seed", range(4))
def test_the_log_chance_is_that_of_the_tokens_and_the_end(beams, seed):
    net = tiny_net(seed=seed, spread=0.7)
    seen = looked(net)
    for row, draft in enumerate(_written(net, beams)):
        tokens = [*draft.ids, *([SEP] if draft.ended else [])]
        expected = sum(float(chances(net, seen, row, tokens[:n])[t]) for n, t in enumerate(tokens))
        assert draft.log_chance == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("beams", [1, 2])
def test_nothing_is_written_beyond_the_places_of_the_decoder_and_no_special_token(beams):
    for seed in range(4):
        net = tiny_net(positions=9, seed=seed, spread=0.7)
        for prompt, draft in zip(PROMPTS, write_reports(net, FRAMES, looked(net), PROMPTS, Limits(beams)), strict=True):
            assert len(prompt) + len(draft.ids) <= 9
            assert not set(draft.ids) & {SEP, *FRAMES.unwritten}


def test_a_report_that_fills_all_places_may_still_end():
    for seed in range(40):
        net = tiny_net(positions=8, seed=seed, spread=0.7)
        if any(d.ended and len(p) + len(d.ids) == 8 for p, d in zip(PROMPTS, _written(net), strict=True)):
            return
    pytest.fail("no such report in 40 decoders")


@pytest.mark.parametrize(
    "wrong", [{"beams": 0}, {"max_tokens": 0}, {"length_power": -1.0}, {"length_power": float("nan")}]
)
def test_limits_that_are_none_are_refused(wrong):
    with pytest.raises(InputError):
        Limits(**wrong)
