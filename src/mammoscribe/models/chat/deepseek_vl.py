"""DeepSeek-VL: each view is padded to a square of 384 pixels (the 7B model: and one of 1024) and becomes 576 tokens."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from mammoscribe.models.chat.family import Family, Preparation
from mammoscribe.models.chat.library import image_processor, in_one_sentence
from mammoscribe.models.chat.squares import SquareViews, check_sides


@dataclass(frozen=True)
class DeepseekVL(SquareViews):
    """The adapter of DeepSeek-VL 1.3B and 7B, whose image processors pad, too; that of 7B makes two squares of a view."""

    @classmethod
    def opened(cls, folder: Path, config: Any, family: Family, preparation: Preparation) -> "DeepseekVL":
        """The adapter for a folder.

        Args:
            folder: of the model.
            config: as `transformers` has read its config.json.
            family: of the model.
            preparation: of each view.

        Raises:
            InputError: when the pre-processing does not give the encoders pictures of their size.
        """
        high = getattr(config, "high_res_vision_config", None)
        kind = "DeepseekVLImageProcessorPil" if high is None else "DeepseekVLHybridImageProcessorPil"
        needs = ("size", "image_mean", "image_std", *(("high_res_size",) if high is not None else ()))
        processor = image_processor(folder, kind, needs)
        wanted = [config.vision_config.image_size, *([] if high is None else [high.image_size])]
        with in_one_sentence("the pre-processing", folder):
            sizes = [processor.size, *([] if high is None else [processor.high_res_size])]
            found = [(size["height"], size["width"]) for size in sizes]
            processor.do_pad = True
            if preparation.pad_rgb is not None:
                processor.background_color = processor.high_res_background_color = preparation.pad_rgb
        check_sides(folder, found, wanted)
        tokens = (wanted[0] // config.vision_config.patch_size) ** 2
        return cls(family, processor, preparation, tokens, None)

    def unused(self, network: nn.Module) -> tuple[str, ...]:
        """The head of the image encoder, where the folder holds one."""
        head = "model.vision_model.head"
        return (head,) if any(name == head for name, _ in network.named_modules()) else ()
