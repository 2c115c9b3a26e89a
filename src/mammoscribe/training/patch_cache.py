"""Tiles for the patch network: cut from drawn exams around calcifications, look-alikes and at random, kept as .npz."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.progress import track

from mammoscribe.domain.finding import Finding, FindingType, Mark
from mammoscribe.domain.lexicon import Axis
from mammoscribe.domain.view import Box
from mammoscribe.imaging.picture import Picture
from mammoscribe.imaging.prepare import PreparedView, prepare_view, resample
from mammoscribe.models.reader.calcifications import (
    BENIGN,
    DISTRIBUTIONS,
    MORPHOLOGIES,
    SUSPICIOUS,
    PatchConfig,
    propose_patches,
)
from mammoscribe.models.reader.tophat import CELL_PX
from mammoscribe.phantom import PhantomExam, PhantomSpec, draw_exam
from mammoscribe.support.errors import InputError

TILE_PX = 224
"""Larger than a patch, so that training can shift it."""
NOTHING, IGNORED = -1, -2
TILE_SCALE = 65535 / 1.2
"""Tiles are stored in 16 bits; 1.2 is the brightest value that preparation lets through."""
_STORED_FULL_SCALE, _UM_PER_PX = 4095, 100.0
_AROUND_LESIONS, _LOOK_ALIKES, _AT_RANDOM = 2, 4, 1

CALC_SPEC = PhantomSpec(
    name="calcifications", prior_probability=0.0, lesion_probability=0.85, extra_lesion_probability=0.35,
    mass_weight=0.08, suspicious_calc_weight=0.50, benign_calc_weight=0.32, distortion_weight=0.05, asymmetry_weight=0.05,
)  # fmt: skip
"""Mostly calcifications, so that few exams teach much; look-alikes are drawn as often as ever."""


@dataclass(frozen=True)
class CalcTruth:
    """A calcification finding in one view, in canvas pixels.

    Args:
        id: of the finding.
        box: its mark.
        reading: SUSPICIOUS, BENIGN, or IGNORED for calcifications that belong to a mass and are no finding of their own.
        morphology, distribution: indices into MORPHOLOGIES and DISTRIBUTIONS, or NOTHING.
        mask: bool, its particles with half a millimetre around them, cut to the box.
    """

    id: str
    box: Box
    reading: int
    morphology: int
    distribution: int
    mask: np.ndarray


@dataclass(frozen=True)
class CalcView:
    """One view as the patch path sees it (chest wall at the left, 100 um), with its calcifications."""

    pixels: np.ndarray
    breast: np.ndarray
    truths: tuple[CalcTruth, ...]

    def cells_of(self, truth: CalcTruth) -> np.ndarray:
        """[H, W] bool of one truth's mask in the whole view."""
        return _window(truth.mask, -round(truth.box.y0), -round(truth.box.x0), self.pixels.shape)


@dataclass(frozen=True)
class Tiles:
    """N tiles with per-cell targets, NOTHING where there is none; `reading` may be IGNORED.

    Args:
        pixels: [N, 224, 224] uint16, canvas grey times TILE_SCALE.
        reading, morphology, distribution: [N, 28, 28] int8.
    """

    pixels: np.ndarray
    reading: np.ndarray
    morphology: np.ndarray
    distribution: np.ndarray

    def __len__(self) -> int:
        return len(self.pixels)


def calc_views(exam: PhantomExam) -> Iterator[CalcView]:
    """The current views of a drawn exam as a reading prepares them, with their calcifications as truth."""
    for view in exam.exam.current:
        grey = exam.pixels[view.id].astype(np.float32) / _STORED_FULL_SCALE
        picture = Picture(grey, view.spacing_mm, view.spacing_source)
        fine = resample(picture, prepare_view(view, picture), _UM_PER_PX)
        shown = [(f, m) for f in exam.findings if (m := f.mark_in(view.id)) and _has_calcium(f)]
        yield CalcView(fine.pixels, fine.mask, tuple(_truth(f, exam.masks[f.id, view.id], m, fine) for f, m in shown))


def _has_calcium(finding: Finding) -> bool:
    return finding.type is FindingType.CALCIFICATION or "associated.calcifications" in finding.descriptors


def _truth(finding: Finding, mask: np.ndarray, mark: Mark, fine: PreparedView) -> CalcTruth:
    """The finding on the canvas; phantoms are stored at 100 um, so that its mask only has to be turned."""
    reading = SUSPICIOUS if finding.suspicious else BENIGN
    return CalcTruth(
        finding.id, fine.placement.to_canvas_box(mark.box),
        reading if finding.type is FindingType.CALCIFICATION else IGNORED,
        _index(finding.descriptor(Axis.MORPHOLOGY), MORPHOLOGIES),
        _index(finding.descriptor(Axis.DISTRIBUTION), DISTRIBUTIONS),
        mask[:, ::-1] if fine.placement.flipped else mask,
    )  # fmt: skip


def _index(term: str | None, terms: tuple[str, ...]) -> int:
    return NOTHING if term is None else terms.index(term)


def truth_map(view: CalcView) -> np.ndarray:
    """[H, W] uint8: 0, or 1 + the index of the truth whose mask covers the pixel; a suspicious one lies on top."""
    out = np.zeros(view.pixels.shape, np.uint8)
    for i in _by_weight(view.truths):
        out[view.cells_of(view.truths[i])] = i + 1
    return out


def _by_weight(truths: tuple[CalcTruth, ...]) -> list[int]:
    """Indices from the least to the most important: ignored, benign, suspicious."""
    return sorted(range(len(truths)), key=lambda i: (IGNORED, BENIGN, SUSPICIOUS).index(truths[i].reading))


def cell_targets(owner: np.ndarray, truths: tuple[CalcTruth, ...]) -> np.ndarray:
    """Targets of a square of the view's truth map: [3, h, w] int8 (reading, morphology, distribution).

    A cell belongs to a finding when the finding's mask touches it; of two findings a suspicious one wins.
    """
    cells = owner.shape[0] // CELL_PX
    blocks = owner.reshape(cells, CELL_PX, cells, CELL_PX)
    targets = np.full((3, cells, cells), NOTHING, np.int8)
    for i in _by_weight(truths):
        hit = (blocks == i + 1).any(axis=(1, 3))
        labels = truths[i].reading, truths[i].morphology, truths[i].distribution
        targets[:, hit] = np.array(labels, np.int8)[:, None]
    return targets


def _window(array: np.ndarray, top: int, left: int, shape: tuple[int, ...]) -> np.ndarray:
    """`array` from (top, left) in that shape; zero where it reaches outside."""
    out = np.zeros(shape, array.dtype)
    row, col = max(0, -top), max(0, -left)
    high, wide = max(0, shape[0] - row), max(0, shape[1] - col)
    part = array[max(0, top) : max(0, top) + high, max(0, left) : max(0, left) + wide]
    out[row : row + part.shape[0], col : col + part.shape[1]] = part
    return out


def cut_tiles(view: CalcView, rng: np.random.Generator, config: PatchConfig) -> Tiles:
    """Tiles of one view: around each calcification, where the top-hat points, and anywhere in the breast."""
    corners = [(y - TILE_PX // 2, x - TILE_PX // 2) for x, y in _tile_centres(view, rng, config)]
    owner = truth_map(view)
    targets = np.stack(
        [cell_targets(_window(owner, top, left, (TILE_PX, TILE_PX)), view.truths) for top, left in corners]
    )
    codes = np.rint(view.pixels * TILE_SCALE).astype(np.uint16)
    pixels = np.stack([_window(codes, top, left, (TILE_PX, TILE_PX)) for top, left in corners])
    return Tiles(pixels, targets[:, 0], targets[:, 1], targets[:, 2])


def _tile_centres(view: CalcView, rng: np.random.Generator, config: PatchConfig) -> list[tuple[int, int]]:
    centres: list[tuple[int, int]] = []
    for truth in view.truths:
        centres += [_near(p, rng, 56) for p in _points(view.cells_of(truth), rng, _AROUND_LESIONS)]
    centres += [_near(c, rng, 16) for c in propose_patches(view.pixels, view.breast, config)[:_LOOK_ALIKES]]
    return centres + _points(view.breast, rng, _AT_RANDOM)


def _points(mask: np.ndarray, rng: np.random.Generator, count: int) -> list[tuple[int, int]]:
    """(x, y) of `count` pixels of the mask."""
    rows, cols = np.nonzero(mask)
    if not len(rows):
        return []
    return [(int(cols[i]), int(rows[i])) for i in rng.integers(len(rows), size=count)]


def _near(point: tuple[int, int], rng: np.random.Generator, reach: int) -> tuple[int, int]:
    dx, dy = rng.integers(-reach, reach + 1, 2)
    return point[0] + int(dx), point[1] + int(dy)


def draw_patch_cache(
    seeds: Iterable[int], folder: Path, spec: PhantomSpec = CALC_SPEC, config: PatchConfig | None = None
) -> None:
    """Draw exams and keep their tiles in `folder`, one .npz per exam; exams already there are skipped."""
    config, folder = config or PatchConfig(), Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    missing = [s for s in seeds if not (folder / f"exam_{s}.npz").is_file()]
    for seed in track(missing, description="Drawing tiles"):
        rng = np.random.default_rng(seed)
        tiles = _joined([cut_tiles(view, rng, config) for view in calc_views(draw_exam(seed, spec))])
        part = folder / f"exam_{seed}.part"
        with part.open("wb") as stream:
            np.savez(stream, **vars(tiles))
        part.rename(folder / f"exam_{seed}.npz")


def _joined(parts: list[Tiles]) -> Tiles:
    return Tiles(*(np.concatenate([getattr(p, name) for p in parts]) for name in vars(parts[0])))


def load_tiles(folder: Path) -> Tiles:
    """All tiles of a cache folder, in name order; an empty folder raises InputError."""
    paths = sorted(Path(folder).glob("exam_*.npz"))
    if not paths:
        raise InputError(f"{folder} holds no tiles", "", "run `python -m mammoscribe.training.patches draw` first")
    parts = []
    for path in paths:
        with np.load(path) as arrays:
            parts.append(Tiles(**{name: arrays[name] for name in arrays.files}))
    return _joined(parts)
