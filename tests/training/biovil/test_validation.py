"""Retrieval figures against counting by hand, with equal texts and ties."""

from itertools import combinations

import pytest
import torch

from mammoscribe.training.biovil.validation import Found, summary


def found(whole: list[list[float]], texts: list[list[float]], keys: list[int], name: str = "x") -> Found:
    rows = [torch.nn.functional.normalize(torch.tensor(r), dim=1) for r in (whole, texts)]
    return Found(name, *rows, torch.tensor(keys), torch.tensor([True] + [False] * (len(keys) - 1)))


LINE = [[1.0, 0.0], [0.8, 0.6], [0.0, 1.0], [-1.0, 0.0]]


def test_every_picture_at_its_text_is_found_at_once():
    figures = summary([found(LINE, LINE, [1, 2, 3, 4])])
    assert figures["image/r@1"] == figures["text/r@1"] == figures["score"] == 1
    assert figures["image/r@1/chance"] == 0.25 and figures["image/r@10/chance"] == 1
    assert figures["with_prior"] == 0.25


def test_a_text_that_is_equal_is_right_as_well():
    swapped = [LINE[1], LINE[0], LINE[2], LINE[3]]
    assert summary([found(LINE, swapped, [1, 2, 3, 4])])["image/r@1"] == 0.5
    assert summary([found(LINE, swapped, [7, 7, 3, 4])])["image/r@1"] == 1


def test_a_tie_with_a_wrong_one_is_a_miss():
    same = [[1.0, 0.0]] * 4
    figures = summary([found(same, same, [1, 2, 3, 4])])
    assert figures["image/r@1"] == figures["text/r@1"] == 0


def test_the_directions_are_not_mixed_up():
    texts = [LINE[0], LINE[0], LINE[2], LINE[3]]
    figures = summary([found(LINE, texts, [1, 2, 3, 4])])
    assert figures["text/r@1"] == 0.75  # the second text is nearest to the first picture
    assert figures["image/r@1"] == 0.5  # two texts are equally near to the first picture, and to the second


def test_chance_is_that_of_drawing_blindly():
    many = torch.eye(12).tolist()
    keys = [1] * 3 + list(range(2, 11))
    figures = summary([found(many, many, keys)])
    draws = list(combinations(range(12), 10))
    by_hand = [sum(any(keys[i] == k for i in d) for d in draws) / len(draws) for k in keys]
    assert figures["image/r@10/chance"] == pytest.approx(sum(by_hand) / 12)
    assert figures["image/r@1/chance"] == pytest.approx((3 * 3 / 12 + 9 / 12) / 12)


def test_datasets_are_searched_apart_and_stated_apart():
    swapped = [LINE[1], LINE[0], LINE[2], LINE[3]]
    batches = [
        found(LINE[:2], LINE[:2], [1, 2]),
        found(LINE[2:], LINE[2:], [3, 4]),
        found(LINE, swapped, [1, 2, 3, 4], "y"),
    ]
    figures = summary(batches)
    assert figures["x/image/r@1"] == 1 and figures["y/image/r@1"] == 0.5 and figures["image/r@1"] == 0.75
