"""Training the report decoder: reference sentences in a new style each epoch, pointers as row labels.

An example is what a frozen reader gave for one exam, beside the truth. A reference sentence is a target only when each
piece of its evidence has a row: a sentence about a finding that the detector missed is left out, so that the decoder
learns to write what it is shown and no more.
"""

import dataclasses
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from mammoscribe.domain.assessment import Category
from mammoscribe.domain.evidence import Evidence, EvidenceKind, Sentence
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import Finding
from mammoscribe.domain.search import everything_searched
from mammoscribe.domain.view import Laterality, SpacingSource
from mammoscribe.models.decoder.grammar import NO_ROW
from mammoscribe.models.decoder.network import DecoderConfig, ReportDecoder, kinds_of
from mammoscribe.models.tokenizer import EOS, EVID, PAD
from mammoscribe.reporting.styles import STYLES, write_reference
from mammoscribe.support.errors import InvalidNoun

IGNORED = -100


@dataclass(frozen=True)
class DecoderExample:
    """One exam as the decoder learns from it.

    Args:
        memory: [R, memory_dim] rows of the reader.
        refs: what each row is, in the reader's own finding ids.
        exam, findings: the truth, which reference sentences are written from.
        breasts: per imaged breast its true density letter and category, each None where not known.
        rows: true finding id -> its memory row, None where the detector missed it.
        context: [T, memory_dim] fused image tokens, or None.
        prior_text: the prior report, or None.

    Raises:
        InvalidNoun: when rows and references do not fit, or a true finding has no entry in `rows`.
    """

    memory: Tensor
    refs: tuple[Evidence, ...]
    exam: Exam
    findings: tuple[Finding, ...]
    breasts: Mapping[Laterality, tuple[str | None, Category | str | None]]
    rows: Mapping[str, int | None]
    context: Tensor | None = None
    prior_text: str | None = None

    def __post_init__(self) -> None:
        if self.memory.ndim != 2 or len(self.memory) != len(self.refs) or not self.refs:
            raise InvalidNoun(f"memory {tuple(self.memory.shape)} with {len(self.refs)} references", "[R, d], one each")
        unmatched = [f.id for f in self.findings if f.id not in self.rows]
        if unmatched:
            raise InvalidNoun(f"true findings {unmatched} without a matched row", "a row index, or None where missed")
        for finding_id, row in self.rows.items():
            if row is not None and not (0 <= row < len(self.refs) and self.refs[row].kind is EvidenceKind.FINDING):
                raise InvalidNoun(f"finding {finding_id} matched to row {row}", "a finding's row")

    def row_of(self, evidence: Evidence) -> int | None:
        """Memory row of a piece of the truth's evidence, or None when nothing in memory stands for it."""
        if evidence.kind is EvidenceKind.FINDING:
            return self.rows.get(evidence.ref)
        return self.refs.index(evidence) if evidence in self.refs else None


SentenceWriter = Callable[[DecoderExample, np.random.Generator], Sequence[Sentence]]
"""Writes the reference sentences of an example, differently each time."""


def write_in_random_style(example: DecoderExample, rng: np.random.Generator) -> tuple[Sentence, ...]:
    """The reference report in a random style, without dates and millimetres."""
    search, style = everything_searched(without_measures(example.exam)), int(rng.integers(len(STYLES)))
    return write_reference(search, example.findings, example.breasts, style, rng)


def without_measures(exam: Exam) -> Exam:
    """The exam undated and of unknown spacing, so that its report names no date and no millimetre.

    A date is in the header and a size is measured on the box; memory holds neither, so a decoder that is taught to
    write them can only guess. They are the renderer's to state.
    """
    unmeasured = (
        dataclasses.replace(v, date=None, spacing_mm=None, spacing_source=SpacingSource.UNKNOWN) for v in exam.views
    )
    return dataclasses.replace(exam, views=tuple(unmeasured))


@dataclass(frozen=True)
class DecoderSchedule:
    """How long and how fast.

    Args:
        epochs: passes over the examples, each with sentences written anew.
        minutes: limit; after each epoch the number of steps is cut to what it allows.
        pointer_weight: of the pointer loss beside the token loss.
        memory_noise: standard deviation added to memory, in units of the memory's own.
        prompt_share: part of the time a prior report is shown.
        bf16: autocast to bfloat16.
    """

    epochs: int = 8
    batch_exams: int = 8
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    warm_up: float = 0.05
    minutes: float = 60.0
    pointer_weight: float = 1.0
    memory_noise: float = 0.0
    prompt_share: float = 0.5
    bf16: bool = False
    device: str = "cpu"

    def __post_init__(self) -> None:
        if min(self.epochs, self.batch_exams) < 1 or min(self.learning_rate, self.minutes) <= 0:
            raise InvalidNoun("a decoder schedule that trains nothing", "epochs, batch, rate and minutes above zero")
        if not 0 <= self.prompt_share <= 1 or not 0 <= self.warm_up < 1:
            raise InvalidNoun(f"prompt share {self.prompt_share}, warm-up {self.warm_up}", "shares from 0 to 1")


@dataclass(frozen=True)
class TargetSequence:
    """What the decoder should write: ids from `[BOS]` to `[EOS]`, the row each is about, and what was left out.

    Args:
        tokens, rows: of the same length; a row is what `[EVID]` cites, or the first of them in the words before it.
        prompt_length: leading ids that are given, not learned.
        dropped: sentences without a row for each piece of evidence, or beyond `max_tokens`.
    """

    tokens: list[int]
    rows: list[int]
    prompt_length: int
    dropped: int = 0


def target_sequence(
    decoder: ReportDecoder, example: DecoderExample, sentences: Sequence[Sentence], prompt_text: str | None = None
) -> TargetSequence:
    """Ids and rows of the sentences that have a row for all their evidence; pointers in row order, each once."""
    tokenizer, prompt = decoder.tokenizer, decoder.prompt_ids(prompt_text)
    tokens, rows, dropped = list(prompt), [NO_ROW] * len(prompt), 0
    for sentence in sentences:
        pointed = [example.row_of(e) for e in sentence.evidence]
        known = sorted({r for r in pointed if r is not None})
        words = [tokenizer.section(sentence.section), *tokenizer.encode(sentence.text)]
        fits = len(tokens) + len(words) + len(known) < decoder.config.max_tokens
        if None in pointed or not fits:
            dropped += 1
            continue
        tokens += words + [tokenizer.mark(EVID)] * len(known)
        rows += known[:1] * len(words) + known
    return TargetSequence([*tokens, tokenizer.mark(EOS)], [*rows, NO_ROW], len(prompt), dropped)


@dataclass(frozen=True)
class DecoderBatch:
    """Tensors of B examples: the arguments of `ReportDecoder.forward`, and labels [B, L] with IGNORED where none."""

    tokens: Tensor
    pointed: Tensor
    memory: Tensor
    memory_mask: Tensor
    kinds: Tensor
    context: Tensor | None
    context_mask: Tensor | None
    token_labels: Tensor
    row_labels: Tensor

    def to(self, device: str) -> "DecoderBatch":
        """The same on that device."""
        moved = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return dataclasses.replace(self, **{name: part.to(device) for name, part in moved.items() if part is not None})


def collate(
    decoder: ReportDecoder, pairs: Sequence[tuple[DecoderExample, TargetSequence]], device: str = "cpu"
) -> DecoderBatch:
    """Pad examples and their targets to one batch."""
    pad = decoder.tokenizer.mark(PAD)
    pointing = torch.tensor([decoder.tokenizer.mark(EVID), *decoder.tokenizer.sections])
    tokens = _padded([torch.tensor(t.tokens) for _, t in pairs], pad)
    rows = _padded([torch.tensor(t.rows) for _, t in pairs], NO_ROW)
    labels = tokens[:, 1:].masked_fill(tokens[:, 1:] == pad, IGNORED)
    for i, (_, target) in enumerate(pairs):
        labels[i, : target.prompt_length - 1] = IGNORED
    row_labels = rows[:, 1:].masked_fill(~torch.isin(labels, pointing), IGNORED)
    memory, memory_mask = _padded_rows([e.memory for e, _ in pairs])
    kinds = _padded([kinds_of(e.refs) for e, _ in pairs], 0)
    context, context_mask = None, None
    if any(e.context is not None and len(e.context) for e, _ in pairs):
        context, context_mask = _padded_rows([e.memory[:0] if e.context is None else e.context for e, _ in pairs])
    batch = DecoderBatch(
        tokens[:, :-1], rows[:, :-1], memory, memory_mask, kinds, context, context_mask, labels, row_labels
    )
    return batch.to(device)


def decoder_losses(decoder: ReportDecoder, batch: DecoderBatch) -> dict[str, Tensor]:
    """Mean cross-entropy of the next token, and of the row at steps that open a sentence or cite."""
    out = decoder(
        batch.tokens, batch.memory, batch.memory_mask, batch.context, batch.context_mask, batch.kinds, batch.pointed
    )
    token = F.cross_entropy(out.logits.flatten(0, 1).float(), batch.token_labels.flatten(), ignore_index=IGNORED)
    if not bool((batch.row_labels != IGNORED).any()):
        return {"token": token}
    row = F.cross_entropy(out.pointers.flatten(0, 1).float(), batch.row_labels.flatten(), ignore_index=IGNORED)
    return {"token": token, "pointer": row}


def train_decoder(
    examples: Sequence[DecoderExample],
    config: DecoderConfig,
    schedule: DecoderSchedule = DecoderSchedule(),
    write: SentenceWriter | None = None,
    seed: int = 0,
    start_from: ReportDecoder | None = None,
    report: Callable[[dict[str, float]], None] = lambda _: None,
) -> ReportDecoder:
    """A decoder trained on `examples`, in evaluation mode.

    Args:
        examples: cached reader outputs with their truth.
        config: sizes of a new decoder; must be those of `start_from` when that is given.
        schedule: how long and how fast.
        write: sentences of an example; a reference report in a random style when None.
        seed: of weights, order, styles and noise.
        start_from: a trained decoder to go on with, changed in place.
        report: is handed the losses, tokens and seconds of every epoch.

    Raises:
        InvalidNoun: without examples, or when `start_from` has other sizes.
    """
    if not examples:
        raise InvalidNoun("no decoder examples", "at least one")
    if start_from is not None and start_from.config != config:
        raise InvalidNoun(f"a decoder of {start_from.config} to go on with", str(config))
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    decoder = (start_from or ReportDecoder(config)).to(schedule.device).train()
    optimiser = torch.optim.AdamW(_groups(decoder, schedule.weight_decay), betas=(0.9, 0.98))
    clock = _Clock(schedule, schedule.epochs * math.ceil(len(examples) / schedule.batch_exams))
    for epoch in range(schedule.epochs):
        row = _epoch(decoder, optimiser, examples, schedule, write or write_in_random_style, rng, clock)
        report({"epoch": epoch + 1, **row, "seconds": round(clock.seconds, 1)})
        clock.end_epoch()
        if clock.over:
            break
    return decoder.eval()


@dataclass
class _Clock:
    """How far a run is, and the learning rate there (linear rise, cosine fall).

    Progress is counted in steps, so that a run can be repeated exactly; after each epoch the number of steps is cut
    to what the time allows.
    """

    schedule: DecoderSchedule
    total: int
    steps: int = 0
    started: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    @property
    def over(self) -> bool:
        return self.steps >= self.total or self.seconds > 60 * self.schedule.minutes

    def end_epoch(self) -> None:
        affordable = int(self.steps * 60 * self.schedule.minutes / max(self.seconds, 1e-3))
        self.total = max(self.steps, min(self.total, affordable))

    @property
    def rate(self) -> float:
        progress, warm_up = self.steps / self.total, self.schedule.warm_up
        if progress < warm_up:
            return self.schedule.learning_rate * (0.02 + 0.98 * progress / warm_up)
        fall = (progress - warm_up) / (1 - warm_up)
        return self.schedule.learning_rate * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * fall)))


def _epoch(
    decoder: ReportDecoder, optimiser: torch.optim.Optimizer, examples: Sequence[DecoderExample],
    schedule: DecoderSchedule, write: SentenceWriter, rng: np.random.Generator, clock: _Clock,
) -> dict[str, float]:  # fmt: skip
    """One pass; mean losses, number of learned tokens and of sentences that were left out."""
    sums: dict[str, float] = {}
    tokens = dropped = steps = 0
    for pairs in _batches(decoder, examples, schedule, write, rng):
        if clock.over:
            break
        for group in optimiser.param_groups:
            group["lr"] = clock.rate
        batch = _noisy(collate(decoder, pairs, schedule.device), schedule.memory_noise)
        with torch.autocast(torch.device(schedule.device).type, torch.bfloat16, enabled=schedule.bf16):
            parts = decoder_losses(decoder, batch)
        loss = parts["token"] + schedule.pointer_weight * parts.get("pointer", 0.0)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(decoder.parameters(), 1.0)
        if torch.isfinite(norm):
            optimiser.step()
        clock.steps, steps = clock.steps + 1, steps + 1
        tokens += int((batch.token_labels != IGNORED).sum())
        dropped += sum(t.dropped for _, t in pairs)
        for name, value in parts.items():
            sums[name] = sums.get(name, 0.0) + float(value.detach())
    means = {name: round(value / max(steps, 1), 4) for name, value in sums.items()}
    return {**means, "tokens": tokens, "dropped_sentences": dropped}


def _batches(
    decoder: ReportDecoder, examples: Sequence[DecoderExample], schedule: DecoderSchedule,
    write: SentenceWriter, rng: np.random.Generator,
) -> Iterator[list[tuple[DecoderExample, TargetSequence]]]:  # fmt: skip
    """Batches of sequences of like length, in random order, each example once."""
    order = rng.permutation(len(examples))
    size, stretch = schedule.batch_exams, 16 * schedule.batch_exams
    for first in range(0, len(order), stretch):
        pairs = []
        for i in order[first : first + stretch]:
            example = examples[i]
            prompt = example.prior_text if rng.random() < schedule.prompt_share else None
            pairs.append((example, target_sequence(decoder, example, write(example, rng), prompt)))
        pairs.sort(key=lambda pair: len(pair[1].tokens))
        groups = [pairs[i : i + size] for i in range(0, len(pairs), size)]
        for i in rng.permutation(len(groups)):
            yield groups[i]


def _noisy(batch: DecoderBatch, noise: float) -> DecoderBatch:
    if noise > 0:
        spread = batch.memory[batch.memory_mask].std()
        batch.memory.add_(noise * spread * torch.randn_like(batch.memory))
    return batch


def _groups(decoder: ReportDecoder, weight_decay: float) -> list[dict]:
    """Matrices decay; biases, norms and embeddings do not."""
    tables = {id(m.weight) for m in decoder.modules() if isinstance(m, torch.nn.Embedding)}
    decayed = [p for p in decoder.parameters() if p.ndim > 1 and id(p) not in tables]
    chosen = {id(p) for p in decayed}
    rest = [p for p in decoder.parameters() if id(p) not in chosen]
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": rest, "weight_decay": 0.0}]


def _padded(rows: Sequence[Tensor], value: int) -> Tensor:
    return pad_sequence(list(rows), batch_first=True, padding_value=value)


def _padded_rows(rows: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """[B, longest, d] float32 and the mask of real rows."""
    lengths = torch.tensor([len(r) for r in rows])
    padded = pad_sequence([r.float() for r in rows], batch_first=True)
    return padded, torch.arange(padded.shape[1])[None] < lengths[:, None]
