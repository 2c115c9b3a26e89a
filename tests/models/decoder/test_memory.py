"""Memory rows of the report decoder, where a fact was not given."""

import torch

from mammoscribe.models.decoder.memory import FactTable, facts_memory
from tests.nouns import L, R, make_breast, make_exam


def rows_of(**withheld) -> torch.Tensor:
    right = make_breast(R, reason="calcifications were not searched for", **withheld)
    return facts_memory(FactTable(make_exam(), (), (right, make_breast(L))))[0]


def test_a_breast_without_category_or_density_has_a_row_of_what_is_known():
    whole, uncategorised, bare = rows_of(), rows_of(assessment=None), rows_of(assessment=None, density=None)
    assert whole.shape == uncategorised.shape == bare.shape
    assert not torch.equal(whole[0], uncategorised[0])
    assert not torch.equal(uncategorised[0], bare[0])
    assert torch.equal(whole[1], bare[1])
