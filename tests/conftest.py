"""Fixtures shared by all tests: one torch thread, and the folder of real data (skipped when absent)."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

DATA_ROOT = Path(os.environ.get("MAMMOSCRIBE_DATA", Path(__file__).parents[2] / "shared" / "data"))


@pytest.fixture(scope="session")
def data_root() -> Path:
    """Folder with the real data sets; tests that use it skip without it, unless MAMMOSCRIBE_REQUIRE_DATA is set."""
    if not DATA_ROOT.is_dir():
        if os.environ.get("MAMMOSCRIBE_REQUIRE_DATA"):
            pytest.fail(f"no real data in {DATA_ROOT}; set MAMMOSCRIBE_DATA")
        pytest.skip("real data not present (set MAMMOSCRIBE_DATA)")
    return DATA_ROOT
