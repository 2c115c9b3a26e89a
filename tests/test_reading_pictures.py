"""The pictures that the main path hands to the page: one of each view, one crop of each mark, the truth where known."""

import io
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from mammoscribe.evaluation.reading_records import decode_phantom
from mammoscribe.phantom import TRAINING_SPEC, draw_exam
from mammoscribe.reading import load_reader, read_exam, write_outputs


@pytest.fixture(scope="module")
def drawn():
    return draw_exam(100_004, replace(TRAINING_SPEC, prior_probability=1.0, lesion_probability=1.0))


@pytest.fixture(scope="module")
def decoded():
    return Counter()


@pytest.fixture(scope="module")
def reading(drawn, decoded):
    decode = decode_phantom(drawn)

    def counted(view):
        decoded[view.id] += 1
        return decode(view)

    return read_exam(drawn.exam, load_reader("starter"), decode=counted)


def test_every_mark_has_a_crop_and_only_views_with_marks_are_decoded_twice(reading, drawn, decoded):
    marks = [(f.id, m.view_id) for f in reading.report.findings for m in f.marks]
    assert marks
    assert sorted((c.finding_id, c.view_id) for c in reading.crops) == sorted(marks)
    marked = {view for _, view in marks}
    assert decoded == Counter({v.id: 2 if v.id in marked else 1 for v in drawn.exam.views})


def test_a_crop_shows_the_stored_pixels_of_its_region(reading, drawn):
    for crop in reading.crops:
        region = crop.region
        stored = drawn.pixels[crop.view_id][int(region.y0) : int(region.y1), int(region.x0) : int(region.x1)]
        shown = np.asarray(Image.open(io.BytesIO(crop.png)))
        assert shown.shape == stored.shape
        middle = (slice(64, -64), slice(64, -64))  # a lesion fills it, and its grey levels are not clipped
        assert np.corrcoef(shown[middle].ravel(), stored[middle].ravel())[0, 1] > 0.9


def test_without_pictures_no_crop_is_cut(drawn):
    assert read_exam(drawn.exam, load_reader("starter"), decode=decode_phantom(drawn), images=False).crops == ()


def test_the_page_shows_the_truth_that_it_is_given(reading, drawn, tmp_path):
    (page,) = write_outputs(reading, tmp_path, ("html",), truth=drawn.findings)
    assert page.read_text().count('<rect class="truth"') == sum(len(f.marks) for f in drawn.findings)
    (page,) = write_outputs(reading, tmp_path, ("html",))
    assert '<rect class="truth"' not in page.read_text()
