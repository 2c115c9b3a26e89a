"""Stored DICOM values to grey, held against the equations of PS3.3 C.11.1 and C.11.2."""

from typing import Any

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.pixels.processing import apply_voi_lut
from pydicom.sequence import Sequence

from mammoscribe.imaging.decode import decode_pixels
from mammoscribe.imaging.voi import Window, windows
from mammoscribe.support.errors import InputError
from tests.imaging.drawn import close, half_disc, mammogram

RAMP = np.arange(0, 4096, dtype=np.uint16).reshape(64, 64)


def lut(first: int, data: list[int], bits: int = 12, explanation: str = "") -> Dataset:
    item = Dataset()
    item.add_new("LUTDescriptor", "SS" if first < 0 else "US", [len(data), first, bits])
    item.add_new("LUTData", "US", data)
    if explanation:
        item.LUTExplanation = explanation
    return item


def grey_of(stored: np.ndarray = RAMP, **elements: Any) -> np.ndarray:
    return decode_pixels(mammogram(stored, **elements)).pixels


def test_without_a_voi_the_stored_bits_span_zero_to_one() -> None:
    assert close(grey_of(), RAMP / 4095, 1e-6)


def test_a_linear_window_follows_its_equation() -> None:
    expected = np.clip((RAMP - (2000 - 0.5)) / (3000 - 1) + 0.5, 0, 1)
    assert close(grey_of(WindowCenter=2000, WindowWidth=3000), expected, 1e-6)


def test_a_linear_window_of_width_one_is_a_threshold() -> None:
    assert np.array_equal(Window(2000, 1).apply(RAMP), (RAMP > 1999.5).astype(float))


def test_a_linear_exact_window_follows_its_equation() -> None:
    expected = np.clip((RAMP - 2000.0) / 3000 + 0.5, 0, 1)
    got = grey_of(WindowCenter=2000, WindowWidth=3000, VOILUTFunction="LINEAR_EXACT")
    assert close(got, expected, 1e-6)


def test_a_sigmoid_window_follows_its_equation() -> None:
    expected = 1 / (1 + np.exp(-4 * (RAMP - 2000.0) / 1000))
    got = grey_of(WindowCenter=2000, WindowWidth=1000, VOILUTFunction="SIGMOID")
    assert close(got, expected, 1e-6)


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_windows_agree_with_pydicom(function: str) -> None:
    dataset = mammogram(RAMP, WindowCenter=1800, WindowWidth=2500, VOILUTFunction=function)
    assert close(decode_pixels(dataset).pixels, apply_voi_lut(RAMP, dataset) / 4095, 1e-5)


def test_the_first_of_several_windows_is_used_and_said() -> None:
    dataset = mammogram(RAMP, WindowCenter=[2000, 1500], WindowWidth=[3000, 2900])
    assert [w.centre for w in windows(dataset)] == [2000, 1500]
    assert "window 2000/3000 LINEAR, 1 of 2" in decode_pixels(dataset).steps


def test_a_voi_lut_goes_before_the_window() -> None:
    table = list(range(4095, 95, -1))
    dataset = mammogram(RAMP, VOILUTSequence=Sequence([lut(10, table)]), WindowCenter=2000, WindowWidth=3000)
    got = decode_pixels(dataset)
    expected = np.array(table)[np.clip(RAMP.astype(int) - 10, 0, 3999)] / 4095
    assert close(got.pixels, expected, 1e-6)
    assert "VOI LUT to 4095, 1 of 1" in got.steps


def test_rescale_comes_before_the_window() -> None:
    expected = np.clip((RAMP * 2.0 - 100 - (4000 - 0.5)) / 5999 + 0.5, 0, 1)
    got = grey_of(RescaleSlope=2, RescaleIntercept=-100, WindowCenter=4000, WindowWidth=6000)
    assert close(got, expected, 1e-6)


def test_a_modality_lut_comes_before_the_window() -> None:
    table = [int(v) for v in np.arange(4096)[::-1]]
    dataset = mammogram(RAMP, ModalityLUTSequence=Sequence([lut(0, table)]), WindowCenter=2000, WindowWidth=3000)
    expected = np.clip((4095.0 - RAMP - (2000 - 0.5)) / 2999 + 0.5, 0, 1)
    assert close(decode_pixels(dataset).pixels, expected, 1e-6)


def test_monochrome1_is_inverted_after_the_window() -> None:
    expected = 1 - np.clip((RAMP - (1800 - 0.5)) / 2999 + 0.5, 0, 1)
    got = grey_of(PhotometricInterpretation="MONOCHROME1", WindowCenter=1800, WindowWidth=3000)
    assert close(got, expected, 1e-6)


def test_ten_bits_stored_in_sixteen_are_not_scaled_by_sixteen() -> None:
    stored = np.full((16, 16), 1023, np.uint16)
    assert grey_of(stored, bits=10).max() == 1.0


def test_bits_above_bits_stored_are_ignored() -> None:
    stored = (RAMP | 0x8000).astype(np.uint16)
    assert np.array_equal(grey_of(stored), grey_of(RAMP))


def test_signed_values_are_read_as_signed() -> None:
    stored = (RAMP.astype(np.int16) - 2048).astype(np.int16)
    assert close(grey_of(stored), RAMP / 4095, 1e-6)
    expected = np.clip((stored + 0.5) / 2999 + 0.5, 0, 1)
    assert close(grey_of(stored, WindowCenter=0, WindowWidth=3000), expected, 1e-6)


def test_signed_values_without_sign_extension_are_extended() -> None:
    signed = (RAMP.astype(np.int16) - 2048).astype(np.int16)
    cut = (signed & 0x0FFF).astype(np.int16)
    assert np.array_equal(grey_of(cut), grey_of(signed))


def test_raw_exposure_is_logged_and_dense_becomes_bright() -> None:
    dataset = mammogram(
        RAMP, PresentationIntentType="FOR PROCESSING", PixelIntensityRelationship="LIN",
        PixelIntensityRelationshipSign=1,
    )  # fmt: skip
    got = decode_pixels(dataset)
    assert close(got.pixels, 1 - np.log(np.maximum(RAMP, 1)) / np.log(4095), 1e-5)


def test_padding_becomes_background_in_monochrome1() -> None:
    got = grey_of(PhotometricInterpretation="MONOCHROME1", PixelPaddingValue=0)
    assert got.flat[0] == 0.0
    assert got.flat[1] == pytest.approx(1 - 1 / 4095, abs=1e-6)


@pytest.mark.parametrize(
    "broken",
    [
        {"WindowCenter": 2000, "WindowWidth": 3000, "VOILUTFunction": "CUBIC"},
        {"VOILUTSequence": Sequence([Dataset()])},
        {"VOILUTSequence": Sequence([lut(0, [1, 2, 3])]), "WindowCenter": 10, "WindowWidth": 20},
        {"WindowCenter": 40, "WindowWidth": 80},
        {"WindowCenter": 60000, "WindowWidth": 80},
        {"VOILUTSequence": Sequence([lut(0, [7] * 4096)])},
    ],
)
def test_what_shows_nothing_or_cannot_be_used_gives_way_to_the_range_of_the_bits_and_is_said(
    broken: dict[str, Any],
) -> None:
    stored = (half_disc() * 4000).astype(np.uint16)
    picture = decode_pixels(mammogram(stored, **broken))
    assert close(picture.pixels, stored / 4095, 1e-6)
    assert picture.warnings and all("full range of 12 bits is used instead" in w for w in picture.warnings)


@pytest.mark.parametrize(
    ("centre", "width", "told"),
    [
        ("n/a", "4096", "window n/a/4096 cannot be used (these are no numbers)"),
        ("2048", "", "Window Center without Window Width cannot be used"),
        ("", "4096", "Window Width without Window Center cannot be used"),
        ("0", "0", "window 0/0 cannot be used (it shows no range of values)"),
        ("2048", "-5", "window 2048/-5 cannot be used (it shows no range of values)"),
        ("nan", "4096", "window nan/4096 cannot be used (it shows no range of values)"),
    ],
)
def test_a_window_that_cannot_be_used_is_told(centre: str, width: str, told: str) -> None:
    dataset = mammogram((half_disc() * 4000).astype(np.uint16))
    dataset.add_new("WindowCenter", "LO", centre)
    dataset.add_new("WindowWidth", "LO", width)
    (warning,) = decode_pixels(dataset).warnings
    assert warning == f"{told}; full range of 12 bits is used instead"


def test_the_windows_beside_one_that_is_no_number_are_used() -> None:
    dataset = mammogram((half_disc() * 4000).astype(np.uint16))
    dataset.add_new("WindowCenter", "LO", ["x", "2000", "1500"])
    dataset.add_new("WindowWidth", "LO", ["3000", "4000,0", "2500"])
    assert [(w.centre, w.width) for w in windows(dataset)] == [(2000, 4000), (1500, 2500)]
    picture = decode_pixels(dataset)
    assert "window 2000/4000 LINEAR, 1 of 2" in picture.steps and "window x/3000" in picture.warnings[0]


@pytest.mark.parametrize(
    ("centre", "width", "share"), [(32768, 65535, "5%"), (8192, 16384, "20%"), (2048, 100000, "3%"), (0, 200000, "2%")]
)
def test_a_window_of_other_bits_in_which_all_is_one_grey_is_passed_over(centre: int, width: int, share: str) -> None:
    stored = (half_disc() * 4000).astype(np.uint16)
    picture = decode_pixels(mammogram(stored, WindowCenter=centre, WindowWidth=width))
    assert close(picture.pixels, stored / 4095, 1e-6)
    assert f"leaves the picture within {share} of the grey scale; full range of 12 bits is used" in picture.warnings[0]


def test_a_window_that_shows_half_of_the_grey_scale_is_kept() -> None:
    picture = decode_pixels(mammogram((half_disc() * 2000).astype(np.uint16), WindowCenter=2048, WindowWidth=4096))
    assert "window 2048/4096 LINEAR, 1 of 1" in picture.steps and picture.warnings == ()


def test_a_table_of_other_bits_in_which_all_is_one_grey_is_passed_over() -> None:
    stored = (half_disc() * 4000).astype(np.uint16)
    table = Dataset()
    table.LUTDescriptor = [0, 0, 16]
    table.add_new("LUTData", "OW", np.arange(65536, dtype="<u2").tobytes())
    picture = decode_pixels(mammogram(stored, VOILUTSequence=Sequence([table])))
    assert close(picture.pixels, stored / 4095, 1e-6) and "of the grey scale" in picture.warnings[0]


def test_the_next_window_is_used_where_the_first_burns_the_breast_out() -> None:
    stored = (half_disc() * 4000).astype(np.uint16)
    picture = decode_pixels(mammogram(stored, WindowCenter=[40, 2000], WindowWidth=[80, 4000]))
    assert close(picture.pixels, np.clip((stored - 1999.5) / 3999 + 0.5, 0, 1), 1e-6)
    assert "leaves 100% of the tissue black or white; window 2000/4000 LINEAR, 2 of 2 is used" in picture.warnings[0]


def test_a_window_that_cuts_noisy_air_and_the_brightest_tissue_is_kept() -> None:
    stored = np.clip(half_disc(noise=0.05) * 4000 + 60, 0, 4095).astype(np.uint16)
    picture = decode_pixels(mammogram(stored, WindowCenter=1700, WindowWidth=2400))
    assert (picture.pixels == 0).mean() > 0.3 and (picture.pixels == 1).mean() > 0.02
    assert "window 1700/2400 LINEAR, 1 of 1" in picture.steps and picture.warnings == ()


@pytest.mark.parametrize("claimed", [8, 10, 14, 16])
def test_a_lut_is_scaled_by_its_own_greatest_entry_whatever_bits_it_claims(claimed: int) -> None:
    stored = (half_disc() * 4000).astype(np.uint16)
    honest, claims = (
        decode_pixels(mammogram(stored, VOILUTSequence=Sequence([lut(0, list(range(4096)), bits)])))
        for bits in (12, claimed)
    )
    assert np.array_equal(honest.pixels, claims.pixels)
    assert close(claims.pixels, stored / 4095, 1e-6)


@pytest.mark.parametrize(("low", "high"), [(-32768, 32767), (-20000, 20000), (-30000, 10000)])
def test_a_signed_range_wider_than_sixteen_bits_keeps_its_order(low: int, high: int) -> None:
    stored = np.linspace(low, high, 64 * 64).astype(np.int16).reshape(64, 64)
    got = grey_of(stored, bits=16)
    assert np.all(np.diff(got.ravel()) >= 0)
    assert close(got, (stored.astype(float) + 32768) / 65535, 1e-6)


def test_unused_high_bits_do_not_darken_a_picture_without_a_window() -> None:
    stored = (half_disc() * 4000).astype(np.uint16)
    assert close(grey_of(stored, bits=16), stored / 4095, 1e-6)
    assert close(grey_of(stored.astype(np.int16), bits=16), stored / 4095, 1e-6)


def test_padding_written_as_an_unsigned_number_is_padding_of_signed_pixels() -> None:
    stored = (half_disc() * 4000).astype(np.int16) - 2000
    stored[:20, :20] = -2048
    got = decode_pixels(mammogram(stored, PixelPaddingValue=63488, WindowCenter=0, WindowWidth=4096))
    assert "padding set to background" in got.steps and not got.pixels[:20, :20].any()


@pytest.mark.parametrize("slope", [0, float("nan"), "1e20"])
def test_a_rescale_that_cannot_be_is_one_sentence(slope: Any) -> None:
    with pytest.raises(InputError, match="rescale in the header cannot be applied"):
        grey_of(RescaleSlope=slope, RescaleIntercept=3)


def test_colour_is_taken_as_luminance() -> None:
    colours = np.zeros((16, 16, 3), np.uint8)
    colours[..., 1] = 255
    dataset = mammogram(colours[..., 0], bits=8, SamplesPerPixel=3, PlanarConfiguration=0,
                        PhotometricInterpretation="RGB", PixelData=colours.tobytes())  # fmt: skip
    assert close(decode_pixels(dataset).pixels, np.full((16, 16), 0.587), 1e-5)
