"""Search by picture against chance: precision by counting, ways of ranking, and what is related."""

import numpy as np
import pytest

from mammoscribe.evaluation.picture_search import (
    as_they_are,
    centred,
    measured_search,
    precision_of,
    related_by,
    whitened,
    without_components,
)
from mammoscribe.support.errors import InputError


def cone(num_exams: int = 30, seed: int = 0) -> tuple[np.ndarray, list[str], list[tuple[str, ...]]]:
    """Unit rows around one long direction; two pictures of each exam, every third exam shows a mass, which moves axis 1."""
    rng = np.random.default_rng(seed)
    exams = [f"e{i}" for i in range(num_exams) for _ in range(2)]
    labels = [("mass",) if i % 3 == 0 else () for i in range(num_exams) for _ in range(2)]
    rows = rng.normal(size=(len(exams), 6))
    rows[:, 0] += 60
    rows[:, 1] += [4.0 if row else 0.0 for row in labels]
    return rows / np.linalg.norm(rows, axis=1, keepdims=True), exams, labels


def test_pictures_that_share_a_label_are_related():
    assert related_by([("a", "b"), ("b",), (), ("c",)]).tolist() == [
        [True, True, False, False],
        [True, True, False, False],
        [False, False, False, False],
        [False, False, False, True],
    ]
    assert not related_by([(), ()]).any()


def test_precision_and_chance_are_counted_among_pictures_of_other_exams():
    rows, exams, labels = cone()
    related = related_by(labels)
    precision, chance = precision_of(rows, exams, related, nearest=3)
    for i in range(len(rows)):
        others = [j for j in range(len(rows)) if exams[j] != exams[i]]
        best = sorted(others, key=lambda j: -float(rows[i] @ rows[j]))[:3]
        assert precision[i] == pytest.approx(sum(related[i, j] for j in best) / 3)
        assert chance[i] == pytest.approx(sum(related[i, j] for j in others) / len(others))


@pytest.mark.parametrize("way", [as_they_are, centred, without_components(1), whitened(3)])
def test_every_way_gives_rows_of_unit_length(way):
    assert np.linalg.norm(way(cone()[0]), axis=1) == pytest.approx(np.ones(60), abs=1e-5)


def test_a_component_that_is_taken_away_is_gone():
    moved = without_components(1)(cone()[0])
    assert abs(np.corrcoef(moved[:, 1], [bool(row) for row in cone()[2]])[0, 1]) < 0.6
    assert abs(np.corrcoef(centred(cone()[0])[:, 1], [bool(row) for row in cone()[2]])[0, 1]) > 0.8


def test_what_is_stated_is_of_the_pictures_with_a_label_from_the_centre():
    rows, exams, labels = cone()
    found = measured_search(rows, exams, labels, "a mass", "drawn exams")
    asked = [i for i, row in enumerate(labels) if row]
    away = rows - rows.mean(axis=0)
    precision, chance = precision_of(away / np.linalg.norm(away, axis=1, keepdims=True), exams, related_by(labels))
    assert (found.exams, found.queries, found.nearest) == (30, 20, 5)
    assert found.precision == pytest.approx(precision[asked].mean(), abs=1e-5)
    assert found.chance == pytest.approx(18 / 58, abs=1e-5) == pytest.approx(chance[asked].mean(), abs=1e-5)
    assert found.gain_low < found.precision - found.chance < found.gain_high
    assert found.better_than_chance


def test_labels_that_the_space_does_not_know_are_found_no_better_than_by_chance():
    rows, exams, labels = cone()
    shuffled = [labels[2 * i] for i in np.random.default_rng(3).permutation(30) for _ in range(2)]
    assert not measured_search(rows, exams, shuffled, "a mass", "drawn exams").better_than_chance


def test_too_few_pictures_are_refused():
    rows, exams, labels = cone(3)
    with pytest.raises(InputError, match="too few pictures"):
        measured_search(rows, exams, labels, "a mass", "drawn exams")
