"""The joint space: what an image-text model must offer so that grounding, zero-shot and retrieval can use it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from torch import Tensor

from mammoscribe.domain.view import Origin
from mammoscribe.imaging.joint_pixels import JointPixels
from mammoscribe.models.space_measures import SpaceMeasures

__all__ = ["JointImages", "JointPixels", "JointSpace", "MeasuredSpace"]


@dataclass(frozen=True)
class JointImages:
    """Embedded images; nothing here is normalised.

    Args:
        patches: [N, J, h, w], projected patches.
        whole: [N, J], the projected image.
        pooled: [N, D], features before the projection, for linear heads.
    """

    patches: Tensor
    whole: Tensor
    pooled: Tensor


class JointSpace(Protocol):
    """An image side and a text side with one space of `dim` dimensions between them."""

    @property
    def name(self) -> str:
        """Name of the model, for provenance."""
        ...

    @property
    def dim(self) -> int:
        """Dimensions of the joint space."""
        ...

    @property
    def smoothing_patches(self) -> float:
        """Standard deviation, in patches, of the Gaussian that smooths a grounding map."""
        ...

    def prepare(self, path: Path) -> JointPixels:
        """Decode and pre-process one picture; InputError when it cannot be read."""
        ...

    def embed_images(
        self, images: Sequence[JointPixels], priors: Sequence[JointPixels | None] | None = None
    ) -> JointImages:
        """Embed pictures, each with or without its prior; a model without priors refuses them (InputError)."""
        ...

    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        """[N, J], L2-normalised."""
        ...


@runtime_checkable
class MeasuredSpace(Protocol):
    """A joint space whose card says what was measured of it, on pictures of which origin."""

    @property
    def measures(self) -> SpaceMeasures | None:
        """What was measured; None where nothing was."""
        ...

    def origin_of(self, image: JointPixels) -> Origin:
        """Whether a prepared picture was made with an X-ray machine or drawn."""
        ...
