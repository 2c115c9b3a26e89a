"""Figures of the validation split: the pointing game and retrieval, worked out by hand on three views."""

import pytest
import torch

from mammoscribe.training.joint.losses import Embedded
from mammoscribe.training.joint.truth import codes_of
from mammoscribe.training.joint.validation import Measured, measure, summary
from tests.training.joint.made import HIGH, OVAL, WIDE, batch_of, view

MASS, CALC = {"kind": "mass"}, {"kind": "calcification"}


def measured(pointed=(), whole=(), texts=(), statements=(), things=(), thing_view=(), known=None) -> Measured:
    """One batch; of every view all masses and calcifications are known."""
    flags = torch.zeros(len(whole), 5, dtype=torch.bool)
    flags[:, :2] = True
    return Measured(
        tuple(pointed), torch.tensor(whole).view(len(whole), 2), torch.tensor(texts).view(len(texts), 2),
        codes_of(statements), torch.zeros(len(statements), dtype=torch.bool), codes_of(things),
        torch.tensor(thing_view, dtype=torch.long), flags if known is None else known,
    )  # fmt: skip


A, B = [1.0, 0.0], [0.0, 1.0]


def test_retrieval_looks_through_the_views_of_all_batches():
    first = measured(whole=[A, B], texts=[B], statements=[MASS], things=[MASS], thing_view=[0])
    second = measured(whole=[[0.8, 0.6]], texts=[A], statements=[CALC], things=[CALC], thing_view=[0])
    figures = summary([first, second])
    # the phrase of the mass is nearest to the second view, that of calcifications to the first: neither shows them
    assert figures["retrieval/r@1"] == 0.0 and figures["retrieval/r@10"] == 1.0
    assert figures["retrieval/chance"] == pytest.approx(1 / 3)
    swapped = measured(whole=[A, B], texts=[A], statements=[MASS], things=[MASS], thing_view=[0])
    alone = summary([swapped])
    assert (alone["retrieval/r@1"], alone["retrieval/chance"], alone["score"]) == (1.0, 0.5, 1.0)


def test_a_view_of_which_it_is_unknown_is_not_looked_at():
    known = torch.zeros(2, 5, dtype=torch.bool)
    known[0, 0] = True
    shown = measured(whole=[A, B], texts=[B], statements=[MASS], things=[MASS], thing_view=[0], known=known)
    assert "retrieval/r@1" not in summary([shown])  # nothing is known to be false


def test_pointing_is_the_share_of_hits_beside_that_of_a_blind_pointer():
    figures = summary([measured(pointed=[(True, 0.1), (False, 0.3)]), measured(pointed=[(True, 0.2)])])
    assert figures["pointing"] == pytest.approx(2 / 3) and figures["pointing/chance"] == pytest.approx(0.2)
    assert figures["score"] == pytest.approx(2 / 3)


def test_with_nothing_to_measure_the_score_is_zero():
    assert summary([measured()]) == {"score": 0.0}


@pytest.mark.parametrize("inside", [True, False])
def test_a_pointer_hits_where_the_strongest_cell_is_in_the_box(inside):
    batch = batch_of(view(OVAL))
    rows, columns = torch.nonzero(batch.boxes[0], as_tuple=True)
    cells = torch.zeros(1, 2, HIGH // 8, WIDE // 8)
    cells[0, 1] = 1.0
    row, column = (int(rows[0]) + 1, int(columns[0]) + 1) if inside else (int(rows[-1]) + 4, int(columns[-1]) + 3)
    cells[0, :, row, column] = torch.tensor([1.0, 0.0])
    texts = torch.tensor([A]).repeat(len(batch.ids), 1)
    tissue = torch.ones(1, HIGH // 8, WIDE // 8, dtype=torch.bool)
    found = measure({}, batch, lambda _, __: Embedded(cells, torch.ones(1, 2), texts, tissue))
    assert len(found.pointed) == len(batch.points) > 0
    assert {hit for hit, _ in found.pointed} == {inside}
    assert found.pointed[0][1] == pytest.approx(float(batch.boxes[0].sum()) / tissue.sum())
    assert len(found.texts) == int((batch.holds & ~batch.denies).sum())
