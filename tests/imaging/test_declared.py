"""What a DICOM header says of its pixels is held against them before a decoder sees them."""

import pydicom
import pytest

from mammoscribe.imaging.declared import MAX_PIXELS, check_declared
from mammoscribe.imaging.decode import decode
from mammoscribe.phantom.encoding import SYNTAXES, encode
from mammoscribe.support.errors import InputError
from tests.data.datasets.made import write_dicom

COMPRESSED = ("j2k_lossless", "j2k", "jpeg_lossless", "jpeg_ls")


@pytest.fixture
def changed(tmp_path):
    """A 48 x 64 picture in a transfer syntax whose header was changed afterwards."""

    def make(syntax, **attributes):
        dataset = pydicom.dcmread(write_dicom(tmp_path / "a.dcm"))
        encode(dataset, syntax)
        for name, value in attributes.items():
            setattr(dataset, name, value)
        dataset.save_as(tmp_path / "a.dcm", enforce_file_format=True)
        return tmp_path / "a.dcm"

    return make


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_true_header_passes(syntax, changed):
    assert decode(changed(syntax)).pixels.shape == (64, 48)


@pytest.mark.parametrize("syntax", COMPRESSED)
@pytest.mark.parametrize(
    ("lie", "told"),
    [
        ({"Rows": 60}, "48 x 60 pixels"),
        ({"Rows": 68}, "48 x 68 pixels"),
        ({"Rows": 48, "Columns": 64}, "64 x 48 pixels"),
        ({"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}, "of 3 x 16 bits"),
        ({"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}, "of 1 x 8 bits"),
    ],
)
def test_a_compressed_picture_of_another_size_is_refused(syntax, lie, told, changed):
    with pytest.raises(InputError) as error:
        decode(changed(syntax, **lie))
    assert told in error.value.found and "the compressed picture is 48 x 64 pixels" in error.value.found


@pytest.mark.parametrize("syntax", ["explicit", "implicit", "deflated"])
@pytest.mark.parametrize("lie", [{"Rows": 60}, {"Columns": 24}, {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}])
def test_more_pixel_data_than_the_header_says_is_refused(syntax, lie, changed):
    with pytest.raises(InputError, match=r"the header says .* the pixel data are 6144 bytes"):
        decode(changed(syntax, **lie))


@pytest.mark.filterwarnings("ignore:The pixel data")
def test_padding_of_less_than_a_row_passes(tmp_path):
    path = write_dicom(tmp_path / "a.dcm")
    pixels = pydicom.dcmread(path).PixelData
    assert decode(write_dicom(path, PixelData=pixels + bytes(94))).pixels.shape == (64, 48)
    with pytest.raises(InputError, match="6240 bytes"):
        decode(write_dicom(path, PixelData=pixels + bytes(96)))


@pytest.mark.parametrize("syntax", ["explicit", "j2k_lossless", "rle"])
def test_a_picture_too_large_to_decode_is_refused_by_its_header(syntax, changed):
    with pytest.raises(InputError, match="million pixels a frame; expected at most 100"):
        decode(changed(syntax, Rows=MAX_PIXELS // 60000 + 1, Columns=60000))


def test_a_header_that_is_no_number_is_one_sentence(tmp_path):
    dataset = pydicom.dcmread(write_dicom(tmp_path / "a.dcm"))
    dataset.Rows = [64, 64]
    with pytest.raises(InputError, match="the header's Rows is no number"):
        check_declared(dataset)


@pytest.mark.parametrize("name", ["SamplesPerPixel", "Rows", "BitsAllocated"])
def test_a_size_that_the_header_leaves_out_is_one_sentence(name, tmp_path):
    with pytest.raises(InputError, match=r"a\.dcm: the header says .*; expected at least one of each"):
        decode(write_dicom(tmp_path / "a.dcm", **{name: None}))


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL_422", "YBR_ICT", "", "MONOCHROME"])
def test_a_photometric_interpretation_that_does_not_go_with_one_sample_is_refused(syntax, photometric, changed):
    with pytest.raises(InputError, match=r"for 1 samples a pixel; expected MONOCHROME1, MONOCHROME2"):
        decode(changed(syntax, PhotometricInterpretation=photometric))


@pytest.mark.parametrize("syntax", COMPRESSED)
def test_more_bits_allocated_than_encapsulated_pixels_may_have_are_refused(syntax, changed):
    with pytest.raises(InputError, match=r"of 1 x 32 bits; expected at most 16 bits"):
        decode(changed(syntax, BitsAllocated=32))


@pytest.mark.parametrize("syntax", ["explicit", "deflated"])
@pytest.mark.parametrize("bits", [0, 17, 300])
def test_bits_stored_that_cannot_be_are_refused(syntax, bits, changed):
    with pytest.raises(InputError, match=rf"{bits} bits stored of 16 allocated"):
        decode(changed(syntax, BitsStored=bits))


@pytest.mark.parametrize("uid", ["1.2.840.113845.1.2", "1.2.840.10008.1.2.9", "1.2.840.10008.1.1", "a banana"])
def test_a_transfer_syntax_that_is_none_of_dicoms_is_one_sentence(uid, tmp_path):
    path = write_dicom(tmp_path / "a.dcm")
    path.write_bytes(path.read_bytes().replace(b"1.2.840.10008.1.2.1", uid.encode().ljust(19, b"\0")))
    with pytest.raises(InputError, match=rf"a\.dcm: the transfer syntax {uid} is not one of DICOM's"):
        decode(path)


@pytest.mark.parametrize("frames", ["x", "1\\2", "-3", "99999999999999999999"])
def test_a_number_of_frames_that_is_none_is_one_sentence(frames, tmp_path):
    path = write_dicom(tmp_path / "a.dcm", NumberOfFrames="1234567890123456789012"[: len(frames) + len(frames) % 2])
    whole = path.read_bytes()
    at = whole.index(b"\x28\x00\x08\x00IS") + 8
    path.write_bytes(
        whole[:at] + frames.encode().ljust(len(frames) + len(frames) % 2) + whole[at + len(frames) + len(frames) % 2 :]
    )
    with pytest.raises(InputError, match=r"a\.dcm"):
        decode(path)


def test_a_deflated_file_that_would_fill_the_memory_is_refused_before_it_does(tmp_path, monkeypatch):
    path = write_dicom(tmp_path / "a.dcm")
    dataset = pydicom.dcmread(path)
    encode(dataset, "deflated")
    dataset.save_as(path, enforce_file_format=True)
    assert decode(path).pixels.shape == (64, 48)
    monkeypatch.setattr("mammoscribe.imaging.deflated.MAX_BYTES", 5000)
    with pytest.raises(InputError, match=r"a\.dcm inflates to more than"):
        decode(path)
