"""A joint space made of brightness: bright patches point one way, dark ones another, and words say which."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mammoscribe.domain.view import Box, Origin
from mammoscribe.imaging.joint_pixels import JointPixels
from mammoscribe.imaging.joint_prepare import prepare_published, prepare_whole
from mammoscribe.imaging.placement import Placement
from mammoscribe.models.joint_space import JointImages
from mammoscribe.models.space_measures import AnswerFigures, PromptMargin, SpaceMeasures
from mammoscribe.support.errors import InputError

DIM, GRID = 6, 8
MEANT = {"bright": (1.0, 0.0), "dark": (0.0, 1.0)}


class BrightnessSpace:
    """Patches are (brightness, 1 - brightness, 0, ...); "bright" and "dark" are the first axes, other texts a hash."""

    name = "brightness"
    dim = DIM
    smoothing_patches = 1.5

    def __init__(self, whole: bool = True) -> None:
        self.whole, self.embedded, self.priors = whole, 0, []

    def prepare(self, path: Path) -> JointPixels:
        return prepare_whole(path, 64) if self.whole else prepare_published(path, 72, 64)

    def embed_images(
        self, images: Sequence[JointPixels], priors: Sequence[JointPixels | None] | None = None
    ) -> JointImages:
        self.embedded += len(images)
        self.priors += list(priors or [])
        pixels = torch.from_numpy(np.stack([i.pixels for i in images]))[:, None]
        bright = F.adaptive_avg_pool2d(pixels, GRID)
        patches = torch.cat((bright, 1 - bright, torch.zeros(len(images), DIM - 2, GRID, GRID)), dim=1)
        return JointImages(patches, patches.mean((2, 3)), patches.mean((2, 3)))

    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        if any(not t.strip() for t in texts):
            raise InputError("an empty text")
        return F.normalize(torch.stack([_direction(t) for t in texts]), dim=1)


class RawSpace(BrightnessSpace):
    """One that gives embeddings before normalisation as well: "bright" is three times as long as "dark"."""

    def project_texts(self, texts: Sequence[str]) -> Tensor:
        return torch.stack([_direction(t) * (3 if "bright" in t else 1) for t in texts])


class MeasuredBrightness(BrightnessSpace):
    """One with a card: what was measured of it, and pictures that are all of one origin."""

    def __init__(self, *margins: PromptMargin, origin: Origin = Origin.SYNTHETIC) -> None:
        super().__init__(whole=False)
        self.measures, self.origin = SpaceMeasures("0" * 64, margins), origin

    def origin_of(self, image: JointPixels) -> Origin:
        return self.origin


def figures(low: float = 0.7, population: str = "drawn exams", **changed: float) -> AnswerFigures:
    """Figures of a prompt set whose AUC is 0.8."""
    values = {"auc": 0.8, "auc_low": low, "auc_high": 0.9, "sensitivity": 0.71, "specificity": 0.64, **changed}
    return AnswerFigures(population, 60, 40, 200, **values)


class FixedSpace(BrightnessSpace):
    """One whose patches and text are given."""

    def __init__(self, patches: Tensor, text: Tensor) -> None:
        super().__init__()
        self.patches, self.text = patches, text

    def embed_images(self, images: Sequence[JointPixels], priors: object = None) -> JointImages:
        return JointImages(self.patches, self.patches.mean((2, 3)), self.patches.mean((2, 3)))

    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        return F.normalize(self.text, dim=1)


def _direction(text: str) -> Tensor:
    for word, axes in MEANT.items():
        if word in text:
            return torch.tensor((*axes, *(0.0,) * (DIM - 2)))
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
    return torch.randn(DIM, generator=torch.Generator().manual_seed(seed))


def spot_png(path: Path, x: int, y: int, size: tuple[int, int] = (160, 120), side: int = 24) -> Path:
    """A grey picture with one white square centred at (x, y)."""
    from PIL import Image

    pixels = np.full(size, 90, np.uint8)
    pixels[0, 0] = 0
    pixels[y - side // 2 : y + side // 2, x - side // 2 : x + side // 2] = 255
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def placed(placement: Placement, seen: Box, mode: str = "whole") -> JointPixels:
    """A black canvas with that placement."""
    return JointPixels(
        np.zeros((placement.canvas_height_px, placement.canvas_width_px), np.float32), placement, seen, mode
    )
