"""Random fact tables without images: for training the tokeniser, warming up the decoder and testing both.

A fact table is what a phantom's truth holds, minus the pixels. `facts_memory` turns one into rows like those a reader
gives the decoder: a fixed random projection of its one-hot facts, so that whatever the decoder learns from them it
learned from facts alone.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from mammoscribe.domain.assessment import Category, assess_breast
from mammoscribe.domain.evidence import Evidence, EvidenceKind
from mammoscribe.domain.exam import HANGING, Exam
from mammoscribe.domain.finding import Change, Finding, FindingType, Mark
from mammoscribe.domain.lexicon import TERMS, Axis, Edition, terms_of
from mammoscribe.domain.location import Depth, Half, Quadrant, from_one_view, from_two_views
from mammoscribe.domain.report import Breast, Calibration
from mammoscribe.domain.view import Box, Laterality, Projection, Role, SpacingSource, View, standard_view_id
from mammoscribe.reporting.render import Chart, render
from mammoscribe.reporting.styles import STYLES, write_reference
from mammoscribe.reporting.vocabulary import PHRASES
from mammoscribe.training.decoder import DecoderExample

_WIDTH_PX, _HEIGHT_PX, _SPACING_MM = 1600, 2000, 0.1
_CALIBRATION = Calibration("random fact tables", 0.5, 1)
_DAY = dt.date(2024, 1, 1)


@dataclass(frozen=True)
class FactTable:
    """One exam without pixels: what is there, and the facts of both breasts."""

    exam: Exam
    findings: tuple[Finding, ...]
    breasts: tuple[Breast, Breast]

    @property
    def stated(self) -> Mapping[Laterality, tuple[str | None, Category | None]]:
        """Density letter and category of each imaged breast, as `write_reference` takes them."""
        shown = [b for b in self.breasts if b.imaged]
        return {b.laterality: (b.density, b.assessment.category if b.assessment else None) for b in shown}


def random_fact_table(rng: np.random.Generator, max_findings: int = 3, exam_id: str = "toy") -> FactTable:
    """An exam of one to four views, with a prior in four of ten, and 0 to `max_findings` findings."""
    views = _random_views(rng)
    current = [v for v in views if v.role is Role.CURRENT]
    exam = Exam(exam_id, tuple(views))
    count = int(rng.integers(0, max_findings + 1))
    findings = tuple(_random_finding(rng, f"f{i + 1}", current, bool(exam.prior)) for i in range(count))
    density = str(rng.choice(list("abcd")))
    right, left = (_breast(exam, findings, side, density) for side in Laterality)
    return FactTable(exam, findings, (right, left))


def _random_views(rng: np.random.Generator) -> list[View]:
    shown = list(HANGING)
    if rng.random() < 0.25:
        shown = [HANGING[i] for i in sorted(rng.choice(4, int(rng.integers(1, 4)), replace=False))]
    day = _DAY + dt.timedelta(days=int(rng.integers(0, 700)))
    views = [_view(side, projection, Role.CURRENT, day) for side, projection in shown]
    if rng.random() < 0.4:
        earlier = day - dt.timedelta(days=int(rng.integers(300, 900)))
        views += [_view(side, projection, Role.PRIOR, earlier) for side, projection in shown]
    return views


def _view(laterality: Laterality, projection: Projection, role: Role, day: dt.date) -> View:
    spacing = (_SPACING_MM, _SPACING_MM)
    return View(
        standard_view_id(laterality, projection, role), laterality, projection, _WIDTH_PX, _HEIGHT_PX, "none",
        role, spacing, SpacingSource.DECLARED, day,
    )  # fmt: skip


def _random_finding(rng: np.random.Generator, finding_id: str, views: Sequence[View], has_prior: bool) -> Finding:
    side = views[int(rng.integers(len(views)))].laterality
    seen = [v for v in views if v.laterality is side]
    if len(seen) == 2 and rng.random() < 0.2:
        seen = [seen[int(rng.integers(2))]]
    kind = list(FindingType)[int(rng.integers(4))]
    half_px = float(rng.integers(20, 150))
    x, y = rng.uniform(200, _WIDTH_PX - 200), rng.uniform(200, _HEIGHT_PX - 200)
    box = Box(x - half_px, y - half_px, x + half_px, y + half_px)
    offsets, depth = rng.uniform(-40, 40, 2), float(rng.uniform())
    one_view = from_one_view(seen[0].projection, float(offsets[0]), depth)
    two_views = from_two_views(side, float(offsets[0]), float(offsets[1]), depth)
    return Finding(
        finding_id, kind, side, tuple(Mark(v.id, v.projection, box, 0.9) for v in seen), 0.9, float(rng.uniform()),
        _random_descriptors(rng, kind), two_views if len(seen) == 2 else one_view,
        list(Change)[int(rng.integers(4))] if has_prior else None,
    )  # fmt: skip


def _random_descriptors(rng: np.random.Generator, kind: FindingType) -> tuple[str, ...]:
    chosen = []
    for axis in kind.axes:
        if rng.random() < (0.15 if axis is Axis.ASSOCIATED else 0.95):
            terms = [t.id for t in terms_of(axis, Edition.BIRADS_2013) if t.id != f"{Axis.ASSOCIATED}.{kind}"]
            chosen.append(str(rng.choice(terms)))
    return tuple(chosen)


def _breast(exam: Exam, findings: Sequence[Finding], side: Laterality, density: str) -> Breast:
    if side not in exam.imaged:
        return Breast(side, False, reason="not imaged")
    assessment = assess_breast(f for f in findings if f.laterality is side)
    return Breast(side, True, density, None, assessment, 0.1, _CALIBRATION)


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


def facts_memory(table: FactTable, dim: int, noise: float = 0.0, seed: int = 0) -> tuple[Tensor, tuple[Evidence, ...]]:
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


def facts_example(table: FactTable, dim: int = 192, noise: float = 0.0, seed: int = 0) -> DecoderExample:
    """The table as an exam to learn from, every finding detected."""
    memory, refs = facts_memory(table, dim, noise, seed)
    rows = {f.id: row for row, f in enumerate(table.findings)}
    return DecoderExample(memory, refs, table.exam, table.findings, table.stated, rows)


def _facts_of(table: FactTable, ref: Evidence) -> dict[str, float]:
    if ref.kind is EvidenceKind.FINDING:
        return _finding_facts(next(f for f in table.findings if f.id == ref.ref))
    if ref.kind is EvidenceKind.BREAST:
        side = Laterality(ref.ref)
        breast = table.breasts[list(Laterality).index(side)]
        category = breast.assessment.category if breast.assessment else ""
        return dict.fromkeys((side.value, f"density {breast.density}", f"category {category}"), 1.0)
    if ref.kind is EvidenceKind.EXAM:
        categories = {str(b.assessment.category) for b in table.breasts if b.assessment}
        return dict.fromkeys(("exam", *(f"category {c}" for c in sorted(categories))), 1.0)
    view = table.exam.view(ref.ref.split("|")[0])
    names = (view.laterality.value, view.projection.value)
    return dict.fromkeys(names if ref.kind is EvidenceKind.VIEW else (*names, "prior"), 1.0)


def _finding_facts(finding: Finding) -> dict[str, float]:
    where, sizes = finding.location, [max(m.box.width, m.box.height) * _SPACING_MM for m in finding.marks]
    parts = (where.quadrant, where.depth, where.half, finding.change)
    names = [finding.type.value, finding.laterality.value, *finding.descriptors, *(str(p.value) for p in parts if p)]
    names += [m.projection.value for m in finding.marks]
    if where.clock:
        names.append(f"clock {where.clock}")
    return {**dict.fromkeys(names, 1.0), "size": max(sizes) / 20, "suspicion": finding.suspicion}


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


def tokenizer_texts(count: int = 6000, seed: int = 7) -> Iterator[str]:
    """What the shipped tokeniser is trained on, the same each time.

    Sentences of `count` random fact tables, as the renderer writes them (prior reports are mostly ours) and in one of
    the reference styles, then every lexicon label and every phrase that the report parser knows.
    """
    rng = np.random.default_rng(seed)
    for _ in range(count):
        table = random_fact_table(rng)
        for statement in render(Chart(table.exam, table.breasts, table.findings)):
            yield statement.sentence.text
        for sentence in write_reference(table.exam, table.findings, table.stated, int(rng.integers(len(STYLES))), rng):
            yield sentence.text
    for _ in range(3):  # the trainer keeps what it has seen three times
        yield from (term.label for term in TERMS.values())
        yield from PHRASES
