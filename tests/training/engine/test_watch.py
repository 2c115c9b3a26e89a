"""What is watched: non-finite steps in a row, a loss that explodes, parameters that never get a gradient."""

import math

import pytest

from mammoscribe.support.errors import InputError
from mammoscribe.training.engine.watch import Diverged, Reached, Watch


def see(watch: Watch, losses: list[float], skipped: bool = False) -> None:
    for step, loss in enumerate(losses, 1):
        watch.see(step, loss, skipped, skips_in_a_row=3, diverged_at=5.0)


def test_skipped_steps_are_counted_and_a_good_one_starts_the_row_again():
    watch = Watch()
    for _ in range(4):
        see(watch, [1.0] * 3, skipped=True)
        see(watch, [1.0])
    assert (watch.skipped, watch.in_a_row) == (12, 0)


def test_too_many_skipped_steps_in_a_row_end_the_run_in_one_sentence():
    watch = Watch()
    see(watch, [math.nan] * 3, skipped=True)
    with pytest.raises(Diverged, match="the gradient was not finite in 4 steps in a row"):
        see(watch, [math.nan], skipped=True)


def test_a_loss_far_above_that_of_the_start_ends_the_run():
    watch = Watch()
    see(watch, [2.0] * 20 + [9.9] * 40)
    with pytest.raises(Diverged, match="the loss diverged"):
        see(watch, [11.0] * 20)


def test_single_peaks_and_losses_below_zero_do_not_end_a_run():
    watch = Watch()
    see(watch, ([2.0] * 30 + [100.0]) * 3)
    see(Watch(), [-1.0] * 20 + [50.0] * 40)


def test_what_was_seen_goes_into_a_checkpoint_and_back():
    watch = Watch()
    see(watch, [2.0] * 20 + [9.0] * 15)
    again = Watch(**watch.state())
    for w in (watch, again):
        with pytest.raises(Diverged):
            see(w, [40.0] * 20)
    assert again == watch


def test_parameters_that_never_got_a_gradient_are_named():
    reached = Reached(["a", "b", "c", "d", "e"], every_step=False)
    reached.see(1, frozenset("abcd"), last=False)
    reached.see(2, frozenset("bcde"), last=False)
    for step in range(3, 20):
        reached.see(step, frozenset("bcd"), last=False)
    with pytest.raises(InputError, match=r"b, c, d never got a gradient in 20 steps"):
        reached.see(20, frozenset("bcd"), last=False)


def test_a_run_of_few_steps_is_judged_at_its_end():
    reached = Reached(["a", "b"], every_step=False)
    reached.see(1, frozenset("b"), last=False)
    with pytest.raises(InputError, match="b never got a gradient in 2 steps"):
        reached.see(2, frozenset("b"), last=True)


def test_a_parameter_that_takes_part_now_and_then_is_enough_in_one_process_and_too_little_in_several():
    reached = Reached(["a"], every_step=False)
    for step in range(1, 50):
        reached.see(step, frozenset() if step == 7 else frozenset("a"), last=False)
    with pytest.raises(InputError, match="in step 1, a took no part"):
        Reached(["a"], every_step=True).see(1, frozenset("a"), last=False)
