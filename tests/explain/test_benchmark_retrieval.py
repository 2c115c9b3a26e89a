"""The benchmark of the search: an index as the command leaves it, and a bar on memory that can be missed."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import retrieval
from mammoscribe.explain.retrieval import Index, search
from mammoscribe.explain.store import VectorStore


def test_the_random_index_is_searched_like_any_other(tmp_path):
    store = VectorStore(retrieval.write_index(tmp_path / "index", 300))
    ((_, rows),) = store.blocks(300)
    assert np.linalg.norm(rows, axis=1) == pytest.approx(np.ones(300), abs=1e-5)
    (hits,) = search(store, rows[[123]], 2)
    assert (hits[0].row, hits[0].item.value) == (123, "text 123")


@pytest.mark.parametrize(("rise", "met"), [(40e6, True), (500e6, False)])
def test_memory_that_does_not_stay_flat_misses_the_bar(rise, met, tmp_path, monkeypatch):
    found = {"one": 0.1, "first": 0.2, "batch": 6.4, "rise": rise, "peak": 4e8}
    done = SimpleNamespace(returncode=0, stdout=json.dumps(found) + "\n")
    monkeypatch.setattr(retrieval.subprocess, "run", lambda *a, **k: done)
    rows = retrieval.rows_of(1000, Index.EXACT, tmp_path)
    assert [r.met for r in rows if r.bar is not None] == [met]
    assert [r.value for r in rows][:3] == pytest.approx([0.1, 0.2, 0.1])
