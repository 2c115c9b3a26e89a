"""Qwen2-VL and Qwen2.5-VL: each view keeps its shape and, within a budget for the whole exam, its resolution."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from mammoscribe.models.chat.adapter import Pixels, checked_views, rgb
from mammoscribe.models.chat.family import Family, Preparation
from mammoscribe.models.chat.library import image_processor
from mammoscribe.support.errors import InputError

MOST_LONG = 200
"""Longest side to shortest, above which the library refuses a picture."""


@dataclass(frozen=True)
class Qwen2VL:
    """The adapter of Qwen2-VL and Qwen2.5-VL, without torchvision: the image processor that works with Pillow.

    Args:
        family: which of the two.
        processor: `Qwen2VLImageProcessorPil` of the folder.
        preparation: of each view.
    """

    family: Family
    processor: Any
    preparation: Preparation

    @classmethod
    def opened(cls, folder: Path, config: Any, family: Family, preparation: Preparation) -> "Qwen2VL":
        """The adapter for a folder.

        Args:
            folder: of the model.
            config: as `transformers` has read its config.json.
            family: of the model.
            preparation: of each view.

        Raises:
            InputError: when the pre-processing cuts patches that are not the encoder's.
        """
        needs = ("patch_size", "merge_size", "temporal_patch_size", "image_mean", "image_std")
        processor = image_processor(folder, "Qwen2VLImageProcessorPil", needs)
        own = (processor.patch_size, processor.merge_size, processor.temporal_patch_size)
        vision = config.vision_config
        wanted = (vision.patch_size, vision.spatial_merge_size, vision.temporal_patch_size)
        if own != wanted:
            raise InputError(
                f"{folder} prepares patches, merges and frames of {own}", f"{wanted}, the encoder's",
                "take preprocessor_config.json and config.json of one model",
            )  # fmt: skip
        return cls(family, processor, preparation)

    @property
    def view_tokens(self) -> tuple[int, int]:
        """Of the smallest and the largest picture that the folder's pre-processing gives."""
        size = self._size(1)
        return max(1, size["shortest_edge"] // self._token_px), max(1, size["longest_edge"] // self._token_px)

    def tokens_for(self, views: int) -> int:
        """So many times those of the largest view, or what the budget of pixels leaves."""
        return views * max(1, self._size(views)["longest_edge"] // self._token_px)

    @property
    def _token_px(self) -> int:
        """Pixels that one token stands for."""
        return (self.processor.patch_size * self.processor.merge_size) ** 2

    def pixels(self, views: Sequence[np.ndarray]) -> Pixels:
        """`pixel_values` [patches of all views, values of a patch] and `image_grid_thw` [N, 3]; see `Adapter.pixels`.

        Raises:
            InputError: as `checked_views`, and for a picture that is a line.
        """
        for view in checked_views(views, self.family):
            if max(view.shape) > MOST_LONG * min(view.shape):
                raise InputError(f"a picture of {view.shape[1]} x {view.shape[0]} pixels", f"at most {MOST_LONG} : 1")
        pictures = [rgb(view) for view in views]
        found = self.processor.preprocess(
            pictures, return_tensors="pt", input_data_format="channels_last", size=self._size(len(views))
        )
        grid = found["image_grid_thw"]
        tokens = (grid.prod(dim=1) // self.processor.merge_size**2).tolist()
        return Pixels({"pixel_values": found["pixel_values"].to(torch.float32), "image_grid_thw": grid}, tuple(tokens))

    def _size(self, views: int) -> dict[str, int]:
        """Fewest and most pixels of one view: those of the folder, or an equal share of the exam's budget."""
        size = self.processor.size
        fewest, most = int(size.shortest_edge), int(size.longest_edge)
        if self.preparation.exam_px is not None:
            most = min(most, math.floor(self.preparation.exam_px / views))
        return {"shortest_edge": min(fewest, most), "longest_edge": max(most, self._token_px)}

    def unused(self, network: nn.Module) -> tuple[str, ...]:  # noqa: ARG002
        """None: every part of this network takes part."""
        return ()
