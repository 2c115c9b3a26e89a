import io
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from pydicom import dcmread

from mammoscribe.phantom import GeneratorVersion, write_dicom_exam
from mammoscribe.phantom.dicom import DicomOptions, build_dataset
from mammoscribe.phantom.encoding import SYNTAXES, encode
from mammoscribe.support.errors import InputError

LOSSLESS = [name for name in SYNTAXES if name != "j2k"]


@pytest.fixture(scope="module")
def folder(with_prior, tmp_path_factory):
    return write_dicom_exam(with_prior, tmp_path_factory.mktemp("dicom") / "exam")


def read_back(phantom, options):
    dataset = build_dataset(phantom, phantom.exam.view("L_CC"), options, 1)
    encode(dataset, options.transfer_syntax)
    stream = io.BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    stream.seek(0)
    return dcmread(stream)


def grey_of(dataset):
    stored = dataset.pixel_array.astype(int)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        stored = (1 << dataset.BitsStored) - 1 - stored
    return stored >> (dataset.BitsStored - 12)


@pytest.mark.parametrize("name", LOSSLESS)
def test_every_lossless_encoding_gives_the_drawn_pixels_back(with_prior, name):
    dataset = read_back(with_prior, DicomOptions(name, False, "linear", 12))
    assert dataset.file_meta.TransferSyntaxUID == SYNTAXES[name]
    assert np.array_equal(grey_of(dataset), with_prior.pixels["L_CC"])


def test_lossy_encoding_is_close_and_says_so(with_prior):
    dataset = read_back(with_prior, DicomOptions("j2k", False, "linear", 12))
    assert dataset.LossyImageCompression == "01"
    assert float(dataset.LossyImageCompressionRatio) > 3
    assert np.abs(grey_of(dataset) - with_prior.pixels["L_CC"].astype(int)).mean() < 20


@pytest.mark.parametrize(("monochrome1", "voi", "bits"), [(True, "sigmoid", 14), (True, "lut", 12), (False, "lut", 16)])
def test_senses_transforms_and_bit_depths_keep_the_picture(with_prior, monochrome1, voi, bits):
    from pydicom.pixels import apply_voi_lut

    dataset = read_back(with_prior, DicomOptions("explicit", monochrome1, voi, bits))
    assert dataset.BitsStored == bits
    assert np.array_equal(grey_of(dataset), with_prior.pixels["L_CC"])
    shown = apply_voi_lut(dataset.pixel_array[::5, ::5], dataset).astype(float)
    shown = -shown if monochrome1 else shown
    drawn = with_prior.pixels["L_CC"][::5, ::5].astype(float)
    assert np.corrcoef(shown.ravel(), drawn.ravel())[0, 1] > 0.95


def test_an_exam_is_written_as_two_studies_of_one_patient(with_prior, folder):
    current = [dcmread(p, stop_before_pixels=True) for p in sorted((folder / "current").glob("*.dcm"))]
    prior = [dcmread(p, stop_before_pixels=True) for p in sorted((folder / "prior").glob("*.dcm"))]
    assert len(current) == len(prior) == 4
    assert len({d.StudyInstanceUID for d in current}) == 1
    assert {d.StudyInstanceUID for d in current} != {d.StudyInstanceUID for d in prior}
    assert {str(d.PatientName) for d in current + prior} == {"PHANTOM^000102"}
    assert max(d.StudyDate for d in prior) < min(d.StudyDate for d in current)
    assert len({d.SOPInstanceUID for d in current + prior}) == 8


def test_views_are_coded_and_named_synthetic(folder):
    dataset = dcmread(folder / "current" / "R_MLO.dcm", stop_before_pixels=True)
    assert (dataset.ImageLaterality, dataset.ViewPosition) == ("R", "MLO")
    assert dataset.ViewCodeSequence[0].CodeValue == "399368009"
    assert list(dataset.PatientOrientation) == ["P", "FL"]
    assert "synthetic" in dataset.Manufacturer.lower() and "synthetic" in dataset.SeriesDescription.lower()
    assert dataset.SOPInstanceUID.startswith("2.25.") and len(dataset.SOPInstanceUID) <= 64
    assert [float(s) for s in dataset.ImagerPixelSpacing] == [0.1, 0.1]


def test_uids_follow_the_seed_and_a_twin_has_its_own(with_prior, folder):
    view, options = with_prior.exam.view("R_CC"), DicomOptions("explicit", False, "linear", 12)
    stored = dcmread(folder / "current" / "R_CC.dcm", stop_before_pixels=True)
    assert build_dataset(with_prior, view, options, 1).SOPInstanceUID == stored.SOPInstanceUID
    twin = with_prior.without("m1")
    assert build_dataset(twin, twin.exam.view("R_CC"), options, 1).SOPInstanceUID != stored.SOPInstanceUID


@pytest.mark.parametrize(
    "wrong", [("explict", False, "linear", 12), ("rle", False, "gamma", 12), ("rle", False, "lut", 10)]
)
def test_an_encoding_nobody_knows_is_refused_before_anything_is_written(with_prior, tmp_path, wrong):
    with pytest.raises(InputError):
        write_dicom_exam(with_prior, tmp_path / "out", *wrong)
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy is not installed")
@pytest.mark.parametrize("file", ["current/R_CC.dcm", "current/L_MLO.dcm", "prior/L_CC.dcm"])
def test_files_are_clean_under_dciodvfy(folder, file):
    checked = subprocess.run(["dciodvfy", str(folder / file)], capture_output=True, text=True, check=False)
    lines = (checked.stdout + checked.stderr).splitlines()
    assert any("MammographyImageForPresentation" in line for line in lines)
    assert not [line for line in lines if line.startswith("Error")]


def test_headers_name_the_version_the_film_and_the_implants(fatty, on_film, with_implants):
    read = {
        name: read_back(phantom, DicomOptions("explicit", False, "linear", 12))
        for name, phantom in (("old", fatty), ("film", on_film), ("implants", with_implants))
    }
    assert [ds.SoftwareVersions for ds in read.values()] == ["generator 1", "generator 2", "generator 2"]
    assert [ds.DetectorType for ds in read.values()] == ["DIRECT", "FILM", "DIRECT"]
    assert [ds.BreastImplantPresent for ds in read.values()] == ["NO", "NO", "YES"]


def test_the_same_seed_in_another_version_is_another_file(fatty):
    options = DicomOptions("explicit", False, "linear", 12)
    again = replace(fatty, spec=replace(fatty.spec, generator=GeneratorVersion.V2))
    first, second = (build_dataset(p, p.exam.view("L_CC"), options, 1).SOPInstanceUID for p in (fatty, again))
    assert first == "2.25.37979019093530403633373933520075671681" and second != first
