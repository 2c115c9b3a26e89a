"""Image towers for probes: published BioViL and BioViL-T files, the starter's joint space, or a plain ResNet."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from mammoscribe.data.prepared.dataset import PreparedDataset, StoredPicture
from mammoscribe.data.records import ListedImage, ListedView
from mammoscribe.evaluation.stored_views import check_preparation
from mammoscribe.imaging.joint_prepare import PUBLISHED, WHOLE
from mammoscribe.imaging.prepare import BRIGHTEST
from mammoscribe.models.biovil.files import load_strictly, read_checkpoint, split_ignored
from mammoscribe.models.biovil.image_model import LoadedImageModel, load_image_model, three_channels
from mammoscribe.models.biovil.resnet import ResNet, ResNetConfig
from mammoscribe.models.biovil.space import IMAGE_FILES, image_weights
from mammoscribe.models.reader.batch import ENCODER_STRIDE, SLOTS, ViewBatch, tissue_cells, trimmed
from mammoscribe.models.reader.detection_head import STRIDE
from mammoscribe.models.reader.joint_head import CellFeatures
from mammoscribe.models.reader.loading import load_reader
from mammoscribe.models.reader.reader import Reader
from mammoscribe.support.errors import InputError
from mammoscribe.training.biovil.pixels import canvas_of, middle

FRESH: Mapping[str, ResNetConfig] = {
    "resnet50": ResNetConfig(in_channels=1, norm="group"),
    "debug": ResNetConfig(in_channels=1, stem=8, width=8, depths=(1, 1, 1, 1), norm="group"),
}
"""Backbones with random weights; group norm, since running statistics are kept as they are here."""
CLASSIFIER = re.compile(r"fc\.(weight|bias)$")
BACKBONE_CROP_PX = 448


@dataclass(frozen=True)
class Found:
    """A prepared picture, how its dataset lists it, and the earlier picture of the same view or None."""

    picture: StoredPicture
    image: ListedView | ListedImage
    prior: StoredPicture | None = None


@dataclass(frozen=True)
class Shown:
    """One picture as a tower looks at it.

    Args:
        image, prior: float32 [H, W], and the earlier picture of the same view or None.
        slot, nipple, mm_per_px: of a mammogram on a reader's canvas, as in `ViewBatch`.
    """

    image: np.ndarray
    prior: np.ndarray | None = None
    slot: int = 0
    nipple: tuple[float, float] = (0.0, 0.0)
    mm_per_px: float = 1.0


@dataclass(frozen=True)
class PictureBatch:
    """N pictures as tensors; fields as in `Shown`, `previous` [M, 1, H, W] of the true rows of `has_prior`, or None."""

    images: Tensor
    previous: Tensor | None
    has_prior: Tensor
    slot: Tensor
    nipple: Tensor
    mm_per_px: Tensor


class Embedded(NamedTuple):
    """`pooled` [N, D] before a projection and `whole` [N, J] in the joint space, None for a tower without one."""

    pooled: Tensor
    whole: Tensor | None


def picture_batch(shown: Sequence[Shown]) -> PictureBatch:
    """Pictures of one size as tensors; InputError for several sizes."""
    sizes = {s.image.shape for s in shown}
    if len(sizes) > 1:
        raise InputError(f"pictures of {len(sizes)} sizes in one batch", "one preparation for all data")
    priors = [s.prior for s in shown if s.prior is not None]
    return PictureBatch(
        _stacked([s.image for s in shown]), _stacked(priors) if priors else None,
        torch.tensor([s.prior is not None for s in shown]), torch.tensor([s.slot for s in shown]),
        torch.tensor([s.nipple for s in shown], dtype=torch.float32), torch.tensor([s.mm_per_px for s in shown]),
    )  # fmt: skip


def _stacked(arrays: Sequence[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.stack(arrays))[:, None]


class Tower(nn.Module):
    """An image network with what a probe has to know of it.

    Args:
        name: as a feature set names its model.
        digest: of its weights.
        dim: D, of the pooled features.
        unused: modules that have no part in the pooled features.
    """

    def __init__(self, name: str, digest: str, dim: int, unused: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.name, self.digest, self.dim, self.unused = name, digest, dim, unused

    def check(self, dataset: PreparedDataset) -> None:
        """InputError for a dataset whose preparation is not one that this tower was made for."""
        raise NotImplementedError

    def shown(self, found: Found) -> Shown:
        """A prepared picture as this tower looks at it."""
        raise NotImplementedError

    def forward(self, pictures: PictureBatch) -> Embedded:
        """Embed a batch."""
        raise NotImplementedError


class BiovilTower(Tower):
    """The image side of BioViL or BioViL-T, on pictures prepared with `--as joint`; of a model that was trained here on whole
    pictures, on those prepared with `--as plain`.
    """

    def __init__(self, loaded: LoadedImageModel) -> None:
        config = loaded.model.config
        super().__init__(config.name, loaded.sha256, config.features, ("model.projector",))
        self.model, self.loaded = loaded.model, loaded
        self.takes_priors = config.takes_priors
        self.whole = loaded.card is not None and loaded.card.pixels == WHOLE

    def check(self, dataset: PreparedDataset) -> None:
        """See `Tower`."""
        if dataset.about["preparation"]["longest_px" if self.whole else "shorter_px"] is None:
            raise _wrong_preparation(dataset, self.name, "--as plain" if self.whole else "--as joint")

    def shown(self, found: Found) -> Shown:
        """The middle of the picture, as published, or what a model that was trained here learned from."""
        prior = found.prior if self.takes_priors else None
        return Shown(self._seen(found.picture), None if prior is None else self._seen(prior))

    def _seen(self, picture: StoredPicture) -> np.ndarray:
        side = self.loaded.crop_px
        if self.loaded.size_px is None:
            return _middle(picture.pixels, side)
        return middle(canvas_of(picture, WHOLE if self.whole else PUBLISHED, side), side).pixels

    def forward(self, pictures: PictureBatch) -> Embedded:
        """See `Tower`."""
        channels = self.model.config.encoder.backbone.in_channels
        images = three_channels(pictures.images[:, 0], channels)
        if pictures.previous is None:
            out = self.model(images)
        else:
            out = self.model(images, three_channels(pictures.previous[:, 0], channels), pictures.has_prior)
        return Embedded(_all_take_part(out.pooled, self.model.encoder), out.projected_global)


class StarterTower(Tower):
    """The image side of a reader's joint space: each picture is read as an exam of one view.

    Args:
        reader: with a joint head.
        synthetic: whether the pictures were drawn, which decides the batch statistics.
    """

    def __init__(self, reader: Reader, synthetic: bool) -> None:
        if reader.head is None:
            raise InputError(
                f"the model {reader.card.name} has no joint space", "", "train one with `train joint_space`"
            )
        net = reader.net if synthetic else reader.film_net
        name = f"{reader.card.name} {reader.card.version}"
        unused = ("marks.heat", "marks.size", "marks.shift", "head.project")
        digest = f"{reader.card.weights_sha256} {'drawn' if synthetic else 'acquired'}"
        super().__init__(name, digest, net.config.mark_channels, unused)
        self.config = net.config
        self.encoder, self.fusion, self.marks, self.head = net.image_encoder, net.fusion, net.mark_head, reader.head

    def check(self, dataset: PreparedDataset) -> None:
        """See `Tower`."""
        check_preparation(dataset, self.config)

    def shown(self, found: Found) -> Shown:
        """The canvas in the reader's grey values."""
        picture, image, prior = found.picture, found.image, found.prior
        if not isinstance(image, ListedView) or picture.nipple_xy is None or picture.um_per_px is None:
            raise InputError(f"{picture.path} was not prepared for a reader", "--as reader")
        slot = SLOTS.index(f"{image.laterality}_{image.projection}")
        earlier = None if prior is None else _canvas(prior.pixels)
        return Shown(_canvas(picture.pixels), earlier, slot, picture.nipple_xy, picture.um_per_px / 1000)

    def forward(self, pictures: PictureBatch) -> Embedded:
        """Each picture alone, as `models.reader.space` does: margins that others need would change a norm over the map."""
        before = torch.cumsum(pictures.has_prior.long(), 0) - 1
        parts = [self._one(pictures, n, int(before[n])) for n in range(len(pictures.images))]
        pooled, whole = (torch.cat(values) for values in zip(*parts, strict=True))
        return Embedded(_all_take_part(pooled, self.encoder), whole)

    def _one(self, pictures: PictureBatch, n: int, prior: int) -> tuple[Tensor, Tensor]:
        row = slice(n, n + 1)
        previous = None
        if pictures.previous is not None and bool(pictures.has_prior[n]):
            previous = pictures.previous[prior : prior + 1]
        views, _ = trimmed(
            ViewBatch(
                pictures.images[row], torch.zeros(1, dtype=torch.long, device=pictures.images.device), pictures.slot[row],
                pictures.nipple[row], pictures.mm_per_px[row], previous, pictures.has_prior[row], 1,
            )
        )  # fmt: skip
        encoded = self.encoder(self._channels(views.images), self._channels(views.previous), views.has_prior)
        fused = self.fusion(encoded.patches, views, ENCODER_STRIDE)
        maps = self.marks(encoded.stages, fused.of_views(views))
        tissue = tissue_cells(views.images, STRIDE)[:, 0] > 0.5
        _, whole, pooled = self.head(CellFeatures(maps.features.float(), tissue))
        return pooled, whole

    def _channels(self, images: Tensor | None) -> Tensor | None:
        return None if images is None else images.expand(-1, self.config.encoder.backbone.in_channels, -1, -1)


class BackboneTower(Tower):
    """A ResNet; its features are the spatial mean of its last map. On pictures prepared with `--as joint` or `reader`.

    Args:
        name, digest: see `Tower`.
        net: the network.
        config: its shape.
    """

    def __init__(self, name: str, digest: str, net: ResNet, config: ResNetConfig) -> None:
        super().__init__(name, digest, config.channels[3])
        self.net, self.channels = net, config.in_channels

    def check(self, dataset: PreparedDataset) -> None:
        """See `Tower`."""
        if dataset.about["preparation"]["longest_px"] is not None:
            raise _wrong_preparation(
                dataset, self.name, "--as joint, reader or reader-base, whose pictures have one size"
            )

    def shown(self, found: Found) -> Shown:
        """A mammogram's whole canvas, or the middle of any other picture; priors are not looked at."""
        pixels = found.picture.pixels
        if found.picture.um_per_px is not None:
            return Shown(_canvas(pixels))
        return Shown(_middle(pixels, BACKBONE_CROP_PX))

    def forward(self, pictures: PictureBatch) -> Embedded:
        """See `Tower`."""
        return Embedded(self.net(pictures.images.expand(-1, self.channels, -1, -1))[3].mean((2, 3)), None)


def open_tower(model: str, synthetic: bool = False) -> Tower:
    """The tower of that name, file or folder, in evaluation mode.

    Args:
        model: `starter` or a reader's folder; a folder of BioViL or BioViL-T files; a file of a ResNet-50 as torchvision
            names its weights; or `resnet50` and `debug`, whose weights are random, and the same every time.
        synthetic: whether the pictures were drawn; for a reader.

    Raises:
        InputError: when there is no such model, or it has no joint space.
    """
    path = Path(model)
    if model in FRESH:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            net = ResNet(FRESH[model])
        return BackboneTower(model, f"random {model}", net, FRESH[model]).eval()
    if path.is_file():
        return _backbone_file(path).eval()
    if path.is_dir() and any((path / name).is_file() for name in IMAGE_FILES):
        return BiovilTower(load_image_model(image_weights(path))).eval()
    return StarterTower(load_reader(model), synthetic).eval()


def _backbone_file(path: Path) -> Tower:
    found = read_checkpoint(path)
    kept, _ = split_ignored(found.tensors, CLASSIFIER)
    config = ResNetConfig()
    net = ResNet(config)
    load_strictly(net, {name: found.tensors[name] for name in kept}, found.file)
    return BackboneTower(path.stem, found.sha256, net, config)


def still_parts(tower: Tower) -> tuple[str, ...]:
    """What stays as it is in full fine-tuning: what the features do not use, and batch norms with their statistics.

    The batches are too small for statistics, and those of several processes would differ.
    """
    norms = (n for n, m in tower.named_modules() if isinstance(m, nn.modules.batchnorm._BatchNorm))
    return tuple(dict.fromkeys((*tower.unused, *norms)))


def _all_take_part(features: Tensor, encoder: nn.Module) -> Tensor:
    """The same features, on which every parameter of the encoder depends: its temporal part is idle without a prior."""
    if not features.requires_grad:
        return features
    return features + 0.0 * torch.stack([p.sum() for p in encoder.parameters() if p.requires_grad]).sum()


def _middle(pixels: np.ndarray, side: int) -> np.ndarray:
    """The middle square of 8-bit pixels, 0..1, exactly as `imaging.joint_prepare.prepare_published` cuts it."""
    top, left = (round((length - side) / 2) for length in pixels.shape)
    return pixels[top : top + side, left : left + side].astype(np.float32) / np.float32(255)


def _canvas(pixels: np.ndarray) -> np.ndarray:
    """Grey values 0..1.2 of a stored canvas of 8 or 16 bits."""
    return pixels.astype(np.float32) * np.float32(BRIGHTEST / np.iinfo(pixels.dtype).max)


def _wrong_preparation(dataset: PreparedDataset, name: str, wanted: str) -> InputError:
    found = f"{dataset.folder} was prepared as {dataset.about['preparation']['name']}, which {name} does not see"
    return InputError(found, wanted, "prepare the catalogue again")
