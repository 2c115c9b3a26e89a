"""Losses of the joint space: equal to loops written out here, and in two processes equal to one with the whole batch."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch
import torch.distributed as dist

from benchmarks.engine_processes import in_ranks
from mammoscribe.training.contrastive import contrast
from mammoscribe.training.joint.batches import JointBatch
from mammoscribe.training.joint.losses import Embedded, JointWeights, Scales, counts, losses
from tests.training.joint.made import GROUPED, HIGH, OVAL, SPICULATED, WIDE, batch_of, view

VIEWS = (view(OVAL), view(GROUPED, seed=1), view(seed=2), view(SPICULATED, GROUPED, seed=3), view(OVAL, seed=4))
SCALES = (torch.tensor(7.0), torch.tensor(9.0), torch.tensor(11.0))
DIM = 6


def embedded(batch: JointBatch, first_view: int = 0, first_text: int = 0) -> Embedded:
    """Made-up places in the space, a function of the number of view and text in the whole batch."""

    def made(number: int, *shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=torch.Generator().manual_seed(number))

    views = range(first_view, first_view + len(batch.known))
    cells = torch.stack([made(n, DIM, HIGH // 8, WIDE // 8) for n in views]).requires_grad_()
    whole = torch.stack([made(1000 + n, DIM) for n in views]).requires_grad_()
    texts = torch.stack([made(2000 + first_text + n, DIM) for n in range(len(batch.ids))])
    tissue = torch.ones(len(batch.known), HIGH // 8, WIDE // 8, dtype=torch.bool)
    tissue[:, :, 10:] = False
    return Embedded(cells, whole, torch.nn.functional.normalize(texts, dim=1).requires_grad_(), tissue)


def info_nce(scores: Sequence[float | None], right: list[int]) -> float:
    """-log of the share of each right answer among those that are known, the mean over right answers."""
    known = [s for s in scores if s is not None]
    total = math.log(sum(math.exp(s) for s in known))
    return sum(total - (scores[r] or 0.0) for r in right) / len(right)


def unit(vector: torch.Tensor) -> np.ndarray:
    array = vector.detach().double().numpy()
    return array / np.linalg.norm(array)


def written_out(batch: JointBatch, e: Embedded) -> dict[str, float]:
    """All five losses by loops over views, statements, boxes and cells, with pairs judged one by one."""
    facts, things = batch.statements.tolist(), batch.things.tolist()
    owner, boxed = batch.thing_view.tolist(), len(batch.boxes)

    def fit(s: int, t: int) -> str:
        if facts[s][0] == 0 and things[t][0] == 5:
            return "no"
        pairs = [(a, b) for a, b in zip(facts[s], things[t], strict=True) if a]
        if any(b and a != b for a, b in pairs):
            return "no"
        return "yes" if all(b for _, b in pairs) else "maybe"

    def holds(s: int, n: int) -> bool | None:
        found = [fit(s, t) for t in range(len(things)) if owner[t] == n]
        kinds = [facts[s][0] - 1] if facts[s][0] else range(4)
        if "yes" in found:
            return not batch.denies[s]
        return bool(batch.denies[s]) if "maybe" not in found and all(batch.known[n][k] for k in kinds) else None

    texts, views = [unit(t) for t in e.texts], [unit(w) for w in e.whole]
    sums = dict.fromkeys(dataclasses.asdict(JointWeights()), 0.0)
    for n in range(len(views)):
        row = [None if holds(s, n) is None else 7 * float(views[n] @ texts[s]) for s in range(len(texts))]
        sums["global_images"] += info_nce(row, [s for s in range(len(texts)) if holds(s, n)])
    for s in range(len(texts)):
        if holds(s, int(batch.statement_view[s])):
            row = [None if holds(s, n) is None else 7 * float(views[n] @ texts[s]) for n in range(len(views))]
            sums["global_texts"] += info_nce(row, [n for n in range(len(views)) if holds(s, n)])
    cells = torch.nn.functional.normalize(e.cells.detach().double(), dim=1).numpy()
    boxes = []
    for b in range(boxed):
        mean = np.mean([cells[owner[b], :, i, j] for i, j in batch.boxes[b].nonzero().tolist()], axis=0)
        boxes.append(mean / np.linalg.norm(mean))
    about = [s for s in range(len(texts)) if not batch.denies[s] and 1 <= facts[s][0] <= 4]
    score = [[9 * float(boxes[b] @ texts[s]) if s in about and fit(s, b) != "maybe" else None for s in range(len(texts))]
             for b in range(boxed)]  # fmt: skip
    for b in range(boxed):
        sums["local_boxes"] += info_nce(score[b], [s for s in about if fit(s, b) == "yes"])
    for s in about:
        own = [b for b in range(boxed) if owner[b] == int(batch.statement_view[s]) and fit(s, b) == "yes"]
        if own:
            sums["local_texts"] += info_nce(
                [score[b][s] for b in range(boxed)], [b for b in range(boxed) if fit(s, b) == "yes"]
            )
    for points, s in zip(batch.points, batch.point_statement.tolist(), strict=True):
        n = int(batch.statement_view[s])
        places = [(i, j) for i in range(HIGH // 8) for j in range(WIDE // 8) if e.tissue[n, i, j]]
        row = [11 * float(cells[n, :, i, j] @ texts[s]) for i, j in places]
        sums["pointing"] += info_nce(row, [k for k, place in enumerate(places) if points[place]])
    return sums


def test_every_loss_is_the_one_that_loops_give():
    batch = batch_of(*VIEWS)
    e = embedded(batch)
    found, expected = losses(e, batch, SCALES), written_out(batch, e)
    assert set(found) == set(expected) == set(counts(batch))
    for name, value in found.items():
        assert float(value.detach()) == pytest.approx(expected[name], rel=1e-5), name
        assert expected[name] > 0.1


def test_with_one_right_answer_a_row_it_is_cross_entropy():
    a, b = (
        torch.nn.functional.normalize(torch.randn(5, DIM, generator=torch.Generator().manual_seed(n)), dim=1)
        for n in (0, 1)
    )
    right = torch.eye(5, dtype=torch.bool)
    found = contrast(a, b, right, ~right, torch.tensor(4.0), torch.ones(5, dtype=torch.bool))
    expected = torch.nn.functional.cross_entropy(4 * a @ b.T, torch.arange(5), reduction="sum")
    assert float(found) == pytest.approx(float(expected), rel=1e-6)


def test_a_pair_that_nobody_labelled_changes_nothing():
    a, b = torch.eye(3), torch.eye(3)
    true, every = torch.eye(3, dtype=torch.bool), torch.ones(3, dtype=torch.bool)
    without = contrast(a[:1], b[:2], true[:1, :2], ~true[:1, :2], torch.tensor(2.0), every[:1])
    false = ~true[:1]
    false[0, 2] = False
    assert torch.equal(contrast(a[:1], b, true[:1], false, torch.tensor(2.0), every[:1]), without)


def _split(rank: int) -> tuple[JointBatch, Embedded]:
    """Two of the five views in the first process, three in the second, with the seeds and places of the whole batch."""
    whole = batch_of(*VIEWS)
    first = int((whole.statement_view < 2).sum())
    if rank == 0:
        return (own := batch_of(*VIEWS[:2])), embedded(own)
    return (own := batch_of(*VIEWS[2:], first_seed=2)), embedded(own, 2, first)


def _gradients(e: Embedded, sums: dict[str, torch.Tensor]) -> list:
    weights = {name: 1.0 + n for n, name in enumerate(sums)}
    torch.stack([weights[name] * value for name, value in sums.items()]).sum().backward()
    return [part.grad for part in (e.cells, e.whole, e.texts)]


def _in_group(run) -> object:
    dist.init_process_group("gloo")
    try:
        return run(dist.get_rank())
    finally:
        dist.destroy_process_group()


def _of_rank(rank: int) -> tuple[dict[str, float], dict[str, float], list[np.ndarray]]:
    batch, e = _split(rank)
    sums = losses(e, batch, SCALES)
    return {n: float(v.detach()) for n, v in sums.items()}, counts(batch), [g.numpy() for g in _gradients(e, sums)]


def test_two_processes_have_the_losses_counts_and_gradients_of_one_with_the_whole_batch(tmp_path):
    batch = batch_of(*VIEWS)
    e = embedded(batch)
    sums = losses(e, batch, SCALES)
    expected, number = _gradients(e, sums), counts(batch)
    ranks = in_ranks(2, tmp_path, _in_group, _of_rank)
    for name, value in sums.items():
        assert sum(r[0][name] for r in ranks) == pytest.approx(float(value.detach()), rel=1e-5), name
        assert sum(r[1][name] for r in ranks) == number[name]
    for part, whole in enumerate(expected):
        both = np.concatenate([r[2][part] for r in ranks])
        assert np.allclose(both, whole.numpy(), atol=1e-5)
        assert float(whole.abs().max()) > 1e-3


def _without_boxes(rank: int) -> dict[str, float]:
    batch = batch_of(view(seed=rank))
    return {n: float(v.detach()) for n, v in losses(embedded(batch), batch, SCALES).items()}


def test_a_step_in_which_no_process_has_a_box_has_nothing_to_place(tmp_path):
    for found in [*in_ranks(2, tmp_path, _in_group, _without_boxes), _without_boxes(0)]:
        assert found["local_boxes"] == found["local_texts"] == found["pointing"] == 0.0
        assert found["global_images"] > 0


def test_scales_begin_as_written_and_stay_below_a_hundred():
    scales = Scales()
    assert [round(float(s.detach()), 3) for s in scales()] == [12.0, 12.0, 20.0]
    with torch.no_grad():
        scales.log.fill_(9.0)
    assert [float(s.detach()) for s in scales()] == [100.0] * 3
