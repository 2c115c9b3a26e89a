import pytest

from mammoscribe.phantom import PhantomSpec
from mammoscribe.support.errors import InvalidNoun


@pytest.mark.parametrize(
    "wrong",
    [
        {"prior_probability": 1.2},
        {"density_probabilities": (0.1, 0.4, 0.4, 0.2)},
        {"subtle_fraction": -0.1},
        {"mass_contrast": (3.0, 2.0)},
        {"mass_diameter_mm": (12.0, 0.4, 30.0, 5.0)},
    ],
)
def test_a_spec_that_cannot_be_drawn_from_is_refused(wrong):
    with pytest.raises(InvalidNoun, match="'odd'"):
        PhantomSpec(name="odd", **wrong)
