"""Masked-token training as a task of the engine: texts of any prepared datasets, a text model, perplexity."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor

from mammoscribe.models.biovil.text_model import JointTextModel
from mammoscribe.support.errors import InvalidNoun
from mammoscribe.training.engine.run import Run
from mammoscribe.training.engine.sources import ItemBatches, ItemSource
from mammoscribe.training.engine.task import Batches, Modules, Task, Validation
from mammoscribe.training.reader.task import named
from mammoscribe.training.several import InTurn, digest_with
from mammoscribe.training.text.batches import MaskText, collate_texts
from mammoscribe.training.text.export import TextExport
from mammoscribe.training.text.losses import masked_token_sum
from mammoscribe.training.text.masking import IGNORED, Masking
from mammoscribe.training.text.start import Shape, Start, text_start
from mammoscribe.training.text.texts import PreparedTexts, evenly, prepared_texts
from mammoscribe.training.text.validation import measure, summary

AT_ONCE = 16
"""Texts of one validation batch."""


@dataclass(frozen=True)
class MlmSettings:
    """What is trained, and how tokens are masked.

    Args:
        shape: of the model, and of a new vocabulary.
        masking: of the tokens, in training and in validation.
        validation_texts: of the `val` split of each dataset, evenly spaced, on which perplexity is measured.
    """

    shape: Shape = field(default_factory=Shape)
    masking: Masking = field(default_factory=Masking)
    validation_texts: int = 1000

    def __post_init__(self) -> None:
        if self.validation_texts < 1:
            raise InvalidNoun(f"validation_texts {self.validation_texts}", "1 or more")

    def build(self, run: Run) -> Task:
        """The task: a text model with a masked-token head, without projection head.

        Raises:
            InputError: when a split has no text, or the model cannot be begun with (`start.text_start`).
        """
        folders = named(run.data)
        texts = {name: prepared_texts(folder, "train") for name, folder in folders.items()}
        start = text_start(run.init, self.shape, list(texts.values()), run.seeds.weights, projects=False)
        mask = MaskText(start.pieces, self.masking)
        sources = {name: masked_source(own, mask, start, name) for name, own in texts.items()}
        held_back = [masked_validation(f, mask, name, self.validation_texts) for name, f in folders.items()]
        return Task(
            {"text": start.model}, sources, {"masked": 1.0}, masked_loss, masked_counts,
            Validation(InTurn(tuple(held_back)), measure, summary, "perplexity", higher_is_better=False),
            blocks=text_blocks(start.model), loads_init=True,
            export=TextExport(start.model.bert.config, None, start.files, f"text-mlm on {', '.join(sources)}"),
        )  # fmt: skip


def masked_source(texts: PreparedTexts, mask: MaskText, start: Start, name: str) -> ItemSource:
    """Masked texts of one dataset.

    Args:
        texts: its prepared texts. mask: masks them anew each time.
        start: vocabulary and weights that training begins with.
        name: of the dataset.
    """
    return ItemSource(
        texts, partial(collate_texts, pieces=start.pieces, dataset=name), mask, digest=digest(texts, start)
    )


def digest(texts: Any, start: Start) -> str:
    """Of what a prepared split is as ids: its texts and the vocabulary, so that no run goes on with another one."""
    vocabulary = hashlib.sha256(b"".join(start.files[name] for name in sorted(start.files))).hexdigest()
    return digest_with(str(texts.dataset.about["index_sha256"]), vocabulary)


def masked_validation(
    folder: Path, mask: MaskText, name: str, number: int, split: str = "val"
) -> ItemBatches:  # fmt: skip
    """All tokens of some texts of a split, each masked in the same way every time.

    Args:
        folder: the prepared dataset. mask: masks the texts.
        name: of the dataset. number: of texts, taken evenly over the split.
        split: which.
    """
    texts, pieces = prepared_texts(folder, split), mask.pieces
    parts = [
        pieces.framed(part)
        for place in evenly(len(texts), number).tolist()
        for part in pieces.windows(pieces.ids(texts[place]))
    ]
    return ItemBatches(ItemSource(parts, partial(collate_texts, pieces=pieces, dataset=name), mask), AT_ONCE)


def text_blocks(model: JointTextModel) -> tuple[type, ...]:
    """The class of the model's layers, each of which is one unit of sharding."""
    return (type(model.bert.encoder.layer[0]),)


def masked_loss(modules: Modules, batches: Batches) -> Mapping[str, Tensor]:
    """The sum over the masked tokens of all datasets."""
    model = modules["text"]
    assert isinstance(model, JointTextModel)
    sums = [masked_token_sum(model, batch) for batch in batches.values()]
    return {"masked": sum(sums[1:], sums[0])}


def masked_counts(batches: Batches) -> Mapping[str, float]:
    """Masked tokens of all datasets."""
    return {"masked": float(sum(int((batch.labels != IGNORED).sum()) for batch in batches.values()))}
