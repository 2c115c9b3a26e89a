"""A folder of a report writer: pictures with and without what came before, one by one as together."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from mammoscribe.models.biovil.report_model import AT_ONCE, Pictures, load_report_model
from mammoscribe.support.errors import InputError
from tests.models.tiny_joint import picture
from tests.models.tiny_report import write_tiny_report

pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return load_report_model(write_tiny_report(tmp_path_factory.mktemp("writer"), Pictures.MAMMOGRAM))


def test_pictures_together_are_written_about_as_each_alone(model):
    images = [picture(n) for n in range(AT_ONCE + 2)]
    priors = [picture(50 + n) if n % 3 == 0 else None for n in range(len(images))]
    said = ["a new mass." if n % 4 == 0 else None for n in range(len(images))]
    together = model.write(images, priors, said)
    alone = [model.write([i], [p], [t])[0] for i, p, t in zip(images, priors, said, strict=True)]
    assert together == alone and len({w.text for w in together}) > 1


def test_what_came_before_changes_what_is_written(model):
    drafts = [model._look([picture(1)], [prior]).patches for prior in (None, picture(2), picture(3))]
    assert all(not np.allclose(a, b, atol=1e-3) for a, b in pairwise(drafts))


def test_air_is_not_looked_at(model):
    shown = np.zeros((64, 64), bool)
    shown[:32] = True
    looked = model._look([replace(picture(1), shown=shown), picture(2)], [None, None])
    assert looked.shown.tolist() == [[True, True, False, False], [True] * 4]


def test_numbers_that_do_not_fit_are_refused(model):
    with pytest.raises(InputError, match="one each"):
        model.write([picture(1)], [None, None])
