"""The memory that `mammoscribe plan chat` foresees for LLaVA-1.5: held against a training of a scaled-down one, then for 7B and 13B.

The scaled-down model sees views of 336 px as 576 tokens each, as the published ones do, and has their proportions at a smaller
width; it is trained for three steps on reports of four views, and every tensor that is alive is counted
(`benchmarks/plan_memory.py`). The published sizes are planned from a config.json alone, with few layers of true width;
that needs some 10 GB of memory and minutes.

    OMP_NUM_THREADS=2 python benchmarks/chat_plan.py
    OMP_NUM_THREADS=2 python benchmarks/chat_plan.py --size 7b --gpus 8x80GB
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from mammoscribe.cli.app import main as mammoscribe
from tests.models.tiny_chat import write_llava
from tests.training.chat.lab import exam_entry, write_entries

SIDE_PX = 336
EXAMS = 8
REPORT = "Findings: The breasts are heterogeneously dense. No suspicious finding is seen. " * 6
PATCHES = (SIDE_PX // 14) ** 2
TOKENS = 4 * PATCHES + 800


@dataclass(frozen=True)
class Shape:
    """Widths and layers of a LLaVA: language model, then image encoder."""

    width: int
    inner: int
    layers: int
    heads: int
    vision_width: int = 1024
    vision_inner: int = 4096
    vision_layers: int = 24


SHAPES = {
    "scaled": Shape(512, 1376, 4, 4, 256, 1024, 4),
    "7b": Shape(4096, 11008, 32, 32),
    "13b": Shape(5120, 13824, 40, 40),
}


def written(folder: Path, shape: Shape, weights: bool) -> Path:
    """A LLaVA of that shape in the published layout; without weights it can be planned alone."""
    from transformers import LlavaConfig, LlavaForConditionalGeneration

    write_llava(folder)
    config: Any = LlavaConfig.from_pretrained(folder)
    text, vision = config.text_config, config.vision_config
    text.hidden_size, text.intermediate_size, text.num_hidden_layers = shape.width, shape.inner, shape.layers
    text.num_attention_heads = text.num_key_value_heads = shape.heads
    text.head_dim, text.max_position_embeddings = shape.width // shape.heads, 4096
    text.vocab_size = 32064
    vision.hidden_size, vision.intermediate_size = shape.vision_width, shape.vision_inner
    vision.num_hidden_layers, vision.num_attention_heads = shape.vision_layers, shape.vision_width // 64
    vision.image_size, vision.patch_size = SIDE_PX, 14
    config.image_seq_length = PATCHES
    (folder / "model.safetensors").unlink()
    if weights:
        torch.manual_seed(0)
        LlavaForConditionalGeneration(config).save_pretrained(folder)
    else:
        config.save_pretrained(folder)
    pictures = json.loads((folder / "preprocessor_config.json").read_text())
    pictures |= {"size": {"shortest_edge": SIDE_PX}, "crop_size": {"height": SIDE_PX, "width": SIDE_PX}}
    (folder / "preprocessor_config.json").write_text(json.dumps(pictures))
    return folder


def recipe(root: Path, folder: Path, items: int) -> list[str]:
    """Options of `plan` and of `plan_memory.py`: reports of four views, activations computed again."""
    data = write_entries(root, [exam_entry(root, number, REPORT) for number in range(EXAMS)])
    fields = {"batch": items, "accumulate": 1, "max_tokens": TOKENS}
    options = ["--data", str(data), "--init", str(folder)]
    return options + [word for name, value in fields.items() for word in ("--set", f"{name}={value}")]


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table or the plan; 1 when the bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SHAPES, default="scaled")
    parser.add_argument("--items", type=int, help="Exams of a step, on all devices together.")
    parser.add_argument("--gpus", default="8x80GB", help="For the published sizes, as `plan` takes it.")
    given = parser.parse_args(argv)
    scaled = given.size == "scaled"
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        folder = written(root / "model", SHAPES[given.size], scaled)
        options = recipe(root, folder, given.items or (4 if scaled else int(given.gpus.split("x")[0])))
        if scaled:
            script = str(Path(__file__).with_name("plan_memory.py"))
            return subprocess.run([sys.executable, script, "--recipe", "chat", *options], check=False).returncode  # noqa: S603
        sys.argv = ["mammoscribe", "plan", "chat", *options, "--gpus", given.gpus, "--tflops", "150"]
        mammoscribe()
    return 0


if __name__ == "__main__":
    sys.exit(main())
