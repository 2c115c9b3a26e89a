"""Figures of a joint space: pointing, contrast, chance, zero-shot AUC by kind."""

import numpy as np
import pytest
import torch

from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.view import Box
from mammoscribe.evaluation.joint import KindResult, PhraseResult, kind_rows, phrase_rows, point, tell_kinds
from mammoscribe.explain.zero_shot import PromptSet
from mammoscribe.models.joint_space import JointImages
from mammoscribe.support.errors import InputError
from tests.models.tiny_space import mammogram, tiny_space
from tests.nouns import make_finding


class SpotSpace:
    """Its patches agree with `mass` in the cell of the bright spot alone, and with nothing else anywhere."""

    name, dim, smoothing_patches = "spot", 2, 0.5

    def embed_images(self, images, priors=None):
        patches = torch.zeros(len(images), 2, 12, 8)
        patches[:, 1] = 1.0
        for i, image in enumerate(images):
            x, y = image.placement.to_canvas_point(57.0, 107.0)
            patches[i, :, int(y / 8), int(x / 8)] = torch.tensor([1.0, 0.0])
        return JointImages(patches, torch.tensor([[1.0, 0.2]]).expand(len(images), 2), patches.mean((2, 3)))

    def embed_texts(self, texts):
        return torch.tensor([[1.0, 0.0] if t.startswith("mass") else [0.0, 1.0] for t in texts])


@pytest.fixture
def image(tmp_path):
    return tiny_space().prepare(mammogram(tmp_path / "L_CC.png"))


def test_a_map_that_peaks_in_the_box_hits_it_and_another_does_not(image):
    spot, away = Box(45, 95, 70, 120), Box(5, 150, 25, 170)
    told = [("mass", FindingType.MASS, spot), ("mass", FindingType.MASS, away)]
    hit, miss = point(SpotSpace(), image, "p", told)
    assert hit.hit and hit.cnr > 1 and not miss.hit
    assert 0 < hit.chance < 0.1
    assert point(SpotSpace(), image, "p", []) == []


def test_kinds_are_told_by_the_sets_named_after_them(image):
    sets = [PromptSet("mass", ("mass here",), ("none",))]
    (told,) = tell_kinds(SpotSpace(), image, "p", [make_finding(FindingType.MASS)], sets)
    with pytest.raises(InputError, match="prompt set for pneumonia"):
        tell_kinds(SpotSpace(), image, "p", [], [PromptSet("pneumonia", ("mass",), ("no",))])
    assert told.kind is FindingType.MASS and told.present and told.difference > 0


def test_rows_hold_every_kind_that_was_measured():
    phrases = [PhraseResult(f"p{i}", FindingType.MASS, i % 2 == 0, 1.0 + i, 0.1) for i in range(8)]
    rows = {r.what: r.value for r in phrase_rows(phrases, "test")}
    assert rows["test: pointing game"] == 0.5 and rows["test, mass: pointing game"] == 0.5
    assert rows["test: CNR"] == pytest.approx(4.5) and rows["test: a blind pointer"] == pytest.approx(0.1)
    assert "test, asymmetry: CNR" not in rows


def test_zero_shot_auc_is_over_views_that_show_the_kind_and_views_that_do_not():
    rng = np.random.default_rng(0)
    kinds = [KindResult(f"p{i}", FindingType.MASS, i < 10, float(i < 10) + rng.normal(0, 0.1)) for i in range(20)]
    kinds += [KindResult(f"p{i}", FindingType.ASYMMETRY, False, 0.0) for i in range(20)]
    (row,) = kind_rows(kinds, "test")
    assert row.what == "test, mass: zero-shot AUC" and row.value == 1.0 and row.n == "20 views, 10 with it"
