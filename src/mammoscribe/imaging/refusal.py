"""Recognising what is not a standard mammography view, and saying in a few words what it is."""

import re

from pydicom import Dataset
from pydicom.uid import UID

from mammoscribe.imaging.mgcodes import OTHER_POSITIONS, OTHER_VIEWS, PROJECTIONS, REFUSED_MODIFIERS
from mammoscribe.imaging.spacing import magnification
from mammoscribe.support.words import with_article

MG_CLASSES = frozenset({"1.2.840.10008.5.1.4.1.1.1.2", "1.2.840.10008.5.1.4.1.1.1.2.1"})
"""Digital Mammography X-Ray Image Storage, for presentation and for processing."""

_TOMO_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.13.1.3": "a breast tomosynthesis volume",
    "1.2.840.10008.5.1.4.1.1.13.1.4": "a set of breast projection images",
    "1.2.840.10008.5.1.4.1.1.13.1.5": "a set of breast projection images",
}
_CARRIER_CLASSES = frozenset(
    {
        "1.2.840.10008.5.1.4.1.1.7",  # Secondary Capture: digitised film
        "1.2.840.10008.5.1.4.1.1.7.2",
        "1.2.840.10008.5.1.4.1.1.7.3",
        "1.2.840.10008.5.1.4.1.1.1",  # Computed Radiography
        "1.2.840.10008.5.1.4.1.1.1.1",  # Digital X-Ray, for presentation and for processing
        "1.2.840.10008.5.1.4.1.1.1.1.1",
    }
)
"""Classes in which mammograms are also found, when Modality says MG."""

MAX_CONTACT_MAGNIFICATION = 1.3
"""Contact geometry magnifies by up to about 1.1; magnification stands begin at about 1.5."""

_INTERVENTION = re.compile(r"SPECIMEN|BIOPSY|STEREO|WIRE LOC|GALACTO|DUCTOGRA", re.IGNORECASE)
_SPOT = re.compile(r"SPOT|\bMAG\b|MAGNIF|^MAG_", re.IGNORECASE)


def refusal(header: Dataset) -> str:
    """What the object is when it is not a CC or MLO view of a breast ("a spot compression view"), else ""."""
    return _wrong_object(header) or _wrong_technique(header) or _wrong_view(header)


def _wrong_object(header: Dataset) -> str:
    sop_class, modality = str(header.get("SOPClassUID", "")), str(header.get("Modality", "")).upper()
    if sop_class in _TOMO_CLASSES:
        return _TOMO_CLASSES[sop_class]
    if sop_class not in MG_CLASSES and not (modality == "MG" and sop_class in _CARRIER_CLASSES):
        return with_article(_class_name(sop_class) or modality or "unknown") + _body(header)
    if not (header.get("Rows") and header.get("Columns")):
        return "an object without pixels"
    if int(header.get("NumberOfFrames") or 1) > 1:
        return f"a multi-frame image ({header.NumberOfFrames} frames, as tomosynthesis is stored)"
    body = str(header.get("BodyPartExamined", "")).upper()
    if body and "BREAST" not in body and body != "MAMMA":
        return f"an image of the {body.lower()}"
    return ""


def _wrong_technique(header: Dataset) -> str:
    image_type = {str(v).upper() for v in header.get("ImageType") or []}
    if any("SUBTRACT" in v or "RECOMBINED" in v for v in image_type):
        return "a subtracted contrast-enhanced image"
    texts = " ".join(str(header.get(k, "")) for k in ("SeriesDescription", "ProtocolName", "AcquisitionProtocolName"))
    if match := _INTERVENTION.search(f"{texts} {' '.join(sorted(image_type))}"):
        return f"an image of an intervention or specimen ({match.group(0).lower()})"
    if str(header.get("PositionerType", "")).upper() in ("STEREOTACTIC", "STEREO"):
        return "a stereotactic biopsy image"
    if header.get("SpecimenDescriptionSequence"):
        return "a tissue specimen"
    if (factor := magnification(header)) > MAX_CONTACT_MAGNIFICATION:
        return f"a magnification view (factor {factor:g})"
    if _SPOT.search(str(header.get("PaddleDescription", ""))):
        return f"a spot or magnification view (paddle {header.PaddleDescription})"
    return ""


def _wrong_view(header: Dataset) -> str:
    items = list(header.get("ViewCodeSequence") or [])
    modifiers = [m for item in items for m in item.get("ViewModifierCodeSequence") or []]
    modifiers += list(header.get("ViewModifierCodeSequence") or [])
    for modifier in modifiers:
        if refused := REFUSED_MODIFIERS.get(str(modifier.get("CodeValue", ""))):
            return refused
    values = [str(item.get("CodeValue", "")) for item in items]
    for value in values:
        if value in OTHER_VIEWS:
            return OTHER_VIEWS[value]
    if any(v in PROJECTIONS for v in values):
        return ""
    return OTHER_POSITIONS.get(str(header.get("ViewPosition", "")).strip().upper(), "")


def _class_name(sop_class: str) -> str:
    name = UID(sop_class).name if sop_class else ""
    return re.sub(r" (Image )?Storage.*$", "", name) if name and name != sop_class else ""


def _body(header: Dataset) -> str:
    if not header.get("Rows"):
        return " document" if str(header.get("Modality", "")) == "SR" else " object"
    body = str(header.get("BodyPartExamined", "")).strip().lower()
    return f" image of the {body}" if body else " image"
