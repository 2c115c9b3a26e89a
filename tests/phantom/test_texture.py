import numpy as np
import pytest

from mammoscribe.phantom.streams import stream
from mammoscribe.phantom.texture import lines, power_law_pair, splat, upsample2


def spectral_slope(field: np.ndarray, pitch_mm: float, low: float = 0.15, high: float = 0.7) -> float:
    """Exponent of the power spectrum between two frequencies (1/mm), Hann windowed against leakage."""
    n = field.shape[0]
    window = np.hanning(n)[:, None] * np.hanning(n)
    power = np.abs(np.fft.fft2((field - field.mean()) * window)) ** 2
    frequency = np.hypot(np.fft.fftfreq(n, pitch_mm)[:, None], np.fft.fftfreq(n, pitch_mm))
    band = (frequency > low) & (frequency < high)
    return -np.polyfit(np.log(frequency[band]), np.log(power[band]), 1)[0]


@pytest.mark.parametrize("beta", [2.47, 2.8, 3.17, 3.3])
def test_power_law_fields_have_the_exponent_asked_for(beta):
    field, _ = power_law_pair(stream(3, "texture", str(beta)), (768, 768), beta)
    pieces = [field[r : r + 128, c : c + 128] for r in range(0, 768, 128) for c in range(0, 768, 128)]
    assert np.mean([spectral_slope(p, 0.2) for p in pieces]) == pytest.approx(beta, abs=0.12)


def test_power_law_fields_have_unit_variance_and_are_independent():
    a, b = power_law_pair(stream(5, "texture"), (600, 500), 3.0, corner_px=40)
    assert a.shape == b.shape == (600, 500)
    assert a.std() == pytest.approx(1, abs=0.15)
    assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 0.2


def test_doubling_keeps_means_and_ramps():
    ramp = np.arange(12, dtype=np.float32)[:, None] * np.ones((1, 8), np.float32)
    doubled = upsample2(ramp)
    assert doubled.shape == (24, 16)
    assert doubled.mean() == pytest.approx(ramp.mean())
    np.testing.assert_allclose(np.diff(doubled[1:-1, 0]), 0.5)


def test_splatted_points_keep_their_weight_and_place():
    drawn = splat((20, 30), np.array([10.5, -5.0]), np.array([7.25, 3.0]), np.array([2.0, 9.0]))
    assert drawn.sum() == pytest.approx(2.0)
    assert (drawn * np.arange(30)).sum() / drawn.sum() == pytest.approx(6.75)


@pytest.mark.parametrize("width_px", [2.0, 5.0])
def test_a_line_of_unit_weight_has_a_crest_of_one(width_px):
    along = np.linspace(5, 75, 400)[None, :]
    drawn = lines((40, 80), np.full_like(along, 20.5), along, np.ones_like(along), width_px)
    assert drawn[:, 40].max() == pytest.approx(1, abs=0.1)
