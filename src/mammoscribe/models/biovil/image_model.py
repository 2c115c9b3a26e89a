"""The published BioViL-T and BioViL image models: encoder and projector, loaded strictly from their files or ours.

Layout and values follow `hi-ml-multimodal` 0.2.2 (Bannur et al., CVPR 2023; Boecking et al., ECCV 2022). Beyond it: one
batch may mix rows with and without a prior, a prior's map can be kept and given again, and pairs may have any size.
The accuracy of pairs at other sizes than 448 x 448 pixels has not been tested by anybody.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from mammoscribe.models.biovil.card import JointCard
from mammoscribe.models.biovil.files import load_strictly, read_checkpoint, split_ignored
from mammoscribe.models.biovil.image_encoder import ImageEncoderConfig, MultiImageEncoder
from mammoscribe.models.biovil.resnet import ResNetConfig
from mammoscribe.support.errors import InputError

IGNORED = re.compile(r"encoder\.encoder\.fc\.(weight|bias)$")
"""The ImageNet classifier, which is in the published files and never used; nothing else is left out."""
HEADS = 8
CROP_PX = {"biovil-t": 448, "biovil": 480}
"""Side of the published centre crop (reference inference code)."""


@dataclass(frozen=True)
class JointImageConfig:
    """Shape of an image model; the defaults are the published BioViL-T.

    Args:
        encoder: backbone and temporal block.
        joint_dim: dimensions of the joint space.
        takes_priors: True for BioViL-T; False for BioViL, which has neither reduction nor temporal block.
    """

    encoder: ImageEncoderConfig = ImageEncoderConfig()
    joint_dim: int = 128
    takes_priors: bool = True

    @property
    def name(self) -> str:
        """Published name of this layout."""
        return "biovil-t" if self.takes_priors else "biovil"

    @property
    def features(self) -> int:
        """Channels of the patch map before the projector: static and difference halves, or the backbone's."""
        return 2 * self.encoder.dim if self.takes_priors else self.encoder.backbone.channels[3]


class ImageOutput(NamedTuple):
    """What an image model gives for N images; nothing is normalised.

    Args:
        patches: [N, D, h, w], the patch map at stride 32; D = 512 (BioViL-T) or 2048 (BioViL).
        pooled: [N, D], its spatial mean.
        projected_patches: [N, J, h, w].
        projected_global: [N, J], the mean of the projected patches (not the projection of the mean).
    """

    patches: Tensor
    pooled: Tensor
    projected_patches: Tensor
    projected_global: Tensor


class SingleImageEncoder(nn.Module):
    """BioViL's encoder, a ResNet alone; the attribute name is the published checkpoint's."""

    def __init__(self, config: ImageEncoderConfig) -> None:
        super().__init__()
        self.encoder = config.backbone.network()

    def forward(self, images: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, 2048, h, w]."""
        return self.encoder(images)[3]


class Projector(nn.Module):
    """Two 1x1 convolutions with batch norm and ReLU between them, from patch features to the joint space."""

    def __init__(self, features: int, joint_dim: int) -> None:
        super().__init__()
        self.model = nn.Sequential(
            nn.Conv2d(features, joint_dim, 1, bias=False),
            nn.BatchNorm2d(joint_dim),
            nn.ReLU(),
            nn.Conv2d(joint_dim, joint_dim, 1),
        )

    def forward(self, patches: Tensor) -> Tensor:
        """[N, D, h, w] -> [N, J, h, w]."""
        return self.model(patches)


class JointImageModel(nn.Module):
    """An image model of the joint space; its state dict has the published keys, less the unused classifier."""

    def __init__(self, config: JointImageConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = MultiImageEncoder(config.encoder) if config.takes_priors else SingleImageEncoder(config.encoder)
        self.projector = Projector(config.features, config.joint_dim)

    def prior_maps(self, images: Tensor) -> Tensor:
        """[M, C, H, W] -> [M, 256, h, w]: what the model keeps of a prior; give it back as `previous_maps`."""
        if not isinstance(self.encoder, MultiImageEncoder):
            raise _no_priors(self.config)
        return self.encoder.prior_maps(images)

    def forward(
        self,
        images: Tensor,
        previous: Tensor | None = None,
        has_prior: Tensor | None = None,
        previous_maps: Tensor | None = None,
    ) -> ImageOutput:
        """Encode N images, with a prior for the rows that `has_prior` names.

        Args:
            images: [N, C, H, W], 0..1, no further normalisation; a grey image is repeated to C = 3 channels.
            previous: [M, C, H, W], the priors of the true rows in order.
            has_prior: [N] bool; None means all rows when priors are given, else none.
            previous_maps: [M, 256, h, w] of `prior_maps`, in place of `previous`.

        Raises:
            InputError: for priors that do not fit the images or the model.
        """
        _check(self.config, images, previous, has_prior, previous_maps)
        if isinstance(self.encoder, MultiImageEncoder):
            patches = self.encoder(images, previous, has_prior, previous_maps).patches
        else:
            patches = self.encoder(images)
        projected = self.projector(patches)
        return ImageOutput(patches, patches.mean((2, 3)), projected, projected.mean((2, 3)))


def _no_priors(config: JointImageConfig) -> InputError:
    return InputError(f"a prior for {config.name}, which compares nothing", "images without priors", "use biovil-t")


def _check(
    config: JointImageConfig, images: Tensor, previous: Tensor | None, has_prior: Tensor | None, maps: Tensor | None
) -> None:
    """Refuse priors that a model cannot take, that come twice, or whose number or size is not that of their rows."""
    if not config.takes_priors and (previous is not None or maps is not None or has_prior is not None):
        raise _no_priors(config)
    if previous is not None and maps is not None:
        raise InputError("priors both as images and as maps", "one of the two")
    given = maps if previous is None else previous
    rows = len(images) if has_prior is None else int(has_prior.sum())
    if has_prior is not None and has_prior.shape != (len(images),):
        raise InputError(f"has_prior of shape {tuple(has_prior.shape)} for {len(images)} images")
    if (0 if given is None else len(given)) != rows and not (given is None and has_prior is None):
        raise InputError(f"{0 if given is None else len(given)} priors for {rows} rows that have one")
    if previous is not None and previous.shape[1:] != images.shape[1:]:
        raise InputError(
            f"a prior of {previous.shape[2]} x {previous.shape[3]} pixels",
            f"the size of the current image, {images.shape[2]} x {images.shape[3]}",
        )
    if maps is not None:
        grid = tuple(-(-side // 32) for side in images.shape[2:])
        if tuple(maps.shape[1:]) != (config.encoder.dim, *grid):
            raise InputError(f"prior maps of shape {tuple(maps.shape[1:])}", f"{(config.encoder.dim, *grid)}")


@dataclass(frozen=True)
class LoadedImageModel:
    """A model in evaluation mode, with where it came from, which keys of the file are not used, and its card if it has one."""

    model: JointImageModel
    file: str
    sha256: str
    source_sha256: str
    ignored: tuple[str, ...]
    card: JointCard | None = None

    @property
    def size_px(self) -> int | None:
        """Side of what a model trained here is shown; None for a published one."""
        return None if self.card is None else self.card.size_px

    @property
    def crop_px(self) -> int:
        """Side of what the model is shown: its own, or that of the published centre crop."""
        return self.size_px or CROP_PX[self.model.config.name]


def load_image_model(path: Path) -> LoadedImageModel:
    """Load the published `.pt` layout, or a safetensors file of ours; every key but `fc.*` has to fit.

    Raises:
        InputError: for a file that is absent, damaged, replaced by its publisher or of another layout.
    """
    found = read_checkpoint(path)
    kept, ignored = split_ignored(found.tensors, IGNORED)
    tensors = {name: found.tensors[name] for name in kept}
    model = JointImageModel(config_of(tensors, found.file))
    load_strictly(model, tensors, found.file)
    return LoadedImageModel(model.eval(), found.file, found.sha256, found.source_sha256, ignored, found.card)


def config_of(tensors: Mapping[str, Tensor], file: str) -> JointImageConfig:
    """The shape that a checkpoint's tensors say; the number of heads is the published 8, since no tensor tells it."""
    try:
        stem, channels = tensors["encoder.encoder.conv1.weight"].shape[:2]
        width = tensors["encoder.encoder.layer1.0.conv1.weight"].shape[0]
        joint_dim = tensors["projector.model.3.weight"].shape[0]
    except KeyError as error:
        raise InputError(f"{file} has no {error}", "the layout of biovil-t or biovil") from error
    except (ValueError, IndexError) as error:
        raise InputError(f"{file} has weights of other shapes", "the layout of biovil-t or biovil") from error
    depths = tuple(_count(tensors, rf"encoder\.encoder\.layer{i}\.(\d+)\.") for i in range(1, 5))
    reduction = tensors.get("encoder.backbone_to_vit.weight")
    backbone = ResNetConfig(channels, stem, width, depths)  # type: ignore[arg-type]
    encoder = ImageEncoderConfig(
        backbone,
        dim=256 if reduction is None else reduction.shape[0],
        heads=HEADS,
        blocks=_count(tensors, r"encoder\.vit_pooler\.blocks\.(\d+)\."),
    )
    return JointImageConfig(encoder, joint_dim, takes_priors=reduction is not None)


def _count(tensors: Mapping[str, Tensor], pattern: str) -> int:
    return len({found[1] for name in tensors if (found := re.match(pattern, name))})


def three_channels(grey: Tensor, channels: int = 3) -> Tensor:
    """[N, H, W] -> [N, channels, H, W], the same values in each channel (reference pre-processing)."""
    return grey[:, None].expand(-1, channels, -1, -1).contiguous(memory_format=torch.contiguous_format)
