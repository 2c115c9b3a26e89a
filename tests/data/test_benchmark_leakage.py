"""The benchmark of the audit: what it copies, what it calls found, and bars that can be missed."""

import numpy as np
import pytest
from PIL import Image

from benchmarks import leakage
from benchmarks.leakage import Copy, Listed, Report
from mammoscribe.imaging.likeness import small_picture
from mammoscribe.imaging.perceptual import picture_hash


def tissue(seed):
    return np.kron(np.random.default_rng(seed).integers(0, 256, (40, 30), dtype=np.uint8), np.ones((5, 5), np.uint8))


def test_every_copy_is_another_picture_and_most_are_found():
    pixels = tissue(0)
    made = leakage.copies_of(pixels, picture_hash(pixels), small_picture(pixels), np.random.default_rng(0))
    changed = [change(pixels, np.random.default_rng(0)) for change, _ in leakage.COPIES.values()]
    assert all(copy.shape != pixels.shape or (copy != pixels).any() for copy in changed)
    assert sum(copy.found for copy in made.values()) >= 8


@pytest.mark.parametrize(
    ("bits", "like", "found"), [(28, None, True), (29, None, False), (40, 0.6, True), (40, 0.5, False)]
)
def test_a_copy_is_found_by_its_hash_or_by_its_likeness(bits, like, found):
    assert Copy(bits, like).found is found


def test_the_same_picture_of_two_patients_misses_the_bar(tmp_path):
    pictures = []
    for number, seed in enumerate((0, 1, 2, 2)):
        path = tmp_path / f"{number}.png"
        Image.fromarray(tissue(seed)).save(path)
        pictures.append(Listed("drawn", f"p{number}", path))
    rows = leakage.picture_rows(pictures, second=True)
    (same,) = [row for row in rows if row.what.endswith("called the same")]
    assert (same.value, same.met) == (1, False)
    (resized,) = [row for row in rows if row.what.endswith("found, half the size")]
    assert (resized.value, resized.met) == (1, True)


def test_injected_copies_of_reports_are_counted_by_what_is_said_of_them():
    told = ("one lobed mass of the upper outer quarter", "its rim is blurred towards the skin", "no node is enlarged")
    held = [Report(f"r{n}", ". ".join(f"{part} {n}" for part in told) + ".", n % 20 == 0) for n in range(120)]
    rows = {row.what: row.value for row in leakage.text_rows("made", held) if not row.what.startswith("…")}
    assert rows["made: pairs of different reports called copies"] == 0
    assert rows["made: copies, called so"] == rows["made: copies, not normal, called so"] == 1
    assert rows["made: copies without one sentence, called so"] == 0


def test_a_report_that_two_patients_have_misses_the_bar():
    held = [Report(f"r{n}", f"The node number {n} is round, and measures {n} mm across.", False) for n in range(120)]
    text = " ".join(f"The mass number {n} is lobed, and lies deep within the upper outer quarter." for n in (1, 2))
    rows = leakage.text_rows("made", [*held, Report("a", text, False), Report("b", text, False)], bar=0)
    assert (rows[0].value, rows[0].met) == (1, False)
    assert leakage.text_rows("made", held, bar=0)[0].met


def test_time_is_measured_with_pairs_that_can_be_missed():
    found = leakage.measure_time(2000)
    assert found["found"] == 1 and found["seconds"] > 0
