"""`mammoscribe phantom`: which lesions are drawn, and by which version of the generator."""

import pytest

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
