"""Llama 3.2 Vision: the views of a conversation as one montage of up to four tiles, seen by layers of cross-attention."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mammoscribe.models.chat.adapter import Pixels, checked_views, rgb
from mammoscribe.models.chat.crossed import RATIO_IDS, TILE_MASK
from mammoscribe.models.chat.family import Family, Preparation
from mammoscribe.models.chat.library import image_processor
from mammoscribe.models.chat.montage import montage
from mammoscribe.support.errors import InputError

TILES = 4
"""Of one picture: two views have two each, one above the other; three or four have one each."""


@dataclass(frozen=True)
class LlamaVision:
    """The adapter of Llama 3.2 Vision, which was trained on one picture a conversation.

    Args:
        family: Llama 3.2 Vision.
        processor: `MllamaImageProcessorPil` of the folder.
        preparation: of each view.
        side: of a tile.
    """

    family: Family
    processor: Any
    preparation: Preparation
    side: int

    @classmethod
    def opened(cls, folder: Path, config: Any, family: Family, preparation: Preparation) -> "LlamaVision":
        """The adapter for a folder.

        Args:
            folder: of the model.
            config: as `transformers` has read its config.json.
            family: of the model.
            preparation: of each view.

        Raises:
            InputError: when the pre-processing does not cut tiles of the encoder's size and number.
        """
        needs = ("size", "max_image_tiles", "image_mean", "image_std")
        processor = image_processor(folder, "MllamaImageProcessorPil", needs)
        size, vision = processor.size, config.vision_config
        found, wanted = (
            (size.height, size.width, processor.max_image_tiles), (vision.image_size, vision.image_size, vision.max_num_tiles)
        )  # fmt: skip
        if found != wanted or wanted[2] != TILES:
            raise InputError(
                f"{folder} prepares tiles of {found[0]} x {found[1]} pixels, {found[2]} of a picture",
                f"{wanted[0]} x {wanted[1]}, the encoder's, and {TILES}",
                "take preprocessor_config.json and config.json of one model",
            )  # fmt: skip
        return cls(family, processor, preparation, vision.image_size)

    @property
    def view_tokens(self) -> tuple[int, int]:
        """One for the picture, whatever its views are."""
        return self.family.view_tokens

    def tokens_for(self, views: int) -> int:  # noqa: ARG002
        """One."""
        return 1

    def pixels(self, views: Sequence[np.ndarray]) -> Pixels:
        """The montage of N views, see `Adapter.pixels`; a single view is cut into tiles as it is.

        Shapes: `pixel_values` [1, 1, 4, 3, side, side], `aspect_ratio_ids` [1, 1], `aspect_ratio_mask` [1, 1, 4].
        """
        views = checked_views(views, self.family)
        high = self.side * (TILES // 2 if len(views) == 2 else 1)
        picture = views[0] if len(views) == 1 else montage(views, (high, self.side))
        found = self.processor.preprocess([rgb(picture)], return_tensors="pt", input_data_format="channels_last")
        tensors = {name: found[name] for name in ("pixel_values", RATIO_IDS, TILE_MASK)}
        return Pixels(tensors, (1, *[0] * (len(views) - 1)))

    def unused(self, network: nn.Module) -> tuple[str, ...]:  # noqa: ARG002
        """None: every part of this network takes part."""
        return ()


def hide_from_texts(network: Any) -> None:
    """Let a conversation without a picture, in a batch with others that have one, be what it is alone.

    `transformers` adds the mean of all values of the empty picture to each of its tokens, because it does not mask the output
    of cross-attention. Where its keys and values are made of zeros, that mean is zero.
    """
    network.model.language_model.register_forward_pre_hook(_without_empty, with_kwargs=True)


def _without_empty(
    _: nn.Module, args: tuple[Any, ...], given: Mapping[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    states: Tensor | None = given.get("cross_attention_states")
    sees: Tensor | None = given.get("full_text_row_masked_out_mask")  # [N, 1, T, 1]: 1 where a token sees a tile
    if states is None or sees is None:
        return args, dict(given)
    seen = torch.amax(sees, dim=(1, 2, 3))
    shared = states.shape[0] // seen.shape[0]
    return args, {
        **given,
        "cross_attention_states": states * seen.repeat_interleave(shared)[:, None, None].to(states.dtype),
    }
