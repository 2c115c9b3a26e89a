"""What the families have in common that take every view as a square of one size: equally many tokens for each."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mammoscribe.models.chat.adapter import Pixels, checked_views, rgb, square
from mammoscribe.models.chat.family import Family, Preparation
from mammoscribe.support.errors import InputError


@dataclass(frozen=True)
class SquareViews:
    """The part of an adapter that makes views pixel inputs.

    Args:
        family: of the model.
        processor: the image processor of the folder.
        preparation: of each view.
        tokens: of each view.
        colour: of the padding; None where the processor pads.
    """

    family: Family
    processor: Any
    preparation: Preparation
    tokens: int
    colour: tuple[int, int, int] | None

    @property
    def view_tokens(self) -> tuple[int, int]:
        """The same for every view."""
        return self.tokens, self.tokens

    def tokens_for(self, views: int) -> int:
        """So many times those of a view."""
        return views * self.tokens

    def pixels(self, views: Sequence[np.ndarray]) -> Pixels:
        """`pixel_values` [N, 3, side, side] of N views and whatever else the processor makes; see `Adapter.pixels`."""
        pictures = [rgb(view) for view in checked_views(views, self.family)]
        if self.colour is not None:
            pictures = [square(picture, self.colour) for picture in pictures]
        found = self.processor.preprocess(pictures, return_tensors="pt", input_data_format="channels_last")
        names = [name for name in ("pixel_values", "high_res_pixel_values") if name in found]
        return Pixels({name: found[name] for name in names}, (self.tokens,) * len(views))


def check_sides(folder: Path, found: Sequence[Sequence[int | None]], wanted: Sequence[int]) -> None:
    """InputError when a folder's pre-processing does not give its image encoders pictures of their sizes.

    Args:
        folder: of the model.
        found: for each encoder, the sides in pixels that it gives, which should be one.
        wanted: the side that each encoder takes.
    """
    if any(set(sides) != {side} for sides, side in zip(found, wanted, strict=True)):
        raise InputError(
            f"{folder} prepares pictures of {' and '.join(' x '.join(map(str, dict.fromkeys(s))) for s in found)} pixels",
            f"{' and '.join(map(str, wanted))}, the encoder's", "take preprocessor_config.json and config.json of one model",
        )  # fmt: skip
