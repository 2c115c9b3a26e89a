"""The report decoder as a task of the engine: random fact tables in, losses of tokens and pointers, facts F1 on new tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mammoscribe.evaluation.facts import FactCounts, count_facts, text_keys, truth_keys
from mammoscribe.models.decoder.memory import FactTable, facts_memory
from mammoscribe.models.decoder.network import DecoderConfig, ReportDecoder
from mammoscribe.models.reader.loading import load_reader
from mammoscribe.models.tokenizer import load_tokenizer
from mammoscribe.support.errors import InputError, InvalidNoun
from mammoscribe.support.lookup import look_up
from mammoscribe.training.calibration.parts import part_of, write_with_parts
from mammoscribe.training.decoder.fact_tables import RandomTables
from mammoscribe.training.decoder.sequences import IGNORED, DecoderBatch, collate, written
from mammoscribe.training.engine.checkpoints import load_tensors
from mammoscribe.training.engine.run import Run
from mammoscribe.training.engine.sources import ItemBatches, ItemSource
from mammoscribe.training.engine.task import Batches, Modules, Task, Validation, matrices

KEPT = "kept"
PRESETS: Mapping[str, Mapping[str, int | float]] = {
    "starter": {"dim": 128, "heads": 4, "ff_dim": 192},
    "base": {},
    "debug": {"dim": 48, "layers": 1, "heads": 2, "ff_dim": 64, "pointer_dim": 16},
}
"""Shapes of a new decoder, as they differ from the defaults of `DecoderConfig`."""
VALIDATION_SEED = 900_000
"""Seed of the tables that are never trained on; the seeds of training are below it."""


@dataclass(frozen=True)
class DecoderSettings:
    """What the decoder learns from.

    Args:
        preset: shape of a new decoder, `starter` (1 M parameters), `base` (2 M) or `debug`; `kept` goes on with the one that the model has.
        num_tables: number of different tables; each pass over them comes with other wordings.
        max_findings: of a table.
        memory_noise: standard deviation of what is added to the memory rows, themselves of about unit size.
        pointer_weight: of the pointer loss beside the token loss.
        held_out: tables of the validation, which are written without the gate.
    """

    preset: str = "starter"
    num_tables: int = 100_000
    max_findings: int = 3
    memory_noise: float = 0.0
    pointer_weight: float = 1.0
    held_out: int = 48

    def __post_init__(self) -> None:
        look_up(self.preset, {KEPT: None, **PRESETS}, "preset of the decoder")
        if min(self.num_tables, self.max_findings, self.held_out) < 1 or self.memory_noise < 0:
            raise InvalidNoun(
                "num_tables, max_findings or held_out below 1, or memory_noise below 0", "at least 1, and 0"
            )

    def build(self, run: Run) -> Task:
        """The task with its decoder.

        Raises:
            InputError: when the model has no decoder to go on with, or the seed of the data is one of the validation's.
        """
        if run.seeds.data >= VALIDATION_SEED:
            raise InputError(f"seeds.data {run.seeds.data}", f"below {VALIDATION_SEED}, where the validation begins")
        assert run.init is not None
        decoder, tokenizer = self._decoder(run.init, run.seeds.weights), load_tokenizer()
        tables = RandomTables(run.seeds.data, self.num_tables, self.max_findings)
        vary = partial(written, config=decoder.config, tokenizer=tokenizer, noise=self.memory_noise)
        digest = f"random fact tables {run.seeds.data}"
        source = ItemSource(tables, partial(collate, tokenizer=tokenizer), vary, digest=digest)
        held_out = ItemSource(RandomTables(VALIDATION_SEED, self.held_out, self.max_findings), tuple)
        return Task(
            {"decoder": decoder}, {"tables": source}, {"token": 1.0, "pointer": self.pointer_weight},
            decoder_losses, decoder_counts, Validation(ItemBatches(held_out, 4), measure, summary, "f1"),
            frozen=("decoder.from_context",), decays=_decays, loads_init=True,
            export=DecoderExport(run.init, decoder.config),
        )  # fmt: skip

    def _decoder(self, init: Path, seed: int) -> ReportDecoder:
        if self.preset != KEPT:
            torch.manual_seed(seed)
            return ReportDecoder(DecoderConfig(load_tokenizer().vocab_size, **PRESETS[self.preset]))  # type: ignore[arg-type]
        decoder = load_reader(str(init)).decoder
        if decoder is None:
            raise InputError(f"the model {init} has no decoder", "", "--set task.preset=starter for a new one")
        return decoder


def _decays(name: str, parameter: nn.Parameter) -> bool:
    """Matrices decay; biases, norms and tables of embeddings do not."""
    tables = ("decoder.token.weight", "decoder.position.weight", "decoder.kind.weight")
    return name not in tables and matrices(name, parameter)


def decoder_losses(modules: Modules, batches: Batches) -> dict[str, Tensor]:
    """Sums of the cross-entropy of the next token, and of the row at steps that open a sentence or cite."""
    decoder, batch = modules["decoder"], batches["tables"]
    assert isinstance(batch, DecoderBatch)
    out = decoder(batch.tokens, batch.memory, batch.memory_mask, None, None, batch.kinds, batch.pointed)
    return {"token": _sum(out.logits, batch.token_labels), "pointer": _sum(out.pointers, batch.row_labels)}


def _sum(scores: Tensor, labels: Tensor) -> Tensor:
    return F.cross_entropy(scores.flatten(0, 1).float(), labels.flatten(), ignore_index=IGNORED, reduction="sum")


def decoder_counts(batches: Batches) -> dict[str, float]:
    """Tokens and rows that are labelled."""
    batch = batches["tables"]
    return {
        "token": float((batch.token_labels != IGNORED).sum()),
        "pointer": float((batch.row_labels != IGNORED).sum()),
    }


def measure(modules: Modules, tables: Sequence[FactTable]) -> FactCounts:
    """Facts that the decoder's claims state about tables, before any gate, held against the tables' findings."""
    decoder = modules["decoder"]
    assert isinstance(decoder, ReportDecoder)
    device, total = decoder.token.weight.device, FactCounts(0, 0, 0)
    with torch.autocast(device.type, enabled=False):  # as a reader writes
        for table in tables:
            memory, refs = facts_memory(table, decoder.config.memory_dim)
            claims = decoder.generate(memory.to(device), refs)
            total += count_facts(text_keys(c.text for c in claims), truth_keys(table.findings))
    return total


def summary(counted: Sequence[FactCounts]) -> dict[str, float]:
    """F1, precision and recall over the facts of all tables."""
    total = sum(counted, FactCounts(0, 0, 0))
    return {"f1": total.f1, "precision": total.precision, "recall": total.recall}


@dataclass(frozen=True)
class DecoderExport:
    """Fills the model folder at the end of a run: the reader of `init` with the trained decoder."""

    init: Path
    config: DecoderConfig

    def __call__(self, weights: Path, out: Path) -> None:
        """Write `card.json` and `weights.safetensors` into `out`."""
        decoder = ReportDecoder(self.config).eval()
        decoder.load_state_dict(part_of(load_tensors(weights), "decoder"))
        reader, shape = load_reader(str(self.init)), {"decoder": self.config.as_dict()}
        write_with_parts(reader, out, {"decoder": decoder}, shape, "decoder: random fact tables")
