from dataclasses import replace

import pytest

from mammoscribe.domain.view import Box
from mammoscribe.exports.pictures import media_type_of
from mammoscribe.support.errors import InvalidNoun
from tests.exports.samples import crops, one_film, pictures, two_findings_with_prior


@pytest.mark.parametrize(
    "change", [{"png": b"GIF89a"}, {"width_px": 0}, {"focus": Box(0, 0, 901, 10)}], ids=["gif", "size", "focus"]
)
def test_a_view_image_that_cannot_be_shown_cannot_be_built(change):
    with pytest.raises(InvalidNoun):
        replace(pictures(one_film())["L_MLO"], **change)


@pytest.mark.parametrize(
    "change",
    [{"png": b"GIF89a"}, {"region": Box(0.5, 0, 300, 260)}, {"pixel_aspect": 0.0}],
    ids=["gif", "edge", "aspect"],
)
def test_a_crop_that_is_no_picture_of_whole_pixels_cannot_be_built(change):
    with pytest.raises(InvalidNoun):
        replace(crops(two_findings_with_prior())[0], **change)


def test_a_jpeg_is_embedded_as_jpeg():
    assert media_type_of(b"\xff\xd8\xff\xe0") == "image/jpeg"
    assert media_type_of(b"\x89PNG\r\n\x1a\n") == "image/png"
