"""Training of the patch path: tiles carry the right cells, a run learns, resumes, and its weights load strictly."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.view import Box
from mammoscribe.models.reader.calcifications import (
    BENIGN,
    DISTRIBUTIONS,
    MORPHOLOGIES,
    SUSPICIOUS,
    CalcCandidate,
    PatchConfig,
    PatchOutput,
    load_patch_net,
)
from mammoscribe.phantom import draw_exam
from mammoscribe.support.errors import InputError
from mammoscribe.training import patch_cache, patches
from mammoscribe.training.patch_cache import (
    CALC_SPEC,
    IGNORED,
    NOTHING,
    TILE_PX,
    CalcTruth,
    CalcView,
    Tiles,
    calc_views,
    cell_targets,
    cut_tiles,
    draw_patch_cache,
    load_tiles,
    truth_map,
)

SMALL = PatchConfig(patch_px=64, width=8, per_view=4)


def _truth(spots, reading=SUSPICIOUS, name="c1") -> CalcTruth:
    mask = np.zeros((480, 400), bool)
    for row, col in spots:
        mask[row : row + 2, col : col + 2] = True
    rows, cols = np.nonzero(mask)
    box = Box(float(cols.min()), float(rows.min()), float(cols.max() + 1), float(rows.max() + 1))
    cut = mask[rows.min() : rows.max() + 1, cols.min() : cols.max() + 1]
    return CalcTruth(name, box, reading, 12, 2, cut)


def _view(seed: int = 0) -> CalcView:
    """A 480 x 400 breast with one group of specks that its truth names."""
    rng = np.random.default_rng(seed)
    spots = [tuple(p) for p in rng.integers(-30, 30, (12, 2)) + rng.integers(120, 280, 2)]
    view = CalcView(np.zeros((480, 400), np.float32), np.ones((480, 400), bool), (_truth(spots),))
    pixels = 0.4 + 0.01 * rng.standard_normal((480, 400)) + 0.12 * view.cells_of(view.truths[0])
    return replace(view, pixels=pixels.astype(np.float32))


def _targets(*truths: CalcTruth) -> np.ndarray:
    """Targets of the square of 64 pixels at row 64, column 64."""
    view = replace(_view(), truths=truths)
    return cell_targets(truth_map(view)[64:128, 64:128], view.truths)


def test_a_cell_belongs_to_the_finding_whose_mask_touches_it():
    reading, morphology, distribution = _targets(_truth([(103, 103)]))
    rows, cols = np.nonzero(reading != NOTHING)
    assert set(zip(rows.tolist(), cols.tolist(), strict=True)) == {(4, 4), (4, 5), (5, 4), (5, 5)}
    assert set(reading[rows, cols]) == {SUSPICIOUS}
    assert set(morphology[rows, cols]) == {12}
    assert set(distribution[rows, cols]) == {2}


def test_of_two_findings_in_a_cell_the_more_important_one_wins():
    suspicious, benign, ignored = (_truth([(100, 100)], r, f"c{r}") for r in (SUSPICIOUS, BENIGN, IGNORED))
    for truths, winner in (
        ((suspicious, benign), SUSPICIOUS),
        ((benign, suspicious), SUSPICIOUS),
        ((benign, ignored), BENIGN),
    ):
        reading = _targets(*truths)[0]
        assert set(reading[reading != NOTHING]) == {winner}


def test_a_truth_lies_on_its_canvas_where_it_lies_in_the_stored_view():
    exam = next(e for e in (draw_exam(s, CALC_SPEC) for s in range(20_000, 20_030)) if _right_calcifications(e))
    for stored, view in zip(exam.exam.current, calc_views(exam), strict=True):
        flip = -1 if stored.laterality == "R" else 1
        for truth in view.truths:
            box = next(f for f in exam.findings if f.id == truth.id).mark_in(stored.id).box
            inside = exam.pixels[stored.id][int(box.y0) : int(box.y1), int(box.x0) : int(box.x1)][:, ::flip]
            there = view.pixels[int(truth.box.y0) : int(truth.box.y1), int(truth.box.x0) : int(truth.box.x1)]
            seen = (there > 0) & (there < 1.2)
            assert np.corrcoef(there[seen], inside[seen])[0, 1] > 0.999
            assert view.cells_of(truth).sum() == truth.mask.sum()


def _right_calcifications(exam) -> bool:
    return any(f.type is FindingType.CALCIFICATION and f.laterality == "R" for f in exam.findings)


def test_tiles_show_the_specks_where_their_targets_say():
    tiles = cut_tiles(_view(), np.random.default_rng(0), SMALL)
    assert tiles.pixels.shape[1:] == (TILE_PX, TILE_PX)
    assert tiles.pixels.dtype == np.uint16
    held = (tiles.reading != NOTHING).any(axis=(1, 2))
    assert held.any()
    brightest = tiles.pixels.reshape(-1, 28, 8, 28, 8).max(axis=(2, 4))
    positive = brightest[tiles.reading != NOTHING].mean()
    assert positive > np.median(brightest[held]) * 1.05


def test_a_batch_turns_pixels_and_targets_together():
    pixels = np.full((1, TILE_PX, TILE_PX), 20000, np.uint16)
    reading = np.full((1, 28, 28), NOTHING, np.int8)
    for row, col in ((13, 12), (10, 16), (17, 17)):
        pixels[0, row * 8 : row * 8 + 8, col * 8 : col * 8 + 8] = 60000
        reading[0, row, col] = SUSPICIOUS
    tiles = Tiles(pixels, reading, reading, reading)
    rng = np.random.default_rng(0)
    for _ in range(12):
        batch, targets = patches.make_batch(tiles, np.array([0]), 192, rng)
        bright = batch[0, 0].view(24, 8, 24, 8).mean(dim=(1, 3))
        lit = targets[0, 0] != NOTHING
        assert lit.any()
        assert bright[lit].min() > bright[~lit].max() * 1.3


def test_the_loss_falls_when_the_answer_is_right():
    targets = torch.full((1, 3, 4, 4), NOTHING)
    targets[0, :, 1, 1] = torch.tensor([SUSPICIOUS, 3, 2])
    right = PatchOutput(
        torch.full((1, 2, 4, 4), -6.0), torch.zeros(1, len(MORPHOLOGIES), 4, 4),
        torch.zeros(1, len(DISTRIBUTIONS), 4, 4),
    )  # fmt: skip
    before = patches.patch_losses(right, targets)
    right.heat[0, SUSPICIOUS, 1, 1] = 6.0
    right.morphology[0, 3, 1, 1] = 6.0
    right.distribution[0, 2, 1, 1] = 6.0
    after = patches.patch_losses(right, targets)
    assert after[0] < 0.1 * before[0]
    assert after[1] < 0.1 * before[1]


def test_ignored_cells_teach_nothing():
    output = PatchOutput(*(torch.zeros(1, n, 4, 4) for n in (2, len(MORPHOLOGIES), len(DISTRIBUTIONS))))
    targets = torch.full((1, 3, 4, 4), NOTHING)
    targets[0, 0] = IGNORED
    assert patches.patch_losses(output, targets)[0] == 0


def test_a_batch_without_calcifications_has_no_term_loss():
    empty = PatchOutput(*(torch.zeros(1, n, 4, 4) for n in (2, len(MORPHOLOGIES), len(DISTRIBUTIONS))))
    heat, terms = patches.patch_losses(empty, torch.full((1, 3, 4, 4), NOTHING))
    assert heat > 0
    assert terms == 0


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Tiles of six formula views, drawn through the cache."""
    monkeypatch.setattr(patch_cache, "draw_exam", lambda seed, spec: seed)
    monkeypatch.setattr(patch_cache, "calc_views", lambda seed: [_view(seed)])
    draw_patch_cache(range(6), tmp_path / "cache", config=SMALL)
    return tmp_path / "cache"


def test_an_exam_already_in_the_cache_is_not_drawn_again(cache, monkeypatch):
    before = load_tiles(cache)
    (cache / "exam_3.npz").unlink()
    drawn = []
    monkeypatch.setattr(patch_cache, "draw_exam", lambda seed, spec: drawn.append(seed) or seed)
    draw_patch_cache(range(6), cache, config=SMALL)
    assert drawn == [3]
    np.testing.assert_array_equal(load_tiles(cache).pixels, before.pixels)


def test_an_empty_cache_is_refused_with_what_to_do(tmp_path):
    with pytest.raises(InputError, match="draw"):
        load_tiles(tmp_path)


def test_a_short_run_learns_and_a_cut_one_goes_on(cache, tmp_path):
    folder, schedule = tmp_path / "run", patches.PatchSchedule(steps=100, batch=8)
    patches.train_patches(cache, SMALL, 5.0, 0, folder, replace(schedule, steps=40))
    net = patches.train_patches(cache, SMALL, 5.0, 0, folder, schedule)
    tiles = load_tiles(cache)
    pixels, targets = patches.make_batch(tiles, np.arange(len(tiles)), 64, np.random.default_rng(1))
    with torch.inference_mode():
        heat = net(pixels).heat[:, SUSPICIOUS].sigmoid()
    held = targets[:, 0] == SUSPICIOUS
    assert heat[held].mean() > 2 * heat[~held].mean()
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [20, 40, 60, 80, 100]
    assert torch.load(folder / "checkpoint.pt", weights_only=True)["step"] == 100
    loaded = load_patch_net(folder / "patchnet.safetensors", SMALL)
    assert loaded(pixels).heat.shape == heat.unsqueeze(1).expand(-1, 2, -1, -1).shape


def test_weights_with_a_missing_key_are_refused(cache, tmp_path):
    patches.train_patches(cache, SMALL, 1.0, 0, tmp_path / "run", patches.PatchSchedule(steps=1, batch=2))
    path = tmp_path / "run" / "patchnet.safetensors"
    state = load_file(path)
    state.pop("heat.bias")
    save_file(state, path)
    with pytest.raises(InputError, match=r"heat\.bias"):
        load_patch_net(path, SMALL)


def test_measuring_counts_benign_marks_called_suspicious_as_false(monkeypatch):
    view = _view()
    benign = _truth([(400, 300)], BENIGN, "c2")
    view = replace(view, truths=(*view.truths, benign))
    marks = [
        CalcCandidate(view.truths[0].box, 0.9, 0.1, {}, {}),
        CalcCandidate(benign.box, 0.8, 0.1, {}, {}),
        CalcCandidate(Box(0, 0, 9, 9), 0.2, 0.7, {}, {}),
    ]
    monkeypatch.setattr(patches, "draw_exam", lambda seed, spec: seed)
    monkeypatch.setattr(patches, "calc_views", lambda seed: [view])
    monkeypatch.setattr(patches, "find_calcifications", lambda *_: marks)
    figures = patches.evaluate_patches(None, [1], None)
    curve = figures.by_lesion
    assert curve.num_lesions == 1
    assert curve.sensitivity.tolist() == [1.0, 1.0]
    assert curve.false_per_view.tolist() == [0.0, 1.0]
    assert "at 0.5 false marks per view: 1.000 of lesions, 1.000 of marks, threshold 0.900" in figures.lines()
