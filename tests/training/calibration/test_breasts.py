"""Probabilities of a breast: scaled by labels where there are enough, withheld where there are not."""

import numpy as np
import pytest

from mammoscribe.training.calibration.breasts import density, malignancy
from mammoscribe.training.reader.samples import BreastLabels
from tests.training.calibration.made import mark, seen


def cohort(count=80, **more):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, count)
    return [
        seen(f"e{i}", malignant=float(y + rng.normal()), right=BreastLabels(malignant=int(y)), **more)
        for i, y in enumerate(labels)
    ]


def test_a_feature_that_tells_gets_weight_and_none_is_negative():
    fitted = malignancy(cohort())
    assert fitted["malignant"][0] > 0.3 and min(fitted["malignant"][:-1]) >= 0
    assert fitted["n"] == 80 and 0.3 < fitted["prevalence"] < 0.7


def test_the_strongest_mark_of_a_breast_counts_where_it_tells_malignant_from_benign():
    exams = [seen(f"e{i}", [mark(100, 0.9 if i % 2 else 0.2)], right=BreastLabels(malignant=i % 2)) for i in range(40)]
    weights = malignancy(exams)["malignant"]
    assert weights[2] > 1 and weights[0] == pytest.approx(0, abs=1e-6)


def test_too_few_labels_or_one_class_give_no_probability():
    assert malignancy(cohort(12)) == {"malignant": None}
    one = [seen(f"e{i}", right=BreastLabels(malignant=int(i < 4))) for i in range(40)]
    assert malignancy(one[4:]) == malignancy(one) == {"malignant": None}


def test_density_logits_that_are_too_sure_are_cooled():
    exams = []
    for i in range(100):
        letter = i % 4
        shown = letter if i % 5 else (letter + 1) % 4  # four in five are right
        logits = [20.0 if k == shown else 0.0 for k in range(4)]
        exams.append(seen(f"e{i}", density=logits, right=BreastLabels(density=letter)))
    temperature = density(exams)["density_temperature"]
    probs = np.exp(np.array([20, 0, 0, 0]) / temperature)
    assert probs[0] / probs.sum() == pytest.approx(0.8, abs=0.01)


def test_without_density_labels_the_probabilities_are_withheld():
    assert density(cohort()) == {"density_temperature": None}
    few = [seen(f"e{i}", density=(1, 0, 0, 0), right=BreastLabels(density=i % 4)) for i in range(19)]
    assert density(few) == {"density_temperature": None}
