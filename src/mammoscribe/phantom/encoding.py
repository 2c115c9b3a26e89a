"""Transfer syntaxes a drawn exam can be written in, through pydicom's encoders and gdcm."""

import tempfile
from pathlib import Path

from pydicom import dcmread, uid
from pydicom.dataset import Dataset

from mammoscribe.support.errors import MissingExtra

SYNTAXES = {
    "explicit": uid.ExplicitVRLittleEndian,
    "implicit": uid.ImplicitVRLittleEndian,
    "deflated": uid.DeflatedExplicitVRLittleEndian,
    "rle": uid.RLELossless,
    "j2k_lossless": uid.JPEG2000Lossless,
    "j2k": uid.JPEG2000,
    "jpeg_lossless": uid.JPEGLosslessSV1,
    "jpeg_ls": uid.JPEGLSLossless,
}
"""Short names of the transfer syntaxes and their UIDs."""

_LOSSY_RATIO = 8.0
_BY_GDCM = ("rle", "jpeg_lossless", "jpeg_ls")


def encode(dataset: Dataset, name: str) -> None:
    """Put `dataset` into the transfer syntax of that short name, in place.

    Args:
        dataset: uncompressed, explicit little endian, with file meta information.
        name: a key of `SYNTAXES`.
    """
    target = SYNTAXES[name]
    if not target.is_encapsulated:
        dataset.file_meta.TransferSyntaxUID = target
    elif name in _BY_GDCM:
        _encode_with_gdcm(dataset, target)
    elif name == "j2k":
        _encode_lossy(dataset)
    else:
        dataset.compress(target, encoding_plugin="pylibjpeg", generate_instance_uid=False)


def _encode_lossy(dataset: Dataset) -> None:
    """Lossy JPEG 2000, with the three attributes that say so (PS3.3 C.7.6.1.1.5)."""
    before = len(dataset.PixelData)
    dataset.compress(SYNTAXES["j2k"], encoding_plugin="pylibjpeg", j2k_cr=[_LOSSY_RATIO], generate_instance_uid=False)
    dataset.LossyImageCompression = "01"
    dataset.LossyImageCompressionRatio = f"{before / len(dataset.PixelData):.1f}"
    dataset.LossyImageCompressionMethod = "ISO_15444_1"


def _encode_with_gdcm(dataset: Dataset, target: uid.UID) -> None:
    """Let gdcm compress a copy on disk and take over its encapsulated pixel data only."""
    try:
        import gdcm
    except ImportError as error:
        raise MissingExtra(f"writing {target.name} needs gdcm", "", "install python-gdcm") from error
    with tempfile.TemporaryDirectory() as folder:
        plain, packed = Path(folder) / "plain.dcm", Path(folder) / "packed.dcm"
        dataset.save_as(plain, enforce_file_format=True)
        reader = gdcm.ImageReader()
        reader.SetFileName(str(plain))
        change = gdcm.ImageChangeTransferSyntax()
        change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(str(target))))
        if not reader.Read():
            raise MissingExtra("gdcm could not read the drawn view", "", "install another version of python-gdcm")
        change.SetInput(reader.GetImage())
        writer = gdcm.ImageWriter()
        writer.SetFileName(str(packed))
        writer.SetFile(reader.GetFile())
        if not change.Change():
            raise MissingExtra(f"gdcm could not encode {target.name}", "", "install another version of python-gdcm")
        writer.SetImage(change.GetOutput())
        writer.Write()
        dataset.PixelData = dcmread(packed).PixelData
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = target
