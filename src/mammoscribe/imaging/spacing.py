"""Pixel spacing in the breast from a DICOM header (PS3.3 10.7.1.3, C.8.11.7)."""

from pydicom import Dataset

from mammoscribe.domain.view import SpacingSource
from mammoscribe.imaging.damage import worded
from mammoscribe.imaging.voi import element_numbers, element_texts

ASSUMED_FIELD_HEIGHT_MM = 260.0
"""Height given to a picture of unknown spacing: between the two usual detector heights, 240 and 290 mm."""
MIN_MM = 0.01
PLACEHOLDER_MM = 1.0
"""From here on a spacing is what software writes that knows none: the coarsest detector has 0.2 mm."""
MAX_FIELD_MM = 600.0
"""No picture of a breast is larger; the largest detectors are 240 x 300 mm, film scans with their border 300 x 400."""
CONTACT_MAGNIFICATION = 1.3
"""Contact geometry magnifies by up to about 1.1; magnification stands begin at about 1.5."""
_STAND = 1.5  # the skin is nearer to the source than the support, by a thick breast's tenth of the way
_MOST_BY_DISTANCE = 3.0  # beyond it one of the distances is in another unit


def assumed_spacing(width_px: int, height_px: int, height_to_width: float) -> tuple[float, float]:
    """(row, column) mm of a picture of unknown spacing that had this height : width before it was stretched."""
    row = ASSUMED_FIELD_HEIGHT_MM / height_px
    return row, ASSUMED_FIELD_HEIGHT_MM / height_to_width / width_px


def chosen_spacing(
    size_px: tuple[int, int],
    declared_mm: tuple[float, float] | None,
    height_to_width: float | None,
    in_file: tuple[float, float] | None,
) -> tuple[tuple[float, float] | None, SpacingSource]:
    """((row, column) mm or None, where it is from): what a person or a dataset declares goes before the file.

    Args:
        size_px: (width, height).
        declared_mm: spacing that was declared.
        height_to_width: shape that was declared, of a picture of unknown spacing.
        in_file: spacing that the file states.
    """
    if height_to_width is not None:
        return assumed_spacing(*size_px, height_to_width), SpacingSource.ASSUMED
    if declared_mm is not None:
        return declared_mm, SpacingSource.DECLARED
    return in_file, SpacingSource.HEADER if in_file else SpacingSource.ASSUMED


def header_spacing(header: Dataset) -> tuple[tuple[float, float] | None, str]:
    """((row, column) mm in the breast or None, a warning or "").

    A calibrated Pixel Spacing comes first, and one that differs from Imager Pixel Spacing, which means the same
    (PS3.3 10.7.1.3); then Imager Pixel Spacing divided by the radiographic magnification; then plain Pixel Spacing and
    Nominal Scanned Pixel Spacing (digitised film). A value of 1 mm or more, or one with which the picture would be larger
    than any breast, is a placeholder; neither it nor a text that is no pair of numbers is used.
    """
    names = ["ImagerPixelSpacing", "PixelSpacing", "NominalScannedPixelSpacing"]
    if header.get("PixelSpacingCalibrationType") or _corrected(header):
        names.insert(0, "PixelSpacing")
    warning = ""
    for name in names:
        pair = _pair(header, name)
        if pair is None:
            if texts := element_texts(header, name):
                warning = (
                    f"{name} {worded(' x '.join(texts), 40)!r} in the header is not used: it is no pair of numbers"
                )
            continue
        factor = magnification(header) if name == "ImagerPixelSpacing" else 1.0
        scaled = pair[0] / factor, pair[1] / factor
        if _sensible(header, scaled):
            return scaled, warning
        warning = f"{name} of {pair[0]:g} x {pair[1]:g} mm in the header is not used: no detector has such pixels"
    return None, warning


def _corrected(header: Dataset) -> bool:
    """Whether Pixel Spacing was corrected for magnification, or belongs to a resampled picture."""
    plain, imager = _pair(header, "PixelSpacing"), _pair(header, "ImagerPixelSpacing")
    return (
        plain is not None
        and imager is not None
        and any(abs(a / b - 1) > 1e-3 for a, b in zip(plain, imager, strict=True) if b > 0)
    )


def _sensible(header: Dataset, pair: tuple[float, float]) -> bool:
    sides = (pair[0] * int(header.get("Rows") or 0), pair[1] * int(header.get("Columns") or 0))
    return all(MIN_MM <= v < PLACEHOLDER_MM for v in pair) and max(sides) <= MAX_FIELD_MM


def magnification(header: Dataset) -> float:
    """How much larger the breast is on the detector than in reality, 1 when nothing sensible says so.

    Estimated Radiographic Magnification Factor; without it, or where the distances of the source from detector and patient
    tell of a magnification stand, those: a factor of 1 is a default that some machines never change.
    """
    factor = _number(header, "EstimatedRadiographicMagnificationFactor")
    factor = factor if factor is not None and 1.0 <= factor <= 10.0 else None
    by_distance = _by_distance(header)
    return by_distance if factor is None or by_distance > CONTACT_MAGNIFICATION >= factor else factor


def _by_distance(header: Dataset) -> float:
    """The distance of the detector over that of the patient's support, or of the entrance of the skin on a stand."""
    detector = _number(header, "DistanceSourceToDetector")
    for name, least in (("DistanceSourceToPatient", 1.0), ("DistanceSourceToEntrance", _STAND)):
        distance = _number(header, name)
        if detector and distance and distance > 0 and least <= detector / distance <= _MOST_BY_DISTANCE:
            return detector / distance
    return 1.0


def _number(header: Dataset, name: str) -> float | None:
    try:
        found = element_numbers(header, name)
    except ValueError:
        return None
    return found[0] if len(found) == 1 else None


def _pair(header: Dataset, name: str) -> tuple[float, float] | None:
    try:
        found = element_numbers(header, name)
    except ValueError:
        return None
    return (found[0], found[1]) if len(found) == 2 else None
