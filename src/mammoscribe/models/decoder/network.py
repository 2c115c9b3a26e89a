"""The report decoder: a causal transformer that writes claims and points each one at findings, breasts and views.

Sequence: `[BOS]`, optionally the end of the prior report and `[SEP]`, then for each sentence its section mark, its
words and one `[EVID]` per piece of evidence, then `[EOS]`. Pointers are not vocabulary: at the step that emits
`[EVID]` a dot product scores the memory rows (pointer networks, Vinyals et al. 2015). The same product is read at the
step that opens a sentence: the plan, the row that the sentence is going to be about (its first piece of evidence).
The planned row is added to the embeddings of the sentence's words and the cited row to that of its `[EVID]`, so a
sentence does not blend two findings; the sum of the findings not yet written about is added everywhere, so that none is
forgotten. Only what is cited at the end becomes evidence. What comes out are claims: the gate decides which of them become sentences.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mammoscribe.domain.evidence import Claim, Evidence, EvidenceKind
from mammoscribe.models.decoder.grammar import NO_ROW, ReportDraft, choose
from mammoscribe.models.tokenizer import BOS, EOS, MAX_VOCABULARY, SEP, ReportTokenizer, load_tokenizer
from mammoscribe.support.errors import InvalidNoun

KINDS = tuple(EvidenceKind)
"""Order of the kind codes of memory rows."""

KeysValues = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class DecoderConfig:
    """Shape of the decoder; the defaults with the shipped vocabulary stay below 2 M parameters.

    Args:
        vocab_size: entries of the tokeniser.
        dim: width of the decoder; memory and context rows of width `memory_dim` are projected to it.
        layers, heads, ff_dim: of the transformer.
        pointer_dim: width of the dot product that scores memory rows.
        max_tokens: longest sequence, prompt and marks included.
        prompt_tokens: longest prompt; of a longer prior report the end is kept, where its assessment is.
        dropout: while training.

    Raises:
        InvalidNoun: when the sizes do not fit together.
    """

    vocab_size: int
    dim: int = 192
    memory_dim: int = 192
    layers: int = 3
    heads: int = 6
    ff_dim: int = 384
    pointer_dim: int = 64
    max_tokens: int = 384
    prompt_tokens: int = 96
    dropout: float = 0.1

    def __post_init__(self) -> None:
        sizes = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name != "dropout"}
        for name, value in sizes.items():
            if not isinstance(value, int) or value < (0 if name == "prompt_tokens" else 1):
                raise InvalidNoun(f"decoder {name} {value!r}", "a whole number of at least 1")
        if self.dim % self.heads:
            raise InvalidNoun(f"decoder of width {self.dim} with {self.heads} heads", "a width the heads divide")
        if self.vocab_size > MAX_VOCABULARY:
            raise InvalidNoun(f"decoder vocabulary of {self.vocab_size}", f"at most {MAX_VOCABULARY}")
        if self.prompt_tokens > self.max_tokens // 2:
            raise InvalidNoun(f"prompt of {self.prompt_tokens} of {self.max_tokens} tokens", "at most half of them")
        if not 0 <= self.dropout < 1:
            raise InvalidNoun(f"decoder dropout {self.dropout}", "0 to below 1")

    def as_dict(self) -> dict[str, int | float]:
        """Plain values, for the model card; `DecoderConfig(**values)` reads them back."""
        return dataclasses.asdict(self)


@dataclass(frozen=True)
class DecoderOutput:
    """Scores of the next step at each of L positions.

    Args:
        logits: [B, L, V] of the next token.
        pointers: [B, L, R] of the memory rows, read where the next token is `[EVID]` or opens a sentence; masked rows
            are very low.
    """

    logits: Tensor
    pointers: Tensor


class _Attention(nn.Module):
    """Multi-head attention whose keys and values are made apart, so that they can be kept."""

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.query = nn.Linear(dim, dim)
        self.key_value = nn.Linear(dim, 2 * dim)
        self.out = nn.Linear(dim, dim)

    def keys_values(self, source: Tensor) -> KeysValues:
        """[B, S, dim] -> keys and values, each [B, heads, S, dim / heads]."""
        key, value = self.key_value(source).chunk(2, dim=-1)
        return self._split(key), self._split(value)

    def forward(self, x: Tensor, kept: KeysValues, mask: Tensor | None = None, causal: bool = False) -> Tensor:
        """[B, L, dim] attends to `kept`; `mask` [B, 1, 1, S] is true where it may look."""
        dropout = self.dropout if self.training else 0.0
        mixed = F.scaled_dot_product_attention(self._split(self.query(x)), *kept, mask, dropout, causal)
        return self.out(mixed.transpose(1, 2).flatten(2))

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class _Layer(nn.Module):
    """Pre-norm decoder layer: self-attention, attention to memory and context, feed-forward."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.self_norm, self.cross_norm, self.ff_norm = (nn.LayerNorm(config.dim) for _ in range(3))
        self.self_attention = _Attention(config.dim, config.heads, config.dropout)
        self.cross_attention = _Attention(config.dim, config.heads, config.dropout)
        self.feed_forward = nn.Sequential(
            nn.Linear(config.dim, config.ff_dim), nn.GELU(), nn.Dropout(config.dropout), nn.Linear(config.ff_dim, config.dim)
        )  # fmt: skip
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self, x: Tensor, seen: KeysValues, mask: Tensor | None, past: KeysValues | None = None
    ) -> tuple[Tensor, KeysValues]:
        """[B, L, dim] in and out, with the keys and values of all positions so far.

        Args:
            x: positions after `past`; with `past` given, exactly one.
            seen: keys and values of memory and context.
            mask: [B, 1, 1, S] over `seen`.
            past: keys and values of earlier positions.
        """
        here = self.self_norm(x)
        kept = self.self_attention.keys_values(here)
        if past is not None:
            kept = (torch.cat((past[0], kept[0]), dim=2), torch.cat((past[1], kept[1]), dim=2))
        x = x + self.dropout(self.self_attention(here, kept, causal=past is None))
        x = x + self.dropout(self.cross_attention(self.cross_norm(x), seen, mask))
        return x + self.dropout(self.feed_forward(self.ff_norm(x))), kept


@dataclass(frozen=True)
class _Exam:
    """What the decoder reads of B exams.

    Args:
        rows: [B, R, dim] encoded memory; `row_mask` [B, R] true at real rows, `findings` [B, R] at those of findings.
        seen: per layer, keys and values of memory and context; `seen_mask` [B, 1, 1, R + T].
    """

    rows: Tensor
    row_mask: Tensor
    findings: Tensor
    seen: tuple[KeysValues, ...]
    seen_mask: Tensor


class ReportDecoder(nn.Module):
    """Writes claims about an exam from its citable memory rows and its fused image tokens.

    Args:
        config: sizes; `vocab_size` must be the tokeniser's.
        tokenizer: the one that ships with the package when None.

    Raises:
        InvalidNoun: when config and tokeniser disagree.
    """

    def __init__(self, config: DecoderConfig, tokenizer: ReportTokenizer | None = None) -> None:
        super().__init__()
        self.config = config
        self.tokenizer = tokenizer or load_tokenizer()
        if self.tokenizer.vocab_size != config.vocab_size:
            raise InvalidNoun(
                f"decoder for {config.vocab_size} tokens", f"{self.tokenizer.vocab_size}, the tokeniser's"
            )
        dim = config.dim
        self.token = nn.Embedding(config.vocab_size, dim)
        self.position = nn.Embedding(config.max_tokens, dim)
        self.kind = nn.Embedding(len(KINDS), dim)
        self.from_memory = nn.Sequential(nn.LayerNorm(config.memory_dim), nn.Linear(config.memory_dim, dim))
        self.from_context = nn.Sequential(nn.LayerNorm(config.memory_dim), nn.Linear(config.memory_dim, dim))
        self.from_pointed = nn.Linear(dim, dim)
        self.from_unwritten = nn.Linear(dim, dim)
        self.dropout = nn.Dropout(config.dropout)
        self.layers = nn.ModuleList(_Layer(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(dim)
        self.pointer_query = nn.Linear(dim, config.pointer_dim)
        self.pointer_key = nn.Linear(dim, config.pointer_dim)
        nn.init.normal_(self.token.weight, std=dim**-0.5)
        nn.init.normal_(self.position.weight, std=0.1)
        nn.init.normal_(self.kind.weight, std=0.5)

    @property
    def num_parameters(self) -> int:
        """Number of trained values."""
        return sum(p.numel() for p in self.parameters())

    def forward(
        self,
        tokens: Tensor,
        memory: Tensor,
        memory_mask: Tensor,
        context: Tensor | None,
        context_mask: Tensor | None,
        kinds: Tensor,
        pointed: Tensor | None = None,
    ) -> DecoderOutput:
        """Scores of the next token and of the rows it would point at (teacher forcing).

        Args:
            tokens: [B, L] ids.
            memory: [B, R, memory_dim] rows that can be cited.
            memory_mask: [B, R] true at real rows.
            context: [B, T, memory_dim] tokens that are only looked at, or None.
            context_mask: [B, T] true at real tokens, or None when all are.
            kinds: [B, R] index into KINDS.
            pointed: [B, L] row that a position is about: cited at `[EVID]`, planned at section marks and words, NO_ROW
                elsewhere; None is NO_ROW everywhere.

        Raises:
            InvalidNoun: when shapes do not fit.
        """
        exam = self._read(memory, memory_mask, context, context_mask, kinds)
        if tokens.shape[1] > self.config.max_tokens:
            raise InvalidNoun(f"a sequence of {tokens.shape[1]} tokens", f"at most {self.config.max_tokens}")
        pointed = torch.full_like(tokens, NO_ROW) if pointed is None else pointed
        x, _ = self._embed(tokens, pointed, 0, exam, ~exam.findings)
        for layer, seen in zip(self.layers, exam.seen, strict=True):
            x, _ = layer(x, seen, exam.seen_mask)
        return self._score(x, exam)

    @torch.inference_mode()
    def generate(
        self,
        memory: Tensor,
        refs: Sequence[Evidence],
        context: Tensor | None = None,
        prompt_text: str | None = None,
        max_tokens: int | None = None,
        greedy: bool = True,
        generator: torch.Generator | None = None,
    ) -> tuple[Claim, ...]:
        """Claims about one exam, each with text, section and at least one pointer; repeated claims are said once.

        Only sequences of the grammar in the module's first lines can come out; a sentence that the limit cuts off is
        left out.

        Args:
            memory: [R, memory_dim]; no rows, no claims.
            refs: what each row is.
            context: [T, memory_dim] or None.
            prompt_text: the prior report, or None.
            max_tokens: limit of new tokens; the configured sequence length holds in any case.
            greedy: the best token at each step; otherwise draw from the distribution with `generator`.
            generator: source of random draws.
        """
        if len(refs) != len(memory):
            raise InvalidNoun(f"{len(refs)} references for {len(memory)} memory rows", "one per row")
        if not len(refs):
            return ()
        was_training = self.training
        self.eval()
        try:
            return self._write(memory, tuple(refs), context, prompt_text, max_tokens, greedy, generator)
        finally:
            self.train(was_training)

    def prompt_ids(self, prompt_text: str | None) -> list[int]:
        """`[BOS]`, or `[BOS]`, the last `prompt_tokens` pieces of the prior report and `[SEP]`."""
        mark = self.tokenizer.mark
        pieces = (
            self.tokenizer.encode(prompt_text or "")[-self.config.prompt_tokens :] if self.config.prompt_tokens else []
        )
        return [mark(BOS), *pieces, mark(SEP)] if pieces else [mark(BOS)]

    def _read(
        self, memory: Tensor, memory_mask: Tensor, context: Tensor | None, context_mask: Tensor | None, kinds: Tensor
    ) -> _Exam:
        if memory.ndim != 3 or memory.shape[2] != self.config.memory_dim or memory.shape[:2] != kinds.shape:
            raise InvalidNoun(
                f"memory {tuple(memory.shape)} with kinds {tuple(kinds.shape)}",
                f"[B, R, {self.config.memory_dim}], [B, R]",
            )
        rows = self.from_memory(memory) + self.kind(kinds)
        source, mask = rows, memory_mask
        if context is not None and context.shape[1]:
            if context_mask is None:
                context_mask = torch.ones(context.shape[:2], dtype=torch.bool, device=context.device)
            source = torch.cat((rows, self.from_context(context)), dim=1)
            mask = torch.cat((memory_mask, context_mask), dim=1)
        seen = tuple(layer.cross_attention.keys_values(source) for layer in cast("Sequence[_Layer]", self.layers))
        findings = memory_mask & (kinds == KINDS.index(EvidenceKind.FINDING))
        return _Exam(rows, memory_mask, findings, seen, mask[:, None, None])

    def _embed(
        self, tokens: Tensor, pointed: Tensor, start: int, exam: _Exam, written: Tensor
    ) -> tuple[Tensor, Tensor]:
        """[B, L] ids and rows at positions from `start` -> [B, L, dim], and the rows [B, R] that are now written about.

        `written` [B, R] is what was written about before `start`, rows that are no findings included.
        """
        positions = torch.arange(start, start + tokens.shape[1], device=tokens.device)
        about = (pointed[..., None] == torch.arange(exam.rows.shape[1], device=tokens.device)).to(exam.rows.dtype)
        after = (about.cumsum(1) > 0) | written[:, None]
        chosen = self.from_pointed(about @ exam.rows) * (pointed != NO_ROW)[..., None]
        unwritten = self.from_unwritten((~after).to(exam.rows.dtype) @ exam.rows)
        words = self.token(tokens) * self.config.dim**0.5  # the table is also the output layer, which wants it small
        return self.dropout(words + self.position(positions) + chosen + unwritten), after[:, -1]

    def _score(self, x: Tensor, exam: _Exam) -> DecoderOutput:
        x = self.norm(x)
        pointers = self.pointer_query(x) @ self.pointer_key(exam.rows).transpose(1, 2) / self.config.pointer_dim**0.5
        pointers = pointers.masked_fill(~exam.row_mask[:, None], torch.finfo(pointers.dtype).min)
        return DecoderOutput(F.linear(x, self.token.weight), pointers)

    def _write(
        self,
        memory: Tensor,
        refs: tuple[Evidence, ...],
        context: Tensor | None,
        prompt_text: str | None,
        max_tokens: int | None,
        greedy: bool,
        generator: torch.Generator | None,
    ) -> tuple[Claim, ...]:
        device = memory.device
        mask = torch.ones(1, len(refs), dtype=torch.bool, device=device)
        exam = self._read(
            memory[None], mask, None if context is None else context[None], None, kinds_of(refs).to(device)[None]
        )
        prompt = self.prompt_ids(prompt_text)
        limit = self.config.max_tokens - len(prompt)
        draft = ReportDraft(self.tokenizer, refs)
        past: list[KeysValues | None] = [None] * len(self.layers)
        tokens, rows, start, written = prompt, [NO_ROW] * len(prompt), 0, ~exam.findings
        for _ in range(limit if max_tokens is None else min(limit, max_tokens)):
            ids, about = torch.tensor([tokens], device=device), torch.tensor([rows], device=device)
            x, written = self._embed(ids, about, start, exam, written)
            for i, (layer, seen) in enumerate(zip(self.layers, exam.seen, strict=True)):
                x, past[i] = layer(x, seen, exam.seen_mask, past[i])
            scores, start = self._score(x[:, -1:], exam), start + len(tokens)
            token = choose(scores.logits[0, 0], draft.allowed_tokens(), greedy, generator)
            if token == self.tokenizer.mark(EOS):
                break
            if token in draft.pointing:
                allowed = draft.allowed_rows(token)
                rows = [choose(scores.pointers[0, 0], allowed, greedy, generator)]
            else:
                rows = [draft.plan]
            draft.add(token, rows[0])
            tokens = [token]
        return draft.claims()


def kinds_of(refs: Sequence[Evidence]) -> Tensor:
    """[R] index into KINDS of each row."""
    return torch.tensor([KINDS.index(r.kind) for r in refs], dtype=torch.long)
