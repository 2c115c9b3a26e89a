"""Shards of `predict`: together they are the whole run, and are joined only when all are finished and of one kind."""

import csv

import pytest

from tests.nouns import make_report

EXAMS = tuple(f"e{n}" for n in range(7))


@pytest.fixture
def manifest(tmp_path, house):
    house.exam_ids = EXAMS
    path = tmp_path / "manifest.csv"
    path.write_text("seven exams")
    return path


@pytest.fixture
def shard(run, manifest, tmp_path):
    """Reads one shard as the options say."""
    return lambda part, *options: run("predict", manifest, "--out", tmp_path / "r.csv", "--shard", part, *options)


def ids(path):
    with path.open(newline="") as stream:
        return list(dict.fromkeys(row["exam_id"] for row in csv.DictReader(stream)))


def said(shown):
    assert shown.exit_code == 2, shown.output
    return " ".join(shown.stderr.split())


@pytest.mark.parametrize("count", [1, 3, 7, 9])
def test_shards_share_out_every_exam_once_and_join_to_the_table_of_one_run(
    run, house, shard, manifest, tmp_path, count
):
    for number in range(count, 0, -1):
        assert shard(f"{number}/{count}").exit_code == 0
    assert sorted(house.read) == sorted(EXAMS)
    parts = [ids(tmp_path / f"r.shard-{k}-of-{count}.csv") for k in range(1, count + 1)]
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert not (tmp_path / "r.csv").exists()
    merged = run("predict", "--merge", tmp_path / "r.csv")
    assert merged.exit_code == 0 and f"7 exams of {count} shards" in merged.stderr
    run("predict", manifest, "--out", tmp_path / "whole.csv")
    assert (tmp_path / "r.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert (tmp_path / "r.csv.provenance.json").read_bytes() == (tmp_path / "whole.csv.provenance.json").read_bytes()


def test_a_shard_goes_on_where_it_was_stopped_and_two_shards_run_at_once(house, shard, tmp_path):
    def read_other_shard_meanwhile(exam):
        if exam.id == "e0":
            assert shard("2/2").exit_code == 0
            raise KeyboardInterrupt
        return make_report(exam)

    house.report = read_other_shard_meanwhile
    assert shard("1/2").exit_code == 130
    house.report = make_report
    assert shard("1/2").exit_code == 0
    assert ids(tmp_path / "r.shard-1-of-2.csv") == ["e0", "e2", "e4", "e6"]
    assert house.read == ["e0", "e1", "e3", "e5", "e0", "e2", "e4", "e6"]


@pytest.mark.parametrize("part", ["0/3", "4/3", "1/0", "3", "1/3/5", "-1/3", "a/b", "", "1/ 3", "²/3"])
def test_a_shard_that_is_none_is_refused_before_anything_is_read(house, shard, tmp_path, part):
    assert "--shard" in said(shard(part))
    assert house.read == []
    assert [p.name for p in tmp_path.iterdir()] == ["manifest.csv"]


def test_a_shard_of_a_manifest_that_has_changed_is_not_added_to(shard, manifest, tmp_path):
    shard("1/2")
    manifest.write_text("eight exams")
    assert "manifest_sha256" in said(shard("1/2"))


def test_nothing_is_merged_without_every_shard(run, shard, tmp_path):
    assert "has no shards" in said(run("predict", "--merge", tmp_path / "r.csv"))
    assert "has no shards" in said(run("predict", "--merge", tmp_path / "nowhere" / "r.csv"))
    shard("2/4")
    assert "1/4, 3/4, 4/4 are missing" in said(run("predict", "--merge", tmp_path / "r.csv"))
    shard("1/4"), shard("3/4")
    assert "4/4 is missing" in said(run("predict", "--merge", tmp_path / "r.csv"))
    shard("1/2")
    assert "shards of 2 and of 4" in said(run("predict", "--merge", tmp_path / "r.csv"))
    assert not (tmp_path / "r.csv").exists()


def test_an_unfinished_shard_is_not_merged(run, house, shard, tmp_path):
    shard("1/2")
    house.bad = {"e3": KeyboardInterrupt()}  # type: ignore[dict-item]
    shard("2/2")
    assert "shard 2/2 holds 1 of 3 exams" in said(run("predict", "--merge", tmp_path / "r.csv"))
    assert not (tmp_path / "r.csv").exists()


@pytest.mark.parametrize("change", ["setting", "model", "prevalence", "manifest"])
def test_shards_made_in_different_ways_are_not_merged(run, house, shard, manifest, tmp_path, change):
    shard("1/2")
    options = {"setting": ("--setting", "diagnostic"), "prevalence": ("--prevalence", "0.01")}.get(change, ())
    if change == "model":
        house.sha = "b" * 64
    if change == "manifest":
        manifest.write_text("the same exams in other files")
    shard("2/2", *options)
    words = said(run("predict", "--merge", tmp_path / "r.csv"))
    assert "different ways" in words and {"model": "weights_sha256"}.get(change, change) in words
    assert not (tmp_path / "r.csv").exists()


def test_a_shard_that_does_not_say_what_made_it_is_not_merged(run, shard, tmp_path):
    shard("1/1")
    (tmp_path / "r.shard-1-of-1.csv.provenance.json").write_text("[]")
    assert "does not say what made it" in said(run("predict", "--merge", tmp_path / "r.csv"))


def test_a_shard_that_is_being_read_is_not_merged(run, house, shard, tmp_path):
    def merge_meanwhile(exam):
        if exam.id == "e3":  # by then the shard has a file
            house.merged = said(run("predict", "--merge", tmp_path / "r.csv"))
        return make_report(exam)

    house.report = merge_meanwhile
    assert shard("1/1").exit_code == 0
    assert "another run is writing to" in house.merged
    assert not (tmp_path / "r.csv").exists()


def test_merging_again_takes_what_a_shard_has_read_since_and_overwrites_nothing_else(run, house, shard, tmp_path):
    house.bad = {"e2": RuntimeError("busy")}
    shard("1/1")
    assert run("predict", "--merge", tmp_path / "r.csv").exit_code == 0
    assert "busy" in (tmp_path / "r.csv").read_text()
    house.bad = {}
    shard("1/1", "--retry-errors")
    assert run("predict", "--merge", tmp_path / "r.csv").exit_code == 0
    assert "busy" not in (tmp_path / "r.csv").read_text()
    own = (tmp_path / "r.csv").read_text().replace("e6,", "own,")
    (tmp_path / "r.csv").write_text(own)
    assert "exams that no shard has, such as own" in said(run("predict", "--merge", tmp_path / "r.csv"))
    assert (tmp_path / "r.csv").read_text() == own


@pytest.mark.parametrize(
    "options", [["--workers", "0"], ["--model", "starter"], ["--out", "x.csv"], ["--shard", "1/2"]]
)
def test_an_option_that_merging_does_not_use_is_refused(run, tmp_path, options):
    assert "given together with --merge" in said(run("predict", "--merge", tmp_path / "r.csv", *options))


def test_merging_takes_no_manifest_and_reading_needs_one(run, manifest, tmp_path):
    assert "given together with --merge" in said(run("predict", manifest, "--merge", tmp_path / "r.csv"))
    assert "no --out" in said(run("predict", manifest))
    assert "no MANIFEST.csv" in said(run("predict", "--out", tmp_path / "r.csv"))
