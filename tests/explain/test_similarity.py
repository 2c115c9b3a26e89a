"""Sentence pairs: similarity, the fitted threshold, AUC, files of pairs; the nearest report."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from mammoscribe.explain.similarity import (
    Pair,
    best_threshold,
    nearest_reports,
    pair_figures,
    read_pairs,
    sentence_similarities,
)
from mammoscribe.explain.store import Item, Kind, build_store
from mammoscribe.support.errors import InputError
from tests.explain.fake_space import BrightnessSpace, spot_png


def pair_file(folder: Path, text: str) -> Path:
    path = folder / "pairs.csv"
    path.write_text(text)
    return path


def test_similarities_are_cosines_pair_by_pair():
    space = BrightnessSpace()
    found = sentence_similarities(space, ["bright", "bright", "a lump"], ["bright one", "dark", "another"])
    assert found[:2] == pytest.approx([1, 0], abs=1e-6)
    one, other = space.embed_texts(["a lump", "another"])
    assert found[2] == pytest.approx(float(one @ other), abs=1e-6)
    with pytest.raises(InputError, match="2 sentences beside 1"):
        sentence_similarities(space, ["a", "b"], ["c"])


scored = st.lists(st.tuples(st.integers(-4, 4), st.booleans()), min_size=1, max_size=25)


@given(scored)
def test_no_other_threshold_is_right_more_often(pairs):
    scores, alike = np.array([s for s, _ in pairs], float), np.array([a for _, a in pairs])
    best = ((scores >= best_threshold(scores, alike)) == alike).sum()
    assert all(((scores >= t) == alike).sum() <= best for t in np.arange(-5, 6, 0.5))


@given(scored)
def test_the_auc_is_that_of_the_roc_curve(pairs):
    scores, alike = np.array([s for s, _ in pairs], float), np.array([a for _, a in pairs])
    found = pair_figures(scores, alike)
    assert (found.alike, found.opposed) == (alike.sum(), (~alike).sum())
    if 0 < alike.sum() < len(alike):
        assert found.auc == pytest.approx(roc_auc_score(alike, scores))
    else:
        assert np.isnan(found.auc)


def test_a_threshold_from_elsewhere_is_used_and_said():
    scores, alike = np.array([0.2, 0.4, 0.6]), np.array([False, True, True])
    fitted, given_one = pair_figures(scores, alike), pair_figures(scores, alike, 0.5)
    assert (fitted.threshold, fitted.accuracy, fitted.fitted) == (pytest.approx(0.3), 1.0, True)
    assert (given_one.threshold, given_one.accuracy, given_one.fitted) == (0.5, pytest.approx(2 / 3), False)


def test_pairs_are_read_under_the_names_that_data_sets_use(tmp_path):
    path = pair_file(tmp_path, "sentence1,sentence2,gold_label\na,b,Entailment\nc,d,contradiction\ne,f,neutral\n")
    assert read_pairs(path) == ([Pair("a", "b", True), Pair("c", "d", False)], 1)
    path = pair_file(tmp_path, "sentence_1,sentence_2,category\na,b,paraphrase\n")
    assert read_pairs(path) == ([Pair("a", "b", True)], 0)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a,b\n1,2\n", "columns a, b; expected one called sentence_1"),
        ("sentence_1,sentence_2,label\na,b,maybe\n", "label 'maybe' in line 2"),
        ("sentence_1,sentence_2,label\na,,1\n", "line 2 of .* lacks a sentence"),
        ("sentence_1,sentence_2,label\na,b,neutral\n", "no pair"),
        ("", "is empty"),
        ("sentence_1,sentence_2,label\n", "has no rows"),
    ],
)
def test_a_file_that_holds_no_pairs_says_why(text, told, tmp_path):
    with pytest.raises(InputError, match=told):
        read_pairs(pair_file(tmp_path, text))


def test_the_nearest_report_of_a_bright_picture_is_the_bright_one(tmp_path):
    space = BrightnessSpace(whole=False)
    reports = [Item("r1", "dark"), Item("r2", "a lump"), Item("r3", "bright")]
    store = build_store(space, Kind.TEXTS, reports, tmp_path / "reports")
    image = space.prepare(spot_png(tmp_path / "a.png", 60, 80, side=110))
    ((best,),) = nearest_reports(space, [image], store)
    assert best.item.id == "r3"


def test_a_store_of_pictures_holds_no_reports(tmp_path):
    space = BrightnessSpace()
    items = [Item("p", str(spot_png(tmp_path / "a.png", 60, 80)))]
    store = build_store(space, Kind.IMAGES, items, tmp_path / "images")
    with pytest.raises(InputError, match="holds images"):
        nearest_reports(space, [space.prepare(tmp_path / "a.png")], store)
