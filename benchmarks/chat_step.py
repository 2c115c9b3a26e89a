"""How long a step of `train chat` takes beside the same step written out with bare transformers, in one run.

A LLaVA whose language model has the proportions of the 7B model (depth 4 by default, width 512) learns conversations of one
length. After every step of the engine, the same step is taken by a plain loop: forward pass of transformers with its own
loss, backward pass, clipping, AdamW. Both are timed; the ratio is the median over the steps, so that what else the machine
does falls on both.

    OMP_NUM_THREADS=2 python benchmarks/chat_step.py --threads 2
"""

import argparse
import copy
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from mammoscribe.evaluation.card import Row, Sense, markdown, write_rows
from mammoscribe.models.chat.batch import ChatBatch
from mammoscribe.models.chat.chat_model import load_chat_model
from mammoscribe.training.chat.recipe import chat
from mammoscribe.training.engine.run import Run
from mammoscribe.training.engine.task import Feed
from mammoscribe.training.engine.train import train
from tests.models.tiny_chat import write_llava
from tests.training.chat.lab import exam_entry, write_entries

BAR = 1.05
WARM_UP = 3
EXAMS = 4
REPORT = "Findings: The breasts are heterogeneously dense. No suspicious finding is seen. " * 12


def written(folder: Path, width: int, depth: int) -> Path:
    """A LLaVA of random weights in the published layout, as wide and deep as asked for."""
    from transformers import LlavaConfig, LlavaForConditionalGeneration

    write_llava(folder)
    config = LlavaConfig.from_pretrained(folder)
    text = config.text_config
    text.hidden_size, text.intermediate_size, text.num_hidden_layers = width, width * 11008 // 4096, depth
    text.num_attention_heads = text.num_key_value_heads = width // 64
    text.head_dim = 64
    text.max_position_embeddings = 4096
    torch.manual_seed(0)
    LlavaForConditionalGeneration(config).save_pretrained(folder)
    return folder


def run_of(root: Path, width: int, depth: int, steps: int) -> Run:
    """The run: conversations of one length, in bfloat16, activations computed again in the backward pass."""
    entries = [exam_entry(root, number, REPORT) for number in range(EXAMS)]
    data = write_entries(root, entries)
    fields = {
        "steps": str(steps + WARM_UP), "batch": str(EXAMS), "accumulate": "1", "device": "cpu", "checkpoint_every": "100000",
        "validate_every": "100000",
    }  # fmt: skip
    return chat([data], written(root / "published", width, depth)).with_set(fields)


def bare_step(run: Run) -> Callable[[], float]:
    """One step of a plain loop over the batch that the run sees, each time it is called; gives the seconds that it took."""
    assert run.init is not None
    (source,) = run.task.build(run).sources.values()
    batch: ChatBatch = next(source.batches(Feed(0, size=EXAMS))).chat  # type: ignore[attr-defined]  # of a chat task
    network: nn.Module = copy.deepcopy(load_chat_model(run.init.parent, torch.float32).network).train()
    network.gradient_checkpointing_enable({"use_reentrant": False})  # type: ignore[operator]
    network.model.vision_tower.requires_grad_(False)  # type: ignore[operator, union-attr]
    trained = [p for p in network.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=1e-5, betas=run.optimiser.betas, weight_decay=0.0)

    def step() -> float:
        start = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16):
            loss = network(**batch.inputs(), labels=batch.labels, use_cache=False).loss
        loss.backward()
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        return time.perf_counter() - start

    return step


def measure(run: Run, folder: Path) -> list[tuple[float, float]]:
    """(engine, plain) seconds of each step after the first few."""
    step, found = bare_step(run), []
    ended = [0.0]

    def then(row: dict) -> None:
        if "rate" not in row:
            return
        own = time.perf_counter() - ended[0]
        found.append((own, step()))
        ended[0] = time.perf_counter()

    ended[0] = time.perf_counter()
    train(run, folder, on_row=then)
    return found[WARM_UP:]


def main() -> int:
    """Print the table; 1 when the bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--depth", type=int, default=4)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    with tempfile.TemporaryDirectory() as name:
        run = run_of(Path(name), given.width, given.depth, given.steps)
        times = measure(run, Path(name) / "run")
    n = f"{len(times)} steps of {EXAMS} conversations, {given.depth} layers of width {given.width}"
    rows = [
        Row("engine, median seconds of a step", statistics.median(own for own, _ in times), n),
        Row("bare transformers, median seconds of a step", statistics.median(bare for _, bare in times), n),
        Row("engine / bare", statistics.median(own / bare for own, bare in times), n, bar=BAR, sense=Sense.AT_MOST),
    ]  # fmt: skip
    print(markdown(rows))
    if given.json:
        write_rows(rows, given.json)
    return int(not rows[-1].met)


if __name__ == "__main__":
    sys.exit(main())
