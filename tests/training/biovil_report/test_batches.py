"""Items and batches: the prior report before the report, exams that lose what came before, padding that is not predicted."""

from dataclasses import replace

import numpy as np
import pytest

from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.models.biovil.report_frames import IGNORED
from mammoscribe.support.errors import InvalidNoun
from mammoscribe.training.biovil.batches import Show
from mammoscribe.training.biovil.pairs import Choice, ImagePairs
from mammoscribe.training.biovil_report.batches import (
    MakeReport,
    PairsWithPriorTexts,
    PriorDropout,
    collate_reports,
)
from mammoscribe.training.biovil_report.task import report_counts
from tests.models.tiny_report import CLS, SEP, frames
from tests.training.biovil.lab import breast_lab
from tests.training.biovil_report.lab import EARLIER, chest_lab

pytest.importorskip("transformers")
SENTENCES = (
    "there is an opacity in the upper lower right left lung number 0 1 2 . lungs are clear , and heart of normal size"
)
WORDS = tuple(SENTENCES.split())


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    pairs = ImagePairs(PreparedDataset(chest_lab(tmp_path_factory.mktemp("chest"), 8)), Choice())
    return PairsWithPriorTexts(pairs)


def items_of(given, folder, dropout=None, seeds=(0,), **more):
    make = MakeReport(Show("published", 64, None), frames(folder, WORDS, 48, 20), dropout, **more)
    return [make(one, np.random.default_rng((seed, n))) for seed in seeds for n, one in enumerate(given)]


def test_an_exam_has_the_report_of_its_earlier_picture_before_it(given):
    with_prior = [one for one in given if one.pair.prior is not None]
    assert len(given) == 12 and len(with_prior) == 4
    for one in given:
        expected = None if one.pair.prior is None else EARLIER
        assert (one.prior_text and one.prior_text.text) == expected


def test_a_breast_has_what_was_said_of_the_same_breast_before(tmp_path):
    pairs = ImagePairs(PreparedDataset(breast_lab(tmp_path, 3)), Choice())
    texts = [pairs.prior_text(n) for n in range(len(pairs))]
    assert pairs.with_prior.any() and texts == [None] * len(pairs)  # earlier exams of this lab have no report


def test_tokens_of_the_prior_report_and_of_padding_are_never_predicted(given, tmp_path):
    words = frames(tmp_path, WORDS, 48, 20)
    batch = collate_reports(items_of(given, tmp_path), words, "x")
    before = words.ids(EARLIER)
    for row, one in enumerate(given):
        said = words.ids(one.pair.text.text)
        prompt = [CLS, *(before if one.prior_text else []), SEP]
        whole = [*prompt, *said, SEP]
        length = len(whole) - 1
        assert batch.ids[row, :length].tolist() == whole[:-1]
        assert batch.mask[row].tolist() == [1] * length + [0] * (batch.ids.shape[1] - length)
        expected = [IGNORED] * (len(prompt) - 1) + said + [SEP]
        assert batch.labels[row].tolist() == expected + [IGNORED] * (batch.ids.shape[1] - length)
        assert batch.kinds[row, : len(prompt)].all() and not batch.kinds[row, len(prompt) :].any()
    assert report_counts({"a": batch, "b": batch}) == {
        "token": 2.0 * sum(len(words.ids(one.pair.text.text)) + 1 for one in given)
    }


def shares(items) -> tuple[float, float]:
    """Of exams with a prior: how many show no earlier picture, and how many of the others no earlier report."""
    with_prior = [item for n, item in enumerate(items) if n % 12 in WITH_PRIOR]
    kept = [item for item in with_prior if item.prior is not None]
    lost = [item for item in with_prior if item.prior is None]
    assert all(item.framed.ids[:2].tolist() == [CLS, SEP] for item in lost)
    return len(lost) / len(with_prior), sum(item.framed.ids[1] == SEP for item in kept) / max(1, len(kept))


WITH_PRIOR: tuple[int, ...] = ()


@pytest.fixture(autouse=True)
def _which_have_a_prior(given, monkeypatch):
    numbers = tuple(n for n, one in enumerate(given) if one.pair.prior is not None)
    monkeypatch.setattr(f"{__name__}.WITH_PRIOR", numbers)


def test_some_exams_lose_their_earlier_picture_with_its_report_and_some_the_report_alone(given, tmp_path):
    items = items_of(given, tmp_path, PriorDropout(0.4, 0.3), seeds=range(30))
    both, report = shares(items)
    assert both == pytest.approx(0.4, abs=0.12) and report == pytest.approx(0.3, abs=0.12)
    assert shares(items_of(given, tmp_path, PriorDropout(0, 0), seeds=range(3))) == (0, 0)
    assert shares(items_of(given, tmp_path, PriorDropout(1, 0), seeds=range(3)))[0] == 1
    assert shares(items_of(given, tmp_path, PriorDropout(0, 1), seeds=range(3))) == (0, 1)
    assert shares(items_of(given, tmp_path, None, seeds=range(3))) == (0, 0)


def test_a_first_exam_is_the_same_with_and_without_dropout(given, tmp_path):
    first = [replace(one) for one in given if one.pair.prior is None]
    one, two = (items_of(first, tmp_path, dropout) for dropout in (None, PriorDropout(1, 1)))
    for a, b in zip(one, two, strict=True):
        assert np.array_equal(a.image, b.image) and np.array_equal(a.framed.ids, b.framed.ids)


@pytest.mark.parametrize("wrong", [{"both": -0.1}, {"report": 1.1}, {"both": float("nan")}])
def test_shares_that_are_none_are_refused(wrong):
    with pytest.raises(InvalidNoun):
        PriorDropout(**wrong)
