"""The perceptual hash: near for copies, far for others."""

import io

import numpy as np
import pytest
from PIL import Image

from mammoscribe.imaging.perceptual import BLANK, HASH_BYTES, MIRRORED, area_average, picture_hash
from mammoscribe.support.errors import InputError

GOLDEN = "c4228595c2e199d00382e6b25f831054833a2ea857c0a580673bf7c4f2f27831"


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


def test_one_side_made_brighter_changes_little():
    original = picture(1).clip(0)
    ramp = np.linspace(0.6, 1.4, original.shape[1])
    assert bits(picture_hash(original), picture_hash(original * ramp)) <= 20


def test_a_mirrored_picture_turns_the_odd_waves():
    value, mirrored = (np.frombuffer(picture_hash(p), np.uint8) for p in (picture(1), picture(1)[:, ::-1]))
    assert bits((value ^ MIRRORED).tobytes(), mirrored.tobytes()) <= 2
    assert bits(value.tobytes(), mirrored.tobytes()) > 60


def test_the_hash_never_changes():
    """Prepared shards hold hashes: a change of the rule makes them useless beside new ones."""
    ramp = np.add.outer(np.arange(40) ** 2, 7 * np.arange(30)) % 256
    assert bits(picture_hash(ramp), bytes.fromhex(GOLDEN)) <= 1  # sums of floats may differ in the last place


def test_an_area_average_is_exact_for_parts_of_pixels():
    found = area_average(np.array([[0.0, 1.0, 5.0]]), 2)  # halves of 1.5 pixels: 1/3 and 11/3
    assert found == pytest.approx(np.array([[-1, 1], [-1, 1]]))


def test_an_even_picture_has_no_structure_made_of_rounding():
    assert not area_average(np.full((50, 41), 0.3), 16).any()


def test_values_of_any_size_do():
    assert bits(picture_hash(picture(1)), picture_hash((picture(1) / 10 + 1e7).astype(np.float32))) <= 20
    assert bits(picture_hash(picture(1)), picture_hash(picture(1).astype(float) * 1e200)) == 0


def test_a_blank_picture_is_told_from_every_other():
    assert picture_hash(np.full((20, 20), 7)) == BLANK
    assert picture_hash(picture(1))[0] & 0x80


@pytest.mark.parametrize("wrong", [np.zeros((2, 2, 3)), np.zeros((0, 4)), np.array([[np.nan, 1.0]]), np.array([["a"]])])
def test_what_is_no_grey_picture_is_refused(wrong):
    with pytest.raises(InputError):
        picture_hash(wrong)
