"""`draft`: a text that says that nothing checked it; mammograms are sent to the gate."""

import numpy as np
import pytest
from PIL import Image

from mammoscribe.models.biovil.report_model import Pictures
from tests.imaging.drawn import mammogram, saved
from tests.models.tiny_report import write_tiny_report

pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def writer(tmp_path_factory):
    return write_tiny_report(tmp_path_factory.mktemp("chest"), Pictures.CHEST)


def chest_png(path, seed: int = 0):
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (90, 80)).astype(np.uint8)).save(path)
    return path


def test_the_text_is_printed_and_written_with_the_note_that_nothing_checked_it(run, writer, tmp_path):
    picture, prior = chest_png(tmp_path / "a.png"), chest_png(tmp_path / "b.png", 1)
    (tmp_path / "before.txt").write_text("A new mass.")
    shown = run(
        "draft", picture, "--model", writer, "--prior", prior, "--prior-report", tmp_path / "before.txt", "--beams", 2,
        "--out", tmp_path / "draft.txt",
    )  # fmt: skip
    assert shown.exit_code == 0, shown.output
    written = (tmp_path / "draft.txt").read_text()
    for text in (written, shown.stdout):
        assert "Written by a model, not checked." in text and "Model: tiny chest, weights " in text
    assert written.splitlines()[0] in shown.stdout and written.splitlines()[0]


def test_the_words_of_the_model_are_printed_as_it_wrote_them(run, tmp_path):
    says = write_tiny_report(tmp_path / "says", Pictures.CHEST, text="A new mass. A mass.")
    shown = run("draft", chest_png(tmp_path / "a.png"), "--model", says)
    assert shown.stdout.splitlines()[0] == "A new mass. A mass." and not shown.stderr


def test_a_report_without_an_end_is_told(run, writer, tmp_path):
    shown = run("draft", chest_png(tmp_path / "a.png"), "--model", writer, "--max-tokens", 1)
    assert shown.exit_code == 0
    assert "came to no end" in shown.stderr and shown.stdout.startswith("(no whole sentence)")


def test_what_came_before_reaches_the_model(run, writer, tmp_path):
    from mammoscribe.models.biovil.report_model import load_report_model
    from mammoscribe.models.biovil.report_search import Limits

    model = load_report_model(writer)
    picture, prior = chest_png(tmp_path / "a.png"), chest_png(tmp_path / "b.png", 1)
    (tmp_path / "before.txt").write_text("mass mass new .\n")
    given = [model.prepare(path) for path in (picture, prior)]
    (expected,) = model.write([given[0]], [given[1]], ["mass mass new ."], Limits(max_tokens=9))
    (without,) = model.write([given[0]], limits=Limits(max_tokens=9))
    options = ["--prior", prior, "--prior-report", tmp_path / "before.txt"]
    shown = [run("draft", picture, "--model", writer, "--max-tokens", 9, *more).stdout for more in (options, [])]
    for text, own in zip(shown, (expected, without), strict=True):
        assert text.splitlines()[0] == (own.text or "(no whole sentence)")
    assert expected != without


@pytest.mark.parametrize("elements", [{}, {"Modality": "CR"}, {"BodyPartExamined": None}])
def test_a_mammogram_by_its_header_is_sent_to_the_gate(run, writer, elements, tmp_path):
    shown = run("draft", saved(mammogram(**elements), tmp_path / "a.dcm"), "--model", writer)
    assert shown.exit_code == 2 and "is a mammogram" in shown.stderr and "--writer biovil-t" in shown.stderr
    chest = saved(mammogram(Modality="CR", BodyPartExamined="CHEST"), tmp_path / "b.dcm")
    assert run("draft", chest, "--model", writer).exit_code == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--prior-report", "x.txt"], "both"),
        (["--model", "nowhere"], "no report writer in nowhere"),
        (["--device", "tpu"], "--device tpu"),
    ],
)
def test_bad_options_are_one_sentence(run, writer, options, message, tmp_path):
    shown = run("draft", chest_png(tmp_path / "a.png"), "--model", writer, *options)
    assert shown.exit_code == 2 and message in shown.stderr


@pytest.mark.parametrize(
    ("content", "message"), [(b"", "is empty"), (b"\xff\xfe\x00", "is not UTF-8"), (None, "no file")]
)
def test_a_prior_report_that_is_none_is_one_sentence(run, writer, content, message, tmp_path):
    picture, said = chest_png(tmp_path / "a.png"), tmp_path / "before.txt"
    if content is not None:
        said.write_bytes(content)
    shown = run("draft", picture, "--model", writer, "--prior", picture, "--prior-report", said)
    assert shown.exit_code == 2 and message in shown.stderr


def test_a_writer_of_mammograms_is_sent_to_the_gate(run, tmp_path):
    breast = write_tiny_report(tmp_path / "breast", Pictures.MAMMOGRAM)
    shown = run("draft", chest_png(tmp_path / "a.png"), "--model", breast)
    assert shown.exit_code == 2 and "--writer biovil-t" in shown.stderr
