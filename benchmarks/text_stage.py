"""A text model of the text stage on a split that it did not learn from, beside its start and beside counting words.

    python benchmarks/text_stage.py --data prepared --model runs/mlm [--model runs/sections] [--split test] [--json FILE]

For each model, a run folder or a text folder: perplexity and accuracy of masked tokens (15 %, the same ones each time), and
for a model with a projection head how often the own impression is the nearest of 100, and the other way round
(`training.text.validation` says which others are candidates). Beside it, on the same texts and with the same vocabulary:

- untrained: a model of the same shape with random weights, the start of a run without --init;
- token frequencies: each masked token predicted from how often every piece comes in `train`, whatever stands around it;
- pieces in common: findings and impressions compared by the pieces they share, each weighted by its rarity in `train`
  (tf-idf).

Intervals: bootstrap over batches of 16 texts for perplexity, Wilson for shares. Figures of a vocabulary of its own
and of another one cannot be compared: a longer piece is harder to predict. Exit code 2 when nothing could be measured.
"""

import argparse
import math
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from mammoscribe.evaluation.bootstrap import Interval, interval_or_none, ratio_interval, wilson
from mammoscribe.evaluation.card import Row, markdown, write_rows
from mammoscribe.models.biovil.text_folder import text_weights_at
from mammoscribe.models.biovil.text_model import JointTextModel, LoadedTextModel, load_text_model
from mammoscribe.support.errors import MammoscribeError
from mammoscribe.training.engine.sources import ItemBatches
from mammoscribe.training.text.batches import MaskedBatch, MaskText, PairBatch
from mammoscribe.training.text.masking import IGNORED, Masking
from mammoscribe.training.text.mlm import masked_validation
from mammoscribe.training.text.pieces import Pieces
from mammoscribe.training.text.sections import pair_validation
from mammoscribe.training.text.texts import prepared_texts
from mammoscribe.training.text.validation import CANDIDATES, MaskedFound, PairsFound, matching_figures, measure

SEED = 0


def batches(held_back: ItemBatches) -> Iterator[MaskedBatch | PairBatch]:
    """All batches of a split."""
    return held_back.batches(range(len(held_back)))


def frequencies(folder: Path, pieces: Pieces) -> tuple[np.ndarray, np.ndarray, int]:
    """[V] how often each piece comes in `train`, [V] in how many texts of it, and their number."""
    texts = prepared_texts(folder, "train")
    counts, holders = np.zeros(len(pieces.tokenizer)), np.zeros(len(pieces.tokenizer))
    for number in range(len(texts)):
        ids = pieces.ids(texts[number])
        np.add.at(counts, ids, 1)
        holders[np.unique(ids)] += 1
    return counts, holders, len(texts)


def by_frequency(held_back: ItemBatches, counts: np.ndarray) -> Iterator[MaskedFound]:
    """What is found by how often pieces come; one that never came counts as half an occurrence."""
    chances = torch.from_numpy(np.maximum(counts, 0.5) / np.maximum(counts, 0.5).sum())
    best = int(chances.argmax())
    for batch in batches(held_back):
        assert isinstance(batch, MaskedBatch)
        labels = batch.labels[batch.labels != IGNORED]
        yield MaskedFound("", -float(chances[labels].log().sum()), len(labels), int((labels == best).sum()))


def masked_rows(what: str, found: list[MaskedFound]) -> list[Row]:
    """Perplexity and accuracy with their intervals."""
    ends = interval_or_none(lambda: ratio_interval([f.total for f in found], [f.tokens for f in found]))
    interval = None if ends is None else Interval(math.exp(ends.low), math.exp(ends.high))
    number, first = sum(f.tokens for f in found), sum(f.first for f in found)
    perplexity = math.exp(sum(f.total for f in found) / max(1, number))
    return [
        Row(f"{what}: perplexity of masked tokens", perplexity, f"{number} tokens", interval, digits=2),
        Row(f"{what}: masked tokens whose own piece comes first", first / max(1, number), f"{number} tokens", wilson(first, number)),
    ]  # fmt: skip


def matching_rows(what: str, findings: torch.Tensor, impressions: torch.Tensor, keys: torch.Tensor) -> list[Row]:
    """The nearest of 100, both ways."""
    figures, number = matching_figures(findings, impressions, keys), len(findings)
    names = {"findings/r@1": "impression of findings", "impression/r@1": "findings of an impression"}
    chance = f"{number} pairs, chance {figures['r@1/chance']:.3f}"
    return [
        Row(f"{what}: {words}, nearest of {CANDIDATES}", figures[name], chance, wilson(round(figures[name] * number), number))
        for name, words in names.items()
    ]  # fmt: skip


def in_common(held_back: ItemBatches, pieces: Pieces, holders: np.ndarray, texts: int) -> list[torch.Tensor]:
    """Findings and impressions [N, V] as tf-idf vectors of unit length, and their keys [N, 2]."""
    rarity = torch.from_numpy(np.where(pieces.special, 0.0, np.log((1 + texts) / (1 + holders)))).float()
    found: list[list[torch.Tensor]] = [[], [], []]
    for batch in batches(held_back):
        assert isinstance(batch, PairBatch)
        for place, ids in enumerate((batch.findings, batch.impressions)):
            counts = torch.zeros(len(ids), len(rarity)).scatter_add_(1, ids, torch.ones(ids.shape))
            found[place].append(F.normalize(counts * rarity, dim=1))
        found[2].append(torch.stack([batch.findings_key, batch.impressions_key], dim=1))
    return [torch.cat(parts) for parts in found]


def of_network(what: str, model: JointTextModel, texts: ItemBatches, pairs: ItemBatches | None) -> list[Row]:
    """The rows of a network."""
    model.eval()
    with torch.no_grad():
        masked = [measure({"text": model}, batch) for batch in batches(texts)]
        matched = [] if pairs is None else [measure({"text": model}, batch) for batch in batches(pairs)]
    rows = masked_rows(what, [f for f in masked if isinstance(f, MaskedFound)])
    found = [f for f in matched if isinstance(f, PairsFound)]
    if found:
        rows += matching_rows(
            what, *(torch.cat([getattr(f, n) for f in found]) for n in ("findings", "impressions", "keys"))
        )
    return rows


def rows_of(folder: Path, place: Path, split: str, most: int) -> list[Row]:
    """The table of one model on one dataset."""
    loaded: LoadedTextModel = load_text_model(text_weights_at(place).parent)
    model = loaded.model
    pieces = Pieces(loaded.tokenizer, model.max_tokens)
    counts, holders, number = frequencies(folder, pieces)
    texts = masked_validation(folder, MaskText(pieces, Masking()), "", most, split)
    pairs = None if model.joint_dim is None else pair_validation(folder, pieces, "", most, split)
    torch.manual_seed(SEED)
    rows = of_network("untrained", JointTextModel(model.bert.config, model.joint_dim), texts, pairs)
    rows += masked_rows("token frequencies", list(by_frequency(texts, counts)))
    if pairs is not None:
        rows += matching_rows("pieces in common", *in_common(pairs, pieces, holders, number))
    return [*rows, *of_network(place.name, model, texts, pairs)]


def main() -> int:
    """Print a table for each model; 2 when nothing could be measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of `mammoscribe data prepare`")
    parser.add_argument("--model", type=Path, action="append", required=True, help="run or text folder, repeatable")
    parser.add_argument("--split", default="test", help="what is measured on")
    parser.add_argument("--most", type=int, default=1000, help="texts, and pairs, that are measured on at most")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    args = parser.parse_args()
    rows: list[Row] = []
    try:
        for place in args.model:
            own = rows_of(args.data, place, args.split, args.most)
            print(f"text_stage, {args.split} of {args.data}, {place}\n\n{markdown(own)}\n", flush=True)
            rows += own
    except MammoscribeError as error:
        print(error)
        return 2
    if args.json:
        write_rows(rows, args.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
