"""The training of a report decoder as a task of the engine: image model, pictures with reports, cross-entropy, perplexity."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.data.records import Kind
from mammoscribe.models.biovil.report_frames import IGNORED
from mammoscribe.models.biovil.report_model import Pictures
from mammoscribe.models.biovil.report_net import ReportNet
from mammoscribe.support.errors import InputError, InvalidNoun
from mammoscribe.training.biovil.batches import Show
from mammoscribe.training.biovil.pairs import Choice, ImagePairs, PairTexts
from mammoscribe.training.biovil.passes import see
from mammoscribe.training.biovil.pixels import CHEST, MAMMOGRAM, Variation
from mammoscribe.training.biovil.start import ImageShape
from mammoscribe.training.biovil_report.batches import (
    MakeReport,
    PairsWithPriorTexts,
    PriorDropout,
    ReportBatch,
    collate_reports,
)
from mammoscribe.training.biovil_report.export import ReportExport
from mammoscribe.training.biovil_report.start import DecoderShape, ReportStart, report_start
from mammoscribe.training.engine.run import Run
from mammoscribe.training.engine.sources import ItemBatches, ItemSource
from mammoscribe.training.engine.task import Batches, Modules, Task, Validation
from mammoscribe.training.several import InTurn, digest_with, named, over_sources
from mammoscribe.training.text.losses import at_least_32_bits
from mammoscribe.training.text.start import Shape
from mammoscribe.training.text.texts import evenly
from mammoscribe.training.text.validation import MaskedFound, summary

AT_ONCE = 16
"""Pictures of one validation batch."""
IMAGE, DECODER = "image", "decoder"


@dataclass(frozen=True)
class ReportSettings:
    """What is trained, and on which pictures and texts.

    Args:
        image: the image model; see `biovil.start.ImageShape`. text: the BERT that the decoder is; see `text.start.Shape`.
        train_image: whether the image model is trained with the decoder; its projection to the joint space never is.
        image_rate: factor of its learning rate.
        prompt_tokens: of a prior report, of which the end is kept; none is half the places of the decoder.
        prior_dropout: how often an exam is shown without its prior.
        choice: which pictures and words make pairs.
        chest, mammogram: how pictures of either kind are varied.
        validation_pairs: of the `val` split of each dataset, evenly spaced.
    """

    image: ImageShape = field(default_factory=ImageShape)
    text: Shape = field(default_factory=Shape)
    train_image: bool = False
    image_rate: float = 0.1
    prompt_tokens: int | None = None
    prior_dropout: PriorDropout = field(default_factory=PriorDropout)
    choice: Choice = field(default_factory=Choice)
    chest: Variation = CHEST
    mammogram: Variation = MAMMOGRAM
    validation_pairs: int = 1000

    def __post_init__(self) -> None:
        if self.validation_pairs < 1 or (self.prompt_tokens or 0) < 0 or not self.image_rate > 0:
            found = f"validation_pairs {self.validation_pairs}, prompt_tokens {self.prompt_tokens}"
            raise InvalidNoun(f"{found}, image_rate {self.image_rate}", "1 or more, 0 or more, and a rate above 0")

    def build(self, run: Run) -> Task:
        """The task: the image model, and the decoder.

        Raises:
            InputError: when no picture of a dataset has a text, chest pictures come with mammograms, or the models cannot
                be begun with.
        """
        assert run.init is not None
        pairs = {name: self._pairs(folder, "train") for name, folder in named(run.data).items()}
        pictures = pictures_of(pairs)
        texts = [PairTexts(own, run.seeds.data) for own in pairs.values()]
        decoder = DecoderShape(self.text, self.prompt_tokens)
        start = report_start(run.init, self.image, decoder, texts, run.seeds.weights)
        sources = {name: self._source(own, start, name, varies=True) for name, own in pairs.items()}
        held_back = [self._held_back(folder, start, name) for name, folder in named(run.data).items()]
        return Task(
            {IMAGE: start.image.model, DECODER: start.net}, sources, {"token": 1.0}, report_loss, report_counts,
            Validation(InTurn(tuple(held_back)), measure, summary, "perplexity", higher_is_better=False),
            frozen=self._still(start.image.model), rates={IMAGE: self.image_rate} if self.train_image else {},
            blocks=(type(start.net.bert.encoder.layer[0]),), loads_init=True, export=self._export(start, pairs, pictures),
        )  # fmt: skip

    def _pairs(self, folder: Path, split: str) -> ImagePairs:
        return ImagePairs(PreparedDataset(folder, split), self.choice)

    def _source(self, pairs: ImagePairs, start: ReportStart, name: str, varies: bool) -> ItemSource:
        variation = self.mammogram if kind_of(pairs) is Pictures.MAMMOGRAM else self.chest
        show = Show(pairs.mode, start.image.size_px, variation if varies else None)
        make = MakeReport(show, start.frames, self.prior_dropout if varies else None)
        vocabulary = hashlib.sha256(b"".join(start.files[file] for file in sorted(start.files))).hexdigest()
        return ItemSource(
            PairsWithPriorTexts(pairs), partial(collate_reports, frames=start.frames, dataset=name), make,
            digest=digest_with(str(pairs.dataset.about["index_sha256"]), vocabulary, start.sha256),
        )  # fmt: skip

    def _held_back(self, folder: Path, start: ReportStart, name: str) -> ItemBatches:
        pairs = self._pairs(folder, "val")
        chosen = evenly(len(pairs), self.validation_pairs)
        return ItemBatches(self._source(pairs.of(chosen), start, name, varies=False), AT_ONCE)

    def _still(self, image: nn.Module) -> tuple[str, ...]:
        """The image model, or of one that is trained what takes no part, and batch norms that keep what they have."""
        if not self.train_image:
            return (IMAGE,)
        norms = (n for n, m in image.named_modules() if isinstance(m, nn.BatchNorm2d) and self.image.keep_statistics)
        return (f"{IMAGE}.projector", *(f"{IMAGE}.{n}" for n in norms))

    def _export(self, start: ReportStart, pairs: Mapping[str, ImagePairs], pictures: Pictures) -> ReportExport:
        modes = {own.mode for own in pairs.values()}
        pixels = modes.pop() if len(modes) == 1 else None
        return ReportExport(start, pixels, pictures, f"biovil-t-report on {', '.join(pairs)}")


def kind_of(pairs: ImagePairs) -> Pictures:
    """What the pictures of a dataset show."""
    return Pictures.MAMMOGRAM if pairs.dataset.about["kind"] == Kind.MAMMO_EXAM else Pictures.CHEST


def pictures_of(pairs: Mapping[str, ImagePairs]) -> Pictures:
    """What the pictures of all datasets show.

    Raises:
        InputError: when some are mammograms and some are not: what is written about a mammogram has to pass the gate.
    """
    kinds = {kind_of(own) for own in pairs.values()}
    if len(kinds) > 1:
        raise InputError(f"mammograms and other pictures in {', '.join(pairs)}", "one kind in a run")
    return kinds.pop()


def report_loss(modules: Modules, batches: Batches) -> dict[str, Tensor]:
    """The sum of the cross-entropy of the reports' tokens, each from the tokens before it and the picture."""
    return over_sources(partial(_token_sum, modules), batches)


def report_counts(batches: Batches) -> dict[str, float]:
    """Tokens of reports, their ends among them."""
    return over_sources(lambda batch: {"token": float(int((batch.labels != IGNORED).sum()))}, batches)


def logits_of(modules: Modules, batch: ReportBatch) -> Tensor:
    """[K, V]: scores at the K positions whose next token is one of a report, or its end."""
    net = modules[DECODER]
    assert isinstance(net, ReportNet)
    looked = net.look(see(modules[IMAGE], batch).patches, batch.shown)
    states = net.states(batch.ids, batch.mask, batch.kinds, looked)
    return at_least_32_bits(net.logits(states[batch.labels != IGNORED]))


def _token_sum(modules: Modules, batch: ReportBatch) -> dict[str, Tensor]:
    labels = batch.labels[batch.labels != IGNORED]
    return {"token": F.cross_entropy(logits_of(modules, batch), labels, reduction="sum")}


def measure(modules: Modules, batch: ReportBatch) -> MaskedFound:
    """One validation batch, in full precision, with all that came before."""
    with torch.autocast(batch.ids.device.type, enabled=False):
        scores = logits_of(modules, batch).log_softmax(dim=1)
    labels = batch.labels[batch.labels != IGNORED]
    total = -float(scores.gather(1, labels[:, None]).sum())
    return MaskedFound(batch.dataset, total, len(labels), int((scores.argmax(dim=1) == labels).sum()))
