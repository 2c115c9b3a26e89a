"""What a film or a detector puts around the breast: air, lead letters, white borders, labels."""

import numpy as np

from mammoscribe.domain.view import Box
from mammoscribe.phantom.canvas import sighting
from mammoscribe.phantom.geometry import PIXEL_MM
from mammoscribe.phantom.letters import LETTERS, turned, word_cover
from mammoscribe.phantom.sheet import WHITE, Sheet, blend
from mammoscribe.phantom.streams import GeneratorVersion, choose, stream
from mammoscribe.phantom.structures import DistractorKind, Sighting


def lay_surround(sheet: Sheet, seed: int, rate: float) -> list[Sighting]:
    """Draw borders, a label and letters of one view; only borders touch the breast, by a millimetre at its edge."""
    found: list[Sighting] = []
    habit = stream(seed, "film_habit", sheet.view.role, version=GeneratorVersion.V2)
    bordered, labelled = habit.random() < 0.8 * rate, habit.random() < 0.5 * rate
    if sheet.film and bordered:
        found += _borders(sheet, stream(seed, "border", sheet.view.view_id, version=GeneratorVersion.V2))
    if sheet.film and labelled:
        found += _label(sheet, stream(seed, "label", sheet.view.view_id, version=GeneratorVersion.V2))
    return found + _letters(sheet, seed, rate, [s.box for s in found if s.kind is DistractorKind.FILM_TAB])


def _borders(sheet: Sheet, rng: np.random.Generator) -> list[Sighting]:
    """White strips along the edges of the film, each a little slanted, with round corners between them."""
    rows, cols = sheet.pixels.shape
    field, grey = sheet.view.field, WHITE * rng.uniform(0.85, 1.0)
    roomy = rng.uniform(5, 45, 4)
    limits = (field.top + 8, field.bottom + 8, field.wall + 8, field.front)
    there = rng.random(4) < (0.7, 0.7, 0.6, 0.6)
    widths = [int(min(roomy[k], limits[k])) if there[k] else 0 for k in range(4)]
    slants = rng.uniform(-6, 6, 4)
    found: list[Sighting] = []
    for k, width in enumerate(widths):
        if width < 2:
            continue
        length = cols if k < 2 else rows
        depth = np.clip(width + slants[k] * np.linspace(-0.5, 0.5, length), 1, limits[k])
        band = int(np.ceil(depth.max()))
        cover = np.clip(depth[None, :] - np.arange(band)[:, None], 0, 1)
        edge = {
            0: sheet.pixels[:band],
            1: sheet.pixels[::-1][:band],
            2: sheet.pixels.T[:band],
            3: sheet.pixels.T[::-1][:band],
        }[k]
        blend(edge, cover, grey)
        box = {
            0: (0, 0, cols, band),
            1: (0, rows - band, cols, rows),
            2: (0, 0, band, rows),
            3: (cols - band, 0, cols, rows),
        }[k]
        found += sighting(DistractorKind.FILM_BORDER, box, sheet.pixels.shape)
    _round_corners(sheet, widths, rng.uniform(10, 60), grey)
    return found


def _round_corners(sheet: Sheet, widths: list[int], radius: float, grey: float) -> None:
    """White outside a quarter circle where two strips meet."""
    size = int(radius)
    beyond = np.hypot(*np.mgrid[0:size, 0:size][:, ::-1, ::-1] + 1.0) - radius
    for down, across in ((0, 2), (0, 3), (1, 2), (1, 3)):
        if widths[down] < 2 or widths[across] < 2:
            continue
        part = sheet.pixels[:: 1 - 2 * down][widths[down] :, :: 1 - 2 * (across == 3)][:size, widths[across] :][
            :, :size
        ]
        blend(part, np.clip(beyond[: part.shape[0], : part.shape[1]], 0, 1), grey)


def _label(sheet: Sheet, rng: np.random.Generator) -> list[Sighting]:
    """A white tab with printed lines, or a turned one that a corner of the film cuts."""
    tall, wide = rng.uniform(9, 18) / PIXEL_MM, rng.uniform(14, 42) / PIXEL_MM
    plate = np.ones((int(tall), int(wide)), np.float32)
    for k in range(int(rng.integers(1, 4))):
        size = 0.2 * tall
        text = "".join(LETTERS[int(i)] for i in rng.integers(0, len(LETTERS), 12))
        printed = word_cover(text, size)[:, : plate.shape[1] - 12]
        row = int((0.08 + 0.3 * k) * tall)
        part = plate[row : row + printed.shape[0], 6 : 6 + printed.shape[1]]
        part -= 0.85 * printed[: part.shape[0]]
    angle = float(rng.choice([0.0, 90.0, 180.0, 45.0, -45.0]) + rng.normal(0, 2.0))
    paper = turned(np.ones_like(plate), angle, False)
    plate = turned(plate, angle, rng.random() < 0.4)
    grey = WHITE * rng.uniform(0.7, 1.0)
    for _ in range(12):
        row = int(choose(rng, {"top": 0.6, "bottom": 0.4}) == "bottom") * (sheet.pixels.shape[0] - plate.shape[0])
        row += int(rng.uniform(-0.3, 0.5) * plate.shape[0]) * (1 if row == 0 else -1)
        col = int(rng.uniform(0.5, 1.0) * sheet.pixels.shape[1] - 0.3 * plate.shape[1])
        if sheet.is_air(row, col, len(plate)):
            return _paste(sheet, DistractorKind.FILM_TAB, plate, row, col, grey, paper)
    return []


def _letters(sheet: Sheet, seed: int, rate: float, taken: list[Box]) -> list[Sighting]:
    """Which side and view it is, in the air beside the armpit: lead letters in any position on film, print on a detector."""
    view = sheet.view
    habit = stream(seed, "letters", view.role, version=GeneratorVersion.V2)
    rng = stream(seed, "letters", view.view_id, version=GeneratorVersion.V2)
    here = habit.random() < (0.85 if sheet.film else 0.65) * rate
    angle = float(habit.choice([0.0, 90.0, -90.0, 180.0, 45.0, -45.0, 30.0])) if sheet.film else 0.0
    mirrored, initials = habit.random() < (0.35 if sheet.film else 0.1), habit.random() < 0.4
    height = habit.uniform(5.0, 11.0) if sheet.film else habit.uniform(2.4, 5.0)
    grey, boxed = WHITE * habit.uniform(0.25, 1.0), habit.random() < (0.2 if sheet.film else 0.6)
    text = f"{view.laterality}{view.projection}" if habit.random() < 0.8 else f"{view.laterality}"
    if initials:
        text += " " + "".join(LETTERS[int(i)] for i in habit.integers(0, len(LETTERS), 2))
    if not here:
        return []
    word = word_cover(text, height / PIXEL_MM, habit.uniform(0.4, 0.6))
    if boxed:
        word[:2] = word[-2:] = word[:, :2] = word[:, -2:] = 1.0
    # the canonical picture of a right breast is mirrored when it is stored
    word = turned(word, angle + (rng.normal(0, 6.0) if sheet.film else 0.0), bool(mirrored) != (view.laterality == "R"))
    return _place_letters(sheet, word, grey, rng, taken)


def _place_letters(
    sheet: Sheet, word: np.ndarray, grey: float, rng: np.random.Generator, taken: list[Box]
) -> list[Sighting]:
    """Put the word where only air is, rather near the armpit, and on no label; nowhere when there is no room."""
    rows, cols = sheet.pixels.shape
    for _ in range(16):
        row = int(rng.beta(1.0, 3.0) * max(0, rows - word.shape[0] - 30)) + 15
        col = int(rng.beta(2.0, 1.2) * max(0, cols - word.shape[1] - 12))
        inside = row + word.shape[0] < rows and col + word.shape[1] < cols
        place = Box(float(col), float(row), float(col + word.shape[1]), float(row + word.shape[0]))
        free = all(place.overlap(box) == 0 for box in taken)
        if inside and free and sheet.is_air(row, col, len(word)):
            return _paste(sheet, DistractorKind.LETTER, np.ones_like(word), row, col, grey, word)
    return []


def _paste(
    sheet: Sheet, kind: DistractorKind, bright: np.ndarray, row: int, col: int, grey: float, cover: np.ndarray
) -> list[Sighting]:
    """Blend a patch of brightness 0..1 by its coverage; what is off the sheet is cut."""
    r0, c0 = max(0, row), max(0, col)
    r1, c1 = min(sheet.pixels.shape[0], row + bright.shape[0]), min(sheet.pixels.shape[1], col + bright.shape[1])
    if r1 - r0 < 2 or c1 - c0 < 2:
        return []
    part = np.s_[r0 - row : r1 - row, c0 - col : c1 - col]
    values = sheet.pixels[r0:r1, c0:c1]
    before = values.astype(np.float32)
    values[:] = np.rint(before + cover[part] * (np.float32(grey) * bright[part] - before)).astype(np.uint16)
    return sighting(kind, (c0, r0, c1, r1), sheet.pixels.shape)
