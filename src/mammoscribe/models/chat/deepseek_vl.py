"""DeepSeek-VL: each view is padded to a square of 384 pixels (the 7B model: and one of 1024) and becomes 576 tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from mammoscribe.models.chat.adapter import Pixels, checked_views, rgb
from mammoscribe.models.chat.family import Family, Preparation
from mammoscribe.models.chat.library import image_processor, in_one_sentence
from mammoscribe.support.errors import InputError


@dataclass(frozen=True)
class DeepseekVL:
    """The adapter of DeepSeek-VL 1.3B and 7B.

    Args:
        family: which of the two.
        processor: `DeepseekVLImageProcessorPil` or `DeepseekVLHybridImageProcessorPil` of the folder, which pads, too.
        preparation: of each view.
        tokens: of each view.
    """

    family: Family
    processor: Any
    preparation: Preparation
    tokens: int

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
        wanted = [(config.vision_config.image_size,) * 2, *([] if high is None else [(high.image_size,) * 2])]
        with in_one_sentence("the pre-processing", folder):
            sizes = [processor.size, *([] if high is None else [processor.high_res_size])]
            found = [(size["height"], size["width"]) for size in sizes]
            processor.do_pad = True
            if preparation.pad_rgb is not None:
                processor.background_color = processor.high_res_background_color = preparation.pad_rgb
        if found != wanted:
            raise InputError(
                f"{folder} prepares pictures of {found} pixels", f"{wanted}, the encoder's",
                "take preprocessor_config.json and config.json of one model",
            )  # fmt: skip
        return cls(family, processor, preparation, (wanted[0][0] // config.vision_config.patch_size) ** 2)

    @property
    def view_tokens(self) -> tuple[int, int]:
        """The same for every view."""
        return self.tokens, self.tokens

    def tokens_for(self, views: int) -> int:
        """So many times those of a view."""
        return views * self.tokens

    def pixels(self, views: Sequence[np.ndarray]) -> Pixels:
        """`pixel_values` [N, 3, side, side] of N views, and `high_res_pixel_values` for 7B; see `Adapter.pixels`."""
        pictures = [rgb(view) for view in checked_views(views, self.family)]
        found = self.processor.preprocess(pictures, return_tensors="pt", input_data_format="channels_last")
        names = [name for name in ("pixel_values", "high_res_pixel_values") if name in found]
        return Pixels({name: found[name] for name in names}, (self.tokens,) * len(views))

    def unused(self, network: nn.Module) -> tuple[str, ...]:
        """The head of the image encoder, where the folder holds one."""
        head = "model.vision_model.head"
        return (head,) if any(name == head for name, _ in network.named_modules()) else ()
