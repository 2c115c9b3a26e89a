"""How the commands in benchmarks/ end: 0, 1 below a bar, 2 when nothing could be measured."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn import metrics

from benchmarks import bench_setup, demo_time, gate, intervals
from mammoscribe.domain.evidence import Claim, Evidence, EvidenceKind, Sentence
from mammoscribe.evaluation.card import Row
from mammoscribe.reporting.chart import Statement
from mammoscribe.support.errors import InputError


def run_with(value: float, monkeypatch: pytest.MonkeyPatch, *options: str) -> int:
    """The exit code of a benchmark whose one figure has a bar of 0.5."""
    reader = SimpleNamespace(card=SimpleNamespace(name="tiny", version="1"))
    monkeypatch.setattr("sys.argv", ["b.py", *options])
    monkeypatch.setattr(bench_setup, "load_reader", lambda name: reader)
    return bench_setup.run_benchmark(
        "twins",
        None,
        60,
        "json",
        lambda r, bench, n, cache: (f"{cache.name[:5]}", [Row("it", value, f"{n} exams", bar=0.5)]),
    )


@pytest.mark.parametrize(("value", "code"), [(0.5, 0), (0.4, 1)])
def test_a_benchmark_prints_its_table_and_ends_with_1_below_a_bar(value, code, monkeypatch, capsys, tmp_path):
    assert run_with(value, monkeypatch, "--exams", "7", "--json", str(tmp_path / "rows.json")) == code
    printed = capsys.readouterr().out
    assert printed.startswith("twins, 7 of 200 exams of bench_v1, model tiny 1, tiny-\n")
    assert f"| {value:.3f}" in printed
    assert (tmp_path / "rows.json").is_file()


def test_a_benchmark_on_another_bench_says_so_and_keeps_its_partial_results_apart(monkeypatch, capsys):
    files, benches = [], []
    reader = SimpleNamespace(card=SimpleNamespace(name="tiny", version="1"))
    monkeypatch.setattr(bench_setup, "load_reader", lambda name: reader)

    def measure(r, bench, n, cache):
        files.append(cache)
        benches.append(bench.name)
        return "", []

    for name in ("bench_v1", "bench_v2"):
        monkeypatch.setattr("sys.argv", ["b.py", "--bench", name])
        assert bench_setup.run_benchmark(None, None, 60, "json", measure) == 0
        assert capsys.readouterr().out.startswith(f"{name}, 60 of 200 exams of {name}, ")
        assert bench_setup.run_benchmark("twins", None, 60, "json", measure) == 0
        assert capsys.readouterr().out.startswith(f"twins, 60 of 200 exams of {name}, ")
    assert benches == ["bench_v1"] * 2 + ["bench_v2"] * 2
    assert len(set(files)) == 4


def test_a_benchmark_without_a_reader_is_one_sentence_and_ends_with_2(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["b.py", "--model", "nowhere"])
    assert bench_setup.run_benchmark("twins", None, 60, "json", lambda r, bench, n, cache: ("", [])) == 2
    assert "nowhere" in capsys.readouterr().out


def test_the_demo_is_timed_in_a_clone_and_the_cloning_is_not(monkeypatch, tmp_path):
    ran = []
    monkeypatch.setattr(demo_time, "run", lambda command, folder: ran.append((command, folder)))
    assert demo_time.demo_seconds(Path("repository"), tmp_path) < 1
    assert ran == [
        (["git", "clone", "--quiet", "repository", str(tmp_path / "clone")], tmp_path),
        (["make", "demo"], tmp_path / "clone"),
    ]


def test_a_demo_that_fails_has_no_time(monkeypatch, capfd, tmp_path):
    monkeypatch.setattr("sys.argv", ["demo_time.py"])
    with pytest.raises(InputError, match="`false` ended with 1"):
        demo_time.run(["false"], tmp_path)
    monkeypatch.setattr(demo_time, "demo_seconds", lambda repository, folder: demo_time.run(["false"], folder))
    assert demo_time.main() == 2
    assert "ended with 1" in capfd.readouterr().out


def test_the_gate_benchmark_counts_what_reaches_a_report(monkeypatch, capsys, tmp_path):
    command = ["gate.py", "--claims", "40", "--phantoms", "0", "--real", "0", "--json", str(tmp_path / "rows.json")]
    monkeypatch.setattr("sys.argv", command)
    assert gate.main() == 0
    assert "| false claims with a false part in the report" in capsys.readouterr().out
    assert (tmp_path / "rows.json").is_file()


def test_the_gate_benchmark_ends_with_1_behind_a_gate_that_lets_everything_pass(monkeypatch, capsys):
    class OpenGate:
        def __init__(self, chart):
            self.rests_on = (Evidence(EvidenceKind.EXAM, chart.exam.id),)

        def judge(self, claim: Claim):
            return [Statement(Sentence(claim.text, claim.section, self.rests_on, claim.writer), ())], []

    monkeypatch.setattr(gate, "Gate", OpenGate)
    monkeypatch.setattr("sys.argv", ["gate.py", "--claims", "40", "--phantoms", "0", "--real", "0"])
    assert gate.main() == 1
    assert "reached: [" in capsys.readouterr().out


def test_the_simulation_of_intervals_measures_those_of_a_card_against_the_true_value():
    drawn = intervals.draw(np.random.default_rng(0), 4000)
    ill, well = drawn.scores[drawn.labels == 1], drawn.scores[drawn.labels == 0]
    found = metrics.roc_auc_score(drawn.labels, drawn.scores[:, 0])
    assert found == pytest.approx(intervals.TRUE["AUC, bootstrap over patients"], abs=0.02)
    assert (ill[:, 0] >= intervals.THRESHOLD).mean() == pytest.approx(
        intervals.TRUE["sensitivity, bootstrap over patients"], abs=0.04
    )
    right, left = drawn.scores[::2, 0], drawn.scores[1::2, 0]
    assert np.corrcoef(right[drawn.labels[::2] == 0], left[drawn.labels[::2] == 0])[0, 1] == pytest.approx(
        0.5, abs=0.04
    )
    assert well.mean() == pytest.approx(0, abs=0.03)
    small = intervals.draw(np.random.default_rng(1), 60)
    held = intervals.intervals(small, 100)
    point = metrics.roc_auc_score(small.labels, small.scores[:, 0])
    ends = held["AUC, bootstrap over patients"]
    assert ends is not None and ends.low < point < ends.high
    assert len(intervals.coverage_rows(2, 60, 100)) == 9
