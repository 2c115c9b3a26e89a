"""Prepared exams as a reading has them: against the views that a reading prepares from the same files."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.domain.view import Origin, SpacingSource
from mammoscribe.evaluation.stored_views import check_preparation, check_scales, rebuilt
from mammoscribe.imaging.decode import decode_mammogram
from mammoscribe.imaging.prepare import prepare_view, resample
from mammoscribe.models.reader.network import PRESETS
from mammoscribe.support.errors import InputError
from tests.training.fine_lab import fine_lab


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    root = tmp_path_factory.mktemp("fine")
    return root / "files", fine_lab(root, 2)


def rebuilt_first(folder, only=None):
    dataset = PreparedDataset(folder)
    stored = next(s for s in dataset if dataset.prior_of(s) is not None)
    return rebuilt(stored, dataset.prior_of(stored), True, 200.0, only)


def test_an_exam_has_its_prior_and_every_scale(lab):
    exam, canvases = rebuilt_first(lab[1])
    assert len(exam.current) == len(exam.prior) == 4 and exam.origin is Origin.SYNTHETIC
    names = {v.id for v in exam.views}
    assert set(canvases.first) == set(canvases.detail) == set(canvases.fine) == names


def test_one_view_has_its_own_prior_alone(lab):
    exam, canvases = rebuilt_first(lab[1], only=2)
    (view,), (prior,) = exam.current, exam.prior
    assert (view.laterality, view.projection) == (prior.laterality, prior.projection)
    assert exam.prior_of(view) is prior and set(canvases.detail) == {view.id, prior.id}


@pytest.mark.parametrize(("um", "grain"), [(500.0, 1 / 212), (200.0, 1 / 212), (100.0, 2e-5)])
def test_a_canvas_is_that_of_a_reading_to_the_grain_of_its_bits(um, grain, lab):
    files, folder = lab
    exam, canvases = rebuilt_first(folder)
    stored = {500.0: canvases.first, 200.0: canvases.detail, 100.0: canvases.fine}[um]
    for view in exam.views:
        picture = decode_mammogram(files / view.source)
        known = replace(view, spacing_mm=(0.1, 0.1), spacing_source=SpacingSource.DECLARED)
        first = prepare_view(known, picture, 500.0, (384, 224))
        expected = first if um == 500.0 else resample(picture, first, um)
        found = stored[view.id]
        np.testing.assert_allclose(found.pixels, expected.pixels, atol=grain)
        assert (found.mask != expected.mask).mean() < 0.02
        assert found.placement == expected.placement
        assert found.nipple_xy == pytest.approx(expected.nipple_xy, abs=1e-6)


def test_a_scale_that_was_not_prepared_is_named(lab):
    dataset = PreparedDataset(lab[1])
    check_scales(dataset, (200.0, 100.0), "calcifications")
    with pytest.raises(InputError, match="without pictures of 50 um per pixel; expected those of --as more"):
        check_scales(dataset, (200.0, 50.0), "more")


AS = {"small": "reader", "lite": "reader-lite", "base": "reader-base"}


@pytest.mark.parametrize("preset", AS)
def test_an_error_names_the_preparation_that_fits_the_reader(preset):
    prepared = {"preparation": {"name": "joint", "um_per_px": None, "canvas_px": None}}
    dataset = cast(Any, SimpleNamespace(folder="prepared", about=prepared))
    with pytest.raises(InputError, match=rf"prepared was prepared as joint; .*--as {AS[preset]}\.?$"):
        check_preparation(dataset, PRESETS[preset]())
