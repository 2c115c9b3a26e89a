"""Orders in which each kind of item has its share."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from mammoscribe.support.errors import InvalidNoun
from mammoscribe.training.engine.orders import InShares

KINDS = [0] * 90 + [1] * 8 + [2] * 2


def drawn(order, seed=0):
    return order(np.random.default_rng(seed))


def test_each_kind_has_its_share_and_a_rare_item_comes_as_often_as_its_like():
    numbers = drawn(InShares(KINDS, {0: 2, 1: 1, 2: 1, 3: 9}))
    assert len(numbers) == len(KINDS)
    assert Counter(KINDS[n] for n in numbers) == {0: 50, 1: 25, 2: 25}
    of_kind_one = Counter(n for n in numbers if KINDS[n] == 1)
    assert set(of_kind_one.values()) == {3, 4} and len(of_kind_one) == 8
    assert max(Counter(n for n in numbers if KINDS[n] == 0).values()) == 1


def test_an_order_is_decided_by_its_generator_and_is_mixed():
    order = InShares(KINDS, {0: 1, 1: 1, 2: 1})
    assert np.array_equal(drawn(order), drawn(order)) and not np.array_equal(drawn(order), drawn(order, 1))
    kinds = [KINDS[n] for n in drawn(order)]
    assert sum(a != b for a, b in pairwise(kinds)) > 20


def test_a_kind_without_a_share_is_refused():
    with pytest.raises(InvalidNoun, match="shares"):
        InShares(KINDS, {0: 1, 1: 1})
    with pytest.raises(InvalidNoun, match="shares"):
        InShares(KINDS, {0: 1, 1: 1, 2: 0})


def test_no_items_give_no_order():
    assert len(drawn(InShares([], {0: 1}))) == 0
