"""Writing a drawn exam as DICOM Digital Mammography X-Ray objects for presentation (PS3.3 A.27), in many encodings."""

import datetime as dt
import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence

from mammoscribe.domain.view import SYNTHETIC_SOURCE, Laterality, Projection, Role, View
from mammoscribe.phantom.anatomy import draw_patient
from mammoscribe.phantom.encoding import SYNTAXES, encode
from mammoscribe.phantom.exam import PhantomExam
from mammoscribe.phantom.geometry import PIXEL_MM
from mammoscribe.phantom.streams import GeneratorVersion
from mammoscribe.support.errors import InputError
from mammoscribe.support.files import write_bytes
from mammoscribe.support.lookup import look_up

MAMMOGRAPHY_FOR_PRESENTATION = uid.DigitalMammographyXRayImageStorageForPresentation
_VIEW_CODES = {Projection.CC: ("399162004", "cranio-caudal"), Projection.MLO: ("399368009", "medio-lateral oblique")}
_PATIENT_ORIENTATION = {
    (Laterality.RIGHT, Projection.CC): ["P", "L"],
    (Laterality.LEFT, Projection.CC): ["A", "R"],
    (Laterality.RIGHT, Projection.MLO): ["P", "FL"],
    (Laterality.LEFT, Projection.MLO): ["A", "FR"],
}
"""Row and column directions of the standard hanging (PS3.3 C.7.6.1.1.1)."""


@dataclass(frozen=True)
class DicomOptions:
    """How the pixels are put down: encoding, photometric sense, value-of-interest transform, bits stored."""

    transfer_syntax: str
    monochrome1: bool
    voi: str
    bits: int

    def __post_init__(self) -> None:
        look_up(self.transfer_syntax, SYNTAXES, "transfer syntax")
        if self.voi not in ("linear", "sigmoid", "lut"):
            raise InputError(f"VOI transform {self.voi!r}", "linear, sigmoid or lut")
        if self.bits not in (12, 14, 16):
            raise InputError(f"{self.bits} bits stored", "12, 14 or 16")


def write_dicom_exam(
    phantom: PhantomExam,
    folder: Path,
    transfer_syntax: str = "explicit",
    monochrome1: bool = False,
    voi: str = "linear",
    bits: int = 12,
) -> Path:
    """Write `current/R_CC.dcm`, ... and, with a prior, `prior/R_CC.dcm`, ...; returns the folder.

    Args:
        transfer_syntax: explicit, implicit, deflated, rle, j2k_lossless, j2k (lossy), jpeg_lossless
            or jpeg_ls.
        monochrome1: store dark = dense.
        voi: `linear` window, `sigmoid` window, or a `lut` sequence.
        bits: 12, 14 or 16 bits stored; grey values are scaled to fill them.

    Raises:
        InputError: for an option that is none of these.
    """
    options, folder = DicomOptions(transfer_syntax, monochrome1, voi, bits), Path(folder)
    for number, view in enumerate(phantom.exam.views, start=1):
        dataset = build_dataset(phantom, view, options, number)
        encode(dataset, options.transfer_syntax)
        stream = io.BytesIO()
        dataset.save_as(stream, enforce_file_format=True)
        stem = f"{view.laterality}_{view.projection}"
        write_bytes(folder / view.role.value / f"{stem}.dcm", stream.getvalue())
    return folder


def build_dataset(phantom: PhantomExam, view: View, options: DicomOptions, number: int) -> Dataset:
    """One view as an uncompressed dataset with its file meta information."""
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID = MAMMOGRAPHY_FOR_PRESENTATION
    ds.SOPInstanceUID = _uid(phantom, "instance", view.id, repr(options))
    _add_patient_and_study(ds, phantom, view, number)
    _add_acquisition(ds, phantom, view)
    _add_anatomy(ds, view)
    _add_pixels(ds, phantom.pixels[view.id], options)
    _add_voi(ds, options)
    ds.file_meta = FileMetaDataset()
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    # the writer of the file is the same whatever drew the exam
    ds.file_meta.ImplementationClassUID = _uid_of(GeneratorVersion.V1, "mammoscribe", "implementation")
    return ds


def _uid(phantom: PhantomExam, *role: str) -> uid.UID:
    """A UID that names seed, spec, lesions (a twin is another patient's exam) and role."""
    lesions = ",".join(f"{k.id}{k.laterality}{k.lat:.3f}" for k in phantom.lesions)
    return _uid_of(phantom.spec.generator, str(phantom.seed), phantom.spec.name, lesions, *role)


def _uid_of(*parts: str) -> uid.UID:
    digest = hashlib.sha256("/".join(("mammoscribe.phantom", *parts)).encode()).digest()
    return uid.UID(f"2.25.{int.from_bytes(digest[:16], 'big')}")


def _add_patient_and_study(ds: Dataset, phantom: PhantomExam, view: View, number: int) -> None:
    """Patient, General Study, DX / Mammography Series and General Equipment modules."""
    day = (view.date or dt.date(2020, 1, 1)).strftime("%Y%m%d")
    ds.PatientName, ds.PatientID = f"PHANTOM^{phantom.seed:06d}", phantom.exam.patient_id
    ds.PatientBirthDate, ds.PatientSex = "", "F"
    ds.PatientIdentityRemoved, ds.DeidentificationMethod = "YES", "synthetic, of nobody"
    ds.StudyInstanceUID = _uid(phantom, "study", view.role)
    accession = phantom.exam.id[:16] if view.role is Role.CURRENT else ""  # SH holds 16 characters (PS3.5 6.2)
    ds.StudyID, ds.AccessionNumber, ds.ReferringPhysicianName = view.role.value, accession, ""
    ds.StudyDescription = "Synthetic screening mammography"
    ds.SeriesInstanceUID = _uid(phantom, "series", view.role)
    ds.SeriesNumber, ds.SeriesDescription = 1, "Synthetic mammography phantom"
    ds.Modality, ds.PresentationIntentType = "MG", "FOR PRESENTATION"
    ds.StudyDate = ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = day
    ds.StudyTime = ds.SeriesTime = ds.AcquisitionTime = ds.ContentTime = f"1200{number:02d}"
    ds.InstanceNumber = number
    ds.Manufacturer, ds.ManufacturerModelName = SYNTHETIC_SOURCE, "phantom"
    ds.SoftwareVersions, ds.DeviceSerialNumber = f"generator {phantom.spec.generator}", "0"
    ds.ImageComments = "Synthetic image drawn by software; no patient was imaged"


def _add_acquisition(ds: Dataset, phantom: PhantomExam, view: View) -> None:
    """X-ray, detector and acquisition context attributes; exposure values are nominal."""
    patient = draw_patient(phantom.seed, phantom.spec, view.role)
    geometry = patient.view(view.laterality, view.projection)
    ds.ImageType = ["DERIVED", "PRIMARY"]
    ds.DerivationDescription = "drawn from a random seed"
    ds.KVP, ds.ExposureInuAs, ds.ExposureTime = "28", 80000, 1000
    ds.AnodeTargetMaterial, ds.FilterMaterial = "TUNGSTEN", "RHODIUM"
    ds.BodyPartThickness, ds.CompressionForce = f"{geometry.thickness:.1f}", "110"
    ds.DistanceSourceToDetector, ds.DistanceSourceToPatient = "650", "650"
    ds.EstimatedRadiographicMagnificationFactor = "1"
    ds.DetectorType = "FILM" if patient.look.film else "DIRECT"
    ds.DetectorConfiguration, ds.DetectorID = "AREA", "synthetic"
    ds.DetectorActiveShape = "RECTANGLE"
    ds.FieldOfViewOrigin = ["0", "0"]
    ds.FieldOfViewShape, ds.FieldOfViewRotation, ds.FieldOfViewHorizontalFlip = "RECTANGLE", "0", "NO"
    ds.PositionerType = "MAMMOGRAPHIC"
    ds.PositionerPrimaryAngle = f"{np.degrees(geometry.angle):.1f}"
    ds.OrganExposed, ds.PartialView = "BREAST", "NO"
    ds.BreastImplantPresent = "YES" if any(i.laterality is view.laterality for i in patient.implants) else "NO"
    ds.ImagerPixelSpacing = ds.PixelSpacing = [PIXEL_MM, PIXEL_MM]
    ds.PixelSpacingCalibrationType, ds.PixelSpacingCalibrationDescription = "GEOMETRY", "drawn at this pitch"
    ds.AcquisitionContextSequence = Sequence()


def _add_anatomy(ds: Dataset, view: View) -> None:
    """Side and view, by code (PS3.16 CID 4014) and by string."""
    ds.ImageLaterality, ds.ViewPosition = view.laterality.value, view.projection.value
    ds.BodyPartExamined = "BREAST"
    ds.PatientOrientation = _PATIENT_ORIENTATION[view.laterality, view.projection]
    ds.AnatomicRegionSequence = Sequence([_code("76752008", "Breast")])
    code = _code(*_VIEW_CODES[view.projection])
    code.ViewModifierCodeSequence = Sequence()
    ds.ViewCodeSequence = Sequence([code])


def _code(value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "SCT", meaning
    return item


def _add_pixels(ds: Dataset, grey: np.ndarray, options: DicomOptions) -> None:
    """12-bit grey scaled to the bits stored, inverted for MONOCHROME1."""
    top = (1 << options.bits) - 1
    stored = grey.astype(np.uint32) << (options.bits - 12)
    if options.monochrome1:
        stored = top - stored
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME1" if options.monochrome1 else "MONOCHROME2"
    ds.PresentationLUTShape = "INVERSE" if options.monochrome1 else "IDENTITY"
    ds.Rows, ds.Columns = grey.shape
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, options.bits, options.bits - 1
    ds.PixelRepresentation = 0
    ds.PixelIntensityRelationship, ds.PixelIntensityRelationshipSign = "LOG", -1 if options.monochrome1 else 1
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "0", "1", "US"
    ds.BurnedInAnnotation, ds.LossyImageCompression = "NO", "00"
    ds.PixelData = stored.astype("<u2").tobytes()
    ds["PixelData"].VR = "OW"


def _add_voi(ds: Dataset, options: DicomOptions) -> None:
    """The VOI LUT module, mirrored for MONOCHROME1 because it works before the inversion (PS3.3 C.11.2)."""
    size = 1 << options.bits
    if options.voi == "lut":
        ds.VOILUTSequence = Sequence([_lut(options)])
        return
    centre, width = (0.5, 1.0) if options.voi == "linear" else (0.46, 0.9)
    ds.WindowCenter = f"{size * (1 - centre if options.monochrome1 else centre):.0f}"
    ds.WindowWidth = f"{size * width:.0f}"
    ds.WindowCenterWidthExplanation = "NORMAL"
    ds.VOILUTFunction = options.voi.upper()


def _lut(options: DicomOptions) -> Dataset:
    """A gentle curve from stored values to 12 bits, as a table; mirrored for MONOCHROME1."""
    entries = 1 << options.bits
    ramp = np.linspace(0, 1, entries)
    curve = ramp**0.9
    if options.monochrome1:
        curve = 1 - curve[::-1]
    item = Dataset()
    item.LUTDescriptor = [entries % 65536, 0, 12]
    item.add_new("LUTData", "OW", np.rint(curve * 4095).astype("<u2").tobytes())
    item.LUTExplanation = "NORMAL"
    return item
