"""PNG, JPEG, TIFF and PGM pictures: their size, and their grey values 0..1."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from mammoscribe.domain.view import SYNTHETIC_SOURCE, Origin
from mammoscribe.imaging.damage import reason_of
from mammoscribe.imaging.declared import MAX_PIXELS
from mammoscribe.support.errors import InputError

FORMATS = ("PNG", "JPEG", "TIFF", "PPM")
BROKEN = (
    OSError, ValueError, SyntaxError, EOFError, TypeError, KeyError, IndexError, struct.error,
    Image.DecompressionBombError,
)  # fmt: skip
"""What Pillow raises for damaged files; a TIFF whose second page has no size gives a TypeError."""
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """The picture, with every failure of the decoder as one InputError."""
    try:
        with Image.open(path, formats=FORMATS) as picture:
            if (samples := picture.width * picture.height * len(picture.getbands())) > MAX_PIXELS:
                raise InputError(
                    f"{path} has {samples / 1e6:.0f} million pixels", f"at most {MAX_PIXELS / 1e6:.0f}, in all channels"
                )
            yield picture
    except InputError:
        raise
    except BROKEN as error:
        raise InputError(
            f"{path} cannot be decoded as a picture ({reason_of(error)})", "a whole DICOM, PNG, JPEG, TIFF or PGM file"
        ) from error


def is_plain(path: Path) -> bool:
    """Whether the file begins like one of the formats read here."""
    try:
        with Image.open(path, formats=FORMATS):
            return True
    except Image.DecompressionBombError:
        return True  # a picture, and too large a one: who opens it is told so
    except (OSError, ValueError, SyntaxError):
        return False


def plain_size(path: Path) -> tuple[int, int]:
    """(width, height) in pixels, without decoding; an unreadable file raises InputError."""
    with _opened(path) as picture:
        return picture.size


def plain_frames(path: Path) -> int:
    """Number of pages of a TIFF, 1 for other formats."""
    with _opened(path) as picture:
        return int(getattr(picture, "n_frames", 1))


def plain_origin(path: Path) -> Origin:
    """Synthetic where the phantom wrote the PNG file, else acquired; an unreadable file raises InputError."""
    with _opened(path) as picture:
        drawn = picture.format == "PNG" and picture.info.get("Source") == SYNTHETIC_SOURCE
        return Origin.SYNTHETIC if drawn else Origin.ACQUIRED


def stored_array(path: Path) -> np.ndarray:
    """The first page as it is stored, [H, W] or [H, W, channels], unscaled; only a palette is looked up."""
    with _opened(path) as picture:
        picture.load()
        if picture.mode == "P" and picture.palette is not None:
            return np.asarray(picture.convert(picture.palette.mode))
        return np.asarray(picture)


def read_plain(path: Path, frame: int = 0) -> tuple[np.ndarray, tuple[str, ...]]:
    """Grey values float32 [H, W] in 0..1 and the steps taken; an unreadable file raises InputError."""
    with _opened(path) as picture:
        if not 0 <= frame < getattr(picture, "n_frames", 1):
            raise InputError(f"{path} has no frame {frame}", f"0 to {getattr(picture, 'n_frames', 1) - 1}")
        if frame:
            picture.seek(frame)
        white_is_zero = picture.format == "TIFF" and picture.tag_v2.get(262) == 0  # type: ignore[attr-defined]
        picture.load()
        grey, step = _grey(picture)
        if white_is_zero and picture.mode.startswith("I"):  # Pillow turns 8-bit WhiteIsZero round, 16-bit not
            return 1.0 - grey, (step, "inverted (TIFF white is zero)")
        return grey, (step,)


def _grey(picture: Image.Image) -> tuple[np.ndarray, str]:
    if picture.mode == "1":
        picture = picture.convert("L")
    if picture.mode in ("P", "PA", "CMYK", "YCbCr", "LAB", "HSV"):
        picture = picture.convert("RGB")
    if picture.mode in ("L", "LA"):
        return np.asarray(picture.getchannel(0), dtype=np.float32) / np.float32(255), "8 bit"
    if picture.mode in ("RGB", "RGBA", "RGBX"):
        return _luminance(np.asarray(picture, dtype=np.float32)[..., :3] / np.float32(255))
    values = np.asarray(picture)
    if picture.mode.startswith("I;16") or (picture.mode == "I" and values.min() >= 0 and values.max() <= 65535):
        return values.astype(np.float32) / np.float32(65535), "16 bit"
    if not np.isfinite(values).all():
        raise InputError(f"a picture of mode {picture.mode} with values that are not finite")
    low, high = float(values.min()), float(values.max())
    return ((values - low) / max(high - low, 1e-12)).astype(np.float32), f"scaled from {low:g}..{high:g}"


def _luminance(colours: np.ndarray) -> tuple[np.ndarray, str]:
    first = colours[..., 0]
    if np.array_equal(first, colours[..., 1]) and np.array_equal(first, colours[..., 2]):
        return np.ascontiguousarray(first), "8 bit, three equal channels"
    return colours @ _LUMA, "colours taken as luminance"
