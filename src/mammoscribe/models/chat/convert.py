"""Which converter a model folder in the layout of its makers' own code needs."""

from pathlib import Path

from mammoscribe.models.chat.families import config_of
from mammoscribe.models.chat.original import convert_original
from mammoscribe.models.chat.original_deepseek import DEEPSEEK_OWN, convert_deepseek
from mammoscribe.support.errors import InputError


def convert_folder(folder: Path, out: Path, vision_tower: Path | None = None) -> None:
    """Write the model of a folder into another one, in the layout of transformers.

    Args:
        folder: of LLaVA-1.5, LLaVA-Med v1.5 or DeepSeek-VL as their makers publish them.
        out: an existing, empty folder.
        vision_tower: see `convert_original`; the files of DeepSeek-VL hold their image encoders.

    Raises:
        InputError: as the converters.
    """
    if config_of(folder).get("model_type") != DEEPSEEK_OWN:
        convert_original(folder, out, vision_tower)
    elif vision_tower is None:
        convert_deepseek(folder, out)
    else:
        found = f"--vision-tower with {folder}, whose weights hold its image encoders"
        raise InputError(found, "it with LLaVA and LLaVA-Med only")
