"""Abstention: its guarantee over many draws, for each class and for a poor model too; thresholds by hand."""

import numpy as np
import pytest

from mammoscribe.evaluation.conformal import decided, fit_abstention
from mammoscribe.support.errors import InputError


def drawn(rng, num: int, skill: float, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities, ill calibrated on purpose, and labels."""
    labels = (rng.random(num) < share).astype(int)
    labels[:2] = 0, 1
    return 1 / (1 + np.exp(-(3 * rng.normal(skill * labels, 1, num) - 1))), labels


def fitted(probs, labels):
    names = [str(i) for i in range(len(labels))]
    return fit_abstention(probs, labels, names, names)


@pytest.mark.parametrize("skill", [0.0, 1.5])
@pytest.mark.parametrize("alpha", [0.1, 0.25])
def test_of_each_class_at_least_the_promised_share_gets_a_set_with_the_truth(skill, alpha):
    """400 calibrations of 60 breasts, each tried on 200 others; Monte Carlo error is below 0.01."""
    rng = np.random.default_rng(0)
    covered = {0: [], 1: []}
    for _ in range(400):
        sets_of = fitted(*drawn(rng, 60, skill, 0.3))
        probs, labels = drawn(rng, 200, skill, 0.1)
        sets = sets_of.sets(probs, alpha)
        for label in (0, 1):
            covered[label].append(sets[labels == label, label].mean())
    for label in (0, 1):
        assert 1 - alpha - 0.01 < np.mean(covered[label]) < 1 - alpha + 0.06


def test_a_better_model_decides_more_breasts():
    rng = np.random.default_rng(1)
    shares = []
    for skill in (0.0, 1.0, 3.0):
        sets_of = fitted(*drawn(rng, 2000, skill, 0.3))
        shares.append(decided(sets_of.sets(drawn(rng, 2000, skill, 0.3)[0], 0.1)).mean())
    assert shares[0] < 0.3 < shares[1] < 0.75 < shares[2]


def test_thresholds_are_order_statistics_and_too_few_breasts_decide_nothing():
    probs, labels = [0.1, 0.2, 0.3, 0.4, 0.9, 0.8, 0.7], [0, 0, 0, 0, 1, 1, 1]
    found = fitted(probs, labels)
    # n = 4 others: k = ceil(5 * 0.6) = 3rd smallest probability; n = 3 malignant: k = ceil(4 * 0.6) = 3rd of 0.1 0.2 0.3
    assert found.limits(0.4) == (0.3, pytest.approx(0.3))
    assert found.sets([0.05, 0.5, 0.95], 0.4).tolist() == [[True, False], [False, False], [False, True]]
    assert found.limits(0.1) == (float("inf"), float("inf"))
    assert not decided(found.sets(probs, 0.1)).any()


def test_one_breast_of_a_class_is_taken_from_each_patient():
    probs, labels = [0.1, 0.2, 0.3, 0.9, 0.8], [0, 0, 0, 1, 1]
    found = fit_abstention(probs, labels, ["a", "a", "b", "b", "b"], list("vwxyz"))
    assert [len(s) for s in found.strange] == [2, 1]
    assert (
        fit_abstention(probs, labels, ["a", "a", "b", "b", "b"], list("vwxyz")).strange[0].tolist()
        == found.strange[0].tolist()
    )


def test_one_class_or_an_impossible_rate_is_refused():
    with pytest.raises(InputError, match="one class"):
        fitted([0.1, 0.2], [0, 0])
    for alpha in (0.0, 1.0, -0.1):
        with pytest.raises(InputError, match="between 0 and 1"):
            fitted([0.1, 0.2], [0, 1]).limits(alpha)
