import numpy as np

from mammoscribe.phantom.streams import choose, log_normal, stream


def test_a_stream_is_known_by_its_names():
    assert stream(1, "noise", "R_CC").random() == stream(1, "noise", "R_CC").random()
    assert stream(1, "noise", "R_CC").random() != stream(1, "noise", "L_CC").random()
    assert stream(1, "noise").random() != stream(2, "noise").random()


def test_streams_give_the_numbers_that_labels_were_drawn_with():
    assert stream(7, "patient").integers(0, 1 << 30, 3).tolist() == STORED


STORED = [792844545, 592235162, 113152897]


def test_choices_follow_their_weights():
    rng = stream(0, "test")
    drawn = [choose(rng, {"a": 3.0, "b": 1.0, "never": 0.0}) for _ in range(2000)]
    assert 0.70 < drawn.count("a") / 2000 < 0.80
    assert "never" not in drawn


def test_cut_log_normals_stay_inside_without_piling_up_at_the_ends():
    rng = stream(0, "test")
    values = np.array([log_normal(rng, 12.0, 0.42, 5.0, 30.0) for _ in range(1000)])
    assert values.min() >= 5 and values.max() <= 30
    assert 11 < np.median(values) < 13
    assert np.mean((values == 5.0) | (values == 30.0)) == 0
