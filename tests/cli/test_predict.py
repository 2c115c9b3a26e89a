"""`predict`: one row per breast, whole exams, resumable; a bad exam is a row."""

import csv
from dataclasses import replace

import pytest

from mammoscribe.domain.exam import SetAside
from mammoscribe.domain.view import Projection
from mammoscribe.support.errors import InputError
from tests.nouns import L, R, make_exam, make_report

COLUMNS = (
    "exam_id,laterality,prob_malignant,birads,density,"
    "prob_density_a,prob_density_b,prob_density_c,prob_density_d,num_findings,status,message"
)  # DESIGN, contracts


@pytest.fixture
def manifest(tmp_path):
    path = tmp_path / "manifest.csv"
    path.touch()
    return path


def rows(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_each_breast_is_a_row_with_the_columns_of_the_contract(run, house, manifest, tmp_path):
    assert run("predict", manifest, "--out", tmp_path / "r.csv").exit_code == 0
    assert (tmp_path / "r.csv").read_text().splitlines() == [
        COLUMNS,
        "e1,R,0.5000,1,b,0.1000,0.6000,0.2000,0.1000,1,ok,",
        "e1,L,0.5000,1,b,0.1000,0.6000,0.2000,0.1000,0,ok,",
    ]


def test_an_unimaged_breast_has_no_row(run, house, manifest, tmp_path):
    house.report = lambda exam: make_report(make_exam(id=exam.id, sides=(L,)))
    run("predict", manifest, "--out", tmp_path / "r.csv")
    assert [r["laterality"] for r in rows(tmp_path / "r.csv")] == ["L"]


@pytest.mark.parametrize("error", [InputError("no views\nhere", "some"), RuntimeError("ours")])
def test_a_bad_exam_is_a_row_with_its_reason_and_the_run_goes_on(run, house, manifest, tmp_path, error):
    house.exam_ids, house.bad = ("e1", "bad", "e3"), {"bad": error}
    shown = run("predict", manifest, "--out", tmp_path / "r.csv")
    assert shown.exit_code == 0, shown.output
    found = rows(tmp_path / "r.csv")
    assert [r["exam_id"] for r in found] == ["e1", "e1", "bad", "e3", "e3"]
    assert found[2]["status"] == "error"
    assert found[2]["laterality"] == ""
    assert str(error).split()[0] in found[2]["message"]
    assert "1 error, 2 ok; 0 kept" in shown.stderr


def test_a_run_where_nothing_could_be_read_fails(run, house, manifest, tmp_path):
    house.bad = {"e1": InputError("no")}
    assert run("predict", manifest, "--out", tmp_path / "r.csv").exit_code == 1


def test_a_second_run_reads_only_what_is_missing(run, house, manifest, tmp_path):
    run("predict", manifest, "--out", tmp_path / "r.csv")
    before = (tmp_path / "r.csv").read_text()
    house.exam_ids = ("e1", "e2")
    shown = run("predict", manifest, "--out", tmp_path / "r.csv")
    assert house.read == ["e1", "e2"]
    assert (tmp_path / "r.csv").read_text().startswith(before)
    assert "1 ok; 1 kept from before" in shown.stderr


def test_errors_are_read_again_only_when_asked(run, house, manifest, tmp_path):
    house.exam_ids, house.bad = ("e1", "bad"), {"bad": InputError("no")}
    run("predict", manifest, "--out", tmp_path / "r.csv")
    house.bad = {}
    run("predict", manifest, "--out", tmp_path / "r.csv")
    assert house.read == ["e1"]
    run("predict", manifest, "--out", tmp_path / "r.csv", "--retry-errors")
    assert house.read == ["e1", "bad"]
    assert {r["status"] for r in rows(tmp_path / "r.csv")} == {"ok"}


def test_another_reader_does_not_add_to_the_same_file(run, house, manifest, tmp_path):
    run("predict", manifest, "--out", tmp_path / "r.csv")
    house.sha = "b" * 64
    shown = run("predict", manifest, "--out", tmp_path / "r.csv")
    assert shown.exit_code == 2
    assert "another reader" in shown.stderr


def test_a_file_that_is_no_results_file_is_refused_and_left_alone(run, house, manifest, tmp_path):
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n")
    shown = run("predict", manifest, "--out", other)
    assert shown.exit_code == 2
    assert "not a results file" in shown.stderr
    assert other.read_text() == "a,b\n1,2\n"


def test_a_stopped_run_leaves_whole_exams(run, house, manifest, tmp_path):
    house.exam_ids, house.bad = ("e1", "e2"), {"e2": KeyboardInterrupt()}  # type: ignore[dict-item]
    run("predict", manifest, "--out", tmp_path / "r.csv")
    assert [r["exam_id"] for r in rows(tmp_path / "r.csv")] == ["e1", "e1"]
    assert [p.name for p in tmp_path.glob(".*")] == []


def test_a_view_set_aside_makes_the_row_partial(run, house, manifest, tmp_path):
    house.set_aside = (SetAside("spot.dcm", "a spot view"),)
    run("predict", manifest, "--out", tmp_path / "r.csv")
    assert {(r["status"], r["message"]) for r in rows(tmp_path / "r.csv")} == {
        ("partial", "spot.dcm is not used: a spot view")
    }


def test_a_repeat_that_was_set_aside_is_in_the_message_and_lacks_nothing(run, house, manifest, tmp_path):
    house.set_aside = (SetAside("R_CC_2.dcm", "an earlier repeat of R_CC.dcm", R, Projection.CC),)
    run("predict", manifest, "--out", tmp_path / "r.csv")
    assert {r["status"] for r in rows(tmp_path / "r.csv")} == {"ok"}
    assert all("an earlier repeat of R_CC.dcm" in r["message"] for r in rows(tmp_path / "r.csv"))


def test_reports_go_into_a_folder_per_exam_whatever_its_id(run, house, manifest, tmp_path):
    house.exam_ids = ("a/b", "..")
    run("predict", manifest, "--out", tmp_path / "r.csv", "--reports", tmp_path / "reports", "--format", "json")
    assert sorted(p.name for p in (tmp_path / "reports").iterdir()) == ["%2E%2E", "a%2Fb"]
    assert house.images == [False, False]


def test_a_missing_manifest_is_one_sentence(run, house, tmp_path):
    shown = run("predict", tmp_path / "none.csv", "--out", tmp_path / "r.csv")
    assert shown.exit_code == 2
    assert "no manifest" in shown.stderr
    assert not (tmp_path / "r.csv").exists()


def test_a_second_run_on_the_same_results_is_refused_and_changes_nothing(run, house, manifest, tmp_path):
    out = tmp_path / "new" / "r.csv"

    def read_meanwhile(exam):
        shown = run("predict", manifest, "--out", out)
        assert shown.exit_code == 2 and f"another run is writing to {out}" in " ".join(shown.stderr.split())
        return make_report(exam)

    house.report = read_meanwhile
    assert run("predict", manifest, "--out", out).exit_code == 0
    assert [r["exam_id"] for r in rows(out)] == ["e1", "e1"]
    assert sorted(p.name for p in out.parent.iterdir()) == ["r.csv", "r.csv.provenance.json"]


def test_what_the_report_warns_of_is_in_the_row(run, house, manifest, tmp_path):
    house.report = lambda exam: replace(make_report(exam), warnings=("R CC: a breast with an implant",))
    run("predict", manifest, "--out", tmp_path / "r.csv")
    assert {r["message"] for r in rows(tmp_path / "r.csv")} == {"R CC: a breast with an implant"}
