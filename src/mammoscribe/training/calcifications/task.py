"""The calcification network as a task of the engine."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.domain.finding import FindingType
from mammoscribe.evaluation.stored_views import check_preparation, check_scales
from mammoscribe.imaging.prepare import FINE_UM
from mammoscribe.models.reader.calcifications import PatchConfig, PatchNet
from mammoscribe.models.reader.reader import Reader
from mammoscribe.support.errors import InputError, InvalidNoun
from mammoscribe.support.lookup import look_up
from mammoscribe.training.calcifications.losses import LossWeights, counts, losses
from mammoscribe.training.calcifications.patches import PatchMaker, Variation, collate
from mammoscribe.training.calcifications.validation import CALCIFICATIONS, ViewItems, measure, single, summary
from mammoscribe.training.calcifications.views import EMPTY, GROUP, FineViews
from mammoscribe.training.calibration.parts import part_of, reader_at
from mammoscribe.training.calibration.reader_folder import PartExport
from mammoscribe.training.engine.orders import InShares
from mammoscribe.training.engine.run import Run
from mammoscribe.training.engine.sources import ItemBatches, ItemSource
from mammoscribe.training.engine.task import Batches, Finite, Modules, Task, Validation
from mammoscribe.training.several import InTurn, named, over_sources
from mammoscribe.training.spots import SpotItems

PRESETS = {"starter": PatchConfig(), "debug": PatchConfig(patch_px=64, per_view=4, width=8)}


@dataclass(frozen=True)
class CalcificationSettings:
    """What is trained.

    Args:
        reader: name or folder of the reader that gets the network; the rest of it is not changed.
        preset: shape of the network, `starter` or `debug`.
        fresh: whether training begins with a new network also where the reader has one of the same shape.
        group_share: share of the patches that are taken around boxed calcifications.
        weights: of the losses.
        variation: how patches are varied.
    """

    reader: Path = Path("starter")
    preset: str = "starter"
    fresh: bool = False
    group_share: float = 0.6
    weights: LossWeights = field(default_factory=LossWeights)
    variation: Variation = field(default_factory=Variation)

    def __post_init__(self) -> None:
        look_up(self.preset, PRESETS, "preset of the calcification network")
        if not 0 < self.group_share < 1:
            raise InvalidNoun(f"a group_share of {self.group_share}", "a number between 0 and 1")

    def build(self, run: Run) -> Task:
        """The task with the network that training begins with.

        Raises:
            InputError: when there is no such reader, a folder was not prepared for calcifications, or nothing in it teaches.
        """
        reader, config = reader_at(self.reader), PRESETS[self.preset]
        views = {n: self._views(f, "train", run.execution.cache, reader) for n, f in named(run.data).items()}
        torch.manual_seed(run.seeds.weights)
        shares = {GROUP: self.group_share, EMPTY: 1 - self.group_share}
        maker = PatchMaker(config.patch_px, self.variation)
        sources = {
            name: ItemSource(
                SpotItems(v), collate, maker, InShares([spot.kind for spot in v.spots], shares),
                v.dataset.about["index_sha256"],
            )
            for name, v in views.items()
        }  # fmt: skip
        validation = Validation(self._validation(run, reader), partial(measure, config=config), summary, "score")
        return Task(
            {CALCIFICATIONS: self._network(reader, config)}, sources, asdict(self.weights), patch_loss,
            partial(over_sources, counts), validation, export=PartExport(
                self.reader, "calcification network", tuple(run.data), partial(with_calcifications, config=config)
            ),
        )  # fmt: skip

    def _views(self, folder: Path, split: str, cache: Path | None, reader: Reader) -> FineViews:
        dataset = PreparedDataset(folder)
        check_preparation(dataset, reader.card.config)
        seen = (FINE_UM,) if reader.crop_refiner is None else (FINE_UM, reader.card.config.detail_um)
        check_scales(dataset, seen, "calcifications")
        return FineViews(folder, split, PRESETS[self.preset], cache)

    def _network(self, reader: Reader, config: PatchConfig) -> PatchNet:
        net, before = PatchNet(config), reader.patch_net
        if before is not None and not self.fresh and before.config == config:
            net.load_state_dict(before.state_dict())
        return net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def _validation(self, run: Run, reader: Reader) -> Finite:
        splits = [ViewItems(self._views(folder, "val", run.execution.cache, reader)) for folder in run.data]
        found = InTurn(tuple(ItemBatches(ItemSource(items, single), 1) for items in splits))
        if not len(found):
            raise InputError(
                "no view in val of which all calcifications are boxed", "some, to measure false marks in them"
            )
        return found


def patch_loss(modules: Modules, batches: Batches) -> dict[str, Tensor]:
    """The sums of all losses over the sources of a step."""
    return over_sources(lambda batch: losses(modules[CALCIFICATIONS](batch.pixels), batch), batches)


def with_calcifications(reader: Reader, tensors: Mapping[str, Tensor], config: PatchConfig) -> Reader:
    """The reader with a trained calcification network."""
    net = PatchNet(config).eval()
    net.load_state_dict(part_of(tensors, CALCIFICATIONS))
    taught = reader.card.taught_also(FindingType.CALCIFICATION)
    return replace(reader, card=replace(reader.card, patches=asdict(config), taught=taught), patch_net=net)
