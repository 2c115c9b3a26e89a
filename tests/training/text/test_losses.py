"""Losses against their formulas in plain numpy, padding, batches without a masked token, rows of two processes."""

import numpy as np
import pytest
import torch
import torch.distributed as dist

from benchmarks.engine_processes import in_ranks
from mammoscribe.models.biovil.text_model import JointTextModel
from mammoscribe.training.text.batches import MaskedBatch, PairBatch
from mammoscribe.training.text.losses import masked_token_sum, projected_pairs, section_matching_sum
from mammoscribe.training.text.mlm import masked_counts, masked_loss
from mammoscribe.training.text.sections import section_counts, section_losses

VOCABULARY, PAIRS, DIM = 23, 6, 5


def model(joint_dim: int | None = DIM) -> JointTextModel:
    from transformers import BertConfig

    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=VOCABULARY, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
        max_position_embeddings=12, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, layer_norm_eps=1e-12,
    )  # fmt: skip
    net = JointTextModel(config, joint_dim).double()
    for parameter in net.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    return net


def texts(rows: int = 4, width: int = 9, asked: bool = True, seed: int = 0) -> MaskedBatch:
    rng = np.random.default_rng(seed)
    ids = torch.from_numpy(rng.integers(5, VOCABULARY, (rows, width)))
    mask = torch.zeros(rows, width, dtype=torch.long)
    labels = torch.full((rows, width), -100)
    for row in range(rows):
        length = width - row
        mask[row, :length] = 1
        if asked:
            labels[row, rng.permutation(length)[:2]] = torch.from_numpy(rng.integers(5, VOCABULARY, 2))
    return MaskedBatch(ids * mask, mask, labels)


def pairs(keys: list[tuple[int, int]], seed: int = 0, beside: MaskedBatch | None = None) -> PairBatch:
    sections = [texts(len(keys), 8, seed=seed + n) for n in range(2)]
    first, second = (torch.tensor([k[n] for k in keys]) for n in range(2))
    return PairBatch(sections[0].ids, sections[0].mask, sections[1].ids, sections[1].mask, first, second, beside)


OTHERS = [(n, 100 + n) for n in range(PAIRS)]
ALIKE = [(0, 100), (1, 101), (0, 102), (3, 101), (4, 104), (4, 104)]
"""The first and third have the same findings, the second and fourth the same impression, the last two both."""


def test_masked_tokens_cost_their_negative_log_likelihood():
    net, batch = model(), texts()
    with torch.no_grad():
        found = float(masked_token_sum(net, batch))
        logits = net(batch.ids, batch.mask, logits=True).logits.numpy()
    total = 0.0
    for row, column in zip(*np.nonzero(batch.labels.numpy() != -100), strict=True):
        scores = logits[row, column]
        total += np.log(np.exp(scores - scores.max()).sum()) + scores.max() - scores[batch.labels[row, column]]
    assert found == pytest.approx(total, abs=1e-6) and total > 10
    assert masked_counts({"x": batch, "y": texts(2)}) == {"masked": 12.0}


def test_the_losses_of_several_datasets_are_added():
    net, one, two = model(), texts(), texts(3, seed=9)
    with torch.no_grad():
        both = float(masked_loss({"text": net}, {"x": one, "y": two})["masked"])
        apart = [float(masked_loss({"text": net}, {"x": batch})["masked"]) for batch in (one, two)]
    assert both == pytest.approx(sum(apart), abs=1e-9) and min(apart) > 1


def by_hand(findings: np.ndarray, impressions: np.ndarray, keys: list[tuple[int, int]], temperature: float) -> float:
    """InfoNCE in both directions, written out."""
    findings = findings / np.sqrt((findings**2).sum(1))[:, None]
    impressions = impressions / np.sqrt((impressions**2).sum(1))[:, None]
    total = 0.0
    for i in range(len(keys)):
        for asked, given in ((findings, impressions), (impressions, findings)):
            below = 0.0
            for j in range(len(keys)):
                shares = keys[i][0] == keys[j][0] or keys[i][1] == keys[j][1]
                if i == j or not shares:
                    below += np.exp(asked[i] @ given[j] / temperature)
            total -= 0.5 * np.log(np.exp(asked[i] @ given[i] / temperature) / below)
    return total


@pytest.mark.parametrize("keys", [OTHERS, ALIKE], ids=["different texts", "texts that come twice"])
@pytest.mark.parametrize("temperature", [0.5, 0.07])
def test_section_matching_is_info_nce_both_ways(keys, temperature):
    net, batch = model(), pairs(keys)
    with torch.no_grad():
        found = float(section_losses({"text": net}, {"x": batch}, temperature)["sections"])
        one, other = (
            net(ids, mask).projected.numpy()
            for ids, mask in ((batch.findings, batch.findings_mask), (batch.impressions, batch.impressions_mask))
        )
    assert found == pytest.approx(by_hand(one, other, keys, temperature), abs=1e-6)
    assert section_counts({"x": batch}) == {"sections": PAIRS}


def test_pairs_with_one_text_alone_cost_nothing():
    with torch.no_grad():
        found = section_losses({"text": model()}, {"x": pairs([(1, 1)] * 3)}, 0.5)
    assert float(found["sections"]) == pytest.approx(0.0, abs=1e-12)


def test_what_is_behind_the_end_of_a_text_changes_nothing():
    net, batch = model(), texts()
    other = MaskedBatch(torch.where(batch.mask > 0, batch.ids, 7), batch.mask, batch.labels)
    pair = pairs(OTHERS)
    padded = PairBatch(
        torch.where(pair.findings_mask > 0, pair.findings, 9), pair.findings_mask,
        torch.where(pair.impressions_mask > 0, pair.impressions, 9), pair.impressions_mask,
        pair.findings_key, pair.impressions_key,
    )  # fmt: skip
    with torch.no_grad():
        assert float(masked_token_sum(net, batch)) == pytest.approx(float(masked_token_sum(net, other)), abs=1e-9)
        one, two = (section_losses({"text": net}, {"x": p}, 0.5)["sections"] for p in (pair, padded))
    assert float(one) == pytest.approx(float(two), abs=1e-9)


def test_a_batch_without_a_masked_token_costs_nothing_and_reaches_every_parameter():
    net = model(None)
    loss = masked_loss({"text": net}, {"x": texts(asked=False)})["masked"]
    loss.backward()
    assert float(loss.detach()) == 0.0
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None and not parameter.grad.any(), name


def test_matching_with_masked_texts_reaches_every_parameter():
    net = model()
    sums = section_losses({"text": net}, {"x": pairs(OTHERS, beside=texts(asked=False))}, 0.5)
    assert set(sums) == {"sections", "masked"}
    torch.stack(list(sums.values())).sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    assert section_counts({"x": pairs(OTHERS, beside=texts())}) == {"sections": 6.0, "masked": 8.0}


def _with_group(function, *arguments):
    dist.init_process_group("gloo")
    try:
        return function(dist.get_rank(), *arguments)
    finally:
        dist.destroy_process_group()


def _part(batch: PairBatch, part: slice) -> PairBatch:
    names = ("findings", "findings_mask", "impressions", "impressions_mask", "findings_key", "impressions_key")
    return PairBatch(*(getattr(batch, name)[part] for name in names))


def _own_share(rank: int) -> dict[str, np.ndarray]:
    """The gradients of this process's sum: two pairs are the first's, four the second's."""
    net, batch = model(), _part(pairs(ALIKE), slice(0, 2) if rank == 0 else slice(2, 6))
    loss = section_matching_sum(*projected_pairs(net, batch), batch, 0.2)
    loss.backward()
    grads = {name: p.grad.numpy() for name, p in net.named_parameters() if p.grad is not None}
    return {"loss": np.array(float(loss.detach())), **grads}


def test_two_processes_have_the_loss_and_the_gradient_of_one_with_the_whole_batch(tmp_path):
    net, batch = model(), pairs(ALIKE)
    loss = section_matching_sum(*projected_pairs(net, batch), batch, 0.2)
    loss.backward()
    first, second = in_ranks(2, tmp_path, _with_group, _own_share)
    assert first["loss"] + second["loss"] == pytest.approx(float(loss.detach()), abs=1e-9)
    reached = {name: p.grad.numpy() for name, p in net.named_parameters() if p.grad is not None}
    assert reached.keys() == first.keys() - {"loss"} and max(np.abs(g).max() for g in reached.values()) > 0.01
    for name, gradient in reached.items():
        np.testing.assert_allclose(first[name] + second[name], gradient, atol=1e-9, err_msg=name)
