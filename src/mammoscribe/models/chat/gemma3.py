"""Gemma 3 and MedGemma: each view is padded to a square of 896 pixels and becomes 256 tokens, which see each other both ways."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from mammoscribe.models.chat.adapter import Pixels, checked_views, rgb, square
from mammoscribe.models.chat.family import Family, Preparation
from mammoscribe.models.chat.library import image_processor, in_one_sentence
from mammoscribe.support.errors import InputError


@dataclass(frozen=True)
class Gemma3:
    """The adapter of Gemma 3.

    The published pre-processing squeezes a picture into a square; here the shorter side is padded before. The tokens of one
    picture see each other in both directions, and no token of another picture or text behind it. So what is learned is
    masked as in other families, and decoding with a cache gives the same tokens, as long as a picture is read in one pass
    and never cut: both are done here.

    Args:
        family: Gemma 3.
        processor: `Gemma3ImageProcessorPil` of the folder.
        preparation: of each view.
        tokens: of each view.
        colour: of the padding.
    """

    family: Family
    processor: Any
    preparation: Preparation
    tokens: int
    colour: tuple[int, int, int]

    @classmethod
    def opened(cls, folder: Path, config: Any, family: Family, preparation: Preparation) -> "Gemma3":
        """The adapter for a folder.

        Args:
            folder: of the model.
            config: as `transformers` has read its config.json.
            family: of the model.
            preparation: of each view.

        Raises:
            InputError: when the pre-processing does not give the encoder pictures of its size.
        """
        processor = image_processor(folder, "Gemma3ImageProcessorPil", ("size", "image_mean", "image_std"))
        with in_one_sentence("the pre-processing", folder):
            processor.do_pan_and_scan = False  # crops beside the whole picture, for text in photographs
            red, green, blue = (int(part * 255) for part in processor.image_mean)
            sides = {processor.size.height, processor.size.width}
        side = config.vision_config.image_size
        if sides != {side}:
            raise InputError(
                f"{folder} prepares pictures of {sorted(map(str, sides))} pixels", f"{side}, the encoder's",
                "take preprocessor_config.json and config.json of one model",
            )  # fmt: skip
        return cls(
            family, processor, preparation, config.mm_tokens_per_image, preparation.pad_rgb or (red, green, blue)
        )

    @property
    def view_tokens(self) -> tuple[int, int]:
        """The same for every view."""
        return self.tokens, self.tokens

    def tokens_for(self, views: int) -> int:
        """So many times those of a view."""
        return views * self.tokens

    def pixels(self, views: Sequence[np.ndarray]) -> Pixels:
        """`pixel_values` [N, 3, side, side] of N views; see `Adapter.pixels`."""
        squares = [square(rgb(view), self.colour) for view in checked_views(views, self.family)]
        found = self.processor.preprocess(squares, return_tensors="pt", input_data_format="channels_last")
        return Pixels({"pixel_values": found["pixel_values"]}, (self.tokens,) * len(views))

    def unused(self, network: nn.Module) -> tuple[str, ...]:  # noqa: ARG002
        """None: every part of this network takes part."""
        return ()
