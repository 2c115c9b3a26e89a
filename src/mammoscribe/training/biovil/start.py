"""What the joint stage begins with: an image model and a text model, each from the folder of --init or new."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from mammoscribe.imaging.joint_pixels import STRIDE
from mammoscribe.imaging.joint_prepare import CROP_PX
from mammoscribe.models.biovil.files import load_strictly
from mammoscribe.models.biovil.image_encoder import ImageEncoderConfig
from mammoscribe.models.biovil.image_model import HEADS, JointImageConfig, JointImageModel, load_image_model
from mammoscribe.models.biovil.resnet import ResNetConfig
from mammoscribe.models.biovil.space import IMAGE_FILES, image_weights
from mammoscribe.models.biovil.text_folder import text_weights_at
from mammoscribe.models.biovil.text_model import WEIGHTS
from mammoscribe.support.errors import InputError, InvalidNoun
from mammoscribe.support.lookup import look_up


@dataclass(frozen=True)
class ImagePreset:
    """A new image model: its encoder, and the side of what it is shown in training."""

    encoder: ImageEncoderConfig
    size_px: int


PRESETS: Mapping[str, ImagePreset] = {
    "base": ImagePreset(ImageEncoderConfig(), CROP_PX),
    "starter": ImagePreset(ImageEncoderConfig(ResNetConfig(1, 16, 16, (2, 2, 2, 2)), dim=128), 320),
    "debug": ImagePreset(ImageEncoderConfig(ResNetConfig(1, 8, 8, (1, 1, 1, 1)), dim=32, blocks=1), 64),
}
"""Shapes of a new image model by preset; `base` is the published one. Heads are the published 8, which no file of weights says."""


@dataclass(frozen=True)
class ImageShape:
    """The image model of a run.

    Args:
        preset: of a new model, `base`, `starter` or `debug`; none is that of the text model.
        size_px: side of what the model is shown; none is the preset's, or of --init what its card says, or 448.
        dropout, drop_path: of the temporal block in training, as published.
        keep_statistics: whether batch norms keep the statistics and factors of --init, for small batches and so that
            several processes train exactly as one does.

    Raises:
        InvalidNoun: for rates outside 0 to 1, or a side that is no multiple of 32.
    """

    preset: str | None = None
    size_px: int | None = None
    dropout: float = 0.10
    drop_path: float = 0.25
    keep_statistics: bool = False

    def __post_init__(self) -> None:
        if self.preset is not None:
            look_up(self.preset, PRESETS, "preset of an image model")
        if not 0 <= self.dropout < 1 or not 0 <= self.drop_path < 1:
            raise InvalidNoun(f"dropout {self.dropout}, drop_path {self.drop_path}", "0 to below 1")
        if self.size_px is not None and (self.size_px < STRIDE or self.size_px % STRIDE):
            raise InvalidNoun(f"size_px {self.size_px}", f"a multiple of {STRIDE}")


@dataclass(frozen=True)
class ImageStart:
    """An image model that is trained, and the side of what it is shown."""

    model: JointImageModel
    size_px: int


def joint_weights_at(place: Path) -> Path:
    """The weights file of a model folder or of a run: the image model's where there is one, else the text model's.

    The other model, where the same folder holds it, is begun with as well.

    Raises:
        InputError: when there is neither.
    """
    if place.is_file() and place.name in (*IMAGE_FILES, *WEIGHTS):
        return place
    if _has(model_folder(place), IMAGE_FILES):
        return image_weights(model_folder(place))
    return text_weights_at(place)


def is_image_model(weights: Path) -> bool:
    """Whether a weights file is that of an image model, and not of a text model alone."""
    return weights.name in IMAGE_FILES


def image_weights_at(place: Path) -> Path:
    """The image weights of a model folder or of a run, or that file itself.

    Raises:
        InputError: when there are none.
    """
    if place.is_file() and place.name in IMAGE_FILES:
        return place
    folder = model_folder(place)
    if (place / "run.json").is_file() and folder == place:
        raise InputError(f"{place} is a run that has not ended", "one with model/", "start its command again to go on")
    return image_weights(folder)


def model_folder(place: Path) -> Path:
    """`model/` of a run, or the folder itself."""
    return place / "model" if (place / "model").is_dir() else place


def text_init(init: Path | None) -> Path | None:
    """The text weights beside `init`, or None."""
    return None if init is None or not _has(init.parent, WEIGHTS) else text_weights_at(init.parent)


def image_start(init: Path | None, shape: ImageShape, preset: str, joint_dim: int, seed: int) -> ImageStart:
    """The image model that a run begins with; all processes get the same.

    Args:
        init: a weights file of `joint_weights_at`; None, or one without an image model beside it, makes a new one.
        shape: of the model.
        preset: of a new model where `shape` names none.
        joint_dim: dimensions of the joint space, as the text model has them.
        seed: of new weights.

    Raises:
        InputError: for an image model that takes no priors or of another joint space, and when `shape` says what only a new
            model can be given.
    """
    torch.manual_seed(seed)
    if init is None or not _has(init.parent, IMAGE_FILES):
        chosen = PRESETS[shape.preset or preset]
        config = JointImageConfig(_regularised(chosen.encoder, shape), joint_dim)
        return ImageStart(JointImageModel(config), shape.size_px or chosen.size_px)
    file = image_weights(init.parent)
    found = loaded_image(file, shape)
    there = found.model.config.joint_dim
    if there != joint_dim:
        raise InputError(f"{file} projects to {there}, the text model to {joint_dim}", "one joint space")
    return found


def loaded_image(file: Path, shape: ImageShape) -> ImageStart:
    """The image model of a weights file, with the regularisation and the size of `shape`.

    Raises:
        InputError: for a model that takes no priors, and when `shape` says what only a new model can be given.
    """
    if shape.preset is not None:
        raise InputError(f"image.preset {shape.preset} beside {file}, which has a shape", "one of them")
    found = load_image_model(file)
    config = found.model.config
    if not config.takes_priors:
        raise InputError(f"{file} is of {config.name}, which takes no priors", "an image model of biovil-t")
    model = JointImageModel(replace(config, encoder=_regularised(config.encoder, shape)))
    load_strictly(model, found.model.state_dict(), file.name)
    return ImageStart(model, shape.size_px or found.size_px or CROP_PX)


def _regularised(config: ImageEncoderConfig, shape: ImageShape) -> ImageEncoderConfig:
    return replace(config, heads=HEADS, dropout=shape.dropout, drop_path=shape.drop_path)


def _has(folder: Path, names: Sequence[str]) -> bool:
    return any((folder / name).is_file() for name in names)
