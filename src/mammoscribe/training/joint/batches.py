"""Batches of the joint space: views on whole canvases, statements about them, and which cells a statement points at."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mammoscribe.domain.finding import Finding
from mammoscribe.models.reader.batch import ViewBatch, tissue_cells
from mammoscribe.models.reader.detection_head import STRIDE, TYPES
from mammoscribe.models.reader.phrases import phrase_ids
from mammoscribe.models.tokenizer import ReportTokenizer
from mammoscribe.training.joint.statements import (
    TISSUE,
    Facts,
    Statement,
    describe,
    facts_of,
    nothing,
    of_kind,
    of_tissue,
)
from mammoscribe.training.joint.truth import codes_of, fits, truth
from mammoscribe.training.joint.views import LabelledView
from mammoscribe.training.reader.batches import NO_AUGMENTATION, Augmentation, Targets, make_batch
from mammoscribe.training.reader.samples import UNKNOWN

Edges = tuple[float, float, float, float]
"""x0, y0, x1, y1 in canvas pixels."""


@dataclass(frozen=True)
class JointBatch:
    """N views, S statements about them, T things that they show, of which the first F have boxes; cells are [h, w].

    Args:
        keys: name the views.
        views: each an exam of its own on a whole canvas; empty rows went from the top to the bottom, as `trimmed` cuts them.
        synthetic: whether the images were drawn; a batch never mixes both.
        ids, mask: [S, L] tokens of the statements.
        statements, denies, things, thing_view, known: as `truth` takes them.
        statement_view: [S] the view that a statement was written for.
        holds: [S] bool, whether it is true of that view; the others are there to be told apart.
        placed: [S] bool, whether it is about a finding with a box in that view.
        boxes: [F, h, w] bool, cells of each box.
        box_view: [F] its view.
        points, point_boxes: [P, h, w] bool, for each placed statement the cells in the middle of the boxes it is about, and
            all their cells; only what shows the breast.
        point_statement: [P] the statement.
    """

    keys: tuple[str, ...]
    views: ViewBatch
    synthetic: bool
    ids: Tensor
    mask: Tensor
    statements: Tensor
    denies: Tensor
    things: Tensor
    thing_view: Tensor
    known: Tensor
    statement_view: Tensor
    holds: Tensor
    placed: Tensor
    boxes: Tensor
    box_view: Tensor
    points: Tensor
    point_boxes: Tensor
    point_statement: Tensor


@dataclass(frozen=True)
class _Described:
    """One view of a batch with what it shows and what is stated of it."""

    views: ViewBatch
    shown: tuple[tuple[Finding, Edges], ...]
    unplaced: tuple[Facts, ...]
    known: tuple[bool, ...]
    statements: tuple[Statement, ...]


def collate(
    items: Sequence[tuple[LabelledView, int]], amount: Augmentation, tokenizer: ReportTokenizer, max_tokens: int
) -> JointBatch:
    """Views with their seeds as one batch.

    Everything that is drawn of a view depends on its own seed, so the number of processes changes nothing.

    Args:
        items: views of one dataset, each with the seed of its variation and its statements.
        amount: how much the images are varied.
        tokenizer, max_tokens: of the text side.
    """
    described = [_described(view, np.random.default_rng(seed), amount) for view, seed in items]
    views = _together([d.views for d in described])
    tissue = tissue_cells(views.images, STRIDE)[:, 0] > 0.5
    statements = [s for d in described for s in d.statements]
    ids, mask = phrase_ids([s.text for s in statements], tokenizer, max_tokens)
    boxed = [(n, f, edges) for n, d in enumerate(described) for f, edges in d.shown]
    unplaced = [(n, facts) for n, d in enumerate(described) for facts in d.unplaced]
    things = codes_of([*(facts_of(f) for _, f, _ in boxed), *(facts for _, facts in unplaced)])
    thing_view = torch.tensor([*(n for n, *_ in boxed), *(n for n, _ in unplaced)], dtype=torch.long)
    known = torch.tensor([d.known for d in described])
    codes, denies = codes_of([s.facts for s in statements]), torch.tensor([s.denies for s in statements])
    of_view = torch.tensor([n for n, d in enumerate(described) for _ in d.statements])
    true, _ = truth(codes, denies, things, thing_view, known)
    about = _about(codes, denies, things[: len(boxed)], thing_view[: len(boxed)], of_view)
    points = list(_points(about, [e for _, _, e in boxed], tissue, of_view))
    shape = tissue.shape[1:]
    return JointBatch(
        tuple(view.key for view, _ in items), views, items[0][0].exam.synthetic, ids, mask, codes, denies, things, thing_view, known, of_view,
        holds=true[of_view, torch.arange(len(statements))], placed=about.any(dim=1),
        boxes=_stacked([_cells(e, shape) for _, _, e in boxed], shape), box_view=thing_view[: len(boxed)],
        points=_stacked([p.middle for p in points], shape), point_boxes=_stacked([p.whole for p in points], shape),
        point_statement=torch.tensor([p.statement for p in points], dtype=torch.long),
    )  # fmt: skip


def _stacked(grids: Sequence[Tensor], shape: Sequence[int]) -> Tensor:
    """[len(grids), h, w] bool, also where there is none."""
    return torch.stack([*grids, torch.zeros(*shape, dtype=torch.bool)])[:-1]


def _described(view: LabelledView, rng: np.random.Generator, amount: Augmentation) -> _Described:
    batch, targets = make_batch([view.exam], rng, amount)
    if not (batch.images > 0).any():  # shifted out of its canvas: a reader cannot look at nothing
        batch, targets = make_batch([view.exam], rng, NO_AUGMENTATION)
    shown = tuple(_shown(view, targets))
    labels, boxed = view.breast, targets.boxed[0].tolist()
    side = {"side": "RL"[view.exam.views[0].slot % 2]}
    unplaced = [
        {"kind": kind.value, **side}
        for kind, label, has_boxes in zip(TYPES, labels.kinds, boxed, strict=True)
        if label == 1 and not has_boxes
    ]
    if labels.density != UNKNOWN:
        unplaced.append({"kind": TISSUE, "composition": "abcd"[labels.density], **side})
    known = [has or label == 0 for has, label in zip(boxed, labels.kinds, strict=True)]
    known.append(labels.density != UNKNOWN)
    height, width = view.exam.views[0].canvas.shape
    statements = tuple(_statements([f for f, _ in shown], unplaced, known, rng))
    return _Described(_whole(batch, height, width), shown, tuple(unplaced), tuple(known), statements)


def _shown(view: LabelledView, targets: Targets) -> Iterator[tuple[Finding, Edges]]:
    for box, number in zip(targets.mark_box.tolist(), targets.mark_finding.tolist(), strict=True):
        x0, y0, x1, y1 = box
        yield view.findings[number], (x0, y0, x1, y1)


def _statements(
    shown: Sequence[Finding], unplaced: Sequence[Facts], known: Sequence[bool], rng: np.random.Generator
) -> Iterator[Statement]:
    """A phrase for each finding, each kind present, one that is absent, the tissue; and something that is false."""
    yield from (describe(f, rng) for f in shown)
    present = {f.type.value for f in shown} | {facts["kind"] for facts in unplaced}
    there = [k for k in TYPES if k.value in present]
    gone = [k for k, is_known in zip(TYPES, known, strict=False) if is_known and k not in there]
    yield from (of_kind(k, False, rng) for k in there)
    if gone:
        yield of_kind(gone[int(rng.integers(len(gone)))], True, rng)
    if len(gone) == len(TYPES) or (there and rng.random() < 0.5):
        yield nothing(rng)
    either = [(k, True) for k in there] + [(k, False) for k in gone]
    if either:
        kind, denies = either[int(rng.integers(len(either)))]
        yield of_kind(kind, denies, rng)
    yield from (of_tissue(facts["composition"], rng) for facts in unplaced if facts["kind"] == TISSUE)


def _whole(batch: ViewBatch, height: int, width: int) -> ViewBatch:
    """Trimmed canvases padded at the bottom and right to their full size."""

    def padded(images: Tensor) -> Tensor:
        return F.pad(images, (0, width - images.shape[3], 0, height - images.shape[2]))

    previous = None if batch.previous is None else padded(batch.previous)
    return replace(batch, images=padded(batch.images), previous=previous)


def _together(batches: Sequence[ViewBatch]) -> ViewBatch:
    """Batches of one view each as one batch of as many exams."""
    earlier = [b.previous for b in batches if b.previous is not None]
    joined = {f.name: torch.cat([getattr(b, f.name) for b in batches]) for f in fields(ViewBatch)
              if f.name not in ("previous", "num_exams", "exam")}  # fmt: skip
    return ViewBatch(
        exam=torch.arange(len(batches)), previous=torch.cat(earlier) if earlier else None, num_exams=len(batches), **joined
    )  # fmt: skip


def _about(codes: Tensor, denies: Tensor, boxed: Tensor, box_view: Tensor, of_view: Tensor) -> Tensor:
    """[S, F] bool: statements that are about a box of their own view."""
    yes, _ = fits(codes, boxed)
    return yes & affirming(codes, denies)[:, None] & (of_view[:, None] == box_view[None])


def affirming(codes: Tensor, denies: Tensor) -> Tensor:
    """[S] bool: statements that there is a finding of a kind."""
    return ~denies & (codes[:, 0] > 0) & (codes[:, 0] <= len(TYPES))


@dataclass(frozen=True)
class _Point:
    """A statement with the middle and all cells, [h, w] bool, of the boxes that it is about."""

    statement: int
    middle: Tensor
    whole: Tensor


def _points(about: Tensor, edges: Sequence[Edges], tissue: Tensor, of_view: Tensor) -> Iterator[_Point]:
    """The statements whose boxes show the breast."""
    for statement in torch.nonzero(about.any(dim=1))[:, 0].tolist():
        own, seen = about[statement].nonzero()[:, 0].tolist(), tissue[of_view[statement]]
        middle = _stacked([_cells(middle_of(edges[b]), seen.shape) for b in own], seen.shape).any(dim=0) & seen
        if middle.any():
            whole = _stacked([_cells(edges[b], seen.shape) for b in own], seen.shape).any(dim=0) & seen
            yield _Point(statement, middle, whole)


def middle_of(edges: Edges) -> Edges:
    """The middle half of a box, along each side."""
    x0, y0, x1, y1 = edges
    wide, high = (x1 - x0) / 4, (y1 - y0) / 4
    return x0 + wide, y0 + high, x1 - wide, y1 - high


def _cells(edges: Sequence[float], shape: Sequence[int]) -> Tensor:
    """[h, w] bool: cells whose centre is in the box, and the one that holds its middle."""
    x0, y0, x1, y1 = edges
    rows, columns = ((torch.arange(size) + 0.5) * STRIDE for size in shape)
    inside = ((rows >= y0) & (rows < y1))[:, None] & ((columns >= x0) & (columns < x1))[None]
    row, column = int((y0 + y1) / 2 / STRIDE), int((x0 + x1) / 2 / STRIDE)
    inside[min(max(row, 0), shape[0] - 1), min(max(column, 0), shape[1] - 1)] = True
    return inside
