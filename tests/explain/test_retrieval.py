"""Retrieval: exact whatever the block size, ties in order, sources checked, FAISS only when asked for."""

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammoscribe.explain import retrieval
from mammoscribe.explain.retrieval import (
    Index,
    find_images,
    find_texts,
    from_centre,
    image_queries,
    search,
    text_queries,
    top_k,
)
from mammoscribe.explain.store import Item, Kind, VectorStore, build_store
from mammoscribe.support.errors import InputError, MissingExtra
from tests.explain.fake_space import BrightnessSpace, spot_png


class Rows:
    """A store in memory."""

    def __init__(self, rows: np.ndarray) -> None:
        self.rows = rows.astype(np.float32)
        self.state = SimpleNamespace(dim=rows.shape[1], set_aside={})

    def __len__(self) -> int:
        return len(self.rows)

    def blocks(self, rows: int):
        for start in range(0, len(self.rows), rows):
            yield start, self.rows[start : start + rows]


@settings(deadline=None, max_examples=60)
@given(count=st.integers(1, 40), k=st.integers(1, 12), floats=st.sampled_from([8, 40, 4096]), seed=st.integers(0, 99))
def test_the_nearest_are_those_of_sorting_everything(count, k, floats, seed):
    rng = np.random.default_rng(seed)
    rows = rng.integers(-2, 3, (count, 4))  # whole numbers: many ties, no rounding
    queries = rng.integers(-2, 3, (3, 4)).astype(np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retrieval, "BLOCK_FLOATS", floats)
        scores, found = top_k(Rows(rows), queries, k)
    for q, query in enumerate(queries):
        every = rows @ query
        order = np.lexsort((np.arange(count), -every))[:k]
        assert found[q, : len(order)].tolist() == order.tolist()
        assert scores[q, : len(order)].tolist() == every[order].tolist()
        assert (found[q, len(order) :] == -1).all()


@pytest.fixture
def store(tmp_path) -> VectorStore:
    texts = ["dark", "a lump", "bright", "another lump"]
    return build_store(BrightnessSpace(), Kind.TEXTS, [Item(str(i), t) for i, t in enumerate(texts)], tmp_path / "i")


def test_a_text_finds_itself_and_an_image_finds_its_text(store, tmp_path):
    space = BrightnessSpace(whole=False)
    (hits,) = search(store, text_queries(space, ["a lump"]), 2)
    assert hits[0].item == Item("1", "a lump")
    assert hits[0].score == pytest.approx(1)
    image = space.prepare(spot_png(tmp_path / "a.png", 60, 80, side=110))
    (hits,) = search(store, image_queries(space, [image]), 1)
    assert [h.item.value for h in hits] == ["bright"]


def test_what_was_set_aside_is_never_found(tmp_path):
    items = [Item(str(i), str(spot_png(tmp_path / f"{i}.png", 40 + i, 60))) for i in range(3)]
    (tmp_path / "0.png").write_text("no picture")
    space = BrightnessSpace()
    store = build_store(space, Kind.IMAGES, items, tmp_path / "index")
    (hits,) = search(store, text_queries(space, ["dark"]), 5)
    assert sorted(h.row for h in hits) == [1, 2]


def test_queries_of_another_dimension_and_no_results_are_refused(store):
    with pytest.raises(InputError, match=r"\[queries, 6\]"):
        search(store, np.zeros((1, 5)), 1)
    with pytest.raises(InputError, match="at least 1"):
        search(store, np.zeros((1, 6)), 0)


def test_faiss_is_used_only_when_asked_for_and_says_what_to_install(store, monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    query = text_queries(BrightnessSpace(), ["dark"])
    search(store, query)
    with pytest.raises(MissingExtra, match=r"pip install '\.\[faiss\]'"):
        search(store, query, index=Index.FAISS)


class Cone(Rows):
    """Pictures in a narrow cone: all cosines are above 0.99."""

    def __init__(self, count: int = 40, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        rows = np.concatenate((np.full((count, 1), 20.0), rng.normal(size=(count, 3))), axis=1)
        super().__init__(rows / np.linalg.norm(rows, axis=1, keepdims=True))
        self.held, self.folder = {}, Path("cone")
        self.centre = self.rows.mean(axis=0)

    def items(self, rows: list[int]) -> list[Item]:
        return [Item(str(row), "") for row in rows]


@pytest.mark.parametrize("floats", [8, 4096])
def test_pictures_are_compared_from_the_centre_of_the_index(floats, monkeypatch):
    monkeypatch.setattr(retrieval, "BLOCK_FLOATS", floats)
    cone = Cone()
    query = cone.rows[[7]]
    (plain,), (found,) = search(cone, query, 40), search(cone, query, 40, centred=True)
    away = cone.rows.astype(float) - cone.rows.astype(float).mean(axis=0)
    expected = [float(r @ away[7] / np.linalg.norm(r) / np.linalg.norm(away[7])) for r in away]
    assert {h.row: h.score for h in found} == pytest.approx(dict(enumerate(expected)), abs=1e-4)
    assert found[0].row == 7 and found[0].score == pytest.approx(1, abs=1e-5)
    assert plain[-1].score > 0.9 and found[-1].score < 0


def test_faiss_finds_the_same_from_the_centre_and_without_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", SimpleNamespace(IndexFlatIP=FlatIndex))
    cone = Cone()
    for centred in (True, False, True):
        exact = search(cone, cone.rows[[3, 9]], 5, centred=centred)
        fast = search(cone, cone.rows[[3, 9]], 5, Index.FAISS, centred=centred)
        assert [[h.row for h in hits] for hits in fast] == [[h.row for h in hits] for hits in exact]


def test_a_picture_that_is_the_centre_is_like_none_and_one_set_aside_stays_out():
    centre = np.array([0.6, 0.8, 0, 0])
    moved = from_centre(np.array([[0.6, 0.8, 0, 0], [1, 0, 0, 0], [np.nan] * 4]), centre)
    assert moved[0].tolist() == [0, 0, 0, 0]
    assert np.linalg.norm(moved[1]) == pytest.approx(1)
    assert np.isnan(moved[2]).all()


def test_texts_have_no_centre_to_be_compared_from(store):
    with pytest.raises(InputError, match="an index of images"):
        search(store, text_queries(BrightnessSpace(), ["dark"]), centred=True)


class FlatIndex:
    """What is used of `faiss.IndexFlatIP`."""

    def __init__(self, dim: int) -> None:
        self.rows = np.zeros((0, dim), np.float32)

    def add(self, rows: np.ndarray) -> None:
        assert np.isfinite(rows).all()
        self.rows = np.concatenate((self.rows, rows))

    def search(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        scores = queries @ self.rows.T
        order = np.argsort(-scores, axis=1)[:, :k]
        return np.take_along_axis(scores, order, 1), order


def test_faiss_finds_the_same_and_skips_what_was_set_aside(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", SimpleNamespace(IndexFlatIP=FlatIndex))
    items = [Item(str(i), str(spot_png(tmp_path / f"{i}.png", 40, 60, side=10 + 8 * i))) for i in range(5)]
    (tmp_path / "3.png").write_text("no picture")
    space = BrightnessSpace()
    store = build_store(space, Kind.IMAGES, items, tmp_path / "index")
    query = text_queries(space, ["dark", "bright"])
    exact, fast = search(store, query, 3), search(store, query, 3, Index.FAISS)
    assert [[h.row for h in hits] for hits in fast] == [[h.row for h in hits] for hits in exact]
    assert [len(hits) for hits in search(store, query, 9, Index.FAISS)] == [4, 4]


def test_pictures_of_a_folder_are_found_by_suffix_in_order(tmp_path):
    for name in ("b/2.PNG", "a/1.png"):
        spot_png(tmp_path / "x.png", 40, 60).rename(_in(tmp_path / name))
    (tmp_path / "a" / "truth.json").write_text("{}")
    (tmp_path / "LICENSE").write_text("no picture, and shorter than a DICOM prefix")
    assert [item.id for item in find_images(tmp_path)] == ["a/1.png", "b/2.PNG"]


def _in(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def test_pictures_of_a_csv_count_from_where_it_stands(tmp_path):
    (tmp_path / "m.csv").write_text("exam_id,path\ne1,a/1.png\n")
    assert find_images(tmp_path / "m.csv") == [Item("a/1.png", str(tmp_path / "a/1.png"))]
    (tmp_path / "n.csv").write_text("id,path\ne1,1.png\n")
    assert find_images(tmp_path / "n.csv")[0].id == "e1"


def test_texts_come_one_per_line_or_from_a_column(tmp_path):
    (tmp_path / "t.txt").write_text("one\n\n two \n")
    assert find_texts(tmp_path / "t.txt") == [Item("1", "one"), Item("3", "two")]
    (tmp_path / "t.csv").write_text('id,text\nr1,"one, two"\n')
    assert find_texts(tmp_path / "t.csv") == [Item("r1", "one, two")]


@pytest.mark.parametrize(("name", "text"), [("t.txt", "one\r\n"), ("t.csv", "text;id\r\none;1\r\n")])
def test_a_byte_order_mark_is_no_part_of_a_text(name, text, tmp_path):
    (tmp_path / name).write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert find_texts(tmp_path / name) == [Item("1", "one")]


@pytest.mark.parametrize(("text", "told"), [("id,path\n1,\n", "line 2 has no path"), ("id,path\n1\n", "1 fields")])
def test_a_row_without_a_picture_is_named(text, told, tmp_path):
    (tmp_path / "m.csv").write_text(text)
    with pytest.raises(InputError, match=told):
        find_images(tmp_path / "m.csv")


def test_many_texts_are_embedded_a_few_at_a_time():
    space, sizes = BrightnessSpace(), []
    embed = space.embed_texts
    space.embed_texts = lambda texts: sizes.append(len(texts)) or embed(texts)
    texts = [f"text {n}" for n in range(150)]
    np.testing.assert_allclose(text_queries(space, texts), BrightnessSpace().embed_texts(texts).numpy())
    assert max(sizes) <= 64
    assert text_queries(space, []).shape == (0, space.dim)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("t.txt", "\n \n", "holds no text"),
        ("t.csv", "id,words\n1,a\n", "columns id, words; expected one called text"),
        ("t.csv", "id,text\n1,a\n2, \n", "line 3 has no text"),
        ("t.csv", "id,text\n1,a\n2\n", "line 3 has 1 fields"),
    ],
)
def test_a_source_without_texts_says_why(name, text, told, tmp_path):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=told):
        find_texts(tmp_path / name)


def test_sources_that_are_not_there_or_empty_are_refused(tmp_path):
    for find in (find_images, find_texts):
        with pytest.raises(InputError, match="is not there"):
            find(tmp_path / "none")
    with pytest.raises(InputError, match="holds no picture"):
        find_images(tmp_path)
