"""The perceptual hash: near for copies, far for others."""

import io

import numpy as np
import pytest
from PIL import Image

from mammoscribe.imaging.perceptual import BLANK, HASH_BYTES, picture_hash
from mammoscribe.support.errors import InputError


def picture(seed, shape=(200, 150)):
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.random((12, 9)).astype(np.float32))
    return np.asarray(coarse.resize(shape[::-1], Image.Resampling.BICUBIC)) * 200


def bits(a, b):
    return int(np.unpackbits(np.frombuffer(a, np.uint8) ^ np.frombuffer(b, np.uint8)).sum())


def jpeg(pixels):
    stream = io.BytesIO()
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(stream, "JPEG", quality=60)
    return np.asarray(Image.open(stream))


def test_copies_are_near_and_other_pictures_far():
    original = picture(1)
    value = picture_hash(original)
    assert len(value) == HASH_BYTES
    copies = {
        "brighter": original * 1.3 + 20, "16 bit": (original.clip(0) * 200).astype(np.uint16), "jpeg": jpeg(original),
        "half": np.asarray(Image.fromarray(original).resize((75, 100), Image.Resampling.BOX)), "squeezed": original[:, ::2],
    }  # fmt: skip
    for name, copy in copies.items():
        assert bits(value, picture_hash(copy)) <= 12, name
    assert all(bits(value, picture_hash(picture(seed))) > 60 for seed in range(2, 12))


def test_a_mirrored_picture_turns_the_odd_waves():
    value, mirrored = picture_hash(picture(1)), picture_hash(picture(1)[:, ::-1])
    odd = np.tile(np.arange(16) % 2 == 1, 16)
    expected = np.unpackbits(np.frombuffer(value, np.uint8)).astype(bool) ^ odd
    assert (np.unpackbits(np.frombuffer(mirrored, np.uint8)).astype(bool) == expected).mean() > 0.97


def test_a_blank_picture_is_told_from_every_other():
    assert picture_hash(np.full((20, 20), 7)) == BLANK
    assert picture_hash(picture(1))[0] & 0x80


@pytest.mark.parametrize("wrong", [np.zeros((2, 2, 3)), np.zeros((0, 4)), np.array([[np.nan, 1.0]]), np.array([["a"]])])
def test_what_is_no_grey_picture_is_refused(wrong):
    with pytest.raises(InputError):
        picture_hash(wrong)
