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
        ({"SamplesPerPixel": 3}, "of 3 x 16 bits"),
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
    with pytest.raises(InputError, match="million pixels a frame; expected at most 179"):
        decode(changed(syntax, Rows=MAX_PIXELS // 60000 + 1, Columns=60000))


def test_a_header_that_is_no_number_is_one_sentence(tmp_path):
    dataset = pydicom.dcmread(write_dicom(tmp_path / "a.dcm"))
    dataset.Rows = [64, 64]
    with pytest.raises(InputError, match="no numbers"):
        check_declared(dataset)


def test_what_the_header_leaves_out_is_said_by_the_decoder(tmp_path):
    with pytest.raises(InputError, match="cannot be decoded"):
        decode(write_dicom(tmp_path / "a.dcm", SamplesPerPixel=None))
