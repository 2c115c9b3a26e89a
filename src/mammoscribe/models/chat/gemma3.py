"""Gemma 3 and MedGemma: each view is padded to a square of 896 pixels and becomes 256 tokens, which see each other both ways."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from mammoscribe.models.chat.family import Family, Preparation
from mammoscribe.models.chat.library import image_processor, in_one_sentence
from mammoscribe.models.chat.squares import SquareViews, check_sides


@dataclass(frozen=True)
class Gemma3(SquareViews):
    """The adapter of Gemma 3, with a `Gemma3ImageProcessorPil`.

    The published pre-processing squeezes a picture into a square; here the shorter side is padded before. The tokens of one
    picture see each other in both directions, and no token of another picture or text behind it. So what is learned is
    masked as in other families, and decoding with a cache gives the same tokens, as long as a picture is read in one pass
    and never cut: both are done here.
    """

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
            sides = [processor.size.height, processor.size.width]
        check_sides(folder, [sides], [config.vision_config.image_size])
        return cls(
            family, processor, preparation, config.mm_tokens_per_image, preparation.pad_rgb or (red, green, blue)
        )

    def unused(self, network: nn.Module) -> tuple[str, ...]:  # noqa: ARG002
        """None: every part of this network takes part."""
        return ()
