"""Random fact tables without images: what the decoder and the tokeniser are trained on, and the gate is tried on.

A fact table is what a reading holds, minus the pixels.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np

from mammoscribe.domain.assessment import Assessment, NotAssessed, Setting
from mammoscribe.domain.assessment_rules import Circumstances, assess_breast, grade_breast
from mammoscribe.domain.exam import HANGING, Exam
from mammoscribe.domain.finding import Change, Finding, FindingType, Mark
from mammoscribe.domain.lexicon import TERMS, Axis, Edition, terms_of
from mammoscribe.domain.location import from_one_view, from_two_views
from mammoscribe.domain.report import Breast, Calibration
from mammoscribe.domain.search import everything_searched
from mammoscribe.domain.view import Box, Laterality, Projection, Role, SpacingSource, View, standard_view_id
from mammoscribe.models.decoder.memory import FactTable
from mammoscribe.reporting.chart import Chart
from mammoscribe.reporting.findings import AS_ASSOCIATED
from mammoscribe.reporting.render import render
from mammoscribe.reporting.styles import STYLES, write_reference
from mammoscribe.reporting.vocabulary import PHRASES

_WIDTH_PX, _HEIGHT_PX, _SPACING_MM = 1600, 2000, 0.1
_CALIBRATION = Calibration("random fact tables", 0.5, 1)
_DAY = dt.date(2024, 1, 1)


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
            terms = [t.id for t in terms_of(axis, Edition.BIRADS_2013) if AS_ASSOCIATED.get(t.id) is not kind]
            chosen.append(str(rng.choice(terms)))
    return tuple(chosen)


def _breast(exam: Exam, findings: Sequence[Finding], side: Laterality, density: str) -> Breast:
    if side not in exam.imaged:
        return Breast(side, False, reason="not imaged")
    own = [f for f in findings if f.laterality is side]
    at = Circumstances(Setting.DIAGNOSTIC, months_since_prior=exam.months_since_prior, prior_read=bool(exam.prior))
    given = assess_breast(own, at)
    reason = given.reason if isinstance(given, NotAssessed) else "a made-up table has no probability"
    grades = grade_breast(own, at)
    return Breast(
        side, True, density, assessment=given if isinstance(given, Assessment) else None, reason=reason, grades=grades
    )


@dataclass(frozen=True)
class RandomTables(Sequence[FactTable]):
    """Random fact tables by number; each is drawn when its turn comes, and none is kept.

    Args:
        seed: another one gives other tables.
        number: how many there are.
        max_findings: of each.
    """

    seed: int
    number: int
    max_findings: int = 3

    def __len__(self) -> int:
        return self.number

    @overload
    def __getitem__(self, place: int) -> FactTable: ...

    @overload
    def __getitem__(self, place: slice) -> list[FactTable]: ...

    def __getitem__(self, place: int | slice) -> FactTable | list[FactTable]:
        if isinstance(place, slice):
            return [self[n] for n in range(*place.indices(self.number))]
        if not 0 <= place < self.number:
            raise IndexError(f"no table {place} of {self.number}")
        rng = np.random.default_rng([self.seed, place])
        return random_fact_table(rng, self.max_findings, f"table-{place}")


def tokenizer_texts(count: int = 6000, seed: int = 7) -> Iterator[str]:
    """What the shipped tokeniser is trained on, the same each time.

    Sentences of `count` random fact tables, as the renderer writes them (prior reports are mostly ours) and in one of
    the reference styles, then every lexicon label and every phrase that the report parser knows.
    """
    rng = np.random.default_rng(seed)
    for _ in range(count):
        table = random_fact_table(rng)
        search = everything_searched(table.exam)
        for statement in render(Chart(table.exam, search, table.breasts, table.findings)):
            yield statement.sentence.text
        for sentence in write_reference(search, table.findings, table.stated, int(rng.integers(len(STYLES))), rng):
            yield sentence.text
    for _ in range(3):  # the trainer keeps what it has seen three times
        yield from (term.label for term in TERMS.values())
        yield from PHRASES
