"""Charts to try the gate on: random fact tables with gaps in what was searched, and phantoms with disturbed findings."""

import dataclasses

import numpy as np

from mammoscribe.domain.assessment import FREE_OF_DISEASE, NotAssessed, Setting
from mammoscribe.domain.assessment_rules import Circumstances, assess_breast, grade_finding
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import Change, Finding, FindingType, Mark
from mammoscribe.domain.lexicon import Edition, terms_of
from mammoscribe.domain.location import Location
from mammoscribe.domain.report import Breast
from mammoscribe.domain.search import Search, ViewSearch, gap_words
from mammoscribe.domain.view import Box, Laterality, Projection, SpacingSource, View, standard_view_id
from mammoscribe.phantom import PhantomExam
from mammoscribe.reporting.chart import Chart
from mammoscribe.training.decoder.fact_tables import random_fact_table


def random_chart(rng: np.random.Generator) -> Chart:
    """An exam of one to four views with 0 to 3 findings; spacing, priors and searched kinds are missing at times."""
    table = random_fact_table(rng)
    exam = _with_less_known(table.exam, rng)
    search = random_search(exam, rng)
    found = tuple(_searched(_measured(f, rng), search) for f in table.findings)
    kept = tuple(_readable(f, exam) for f in found if f is not None)
    letters = {b.laterality: str(rng.choice(list("abcd"))) for b in table.breasts if b.imaged}
    return Chart(exam, search, _breasts(search, kept, letters), kept)


def disturbed_chart(drawn: PhantomExam, rng: np.random.Generator) -> Chart:
    """A phantom's truth as a reader might give it: findings lost, invented, of another kind, in one view, reworded."""
    exam, search = drawn.exam, random_search(drawn.exam, rng)
    given = [_disturbed(f, rng) for f in drawn.findings if rng.random() < 0.8]
    if rng.random() < 0.4:
        given.append(_invented(exam, rng))
    found = (_searched(_measured(f, rng), search) for f in given)
    kept = tuple(_readable(f, exam) for f in found if f is not None)
    letters = {b.laterality: b.density for b in drawn.breasts}
    return Chart(exam, search, _breasts(search, kept, letters), kept)


def random_search(exam: Exam, rng: np.random.Generator) -> Search:
    """What was looked for: in one exam of four, not calcifications in one view or in any."""
    reason = ((FindingType.CALCIFICATION, "pixels of 0.2 mm are too coarse"),)
    share = 0.0 if rng.random() < 0.75 else float(rng.choice([0.3, 1.0]))
    return Search(exam, tuple(ViewSearch(v.id, reason if rng.random() < share else ()) for v in exam.current))


def _with_less_known(exam: Exam, rng: np.random.Generator) -> Exam:
    """The exam without spacing, without one prior view, or without its dates, each at times."""
    views = list(exam.views)
    if rng.random() < 0.3:
        views = [dataclasses.replace(v, spacing_mm=None, spacing_source=SpacingSource.UNKNOWN) for v in views]
    if exam.prior and rng.random() < 0.3:
        views.remove(next(v for v in views if v.id == exam.prior[0].id))
    if rng.random() < 0.2:
        views = [dataclasses.replace(v, date=None) for v in views]
    return dataclasses.replace(exam, views=tuple(views))


def _measured(finding: Finding, rng: np.random.Generator) -> Finding:
    """With boxes that are no squares, and at times a distance from the nipple."""
    marks = tuple(dataclasses.replace(m, box=_stretched(m.box, rng)) for m in finding.marks)
    distance = int(rng.integers(5, 90)) if rng.random() < 0.4 else None
    place = dataclasses.replace(finding.location, nipple_distance_mm=distance)
    return dataclasses.replace(finding, marks=marks, location=place)


def _stretched(box: Box, rng: np.random.Generator) -> Box:
    return Box(box.x0, box.y0, box.x0 + box.width * float(rng.uniform(0.4, 1)), box.y1)


def _searched(finding: Finding, search: Search) -> Finding | None:
    """The finding in the views that were searched for its kind; None when there is none."""
    marks = tuple(m for m in finding.marks if finding.type in search.of(search.exam.view(m.view_id)).kinds)
    if not marks:
        return None
    place = finding.location
    if len(marks) < 2 and place.needs_two_views:
        place = Location(depth=place.depth, nipple_distance_mm=place.nipple_distance_mm)
    return dataclasses.replace(finding, marks=marks, location=place)


def _readable(finding: Finding, exam: Exam) -> Finding:
    """Without change where no prior of its views was read, and no feature of itself."""
    paired = any(exam.prior_of(exam.view(m.view_id)) for m in finding.marks)
    own = {
        FindingType.CALCIFICATION: "associated.calcifications",
        FindingType.DISTORTION: "associated.architectural_distortion",
    }
    words = tuple(d for d in finding.descriptors if d != own.get(finding.type))
    if paired:
        return dataclasses.replace(finding, descriptors=words)
    words = tuple("asymmetry.focal" if d == "asymmetry.developing" else d for d in words)
    return dataclasses.replace(finding, descriptors=words, change=None)


def _breasts(search: Search, found: tuple[Finding, ...], letters: dict[Laterality, str]) -> tuple[Breast, Breast]:
    right, left = (_breast(side, search, found, letters.get(side)) for side in Laterality)
    return right, left


def _breast(side: Laterality, search: Search, found: tuple[Finding, ...], letter: str | None) -> Breast:
    exam = search.exam
    if side not in exam.imaged:
        return Breast(side, imaged=False, reason="not imaged")
    own = [f for f in found if f.laterality is side]
    setting = list(Setting)[len(found) % 2]
    at = Circumstances(setting, gap_words(search.gaps(side)), True, exam.months_since_prior, bool(exam.prior))
    given = assess_breast(own, at)
    assert isinstance(given, NotAssessed) or given.category not in FREE_OF_DISEASE or search.complete(side)
    return Breast(
        side, imaged=True, density=letter, assessment=None if isinstance(given, NotAssessed) else given,
        reason=given.reason if isinstance(given, NotAssessed) else "no probability",
        grades=tuple(grade_finding(f, at) for f in own),
    )  # fmt: skip


def _disturbed(finding: Finding, rng: np.random.Generator) -> Finding:
    kind = list(FindingType)[int(rng.integers(4))] if rng.random() < 0.2 else finding.type
    words = _random_words(kind, rng) if kind is not finding.type or rng.random() < 0.3 else finding.descriptors
    marks, place = finding.marks, finding.location
    if len(marks) == 2 and rng.random() < 0.3:
        marks, place = marks[:1], Location(depth=place.depth)
    change = list(Change)[int(rng.integers(4))] if rng.random() < 0.3 else finding.change
    return dataclasses.replace(finding, type=kind, descriptors=words, marks=marks, location=place, change=change)


def _random_words(kind: FindingType, rng: np.random.Generator) -> tuple[str, ...]:
    chosen = [
        str(rng.choice([t.id for t in terms_of(a, Edition.BIRADS_2013)])) for a in kind.axes if rng.random() < 0.7
    ]
    return tuple(chosen)


def _invented(exam: Exam, rng: np.random.Generator) -> Finding:
    view: View = exam.current[int(rng.integers(len(exam.current)))]
    kind = list(FindingType)[int(rng.integers(4))]
    box = Box(100, 100, 100 + float(rng.uniform(50, 300)), 100 + float(rng.uniform(50, 300)))
    mark = Mark(standard_view_id(view.laterality, view.projection), Projection(view.projection), box, 0.9)
    return Finding("invented", kind, view.laterality, (mark,), 0.9, 0.5, _random_words(kind, rng))
