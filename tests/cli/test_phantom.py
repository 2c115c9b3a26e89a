"""`mammoscribe phantom`: which lesions are drawn, and by which version of the generator."""

from dataclasses import replace

import pytest

from mammoscribe.data.report_files import read_reports
from mammoscribe.evaluation import bench_digests
from mammoscribe.phantom import BENCH_V1
from mammoscribe.support.errors import InputError


def test_an_unknown_name_is_refused_with_the_near_one_and_nothing_is_written(run, tmp_path):
    shown = run("phantom", "--lesions", "calcification", "--out", tmp_path / "drawn")
    assert shown.exit_code == 2
    assert "calcifications" in shown.stderr and not (tmp_path / "drawn").exists()


@pytest.mark.parametrize(
    ("options", "prior", "calcifications"),
    [
        ((), 0.3, 0.37),
        (("--lesions", "calcifications"), 0.0, 0.82),
        (("--lesions", "calcifications", "--prior"), 1.0, 0.82),
    ],
)
def test_the_name_decides_what_is_drawn_and_prior_may_be_set_apart(
    run, tmp_path, monkeypatch, options, prior, calcifications
):
    seen = []

    def draw(number, spec):
        seen.append(spec)
        raise InputError("enough", "")

    monkeypatch.setattr("mammoscribe.phantom.draw_exam", draw)
    run("phantom", *options, "--out", tmp_path / "drawn")
    (spec,) = seen
    assert spec.prior_probability == prior
    assert spec.suspicious_calc_weight + spec.benign_calc_weight == pytest.approx(calcifications)


@pytest.mark.parametrize(("options", "version"), [((), "1"), (("--generator", "1"), "1"), (("--generator", "2"), "2")])
def test_the_version_is_the_first_unless_another_is_asked_for(run, tmp_path, monkeypatch, options, version):
    seen = []

    def draw(number, spec):
        seen.append(spec.generator)
        raise InputError("enough", "")

    monkeypatch.setattr("mammoscribe.phantom.draw_exam", draw)
    run("phantom", *options, "--lesions", "enriched", "--out", tmp_path / "drawn")
    assert seen == [version]


def test_an_unknown_version_is_refused_with_the_known_ones_and_nothing_is_written(run, tmp_path):
    shown = run("phantom", "--generator", "3", "--out", tmp_path / "drawn")
    assert shown.exit_code == 2
    assert "1" in shown.stderr and "2" in shown.stderr and not (tmp_path / "drawn").exists()


# --- a frozen bench -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [("--exams", 3), ("--seed", 0), ("--lesions", "training"), ("--generator", 1), ("--prior",), ("--no-prior",)],
)
def test_a_bench_takes_no_option_that_says_what_is_drawn(run, tmp_path, options):
    shown = run("phantom", "--bench", "bench_v1", *options, "--out", tmp_path / "drawn")
    assert shown.exit_code == 2
    assert options[0].replace("--no-", "--") in shown.stderr and "--bench" in shown.stderr
    assert not (tmp_path / "drawn").exists()


def test_an_unknown_bench_is_refused_with_the_known_ones_and_nothing_is_written(run, tmp_path):
    shown = run("phantom", "--bench", "bench_v3", "--out", tmp_path / "drawn")
    assert shown.exit_code == 2
    assert "bench_v1" in shown.stderr and not (tmp_path / "drawn").exists()


@pytest.fixture
def one_exam(monkeypatch):
    """bench_v1 with its first exam alone."""
    bench = replace(BENCH_V1, seeds=BENCH_V1.seeds[:1])
    monkeypatch.setattr("mammoscribe.phantom.BENCHES", {"bench_v1": bench})
    return "phantom-900000"


def test_a_bench_is_written_with_its_references_and_compared_with_the_published_one(run, tmp_path, one_exam):
    shown = run("phantom", "--bench", "bench_v1", "--out", tmp_path)
    assert shown.exit_code == 0, shown.output
    assert "1 exams are: 1 equal" in " ".join(shown.stdout.split())
    with_boxes, texts = read_reports(tmp_path / "references"), read_reports(tmp_path / "references.csv")
    assert {i: r.text for i, r in with_boxes.items()} == {i: r.text for i, r in texts.items()}
    assert list(texts) == [one_exam]
    assert (tmp_path / one_exam / "truth.json").is_file()
    manifest = (tmp_path / "manifest.csv").read_text().splitlines()
    assert manifest[0] == "exam_id,patient_id,laterality,view,path,date,is_prior"  # no label
    assert len(manifest) == 1 + 4 and all((tmp_path / line.split(",")[4]).is_file() for line in manifest[1:])
    assert list(bench_digests.parse_digests((tmp_path / "digests.json").read_text())) == [one_exam]


def test_a_bench_that_is_not_the_published_one_ends_with_1_and_says_so(run, tmp_path, one_exam, monkeypatch):
    (digest,) = (d for i, d in bench_digests.published_digests("bench_v1").items() if i == one_exam)
    other = {one_exam: replace(digest, truth="0" * 64)}
    monkeypatch.setattr(bench_digests, "published_digests", lambda name: other)
    shown = run("phantom", "--bench", "bench_v1", "--out", tmp_path, "--format", "dicom")
    assert shown.exit_code == 1
    assert f"{one_exam} is another exam than the published one" in " ".join(shown.stderr.split())


def test_a_folder_with_exams_of_another_draw_is_refused(run, tmp_path, one_exam):
    (tmp_path / "references" / "phantom-3").mkdir(parents=True)
    (tmp_path / "references" / "phantom-3" / "report.json").write_text("{}")
    shown = run("phantom", "--bench", "bench_v1", "--out", tmp_path)
    assert shown.exit_code == 2
    assert "phantom-3" in shown.stderr and not (tmp_path / "manifest.csv").exists()
