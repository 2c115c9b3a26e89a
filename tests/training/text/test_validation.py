"""Figures of the text stage by hand: perplexity over all tokens, the right impression among others, several datasets."""

import math

import numpy as np
import pytest
import torch

from mammoscribe.training.text.validation import MaskedFound, PairsFound, matching_figures, measure, summary
from tests.training.text.test_losses import ALIKE, OTHERS, model, pairs, texts


def unit(rows: list[list[float]]) -> torch.Tensor:
    return torch.nn.functional.normalize(torch.tensor(rows), dim=1)


def keys(pairs_of: list[tuple[int, int]]) -> torch.Tensor:
    return torch.tensor(pairs_of)


AXES = torch.eye(4)
APART = keys([(n, 10 + n) for n in range(4)])


def test_perplexity_is_over_all_tokens_and_not_a_mean_of_batches():
    figures = summary([MaskedFound("x", 3 * math.log(2), 3, 1), MaskedFound("x", math.log(32), 1, 1)])
    assert figures == {"perplexity": pytest.approx(4.0), "accuracy": 0.5}  # (3 log 2 + log 32) / 4 = log 4


def test_without_a_masked_token_the_figure_is_not_a_number():
    figures = summary([MaskedFound("x", 0.0, 0, 0)])
    assert math.isnan(figures["perplexity"]) and math.isnan(figures["accuracy"])


def test_a_batch_is_measured_as_its_probabilities_say():
    net, batch = model().eval(), texts()
    with torch.no_grad():
        found = measure({"text": net}, batch)
        chances = torch.softmax(net(batch.ids, batch.mask, logits=True).logits, dim=2)
    total, first = 0.0, 0
    for row, column in (batch.labels != -100).nonzero().tolist():
        right = int(batch.labels[row, column])
        total -= math.log(chances[row, column, right])
        first += int(int(chances[row, column].argmax()) == right)
    assert found == MaskedFound("", pytest.approx(total, rel=1e-5), 8, first)


def test_every_own_counterpart_is_found_where_they_are_alike_and_none_where_they_are_exchanged():
    right = matching_figures(AXES, AXES, APART)
    assert right == {"r@1": 1.0, "findings/r@1": 1.0, "impression/r@1": 1.0, "r@1/chance": 0.25}
    assert matching_figures(AXES, AXES.roll(1, 0), APART)["r@1"] == 0.0


def test_the_two_directions_are_counted_apart():
    findings = unit([[1, 0], [0, 1], [0.6, 0.8]])
    impressions = unit([[1, 0], [0, 1], [1, 0.1]])
    figures = matching_figures(findings, impressions, APART[:3])
    # findings 0: own 1.0 before 0.995; 1: own 1.0; 2: own 0.68 after 0.8. impressions 0 and 1: own 1.0; 2: own 0.68 after 0.995
    assert figures["findings/r@1"] == pytest.approx(2 / 3) and figures["impression/r@1"] == pytest.approx(2 / 3)


def test_a_tie_is_a_miss():
    assert matching_figures(torch.ones(3, 1), torch.ones(3, 1), APART[:3])["r@1"] == 0.0


def test_reports_that_share_a_text_are_no_candidates_of_each_other():
    findings, impressions = unit([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]]), unit([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    shared = keys([(0, 7), (1, 7), (2, 9)])
    figures = matching_figures(findings, impressions, shared)
    assert figures["r@1"] == 1.0
    assert figures["r@1/chance"] == pytest.approx((1 / 2 + 1 / 2 + 1 / 3) / 3)
    assert matching_figures(findings, impressions, APART[:3])["r@1"] < 1.0


def test_there_are_as_many_candidates_as_asked_for_and_the_same_ones_each_time():
    rng = np.random.default_rng(0)
    findings, impressions = (unit(rng.normal(size=(60, 8)).tolist()) for _ in range(2))
    distinct = keys([(n, 100 + n) for n in range(60)])
    few, many = (matching_figures(findings, impressions, distinct, candidates=n) for n in (5, 50))
    assert few["r@1/chance"] == pytest.approx(0.2) and many["r@1/chance"] == pytest.approx(0.02)
    assert few["r@1"] == pytest.approx(0.2, abs=0.15) and many["r@1"] < few["r@1"]
    assert matching_figures(findings, impressions, distinct, candidates=5) == few


def test_pairs_are_measured_in_unit_length_with_their_keys():
    net, batch = model().eval(), pairs(ALIKE)
    with torch.no_grad():
        found = measure({"text": net}, batch)
    assert isinstance(found, PairsFound)
    assert found.keys.tolist() == [list(k) for k in ALIKE]
    assert torch.allclose(found.findings.norm(dim=1), torch.ones(6, dtype=found.findings.dtype))


def test_several_datasets_are_stated_apart_and_matched_within_themselves():
    one = PairsFound("a", AXES, AXES, APART)
    other = PairsFound("b", AXES, AXES.roll(1, 0), APART)
    tokens = [MaskedFound("a", math.log(4), 1, 1), MaskedFound("b", math.log(16), 1, 0)]
    figures = summary([one, other, *tokens])
    assert (figures["a/r@1"], figures["b/r@1"], figures["r@1"]) == (1.0, 0.0, 0.5)
    assert figures["a/perplexity"] == pytest.approx(4) and figures["perplexity"] == pytest.approx(8)
    parts = [PairsFound("a", AXES[:2], AXES[:2], APART[:2]), PairsFound("a", AXES[2:], AXES[2:], APART[2:])]
    assert summary(parts) == summary([one])


def test_figures_are_the_same_whatever_the_batches_were():
    net = model().eval()
    whole = pairs(OTHERS)
    halves = [type(whole)(*(getattr(whole, f)[part] for f in FIELDS)) for part in (slice(0, 3), slice(3, 6))]
    with torch.no_grad():
        one = summary([measure({"text": net}, whole)])
        two = summary([measure({"text": net}, half) for half in halves])
    assert one == two


FIELDS = ("findings", "findings_mask", "impressions", "impressions_mask", "findings_key", "impressions_key")
