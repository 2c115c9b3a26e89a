"""`read`: its options arrive, bad ones are refused before any work."""

from pathlib import Path

import pytest

from mammoscribe.domain.exam import SetAside


def test_a_report_is_written_in_the_formats_asked_for(run, house, tmp_path):
    shown = run(
        "read", "exam", "--prior", "old", "--out", tmp_path / "r", "--format", "json, txt", "--view", "a=b.png=LMLO"
    )
    assert shown.exit_code == 0, shown.output
    assert sorted(p.name for p in (tmp_path / "r").iterdir()) == ["report.json", "report.txt"]
    (call,) = house.loaded
    assert call["paths"] == [Path("exam")]
    assert call["priors"] == [Path("old")]
    assert call["view_names"] == {"a=b.png": "LMLO"}
    assert house.images == [False]


def test_the_summary_names_assessment_findings_and_files(run, house, tmp_path):
    shown = run("read", "exam", "--out", tmp_path)
    assert "BI-RADS 1" in shown.stdout
    assert "mass" in shown.stdout
    assert "R_MLO" in shown.stdout
    assert f"wrote {tmp_path / 'report.html'}" in shown.stdout
    assert house.images == [True]


def test_files_set_aside_are_told(run, house, tmp_path):
    house.set_aside = (SetAside("spot.dcm", "a spot view"),)
    assert "warning: spot.dcm is not used: a spot view" in run("read", "exam", "--out", tmp_path).stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "nothing to read"),
        (["exam", "--format", "pdf"], "no report format is called 'pdf'"),
        (["exam", "--format", ","], "names no format"),
        (["exam", "--view", "a.png"], "expected FILE=RCC"),
        (["exam", "--view", "=RCC"], "expected FILE=RCC"),
        (["exam", "--view", "a.png=RCC", "--view", "a.png=LCC"], "one view per file"),
        (["exam", "--writer", "biovil-t"], "both or neither"),
        (["exam", "--writer-model", "runs/report"], "both or neither"),
        (["exam", "--writer", "decoder", "--writer-model", "runs/report"], "both or neither"),
        (["exam", "--writer", "biovil-t", "--writer-model", "nowhere"], "no report writer in nowhere"),
        (["exam", "--prior", "old", "--prior-report", "old.txt"], "--writer biovil-t or chat with it"),
        (["exam", "--writer", "decoder", "--prior-report", "old.txt"], "--writer biovil-t or chat with it"),
        (["exam", "--writer", "chat"], "no --chat-endpoint"),
        (["exam", "--writer", "chat", "--chat-endpoint", "http://localhost:1/v1"], "no --chat-model"),
        (
            ["exam", "--writer", "chat", "--chat-endpoint", "http://localhost:1/v1", "--chat-model", " "],
            "no --chat-model",
        ),
        (["exam", "--writer", "chat", "--chat-endpoint", "localhost", "--chat-model", "x"], "http://localhost:8000/v1"),
        (["exam", "--chat-model", "x"], "--chat-model, which no other writer uses"),
        (["exam", "--writer", "decoder", "--prompts", "x.toml"], "--prompts, which no other writer uses"),
        (["exam", "--writer", "biovil-t", "--writer-model", "x", "--chat-px", "200"], "--chat-px, which no other"),
        (
            [
                "exam",
                "--writer",
                "chat",
                "--chat-endpoint",
                "http://localhost:1/v1",
                "--chat-model",
                "x",
                "--prompts",
                "no.toml",
            ],
            "no file no.toml",
        ),
        (["exam", "--writer", "biovil-t", "--writer-model", "x", "--prior-report", "old.txt"], "no file old.txt"),
        (
            ["exam", "--writer", "biovil-t", "--writer-model", "x", "--prior-report", "old.txt", "--no-patient"],
            "one of them",
        ),
    ],
)
def test_bad_options_are_refused_before_anything_is_read(run, house, options, message):
    shown = run("read", *options)
    assert shown.exit_code == 2
    assert message in shown.stderr
    assert house.loaded == []


def test_an_out_that_is_a_file_is_refused_before_anything_is_read(run, house, tmp_path):
    taken = tmp_path / "taken"
    taken.touch()
    shown = run("read", "exam", "--out", taken)
    assert shown.exit_code == 2
    assert "is a file" in shown.stderr
    assert house.loaded == []


def test_setting_and_prevalence_reach_the_reading(run, house, tmp_path):
    run("read", "exam", "--out", tmp_path, "--setting", "diagnostic", "--prevalence", "0.006")
    run("read", "exam", "--out", tmp_path)
    assert [(str(s), p) for s, p in house.settings] == [("diagnostic", 0.006), ("screening", None)]


@pytest.mark.parametrize("share", ["0", "1", "-0.1", "6"])
def test_a_prevalence_that_is_no_share_is_refused_before_anything_is_read(run, house, tmp_path, share):
    shown = run("read", "exam", "--out", tmp_path, "--prevalence", share)
    assert shown.exit_code == 2 and "a share between 0 and 1" in shown.stderr
    assert house.loaded == []
