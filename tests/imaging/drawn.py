"""Small drawn mammograms and DICOM files for the tests of imaging and data."""

from pathlib import Path

import gdcm
import numpy as np
import pydicom
from PIL import Image
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian

from mammoscribe.domain.view import Laterality, Projection, SpacingSource, View
from mammoscribe.imaging.picture import Picture
from mammoscribe.phantom.encoding import encode

MG = "1.2.840.10008.5.1.4.1.1.1.2"
TOMO = "1.2.840.10008.5.1.4.1.1.13.1.3"


def half_disc(height: int = 256, width: int = 200, chest_on_left: bool = True, noise: float = 0.0) -> np.ndarray:
    """A breast as half an ellipse on its chest wall: 0.3 to 0.8 in tissue, 0 in air, float32 [H, W]."""
    rows, columns = np.mgrid[:height, :width].astype(float)
    inside = (columns / (0.7 * width)) ** 2 + ((rows - height / 2) / (0.4 * height)) ** 2 < 1
    tissue = 0.55 + 0.25 * np.sin(rows / 9) * np.cos(columns / 7)
    grey = np.where(inside, tissue, 0.0) + noise * np.random.default_rng(0).random((height, width))
    return np.ascontiguousarray(grey if chest_on_left else grey[:, ::-1], dtype=np.float32)


def close(one: np.ndarray, other: np.ndarray, tolerance: float) -> bool:
    """Whether two arrays agree everywhere."""
    return one.shape == np.shape(other) and bool(np.all(np.abs(one - other) <= tolerance))


def a_view(picture: Picture, name: str = "LCC", source: str = "drawn") -> View:
    """A view of that picture with the picture's own spacing."""
    side, projection = Laterality(name[0]), Projection(name[1:])
    return View(
        f"{side}_{projection}", side, projection, picture.width_px, picture.height_px, source,
        spacing_mm=picture.spacing_mm, spacing_source=picture.spacing_source,
    )  # fmt: skip


def a_picture(pixels: np.ndarray, spacing: float | None = 0.4) -> Picture:
    """A picture with a header spacing, or none."""
    if spacing is None:
        return Picture(pixels)
    return Picture(pixels, (spacing, spacing), SpacingSource.HEADER)


def coded(value: str, scheme: str = "SCT") -> Dataset:
    """A code sequence item."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, "not looked at"
    return item


def mammogram(stored: np.ndarray | None = None, bits: int = 12, **elements: object) -> Dataset:
    """A mammography data set, R CC by its view code, with whatever elements differ; None removes one."""
    stored = (half_disc(chest_on_left=False) * 4000).astype(np.uint16) if stored is None else stored
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = MG, "2.25.1001"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "2.25.1", "2.25.2"
    dataset.Modality, dataset.BodyPartExamined, dataset.PatientID = "MG", "BREAST", "P1"
    dataset.ImageLaterality, dataset.StudyDate = "R", "20200102"
    dataset.ViewCodeSequence = Sequence([coded("399162004")])
    dataset.ImagerPixelSpacing = [0.4, 0.4]
    dataset.Rows, dataset.Columns = stored.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = stored.dtype.itemsize * 8, bits, bits - 1
    dataset.PixelRepresentation = int(stored.dtype.kind == "i")
    dataset.PixelData = stored.tobytes()
    dataset["PixelData"].VR = "OW" if stored.dtype.itemsize > 1 else "OB"
    for name, value in elements.items():
        if value is None:
            if name in dataset:
                delattr(dataset, name)
        else:
            setattr(dataset, name, value)
    return dataset


def saved(dataset: Dataset, path: Path, **elements: object) -> Path:
    """Write a data set as a DICOM file."""
    for name, value in elements.items():
        setattr(dataset, name, value)
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
    return path


def recompressed(source: Path, target: Path, syntax: int) -> Path:
    """The same file in another transfer syntax, written by gdcm."""
    reader = gdcm.ImageReader()
    reader.SetFileName(str(source))
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(syntax))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFileName(str(target))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()
    return target


def png(path: Path, pixels: np.ndarray | None = None) -> Path:
    """Write an 8-bit PNG of a drawn breast."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(((half_disc() if pixels is None else pixels) * 255).astype(np.uint8)).save(path, format="PNG")
    return path


def crashing(path: Path, **elements: object) -> Path:
    """A mammogram in lossless JPEG with one wrong byte, in the marker of its Huffman table: gdcm ends its process on it."""
    stored = (half_disc(64, 48, chest_on_left=False) * 4000).astype(np.uint16)
    dataset = pydicom.dcmread(saved(mammogram(stored, **elements), path))
    encode(dataset, "jpeg_lossless")
    content = bytearray(dataset.PixelData)
    content[content.index(b"\xff\xc4") + 1] = 0x01
    dataset.PixelData = bytes(content)
    dataset.save_as(path, enforce_file_format=True)
    return path
