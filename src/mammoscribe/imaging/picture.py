"""A decoded picture: grey values from 0 to 1, bright = dense, with its spacing and what was done to it."""

from dataclasses import dataclass

import numpy as np

from mammoscribe.domain.view import SpacingSource
from mammoscribe.imaging.orientation import Orientation
from mammoscribe.support.errors import InvalidNoun


@dataclass(frozen=True)
class Picture:
    """Grey values of one view as stored: no flip, no rotation, no crop.

    Args:
        pixels: float32 [H, W] in 0..1, bright = dense (MONOCHROME2 sense).
        spacing_mm: (row, column) distance of pixel centres in the breast, or None.
        spacing_source: where the spacing comes from.
        steps: what was done to the stored values, in order, for provenance.
        orientation: how the picture lies by the header's Patient Orientation, None when it does not say;
            to be held against the pixels, which may have been mirrored or turned since.
        warnings: what the reader of the picture should know.

    Raises:
        InvalidNoun: when the pixels are not a two-dimensional float32 array.
    """

    pixels: np.ndarray
    spacing_mm: tuple[float, float] | None = None
    spacing_source: SpacingSource = SpacingSource.UNKNOWN
    steps: tuple[str, ...] = ()
    orientation: Orientation | None = None
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.pixels.ndim != 2 or self.pixels.dtype != np.float32:
            raise InvalidNoun(f"a picture of {self.pixels.dtype} {self.pixels.shape}", "float32 [H, W]")

    @property
    def height_px(self) -> int:
        """Rows."""
        return int(self.pixels.shape[0])

    @property
    def width_px(self) -> int:
        """Columns."""
        return int(self.pixels.shape[1])
