"""The crop refiner as a task of the engine: it sees crops of the marks that a frozen reader proposes."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from mammoscribe.evaluation.stored_views import check_preparation, check_scales
from mammoscribe.models.reader.crop_refiner import CropOutput, CropRefiner, CropRefinerConfig
from mammoscribe.models.reader.norm_statistics import NormStatistics
from mammoscribe.models.reader.queries import NO_FINDING
from mammoscribe.models.reader.reader import Reader
from mammoscribe.support.lookup import look_up
from mammoscribe.training.calibration.parts import part_of, reader_at
from mammoscribe.training.calibration.reader_folder import ACQUIRED, DRAWN, PartExport
from mammoscribe.training.crop_refiner.crops import (
    CropBatch,
    CropMaker,
    Variation,
    ViewItems,
    collate,
    collate_views,
)
from mammoscribe.training.crop_refiner.losses import LossWeights, counts, losses
from mammoscribe.training.crop_refiner.marks import MarkedViews
from mammoscribe.training.crop_refiner.validation import measure, summary
from mammoscribe.training.engine.orders import InShares
from mammoscribe.training.engine.run import Run
from mammoscribe.training.engine.sources import ItemBatches, ItemSource
from mammoscribe.training.engine.task import Batches, Finite, Modules, Task, Validation
from mammoscribe.training.several import InTurn, digest_with, named, over_sources
from mammoscribe.training.spots import SpotItems

CROP_REFINER = "crop_refiner"
"""Name of the network in a checkpoint."""
PRESETS = {"starter": CropRefinerConfig(), "debug": CropRefinerConfig(size_px=32, width=8)}
SHARES: Mapping[int, float] = {0: 8, 1: 1, 2: 2, 3: 2, NO_FINDING: 7}
"""Crops of each kind in twenty, in the order of `TYPES`; masses have the most words to learn."""


@dataclass(frozen=True)
class CropRefinerSettings:
    """What is trained.

    Args:
        reader: name or folder of the reader whose marks are refined; it is not changed.
        preset: shape of the network, `starter` or `debug`.
        fresh: whether training begins with a new network also where the reader has one of the same shape.
        weights: of the losses.
        variation: how crops are varied.
    """

    reader: Path = Path("starter")
    preset: str = "starter"
    fresh: bool = False
    weights: LossWeights = field(default_factory=LossWeights)
    variation: Variation = field(default_factory=Variation)

    def __post_init__(self) -> None:
        look_up(self.preset, PRESETS, "preset of the crop refiner")

    def build(self, run: Run) -> Task:
        """The task with the network that training begins with.

        Raises:
            InputError: when there is no such reader, a folder was not prepared for its crops, or nothing in it teaches.
        """
        reader, folders = reader_at(self.reader), named(run.data)
        views = {n: self._views(f, "train", reader, run.execution.cache) for n, f in folders.items()}
        torch.manual_seed(run.seeds.weights)
        config = PRESETS[self.preset]
        maker = CropMaker(config.size_px, self.variation)
        sources = {
            name: ItemSource(
                SpotItems(v), partial(collate, synthetic=v.dataset.synthetic), maker,
                InShares([spot.kind for spot in v.spots], SHARES),
                digest_with(v.dataset.about["index_sha256"], reader.card.weights_sha256),
            )
            for name, v in views.items()
        }  # fmt: skip
        origins = frozenset(v.dataset.synthetic for v in views.values())
        return Task(
            self._modules(reader, config), sources, asdict(self.weights), crop_loss, partial(over_sources, counts),
            Validation(self._validation(run, reader, config), partial(measure, run=crop_pass), summary, "score"),
            frozen=(DRAWN, ACQUIRED),
            export=PartExport(self.reader, "crop refiner", tuple(run.data), partial(with_crop_refiner, config=config, origins=origins)),
        )  # fmt: skip

    def _views(self, folder: Path, split: str, reader: Reader, cache: Path | None) -> MarkedViews:
        views = MarkedViews(folder, split, reader, cache)
        check_preparation(views.dataset, reader.card.config)
        check_scales(views.dataset, (reader.card.config.detail_um,), "crops")
        return views

    def _modules(self, reader: Reader, config: CropRefinerConfig) -> dict[str, torch.nn.Module]:
        net = CropRefiner(config)
        drawn, acquired = NormStatistics(net), NormStatistics(net)
        before = reader.crop_refiner
        if before is not None and not self.fresh and replace(before.config, acquired_statistics=False) == config:
            net.load_state_dict(before.state_dict())
            drawn = NormStatistics(net)
            acquired.load_state_dict((reader.crop_films or drawn).state_dict())
        return {CROP_REFINER: net, DRAWN: drawn, ACQUIRED: acquired}

    def _validation(self, run: Run, reader: Reader, config: CropRefinerConfig) -> Finite:
        parts = []
        for folder in run.data:
            views = self._views(folder, "val", reader, run.execution.cache)
            source = ItemSource(
                ViewItems(views, config.size_px), partial(collate_views, synthetic=views.dataset.synthetic)
            )
            parts.append(ItemBatches(source, 1))
        return InTurn(tuple(parts))


def crop_pass(modules: Modules, batch: CropBatch) -> CropOutput:
    """One pass of the crop refiner with the batch statistics of the images' origin."""
    net, statistics = modules[CROP_REFINER], modules[DRAWN if batch.synthetic else ACQUIRED]
    assert isinstance(statistics, NormStatistics)
    statistics.lend_to(net)
    return net(batch.planes)


def crop_loss(modules: Modules, batches: Batches) -> dict[str, Tensor]:
    """The sums of all losses over the sources of a step."""
    return over_sources(lambda batch: losses(crop_pass(modules, batch), batch), batches)


def with_crop_refiner(
    reader: Reader, tensors: Mapping[str, Tensor], config: CropRefinerConfig, origins: frozenset[bool]
) -> Reader:
    """The reader with a trained crop refiner.

    Args:
        reader: the reader.
        tensors: weights of the run.
        config: shape of the network.
        origins: whether it was trained on synthetic images (True), on acquired ones (False), or on both. Statistics of an
            origin that it was not trained on do not exist, so those of the other are used.
    """
    net = CropRefiner(replace(config, acquired_statistics=len(origins) == 2)).eval()
    net.load_state_dict(part_of(tensors, CROP_REFINER))
    drawn, acquired = NormStatistics(net), NormStatistics(net)
    drawn.load_state_dict(part_of(tensors, DRAWN))
    acquired.load_state_dict(part_of(tensors, ACQUIRED))
    (drawn if True in origins else acquired).lend_to(net)
    card = replace(reader.card, looks=asdict(net.config))
    return replace(reader, card=card, crop_refiner=net, crop_films=acquired if len(origins) == 2 else None)
