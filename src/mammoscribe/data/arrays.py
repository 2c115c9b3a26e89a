"""An exam of NumPy arrays, for programs that have pixels already: views without files, and the function that gives their pixels."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from mammoscribe.data.naming import parse_view
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.view import Role, SpacingSource, View, standard_view_id
from mammoscribe.imaging.air import with_dark_air
from mammoscribe.imaging.declared import MAX_PIXELS
from mammoscribe.imaging.picture import Picture
from mammoscribe.support.errors import InputError, InvalidNoun

Spacing = float | tuple[float, float]
"""Millimetres between pixel centres in the breast: one number, or (row, column)."""


@dataclass(frozen=True)
class ArrayExam:
    """An exam whose pixels are arrays: `read_exam(arrays.exam, reader, decode=arrays.decode)`.

    Args:
        exam: its views name no files.
        arrays: [H, W] by view id.
    """

    exam: Exam
    arrays: Mapping[str, np.ndarray] = field(repr=False)

    def decode(self, view: View) -> Picture:
        """The pixels of one of its views, by their own minimum and maximum to 0..1."""
        pixels = self.arrays[view.id]
        low, high = float(pixels.min()), float(pixels.max())
        grey = ((pixels.astype(np.float32) - np.float32(low)) / np.float32(max(high - low, 1e-12))).astype(np.float32)
        steps = (f"array, {low:g}..{high:g} to 0..1",)
        return with_dark_air(Picture(grey, view.spacing_mm, view.spacing_source, steps))


def exam_of_arrays(
    arrays: Mapping[str, np.ndarray], priors: Mapping[str, np.ndarray] = {}, spacing_mm: Spacing | None = None,
    exam_id: str = "arrays", patient_id: str | None = None,
) -> ArrayExam:  # fmt: skip
    """An exam of arrays.

    Args:
        arrays: name of the view (`RCC`, `left-mlo`, ...) -> whole numbers or floats [H, W] of any range, bright = dense, as a
            reader is shown them: with rescale and VOI applied, and MONOCHROME1 inverted.
        priors: the same of an earlier exam.
        spacing_mm: of all of them; without it lengths are not known and calcifications are not searched.
        exam_id, patient_id: as in `Exam`.

    Raises:
        InputError: for an array that is no picture, a name that is no view, or two names of one view.
    """
    spacing = (spacing_mm, spacing_mm) if isinstance(spacing_mm, (int, float)) else spacing_mm
    found: dict[str, np.ndarray] = {}
    views: list[View] = []
    for role, given in ((Role.CURRENT, arrays), (Role.PRIOR, priors)):
        for name, pixels in given.items():
            side, projection = parse_view(name)
            view_id, pixels = standard_view_id(side, projection, role), _checked(name, np.asarray(pixels))
            source = SpacingSource.DECLARED if spacing else SpacingSource.ASSUMED
            height, width = pixels.shape
            try:
                view = View(view_id, side, projection, width, height, f"array {name}", role, spacing, source)
            except InvalidNoun as error:
                raise InputError(f"array {name}: {error.found}", error.expected, error.do) from error
            if view_id in found:
                raise InputError(f"two arrays are the {role} {view.name} view", "one")
            found[view_id] = pixels
            views.append(view)
    if not arrays:
        raise InputError("no array was given", "at least one view, as {'RCC': pixels}")
    return ArrayExam(Exam(exam_id, tuple(views), patient_id), found)


def _checked(name: str, pixels: np.ndarray) -> np.ndarray:
    if pixels.ndim != 2 or pixels.dtype.kind not in "iufb":
        raise InputError(f"array {name} is {pixels.dtype} {list(pixels.shape)}", "numbers [H, W]")
    if pixels.size > MAX_PIXELS:
        raise InputError(f"array {name} has {pixels.size / 1e6:.0f} million pixels", f"at most {MAX_PIXELS / 1e6:.0f}")
    if not np.isfinite(pixels).all():
        raise InputError(f"array {name} holds values that are not finite", "finite values")
    return pixels
