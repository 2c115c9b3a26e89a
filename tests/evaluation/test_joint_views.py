"""Views of drawn exams in a joint space: which seeds are taken, what is noted of a view, and the cache."""

import json

import pytest

from mammoscribe.domain.finding import FindingType
from mammoscribe.evaluation import joint_views
from mammoscribe.evaluation.joint_views import SPEC, EmbeddedView, chosen_seeds, embedded_views
from mammoscribe.phantom import draw_exam
from tests.models.tiny_space import tiny_space


def planned(seed: int) -> set[FindingType]:
    """Every 7th exam shows a distortion, every 2nd a mass, every 3rd calcifications, every 5th an asymmetry."""
    every = {FindingType.DISTORTION: 7, FindingType.MASS: 2, FindingType.CALCIFICATION: 3, FindingType.ASYMMETRY: 5}
    return {kind for kind, n in every.items() if seed % n == 0}


def test_exams_come_as_they_are_and_then_those_that_show_a_rare_kind(monkeypatch):
    monkeypatch.setattr(joint_views, "_planned", planned)
    least = {FindingType.DISTORTION: 6, FindingType.ASYMMETRY: 5, FindingType.MASS: 6}
    seeds = chosen_seeds(100, as_they_come=20, least=least)
    assert seeds[:20] == list(range(100, 120))
    for kind, number in least.items():
        assert sum(kind in planned(s) for s in seeds) >= number
    assert chosen_seeds(100, 20, {}) == list(range(100, 120))
    rare = {FindingType.ASYMMETRY, FindingType.DISTORTION}
    assert seeds[20:] and all(planned(s) & rare for s in seeds[20:])


@pytest.fixture(scope="module")
def drawn():
    return draw_exam(100_002, SPEC)


def test_a_view_is_noted_with_what_it_shows(drawn, tmp_path, monkeypatch):
    monkeypatch.setattr(joint_views, "draw_exam", lambda seed, spec: {(drawn.seed, SPEC): drawn}[seed, spec])
    ((*views,),) = embedded_views(tiny_space(), [drawn.seed], 1, tmp_path / "cache.jsonl")
    assert [v.view for v in views] == [v.name for v in drawn.exam.current]
    assert drawn.findings
    for noted, view in zip(views, drawn.exam.current, strict=True):
        shown = [f for f in drawn.findings if view.id in {m.view_id for m in f.marks}]
        assert noted.kinds == tuple(sorted({f.type.value for f in shown}))
        assert len(noted.whole) == 16 and noted.exam == "phantom-100002" and noted.as_it_comes
        assert all(p.endswith(f" {view.laterality}") for p in noted.places)
        assert {p.split()[0] for p in noted.places} == set(noted.kinds)


def test_what_the_cache_holds_is_not_drawn_again(monkeypatch, tmp_path):
    asked = []

    def embedded(space: object, seed: int) -> list[EmbeddedView]:
        asked.append(seed)
        return [EmbeddedView(f"phantom-{seed}", "RCC", True, ("mass",), ("mass upper outer R",), "b", (0.5, 0.25))]

    monkeypatch.setattr(joint_views, "_embedded", embedded)
    cache = tmp_path / "made" / "cache.jsonl"
    first = list(embedded_views(tiny_space(), [3, 5], 1, cache))
    assert [v.as_it_comes for (v,) in first] == [True, False]
    assert list(embedded_views(tiny_space(), [3, 5], 1, cache)) == first
    assert len(list(embedded_views(tiny_space(), [5, 8], 2, cache))) == 2
    assert asked == [3, 5, 8]
    assert len([json.loads(line) for line in cache.read_text().splitlines()]) == 3
