"""The joint stage of BioViL-T as a task of the engine: its models, pairs of prepared datasets, losses and validation."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.data.records import Kind
from mammoscribe.support.errors import InputError, InvalidNoun
from mammoscribe.support.files import sha256_of
from mammoscribe.training.biovil.batches import ImageTextBatch, MakePair, Show, collate_pairs
from mammoscribe.training.biovil.export import JointExport
from mammoscribe.training.biovil.guide import GuideBlock, ImageGuide
from mammoscribe.training.biovil.losses import Temperatures, Weights, contrastive_sums
from mammoscribe.training.biovil.pairs import Choice, ImagePairs, PairTexts
from mammoscribe.training.biovil.passes import GUIDE, IMAGE, TEXT, both_passes, pairs_of
from mammoscribe.training.biovil.pixels import CHEST, MAMMOGRAM, Variation
from mammoscribe.training.biovil.sides import OfOneSide
from mammoscribe.training.biovil.start import ImageShape, ImageStart, image_start, text_init
from mammoscribe.training.biovil.validation import measure, summary
from mammoscribe.training.engine.run import Run
from mammoscribe.training.engine.sources import ItemBatches, ItemSource
from mammoscribe.training.engine.task import Batches, Modules, Task, Validation
from mammoscribe.training.reader.task import named
from mammoscribe.training.several import InTurn, digest_with
from mammoscribe.training.text.batches import MaskText
from mammoscribe.training.text.losses import masked_sum
from mammoscribe.training.text.masking import IGNORED, Masking
from mammoscribe.training.text.mlm import digest, text_blocks
from mammoscribe.training.text.start import NEW, Shape, Start, text_start
from mammoscribe.training.text.texts import evenly

AT_ONCE = 16
"""Pairs of one validation batch."""


@dataclass(frozen=True)
class BiovilSettings:
    """What is trained, on which pairs, with which losses.

    Args:
        image, text: the models; see `start.ImageShape` and `text.start.Shape`.
        joint_dim: dimensions of the joint space of new models; none is that of --init, or 128 as published.
        guide_layers: blocks with which masked tokens look at the picture.
        choice: which pictures and words make pairs.
        weights, temperatures: of the losses.
        masking: of the tokens; 45 % as published.
        one_side: whether the pairs of a step are of right breasts or of left ones. Texts name the side, and from pairs of
            both sides a new image model learned the side and nothing else (docs/how_to/biovil_t_from_nothing.md).
        shuffle: whether the sentences of a text come in another order each time.
        chest, mammogram: how pictures of either kind are varied.
        image_rate: factor of the learning rate of the image model.
        validation_pairs: of the `val` split of each dataset, evenly spaced.
    """

    image: ImageShape = field(default_factory=ImageShape)
    text: Shape = field(default_factory=Shape)
    joint_dim: int | None = None
    guide_layers: int = 1
    choice: Choice = field(default_factory=Choice)
    weights: Weights = field(default_factory=Weights)
    temperatures: Temperatures = field(default_factory=Temperatures)
    masking: Masking = field(default_factory=lambda: Masking(share=0.45))
    one_side: bool = False
    shuffle: bool = True
    chest: Variation = CHEST
    mammogram: Variation = MAMMOGRAM
    image_rate: float = 1.0
    validation_pairs: int = 1000

    def __post_init__(self) -> None:
        if min(self.guide_layers, self.validation_pairs, self.joint_dim or 1) < 1 or not self.image_rate > 0:
            found = f"guide_layers {self.guide_layers}, validation_pairs {self.validation_pairs}, joint_dim {self.joint_dim}"
            raise InvalidNoun(f"{found}, image_rate {self.image_rate}", "1 or more, and a rate above 0")

    def build(self, run: Run) -> Task:
        """The task: both models, and the blocks that guide masked tokens.

        Raises:
            InputError: when no picture of a dataset has a text, or the models cannot be begun with.
        """
        pairs = {name: self._pairs(folder, "train") for name, folder in named(run.data).items()}
        begun = self._begun(run, pairs)
        modules = self._modules(begun)
        sources = {
            name: replace(self._source(own, begun, name, varies=True), order=self._order(own, run.batch[name]))
            for name, own in pairs.items()
        }
        held_back = [self._held_back(folder, begun, name) for name, folder in named(run.data).items()]
        return Task(
            modules, sources, asdict(self.weights), partial(joint_loss, temperatures=self.temperatures), joint_counts,
            Validation(InTurn(tuple(held_back)), partial(measure, run=pairs_of), summary, "score"),
            frozen=self._still(begun.image.model), rates={IMAGE: self.image_rate},
            blocks=(*text_blocks(begun.text.model), GuideBlock), loads_init=True, export=self._export(begun, pairs),
        )  # fmt: skip

    def _order(self, pairs: ImagePairs, group: int) -> OfOneSide | None:
        """The order of the pairs of a dataset; None for any.

        Raises:
            InputError: for one side of pictures that have none.
        """
        if not self.one_side:
            return None
        sides = pairs.sides
        if "" in sides:
            raise InputError(f"one_side for {pairs.dataset.folder}, whose pictures are of both sides", "mammograms")
        return OfOneSide(sides, group)

    def _pairs(self, folder: Path, split: str) -> ImagePairs:
        return ImagePairs(PreparedDataset(folder, split), self.choice)

    def _begun(self, run: Run, pairs: Mapping[str, ImagePairs]) -> "_Begun":
        texts = [PairTexts(own, run.seeds.data) for own in pairs.values()]
        written = text_init(run.init)
        text = text_start(written, self.text, texts, run.seeds.weights, projects=True, joint_dim=self.joint_dim)
        assert text.model.joint_dim is not None
        image = image_start(
            run.init, self.image, self.text.preset or NEW, text.model.joint_dim, run.seeds.weights
        )  # fmt: skip
        return _Begun(image, text, "" if written is None else sha256_of(written))

    def _modules(self, begun: "_Begun") -> dict[str, nn.Module]:
        config, text = begun.text.model.bert.config, begun.text.model
        guide = ImageGuide(
            config.hidden_size, text.joint_dim or 0, config.num_attention_heads, self.guide_layers, config.hidden_dropout_prob
        )  # fmt: skip
        return {IMAGE: begun.image.model, TEXT: text, GUIDE: guide}

    def _source(self, pairs: ImagePairs, begun: "_Begun", name: str, varies: bool) -> ItemSource:
        pieces = begun.text.pieces
        is_breast = pairs.dataset.about["kind"] == Kind.MAMMO_EXAM
        variation = self.mammogram if is_breast else self.chest
        make = MakePair(
            Show(pairs.mode, begun.image.size_px, variation if varies else None), self.shuffle and varies, pieces,
            MaskText(pieces, self.masking),
        )  # fmt: skip
        return ItemSource(
            pairs, partial(collate_pairs, pieces=pieces, dataset=name), make,
            digest=digest_with(digest(pairs, begun.text), begun.text_sha256),
        )  # fmt: skip

    def _held_back(self, folder: Path, begun: "_Begun", name: str) -> ItemBatches:
        pairs = self._pairs(folder, "val")
        chosen = evenly(len(pairs), self.validation_pairs)
        source = self._source(pairs.of(chosen), begun, name, varies=False)
        return ItemBatches(source, AT_ONCE)

    def _still(self, model: nn.Module) -> tuple[str, ...]:
        """Batch norms that keep what they have."""
        if not self.image.keep_statistics:
            return ()
        return tuple(f"{IMAGE}.{n}" for n, m in model.named_modules() if isinstance(m, nn.BatchNorm2d))

    def _export(self, begun: "_Begun", pairs: Mapping[str, ImagePairs]) -> JointExport:
        modes = {own.mode for own in pairs.values()}
        return JointExport(
            begun.image.model.config, begun.image.size_px, modes.pop() if len(modes) == 1 else None,
            begun.text.model.bert.config, begun.text.files, f"biovil-t on {', '.join(pairs)}",
        )  # fmt: skip


@dataclass(frozen=True)
class _Begun:
    """Both models, and the digest of the text weights of --init."""

    image: ImageStart
    text: Start
    text_sha256: str


def joint_loss(modules: Modules, batches: Batches, temperatures: Temperatures) -> dict[str, Tensor]:
    """The sums of all losses over the sources of a step; negatives are of the same source."""
    total: dict[str, Tensor] = {}
    for batch in batches.values():
        assert isinstance(batch, ImageTextBatch)
        passed = both_passes(modules, batch)
        with torch.autocast(batch.ids.device.type, enabled=False):  # cosines need more than 8 bits
            sums = contrastive_sums(passed.pairs, temperatures)
            sums["masked"] = masked_sum(passed.logits, batch.labels)
        for name, value in sums.items():
            total[name] = total[name] + value if name in total else value
    return total


def joint_counts(batches: Batches) -> dict[str, float]:
    """Pairs, and masked tokens."""
    number = float(sum(len(batch.ids) for batch in batches.values()))
    masked = float(sum(int((batch.labels != IGNORED).sum()) for batch in batches.values()))
    return {"whole": number, "local": number, "masked": masked}
