"""From fold runs to a shippable model folder: left-out patients fix the operating point of acquired images."""

import csv
import json

import pytest

from mammoscribe.data.datasets.rsna import RSNA
from mammoscribe.data.folds import Fold
from mammoscribe.models.reader.loading import load_reader
from mammoscribe.support.errors import InputError
from mammoscribe.training.calibration.calibrate import Calibration, _Turn, calibrate
from mammoscribe.training.engine.train import train
from mammoscribe.training.reader.exams import PreparedExams
from mammoscribe.training.reader.recipe import reader
from tests.training.reader.lab import boxed_lab, labelled_lab, opened, prepared

pytest.importorskip("accelerate")
FAST = {"preset": "debug", "steps": "1", "precision": "fp32", "validate_every": "1", "execution.device": "cpu"}


@pytest.fixture(scope="module")
def labs(tmp_path_factory):
    root = tmp_path_factory.mktemp("labs")
    return boxed_lab(root / "boxed"), labelled_lab(root / "labelled", 16)


@pytest.fixture(scope="module")
def runs(labs, tmp_path_factory):
    """The run on everybody, and two that each left out half of the patients."""
    root = tmp_path_factory.mktemp("runs")
    for name, left_out in {"all": "none", "fold0": "0/2", "fold1": "1/2"}.items():
        train(reader(labs).with_set({**FAST, "left_out": left_out}), root / name)
    return root


def test_patients_that_are_left_out_are_neither_trained_on_nor_validated_on(labs):
    left_out = Fold(1, 2)
    for split in ("train", "val"):
        everybody = {e.patient_id for e in PreparedExams(opened(labs[1], split))}
        kept = {e.patient_id for e in PreparedExams(opened(labs[1], split), left_out=left_out)}
        assert kept and kept < everybody
        assert all(left_out.holds(p) for p in everybody - kept) and not any(left_out.holds(p) for p in kept)


def test_drawn_exams_are_never_left_out(labs):
    assert len(PreparedExams(opened(labs[0]), left_out=Fold(0, 2))) == len(PreparedExams(opened(labs[0])))


def test_left_out_patients_fix_the_operating_point_of_acquired_images(labs, runs, tmp_path):
    folds = (runs / "fold1", runs / "fold0")
    asked = Calibration(str(runs / "all" / "model"), labs, folds, name="ours", version="7")
    card = calibrate(asked, tmp_path / "out")
    assert (card.name, card.version) == ("ours", "7")
    assert card.synthetic.population == "validation split of phantom"
    assert card.real.population == "patients left out of training (2 folds) of rsna-2023"
    assert (card.real.n, card.real.prevalence) == (32, 0.25)
    rows = list(csv.DictReader((tmp_path / "out" / "breasts.csv").open(newline="")))
    assert len(rows) == 32 and all(
        Fold.from_text(r["fold"]).holds(r["patient_id"]) and r["fold"].endswith("/2") for r in rows
    )
    assert len(json.loads((tmp_path / "out" / "marks.json").read_text())["views"]) == 64
    assert load_reader(str(tmp_path / "out")).card == card


def test_two_workers_share_the_exams_and_give_the_model_that_one_gives(labs, runs, tmp_path):
    asked = Calibration(str(runs / "all" / "model"), labs, (runs / "fold0", runs / "fold1"))
    seen = {1: [], 2: []}
    cards = [calibrate(asked, tmp_path / f"by{n}", n, seen[n].append) for n in seen]
    assert cards[0] == cards[1]
    for name in ("breasts.csv", "marks.json"):
        assert (tmp_path / "by1" / name).read_bytes() == (tmp_path / "by2" / name).read_bytes()
    assert sum(seen[1]) == sum(seen[2]) > 30


def test_the_patients_of_a_fold_are_shared_out_between_as_many_workers_as_there_are_folds():
    turns = [_Turn(None, (), None, Fold(i, 5)) for i in range(5)]
    own = [p for p in map(str, range(400)) if Fold(2, 5).holds(p)]
    shares = [sum(turn.chosen(p) for p in own) for turn in turns]
    assert sum(shares) == len(own) and min(shares) > len(own) / 10


def test_without_folds_the_validation_split_is_seen_by_the_model_itself(labs, runs, tmp_path):
    card = calibrate(Calibration(str(runs / "all" / "model"), (labs[1],)), tmp_path / "out")
    assert card.real.population == card.synthetic.population == "validation split of rsna-2023"
    assert not (tmp_path / "out" / "breasts.csv").exists()


def test_what_does_not_fit_together_is_refused_before_anything_is_seen(labs, runs, tmp_path):
    model = str(runs / "all" / "model")
    with pytest.raises(InputError, match="without a dataset of acquired exams"):
        calibrate(Calibration(model, labs[:1], (runs / "fold0", runs / "fold1")), tmp_path / "a")
    with pytest.raises(InputError, match="has no part that"):
        calibrate(Calibration(model, labs, parts=model), tmp_path / "b")
    with pytest.raises(InputError, match="was prepared as reader"):
        calibrate(Calibration(model, (labelled_lab_for_base(tmp_path),)), tmp_path / "c")
    assert not any((tmp_path / name).exists() for name in "abc")


def labelled_lab_for_base(root):
    labelled_lab(root / "lab", 3)
    return prepared(RSNA, root / "lab" / "files", root / "base", "reader-base")


def test_exams_that_the_model_learned_from_do_not_calibrate_it(labs, runs, tmp_path):
    site = labs[0]
    model = str(runs / "all" / "model")
    with pytest.raises(InputError, match="split all of phantom, from which reader learned"):
        calibrate(Calibration(model, (site,), split="all"), tmp_path / "refused")
    with pytest.raises(InputError, match="beside folds"):
        Calibration(model, (site,), (runs / "fold0",), split="all")
    with pytest.raises(InputError, match="a split 'vall'"):
        Calibration(model, (site,), split="vall")


def test_labelled_exams_of_a_site_fix_what_its_reports_say(labs, tmp_path):
    train(reader(labs[:1]).with_set(FAST), tmp_path / "run")
    card = calibrate(Calibration(str(tmp_path / "run" / "model"), (labs[1],), split="all"), tmp_path / "out")
    assert card.real.population == "all exams of rsna-2023"
    assert (card.real.n, card.real.prevalence) == (32, 0.25)
    assert card.real.familiar is not None
    assert (card.real.familiar.population, card.real.familiar.num_views) == ("all exams of rsna-2023", 64)
    stored = load_reader(str(tmp_path / "out"))
    assert stored.card.real == card.real
