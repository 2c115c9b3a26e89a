"""Pictures as other programs open them: 8-bit PNG or JPEG, copied where they are that already, else drawn as on a display."""

import io
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from mammoscribe.data.records import ListedImage, ListedView
from mammoscribe.domain.view import Box
from mammoscribe.imaging.decode import Picture, decode
from mammoscribe.imaging.mask import find_breast
from mammoscribe.imaging.plain import FORMATS
from mammoscribe.support.errors import InputError
from mammoscribe.support.files import write_bytes

DARKEST, BRIGHTEST = 2.0, 99.7
"""Percentiles of the breast's box that become black and white: those of the page of a report (exports/display.py)."""
_COPIED = {"PNG": (".png",), "JPEG": (".jpg", ".jpeg")}
_SUFFIX = re.compile(r"\.(dcm|dicom|ima|png|jpe?g|tiff?|pgm|pnm|ppm|bmp)$", re.IGNORECASE)
_ORIENTATION = 274  # EXIF tag; some programs turn the picture by it and others do not


@dataclass(frozen=True)
class ReadyPicture:
    """A picture that was decoded, so that it is known to open.

    Args:
        name: wanted path in the new folder, with its suffix.
        width_px, height_px: of the stored array, which is also that of the new file.
        spacing_mm: (row, column) of its pixels, None when unknown.
        source: the file, when its bytes can be copied.
        grey: uint8 [H, W], or [H, W, 3] of a colour picture, when it is written anew.
    """

    name: str
    width_px: int
    height_px: int
    spacing_mm: tuple[float, float] | None
    source: Path | None = None
    grey: np.ndarray | None = None

    def write(self, target: Path) -> None:
        """Write it, whole or not at all."""
        write_bytes(target, self.source.read_bytes() if self.source is not None else png_bytes(self.grey))


def png_bytes(grey: np.ndarray | None) -> bytes:
    """A uint8 [H, W] array as a PNG file."""
    assert grey is not None
    stream = io.BytesIO()
    Image.fromarray(grey).save(stream, "PNG", compress_level=3)  # a mammogram in 0.4 s instead of 2 s, 8 % larger
    return stream.getvalue()


def ready_picture(image: ListedView | ListedImage, root: Path, pixels_only: bool = False) -> ReadyPicture:
    """Decode one picture of a record and decide whether its file can be copied.

    Args:
        image: the picture.
        root: folder that its path starts from.
        pixels_only: take the pixels of a file that could be copied, without what else it holds (EXIF, comments).

    Raises:
        InputError: without a file, or when it cannot be decoded.
    """
    path, listed = _file_of(image, root)
    picture = decode(path, getattr(image, "frame", 0))
    facts = picture.width_px, picture.height_px, getattr(image, "spacing_mm", None) or picture.spacing_mm
    suffixes = _COPIED.get(_plain_format(path) or "", ())
    if suffixes:
        if pixels_only:
            return ReadyPicture(_SUFFIX.sub("", listed) + ".png", *facts, grey=_stored(path))
        name = listed if listed.lower().endswith(suffixes) else _SUFFIX.sub("", listed) + suffixes[0]
        return ReadyPicture(name, *facts, source=path)
    return ReadyPicture(_SUFFIX.sub("", listed) + ".png", *facts, grey=_eight_bits(image, path, picture))


def drawn_picture(image: ListedView | ListedImage, root: Path) -> tuple[np.ndarray, float | None]:
    """The picture as a display shows it, uint8 [H, W], and its pixel spacing in mm, None when unknown or not square."""
    path, _ = _file_of(image, root)
    picture = decode(path, getattr(image, "frame", 0))
    spacing = getattr(image, "spacing_mm", None) or picture.spacing_mm
    square = spacing[1] if spacing is not None and abs(spacing[0] / spacing[1] - 1) < 0.01 else None
    return _eight_bits(image, path, picture), square


def _stored(path: Path) -> np.ndarray:
    """The pixels of an 8-bit PNG or JPEG as they are, uint8 [H, W] or [H, W, 3]."""
    with Image.open(path, formats=FORMATS) as opened:
        return np.asarray(opened)


def _file_of(image: ListedView | ListedImage, root: Path) -> tuple[Path, str]:
    if image.path is None:
        raise InputError("a picture without a file", "the pictures beside the tables")
    return root / image.path, image.path


def _plain_format(path: Path) -> str | None:
    """`PNG` or `JPEG` for an 8-bit grey or colour picture that every program shows alike; else None."""
    try:
        with Image.open(path, formats=FORMATS) as opened:
            turned = opened.getexif().get(_ORIENTATION, 1) != 1
            alike = opened.mode in ("L", "RGB") and getattr(opened, "n_frames", 1) == 1 and not turned
            return opened.format if alike else None
    except (OSError, ValueError, SyntaxError):  # a DICOM: `decode` has opened it
        return None


def _eight_bits(image: ListedView | ListedImage, path: Path, picture: Picture) -> np.ndarray:
    """Mammograms windowed inside the breast's box; others as they decode, windowed where a plain file has more bits."""
    if isinstance(image, ListedView):
        return windowed(picture.pixels, breast_box(picture.pixels))
    if _many_bits(path):
        return windowed(picture.pixels, None)
    return np.clip(np.rint(picture.pixels * 255), 0, 255).astype(np.uint8)


def _many_bits(path: Path) -> bool:
    """Whether it is a plain file with more than 8 bits, and so without a window."""
    try:
        with Image.open(path, formats=FORMATS) as opened:
            return opened.mode.startswith(("I", "F"))
    except (OSError, ValueError, SyntaxError):
        return False


def windowed(pixels: np.ndarray, box: Box | None) -> np.ndarray:
    """float32 [H, W] as uint8: from the 2nd to the 99.7th percentile inside the box; a flat picture keeps its grey."""
    height, width = pixels.shape
    box = box or Box(0, 0, width, height)
    inside = pixels[int(box.y0) : int(np.ceil(box.y1)) : 4, int(box.x0) : int(np.ceil(box.x1)) : 4]
    low, high = (float(v) for v in np.percentile(inside, (DARKEST, BRIGHTEST)))
    if high - low < 1e-4:
        low, high = 0.0, 1.0
    return np.clip(np.rint((pixels - low) / (high - low) * 255), 0, 255).astype(np.uint8)


def breast_box(pixels: np.ndarray) -> Box | None:
    """The box of the breast in stored pixels, None when the picture shows none.

    Shapes: pixels [H, W].
    """
    outline = find_breast(pixels)
    rows, columns = np.nonzero(outline.mask.any(axis=1))[0], np.nonzero(outline.mask.any(axis=0))[0]
    if not rows.size:
        return None
    edges = [v * outline.factor for v in (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)]
    return Box(*map(float, edges)).clipped(pixels.shape[1], pixels.shape[0])


class PictureFolder:
    """Puts the pictures of records into one folder, each under a name that no other has, the same in every run.

    Args:
        root: folder that the paths of the records start from.
        folder: where the pictures go; None to name the dataset's own files instead.
        flat: whether the folder has no sub-folders.
        pixels_only: whether nothing but pixels is written: what else a PNG or JPEG holds may name a patient.

    Raises:
        InputError: when the folder is the dataset's own, where pictures would be written over.
    """

    def __init__(self, root: Path, folder: Path | None, flat: bool = False, pixels_only: bool = False) -> None:
        if folder is not None and folder.resolve() == root.resolve():
            raise InputError(f"{folder} is the dataset's own folder", "another one to write pictures into")
        self._root, self._folder, self._flat = root, folder, flat
        self._pixels_only = pixels_only and folder is not None
        self._names: dict[tuple[str, int], str] = {}
        self._taken: set[str] = set()

    def add(self, images: Sequence[ListedView | ListedImage]) -> list[ListedView | ListedImage]:
        """The pictures as they are in the folder, with the spacing from a DICOM header.

        None is written when one of them cannot be decoded.

        Raises:
            InputError: for a picture that cannot be decoded, or that would have to be drawn anew where none is written.
        """
        ready = [self.ready(image) for image in images]
        names = [self.put(image, picture) for image, picture in zip(images, ready, strict=True)]
        if self._folder is None:
            return list(images)
        return [_in_folder(*each) for each in zip(images, names, ready, strict=True)]

    def ready(self, image: ListedView | ListedImage) -> ReadyPicture:
        """The picture, decoded; InputError as `ready_picture`."""
        return ready_picture(image, self._root, self._pixels_only)

    def add_drawing(self, wanted: str, grey: np.ndarray) -> str:
        """Write a picture that was made here, uint8 [H, W]; gives its name."""
        assert self._folder is not None
        name = self._free(wanted)
        write_bytes(self._folder / name, png_bytes(grey))
        return name

    def put(self, image: ListedView | ListedImage, picture: ReadyPicture) -> str:
        """The name of a decoded picture in the folder; it is written where it was not before."""
        if self._folder is None:
            if picture.source is None:
                raise InputError(
                    f"{image.path} is no 8-bit PNG or JPEG as it is", "one, where no pictures are written",
                    "leave --no-png out",
                )  # fmt: skip
            return image.path or ""
        key = (image.path or "", getattr(image, "frame", 0))
        if key not in self._names:
            self._names[key] = self._free(picture.name)
            picture.write(self._folder / self._names[key])
        return self._names[key]

    def _free(self, wanted: str) -> str:
        """`wanted`, or with a number where another picture has that name on some file system.

        In a flat folder the names differ before their suffix, as a text file with that name goes with each.
        """
        whole = PurePosixPath(wanted.replace("/", "_") if self._flat else wanted)
        number, name = 1, whole
        while (key := _folded(name.with_suffix("") if self._flat else name)) in self._taken:
            number += 1
            name = whole.with_name(f"{whole.stem}-{number}{whole.suffix}")
        self._taken.add(key)
        return str(name)


def _in_folder(image: ListedView | ListedImage, name: str, ready: ReadyPicture) -> ListedView | ListedImage:
    if isinstance(image, ListedImage):
        return replace(image, path=name)
    return replace(image, path=name, frame=0, spacing_mm=ready.spacing_mm)


def _folded(name: PurePosixPath) -> str:
    """The name as a file system that minds neither case nor the form of accents compares it."""
    return unicodedata.normalize("NFC", str(name)).casefold()
