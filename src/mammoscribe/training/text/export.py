"""The model folder at the end of a run of the text stage: the published layout of a text model."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mammoscribe.models.biovil.files import load_strictly
from mammoscribe.models.biovil.text_folder import write_text_folder
from mammoscribe.models.biovil.text_model import JointTextModel
from mammoscribe.training.calibration.parts import part_of
from mammoscribe.training.engine.checkpoints import load_tensors


@dataclass(frozen=True)
class TextExport:
    """Fills the model folder.

    Args:
        config: of the BERT.
        joint_dim: of the projection head, None without one.
        files: name -> content of the tokeniser's files.
        name: what the card calls the model: the recipe and its data.
    """

    config: Any
    joint_dim: int | None
    files: Mapping[str, bytes]
    name: str

    def __call__(self, weights: Path, out: Path) -> None:
        """Write `config.json`, `vocab.txt`, `model.safetensors` and its card into `out`."""
        model = JointTextModel(self.config, self.joint_dim)
        load_strictly(model, part_of(load_tensors(weights), "text"), weights.name)
        write_text_folder(model, self.files, out, self.name)
