"""benchmarks/retune.py and phantom_labels.py: the table, the checks that can fail, labels of a drawn exam's views."""

import csv
import json

import numpy as np
import pytest

from benchmarks import phantom_labels, retune
from mammoscribe.evaluation.incremental import Metric
from mammoscribe.training.probes.retune_result import zero_shot


def run_retune(monkeypatch: pytest.MonkeyPatch, *options: str) -> int:
    monkeypatch.setattr("sys.argv", ["retune.py", *options])
    monkeypatch.setattr(retune, "RUNS", {n: retune.RUNS[n] for n in ("joint", "class", "class-positives", "data-5")})
    return retune.main()


def test_the_table_has_a_row_for_every_scenario_and_a_check_that_fails_ends_with_1(monkeypatch, capsys, tmp_path):
    assert run_retune(monkeypatch, "--train", "100", "--test", "60", "--steps", "8", "--out", str(tmp_path)) == 1
    printed = capsys.readouterr().out
    assert printed.startswith("retune, synthetic, 100 train, 60 pictures held out")
    for title in ("zero-shot", "joint training", "class-incremental ", "data-incremental, 5 parts"):
        assert f"| {title}" in printed
    assert "| no " in printed
    assert (tmp_path / "class-positives" / "model" / "heat_map.html").is_file()


def test_a_feature_set_that_is_not_there_ends_with_2(monkeypatch, capsys):
    assert run_retune(monkeypatch, "--features", "nowhere.npz", "--model", "m") == 2
    assert "nowhere.npz is not there" in capsys.readouterr().out


def test_the_synthetic_set_is_the_same_every_time_and_half_informative():
    (one, bank), (other, _) = retune.synthetic(200, 50), retune.synthetic(200, 50)
    np.testing.assert_array_equal(one.features, other.features)
    assert bank.classes == one.classes and len(bank.prompts) == 40
    held_out = one.split("test")
    assert 0.5 < zero_shot(held_out, bank).figures.macro(Metric.AUROC) < 0.75


def test_a_drawn_exam_becomes_a_row_per_view(monkeypatch, capsys, tmp_path):
    (tmp_path / "manifest.csv").write_text(
        "exam_id,patient_id,laterality,view,path,is_prior\ne,p,R,CC,e/now.dcm,0\ne,p,R,CC,e/then.dcm,1\n"
        "e,p,R,MLO,e/mlo.dcm,0\n"
    )
    findings = [
        {"type": "mass", "change": "increased", "marks": [{"view": "R_CC"}, {"view": "R_MLO"}]},
        {"type": "asymmetry", "change": None, "marks": [{"view": "R_MLO"}]},
    ]
    (tmp_path / "e").mkdir()
    (tmp_path / "e" / "truth.json").write_text(json.dumps({"findings": findings}))
    monkeypatch.setattr("sys.argv", ["phantom_labels.py", str(tmp_path)])
    assert phantom_labels.main() == 0
    cc, mlo = csv.DictReader((tmp_path / "labels.csv").open())
    assert (cc["prior_path"], cc["mass"], cc["mass_change"], cc["asymmetry"]) == ("e/then.dcm", "1", "worsening", "0")
    assert (mlo["prior_path"], mlo["mass"], mlo["mass_change"], mlo["asymmetry"]) == ("", "1", "", "1")
    assert "2 views" in capsys.readouterr().out
