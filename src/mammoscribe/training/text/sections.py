"""Report section matching as a task of the engine: findings against the impression of the same report, masked tokens beside."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from mammoscribe.models.biovil.text_model import JointTextModel
from mammoscribe.support.errors import InvalidNoun
from mammoscribe.training.engine.run import Run
from mammoscribe.training.engine.sources import ItemBatches, ItemSource
from mammoscribe.training.engine.task import Batches, Modules, Task, Validation
from mammoscribe.training.reader.task import named
from mammoscribe.training.several import InTurn
from mammoscribe.training.text.batches import MakePair, MaskText, PairBatch, collate_pairs
from mammoscribe.training.text.export import TextExport
from mammoscribe.training.text.losses import masked_token_sum, projected_pairs, section_matching_sum
from mammoscribe.training.text.masking import IGNORED, Masking
from mammoscribe.training.text.mlm import AT_ONCE, digest, masked_validation, text_blocks
from mammoscribe.training.text.pieces import Pieces
from mammoscribe.training.text.start import Shape, text_start
from mammoscribe.training.text.texts import evenly, prepared_pairs, prepared_texts
from mammoscribe.training.text.validation import measure, summary


@dataclass(frozen=True)
class SectionSettings:
    """What is trained, and with which weights.

    Args:
        shape: of the model, and of a new vocabulary.
        masking: of the tokens of the texts beside the pairs.
        mlm_weight: of the loss of masked tokens; 0 leaves the masked-token head as it is, and makes no masked texts.
        temperature: what cosines are divided by.
        shuffle: whether the sentences of a section come in another order each time.
        joint_dim: dimensions of the projection head; none is those of --init, or 128 as published.
        validation_texts: pairs, and as many texts, of the `val` split of each dataset, evenly spaced.
    """

    shape: Shape = field(default_factory=Shape)
    masking: Masking = field(default_factory=Masking)
    mlm_weight: float = 0.1
    temperature: float = 0.5
    shuffle: bool = True
    joint_dim: int | None = None
    validation_texts: int = 1000

    def __post_init__(self) -> None:
        if not 0 <= self.mlm_weight < float("inf") or not 0 < self.temperature < float("inf"):
            found = f"mlm_weight {self.mlm_weight}, temperature {self.temperature}"
            raise InvalidNoun(found, "0 or more, and a number above 0")
        if self.validation_texts < 1 or (self.joint_dim is not None and self.joint_dim < 1):
            raise InvalidNoun(f"validation_texts {self.validation_texts}, joint_dim {self.joint_dim}", "1 or more")

    def build(self, run: Run) -> Task:
        """The task: a text model with a projection head.

        Raises:
            InputError: when a dataset has no report with both sections, or the model cannot be begun with.
        """
        folders, learns_tokens = named(run.data), self.mlm_weight > 0
        pairs = {name: prepared_pairs(folder, "train") for name, folder in folders.items()}
        texts = {name: prepared_texts(folder, "train") for name, folder in folders.items()}
        start = text_start(
            run.init, self.shape, list(texts.values()), run.seeds.weights, projects=True, joint_dim=self.joint_dim
        )
        mask = MaskText(start.pieces, self.masking)
        sources = {
            name: ItemSource(
                own, partial(collate_pairs, pieces=start.pieces, dataset=name),
                MakePair(start.pieces, self.shuffle, texts[name] if learns_tokens else None, mask),
                digest=digest(own, start),
            )
            for name, own in pairs.items()
        }  # fmt: skip
        return Task(
            {"text": start.model}, sources,
            {"sections": 1.0} | ({"masked": self.mlm_weight} if learns_tokens else {}),
            partial(section_losses, temperature=self.temperature), section_counts,
            Validation(InTurn(self._held_back(folders, mask)), measure, summary, "r@1"),
            frozen=() if learns_tokens else ("text.cls",), blocks=text_blocks(start.model), loads_init=True,
            export=TextExport(
                start.model.bert.config, start.model.joint_dim, start.files, f"text-sections on {', '.join(sources)}"
            ),
        )  # fmt: skip

    def _held_back(self, folders: Mapping[str, Path], mask: MaskText) -> tuple[ItemBatches, ...]:
        pairs = [pair_validation(f, mask.pieces, name, self.validation_texts) for name, f in folders.items()]
        texts = [masked_validation(f, mask, name, self.validation_texts) for name, f in folders.items()]
        return (*pairs, *texts)


def pair_validation(folder: Path, pieces: Pieces, name: str, number: int, split: str = "val") -> ItemBatches:
    """Some pairs of a split, as they were written.

    Args:
        folder: the prepared dataset. pieces: cut the texts into tokens.
        name: of the dataset. number: of pairs, taken evenly over the split.
        split: which.
    """
    pairs = prepared_pairs(folder, split)
    chosen = [pairs[place] for place in evenly(len(pairs), number).tolist()]
    return ItemBatches(
        ItemSource(chosen, partial(collate_pairs, pieces=pieces, dataset=name), MakePair(pieces)), AT_ONCE
    )


def section_losses(modules: Modules, batches: Batches, temperature: float) -> Mapping[str, Tensor]:
    """The sums over the pairs, and over the masked tokens beside them, of all datasets; negatives are of the same one."""
    model = modules["text"]
    assert isinstance(model, JointTextModel)
    total: dict[str, Tensor] = {}
    for batch in batches.values():
        assert isinstance(batch, PairBatch)
        findings, impressions = projected_pairs(model, batch)
        with torch.autocast(findings.device.type, enabled=False):  # cosines need more than 8 bits
            sums = {"sections": section_matching_sum(findings, impressions, batch, temperature)}
        if batch.texts is not None:
            sums["masked"] = masked_token_sum(model, batch.texts)
        for name, value in sums.items():
            total[name] = total[name] + value if name in total else value
    return total


def section_counts(batches: Batches) -> Mapping[str, float]:
    """Pairs, and masked tokens beside them."""
    counts: dict[str, float] = {}
    for batch in batches.values():
        own = {"sections": len(batch.findings)}
        if batch.texts is not None:
            own["masked"] = int((batch.texts.labels != IGNORED).sum())
        for name, number in own.items():
            counts[name] = counts.get(name, 0.0) + number
    return counts
