"""Learning rates: the published curves, from the step alone."""

import math

import pytest
import torch

from mammoscribe.support.errors import InvalidNoun
from mammoscribe.training.engine.schedule import Schedule, Shape

STEPS = 40


def rates(schedule: Schedule, steps: int = STEPS) -> list[float]:
    return [schedule.rate(step, steps) for step in range(steps)]


@pytest.mark.parametrize("warm_up", [0.1, 0.3, 0.5])
def test_one_cycle_is_that_of_torch(warm_up):
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=0.5, total_steps=STEPS, pct_start=warm_up)
    expected = []
    for _ in range(STEPS):
        expected.append(theirs.get_last_lr()[0])
        optimiser.step()
        theirs.step()
    assert rates(Schedule(0.5, Shape.ONE_CYCLE, warm_up)) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("shape", [Shape.CONSTANT, Shape.LINEAR, Shape.COSINE])
def test_the_warm_up_rises_in_equal_steps_to_the_highest_rate(shape):
    found = rates(Schedule(2.0, shape, 0.25))
    assert found[:11] == pytest.approx([2.0 * (n + 1) / 11 for n in range(11)])
    assert max(found) == found[10] == 2.0


def test_cosine_and_linear_fall_to_their_floor_and_constant_stays():
    ends = {shape: rates(Schedule(1.0, shape, 0.1, 0.2 if shape is not Shape.CONSTANT else 0.0), 1000) for shape in Shape if shape is not Shape.ONE_CYCLE}  # fmt: skip
    assert ends[Shape.CONSTANT][-1] == 1.0
    assert ends[Shape.COSINE][-1] == pytest.approx(0.2, abs=1e-4)
    assert ends[Shape.LINEAR][-1] == pytest.approx(0.2, abs=2e-3)
    half = 100 + 450  # the middle of the fall
    assert ends[Shape.COSINE][half] == pytest.approx(0.6)
    assert ends[Shape.LINEAR][half] == pytest.approx(0.6)
    quarter = ends[Shape.COSINE][100 + 225]
    assert quarter == pytest.approx(0.2 + 0.8 * (1 + math.cos(math.pi / 4)) / 2)


@pytest.mark.parametrize("shape", list(Shape))
@pytest.mark.parametrize("steps", [1, 2, 3, 7])
def test_short_runs_have_a_rate_above_zero_at_every_step(shape, steps):
    found = rates(Schedule(1.0, shape, 0.3), steps)
    assert all(0 < rate <= 1 for rate in found)


@pytest.mark.parametrize(
    "wrong",
    [
        {"learning_rate": 0.0}, {"learning_rate": math.nan}, {"learning_rate": math.inf}, {"warm_up": 1.0}, {"warm_up": -0.1},
        {"floor": 1.5}, {"shape": Shape.CONSTANT, "floor": 0.1}, {"shape": Shape.ONE_CYCLE, "warm_up": 0.0},
    ],
)  # fmt: skip
def test_a_schedule_that_makes_no_sense_cannot_be_built(wrong):
    with pytest.raises(InvalidNoun):
        Schedule(**wrong)
