"""Evidence, claims and sentences: a sentence that rests on nothing cannot be built."""

import re
from dataclasses import dataclass
from enum import StrEnum

from mammoscribe.support.errors import InvalidNoun


class EvidenceKind(StrEnum):
    """What a sentence can rest on."""

    FINDING = "finding"
    BREAST = "breast"
    VIEW = "view"
    PRIOR_PAIR = "prior_pair"
    EXAM = "exam"


@dataclass(frozen=True)
class Evidence:
    """A pointer from a sentence: `ref` is a finding id, `L`/`R`, a view id, `current|prior` view ids, or an exam id.

    Raises:
        InvalidNoun: when it points nowhere, or at a pair of which the standard ids (`R_CC|prior_R_CC`) show that it is
            not one view and its prior.
    """

    kind: EvidenceKind
    ref: str

    def __post_init__(self) -> None:
        if not self.ref:
            raise InvalidNoun(f"{self.kind} evidence that points nowhere", "the id of what it rests on")
        if self.kind is EvidenceKind.PRIOR_PAIR and self.ref.count("|") != 1:
            raise InvalidNoun(f"prior pair evidence {self.ref!r}", "CURRENT_VIEW|PRIOR_VIEW")
        if self.kind is EvidenceKind.PRIOR_PAIR and not _may_pair(*self.ref.split("|")):
            raise InvalidNoun(f"prior pair evidence {self.ref!r}", "a view and the prior view of the same name")


_STANDARD_ID = re.compile(r"(?:prior_)?[RL]_(?:CC|MLO)")


def _may_pair(current: str, prior: str) -> bool:
    """Whether two view ids may be a view and its prior: standard ids say so, of others only the exam knows."""
    if _STANDARD_ID.fullmatch(current) and _STANDARD_ID.fullmatch(prior):
        return prior == f"prior_{current}"
    return bool(current and prior) and current != prior


class Section(StrEnum):
    """Report sections, in the order they are written."""

    INDICATION = "indication"
    TECHNIQUE = "technique"
    COMPARISON = "comparison"
    COMPOSITION = "composition"
    FINDINGS = "findings"
    IMPRESSION = "impression"
    RECOMMENDATION = "recommendation"
    LIMITS = "limits"


class Writer(StrEnum):
    """Who wrote a sentence."""

    RENDERER = "renderer"
    DECODER = "decoder"
    EXTERNAL = "external"


class GateResult(StrEnum):
    """What the gate found when it held a claim against the findings."""

    CONSISTENT = "consistent"
    CORRECTED = "corrected"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True)
class Claim:
    """A sentence somebody's model wrote, before the gate has seen it: text and, if it pointed, what it pointed at."""

    text: str
    writer: Writer = Writer.DECODER
    section: Section = Section.FINDINGS
    pointers: tuple[Evidence, ...] = ()


@dataclass(frozen=True)
class RejectedClaim:
    """A claim that did not pass the gate, and why; it never appears in the report text."""

    claim: Claim
    reason: str


@dataclass(frozen=True)
class Sentence:
    """A sentence of the report with the evidence it rests on.

    Args:
        text: as it is printed.
        section: where it is printed.
        evidence: what it rests on.
        writer: who wrote it, or the claim that it was written anew from.
        gate: what the gate found.
        original: the claim's own text, where the report words it otherwise.

    Raises:
        InvalidNoun: without text or evidence, or when the gate called it unsupported.
    """

    text: str
    section: Section
    evidence: tuple[Evidence, ...]
    writer: Writer = Writer.RENDERER
    gate: GateResult = GateResult.CONSISTENT
    original: str | None = None

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise InvalidNoun("an empty sentence")
        if not self.evidence:
            raise InvalidNoun(f"the sentence {self.text!r} rests on nothing", "at least one piece of evidence")
        if self.gate is GateResult.UNSUPPORTED:
            raise InvalidNoun(f"the unsupported claim {self.text!r} cannot be a sentence", "a rejected claim")
