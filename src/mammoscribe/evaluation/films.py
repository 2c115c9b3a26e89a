"""Out-of-fold marks on real films: lesions found on mini-MIAS, marks on its normals and on RSNA views with and without cancer, masses of CBIS-DDSM.

A lesion counts as found when a mark of any kind hits it (the films' own kinds are coarse). Views whose lesions have no
coordinates are left out. A non-cancer view may well show something benign: its marks are called false all the same,
so that figure is an upper bound.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.view import Box
from mammoscribe.evaluation.bootstrap import bootstrap_interval, clopper_pearson, ratio_interval
from mammoscribe.evaluation.card import Row
from mammoscribe.evaluation.detection import (
    MarkScores,
    ViewMarks,
    froc_of,
    mark_scores,
    operating_point,
    sensitivity_at,
)
from mammoscribe.models.reader.assemble import combined_score
from mammoscribe.support.errors import InputError

TYPES = tuple(FindingType)
DRAWS = 400
BUDGETS = (0.1, 0.25, 0.5, 1.0, 2.0)
MASS_BUDGETS = (0.25, 0.5, 1.0)
"""False marks a view at which the share of masses found is stated."""


@dataclass(frozen=True)
class FilmMark:
    """A mark: box in stored pixels, score, kind."""

    box: Box
    score: float
    type: FindingType


@dataclass(frozen=True)
class Film:
    """One view: whose it is, its marks, its lesions (box, kind), and what is known of it.

    Args:
        exam_id: of the view, unique in its dataset.
        labelled: whether all its lesions, or that there are none, are known by place.
        cancer: breast label, None where there is none.
    """

    exam_id: str
    patient: str
    marks: tuple[FilmMark, ...]
    lesions: tuple[tuple[Box, FindingType], ...]
    labelled: bool
    cancer: bool | None


def read_films(path: Path, mark_weights: tuple[float, float, float]) -> dict[str, list[Film]]:
    """Views by dataset from the `marks.json` that `mammoscribe calibrate --fold` writes.

    Args:
        path: of the file.
        mark_weights: how first pass and crop refiner together score a mark (`OperatingPoint.mark_weights`).

    Raises:
        InputError: for a missing file, or one that is not what `calibrate` writes.
    """
    films: dict[str, list[Film]] = {}
    with views_of_marks(path) as views:
        for row in views:
            films.setdefault(row["dataset"], []).append(_film(row, mark_weights))
    return films


@contextmanager
def views_of_marks(path: Path) -> Iterator[list[Any]]:
    """The views of a `marks.json`; what is done with them inside the block may fail as reading them may.

    Raises:
        InputError: for a missing file, or one that is not what `calibrate` writes.
    """
    try:
        yield json.loads(path.read_text(encoding="utf-8"))["views"]
    except FileNotFoundError as error:
        raise InputError(f"no marks in {path}", "", "run `mammoscribe calibrate --fold ...` first") from error
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise InputError(
            f"{path} cannot be read ({error!r})", "marks.json as `mammoscribe calibrate` writes it"
        ) from error


def _film(row: Mapping, weights: tuple[float, float, float]) -> Film:
    cancer = row["malignant"]
    return Film(
        f"{row['exam']}/{row['view']}", row["patient_id"],
        tuple(FilmMark(Box(*m["box"]), combined_score(m["score"], m["crop_score"], weights), FindingType(m["type"])) for m in row["marks"]),
        tuple((Box(*t["box"]), FindingType(t["type"])) for t in row["truth"]),
        set(row["boxed"]) == {t.value for t in TYPES}, bool(cancer) if cancer in (0, 1) else None,
    )  # fmt: skip


def cut(film: Film, thresholds: Mapping[FindingType, float]) -> ViewMarks:
    """The film's marks that reach the threshold of their kind, beside its lesions."""
    marks = tuple((m.box, m.score) for m in film.marks if m.score >= thresholds[m.type])
    return ViewMarks(marks, tuple((f"{film.exam_id}/{i}", box) for i, (box, _) in enumerate(film.lesions)))


def film_rows(mias: Sequence[Film], rsna: Sequence[Film], thresholds: Mapping[FindingType, float]) -> list[Row]:
    """Sensitivity with Clopper-Pearson interval and marks per view with intervals by patient."""
    shown = [f for f in mias if f.labelled and f.lesions]
    rows = [_found_row("lesions found", shown, thresholds)] if shown else []
    for kind in TYPES:
        own = [_only(f, kind) for f in shown if any(t is kind for _, t in f.lesions)]
        if own:
            rows.append(_found_row(f"… {kind.value.replace('_', ' ')}", own, thresholds))
    normals = [f for f in mias if f.labelled and not f.lesions]
    return [
        *rows,
        *_mark_rows("false marks per view, mini-MIAS normals", normals, thresholds),
        *_mark_rows("false marks per view, RSNA non-cancer", [f for f in rsna if f.cancer is False], thresholds),
        *_mark_rows("marks per view, RSNA cancer", [f for f in rsna if f.cancer], thresholds),
    ]


def _only(film: Film, kind: FindingType) -> Film:
    lesions = tuple(lesion for lesion in film.lesions if lesion[1] is kind)
    return Film(film.exam_id, film.patient, film.marks, lesions, film.labelled, film.cancer)


def _found_row(what: str, films: Sequence[Film], thresholds: Mapping[FindingType, float]) -> Row:
    point = operating_point([cut(f, thresholds) for f in films])
    interval = clopper_pearson(point.found, point.lesions)
    return Row(what, point.sensitivity, f"{point.found} of {point.lesions} lesions, {len(films)} films", interval)


def _mark_rows(what: str, films: Sequence[Film], thresholds: Mapping[FindingType, float]) -> list[Row]:
    if not films:
        return []
    patients = list(dict.fromkeys(f.patient for f in films))
    counts, views = dict.fromkeys(patients, 0), dict.fromkeys(patients, 0)
    for film in films:
        counts[film.patient] += len(cut(film, thresholds).marks)
        views[film.patient] += 1
    interval = ratio_interval(list(counts.values()), list(views.values()))
    n = f"{len(films)} views, {len(patients)} patients"
    return [Row(what, sum(counts.values()) / len(films), n, interval)]


def froc_table(mias: Sequence[Film], budgets: Sequence[float] = BUDGETS) -> list[tuple[float, float, float]]:
    """(false marks per normal view allowed, threshold, sensitivity); one threshold for all kinds.

    False marks are counted on normals, sensitivity on films with lesions. A table to look at, not an operating point:
    its thresholds are chosen on the films it is measured on.
    """
    normals = [f for f in mias if f.labelled and not f.lesions]
    shown = [f for f in mias if f.labelled and f.lesions]
    if not normals or not shown:
        return []
    scores = np.sort([m.score for f in normals for m in f.marks])[::-1]
    rows = []
    for budget in budgets:
        allowed = int(budget * len(normals) + 1e-9)
        threshold = float(np.nextafter(scores[allowed], 1)) if allowed < len(scores) else 0.0
        point = operating_point([cut(f, dict.fromkeys(TYPES, threshold)) for f in shown])
        rows.append((budget, threshold, point.sensitivity))
    return rows


def mass_rows(films: Sequence[Film], threshold: float, weaker: float) -> list[Row]:
    """Boxed masses found by marks called masses: in sentences, with weaker marks, and at fixed rates of false marks.

    Every box counts by itself. A view may show more than its boxed masses, so a mark beside them need not be false.

    Args:
        films: views of which every mass is boxed.
        threshold, weaker: score of a mass in a sentence, and of one that is shown at all.
    """
    by_patient: dict[str, list[Film]] = {}
    for film in films:
        by_patient.setdefault(film.patient, []).append(film)
    scores = [mark_scores([_masses(f) for f in own], by_lesion=False) for own in by_patient.values()]
    return [
        _share_found("mass boxes found in sentences", scores, threshold),
        _share_found("… with weaker marks", scores, weaker),
        *_beside(scores, threshold),
        *(_at_budget(scores, budget) for budget in MASS_BUDGETS),
    ]


def _masses(film: Film) -> ViewMarks:
    own = [(number, box) for number, (box, kind) in enumerate(film.lesions) if kind is FindingType.MASS]
    marks = tuple((m.box, m.score) for m in film.marks if m.type is FindingType.MASS)
    return ViewMarks(marks, tuple((f"{film.exam_id}/{number}", box) for number, box in own))


def _share_found(what: str, scores: Sequence[MarkScores], threshold: float) -> Row:
    found, boxes = [int((s.found >= threshold).sum()) for s in scores], [s.num_lesions for s in scores]
    n = f"{sum(boxes)} boxes of {len(scores)} patients"
    return Row(what, sum(found) / sum(boxes), n, ratio_interval(found, boxes))


def _beside(scores: Sequence[MarkScores], threshold: float) -> list[Row]:
    """Of the masses in sentences: how many lie on a boxed mass, and how many a view lie beside."""
    right = [int((s.found >= threshold).sum()) for s in scores]
    beside = [int((s.false >= threshold).sum()) for s in scores]
    views, stated = [s.num_views for s in scores], [r + b for r, b in zip(right, beside, strict=True)]
    rows = [
        Row(
            "marks beside the boxed masses per view",
            sum(beside) / sum(views),
            f"{sum(views)} views",
            ratio_interval(beside, views),
        )
    ]
    if sum(stated):
        on = Row(
            "marks in sentences that lie on a boxed mass",
            sum(right) / sum(stated),
            f"{sum(stated)} marks",
            ratio_interval(right, stated),
        )
        rows.insert(0, on)
    return rows


def _at_budget(scores: Sequence[MarkScores], budget: float) -> Row:
    def found(patients: Sequence[int]) -> float:
        return sensitivity_at(froc_of([scores[i] for i in patients]), budget)

    everyone = range(len(scores))
    interval = bootstrap_interval(lambda drawn: found(drawn.tolist()), everyone, DRAWS)
    boxes, views = sum(s.num_lesions for s in scores), sum(s.num_views for s in scores)
    return Row(
        f"mass boxes found at {budget:g} false marks a view", found(everyone), f"{boxes} boxes, {views} views", interval
    )
