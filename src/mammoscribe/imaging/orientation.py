"""Patient Orientation of a DICOM header (PS3.3 C.7.6.1.1.1): what it says about laterality and the chest wall's side."""

from pydicom import Dataset

from mammoscribe.domain.view import Laterality


def patient_orientation(header: Dataset) -> tuple[str, str]:
    """Patient directions of increasing column and row index, or two empty strings."""
    value = header.get("PatientOrientation")
    if value is None or isinstance(value, str) or len(value) != 2:
        return "", ""
    return str(value[0]).upper(), str(value[1]).upper()


def chest_side(header: Dataset) -> bool | None:
    """Whether the chest wall is on the left of the stored picture: rows run anterior from it, posterior towards it."""
    across = patient_orientation(header)[0]
    return {"A": True, "P": False}.get(across[:1])


def oblique_side(header: Dataset) -> str:
    """R or L of an oblique view, or "": the foot-left axis crosses a right breast, foot-right a left one."""
    down = patient_orientation(header)[1]
    return {"FL": "R", "LF": "R", "HR": "R", "RH": "R", "FR": "L", "RF": "L", "HL": "L", "LH": "L"}.get(down, "")


def hung_side(header: Dataset) -> Laterality | None:
    """Laterality of a CC view by the hanging convention (lateral side on top)."""
    return {"L": Laterality.RIGHT, "R": Laterality.LEFT}.get(patient_orientation(header)[1])
