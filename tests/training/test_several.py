"""Several prepared datasets as one."""

from dataclasses import dataclass

import pytest

from mammoscribe.training.several import InTurn, digest_with


@dataclass(frozen=True)
class Letters:
    """Batches that are letters."""

    text: str

    def __len__(self):
        return len(self.text)

    def batches(self, numbers):
        return (self.text[n] for n in numbers)


BOTH = InTurn((Letters("ab"), Letters(""), Letters("cde")))


def test_the_batches_of_the_second_split_follow_those_of_the_first():
    assert len(BOTH) == 5
    assert "".join(BOTH.batches(range(5))) == "abcde"
    assert "".join(BOTH.batches([4, 0, 1, 2, 2])) == "eabcc"


def test_a_batch_after_the_last_is_an_error():
    with pytest.raises(IndexError):
        list(BOTH.batches([5]))


def test_a_digest_changes_with_each_of_its_parts_and_their_order():
    assert len({digest_with("a", "b"), digest_with("b", "a"), digest_with("a", "c"), digest_with("ab")}) == 4
