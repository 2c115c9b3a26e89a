"""`evaluate --faithfulness`: a reader and its decoder on exams whose pictures are changed; what does not fit is one sentence."""

import json

import pytest

from tests.cli.tiny_reader import write_tiny_reader
from tests.training.reader.lab import labelled_lab


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """Prepared: patients 0, 2, 3 in `train`, 1 in `val`."""
    return labelled_lab(tmp_path_factory.mktemp("lab"), 4)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_tiny_reader(tmp_path_factory.mktemp("model"))


def test_a_reader_is_measured_on_a_prepared_split(run, lab, model, tmp_path):
    out = tmp_path / "card"
    asked = ("evaluate", "--faithfulness", "--data", lab, "--split", "train", "--model", model, "--exams", 2,
             "--draws", 100, "--out", out)  # fmt: skip
    shown = run(*asked)
    assert shown.exit_code == 0, shown.output
    card = json.loads((out / "card.json").read_text())
    assert (card["schema"], card["exams"], card["patients"]) == ("mammoscribe.faithfulness/1", 2, 2)
    names = {f["name"] for f in card["figures"]}
    assert {
        "fact F1, grey pictures",
        "facts that stay with random weights",
        "fact F1, another patient's pictures",
    } <= names
    assert "necessity" not in names  # nothing was drawn
    assert (out / "card.html").read_text().startswith("<!doctype html>") and "personal data" in shown.stdout
    (stored,) = out.glob("faithfulness-*.jsonl")
    written = stored.stat().st_mtime_ns
    assert run(*asked).exit_code == 0 and stored.stat().st_mtime_ns == written


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--predictions", "results.csv"), "--predictions with --faithfulness"),
        (("--model", "a", "--model", "b"), "2 models"),
        (("--split", "val"), "--split without --data"),
        (("--fold", "0/5"), "--fold without --data"),
        (("--bench", "none"), "none"),
        (("--writer", "biovil-t"), "--writer-model"),
        (("--chat-model", "m"), "--writer chat"),
        (("--data", "absent"), "absent"),
        (("--writer", "decoder", "--model", "MODEL", "--exams", "1"), "no report decoder"),
    ],
)
def test_what_does_not_fit_is_one_sentence(run, model, tmp_path, options, words):
    given = [str(model) if o == "MODEL" else o for o in options]
    shown = run("evaluate", "--faithfulness", "--out", tmp_path / "card", *given)
    assert shown.exit_code == 2 and words in shown.stderr, shown.stderr
    assert len(shown.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "card" / "card.json").exists()


def test_a_writer_without_faithfulness_is_refused(run, tmp_path):
    shown = run("evaluate", "--writer", "decoder", "--out", tmp_path / "card")
    assert shown.exit_code == 2 and "--writer with" in shown.stderr
