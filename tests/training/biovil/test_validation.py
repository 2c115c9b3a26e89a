"""Retrieval figures against counting by hand, with equal texts and ties."""

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


def test_the_views_of_another_exam_take_one_place_together():
    """Ten views of one exam are all nearer than the own picture; its report is still the second."""
    near, own, far = [1.0, 0.0], [0.9, 0.436], [0.0, 1.0]
    whole, texts = [near] * 10 + [own, far], [far] * 10 + [near, far]
    figures = summary([found(whole, texts, [1] * 10 + [2, 3])])
    asked = 10  # the text of the one exam
    before = ranks_by_hand(texts[asked], whole, [1] * 10 + [2, 3])
    assert before.index(2) == 1 and figures["text/r@10"] == 1 and figures["text/r@1"] < 1


def ranks_by_hand(asked, given, keys):
    """Keys from the nearest to the farthest, each once."""
    cosine = [sum(a * b for a, b in zip(asked, row, strict=True)) for row in given]
    return list(dict.fromkeys(keys[n] for n in sorted(range(len(keys)), key=lambda n: -cosine[n])))


@pytest.mark.parametrize("seed", range(5))
def test_recall_is_that_of_a_list_of_reports_by_their_nearest_picture(seed):
    made = torch.Generator().manual_seed(seed)
    whole, texts = (torch.nn.functional.normalize(torch.randn(30, 4, generator=made), dim=1) for _ in range(2))
    keys = torch.randint(0, 14, (30,), generator=made).tolist()
    figures = summary([found(whole.tolist(), texts.tolist(), keys)])
    for name, asked, given in (("image", whole, texts), ("text", texts, whole)):
        ranks = [ranks_by_hand(a, given.tolist(), keys).index(k) for a, k in zip(asked.tolist(), keys, strict=True)]
        for number in (1, 10):
            assert figures[f"{name}/r@{number}"] == pytest.approx(sum(r < number for r in ranks) / 30)
            assert figures[f"{name}/r@{number}/chance"] == pytest.approx(number / len(set(keys)))


def test_datasets_are_searched_apart_and_stated_apart():
    swapped = [LINE[1], LINE[0], LINE[2], LINE[3]]
    batches = [
        found(LINE[:2], LINE[:2], [1, 2]),
        found(LINE[2:], LINE[2:], [3, 4]),
        found(LINE, swapped, [1, 2, 3, 4], "y"),
    ]
    figures = summary(batches)
    assert figures["x/image/r@1"] == 1 and figures["y/image/r@1"] == 0.5 and figures["image/r@1"] == 0.75
