"""How a text model under training is measured: perplexity of masked tokens, and the right impression among a hundred."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mammoscribe.models.biovil.text_model import JointTextModel
from mammoscribe.training.engine.task import Modules
from mammoscribe.training.text.batches import MaskedBatch, PairBatch
from mammoscribe.training.text.losses import projected_pairs
from mammoscribe.training.text.masking import IGNORED

CANDIDATES = 100
"""Of how many impressions the right one is to be found, it among them."""
SEED = 100
"""Which other candidates there are, the same in every validation."""


@dataclass(frozen=True)
class MaskedFound:
    """Of a batch of masked texts: the summed cross-entropy of its masked tokens, their number, and how many came first."""

    dataset: str
    total: float
    tokens: int
    first: int


@dataclass(frozen=True)
class PairsFound:
    """Of a batch of pairs, on the CPU: [B, J] of unit length, and [B, 2] keys of findings and impression."""

    dataset: str
    findings: Tensor
    impressions: Tensor
    keys: Tensor


Found = MaskedFound | PairsFound


def measure(modules: Modules, batch: MaskedBatch | PairBatch) -> Found:
    """One validation batch, in full precision."""
    model = modules["text"]
    assert isinstance(model, JointTextModel)
    with torch.autocast(model.bert.device.type, enabled=False):
        return _masked(model, batch) if isinstance(batch, MaskedBatch) else _pairs(model, batch)


def _masked(model: JointTextModel, batch: MaskedBatch) -> MaskedFound:
    chosen = batch.labels != IGNORED
    scores, labels = model.logits_at(batch.ids, batch.mask, chosen).float().log_softmax(1), batch.labels[chosen]
    total = -float(scores.gather(1, labels[:, None]).sum())
    return MaskedFound(batch.dataset, total, len(labels), int((scores.argmax(dim=1) == labels).sum()))


def _pairs(model: JointTextModel, batch: PairBatch) -> PairsFound:
    findings, impressions = projected_pairs(model, batch)
    keys = torch.stack([batch.findings_key, batch.impressions_key], dim=1)
    return PairsFound(batch.dataset, findings.cpu(), impressions.cpu(), keys.cpu())


def summary(found: Sequence[Found]) -> dict[str, float]:
    """Figures of the split; with several datasets also of each, as `NAME/perplexity`.

    `perplexity` is e to the mean cross-entropy of all tokens that were asked for (masked ones, or those of an answer whose own
    tokens before them are known), `accuracy` the share of them whose own piece comes first. `findings/r@1` is the share of findings whose own impression is the nearest of `CANDIDATES`, `impression/r@1` the
    same from impressions to findings, `r@1` their mean (over datasets, too), and `r@1/chance` what a blind choice gives.
    """
    names = list(dict.fromkeys(f.dataset for f in found))
    each = {name: [f for f in found if f.dataset == name] for name in names}
    figures = masked_figures([f for f in found if isinstance(f, MaskedFound)])
    matched = {name: _matching(own) for name, own in each.items() if any(isinstance(f, PairsFound) for f in own)}
    if matched:
        figures |= {key: float(np.mean([m[key] for m in matched.values()])) for key in next(iter(matched.values()))}
    if len(names) > 1:
        for name, own in each.items():
            apart = masked_figures([f for f in own if isinstance(f, MaskedFound)]) | matched.get(name, {})
            figures |= {f"{name}/{key}": value for key, value in apart.items()}
    return figures


def masked_figures(found: Sequence[MaskedFound]) -> dict[str, float]:
    """Perplexity and accuracy over all masked tokens; {} without batches, not a number where no token was masked."""
    if not found:
        return {}
    tokens = sum(f.tokens for f in found)
    if not tokens:
        return {"perplexity": math.nan, "accuracy": math.nan}
    mean = sum(f.total for f in found) / tokens
    return {"perplexity": math.exp(min(mean, 700.0)), "accuracy": sum(f.first for f in found) / tokens}


def _matching(found: Sequence[Found]) -> dict[str, float]:
    pairs = [f for f in found if isinstance(f, PairsFound)]
    findings, impressions, keys = (
        torch.cat([getattr(pair, name) for pair in pairs]) for name in ("findings", "impressions", "keys")
    )
    return matching_figures(findings, impressions, keys)


def matching_figures(
    findings: Tensor, impressions: Tensor, keys: Tensor, candidates: int = CANDIDATES
) -> dict[str, float]:
    """The share of sections whose own counterpart is nearer than those of other reports, both ways.

    Reports with the same findings or the same impression as the one that is asked about are no candidates, since theirs
    would be right as well. Where there are fewer others than asked for, all of them are candidates. A tie is a miss.

    Args:
        findings, impressions: [N, J] of unit length, of the same reports.
        keys: [N, 2]; equal ones are of equal texts.
        candidates: how many there are, the right one among them.
    """
    right, chance = {"findings": [], "impression": []}, []
    equal = (keys[:, None] == keys[None]).any(dim=2).numpy()
    for number in range(len(findings)):
        others = np.flatnonzero(~equal[number])
        rng = np.random.default_rng((SEED, number))
        others = torch.from_numpy(rng.permutation(others)[: candidates - 1])
        for name, asked, given in (("findings", findings, impressions), ("impression", impressions, findings)):
            own, rest = given[number] @ asked[number], given[others] @ asked[number]
            right[name].append(bool((rest < own).all()))
        chance.append(1 / (1 + len(others)))
    figures = {f"{name}/r@1": float(np.mean(hits)) for name, hits in right.items()}
    return {"r@1": float(np.mean(list(figures.values()))), **figures, "r@1/chance": float(np.mean(chance))}
