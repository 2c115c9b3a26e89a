"""Writing a report token by token: the best token each time, or several drafts side by side (beam search)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mammoscribe.models.biovil.report_frames import ReportFrames
from mammoscribe.models.biovil.report_net import Looked, Memory, ReportNet
from mammoscribe.support.errors import InputError

NEVER = float("-inf")


@dataclass(frozen=True)
class Draft:
    """A report that was written.

    Args:
        ids: its tokens, without the one that ends it.
        ended: whether it was ended, not cut off at the limit.
        log_chance: sum of the logarithms of the chances of its tokens, the end among them.
    """

    ids: tuple[int, ...]
    ended: bool
    log_chance: float


@dataclass(frozen=True)
class Limits:
    """How a report is written.

    Args:
        beams: drafts that are followed side by side; 1 takes the best token each time.
        max_tokens: of one report; None is as many as the decoder has places for. A draft that reaches it is cut off.
        length_power: drafts are compared by their log chance over their length to this power.

    Raises:
        InputError: for numbers below 1, or a power below 0.
    """

    beams: int = 1
    max_tokens: int | None = None
    length_power: float = 1.0

    def __post_init__(self) -> None:
        if self.beams < 1 or (self.max_tokens is not None and self.max_tokens < 1) or not self.length_power >= 0:
            found = f"beams {self.beams}, max_tokens {self.max_tokens}, length_power {self.length_power}"
            raise InputError(found, "1 or more, and a power of 0 or more")

    def score(self, log_chance: float, length: int) -> float:
        """What drafts are compared by; the more the better."""
        return log_chance / max(length, 1) ** self.length_power


@torch.inference_mode()
def write_reports(
    net: ReportNet, frames: ReportFrames, looked: Looked, prompts: Sequence[np.ndarray], limits: Limits | None = None
) -> list[Draft]:  # fmt: skip
    """One draft for each picture.

    Args:
        net: in evaluation mode.
        frames: say which token ends a report, and which are never written.
        looked: N pictures.
        prompts: N prompts, see `ReportFrames.prompt`.
        limits: see there.
    """
    limits = limits or Limits()
    writing = _Writing(net, frames, looked, prompts, limits.max_tokens)
    return _greedy(writing) if limits.beams == 1 else _beams(writing, limits)


class _Writing:
    """The pass that gives the chances of the next tokens, with what is kept of the passes before it.

    Rows of several lengths go together: padding stands between a prompt and what is written behind it, and is not seen.
    """

    def __init__(
        self, net: ReportNet, frames: ReportFrames, looked: Looked, prompts: Sequence[np.ndarray], limit: int | None
    ) -> None:  # fmt: skip
        self.net, self.end, self.looked = net, frames.end, looked
        self.device = looked.patches.device
        self.lengths = torch.tensor([len(p) for p in prompts], device=self.device)
        room = net.max_tokens - self.lengths
        self.room = room if limit is None else room.clamp(max=limit)
        self.unwritten = torch.tensor(frames.unwritten, device=self.device)
        self.memory = Memory()
        self._prompts = prompts

    def first(self) -> Tensor:
        """[N, V]: log chances of the first tokens."""
        width = int(self.lengths.max())
        ids, mask = (np.zeros((len(self._prompts), width), np.int64) for _ in range(2))
        for row, prompt in enumerate(self._prompts):
            ids[row, : len(prompt)], mask[row, : len(prompt)] = prompt, 1
        given, seen = (torch.from_numpy(a).to(self.device) for a in (ids, mask))
        states = self.net.states(given, seen, torch.ones_like(given), self.looked, self.memory)
        return self._chances(states[torch.arange(len(ids), device=self.device), self.lengths - 1])

    def then(self, tokens: Tensor) -> Tensor:
        """[N, V]: log chances of the tokens after these, [N]."""
        ids = tokens[:, None]
        return self._chances(
            self.net.states(ids, torch.ones_like(ids), torch.zeros_like(ids), self.looked, self.memory)[:, 0]
        )

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows, in this order."""
        self.memory.reorder(rows)
        self.looked = self.looked.rows(rows)

    def _chances(self, states: Tensor) -> Tensor:
        chances = self.net.log_chances(states)
        return chances.index_fill(1, self.unwritten, NEVER)


def _greedy(writing: _Writing) -> list[Draft]:
    chances = writing.first()
    ids: list[list[int]] = [[] for _ in chances]
    sums, room = [0.0] * len(ids), writing.room.tolist()
    ended, cut = [False] * len(ids), [False] * len(ids)
    while True:
        best = chances.max(dim=1)
        for row, (token, value) in enumerate(zip(best.indices.tolist(), best.values.tolist(), strict=True)):
            if ended[row] or cut[row]:
                continue
            ended[row], cut[row] = token == writing.end, token != writing.end and len(ids[row]) >= room[row]
            if not cut[row]:
                sums[row] += value
                ids[row] += [] if ended[row] else [token]
        if all(done or full for done, full in zip(ended, cut, strict=True)):
            return [Draft(tuple(own), done, total) for own, done, total in zip(ids, ended, sums, strict=True)]
        chances = writing.then(best.indices)


@dataclass(frozen=True)
class _Beam:
    """Drafts of one picture that go on, all of one length, their log chances, and drafts that have ended.

    Args:
        room: most tokens of a draft.
        closed: whether those that go on are as long as that.
    """

    room: int
    drafts: tuple[tuple[int, ...], ...] = ((),)
    sums: tuple[float, ...] = (0.0,)
    ended: tuple[Draft, ...] = ()
    closed: bool = False

    def is_done(self, limits: Limits) -> bool:
        """Whether no draft that goes on can become better than those that have ended."""
        if self.closed or not self.drafts:
            return True
        hope = limits.score(max(self.sums), self.room + 1)
        return len(self.ended) == limits.beams and hope <= min(_score(d, limits) for d in self.ended)

    def best(self, limits: Limits) -> Draft:
        """The best that has ended, or where none has, the best that was cut off."""
        cut = [Draft(ids, False, total) for ids, total in zip(self.drafts, self.sums, strict=True)]
        return max(self.ended or cut, key=lambda d: _score(d, limits))


def _score(draft: Draft, limits: Limits) -> float:
    return limits.score(draft.log_chance, len(draft.ids) + draft.ended)


def _beams(writing: _Writing, limits: Limits) -> list[Draft]:
    """Beam search; the rows of a pass are the drafts that go on, of one picture after the other."""
    beams = [_Beam(room) for room in writing.room.tolist()]
    going, chances = list(range(len(beams))), writing.first()
    while going:
        parts = chances.split([len(beams[number].drafts) for number in going])
        rows, still, first = [], [], 0
        for number, part in zip(going, parts, strict=True):
            beams[number], parents = _longer(beams[number], part, writing.end, limits)
            if not beams[number].is_done(limits):
                rows += [first + parent for parent in parents]
                still.append(number)
            first += len(part)
        going = still
        if going:
            tokens = [draft[-1] for number in going for draft in beams[number].drafts]
            writing.keep(torch.tensor(rows, device=writing.device))
            chances = writing.then(torch.tensor(tokens, device=writing.device))
    return [beam.best(limits) for beam in beams]


def _longer(beam: _Beam, chances: Tensor, end: int, limits: Limits) -> tuple[_Beam, list[int]]:
    """The beam with one more token, and from which draft each that goes on came."""
    totals = chances + torch.tensor(beam.sums, device=chances.device)[:, None]
    values, places = totals.flatten().topk(min(2 * limits.beams, int(torch.isfinite(totals).sum())))
    drafts, sums, parents, ended = [], [], [], list(beam.ended)
    for rank, (value, place) in enumerate(zip(values.tolist(), places.tolist(), strict=True)):
        parent, token = divmod(place, chances.shape[1])
        if token == end and rank < limits.beams:  # one further behind would not have gone on either
            ended.append(Draft(beam.drafts[parent], True, value))
        elif token != end and len(drafts) < limits.beams:
            drafts.append((*beam.drafts[parent], token))
            sums.append(value)
            parents.append(parent)
    kept = tuple(sorted(ended, key=lambda d: -_score(d, limits))[: limits.beams])
    if len(beam.drafts[0]) >= beam.room:
        return _Beam(beam.room, beam.drafts, beam.sums, kept, closed=True), []
    return _Beam(beam.room, tuple(drafts), tuple(sums), kept), parents
