"""Views of drawn exams in a joint space, each embedded by itself, with what it shows: what margins and search are measured on."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from mammoscribe.domain.finding import Finding, FindingType
from mammoscribe.domain.view import View
from mammoscribe.evaluation.reading_records import decode_phantom
from mammoscribe.models.reader.space import StarterSpace
from mammoscribe.phantom import TRAINING_SPEC, draw_exam
from mammoscribe.phantom.anatomy import draw_patient
from mammoscribe.phantom.lesions import draw_lesions

SPEC = replace(TRAINING_SPEC, prior_probability=0.0)
"""As in training, without priors, which a single picture does not have."""


@dataclass(frozen=True)
class EmbeddedView:
    """One view of a drawn exam.

    Args:
        exam: id of the exam.
        view: `RCC` and so on.
        as_it_comes: whether the exam is one of a run of seeds, and was not chosen for what it shows.
        kinds: kinds of finding that the view shows.
        places: kind, breast and place of each of them, in words.
        density: composition letter of the breast.
        whole: the embedding, as the space gives it, [J].
    """

    exam: str
    view: str
    as_it_comes: bool
    kinds: tuple[str, ...]
    places: tuple[str, ...]
    density: str
    whole: tuple[float, ...]


def chosen_seeds(first: int, as_they_come: int, least: Mapping[FindingType, int]) -> list[int]:
    """Seeds from `first` on: so many as they come, then those that show a kind of finding that too few exams showed.

    Only the plan of an exam is drawn for this, which takes a thousandth of the time.

    Args:
        as_they_come: seeds that are taken whatever they show.
        least: kind of finding -> exams that shall show it.
    """
    seeds = list(range(first, first + as_they_come))
    shown = Counter(kind for seed in seeds for kind in _planned(seed))
    seed = first + as_they_come
    while any(shown[kind] < number for kind, number in least.items()):
        planned = _planned(seed)
        if any(shown[kind] < least.get(kind, 0) for kind in planned):
            seeds.append(seed)
            shown.update(planned)
        seed += 1
    return seeds


def _planned(seed: int) -> set[FindingType]:
    return {lesion.type for lesion in draw_lesions(draw_patient(seed, SPEC), SPEC, has_prior=False)}


def embedded_views(
    space: StarterSpace, seeds: Iterable[int], as_they_come: int, cache: Path
) -> Iterator[list[EmbeddedView]]:
    """The views of one exam after the other; what `cache` holds (JSON lines) is not drawn again.

    Args:
        seeds: of the exams; the first `as_they_come` were not chosen.
        cache: made when absent; it belongs to one model and one generator of exams (`reading_records.cache_path`).
    """
    known: dict[str, list[EmbeddedView]] = {}
    for view in _read(cache):
        known.setdefault(view.exam, []).append(view)
    for n, seed in enumerate(seeds):
        views = known.get(f"phantom-{seed}") or _embedded(space, seed)
        if f"phantom-{seed}" not in known:
            cache.parent.mkdir(parents=True, exist_ok=True)
            with cache.open("a", encoding="utf-8") as stream:
                stream.write("".join(json.dumps(asdict(v)) + "\n" for v in views))
        yield [replace(v, as_it_comes=n < as_they_come) for v in views]


def _read(cache: Path) -> list[EmbeddedView]:
    if not cache.is_file():
        return []
    rows = [json.loads(line) for line in cache.read_text(encoding="utf-8").splitlines()]
    lists = ("kinds", "places", "whole")
    return [EmbeddedView(**{**row, **{name: tuple(row[name]) for name in lists}}) for row in rows]


def _embedded(space: StarterSpace, seed: int) -> list[EmbeddedView]:
    drawn = draw_exam(seed, SPEC)
    decode = decode_phantom(drawn)
    density = {b.laterality: b.density for b in drawn.breasts}
    views = []
    for view in drawn.exam.current:
        whole = space.embed_images([space.prepare_picture(view, decode(view))]).whole[0]
        shown = [f for f in drawn.findings if f.mark_in(view.id) is not None]
        kinds, places = sorted({f.type.value for f in shown}), sorted({_place(f, view) for f in shown})
        numbers = tuple(round(float(v), 6) for v in whole)
        views.append(
            EmbeddedView(drawn.exam.id, view.name, True, (*kinds,), (*places,), density[view.laterality], numbers)
        )
    return views


def _place(finding: Finding, view: View) -> str:
    place = finding.location
    where = place.quadrant or place.region or place.half or "one place"
    return f"{finding.type.value} {where} {view.laterality}"
