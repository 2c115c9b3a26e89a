"""What a writer is given and what it gives: an exam with its facts in, claims for the gate out. Each writer is one module."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from mammoscribe.domain.evidence import Claim, Writer
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import Finding
from mammoscribe.domain.report import Breast
from mammoscribe.domain.view import View
from mammoscribe.imaging.picture import Picture

Decode = Callable[[View], Picture]


@dataclass(frozen=True)
class Case:
    """An exam that is to be written about.

    Args:
        exam: its views, with prior views or without.
        decode: how to get a view's pixels.
        findings: of the reader, above threshold.
        breasts: of the reader, right first.
        prior_report: the text of the prior exam's report, None where there is none.
    """

    exam: Exam
    decode: Decode
    findings: tuple[Finding, ...]
    breasts: tuple[Breast, Breast]
    prior_report: str | None = None


@dataclass(frozen=True)
class Draft:
    """What a writer wrote: claims, and remarks for the reader of the report."""

    claims: tuple[Claim, ...]
    remarks: tuple[str, ...] = ()


class Author(Protocol):
    """A model that writes about exams. It may write anything: the gate alone decides what of it is printed."""

    @property
    def writer(self) -> Writer:
        """What kind of writer its sentences and refused claims are marked with."""
        ...

    @property
    def name(self) -> str:
        """Which model it is, as the report says it."""
        ...

    @property
    def manner(self) -> str:
        """What it writes from: `from each view alone`."""
        ...

    @property
    def reads_prior_report(self) -> bool:
        """Whether the text of the prior exam's report is of use to it."""
        ...

    def write(self, case: Case) -> Draft:
        """Claims about an exam.

        Raises:
            InputError: when it cannot write about this exam.
        """
        ...
