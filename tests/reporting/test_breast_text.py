"""The sentences of a report that are about one breast, or about none by name."""

import pytest

from mammoscribe.domain.view import Laterality
from mammoscribe.reporting.breast_text import breast_text

R, L = Laterality.RIGHT, Laterality.LEFT
TEXT = """The breasts are heterogeneously dense. There is an irregular mass in the upper outer quadrant of the right breast.
Benign-looking left axillary node. No mass in either breast.
Left breast: scattered calcifications. They are unchanged.
IMPRESSION: BI-RADS 4. A suspicious mass. Biopsy is recommended."""


@pytest.mark.parametrize(
    ("side", "has", "has_not"),
    [
        (R, ("heterogeneously", "irregular mass", "No mass in either"), ("node", "calcifications", "unchanged")),
        (L, ("heterogeneously", "node", "No mass in either", "calcifications", "unchanged"), ("irregular",)),
    ],
)
def test_a_breast_has_the_sentences_that_name_it_or_no_breast(side, has, has_not):
    found = breast_text(TEXT, side, alone=False)
    assert all(words in found for words in has)
    assert not any(words in found for words in (*has_not, "BI-RADS 4", "suspicious mass", "Biopsy"))


def test_what_names_no_breast_is_of_the_only_one_imaged():
    found = breast_text(TEXT, R, alone=True)
    assert "BI-RADS 4" in found and "A suspicious mass" in found and "calcifications" not in found
