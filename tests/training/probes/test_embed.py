"""Feature sets: valid at birth, the same after a round trip, built from any joint space, resumed, bad pictures named."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mammoscribe.data.labelled import LabelKind, read_labels
from mammoscribe.support.errors import InputError, InvalidNoun
from mammoscribe.training.probes import embed
from mammoscribe.training.probes.embed import build_features
from mammoscribe.training.probes.feature_set import FeatureKind, load_features, save_features
from tests.feature_sets import DIM, NumberSpace, make_features


@pytest.fixture
def table(tmp_path):
    """Ten pictures of value 0 to 9, of which picture 3 is not there; every second one has a prior of value 1."""
    lines = ["path,prior_path,split,edema"]
    for i in range(10):
        if i != 3:
            (tmp_path / f"{i}.txt").write_text(str(i))
        lines.append(f"{i}.txt,{'1.txt' if i % 2 else ''},{'test' if i > 7 else 'train'},{i % 2}")
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    return read_labels(tmp_path / "labels.csv")


def test_a_picture_becomes_a_row_and_a_bad_one_a_reason(table, tmp_path):
    seen = []
    space = NumberSpace()
    made = build_features(space, table, tmp_path / "f.npz", FeatureKind.PROJECTED, report=lambda *n: seen.append(n))
    assert made.ids == tuple(f"{i}.txt" for i in range(10) if i != 3)
    assert made.skipped == (("3.txt", "3.txt is not there."),)
    np.testing.assert_array_equal(made.features, np.array([0, 1, 2, 4, 5, 6, 7, 8, 9])[:, None] * np.ones(DIM))
    np.testing.assert_array_equal(made.labels[:, 0], [0, 1, 0, 0, 1, 0, 1, 0, 1])
    np.testing.assert_array_equal(made.has_prior, [False, True, False, False, True, False, True, False, True])
    assert (made.model, made.mode, made.splits.count("test")) == ("numbers", "as they are", 2)
    assert seen[-1] == (10, 10)
    assert not (tmp_path / "f.npz.parts").exists()


def test_pooled_features_see_the_prior(table, tmp_path):
    made = build_features(NumberSpace(), table, tmp_path / "f.npz", FeatureKind.POOLED)
    np.testing.assert_array_equal(made.features[made.ids.index("5.txt")], [5, 4])
    np.testing.assert_array_equal(made.features[made.ids.index("6.txt")], [6, 6])


def test_a_stopped_run_goes_on_where_it_was(table, tmp_path, monkeypatch):
    monkeypatch.setattr(embed, "CHUNK_ROWS", 4)

    def stop(done: int, _: int) -> None:
        if done > 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_features(NumberSpace(), table, tmp_path / "f.npz", FeatureKind.PROJECTED, report=stop)
    assert not (tmp_path / "f.npz").exists()
    again = NumberSpace()
    made = build_features(again, table, tmp_path / "f.npz", FeatureKind.PROJECTED)
    assert "2.txt" not in again.prepared and "4.txt" in again.prepared
    whole = build_features(NumberSpace(), table, tmp_path / "g.npz", FeatureKind.PROJECTED)
    assert (made.ids, made.skipped) == (whole.ids, whole.skipped)
    np.testing.assert_array_equal(made.features, whole.features)


def test_a_set_that_is_there_is_taken_and_another_one_is_not_overwritten(table, tmp_path):
    build_features(NumberSpace(), table, tmp_path / "f.npz", FeatureKind.PROJECTED)
    again = NumberSpace()
    build_features(again, table, tmp_path / "f.npz", FeatureKind.PROJECTED)
    assert again.prepared == ["0.txt"]
    before = (tmp_path / "f.npz").read_bytes()
    for kind, settings in ((FeatureKind.POOLED, ""), (FeatureKind.PROJECTED, "whole")):
        with pytest.raises(InputError, match="made from another manifest, model or kind"):
            build_features(NumberSpace(), table, tmp_path / "f.npz", kind, settings)
    assert (tmp_path / "f.npz").read_bytes() == before


def test_a_run_goes_on_from_another_folder(table, tmp_path, monkeypatch):
    build_features(NumberSpace(), table, tmp_path / "f.npz", FeatureKind.PROJECTED)
    monkeypatch.chdir(tmp_path)
    again = NumberSpace()
    build_features(again, read_labels(Path("labels.csv")), Path("f.npz"), FeatureKind.PROJECTED)
    assert again.prepared == ["0.txt"]


def test_pictures_of_two_sizes_go_in_separate_batches(table, tmp_path):
    (tmp_path / "3.txt").write_text("300")
    space = NumberSpace()
    made = build_features(space, table, tmp_path / "f.npz", FeatureKind.PROJECTED)
    assert sorted(space.batches) == [1, 9]
    assert made.features[3, 0] == 300


def test_a_bad_pair_does_not_spoil_its_batch(table, tmp_path):
    made = build_features(NumberSpace(takes_priors=False), table, tmp_path / "f.npz", FeatureKind.PROJECTED)
    assert made.ids == ("0.txt", "2.txt", "4.txt", "6.txt", "8.txt")
    assert dict(made.skipped)["5.txt"] == "a model without priors."


def test_features_that_are_not_finite_are_skipped(table, tmp_path):
    (tmp_path / "3.txt").write_text("nan")
    made = build_features(NumberSpace(), table, tmp_path / "f.npz", FeatureKind.PROJECTED)
    assert dict(made.skipped) == {"3.txt": "its features are not finite numbers"}


def test_a_run_that_embeds_nothing_stops_at_once_and_writes_nothing(table, tmp_path):
    for path in tmp_path.glob("*.txt"):
        path.unlink()
    with pytest.raises(InputError, match=r"none of 10 pictures.*the first, 0.txt: 0.txt is not there"):
        build_features(NumberSpace(), table, tmp_path / "f.npz", FeatureKind.PROJECTED)
    assert not (tmp_path / "f.npz").exists()
    for i in range(10):
        (tmp_path / f"{i}.txt").write_text("1")
    (tmp_path / "labels.csv").write_text("path,split,edema\n0.txt,train,1\n")
    build_features(NumberSpace(), read_labels(tmp_path / "labels.csv"), tmp_path / "f.npz", FeatureKind.PROJECTED)


class _Retrained(NumberSpace):
    """Another model under the same name."""

    def embed_images(self, images, priors=None):
        made = super().embed_images(images, priors)
        return replace(made, whole=made.whole + 1)


def test_features_of_other_weights_of_the_same_name_are_not_mixed(table, tmp_path, monkeypatch):
    build_features(NumberSpace(), table, tmp_path / "f.npz", FeatureKind.PROJECTED)
    with pytest.raises(InputError, match="made from other weights"):
        build_features(_Retrained(), table, tmp_path / "f.npz", FeatureKind.PROJECTED)
    monkeypatch.setattr(embed, "CHUNK_ROWS", 4)

    def stop(done: int, _: int) -> None:
        if done > 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_features(NumberSpace(), table, tmp_path / "g.npz", FeatureKind.PROJECTED, report=stop)
    with pytest.raises(InputError, match="made from other weights"):
        build_features(_Retrained(), table, tmp_path / "g.npz", FeatureKind.PROJECTED)


def test_an_empty_last_chunk_does_not_stop_a_run(table, tmp_path, monkeypatch):
    monkeypatch.setattr(embed, "CHUNK_ROWS", 9)
    (tmp_path / "9.txt").unlink()
    made = build_features(NumberSpace(), table, tmp_path / "f.npz", FeatureKind.PROJECTED)
    assert [name for name, _ in made.skipped] == ["3.txt", "9.txt"]


def test_a_round_trip_keeps_everything(tmp_path):
    one = make_features()
    other = load_features(save_features(one, tmp_path / "f.npz"))
    for name, value in vars(one).items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(getattr(other, name), value)
        else:
            assert getattr(other, name) == value, name


@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x03\x04"])
def test_a_file_that_is_no_feature_set_is_one_sentence(tmp_path, content):
    (tmp_path / "f.npz").write_bytes(content)
    with pytest.raises(InputError, match=r"f\.npz is no feature set"):
        load_features(tmp_path / "f.npz")
    with pytest.raises(InputError, match=r"g\.npz is not there; expected a feature set; make one with"):
        load_features(tmp_path / "g.npz")


def test_another_npz_is_no_feature_set(tmp_path):
    np.savez(tmp_path / "f.npz", features=np.zeros(3))
    with pytest.raises(InputError, match="is no feature set"):
        load_features(tmp_path / "f.npz")


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"features": np.zeros((4, 2))}, "features float64"),
        ({"features": np.full((4, 2), np.nan, np.float32)}, "not finite"),
        ({"ids": ("a", "a", "c", "d")}, "comes twice"),
        ({"patients": ("p",)}, "4 ids"),
        ({"splits": ("train", "train", "test", "later")}, "later"),
        ({"labels": np.full((4, 2), 2, np.float32)}, "presence labels of edema"),
        ({"labels": np.full((4, 2), 0.5, np.float32)}, "presence labels of edema"),
        ({"has_prior": np.array([True, True, False, False])}, "a change where there is no prior"),
    ],
)
def test_a_feature_set_cannot_be_built_wrong(fields, sentence):
    with pytest.raises(InvalidNoun, match=sentence):
        make_features(**fields)


def test_splits_and_classes_are_chosen_or_refused_by_name():
    features = make_features()
    assert features.split("train").ids == ("a", "b")
    assert features.only(LabelKind.PRESENCE).classes == ("edema",)
    with pytest.raises(InputError, match=r"no picture in split val \(there are test 1, train 2\)"):
        features.rows(np.array([True, True, True, False])).split("val")
    with pytest.raises(InputError, match="no presence labels of edema change; expected out of edema"):
        features.only(LabelKind.PRESENCE, ["edema change"])


def test_a_class_without_a_known_label_is_of_no_kind():
    features = make_features(labels=np.array([[np.nan, 0], [np.nan, 2], [np.nan, 1], [np.nan, np.nan]], np.float32))
    assert features.only(LabelKind.CHANGE).classes == ("edema change",)
    with pytest.raises(InputError, match="no class with presence labels"):
        features.only(LabelKind.PRESENCE)
