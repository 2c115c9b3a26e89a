"""`mammoscribe phantom --lesions`: which lesions are drawn."""

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
