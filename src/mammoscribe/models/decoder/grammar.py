"""The grammar of a report while it is written: which token and which row may come next, and the claims that come of it."""

import torch
from torch import Tensor

from mammoscribe.domain.evidence import Claim, Evidence, Writer
from mammoscribe.models.tokenizer import EOS, EVID, ReportTokenizer

NO_ROW = -1
"""Row index of a step that points at nothing."""


class ReportDraft:
    """The sentences written so far, and what the grammar allows next.

    Args:
        tokenizer: gives the ids of marks.
        refs: what each memory row is.
    """

    def __init__(self, tokenizer: ReportTokenizer, refs: tuple[Evidence, ...]) -> None:
        self.tokenizer, self.refs = tokenizer, refs
        self.evid, self.plan = tokenizer.mark(EVID), NO_ROW
        self.pointing = frozenset({self.evid, *tokenizer.sections})
        self.sentences: list[tuple[int, list[int], list[int]]] = []
        marks = torch.zeros(tokenizer.vocab_size, dtype=torch.bool)
        marks[list(tokenizer.mark_ids)] = True
        self._opens = torch.zeros_like(marks)
        self._opens[[*tokenizer.sections, tokenizer.mark(EOS)]] = True
        self._words, self._evid = ~marks, torch.zeros_like(marks)
        self._evid[self.evid] = True

    def allowed_tokens(self) -> Tensor:
        """[V] true where the grammar lets the next token be."""
        if not self.sentences:
            return self._opens
        _, words, rows = self.sentences[-1]
        if rows:
            return self._opens | self._evid if len(rows) < len(self.refs) else self._opens
        return self._words | self._evid if words else self._words

    def allowed_rows(self, token: int) -> Tensor:
        """[R] true at rows that `token` can point at: a new sentence anywhere, `[EVID]` at what is not yet cited."""
        allowed = torch.ones(len(self.refs), dtype=torch.bool)
        if token == self.evid:
            allowed[self.sentences[-1][2]] = False
        return allowed

    def add(self, token: int, row: int) -> None:
        """Take the token that was chosen, with the row that it points at or is about."""
        if token in self.tokenizer.sections:
            self.sentences.append((token, [], []))
            self.plan = row
        elif token == self.evid:
            self.sentences[-1][2].append(row)
        else:
            self.sentences[-1][1].append(token)

    def claims(self) -> tuple[Claim, ...]:
        """Finished sentences, each once."""
        made = (
            Claim(
                self.tokenizer.decode(words),
                Writer.DECODER,
                self.tokenizer.sections[mark],
                tuple(self.refs[r] for r in rows),
            )
            for mark, words, rows in self.sentences
            if rows
        )
        return tuple(dict.fromkeys(c for c in made if c.text))


def choose(scores: Tensor, allowed: Tensor, greedy: bool, generator: torch.Generator | None) -> int:
    """Index of the best allowed score, or one drawn by its probability.

    Args:
        scores: [V] logits.
        allowed: [V] bool, at least one of them true.
        greedy: whether the best is taken.
        generator: that draws otherwise; None is torch's own.
    """
    scores = scores.float().cpu().masked_fill(~allowed, -torch.inf)
    if greedy:
        return int(scores.argmax())
    return int(torch.multinomial(scores.softmax(0), 1, generator=generator))
