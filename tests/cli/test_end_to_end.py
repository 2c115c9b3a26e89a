"""The doors with the real house behind them: drawn exams in, reports out, with a tiny reader of random weights."""

import csv
import json

import jsonschema
import pytest

from tests.cli.tiny_reader import write_tiny_reader
from tests.imaging.drawn import crashing


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_tiny_reader(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """One exam with a prior, as DICOM, with its manifest."""
    from typer.testing import CliRunner

    from mammoscribe.cli import app

    out = tmp_path_factory.mktemp("drawn")
    shown = CliRunner().invoke(app, ["phantom", "--seed", "7", "--prior", "--format", "dicom", "--out", str(out)])
    assert shown.exit_code == 0, shown.output
    return out


def test_read_writes_a_valid_report_of_a_folder_with_a_prior(run, drawn, model, tmp_path):
    from mammoscribe.exports import schema

    exam = drawn / "phantom-7"
    shown = run("read", exam / "current", "--prior", exam / "prior", "--out", tmp_path, "--model", model)
    assert shown.exit_code == 0, shown.output
    report = json.loads((tmp_path / "report.json").read_text())
    jsonschema.validate(report, schema())
    assert {view["role"] for view in report["exam"]["views"]} == {"current", "prior"}
    assert all(sentence["evidence"] for sentence in report["sentences"])
    assert (tmp_path / "report.html").stat().st_size > 10_000
    assert (tmp_path / "report.txt").read_text().strip()


def test_predict_reads_the_manifest_that_phantom_wrote(run, drawn, model, tmp_path):
    shown = run("predict", drawn / "manifest.csv", "--out", tmp_path / "r.csv", "--model", model)
    assert shown.exit_code == 0, shown.output
    with (tmp_path / "r.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["exam_id"], row["laterality"], row["status"]) for row in rows] == [
        ("phantom-7", "R", "ok"),
        ("phantom-7", "L", "ok"),
    ]
    assert all(0 <= float(row["prob_malignant"]) <= 1 for row in rows)


def test_predict_goes_on_after_a_picture_that_crashes_its_decoder(run, drawn, model, tmp_path):
    crashing(tmp_path / "broken.dcm")
    whole = drawn / "phantom-7" / "current" / "R_CC.dcm"
    (tmp_path / "m.csv").write_text(
        f"exam_id,laterality,view,path\nbad,R,CC,broken.dcm\ngood,R,CC,{whole}\nbad2,R,CC,broken.dcm\n"
    )
    for told in ("2 error, 1 ok", "2 error; 1 kept"):
        shown = run("predict", tmp_path / "m.csv", "--out", tmp_path / "r.csv", "--model", model, "--retry-errors")
        assert told in " ".join(shown.stderr.split())
        with (tmp_path / "r.csv").open(newline="") as stream:
            rows = {row["exam_id"]: row for row in csv.DictReader(stream)}
        assert [rows[name]["status"] for name in ("bad", "good", "bad2")] == ["error", "ok", "error"]
        assert "broken.dcm: the pixels cannot be decoded (the decoder crashed" in rows["bad"]["message"]


def test_a_mixed_folder_of_two_visits_is_refused_in_one_sentence(run, drawn, model, tmp_path):
    shown = run("read", drawn / "phantom-7", "--out", tmp_path / "out", "--model", model)
    assert shown.exit_code == 2
    assert shown.stderr.startswith("error ")
    assert not (tmp_path / "out").exists()


def test_an_unknown_model_is_refused_in_one_sentence(run, drawn, tmp_path):
    shown = run("read", drawn / "phantom-7" / "current", "--out", tmp_path / "out", "--model", "nonsense")
    assert shown.exit_code == 2
    assert "nonsense" in shown.stderr
    assert not (tmp_path / "out").exists()


def test_the_readmes_python_block_runs(drawn, model, tmp_path, monkeypatch, capsys):
    """With the drawn exam where `make demo` puts it, and the tiny reader in place of the one that ships."""
    import re
    from pathlib import Path

    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", readme, flags=re.DOTALL)
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "exam").symlink_to(drawn / "phantom-7")
    monkeypatch.chdir(tmp_path)
    exec(block.replace("load_reader()", f"load_reader({str(model)!r})"), {})
    assert "exam:" in capsys.readouterr().out


def test_a_report_writer_reads_along_and_its_words_stay_out_of_the_report(run, drawn, model, tmp_path):
    pytest.importorskip("transformers")
    from mammoscribe.models.biovil.report_model import Pictures
    from tests.models.tiny_report import write_tiny_report

    words = ("zebra", "quilt", "kiwi")
    text = "Zebra kiwi. Quilt."
    writer = write_tiny_report(tmp_path / "writer", Pictures.MAMMOGRAM, (*words, "."), text)
    exam = drawn / "phantom-7" / "current"
    shown = run("read", exam, "--model", model, "--out", tmp_path, "--writer", "biovil-t", "--writer-model", writer)
    assert shown.exit_code == 0, shown.output
    report = json.loads((tmp_path / "report.json").read_text())
    sides = ("Right", "Left")
    assert {c["text"] for c in report["rejected_claims"]} == {
        f"{side} breast: {sentence}" for side in sides for sentence in ("Zebra kiwi.", "Quilt.")
    }
    assert all(c["writer"] == "external" and "could not be read" in c["reason"] for c in report["rejected_claims"])
    assert not any(word in s["text"].lower() for s in report["sentences"] for word in words)
    page = (tmp_path / "report.html").read_text()
    assert "tiny mammogram (weights " in page
    chest = write_tiny_report(tmp_path / "chest", Pictures.CHEST)
    refused = run(
        "read", exam, "--model", model, "--out", tmp_path / "no", "--writer", "biovil-t", "--writer-model", chest
    )
    assert refused.exit_code == 2 and "mammoscribe draft" in refused.stderr and not (tmp_path / "no").exists()
