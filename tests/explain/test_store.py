"""The store of embeddings: built once, gone on with after a stop, never mixed, damage told."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mammoscribe.explain.store import Item, Kind, VectorStore, build_store, mean_of, read_state
from mammoscribe.support.errors import InputError
from tests.explain.fake_space import BrightnessSpace, spot_png

TEXTS = [Item(f"t{i}", text) for i, text in enumerate(["bright", "dark", "a, lump", 'two\nlines "quoted"', "an é"])]


def pictures(folder: Path, count: int = 5) -> list[Item]:
    return [Item(f"p{i}", str(spot_png(folder / f"{i}.png", 40 + 5 * i, 60))) for i in range(count)]


def test_texts_are_stored_as_unit_rows_with_their_items(tmp_path):
    space = BrightnessSpace()
    store = build_store(space, Kind.TEXTS, TEXTS, tmp_path, batch=2)
    rows = np.concatenate([block for _, block in store.blocks(2)])
    assert rows == pytest.approx(space.embed_texts([t.value for t in TEXTS]).numpy())
    assert [start for start, _ in store.blocks(2)] == [0, 2, 4]
    assert store.items([4, 0, 3]) == [TEXTS[4], TEXTS[0], TEXTS[3]]
    assert np.load(tmp_path / "vectors.npy", mmap_mode="r").shape == (5, space.dim)


def test_a_run_that_was_stopped_goes_on_where_it_stopped(tmp_path):
    items = pictures(tmp_path)
    space, told = BrightnessSpace(), []

    def stop_after_two(done: int) -> None:
        told.append(done)
        if done >= 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_store(space, Kind.IMAGES, items, tmp_path / "index", batch=2, on_rows=stop_after_two)
    with pytest.raises(InputError, match="holds 2 of 5 items"):
        VectorStore(tmp_path / "index")
    store = build_store(space, Kind.IMAGES, items, tmp_path / "index", batch=2, on_rows=told.append)
    assert told == [2, 4, 5]
    assert space.embedded == 5 + 1  # one is looked at again
    assert store.state.mode == "whole"
    build_store(space, Kind.IMAGES, items, tmp_path / "index", batch=2, on_rows=told.append)
    assert space.embedded == 5 + 2
    for (_, row), item in zip(store.blocks(1), items, strict=True):
        whole = space.embed_images([space.prepare(Path(item.value))]).whole
        assert row == pytest.approx(torch.nn.functional.normalize(whole, dim=1).numpy(), abs=1e-6)


def test_a_picture_that_cannot_be_read_is_set_aside_with_its_reason(tmp_path):
    items = pictures(tmp_path, 3)
    (tmp_path / "1.png").write_text("no picture")
    store = build_store(BrightnessSpace(), Kind.IMAGES, items, tmp_path / "index")
    assert list(store.state.set_aside) == [1]
    assert "is not a picture" in store.state.set_aside[1]
    ((_, rows),) = store.blocks(10)
    assert np.isnan(rows[1]).all() and np.isfinite(rows[[0, 2]]).all()


def test_other_items_or_another_model_do_not_go_into_the_same_folder(tmp_path):
    build_store(BrightnessSpace(), Kind.TEXTS, TEXTS, tmp_path)
    with pytest.raises(InputError, match="other texts"):
        build_store(BrightnessSpace(), Kind.TEXTS, TEXTS[:4], tmp_path)

    class Other(BrightnessSpace):
        def embed_texts(self, texts):
            return super().embed_texts(texts).flip(1)

    with pytest.raises(InputError, match="another model"):
        build_store(Other(), Kind.TEXTS, TEXTS, tmp_path)
    with pytest.raises(InputError, match="another model"):
        VectorStore(tmp_path).check_space(Other())
    VectorStore(tmp_path).check_space(BrightnessSpace())


def test_a_folder_without_a_store_and_a_damaged_one_are_told(tmp_path):
    with pytest.raises(InputError, match="no index in"):
        VectorStore(tmp_path)
    build_store(BrightnessSpace(), Kind.TEXTS, TEXTS, tmp_path)
    values = json.loads((tmp_path / "index.json").read_text())
    (tmp_path / "index.json").write_text(json.dumps({**values, "dim": 5}))
    with pytest.raises(InputError, match=r"vectors\.npy is float32 \(5, 6\)"):
        VectorStore(tmp_path)
    (tmp_path / "index.json").write_text("{}")
    with pytest.raises(InputError, match="not an index of ours"):
        read_state(tmp_path)


@pytest.mark.parametrize("file", ["vectors.npy", "items_at.npy", "items.jsonl"])
@pytest.mark.parametrize("content", [None, b"", b"junk", 100])
def test_a_damaged_file_of_a_store_is_named(file, content, tmp_path):
    build_store(BrightnessSpace(), Kind.TEXTS, TEXTS, tmp_path)
    if content is None:
        (tmp_path / file).unlink()
    else:
        (tmp_path / file).write_bytes((tmp_path / file).read_bytes()[:100] if content == 100 else content)
    with pytest.raises(InputError, match=rf"{file}.* is damaged or not there"):
        VectorStore(tmp_path).items([0, 4])


def test_pictures_prepared_otherwise_or_by_other_weights_do_not_go_into_the_same_folder(tmp_path):
    items = pictures(tmp_path)

    def stop(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_store(BrightnessSpace(), Kind.IMAGES, items, tmp_path / "index", batch=2, on_rows=stop)

    class OtherImages(BrightnessSpace):
        def embed_images(self, images, priors=None):
            made = super().embed_images(images, priors)
            return replace(made, whole=made.whole.flip(1))

    for _ in range(2):  # of a store that was stopped, and of one that is whole
        with pytest.raises(InputError, match="were prepared as 'whole', these as 'published'"):
            build_store(BrightnessSpace(whole=False), Kind.IMAGES, items, tmp_path / "index")
        with pytest.raises(InputError, match="p0 is embedded otherwise"):
            build_store(OtherImages(), Kind.IMAGES, items, tmp_path / "index")
        build_store(BrightnessSpace(), Kind.IMAGES, items, tmp_path / "index")


def test_a_store_without_a_single_picture_is_refused_and_tried_again(tmp_path):
    items = pictures(tmp_path, 2)
    kept = (tmp_path / "0.png").read_bytes()
    for n in range(2):
        (tmp_path / f"{n}.png").write_text("no picture")
    with pytest.raises(InputError, match=r"none of 2 pictures could be embedded; the first, p0: .*not a picture"):
        build_store(BrightnessSpace(), Kind.IMAGES, items, tmp_path / "index")
    (tmp_path / "0.png").write_bytes(kept)
    assert list(build_store(BrightnessSpace(), Kind.IMAGES, items, tmp_path / "index").state.set_aside) == [1]


def test_the_centre_of_a_store_of_pictures_is_the_mean_of_those_that_could_be_read(tmp_path):
    items = pictures(tmp_path)
    (tmp_path / "1.png").write_text("no picture")
    with pytest.raises(KeyboardInterrupt):
        build_store(BrightnessSpace(), Kind.IMAGES, items, tmp_path / "index", batch=2, on_rows=_stop)
    assert read_state(tmp_path / "index").centre == []
    store = build_store(BrightnessSpace(), Kind.IMAGES, items, tmp_path / "index", batch=2)
    rows = np.load(tmp_path / "index" / "vectors.npy")
    expected = rows[[0, 2, 3, 4]].astype(float).mean(axis=0)
    assert store.centre == pytest.approx(expected)
    assert VectorStore(tmp_path / "index").centre == pytest.approx(expected)


def test_a_store_whose_centre_was_not_written_gets_it_from_the_next_run(tmp_path):
    items = pictures(tmp_path)
    kept = build_store(BrightnessSpace(), Kind.IMAGES, items, tmp_path / "index").state.centre
    values = json.loads((tmp_path / "index" / "index.json").read_text())
    (tmp_path / "index" / "index.json").write_text(json.dumps({**values, "centre": []}))
    with pytest.raises(InputError, match=r"the centre in index\.json"):
        VectorStore(tmp_path / "index")
    assert build_store(BrightnessSpace(), Kind.IMAGES, items, tmp_path / "index").state.centre == kept


def _stop(done: int) -> None:
    raise KeyboardInterrupt


def test_the_mean_is_the_same_whatever_the_block():
    rows = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    rows[[3, 40]] = np.nan
    expected = np.nanmean(rows.astype(float), axis=0)
    for at_once in (1, 7, 50, 100):
        assert mean_of(rows, at_once) == pytest.approx(expected)


def test_an_index_of_the_earlier_format_is_told_what_to_do(tmp_path):
    build_store(BrightnessSpace(), Kind.IMAGES, pictures(tmp_path), tmp_path / "index")
    values = json.loads((tmp_path / "index" / "index.json").read_text())
    del values["centre"]
    (tmp_path / "index" / "index.json").write_text(json.dumps({**values, "format": "mammoscribe.index/1"}))
    with pytest.raises(InputError, match=r"earlier version.*no centre.*delete the folder and build it again"):
        VectorStore(tmp_path / "index")


@pytest.mark.parametrize(
    "centre", [[], [0.1] * 5, [0.1] * 5 + ["a"], [[0.1] * 6], [float("nan")] * 6, None, "mean", {}]
)
def test_a_centre_that_cannot_be_is_named(centre, tmp_path):
    build_store(BrightnessSpace(), Kind.IMAGES, pictures(tmp_path), tmp_path / "index")
    values = json.loads((tmp_path / "index" / "index.json").read_text())
    (tmp_path / "index" / "index.json").write_text(json.dumps({**values, "centre": centre}))
    with pytest.raises(InputError, match=r"the centre in index\.json of the index in .* is damaged or not there"):
        VectorStore(tmp_path / "index")


def test_texts_have_no_centre(tmp_path):
    assert build_store(BrightnessSpace(), Kind.TEXTS, TEXTS, tmp_path).centre is None


def test_nothing_to_embed_is_refused_and_leaves_nothing(tmp_path):
    with pytest.raises(InputError, match="nothing to build"):
        build_store(BrightnessSpace(), Kind.TEXTS, [], tmp_path / "index")
    assert not (tmp_path / "index").exists()
