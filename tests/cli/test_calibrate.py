"""`calibrate`: prints what the new operating points rest on, and refuses what does not fit in one sentence."""

import pytest

from mammoscribe.domain.finding import FindingType
from mammoscribe.models.reader.card import ModelCard, OperatingPoint
from mammoscribe.models.reader.network import debug_config
from mammoscribe.training.calibration import calibrate as calibration


def point(population: str) -> OperatingPoint:
    levels = {kind.value: 0.5 for kind in FindingType}
    return OperatingPoint(population, levels, levels, None, 0.3, 40, reliability=(f"mass: 3 of 4 [{population}]",))


@pytest.fixture
def asked(monkeypatch):
    """What the command asked for, with the work left out."""
    calls = []

    def calibrate(asked, out, workers, on_exams):
        calls.append((asked, out, workers))
        on_exams(3)
        return ModelCard("r", "nothing", debug_config(), "a" * 64, point("drawn ones"), point("real ones"))

    monkeypatch.setattr(calibration, "calibrate", calibrate)
    return calls


def test_every_option_is_handed_on_and_both_populations_are_printed(run, asked, tmp_path):
    shown = run(
        "calibrate", "--model", "m", "--data", "a", "--data", "b", "--fold", "f0", "--fold", "f1", "--parts", "starter",
        "--name", "ours", "--version", "2", "--workers", "3", "--out", tmp_path / "out",
    )  # fmt: skip
    assert shown.exit_code == 0
    ((given, out, workers),) = asked
    assert (given.model, [str(d) for d in given.data], [str(f) for f in given.folds]) == ("m", ["a", "b"], ["f0", "f1"])
    assert (given.parts, given.name, given.version, out) == ("starter", "ours", "2", tmp_path / "out")
    assert workers == 3
    assert "synthetic images: drawn ones, 40 breasts" in shown.stdout
    assert "acquired images: real ones, 40 breasts" in shown.stdout and "mass: 3 of 4 [real ones]" in shown.stdout


def test_a_file_in_place_of_the_folder_is_refused_before_the_work(run, asked, tmp_path):
    (tmp_path / "out").touch()
    shown = run("calibrate", "--model", "m", "--data", "a", "--out", tmp_path / "out")
    assert shown.exit_code == 2 and "is a file" in shown.stderr and not asked


def test_a_run_that_is_none_is_one_sentence(run, tmp_path):
    shown = run(
        "calibrate", "--model", "starter", "--data", tmp_path, "--fold", tmp_path, "--out", tmp_path / "out"
    )  # fmt: skip
    assert shown.exit_code == 2 and "holds no run" in shown.stderr and not (tmp_path / "out").exists()


def test_an_unknown_way_to_draw_lesions_is_answered_with_the_known_ones(run, tmp_path):
    shown = run("phantom", "--lesions", "enrichd", "--out", tmp_path / "drawn")
    assert shown.exit_code == 2 and "enriched" in shown.stderr and not (tmp_path / "drawn").exists()
