"""Pictures in every format and codec that is read, and how number n of them is damaged: by n alone, so that it can be had again."""

import io
import random
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import UID

from mammoscribe.phantom import TRAINING_SPEC, draw_exam
from mammoscribe.phantom.dicom import DicomOptions, build_dataset
from mammoscribe.phantom.encoding import SYNTAXES, encode

REDUCED = 6
"""Every so many pixels of a drawn view are kept: damage does not need size."""
NUMBERS = (0, 1, 2, 3, 7, 8, 9, 10, 12, 15, 16, 17, 31, 32, 64, 255, 256, 1000, 32767, 32768, 65535)
TEXTS = ("", " ", "x", "-1", "1e400", "nan", "0.07,0.07", "1\\2\\3\\4", "99999999999999999999", "\x00\x00", "é" * 40)
ELEMENTS = (
    "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "SamplesPerPixel",
    "PhotometricInterpretation", "PlanarConfiguration", "NumberOfFrames", "WindowCenter", "WindowWidth",
    "VOILUTFunction", "RescaleSlope", "RescaleIntercept", "PixelPaddingValue", "ImagerPixelSpacing", "PixelSpacing",
    "EstimatedRadiographicMagnificationFactor", "PatientOrientation", "ImageLaterality", "ViewPosition", "ImageType",
    "PresentationLUTShape", "PixelIntensityRelationship", "PixelIntensityRelationshipSign", "BodyPartExamined",
    "StudyDate", "AcquisitionTime", "SOPClassUID", "SpecificCharacterSet", "DistanceSourceToDetector",
)  # fmt: skip


@cache
def seeds() -> tuple[bytes, ...]:
    """Whole files: the phantom's DICOM in all its codecs and options, and others that scanners and people write."""
    phantom = draw_exam(3, replace(TRAINING_SPEC, lesion_probability=1.0))
    view = phantom.exam.current[-1]
    small = {view.id: np.ascontiguousarray(phantom.pixels[view.id][::REDUCED, ::REDUCED])}
    phantom = replace(phantom, pixels={**phantom.pixels, **small})
    found = []
    for number, syntax in enumerate(SYNTAXES):
        voi, bits = ("linear", "sigmoid", "lut")[number % 3], (12, 14, 16)[number % 3]
        dataset = build_dataset(phantom, view, DicomOptions(syntax, number % 2 == 1, voi, bits), 1)
        encode(dataset, syntax)
        found.append(_bytes(dataset))
    plain = build_dataset(phantom, view, DicomOptions("explicit", False, "linear", 12), 1)
    found += [_baseline(plain, colour) for colour in (False, True)]
    found += [_signed(plain), _enhanced(plain)]
    grey = (small[view.id] >> 4).astype(np.uint8)
    found += [_plain(grey, kind) for kind in ("PNG", "JPEG", "TIFF", "PPM")]
    found += [_plain(small[view.id].astype(np.uint16) * 16, kind) for kind in ("PNG", "TIFF")]
    found.append(_plain(grey, "TIFF", compression="tiff_lzw"))
    return tuple(found)


def _bytes(dataset: Dataset) -> bytes:
    stream = io.BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def _copy(dataset: Dataset) -> Dataset:
    return pydicom.dcmread(io.BytesIO(_bytes(dataset)))


def _baseline(plain: Dataset, colour: bool) -> bytes:
    """8-bit JPEG in DICOM, grey or in colours."""
    dataset = _copy(plain)
    grey = Image.fromarray((dataset.pixel_array >> 4).astype(np.uint8))
    stream = io.BytesIO()
    (grey.convert("RGB") if colour else grey).save(stream, "JPEG")
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
    if colour:
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, "YBR_FULL_422", 0
    dataset.PixelData = encapsulate([stream.getvalue()])
    dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    dataset.file_meta.TransferSyntaxUID = UID("1.2.840.10008.1.2.4.50")
    return _bytes(dataset)


def _signed(plain: Dataset) -> bytes:
    dataset = _copy(plain)
    dataset.PixelData = (dataset.pixel_array.astype(np.int16) - 2048).tobytes()
    dataset.PixelRepresentation, dataset.WindowCenter = 1, "0"
    return _bytes(dataset)


def _enhanced(plain: Dataset) -> bytes:
    """One 2D view in an object of the tomosynthesis class, with what matters in its functional groups."""
    dataset, shared, window, measures = _copy(plain), Dataset(), Dataset(), Dataset()
    dataset.SOPClassUID, dataset.NumberOfFrames = "1.2.840.10008.5.1.4.1.1.13.1.3", 1
    dataset.ImageType = ["DERIVED", "PRIMARY", "TOMOSYNTHESIS", "GENERATED_2D"]
    window.WindowCenter, window.WindowWidth = "2048", "4096"
    measures.PixelSpacing = [0.6, 0.6]
    shared.FrameVOILUTSequence, shared.PixelMeasuresSequence = Sequence([window]), Sequence([measures])
    for name in ("WindowCenter", "WindowWidth", "PixelSpacing", "ImagerPixelSpacing"):
        delattr(dataset, name)
    dataset.SharedFunctionalGroupsSequence = Sequence([shared])
    return _bytes(dataset)


def _plain(pixels: np.ndarray, kind: str, **options: str) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind, **options)
    return stream.getvalue()


def damaged(number: int) -> tuple[str, bytes]:
    """(file name, content) of input `number`: one of the seeds, damaged in one to three ways."""
    chance = random.Random(number)
    warnings.simplefilter("ignore")  # pydicom warns of what is wrong on purpose here
    whole = seeds()
    which = chance.randrange(len(whole))
    content = whole[which]
    is_dicom = content[128:132] == b"DICM"
    ways: list[Callable[[bytes, random.Random], bytes]] = [flipped, cut, doubled, zeroed, inserted, lengthened]
    if is_dicom:
        ways = [*ways, other_value, other_value, other_value, raw_value, raw_value, in_the_stream, in_the_stream]
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        content = chance.choice(ways)(content, chance)
    name = f"{number:06d}-{which:02d}_R_MLO" + (".dcm" if is_dicom else ".png")
    return name, content


def flipped(content: bytes, chance: random.Random) -> bytes:
    """Bytes exchanged for others, anywhere or near the beginning."""
    changed = bytearray(content)
    reach = chance.choice((len(changed), len(changed), min(len(changed), 2500)))
    for _ in range(chance.choice((1, 2, 8, 40))):
        if changed:
            changed[chance.randrange(max(1, reach)) % len(changed)] = chance.randrange(256)
    return bytes(changed)


def cut(content: bytes, chance: random.Random) -> bytes:
    """The rest is missing."""
    return content[: chance.randrange(len(content) + 1)]


def doubled(content: bytes, chance: random.Random) -> bytes:
    """A piece comes twice."""
    start = chance.randrange(len(content) + 1)
    return content[: start + chance.randrange(1, 3000)] + content[start:]


def zeroed(content: bytes, chance: random.Random) -> bytes:
    """A piece is all zeros, or all ones."""
    start, length = chance.randrange(len(content) + 1), chance.choice((2, 4, 100, 4000))
    return content[:start] + chance.choice((b"\0", b"\xff")) * length + content[start + length :]


def inserted(content: bytes, chance: random.Random) -> bytes:
    """Bytes that belong nowhere."""
    start = chance.randrange(len(content) + 1)
    return content[:start] + chance.randbytes(chance.choice((1, 2, 7, 500))) + content[start:]


def lengthened(content: bytes, chance: random.Random) -> bytes:
    """Four bytes become a huge number, as a length would be."""
    start = chance.randrange(max(1, len(content) - 4))
    huge = chance.choice((0xFFFFFFFF, 0xFFFFFFFE, 0x7FFFFFFF, 0x00FFFFFF, 0x0001FFFF))
    return content[:start] + huge.to_bytes(4, chance.choice(("little", "big"))) + content[start + 4 :]


def other_value(content: bytes, chance: random.Random) -> bytes:
    """An element of the header says something else, or is not there; the file is well-formed."""
    try:
        dataset = pydicom.dcmread(io.BytesIO(content), force=True)
        name = chance.choice(ELEMENTS)
        if chance.random() < 0.15:
            if name in dataset:
                delattr(dataset, name)
        elif chance.random() < 0.1:
            dataset.file_meta.TransferSyntaxUID = chance.choice([*SYNTAXES.values(), UID("1.2.840.113619.5.2")])
        else:
            setattr(dataset, name, chance.choice((chance.choice(NUMBERS), chance.choice(TEXTS), [1, 2], None)))
        stream = io.BytesIO()
        dataset.save_as(stream, enforce_file_format=False)
        return stream.getvalue()
    except Exception:  # pydicom does not write every value: then the bytes are changed
        return raw_value(content, chance)


def raw_value(content: bytes, chance: random.Random) -> bytes:
    """The value of a short element, overwritten where it stands."""
    tag = pydicom.datadict.tag_for_keyword(chance.choice(ELEMENTS))
    assert tag is not None
    key = (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little")
    at = content.find(key)
    if at < 0:
        return flipped(content, chance)
    length = int.from_bytes(content[at + 6 : at + 8], "little")
    value = chance.choice((chance.randbytes(length), chance.choice(TEXTS).encode().ljust(length)[:length]))
    if chance.random() < 0.2:
        return content[: at + 4] + chance.choice((b"US", b"DS", b"SQ", b"OB", b"ZZ", b"IS", b"FD")) + content[at + 6 :]
    return content[: at + 8] + value + content[at + 8 + length :]


def in_the_stream(content: bytes, chance: random.Random) -> bytes:
    """Bytes of the pixels, most of them in the first few hundred, where codecs keep their own header."""
    at = content.rfind(b"\xe0\x7f\x10\x00")
    if at < 0:
        return flipped(content, chance)
    changed = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 10))):
        reach = chance.choice((120, 400, len(changed) - at))
        changed[min(len(changed) - 1, at + 8 + chance.randrange(max(1, reach)))] = chance.randrange(256)
    return bytes(changed)
