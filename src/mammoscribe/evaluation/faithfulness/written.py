"""What a generator wrote about an exam, as facts: its own words before the gate, and the report after it."""

import copy
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import nn

from mammoscribe.domain.assessment import Setting
from mammoscribe.domain.evidence import EvidenceKind, Section
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.report import Report
from mammoscribe.domain.view import Box, Laterality
from mammoscribe.evaluation.facts import FactKey, fact_keys, findings_only
from mammoscribe.evaluation.oracle import objections
from mammoscribe.models.reader.reader import Reader
from mammoscribe.reading import read_exam
from mammoscribe.reporting.parse import parse_report
from mammoscribe.writers.author import Author, Decode

WORDS, REPORT = "words", "report"
"""The two texts: what the generator wrote, and what was printed of it. They are one where our own renderer writes."""


@dataclass(frozen=True)
class Cited:
    """A finding that a sentence with the generator's words cites: breast, kind, and its box in each view."""

    side: Laterality
    kind: str
    boxes: Mapping[str, Box]

    @property
    def key(self) -> FactKey:
        """The fact that the sentence states of it."""
        return (self.side.value, self.kind)


@dataclass(frozen=True)
class Written:
    """What was written about one exam.

    Args:
        facts: of each text. cited: findings that sentences cite, each the only one of its kind in its breast.
        gate: claims by what the gate made of them; empty where our own renderer writes.
        sentences, objected: sentences of the report, and those that the oracle objects to.
    """

    facts: Mapping[str, frozenset[FactKey]]
    cited: tuple[Cited, ...] = ()
    gate: Mapping[str, int] | None = None
    sentences: int = 0
    objected: int = 0


class Generator(Protocol):
    """Anything that writes about exams."""

    @property
    def texts(self) -> tuple[str, ...]:
        """Names of its texts."""
        ...

    def write(self, exam: Exam, decode: Decode) -> Written:
        """What it writes; InputError when it cannot."""
        ...

    def randomised(self) -> "Generator | None":
        """The same with weights in a random order; None where its weights are out of reach."""
        ...


@dataclass(frozen=True)
class ReaderGenerator:
    """A reader, with an author or without.

    Args:
        reader: finds. author: writes, None for our own renderer. setting: of the categories.
        author_of: the author that writes from another reader's networks; None where its weights are out of reach.
    """

    reader: Reader
    author: Author | None = None
    setting: Setting = Setting.SCREENING
    author_of: Callable[[Reader], Author | None] | None = None

    @property
    def texts(self) -> tuple[str, ...]:
        """Both texts with an author, else the report."""
        return (REPORT,) if self.author is None else (WORDS, REPORT)

    def write(self, exam: Exam, decode: Decode) -> Written:
        """Read the exam, and keep the facts of what was written."""
        reading = read_exam(exam, self.reader, self.author, decode, images=False, setting=self.setting)
        report, author = reading.report, self.author
        facts = {REPORT: facts_of((s.text for s in report.sentences), exam.imaged)}
        gate = None
        if author is not None:
            facts[WORDS] = facts_of((c.text for c in reading.claims), exam.imaged)
            gate = _gate(report, author)
        wrong = sum(bool(objections(s, report, report.possible)) for s in report.sentences)
        return Written(facts, tuple(_cited(report, author)), gate, len(report.sentences), wrong)

    def randomised(self) -> "ReaderGenerator | None":
        """The reader with the values of every weight tensor in a random order."""
        if self.author is not None and self.author_of is None:
            return None
        reader = with_random_weights(self.reader)
        return replace(self, reader=reader, author=None if self.author_of is None else self.author_of(reader))


def _gate(report: Report, author: Author) -> Counter[str]:
    """Claims by what the gate made of them; one that became several sentences counts once."""
    kept = {(s.gate.value, s.original or s.text) for s in report.sentences if s.writer is author.writer}
    found = Counter(result for result, _ in kept)
    found["refused"] = len({r.claim.text for r in report.rejected_claims})
    return found


def _cited(report: Report, author: Author | None) -> Iterable[Cited]:
    written = [s for s in report.section(Section.FINDINGS) if author is None or s.writer is author.writer]
    ids = {e.ref for s in written for e in s.evidence if e.kind is EvidenceKind.FINDING}
    counts = Counter((f.laterality, f.type) for f in report.findings)
    for f in report.findings:
        if f.id in ids and counts[f.laterality, f.type] == 1:
            yield Cited(f.laterality, f.type.value, {m.view_id: m.box for m in f.marks})


def facts_of(texts: Iterable[str], imaged: Iterable[Laterality]) -> frozenset[FactKey]:
    """What a text states of each breast: kinds of finding (breast, kind), density and category (breast, name, value).

    A density or category that names no breast is that of every imaged breast.
    """
    parsed = parse_report("\n".join(texts))
    keys = set(findings_only(fact_keys(parsed.facts)))
    for name, values in (("density", parsed.density), ("category", parsed.birads)):
        for side, value in values.items():
            sides = imaged if side is None and len(values) == 1 else [side]
            keys |= {(s.value, name, str(value)) for s in sides if s is not None}
    return frozenset(keys)


def with_random_weights(reader: Reader, seed: int = 0) -> Reader:
    """A reader of the same shape that has learned nothing (Adebayo et al., NeurIPS 2018).

    The values of every weight tensor are put in a random order, so that their distribution stays.
    """
    draw = torch.Generator().manual_seed(seed)
    parts = {name: copy.deepcopy(part) for name, part in reader.parts.items()}
    for part in parts.values():
        _shuffle(part, draw)
    fields = {"reader": "net", "patches": "patch_net", "looks": "crop_refiner", "films": "films",
              "looks_films": "crop_films", "decoder": "decoder", "joint": "head", "phrases": "phrases"}  # fmt: skip
    return replace(reader, **{fields[name]: part for name, part in parts.items()})


@torch.no_grad()
def _shuffle(part: nn.Module, draw: torch.Generator) -> None:
    for weights in part.parameters():
        if weights.numel() > 1:
            order = torch.randperm(weights.numel(), generator=draw).to(weights.device)
            weights.copy_(weights.flatten()[order].view_as(weights))
