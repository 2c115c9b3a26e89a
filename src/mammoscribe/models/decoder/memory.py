"""What the report decoder is shown: one memory row for each finding, breast, view, prior pair and the exam.

A row is a fixed random projection of the facts the reader found there, so the decoder writes from the same table as
the renderer and cannot see anything that the page does not show. The gate still holds every claim against the table.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from mammoscribe.domain.assessment import Category
from mammoscribe.domain.evidence import Evidence, EvidenceKind
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import Change, Finding, FindingType
from mammoscribe.domain.lexicon import TERMS
from mammoscribe.domain.location import Depth, Half, Quadrant
from mammoscribe.domain.report import Breast
from mammoscribe.domain.view import Laterality, Projection

MEMORY_DIM = 192


@dataclass(frozen=True)
class FactTable:
    """One exam without pixels: what was found, and the facts of both breasts."""

    exam: Exam
    findings: tuple[Finding, ...]
    breasts: tuple[Breast, Breast]

    @property
    def stated(self) -> Mapping[Laterality, tuple[str | None, Category | None]]:
        """Density letter and category of each imaged breast, as `write_reference` takes them."""
        shown = [b for b in self.breasts if b.imaged]
        return {b.laterality: (b.density, b.assessment.category if b.assessment else None) for b in shown}


def evidence_rows(table: FactTable) -> tuple[Evidence, ...]:
    """Everything a sentence about the table can cite: findings, imaged breasts, views, prior pairs, the exam."""
    exam = table.exam
    pairs = [(v, exam.prior_of(v)) for v in exam.current]
    return (
        *(Evidence(EvidenceKind.FINDING, f.id) for f in table.findings),
        *(Evidence(EvidenceKind.BREAST, side.value) for side in exam.imaged),
        *(Evidence(EvidenceKind.VIEW, v.id) for v in exam.current),
        *(Evidence(EvidenceKind.PRIOR_PAIR, f"{v.id}|{p.id}") for v, p in pairs if p),
        Evidence(EvidenceKind.EXAM, exam.id),
    )


def facts_memory(
    table: FactTable, dim: int = MEMORY_DIM, noise: float = 0.0, seed: int = 0
) -> tuple[Tensor, tuple[Evidence, ...]]:
    """Memory rows [R, dim] that hold the table's facts, and what each row is.

    Args:
        table: the facts.
        dim: width of a row.
        noise: standard deviation of what is added to each value, itself of about unit size.
        seed: of the noise; the projection is always the same.
    """
    refs = evidence_rows(table)
    facts = torch.zeros(len(refs), len(_COLUMNS))
    for row, ref in enumerate(refs):
        for name, value in _facts_of(table, ref).items():
            facts[row, _COLUMNS[name]] = value
    memory = facts @ _projection(dim)
    return memory + noise * torch.randn(memory.shape, generator=torch.Generator().manual_seed(seed)), refs


def _facts_of(table: FactTable, ref: Evidence) -> dict[str, float]:
    if ref.kind is EvidenceKind.FINDING:
        return _finding_facts(table.exam, next(f for f in table.findings if f.id == ref.ref))
    if ref.kind is EvidenceKind.BREAST:
        side = Laterality(ref.ref)
        breast = table.breasts[list(Laterality).index(side)]
        density = [f"density {breast.density}"] if breast.density else []
        category = [f"category {breast.assessment.category}"] if breast.assessment else []
        return dict.fromkeys((side.value, *density, *category), 1.0)
    if ref.kind is EvidenceKind.EXAM:
        categories = {str(b.assessment.category) for b in table.breasts if b.assessment}
        return dict.fromkeys(("exam", *(f"category {c}" for c in sorted(categories))), 1.0)
    view = table.exam.view(ref.ref.split("|")[0])
    names = (view.laterality.value, view.projection.value)
    return dict.fromkeys(names if ref.kind is EvidenceKind.VIEW else (*names, "prior"), 1.0)


def _finding_facts(exam: Exam, finding: Finding) -> dict[str, float]:
    where = finding.location
    parts = (where.quadrant, where.depth, where.half, finding.change)
    names = [finding.type.value, finding.laterality.value, *finding.descriptors, *(str(p.value) for p in parts if p)]
    names += [m.projection.value for m in finding.marks]
    if where.clock:
        names.append(f"clock {where.clock}")
    return {**dict.fromkeys(names, 1.0), "size": _size_mm(exam, finding) / 20, "suspicion": finding.suspicion}


def _size_mm(exam: Exam, finding: Finding) -> float:
    """Longest side of any mark, 0 where millimetres are not known."""
    views = [(exam.view(m.view_id), m.box) for m in finding.marks]
    sizes = (
        max(b.height * v.spacing_mm[0], b.width * v.spacing_mm[1])
        for v, b in views
        if v.spacing_mm and v.millimetres_known
    )
    return max(sizes, default=0.0)


_NAMES = (
    *(t.value for t in FindingType), *(s.value for s in Laterality), *(p.value for p in Projection), *TERMS,
    *(q.value for q in Quadrant), *(d.value for d in Depth), *(h.value for h in Half), *(c.value for c in Change),
    *(f"clock {h}" for h in range(1, 13)), *(f"density {d}" for d in "abcd"), *(f"category {c}" for c in Category),
    "size", "suspicion", "prior", "exam",
)  # fmt: skip
_COLUMNS = {name: column for column, name in enumerate(_NAMES)}


@lru_cache(maxsize=4)
def _projection(dim: int) -> Tensor:
    """[facts, dim]; the same for everyone."""
    return torch.randn(len(_COLUMNS), dim, generator=torch.Generator().manual_seed(20240101))
