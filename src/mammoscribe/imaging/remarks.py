"""What a header says of a mammogram that its reader should know: raw, synthesised, implant, displaced, partial."""

import re
from collections.abc import Iterator

from pydicom import Dataset

from mammoscribe.imaging.header_words import position_of
from mammoscribe.imaging.mgcodes import IMPLANT_DISPLACED
from mammoscribe.imaging.spacing import header_spacing

_GENERATED = re.compile(
    r"(?<![A-Z])[CS]-?VIEW|V-?PREVIEW|INTELLIGENT ?2D|INSIGHT ?2D|SYNTH\w* ?2D|2D ?SYNTH", re.IGNORECASE
)
"""Names that the makers give to 2D views made from tomosynthesis (Hologic, Fujifilm, GE, Siemens)."""


def remarks(header: Dataset) -> Iterator[str]:
    """A sentence for each."""
    if warning := header_spacing(header)[1]:
        yield warning
    if is_partial(header):
        yield "a partial view: part of the breast lies outside the picture"
    if _says(header, "BreastImplantPresent", "YES"):
        yield "a breast with an implant"
    if is_displaced(header):
        yield "an implant-displaced view"
    if is_for_processing(header):
        yield "a FOR PROCESSING image: raw exposure, not what readers are shown"
    if is_generated(header):
        yield "a 2D view synthesised from tomosynthesis"
    if "1.2.840.10008.5.1.4.1.1.1.2" not in str(header.get("SOPClassUID", "")):
        yield "a mammogram stored as another kind of object"


def is_for_processing(header: Dataset) -> bool:
    """Whether it is raw exposure."""
    return _says(header, "PresentationIntentType", "FOR PROCESSING")


def is_partial(header: Dataset) -> bool:
    """Whether part of the breast lies outside."""
    return _says(header, "PartialView", "YES")


def is_displaced(header: Dataset) -> bool:
    """Whether an implant was pushed out of the picture (PS3.16 CID 4015, or `MLO-ID` in View Position)."""
    views = header.get("ViewCodeSequence") or []
    modifiers = [m for v in views for m in v.get("ViewModifierCodeSequence") or []]
    modifiers += list(header.get("ViewModifierCodeSequence") or [])
    return position_of(header).displaced or any(str(m.get("CodeValue", "")) in IMPLANT_DISPLACED for m in modifiers)


def is_generated(header: Dataset) -> bool:
    """Whether a 2D view was synthesised from tomosynthesis, by Image Type or by its maker's name for it."""
    named = any("2D" in kind and re.search("GENERATED|SYNTH", kind) for kind in image_type(header))
    return named or bool(_GENERATED.search(str(header.get("SeriesDescription", ""))))


def image_type(header: Dataset) -> set[str]:
    """The values of Image Type, in upper case."""
    value = header.get("ImageType") or []
    return {str(v).strip().upper() for v in ([value] if isinstance(value, str) else value)}


def _says(header: Dataset, name: str, value: str) -> bool:
    return str(header.get(name, "")).strip().upper() == value
