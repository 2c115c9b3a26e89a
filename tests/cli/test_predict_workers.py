"""`predict --workers`: the same bytes as in one process, a dead worker is one row, and an end leaves whole exams."""

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.reading_jobs import JobByName
from tests.cli.tiny_reader import write_tiny_reader
from tests.models.tiny_space import mammogram

ROOT = Path(__file__).parents[2]


@pytest.fixture
def by_name(monkeypatch):
    monkeypatch.setattr("mammoscribe.cli.predict.ReadingJob", JobByName)


def manifest_of(folder, *exam_ids):
    path = folder / "m.csv"
    path.write_text("exam_id,laterality,view,path\n" + "".join(f"{e},R,CC,{e}.png\n" for e in exam_ids))
    return path


def rows(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_workers_write_the_bytes_that_one_process_writes(run, tmp_path):
    model = write_tiny_reader(tmp_path / "tiny")
    ids = [f"e{n}" for n in range(5)]
    for n, exam_id in enumerate(ids):
        mammogram(tmp_path / f"{exam_id}.png", seed=n)
    (tmp_path / "e3.png").write_bytes(b"no picture")
    manifest = manifest_of(tmp_path, *ids)
    for workers in ("0", "2"):
        out = tmp_path / workers
        shown = run(
            "predict", manifest, "--out", out / "r.csv", "--reports", out / "reports", "--model", model, "--workers", workers
        )  # fmt: skip
        assert shown.exit_code == 0, shown.output
    one, two = (
        {p.relative_to(f): p.read_bytes() for p in f.rglob("*") if p.is_file()}
        for f in (tmp_path / "0", tmp_path / "2")
    )
    assert one == two
    assert len(one) == 2 + 2 * 4
    assert [(r["exam_id"], r["status"]) for r in rows(tmp_path / "2" / "r.csv")][3] == ("e3", "error")


def test_rows_are_in_the_order_of_the_manifest_whoever_was_first(run, by_name, tmp_path):
    manifest = manifest_of(tmp_path, "slow-1", "b", "a", "slow-2", "c")
    assert run("predict", manifest, "--out", tmp_path / "r.csv", "--workers", 2).exit_code == 0
    assert [r["exam_id"] for r in rows(tmp_path / "r.csv")] == ["slow-1", "b", "a", "slow-2", "c"]


def test_a_worker_that_dies_is_one_row_and_the_others_go_on(run, by_name, tmp_path):
    manifest = manifest_of(tmp_path, "a", "killed-1", "b", "aborts-1", "killed-2", "c")
    shown = run("predict", manifest, "--out", tmp_path / "r.csv", "--workers", 2)
    assert shown.exit_code == 0 and "3 error, 3 ok" in shown.stderr
    found = {r["exam_id"]: r for r in rows(tmp_path / "r.csv")}
    assert list(found) == ["a", "killed-1", "b", "aborts-1", "killed-2", "c"]
    assert [found[e]["status"] for e in ("a", "b", "c")] == ["ok", "ok", "ok"]
    assert (
        "worker process that read it was killed, perhaps because there was no memory left"
        in found["killed-2"]["message"]
    )
    assert "crashed (SIGABRT)" in found["aborts-1"]["message"]


def test_a_model_that_workers_cannot_load_is_one_sentence_and_nothing_is_written(run, tmp_path):
    model = write_tiny_reader(tmp_path / "tiny")
    (model / "weights.safetensors").write_bytes(b"damaged")
    shown = run("predict", manifest_of(tmp_path, "a"), "--out", tmp_path / "r.csv", "--workers", 2, "--model", model)
    assert shown.exit_code == 2 and "another SHA-256" in shown.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.csv", "tiny"]


def started(tmp_path, *exam_ids):
    """A run with two workers in a process of its own, and the workers that hang in it."""
    code = (
        "import mammoscribe.cli.predict as p; from tests.cli.reading_jobs import JobByName; p.ReadingJob = JobByName; "
        "from mammoscribe.cli import app; app(['predict', 'm.csv', '--out', 'r.csv', '--workers', '2'])"
    )
    manifest_of(tmp_path, *exam_ids)
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
    )
    hanging = sum(e.startswith("hangs") for e in exam_ids)
    waited_for(lambda: len(list(tmp_path.glob("hanging-*"))) == hanging, process)
    return process, [int(p.name.removeprefix("hanging-")) for p in tmp_path.glob("hanging-*")]


def waited_for(happened, process=None, seconds=100.0):
    until = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < until and (process is None or process.poll() is None)
        time.sleep(0.05)


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_a_run_cleanly_with_what_is_done(tmp_path, number, code):
    process, workers = started(tmp_path, "a", "b", "hangs-1", "hangs-2", "c")
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == code
    assert "stopped; what was done is kept" in errors and "Traceback" not in errors
    assert [r["exam_id"] for r in rows(tmp_path / "r.csv")] == ["a", "b"]
    assert not any(map(alive, workers))
    assert not [p.name for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_a_killed_run_leaves_no_worker_behind_and_keeps_whole_exams(tmp_path, run, by_name):
    process, workers = started(tmp_path, "a", "b", "hangs-1", "hangs-2")
    process.kill()
    process.communicate(timeout=60)
    waited_for(lambda: not any(map(alive, workers)))
    assert {r["exam_id"] for r in rows(tmp_path / "r.csv")} <= {"a", "b"}
    manifest_of(tmp_path, "a", "b", "c")
    assert run("predict", tmp_path / "m.csv", "--out", tmp_path / "r.csv", "--workers", 1).exit_code == 0
    assert [r["exam_id"] for r in rows(tmp_path / "r.csv")] == ["a", "b", "c"]
