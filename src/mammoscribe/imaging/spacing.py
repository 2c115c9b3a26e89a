"""Pixel spacing in the breast from a DICOM header (PS3.3 10.7.1.3, C.8.11.7)."""

from pydicom import Dataset

MIN_MM, MAX_MM = 0.01, 2.0


def header_spacing(header: Dataset) -> tuple[tuple[float, float] | None, str]:
    """((row, column) mm in the breast or None, a warning or "").

    A calibrated Pixel Spacing comes first; then Imager Pixel Spacing divided by the radiographic magnification;
    then plain Pixel Spacing and Nominal Scanned Pixel Spacing (digitised film). Values outside 0.01..2 mm are not used.
    """
    calibrated = bool(header.get("PixelSpacingCalibrationType"))
    names = ["ImagerPixelSpacing", "PixelSpacing", "NominalScannedPixelSpacing"]
    if calibrated:
        names.insert(0, "PixelSpacing")
    warning = ""
    for name in names:
        pair = _pair(header, name)
        if pair is None:
            continue
        scaled = tuple(v / magnification(header) for v in pair) if name == "ImagerPixelSpacing" else pair
        if all(MIN_MM <= v <= MAX_MM for v in scaled):
            return (scaled[0], scaled[1]), ""
        warning = f"{name} of {pair[0]:g} x {pair[1]:g} mm is not used"
    return None, warning


def magnification(header: Dataset) -> float:
    """Estimated Radiographic Magnification Factor, 1 when absent or not a sensible number."""
    try:
        factor = float(header.get("EstimatedRadiographicMagnificationFactor") or 1.0)
    except (TypeError, ValueError):
        return 1.0
    return factor if 1.0 <= factor <= 10.0 else 1.0


def _pair(header: Dataset, name: str) -> tuple[float, float] | None:
    value = header.get(name)
    try:
        row, column = (float(v) for v in value or [])
    except (TypeError, ValueError):
        return None
    return row, column
