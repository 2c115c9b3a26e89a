"""LLaVA-1.5: each view is padded to a square, scaled to the encoder's side and becomes side / 14 squared tokens."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from mammoscribe.models.chat.family import Family, Preparation
from mammoscribe.models.chat.library import image_processor, in_one_sentence
from mammoscribe.models.chat.squares import SquareViews, check_sides


@dataclass(frozen=True)
class Llava(SquareViews):
    """The adapter of LLaVA-1.5 and LLaVA-Med, with a `LlavaImageProcessorPil`."""

    @classmethod
    def opened(cls, folder: Path, config: Any, family: Family, preparation: Preparation) -> "Llava":
        """The adapter for a folder.

        Args:
            folder: of the model.
            config: as `transformers` has read its config.json.
            family: of the model.
            preparation: of each view.

        Raises:
            InputError: when the pre-processing does not give the encoder pictures of its size.
        """
        processor = image_processor(folder, "LlavaImageProcessorPil", ("size", "crop_size", "image_mean", "image_std"))
        with in_one_sentence("the pre-processing", folder):
            processor.do_pad = False  # padding is done here, so that its colour can be chosen
            size, crop = processor.size, processor.crop_size
            sides = [size.shortest_edge or size.height, crop.height, crop.width]
            red, green, blue = (int(part * 255) for part in processor.image_mean)
        vision = config.vision_config
        check_sides(folder, [sides], [vision.image_size])
        patches = (vision.image_size // vision.patch_size) ** 2
        tokens = patches if config.vision_feature_select_strategy == "default" else patches + 1
        return cls(family, processor, preparation, tokens, preparation.pad_rgb or (red, green, blue))

    def unused(self, network: nn.Module) -> tuple[str, ...]:
        """The encoder's layers behind the one whose output is taken, and the norm behind them all."""
        tower = "model.vision_tower"
        layers = network.get_submodule(f"{tower}.encoder.layers")
        assert isinstance(layers, nn.ModuleList)
        config: Any = network.config
        taken = config.vision_feature_layer
        count = len(layers)
        used = [layer + count + 1 if layer < 0 else layer for layer in ([taken] if isinstance(taken, int) else taken)]
        behind = tuple(f"{tower}.encoder.layers.{n}" for n in range(max(used), count))
        return (*behind, f"{tower}.post_layernorm")
