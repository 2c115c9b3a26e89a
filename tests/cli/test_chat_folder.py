"""`--writer chat` and `chat ask` with a model in a folder: it runs in this process, and the gate holds it to the findings."""

import csv
import hashlib
import json
import shutil
import socket

import jsonschema
import pytest
from typer.testing import CliRunner

from tests.chat_server import chat_server
from tests.cli.identified import archive, model
from tests.models.tiny_chat import learn_by_heart, question_about_an_exam, write_llava, write_qwen2_vl
from tests.models.tiny_families import WRITERS

pytest.importorskip("transformers")
__all__ = ["archive", "model"]
ASKED = "Picture 1 of 2: <image>\nPicture 2 of 2: <image>\nIs there a mass?"
FALSE = "There is a spiculated mass with a halo of gold in the right breast."


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """A connection to anywhere fails the test, but for loopback in the tests that start a server."""
    real = socket.socket.connect

    def connect(self, address):
        assert address[0] == "127.0.0.1", address
        return real(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)


def in_folder(folder, *more):
    return "--writer", "chat", "--chat-model", folder, *more


def report_in(folder):
    return json.loads((folder / "report.json").read_text())


def findings_of(report):
    return [s["text"] for s in report["sentences"] if s["section"] == "findings"]


def digits_of(folder):
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()[:12]


def manifest_of(folder, exams):
    lines = [f"{exam},{file}" for exam, files in exams.items() for file in files]
    (folder / "manifest.csv").write_text("\n".join(["exam_id,path", *lines]) + "\n")
    return folder / "manifest.csv"


def rows_of(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def rendered(archive, model, tmp_path_factory):
    """The report of the exam that our own renderer writes."""
    from mammoscribe.cli import app

    out = tmp_path_factory.mktemp("rendered")
    words = ["read", *archive[0]["current"], "--model", model, "--out", out, "--format", "json"]
    shown = CliRunner().invoke(app, [str(word) for word in words])
    assert shown.exit_code == 0, shown.output
    return report_in(out)


@pytest.fixture(scope="module")
def by_heart(rendered, tmp_path_factory):
    """A tiny LLaVA that answers with a true sentence of this exam and a false one."""
    folder = write_llava(tmp_path_factory.mktemp("heart") / "by-heart", positions=2048)
    return learn_by_heart(folder, f"{findings_of(rendered)[0]} {FALSE}", question_about_an_exam(), ASKED)


@pytest.fixture(scope="module")
def nonsense(tmp_path_factory):
    """A tiny Qwen2-VL of random weights."""
    return write_qwen2_vl(tmp_path_factory.mktemp("random") / "random-qwen")


def test_the_true_sentence_of_a_model_is_printed_and_its_false_one_refused(
    run, archive, model, rendered, by_heart, tmp_path
):
    from mammoscribe.exports import schema

    shown = run("read", *archive[0]["current"], "--model", model, "--out", tmp_path, *in_folder(by_heart))
    assert shown.exit_code == 0, shown.output
    report = report_in(tmp_path)
    jsonschema.validate(report, schema())
    author = f"by-heart (weights {digits_of(by_heart)})"
    assert report["provenance"]["author"] == author
    own = [s for s in report["sentences"] if s["writer"] == "external"]
    assert [s["text"] for s in own] == [findings_of(rendered)[0]]
    assert own[0]["gate"] == "consistent" and own[0]["evidence"]
    assert [(c["text"], c["writer"]) for c in report["rejected_claims"]] == [(FALSE, "external")]
    assert any(w.startswith(f"2 claims were written by {author} from all views together") for w in report["warnings"])
    assert "the gate refused 1 of them" in shown.stdout and "gold" not in shown.stdout
    text = (tmp_path / "report.txt").read_text()
    assert f"Claims by: {author}" in text and "gold" not in text


def test_nonsense_that_does_not_end_leaves_the_report_as_our_renderer_writes_it(
    run, archive, model, rendered, nonsense, tmp_path
):
    words = in_folder(nonsense, "--chat-tokens", 30, "--chat-px", 64)
    shown = run("read", *archive[0]["current"][:2], "--model", model, "--out", tmp_path / "chat", *words)
    alone = run("read", *archive[0]["current"][:2], "--model", model, "--out", tmp_path / "alone")
    assert shown.exit_code == alone.exit_code == 0, shown.output
    report = report_in(tmp_path / "chat")
    assert findings_of(report) == findings_of(report_in(tmp_path / "alone"))
    assert not any(s["writer"] == "external" for s in report["sentences"])
    assert any("cut off at its limit of tokens" in warning for warning in report["warnings"])
    assert report["provenance"]["author"] == f"random-qwen (weights {digits_of(nonsense)})"


@pytest.mark.parametrize("name", ["llava-med-1.5", "gemma-3", "llama-3.2-vision", "deepseek-vl", "deepseek-vl-hybrid"])
def test_a_model_of_each_family_writes_behind_the_gate_about_an_exam_of_four_views(run, archive, model, tmp_path, name):
    folder = WRITERS[name](tmp_path / name, positions=2048)
    words = in_folder(folder, "--chat-tokens", 12, "--chat-px", 64)
    shown = run(
        "read", *archive[0]["current"], "--model", model, "--out", tmp_path / "chat", "--format", "json", *words
    )
    assert shown.exit_code == 0, shown.output
    report = report_in(tmp_path / "chat")
    assert report["provenance"]["author"] == f"{name} (weights {digits_of(folder)})"
    assert len(report["exam"]["views"]) == 4 and not any(s["writer"] == "external" for s in report["sentences"])


def test_predict_names_the_weights_and_goes_on_with_no_others(run, archive, model, by_heart, tmp_path):
    folder = shutil.copytree(by_heart, tmp_path / "mine")
    current, prior = archive[0]["current"], archive[0]["prior"]
    manifest = tmp_path / "manifest.csv"
    lines = [f"{name},{file},{was}" for name, files in (("first", current), ("second", current)) for file, was in
             [*((f, "") for f in files), *((f, "true") for f in (prior if name == "second" else ()))]]  # fmt: skip
    manifest.write_text("\n".join(["exam_id,path,is_prior", *lines]) + "\n")
    words = ["predict", manifest, "--out", tmp_path / "r.csv", "--model", model, *in_folder(folder)]
    shown = run(*words)
    assert shown.exit_code == 0, shown.output
    rows = rows_of(tmp_path / "r.csv")
    assert [(r["exam_id"], r["laterality"]) for r in rows] == [("first", "R"), ("first", "L"), ("second", "")]
    assert "the gate refused 1 of them" in rows[0]["message"]
    assert "8 pictures in one conversation; expected at most 6 for llava-1.5" in rows[2]["message"]
    made_by = json.loads((tmp_path / "r.csv.provenance.json").read_text())
    assert made_by["chat_model"] == "mine" and made_by["writer_weights_sha256"].startswith(digits_of(folder))
    assert str(tmp_path) not in json.dumps(made_by)
    write_llava(folder, seed=5, positions=2048)
    other = run(*words)
    assert other.exit_code == 2 and "writer_weights_sha256" in other.stderr


def test_one_worker_may_hold_the_model_and_several_may_not(run, archive, model, by_heart, tmp_path):
    manifest = manifest_of(tmp_path, {"first": archive[0]["current"]})
    words = ["predict", manifest, "--out", tmp_path / "r.csv", "--model", model, *in_folder(by_heart)]
    several = run(*words, "--workers", 2)
    assert several.exit_code == 2 and not (tmp_path / "r.csv").exists()
    assert "of which each worker would hold a copy; expected --workers 0 or 1" in several.stderr
    assert len(several.stderr.splitlines()) == 1
    one = run(*words, "--workers", 1)
    assert one.exit_code == 0 and "the gate refused 1 of them" in rows_of(tmp_path / "r.csv")[0]["message"], one.output


def test_several_workers_may_ask_one_server(monkeypatch, run, archive, tmp_path):
    started = []
    monkeypatch.setattr(
        "mammoscribe.cli.predict.read_exams", lambda job, exams, workers: iter(started.append(workers) or ())
    )
    with chat_server() as chat:
        words = ["--writer", "chat", "--chat-endpoint", chat.url, "--chat-model", "tiny-llava", "--workers", 2]
        run("predict", manifest_of(tmp_path, {"first": archive[0]["current"][:1]}), "--out", tmp_path / "r.csv", *words)
    assert started == [2]


def test_a_question_is_answered_with_the_mark_that_nothing_checked_it(run, archive, by_heart, rendered):
    words = ["chat", "ask", *archive[0]["current"][:2], "Is there a mass?", "--chat-model", by_heart]
    shown = run(*words, "--device", "cpu")
    assert shown.exit_code == 0, shown.output
    lines = shown.stdout.splitlines()
    assert lines[0] == f"{findings_of(rendered)[0]} {FALSE}"
    assert lines[-1] == (
        "Not gated: nothing has checked this answer against the pictures. Research use only. "
        f"Model: by-heart (weights {digits_of(by_heart)})."
    )
    assert shown.stderr == ""


def test_a_run_of_the_training_is_taken_as_its_model(run, archive, by_heart, tmp_path):
    shutil.copytree(by_heart, tmp_path / "run" / "model")
    (tmp_path / "run" / "run.json").write_text("{}")
    shown = run("chat", "ask", archive[0]["current"][0], "A mass?", "--chat-model", tmp_path / "run")
    assert shown.exit_code == 0 and f"(weights {digits_of(by_heart)})" in shown.stdout, shown.output


@pytest.fixture
def places(tmp_path, by_heart):
    """Folders that are no chat model, each wrong in another way."""
    folders = {name: tmp_path / name for name in ("empty", "bert", "damaged", "bare", "unended")}
    for folder in folders.values():
        folder.mkdir()
    (folders["bert"] / "config.json").write_text('{"model_type": "bert"}')
    shutil.copytree(by_heart, folders["damaged"], dirs_exist_ok=True)
    (folders["damaged"] / "model.safetensors").write_bytes(b"no weights")
    shutil.copy(by_heart / "config.json", folders["bare"])
    (folders["unended"] / "run.json").write_text("{}")
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    return folders | {"file": tmp_path / "model.gguf", "nowhere": tmp_path / "nowhere"}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("empty", "no config.json in"),
        ("bert", "holds a model of type 'bert'; expected one of llava, qwen2_vl"),
        ("damaged", "the weights in"),
        ("bare", "no weights in"),
        ("unended", "is a run that has not ended"),
        ("file", "no --chat-endpoint, and no folder"),
        ("nowhere", "expected the address of a chat server, or the folder of a chat model as --chat-model"),
    ],
)
def test_what_is_no_chat_model_is_one_sentence_and_nothing_is_written(
    run, archive, model, places, name, said, tmp_path
):
    view = archive[0]["current"][0]
    manifest = manifest_of(tmp_path, {"first": [view]})
    for command in (
        ("read", view, "--model", model, "--out", tmp_path / "out", *in_folder(places[name])),
        ("predict", manifest, "--model", model, "--out", tmp_path / "r.csv", *in_folder(places[name])),
        ("chat", "ask", view, "A mass?", "--chat-model", places[name]),
    ):
        shown = run(*command)
        assert shown.exit_code == 2 and said in shown.stderr, shown.output
        (line,) = [text for text in shown.stderr.splitlines() if text.strip() and not text.startswith("exams  ")]
        assert line.startswith("error ")
    assert not (tmp_path / "out").exists() and not (tmp_path / "r.csv").exists()


@pytest.mark.parametrize("name", ["empty", "bare", "unended"])
def test_a_folder_without_a_model_is_seen_before_anything_is_read(run, house, places, name, tmp_path):
    shown = run("read", "exam", "--out", tmp_path / "out", *in_folder(places[name]))
    assert shown.exit_code == 2 and shown.stderr.startswith("error "), shown.output
    assert house.loaded == [] and house.devices == []


def test_more_views_than_the_family_takes_are_one_sentence(run, archive, model, by_heart, tmp_path):
    visits, _ = archive
    priors = [word for path in visits["prior"] for word in ("--prior", path)]
    out = tmp_path / "out"
    shown = run("read", *visits["current"], *priors, "--model", model, "--out", out, *in_folder(by_heart))
    assert shown.exit_code == 2 and "8 pictures in one conversation; expected at most 6" in shown.stderr
    assert not out.exists()


def test_an_option_of_the_other_kind_of_model_is_one_sentence(run, archive, by_heart, tmp_path):
    view = archive[0]["current"][0]
    for command in (("read", view, "--writer", "chat", "--out", tmp_path / "o"), ("chat", "ask", view, "A mass?")):
        shown = run(*command, "--chat-model", by_heart, "--chat-timeout", 9)
        assert shown.exit_code == 2 and "--chat-timeout with a chat model in a folder" in shown.stderr
    with chat_server() as chat:
        words = ("--chat-endpoint", chat.url, "--chat-model", "tiny-llava", "--device", "cpu")
        shown = run("chat", "ask", view, "A mass?", *words)
        assert shown.exit_code == 2 and "--device with --chat-endpoint" in shown.stderr and not chat.received
    other = run("chat", "ask", view, "A mass?", "--chat-model", by_heart, "--device", "tpu")
    assert other.exit_code == 2 and "--device tpu" in other.stderr


def test_an_endpoint_decides_even_where_a_folder_has_the_name_of_its_model(
    run, archive, by_heart, tmp_path, monkeypatch
):
    monkeypatch.chdir(by_heart.parent)
    with chat_server() as chat:
        words = ("--chat-endpoint", chat.url, "--chat-model", by_heart.name)
        shown = run("chat", "ask", archive[0]["current"][0], "A mass?", *words)
    assert len(chat.received) >= 1, shown.output
