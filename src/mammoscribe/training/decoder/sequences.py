"""What the decoder learns to write for a fact table: tokens, the memory rows they are about, and batches of them.

A sentence of the reference report is a target only when each piece of its evidence has a memory row, so that the decoder
learns to write what it is shown and no more.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from mammoscribe.domain.evidence import Evidence, Sentence
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.search import everything_searched
from mammoscribe.domain.view import SpacingSource
from mammoscribe.models.decoder.grammar import NO_ROW
from mammoscribe.models.decoder.memory import FactTable, facts_memory
from mammoscribe.models.decoder.network import DecoderConfig, kinds_of
from mammoscribe.models.tokenizer import BOS, EOS, EVID, PAD, ReportTokenizer
from mammoscribe.reporting.styles import STYLES, write_reference

IGNORED = -100
"""Label of a step that teaches nothing."""


@dataclass(frozen=True)
class TargetSequence:
    """What the decoder should write: ids from `[BOS]` to `[EOS]`, the row each is about, and what was left out.

    Args:
        tokens, rows: of the same length; a row is what `[EVID]` cites, or the first of them in the words before it.
        dropped: sentences without a row for each piece of evidence, or beyond the longest sequence.
    """

    tokens: list[int]
    rows: list[int]
    dropped: int = 0


@dataclass(frozen=True)
class WrittenTable:
    """A fact table as the decoder is shown it ([R, memory_dim] rows and what each is), with what it should write."""

    memory: Tensor
    refs: tuple[Evidence, ...]
    target: TargetSequence


@dataclass(frozen=True)
class DecoderBatch:
    """Tensors of B tables: arguments of `ReportDecoder.forward`, and labels [B, L] with IGNORED where there is none."""

    tokens: Tensor
    pointed: Tensor
    memory: Tensor
    memory_mask: Tensor
    kinds: Tensor
    token_labels: Tensor
    row_labels: Tensor


def in_random_style(table: FactTable, rng: np.random.Generator) -> tuple[Sentence, ...]:
    """The reference report of a table in a random style, without dates and millimetres."""
    search, style = everything_searched(without_measures(table.exam)), int(rng.integers(len(STYLES)))
    return write_reference(search, table.findings, table.stated, style, rng)


def without_measures(exam: Exam) -> Exam:
    """The exam undated and of unknown spacing, so that its report names no date and no millimetre.

    A date is in the header and a size is measured on the box; memory holds neither, so a decoder that is taught to
    write them can only guess. They are the renderer's to state.
    """
    unmeasured = (
        dataclasses.replace(v, date=None, spacing_mm=None, spacing_source=SpacingSource.UNKNOWN) for v in exam.views
    )
    return dataclasses.replace(exam, views=tuple(unmeasured))


def written(
    table: FactTable, rng: np.random.Generator, config: DecoderConfig, tokenizer: ReportTokenizer, noise: float = 0.0
) -> WrittenTable:
    """A table with its reference report in a random style.

    Args:
        table: the facts.
        rng: of style, wording and noise.
        config: of the decoder.
        tokenizer: the decoder's.
        noise: standard deviation of what is added to the memory rows, themselves of about unit size.
    """
    sentences = in_random_style(table, rng)
    memory, refs = facts_memory(table, config.memory_dim, noise, int(rng.integers(2**31)))
    return WrittenTable(memory, refs, target_sequence(tokenizer, refs, sentences, config.max_tokens))


def target_sequence(
    tokenizer: ReportTokenizer, refs: Sequence[Evidence], sentences: Sequence[Sentence], max_tokens: int
) -> TargetSequence:
    """Ids and rows of the sentences that have a row for all their evidence; pointers in row order, each once.

    Args:
        tokenizer: the decoder's.
        refs: what each memory row is.
        sentences: the reference report.
        max_tokens: longest sequence; whole sentences are left out beyond it.
    """
    tokens, rows, dropped = [tokenizer.mark(BOS)], [NO_ROW], 0
    for sentence in sentences:
        cited = sorted({refs.index(e) for e in sentence.evidence if e in refs})
        words = [tokenizer.section(sentence.section), *tokenizer.encode(sentence.text)]
        fits = len(tokens) + len(words) + len(cited) < max_tokens
        if len(cited) < len(set(sentence.evidence)) or not fits:
            dropped += 1
            continue
        tokens += words + [tokenizer.mark(EVID)] * len(cited)
        rows += cited[:1] * len(words) + cited
    return TargetSequence([*tokens, tokenizer.mark(EOS)], [*rows, NO_ROW], dropped)


def collate(tables: Sequence[WrittenTable], tokenizer: ReportTokenizer) -> DecoderBatch:
    """Pad tables and their targets to one batch."""
    pad = tokenizer.mark(PAD)
    pointing = torch.tensor([tokenizer.mark(EVID), *tokenizer.sections])
    tokens = _padded([torch.tensor(t.target.tokens) for t in tables], pad)
    rows = _padded([torch.tensor(t.target.rows) for t in tables], NO_ROW)
    labels = tokens[:, 1:].masked_fill(tokens[:, 1:] == pad, IGNORED)
    row_labels = rows[:, 1:].masked_fill(~torch.isin(labels, pointing), IGNORED)
    lengths = torch.tensor([len(t.memory) for t in tables])
    memory = pad_sequence([t.memory for t in tables], batch_first=True)
    mask = torch.arange(memory.shape[1])[None] < lengths[:, None]
    kinds = _padded([kinds_of(t.refs) for t in tables], 0)
    return DecoderBatch(tokens[:, :-1], rows[:, :-1], memory, mask, kinds, labels, row_labels)


def _padded(rows: Sequence[Tensor], value: int) -> Tensor:
    return pad_sequence(list(rows), batch_first=True, padding_value=value)
