"""Recognising what is not a standard mammography view, and saying in a few words what it is."""

import re

from pydicom import Dataset
from pydicom.uid import UID

from mammoscribe.domain.view import Projection
from mammoscribe.imaging.header_words import position_of
from mammoscribe.imaging.mgcodes import OTHER_POSITIONS, OTHER_VIEWS, PROJECTIONS, REFUSED_MODIFIERS
from mammoscribe.imaging.remarks import image_type, is_generated
from mammoscribe.imaging.spacing import CONTACT_MAGNIFICATION, magnification
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
"""Classes in which mammograms are also found, when Modality says MG, or when the user names the view."""

_RADIOGRAPHS = frozenset({"", "MG", "CR", "DX", "RG", "SC", "OT", "XA", "RF"})
"""Modalities that digitised films and secondary captures of mammograms carry; DDSM's files say RG."""

_INTERVENTION = re.compile(r"SPECIMEN|BIOPSY|STEREO|WIRE LOC|GALACTO|DUCTOGRA", re.IGNORECASE)
_TOMO = re.compile(r"TOMO|(?<![A-Z])DBT(?![A-Z])", re.IGNORECASE)
_IS_2D = re.compile(r"2 ?D", re.IGNORECASE)
"""`TOMO_2D` and the like are the 2D views of an exam that has slices too."""
_TOMO_PROJECTION = re.compile(r"PROJ", re.IGNORECASE)
_SPOT = re.compile(r"SPOT|(?<![A-Z])MAG(?![A-Z])|MAGNIF", re.IGNORECASE)


def refusal(header: Dataset, named: bool = False) -> str:
    """What the object is when it is not a CC or MLO view of a breast ("a spot compression view"), else "".

    Args:
        header: the data set, without its pixels or with them.
        named: whether the user says which view it is: then a film or capture of a breast passes, whatever its modality.
    """
    return _wrong_object(header, named) or _wrong_technique(header) or _wrong_view(header)


def _wrong_object(header: Dataset, named: bool) -> str:
    sop_class, modality = str(header.get("SOPClassUID", "")), str(header.get("Modality", "")).upper()
    if sop_class in _TOMO_CLASSES and not _single_view(header):
        return _TOMO_CLASSES[sop_class]
    carries = sop_class in _CARRIER_CLASSES and modality in (_RADIOGRAPHS if named else ("MG",))
    if sop_class not in (*MG_CLASSES, *_TOMO_CLASSES) and not carries:
        return with_article(_class_name(sop_class) or modality or "DICOM") + _body(header)
    if not (header.get("Rows") and header.get("Columns")):
        return "an object without pixels"
    if int(header.get("NumberOfFrames") or 1) > 1:
        return f"a multi-frame image ({header.NumberOfFrames} frames, as tomosynthesis is stored)"
    body = str(header.get("BodyPartExamined", "")).upper()
    if body and "BREAST" not in body and body != "MAMMA":
        return f"an image of the {body.lower()}"
    return ""


def _single_view(header: Dataset) -> bool:
    """Whether an object of a tomosynthesis class holds one 2D view synthesised from it."""
    return is_generated(header) and int(header.get("NumberOfFrames") or 1) == 1


def _wrong_technique(header: Dataset) -> str:
    kinds = image_type(header)
    if any("SUBTRACT" in v or "RECOMBINED" in v for v in kinds):
        return "a subtracted contrast-enhanced image"
    texts = " ".join(str(header.get(k, "")) for k in ("SeriesDescription", "ProtocolName", "AcquisitionProtocolName"))
    if match := _INTERVENTION.search(f"{texts} {' '.join(sorted(kinds))}"):
        return f"an image of an intervention or specimen ({match.group(0).lower()})"
    if str(header.get("PositionerType", "")).upper() in ("STEREOTACTIC", "STEREO"):
        return "a stereotactic biopsy image"
    if header.get("SpecimenDescriptionSequence"):
        return "a tissue specimen"
    if tomosynthesis := _tomosynthesis(header):
        return tomosynthesis
    if (factor := magnification(header)) > CONTACT_MAGNIFICATION:
        return f"a magnification view (factor {factor:.3g})"
    for name, keyword in (("paddle", "PaddleDescription"), ("series", "SeriesDescription")):
        if _SPOT.search(text := str(header.get(keyword, ""))):
            return f"a spot or magnification view ({name} {text})"
    return ""


def _tomosynthesis(header: Dataset) -> str:
    """A slice or projection that is stored as a single picture; a 2D view synthesised from them is a view."""
    if is_generated(header):
        return ""
    series = str(header.get("SeriesDescription", ""))
    values = [v for v in (*image_type(header), series) if _TOMO.search(v) and not _IS_2D.search(v)]
    if not values and header.get("TomoLayerHeight") in (None, ""):
        return ""
    return f"a tomosynthesis {'projection' if any(map(_TOMO_PROJECTION.search, values)) else 'slice'}"


def _wrong_view(header: Dataset) -> str:
    items = list(header.get("ViewCodeSequence") or [])
    modifiers = [m for item in items for m in item.get("ViewModifierCodeSequence") or []]
    modifiers += list(header.get("ViewModifierCodeSequence") or [])
    for modifier in modifiers:
        if refused := REFUSED_MODIFIERS.get(str(modifier.get("CodeValue", ""))):
            return refused
    values = [str(item.get("CodeValue", "")) for item in items]
    position = position_of(header)
    if _SPOT.search(position.text):
        return f"a spot or magnification view (View Position {position.text})"
    for value in values:
        if value in OTHER_VIEWS and position.view not in Projection.__members__:
            return OTHER_VIEWS[value]
    if any(v in PROJECTIONS or v in OTHER_VIEWS for v in values):
        return ""  # where code and position contradict each other, who reads the header says so
    return OTHER_POSITIONS.get(position.view, "")


def _class_name(sop_class: str) -> str:
    name = UID(sop_class).name if sop_class else ""
    return re.sub(r" (Image )?Storage.*$", "", name) if name and name != sop_class else ""


def _body(header: Dataset) -> str:
    if not header.get("Rows"):
        return " document" if str(header.get("Modality", "")) == "SR" else " object without an image"
    body = str(header.get("BodyPartExamined", "")).strip().lower()
    return f" image of the {body}" if body else " image"
