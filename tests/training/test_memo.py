"""Values that are worked out once: in memory, or on disk for every process that shares the folder."""

import json

import pytest

from mammoscribe.training.memo import Memo


@pytest.fixture
def asked():
    return []


def square(asked):
    return lambda number: asked.append(number) or {"square": [number**2]}


@pytest.mark.parametrize("on_disk", [True, False])
def test_a_value_is_worked_out_once(on_disk, asked, tmp_path):
    memo = Memo(square(asked), tmp_path / "cache" if on_disk else None)
    assert [memo(3), memo(1004), memo(3)] == [{"square": [9]}, {"square": [1004**2]}, {"square": [9]}]
    assert asked == [3, 1004]


def test_what_is_on_disk_is_there_for_the_next_process(asked, tmp_path):
    Memo(square(asked), tmp_path)(4)
    assert Memo(square([]), tmp_path)(4) == {"square": [16]}
    other = Memo(lambda number: pytest.fail("worked out again"), tmp_path)
    assert other(4) == {"square": [16]}


def test_a_value_that_cannot_be_worked_out_leaves_nothing(tmp_path):
    def fails(number):
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        Memo(fails, tmp_path)(1)
    assert not list(tmp_path.rglob("*.json"))
    assert Memo(lambda n: n, tmp_path)(1) == 1
    assert [json.loads(p.read_text()) for p in tmp_path.rglob("*.json")] == [1]
