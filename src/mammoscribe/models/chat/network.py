"""The network of a folder, loaded strictly: a weight that is missing, left over or of another shape is an error."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from mammoscribe.models.chat.family import Family
from mammoscribe.models.chat.library import in_one_sentence, library_class, quiet
from mammoscribe.support.errors import InputError

NETWORKS: Mapping[str, str] = {
    "llava": "LlavaForConditionalGeneration", "qwen2_vl": "Qwen2VLForConditionalGeneration",
    "qwen2_5_vl": "Qwen2_5_VLForConditionalGeneration", "gemma3": "Gemma3ForConditionalGeneration",
    "mllama": "MllamaForConditionalGeneration", "deepseek_vl": "DeepseekVLForConditionalGeneration",
    "deepseek_vl_hybrid": "DeepseekVLHybridForConditionalGeneration", "llama": "LlamaForCausalLM",
}  # fmt: skip
"""Model type -> class of `transformers`; a Llama alone is the language model of starter-chat."""
WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json")
_NAMED = 3


def load_network(folder: Path, family: Family, config: Any, dtype: torch.dtype | None) -> Any:
    """The network with the folder's weights, in evaluation mode on the CPU.

    `transformers` alone would fill in random weights for those that are missing, and print a table.

    Args:
        folder: with config.json and weights, whole or in shards.
        family: of the model.
        config: as `transformers` has read it.
        dtype: of the weights; None as config.json says, or else as they are stored.

    Raises:
        InputError: for weights that are absent, damaged, or not those of this configuration, naming the first of them.
    """
    if not any((folder / name).is_file() for name in WEIGHTS):
        raise InputError(f"no weights in {folder}", " or ".join(WEIGHTS[:3:2]), "fetch the folder again")
    network_class = library_class(NETWORKS[config.model_type])
    with in_one_sentence("the weights", folder), quiet():
        network, info = network_class.from_pretrained(
            str(folder), config=config, dtype="auto" if dtype is None else dtype, local_files_only=True,
            output_loading_info=True, trust_remote_code=False, ignore_mismatched_sizes=True,
        )  # fmt: skip
    refuse_names(folder, family, "holds no", sorted(info["missing_keys"]))
    refuse_names(folder, family, "holds a surplus", sorted(info["unexpected_keys"]))
    shapes = [f"{name} of shape {tuple(found)}, not {tuple(wanted)}" for name, found, wanted in info["mismatched_keys"]]
    refuse_names(folder, family, "holds", sorted(shapes))
    if info.get("error_msgs"):
        raise InputError(f"the weights in {folder} cannot be read ({info['error_msgs'][0]})")
    return network.eval()


def refuse_names(folder: Path, family: Family, what: str, names: Sequence[str]) -> None:
    """Refuse a folder whose weights have wrong names.

    Args:
        folder: where the weights are.
        family: of the model.
        what: the fault, as `holds no`.
        names: that are wrong; none is no fault.

    Raises:
        InputError: naming the first of them.
    """
    if names:
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        raise InputError(
            f"{folder} {what} {', '.join(names[:_NAMED])}{more}", f"all weights of a {family.name} model, and no others",
            "fetch the folder again, or take config.json and weights of one model",
        )  # fmt: skip
