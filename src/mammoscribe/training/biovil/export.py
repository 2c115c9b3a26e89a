"""The model folder at the end of a run of the joint stage: image and text model in the published layout."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mammoscribe.models.biovil.files import load_strictly, write_trained
from mammoscribe.models.biovil.image_model import JointImageConfig, JointImageModel
from mammoscribe.models.biovil.space import IMAGE_FILES
from mammoscribe.models.biovil.text_folder import write_text_folder
from mammoscribe.models.biovil.text_model import JointTextModel
from mammoscribe.training.calibration.parts import part_of
from mammoscribe.training.engine.checkpoints import load_tensors


@dataclass(frozen=True)
class JointExport:
    """Fills the model folder; what only training needs is left out.

    Args:
        image: shape of the image model.
        size_px, pixels: what the image model is shown; `pixels` is None where several datasets were shown differently.
        text: configuration of the BERT.
        files: name -> content of the tokeniser's files.
        name: what the cards call the model: the recipe and its data.
    """

    image: JointImageConfig
    size_px: int
    pixels: str | None
    text: Any
    files: Mapping[str, bytes]
    name: str

    def __call__(self, weights: Path, out: Path) -> None:
        """Write `image.safetensors` and `model.safetensors` with their cards, `config.json` and `vocab.txt` into `out`."""
        tensors = load_tensors(weights)
        image, text = JointImageModel(self.image), JointTextModel(self.text, self.image.joint_dim)
        load_strictly(image, part_of(tensors, "image"), weights.name)
        load_strictly(text, part_of(tensors, "text"), weights.name)
        write_trained(image, out / IMAGE_FILES[0], self.name, self.size_px, self.pixels)
        write_text_folder(text, self.files, out, self.name)
