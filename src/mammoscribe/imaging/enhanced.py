"""Enhanced DICOM objects of one frame: what their functional groups say (PS3.3 C.7.6.16), where other objects say it."""

from pydicom import Dataset

_MACROS = {
    "PixelMeasuresSequence": ("PixelSpacing",),
    "FrameVOILUTSequence": ("WindowCenter", "WindowWidth", "VOILUTFunction"),
    "PixelValueTransformationSequence": ("RescaleSlope", "RescaleIntercept"),
    "FrameAnatomySequence": ("FrameLaterality",),
}


def flattened(header: Dataset) -> Dataset:
    """The header with the elements of its functional groups beside the others; the header itself where it has none.

    Elements that are there already stay as they are.
    """
    groups = [
        item
        for name in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
        for item in (header.get(name) or [])[:1]
    ]
    for group in groups:
        for macro, names in _MACROS.items():
            for item in (group.get(macro) or [])[:1]:
                for name in names:
                    if name in item and header.get(name) in (None, ""):
                        setattr(header, name, item.get(name))
    return header
