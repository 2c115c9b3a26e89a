"""Scenarios: which rows and classes a task sees; parts are disjoint and whole, the same seed gives the same tasks."""

import numpy as np
import pytest

from mammoscribe.support.errors import InputError, InvalidNoun
from mammoscribe.training.probes.scenarios import Scenario, Stage, stages_of

NAMES = ("a", "b", "c")
LABELS = np.random.default_rng(0).integers(0, 2, (100, 3)).astype(np.float32)


def together(tasks: tuple[Stage, ...]) -> list[int]:
    return sorted(np.concatenate([t.rows for t in tasks]).tolist())


@pytest.mark.parametrize(
    ("scenario", "parts", "classes"),
    [
        (Scenario.CLASS, 5, [[0], [1], [2]]),
        (Scenario.LABEL, 5, [[0], [0, 1], [0, 1, 2]]),
        (Scenario.DATA, 10, [[0, 1, 2]] * 10),
        (Scenario.JOINT, 5, [[0, 1, 2]]),
    ],
)
def test_tasks_are_disjoint_parts_of_all_rows(scenario, parts, classes):
    tasks = stages_of(scenario, LABELS, NAMES, parts=parts)
    assert [t.classes.tolist() for t in tasks] == classes
    assert together(tasks) == list(range(100))


def test_positives_only_sees_every_positive_of_the_class_and_nothing_else():
    for c, task in enumerate(stages_of(Scenario.CLASS, LABELS, NAMES, positives_only=True)):
        assert task.classes.tolist() == [c]
        assert task.rows.tolist() == np.flatnonzero(LABELS[:, c] == 1).tolist()


def test_the_seed_decides_the_parts():
    rows = [stages_of(Scenario.DATA, LABELS, NAMES, seed=s)[0].rows.tolist() for s in (1, 1, 2)]
    assert rows[0] == rows[1] != rows[2]


def test_a_task_without_anything_to_learn_from_is_refused():
    unknown = LABELS.copy()
    unknown[:, 1] = np.nan
    with pytest.raises(InputError, match="all labels of task b are unknown"):
        stages_of(Scenario.CLASS, unknown, NAMES)
    with pytest.raises(InputError, match="no training picture with b"):
        stages_of(Scenario.CLASS, unknown, NAMES, positives_only=True)
    with pytest.raises(InputError, match="2 training pictures for 3 parts"):
        stages_of(Scenario.CLASS, LABELS[:2], NAMES)


def test_a_task_names_each_row_once():
    with pytest.raises(InvalidNoun):
        Stage("t", np.array([1, 1]), np.array([0]))
