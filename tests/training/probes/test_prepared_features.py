"""Features of prepared data: computed once for pictures and weights, resumable, shared by processes, joined with labels."""

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.engine_processes import in_ranks
from mammoscribe.data.labelled import LabelKind
from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.support.errors import InputError
from mammoscribe.training.probes import prepared_features
from mammoscribe.training.probes.feature_set import FeatureKind
from mammoscribe.training.probes.towers import BackboneTower, Embedded, open_tower, picture_batch
from tests.training.probes.lab import chest_lab
from tests.training.reader.lab import boxed_lab, labelled_lab


@pytest.fixture
def chest(tmp_path) -> Path:
    return chest_lab(tmp_path / "lab", patients=8, views=2)


@pytest.fixture
def passes(monkeypatch) -> list[int]:
    """Pictures of every pass of a backbone."""
    seen: list[int] = []
    forward = BackboneTower.forward

    def counted(self, pictures) -> Embedded:
        seen.append(len(pictures.images))
        return forward(self, pictures)

    monkeypatch.setattr(BackboneTower, "forward", counted)
    monkeypatch.setattr(prepared_features, "RECORDS_AT_ONCE", 2)
    return seen


def of(folder: Path):
    return prepared_features.prepared_features([folder], "debug", FeatureKind.POOLED)


def test_an_items_features_are_the_mean_of_its_pictures_and_its_labels_stand_beside_them(chest):
    found = of(chest)
    assert (len(found), found.classes) == (8, ("edema", "fracture"))
    assert set(found.splits) == {"train", "val", "test"} and found.kinds == (LabelKind.PRESENCE,) * 2
    dataset, tower = PreparedDataset(chest), open_tower("debug")
    for number in range(8):
        row = found.ids.index(dataset[number].record.id)
        with torch.no_grad():
            both = tower(picture_batch(prepared_features.shown_pictures(dataset, tower, number))).pooled
        np.testing.assert_allclose(found.features[row], both.numpy().mean(0), rtol=1e-4, atol=1e-6)
        said = dataset[number].record.labels
        assert found.labels[row, 0] == float(said["chexpert_edema"])
        assert np.isnan(found.labels[row, 1]) == ("chexpert_fracture" not in said)


def test_features_are_computed_once(chest, passes):
    first = of(chest)
    assert sum(passes) == 16
    again = of(chest)
    assert sum(passes) == 16 and again.digest == first.digest
    (kept,) = (chest.parent / "prepared.features").iterdir()
    assert kept.suffix == ".safetensors"


def test_other_weights_have_their_own_file(chest, passes):
    of(chest)
    dataset, tower = PreparedDataset(chest), open_tower("debug")
    tower.digest = "other"
    prepared_features.picture_features(dataset, tower)
    assert sum(passes) == 32 and len(list((chest.parent / "prepared.features").iterdir())) == 2


def test_a_stopped_run_goes_on(chest, passes, monkeypatch):
    counted = BackboneTower.forward

    def killed(self, pictures):
        if sum(passes) >= 8:
            raise KeyboardInterrupt
        return counted(self, pictures)

    monkeypatch.setattr(BackboneTower, "forward", killed)
    with pytest.raises(KeyboardInterrupt):
        of(chest)
    monkeypatch.setattr(BackboneTower, "forward", counted)
    features = of(chest)
    assert sum(passes) == 16  # eight before, eight after
    for path in (chest.parent / "prepared.features").iterdir():
        path.unlink()
    assert of(chest).digest == features.digest


def test_two_processes_share_the_work(chest):
    alone = of(chest).digest
    (kept,) = (chest.parent / "prepared.features").iterdir()
    kept.unlink()
    found = in_ranks(2, chest.parent / "ranks", _in_rank, chest)
    assert [digest for digest, _ in found] == [alone, alone]
    assert [pictures for _, pictures in found] == [8, 8]


def _in_rank(folder: Path) -> tuple[str, int]:
    """Digest of the features, and how many pictures this process embedded."""
    torch.distributed.init_process_group("gloo")
    torch.set_num_threads(1)
    prepared_features.RECORDS_AT_ONCE = 2
    seen: list[int] = []
    forward = BackboneTower.forward
    BackboneTower.forward = lambda self, pictures: (seen.append(len(pictures.images)), forward(self, pictures))[1]
    return of(folder).digest, sum(seen)


def test_what_one_process_cannot_do_ends_all_with_one_sentence(chest, monkeypatch):
    def broken(self, found):
        raise InputError("a picture that this tower cannot take")

    monkeypatch.setattr(BackboneTower, "shown", broken)
    with pytest.raises(InputError, match="cannot take"):
        of(chest)


def test_features_that_are_damaged_are_one_sentence(chest):
    of(chest)
    (kept,) = (chest.parent / "prepared.features").iterdir()
    kept.write_bytes(b"nothing")
    with pytest.raises(InputError, match="cannot be read"):
        of(chest)


def test_breasts_of_mammograms_are_items_in_the_joint_space_of_the_starter(tmp_path):
    folder = labelled_lab(tmp_path, 3, "reader-lite")
    found = prepared_features.prepared_features([folder], "starter", FeatureKind.PROJECTED)
    assert found.classes == ("dense", "malignant", "recall")
    assert len(found) == 6 and len(set(found.patients)) == 3
    assert found.labels[:, 1].tolist() == [1, 0, 0, 0, 1, 0]
    assert found.kind is FeatureKind.PROJECTED and found.model.startswith("starter")


def test_boxes_and_changes_of_phantoms_become_classes(tmp_path):
    folder = boxed_lab(tmp_path, "reader-lite")
    found = prepared_features.prepared_features([folder], "starter", FeatureKind.POOLED)
    kinds = dict(zip(found.classes, found.kinds, strict=True))
    assert kinds["mass"] is LabelKind.PRESENCE
    changes = [name for name, kind in kinds.items() if kind is LabelKind.CHANGE]
    assert changes and all(name.startswith("change of ") for name in changes)
    known = ~np.isnan(found.labels[:, [found.classes.index(c) for c in changes]]).all(axis=1)
    assert known.any() and found.has_prior[known].all()


def test_two_folders_are_one_set_whose_ids_differ(chest):
    found = prepared_features.prepared_features([chest, chest], "debug", FeatureKind.POOLED)
    assert len(found) == len(set(found.ids)) == 16
    np.testing.assert_array_equal(found.features[:8], found.features[8:])


def test_a_backbone_has_no_joint_space(chest):
    with pytest.raises(InputError, match="joint features of debug, which has none"):
        prepared_features.prepared_features([chest], "debug", FeatureKind.PROJECTED)
