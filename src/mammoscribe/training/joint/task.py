"""The joint space as a task of the engine: a reader that stays as it is, a head on its features, and a text side."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.evaluation.stored_views import check_preparation
from mammoscribe.models.reader.batch import ViewBatch
from mammoscribe.models.reader.joint_head import CellFeatures, JointHead, cell_features
from mammoscribe.models.reader.loading import joint_head, load_reader
from mammoscribe.models.reader.norm_statistics import NormStatistics
from mammoscribe.models.reader.phrases import PhraseConfig, PhraseNet
from mammoscribe.models.reader.reader import Reader
from mammoscribe.models.tokenizer import load_tokenizer
from mammoscribe.support.errors import InputError
from mammoscribe.support.lookup import look_up
from mammoscribe.training.calibration.parts import part_of, write_with_parts
from mammoscribe.training.calibration.reader_folder import ACQUIRED, DRAWN
from mammoscribe.training.engine.checkpoints import load_tensors
from mammoscribe.training.engine.run import Run
from mammoscribe.training.engine.sources import ItemBatches, ItemSource
from mammoscribe.training.engine.task import Batches, Modules, Task, Validation
from mammoscribe.training.joint.batches import JointBatch, collate
from mammoscribe.training.joint.kept_features import KeptFeatures
from mammoscribe.training.joint.losses import Embedded, JointWeights, Scales, counts, losses
from mammoscribe.training.joint.validation import Pass, measure, summary
from mammoscribe.training.joint.views import JointViews, LabelledView
from mammoscribe.training.reader.batches import NO_AUGMENTATION, Augmentation
from mammoscribe.training.reader.exams import PreparedExams, Teachers
from mammoscribe.training.reader.task import reader_pass
from mammoscribe.training.several import InTurn, named, over_sources

KEPT = "kept"
PRESETS: Mapping[str, Mapping[str, int]] = {
    "starter": {},
    "base": {"dim": 256, "heads": 8, "layers": 4},
    "debug": {"dim": 16, "heads": 2, "layers": 1, "joint_dim": 32},
}
"""Shapes of a new text side, as they differ from the defaults of `PhraseConfig`."""
VARIED = Augmentation(drop_view_chance=0.0)
VALIDATION_VIEWS = 16
"""Views of one validation batch."""


@dataclass(frozen=True)
class JointSettings:
    """What is trained, and on which labels.

    Args:
        preset: shape of a new text side, `starter`, `base` or `debug`; `kept` goes on with the one that the model has.
        boxes, labels, reports: which labels teach; see `reader.exams.Teachers`.
        weights: of the losses.
        keep_features: whether the reader looks at each view once, as it is, and its features are kept (0.3 MB a view, in the
            run's `cache`). On a CPU its passes are otherwise more than half of the time.
        variation: how images are varied, without `keep_features`; no view is left out, and none is turned upside down, because
            words name places.
    """

    preset: str = "starter"
    boxes: bool = True
    labels: bool = True
    reports: bool = True
    weights: JointWeights = field(default_factory=JointWeights)
    keep_features: bool = True
    variation: Augmentation = field(default_factory=lambda: VARIED)

    def __post_init__(self) -> None:
        look_up(self.preset, {KEPT: None, **PRESETS}, "preset of the text side")
        if self.variation.flip_chance:
            raise InputError(f"variation.flip_chance {self.variation.flip_chance}", "0: phrases name upper and lower")
        if self.keep_features and self.variation != VARIED:
            raise InputError(
                "a variation with features that are computed once", "--set task.keep_features=false with it"
            )

    def build(self, run: Run) -> Task:
        """The task: the reader of the run's `init`, frozen, with a head and a text side to train.

        Raises:
            InputError: when a folder was not prepared for this reader, nothing in it can be stated of a view, or the
                model has no text side to go on with.
        """
        assert run.init is not None
        reader = load_reader(str(run.init))
        head, phrases = self._trained(reader, run.seeds.weights)
        modules = {
            "reader": reader.net, DRAWN: NormStatistics(reader.net), ACQUIRED: reader.films, "joint": head,
            "phrases": phrases, "scales": Scales(),
        }  # fmt: skip
        amount = NO_AUGMENTATION if self.keep_features else self.variation
        sources = {
            name: self._source(folder, "train", reader, phrases, amount) for name, folder in named(run.data).items()
        }
        look = partial(joint_pass, kept=self._kept(run, reader))
        return Task(
            modules, sources, asdict(self.weights), partial(joint_loss, run=look), partial(over_sources, counts),
            self._validation(run, reader, phrases, look),
            frozen=("reader", DRAWN, ACQUIRED), loads_init=True, export=JointExport(run.init, tuple(sources), phrases.config),
        )  # fmt: skip

    def _kept(self, run: Run, reader: Reader) -> KeptFeatures | None:
        if not self.keep_features or run.execution.cache is None:
            return None
        return KeptFeatures(run.execution.cache / f"features-{reader.card.weights_sha256[:16]}")

    def _trained(self, reader: Reader, seed: int) -> tuple[JointHead, PhraseNet]:
        if self.preset != KEPT:
            torch.manual_seed(seed)
            phrases = PhraseNet(PhraseConfig(load_tokenizer().vocab_size, **PRESETS[self.preset]))
            return joint_head(reader.card.config, phrases.config), phrases
        if reader.head is None or reader.phrases is None:
            do = "--set task.preset=starter for a new one"
            raise InputError(f"the model {reader.card.name} has no text side", "", do)
        return reader.head, reader.phrases

    def _source(
        self, folder: Path, split: str, reader: Reader, phrases: PhraseNet, amount: Augmentation
    ) -> ItemSource:  # fmt: skip
        dataset = PreparedDataset(folder, split)
        check_preparation(dataset, reader.card.config)
        views = JointViews(PreparedExams(dataset, Teachers(self.boxes, self.labels, self.reports)))
        gathered = partial(collate, amount=amount, tokenizer=load_tokenizer(), max_tokens=phrases.config.max_tokens)
        return ItemSource(views, gathered, seeded, views.order, str(dataset.about["index_sha256"]))

    def _validation(self, run: Run, reader: Reader, phrases: PhraseNet, look: Pass) -> Validation:
        sources = [self._source(folder, "val", reader, phrases, NO_AUGMENTATION) for folder in run.data]
        return Validation(
            InTurn(tuple(ItemBatches(s, VALIDATION_VIEWS) for s in sources)),
            partial(measure, run=look),
            summary,
            "score",
        )


def seeded(view: LabelledView, rng: np.random.Generator) -> tuple[LabelledView, int]:
    """A view with the seed of its own variation and statements."""
    return view, int(rng.integers(2**63))


def joint_pass(modules: Modules, batch: JointBatch, kept: KeptFeatures | None = None) -> Embedded:
    """Cells, views and statements of a batch in the joint space; the reader takes no gradient."""

    @torch.no_grad()
    def look(views: ViewBatch) -> CellFeatures:
        return cell_features(reader_pass(modules, views, batch.synthetic), views)

    features = look(batch.views) if kept is None else kept(batch, look)
    cells, whole, _ = modules["joint"](features)
    return Embedded(cells, whole, modules["phrases"](batch.ids, batch.mask), features.tissue)


def joint_loss(modules: Modules, batches: Batches, run: Pass = joint_pass) -> dict[str, Tensor]:
    """The sums of all losses over the sources of a step; negatives are of the same source."""

    def of_batch(batch: JointBatch) -> dict[str, Tensor]:
        embedded, scales = run(modules, batch), modules["scales"]()
        with torch.autocast(batch.ids.device.type, enabled=False):  # cosines need more than 8 bits
            return losses(embedded, batch, scales)

    return over_sources(of_batch, batches)


@dataclass(frozen=True)
class JointExport:
    """Fills the model folder at the end of a run: the reader of `init` with the trained head and text side."""

    init: Path
    datasets: tuple[str, ...]
    config: PhraseConfig

    def __call__(self, weights: Path, out: Path) -> None:
        """Write `card.json` and `weights.safetensors` into `out`."""
        reader, tensors, phrases = load_reader(str(self.init)), load_tensors(weights), PhraseNet(self.config).eval()
        head = joint_head(reader.card.config, self.config).eval()
        head.load_state_dict(part_of(tensors, "joint"))
        phrases.load_state_dict(part_of(tensors, "phrases"))
        trained_on = f"joint space: {', '.join(self.datasets)}"
        networks = {"head": head, "phrases": phrases}
        write_with_parts(reader, out, networks, {"phrases": self.config.as_dict()}, trained_on)
