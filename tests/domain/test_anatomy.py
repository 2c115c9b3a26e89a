"""Structures that are no lesion."""

import pytest

from mammoscribe.domain.anatomy import Resting, Structure
from mammoscribe.support.errors import InvalidNoun


def test_structures_are_named_in_plain_words() -> None:
    assert Structure.INFRAMAMMARY_FOLD.words == "inframammary fold"
    assert Structure("film_border") is Structure.FILM_BORDER


def test_a_mark_in_the_axilla_is_said_to_be_of_what_is_not_assessed() -> None:
    assert Structure.NIPPLE.where == "on the nipple"
    assert Structure.AXILLA.where == "in the axilla (lymph nodes are not assessed)"


def test_what_was_laid_on_the_breast_is_told_from_what_grew_there() -> None:
    foreign = {s for s in Structure if s.foreign}
    assert {Structure.MARKER, Structure.CLIP, Structure.WIRE, Structure.LETTER, Structure.FILM_BORDER} == foreign


@pytest.mark.parametrize("share", [-0.1, 1.01, float("nan")])
def test_a_share_is_a_fraction(share: float) -> None:
    with pytest.raises(InvalidNoun, match="nipple"):
        Resting(Structure.NIPPLE, share)
