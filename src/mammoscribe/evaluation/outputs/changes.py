"""Pictures that are made worse, or other, in known ways: how much a reader's answers depend on what they should not.

Every change works on the decoded picture in grey values 0 to 1, before the breast is found and normalised, as it would meet a
reader in life.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from mammoscribe.domain.view import Projection, View
from mammoscribe.imaging.picture import Picture

Pixels = NDArray[np.float32]
NOISE, BLUR, DARKER, BRIGHTER, GAMMA, STEEPNESS = 0.02, 0.001, 0.8, 1.25, 0.7, 6.0
"""Spread of the noise in grey values; sigma of the blur as a share of the picture's height; factors of the grey values; power
and steepness of the other ways to show the same picture."""


@dataclass(frozen=True)
class Change:
    """One change of the pictures of an exam.

    Args:
        name: in files. words: what it is, for people.
        pixels: (grey values 0 to 1 [H, W], seed) -> changed ones of the same shape.
        without: a projection that is not read; None reads all views.
    """

    name: str
    words: str
    pixels: Callable[[Pixels, int], Pixels] = lambda pixels, _: pixels
    without: Projection | None = None

    def keeps(self, view: View) -> bool:
        """Whether a view is read at all."""
        return view.projection is not self.without

    def concerns(self, views: Iterable[str]) -> bool:
        """Whether it changes anything of an exam with views of these names, such as `R_CC`."""
        return self.without is None or any(name.endswith(f"_{self.without}") for name in views)

    def picture(self, view: View, picture: Picture) -> Picture:
        """The changed picture of a view; the same view is always changed in the same way."""
        seed = int.from_bytes(hashlib.sha256(f"{view.source}/{view.frame}".encode()).digest()[:8], "big")
        changed = np.clip(self.pixels(picture.pixels, seed), 0, 1).astype(np.float32, copy=False)
        return replace(picture, pixels=changed)


def _noise(pixels: Pixels, seed: int) -> Pixels:
    return pixels + np.random.default_rng(seed).normal(0, NOISE, pixels.shape).astype(np.float32)


def _blur(pixels: Pixels, _: int) -> Pixels:
    return np.asarray(ndimage.gaussian_filter(pixels, BLUR * pixels.shape[0]), dtype=np.float32)


def _eight_bits(pixels: Pixels, _: int) -> Pixels:
    return np.round(pixels * 255) / np.float32(255)


def _coarser(pixels: Pixels, _: int) -> Pixels:
    """Half the resolution, and back to the stored size, which boxes and labels are in."""
    height, width = pixels.shape
    small = Image.fromarray(pixels).resize((max(1, width // 2), max(1, height // 2)), Image.Resampling.BOX)
    return np.asarray(small.resize((width, height), Image.Resampling.BILINEAR))


def _sigmoid(pixels: Pixels, _: int) -> Pixels:
    """A sigmoid look-up table in place of a straight one, air and brightest tissue kept where they are."""
    ends = 1 / (1 + np.exp(STEEPNESS / 2)), 1 / (1 + np.exp(-STEEPNESS / 2))
    curve = 1 / (1 + np.exp(-STEEPNESS * (pixels - 0.5)))
    return ((curve - ends[0]) / (ends[1] - ends[0])).astype(np.float32)


AS_THEY_ARE = Change("as they are", "as they are")
CHANGES = (
    Change("noise", f"noise with a standard deviation of {NOISE:.0%} of the grey range", _noise),
    Change("blur", f"blurred with a sigma of {BLUR:.1%} of the picture's height", _blur),
    Change("darker", f"grey values times {DARKER:g}", lambda pixels, _: pixels * np.float32(DARKER)),
    Change("brighter", f"grey values times {BRIGHTER:g}, cut off at white", lambda pixels, _: pixels * np.float32(BRIGHTER)),
    Change("8 bits", "rounded to 256 grey values", _eight_bits),
    Change("half resolution", "half as many pixels in each direction", _coarser),
    Change("gamma", f"another window: grey values to the power of {GAMMA:g}", lambda pixels, _: pixels ** np.float32(GAMMA)),
    Change("sigmoid", "another vendor's look-up table: a sigmoid curve", _sigmoid),
    Change("without CC", "the CC views are missing", without=Projection.CC),
    Change("without MLO", "the MLO views are missing", without=Projection.MLO),
)  # fmt: skip
