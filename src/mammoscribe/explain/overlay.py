"""The grounding picture: the image under its heat map, boxes, a scale of fixed range, and a caption."""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mammoscribe.domain.view import Box
from mammoscribe.explain.grounding import Grounding

LONGEST_PX = 960
"""Longest side of the picture in the overlay."""
SHORTEST_PX = 420
"""Smaller pictures are enlarged until their longest side has this many pixels."""
MARGIN, SCALE_WIDTH = 24, 120
PAGE, INK, FAINT = (17, 19, 23), (236, 238, 240), (150, 156, 164)
BEST, GIVEN = (255, 255, 255), (64, 224, 208)
STOPS: tuple[tuple[float, tuple[int, int, int]], ...] = (
    (-1.0, (38, 70, 190)),
    (-0.5, (74, 144, 226)),
    (-0.001, (150, 200, 245)),
    (0.001, (255, 240, 150)),
    (0.5, (255, 150, 30)),
    (1.0, (205, 15, 45)),
)
"""Colours of cosines from -1 to 1: blues below zero, yellow to red above."""

Drawing = ImageDraw.ImageDraw
Font = ImageFont.ImageFont | ImageFont.FreeTypeFont


@dataclass(frozen=True)
class Caption:
    """Lines under the picture: figures beside the similarity, and what made it."""

    figures: str
    about: str


def overlay_png(pixels: np.ndarray, grounding: Grounding, caption: Caption, given: Box | None = None) -> bytes:
    """A PNG of the picture with its heat map, ready to look at.

    Colours run from -1 to 1 whatever the map, as in the published plots; they fade out towards 0, and what the model did
    not see is darkened.

    Args:
        pixels: [H, W] in 0..1 as stored, bright = dense.
        grounding: what was found on it.
        caption: what to write below.
        given: a box to compare with, in stored pixels.
    """
    height, width = pixels.shape
    zoom = min(LONGEST_PX / max(height, width), max(1.0, SHORTEST_PX / max(height, width)))
    size = (max(1, round(width * zoom)), max(1, round(height * zoom)))
    shown = Image.fromarray(
        np.rint(_blended(_resized(_grey(pixels), size), _resized(grounding.heat, size))).astype("u1")
    )
    draw = ImageDraw.Draw(shown)
    if given is not None:
        _dashed(draw, _scaled(given, zoom), GIVEN)
    if grounding.best is not None:
        _thin(draw, _scaled(grounding.best, zoom), BEST)
    return _page(shown, grounding, caption, given)


def colours(values: np.ndarray) -> np.ndarray:
    """RGB 0..255, float [..., 3], of cosines; values outside -1..1 take the end's colour."""
    at = [stop for stop, _ in STOPS]
    return np.stack([np.interp(values, at, [colour[i] for _, colour in STOPS]) for i in range(3)], axis=-1)


def opacity(values: np.ndarray) -> np.ndarray:
    """How much of the colour covers the picture, 0..0.85: nothing at 0, rising fast for small cosines.

    Shapes: values of any shape, 0..1 -> the same shape.
    """
    return 0.85 * np.clip(np.abs(values), 0, 1) ** 0.6


def _blended(grey: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """RGB 0..255, float [h, w, 3]; places without heat are darkened."""
    base = np.repeat(grey[..., None] * 215, 3, axis=2)
    seen = np.isfinite(heat)[..., None]
    values = np.nan_to_num(heat)
    cover = opacity(values)[..., None]
    return np.where(seen, base * (1 - cover) + colours(values) * cover, base * 0.4)


def _grey(pixels: np.ndarray) -> np.ndarray:
    """Grey values from the 1st to the 99.7th percentile of what is not plain background."""
    inside = pixels[pixels > pixels.min() + 0.02]
    low, high = np.percentile(inside if inside.size else pixels, (1.0, 99.7))
    return np.clip((pixels - min(low, pixels.min() + 0.1)) / max(high - low, 1e-4), 0, 1).astype(np.float32)


def _resized(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The picture at another size; NaN stays where it was, so heat maps are taken at the nearest pixel."""
    method = Image.Resampling.NEAREST if np.isnan(values).any() else Image.Resampling.BOX
    method = Image.Resampling.BILINEAR if method is Image.Resampling.BOX and size[0] > values.shape[1] else method
    return np.asarray(Image.fromarray(values.astype(np.float32)).resize(size, method))


def _scaled(box: Box, zoom: float) -> tuple[int, int, int, int]:
    return round(box.x0 * zoom), round(box.y0 * zoom), round(box.x1 * zoom) - 1, round(box.y1 * zoom) - 1


def _thin(draw: Drawing, box: tuple[int, int, int, int], colour: tuple[int, int, int]) -> None:
    """A thin line with a dark one on both sides, so that it is seen on white as on black."""
    x0, y0, x1, y1 = box
    for grow, ink in ((1, PAGE), (-1, PAGE), (0, colour)):
        if x1 + grow >= x0 - grow and y1 + grow >= y0 - grow:
            draw.rectangle((x0 - grow, y0 - grow, x1 + grow, y1 + grow), outline=ink)


def _dashed(draw: Drawing, box: tuple[int, int, int, int], colour: tuple[int, int, int], dash: int = 9) -> None:
    x0, y0, x1, y1 = box
    for ink, grow in ((PAGE, 1), (colour, 0)):
        for x in range(x0, x1 + 1, 2 * dash):
            for y in (y0, y1):
                draw.rectangle((x - grow, y - grow, min(x + dash, x1) + grow, y + grow), fill=ink)
        for y in range(y0, y1 + 1, 2 * dash):
            for x in (x0, x1):
                draw.rectangle((x - grow, y - grow, x + grow, min(y + dash, y1) + grow), fill=ink)


def _page(shown: Image.Image, grounding: Grounding, caption: Caption, given: Box | None) -> bytes:
    """The picture with the scale beside it and the caption below, on a dark page."""
    large, small = ImageFont.load_default(21), ImageFont.load_default(15)
    width = 2 * MARGIN + shown.width + SCALE_WIDTH
    lines = [(line, large, INK) for line in _wrapped(f"“{grounding.phrase}”", large, width - 2 * MARGIN)]
    lines += [(line, small, INK) for line in _wrapped(caption.figures, small, width - 2 * MARGIN)]
    lines += [(line, small, FAINT) for line in _wrapped(caption.about, small, width - 2 * MARGIN)]
    heights = [30 if font is large else 22 for _, font, _ in lines]
    page = Image.new("RGB", (width, 2 * MARGIN + shown.height + 40 + sum(heights)), PAGE)
    page.paste(shown, (MARGIN, MARGIN))
    draw = ImageDraw.Draw(page)
    _scale(page, draw, (MARGIN + shown.width + 22, MARGIN, shown.height), grounding.heat, small)
    top = MARGIN + shown.height + 12
    _legend(draw, (MARGIN, top), grounding, given, small)
    top += 28
    for (text, font, ink), high in zip(lines, heights, strict=True):
        draw.text((MARGIN, top), text, fill=ink, font=font)
        top += high
    stream = io.BytesIO()
    page.save(stream, "PNG")
    return stream.getvalue()


def _scale(page: Image.Image, draw: Drawing, place: tuple[int, int, int], heat: np.ndarray, font: Font) -> None:
    """The colour scale from 1 at the top to -1, with marks at the map's own ends."""
    left, top, room = place
    high = min(room - 30, 360)
    values = np.linspace(1, -1, high)
    cover = opacity(values)[:, None]
    column = colours(values) * cover + 60.0 * (1 - cover)
    page.paste(Image.fromarray(np.repeat(column[:, None], 16, axis=1).astype("u1")), (left, top + 24))
    draw.text((left, top), "cosine", fill=FAINT, font=font)
    for value in (1.0, 0.5, 0.0, -0.5, -1.0):
        y = top + 24 + round((1 - value) / 2 * (high - 1))
        draw.line((left + 16, y, left + 21, y), fill=FAINT)
        draw.text((left + 26, y), f"{value:+.1f}" if value else "0", fill=INK, font=font, anchor="lm")
    if np.isfinite(heat).any():
        for value in (np.nanmax(heat), np.nanmin(heat)):
            y = top + 24 + round((1 - float(np.clip(value, -1, 1))) / 2 * (high - 1))
            draw.polygon([(left - 1, y), (left - 8, y - 5), (left - 8, y + 5)], fill=INK)


def _legend(draw: Drawing, place: tuple[int, int], grounding: Grounding, given: Box | None, font: Font) -> None:
    """What the lines mean, in one row."""
    x, y = place
    if grounding.best is None:
        draw.text((x, y), "no best place: the map is flat", fill=FAINT, font=font)
    else:
        draw.rectangle((x, y + 3, x + 20, y + 14), outline=BEST)
        text = f"best place (cosine from {grounding.threshold:.2f} on)"
        draw.text((x + 28, y), text, fill=INK, font=font)
        x += 28 + round(draw.textlength(text, font=font)) + 26
    if given is not None:
        _dashed(draw, (x, y + 3, x + 20, y + 14), GIVEN, dash=4)
        draw.text((x + 28, y), "given box", fill=INK, font=font)


def _wrapped(text: str, font: Font, width: int) -> list[str]:
    """Lines no wider than `width`, broken at spaces; a longer word stands alone."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
