"""`--writer chat` and `chat ask` with a real server on loopback: what leaves the machine, and what is printed of the answer."""

import base64
import csv
import io
import json
import pickle
import re
import socket
import subprocess
import sys
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from PIL import Image

from mammoscribe.cli.authors import Authorship
from mammoscribe.cli.chat_options import AtServer, ChatChoice
from mammoscribe.cli.options import WriterName
from mammoscribe.support.chat.endpoint import Endpoint
from mammoscribe.support.chat.exchange import Patience
from tests.chat_server import MODEL, chat_server, completion, hangs_up, lists, replies, says
from tests.cli.identified import WORDS, archive, model
from tests.imaging.drawn import half_disc
from tests.privacy_search import identifiers

__all__ = ["archive", "model"]
FALSE = "There is a spiculated mass with a halo of gold in the right breast."


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr("mammoscribe.cli.chat_options.Patience", lambda seconds: Patience(seconds, pause_s=0))


def options(chat, name=MODEL):
    return "--writer", "chat", "--chat-endpoint", chat.url, "--chat-model", name


@pytest.fixture(scope="module")
def truth(archive, model, tmp_path_factory):
    """Sentences of the findings that our own renderer writes of the exam."""
    from typer.testing import CliRunner

    from mammoscribe.cli import app

    out = tmp_path_factory.mktemp("rendered")
    words = ["read", *archive[0]["current"], "--model", model, "--out", out, "--format", "json"]
    shown = CliRunner().invoke(app, [str(word) for word in words])
    assert shown.exit_code == 0, shown.output
    report = json.loads((out / "report.json").read_text())
    assert report["provenance"]["author"] is None
    return [s["text"] for s in report["sentences"] if s["section"] == "findings"]


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def manifest_of(folder: Path, exams: dict[str, list[Path]]) -> Path:
    path = folder / "manifest.csv"
    lines = [f"{exam},{file}" for exam, files in exams.items() for file in files]
    path.write_text("\n".join(["exam_id,path", *lines]) + "\n")
    return path


# --- what is printed of an answer -------------------------------------------------------------------------------------


def test_true_sentences_are_printed_and_false_ones_refused_and_both_say_who_wrote(run, archive, model, truth, tmp_path):
    from mammoscribe.exports import schema

    with chat_server(says(f"**Findings**\n{truth[0]}\n- {FALSE}\n")) as chat:
        shown = run("read", *archive[0]["current"], "--model", model, "--out", tmp_path, *options(chat))
    assert shown.exit_code == 0, shown.output
    report = json.loads((tmp_path / "report.json").read_text())
    jsonschema.validate(report, schema())
    author = f"{MODEL} at 127.0.0.1:{chat.port}"
    assert report["provenance"]["author"] == author
    own = [s for s in report["sentences"] if s["writer"] == "external"]
    assert [s["text"] for s in own] == [truth[0]] and own[0]["gate"] == "consistent" and own[0]["evidence"]
    (refused,) = report["rejected_claims"]
    assert refused["text"] == FALSE and refused["writer"] == "external" and refused["reason"]
    assert not any("gold" in s["text"] for s in report["sentences"])
    assert any(w.startswith(f"2 claims were written by {author} from all views together") for w in report["warnings"])
    assert "the gate refused 1 of them" in shown.stdout and "gold" not in shown.stdout
    page, text = (tmp_path / "report.html").read_text(), (tmp_path / "report.txt").read_text()
    assert f"Written by {author}; the gate held it against the findings." in page
    assert f"<dt>Claims by</dt><dd>{author}</dd>" in page and f"Claims by: {author}" in text
    assert re.search(rf"<q>{re.escape(FALSE)}</q> <span class=\"small\">{re.escape(author)}: ", page)
    assert "gold" not in text


@pytest.mark.parametrize(
    "answer",
    [
        "I'm sorry, I can't help with medical images.",
        "</q><script>alert(1)</script> mass",
        "%s {0} {side} \x1b[31m \ud83d",
        '{"findings": []}',
    ],
)
def test_an_answer_of_any_kind_leaves_the_report_as_our_renderer_writes_it(
    run, archive, model, truth, tmp_path, answer
):
    with chat_server(says(answer)) as chat:
        shown = run("read", *archive[0]["current"], "--model", model, "--out", tmp_path, *options(chat))
    assert shown.exit_code == 0, shown.output
    report = json.loads((tmp_path / "report.json").read_text())
    assert [s["text"] for s in report["sentences"] if s["section"] == "findings"] == truth
    assert report["rejected_claims"]
    assert "<script>alert(1)" not in (tmp_path / "report.html").read_text()


# --- what leaves the machine ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sent(archive, model, tmp_path_factory):
    """Everything that a server received of a reading with a prior and a prior report, on one connection after the other."""
    from typer.testing import CliRunner

    from mammoscribe.cli import app

    folder = tmp_path_factory.mktemp("kow_desk")
    said = folder / "kow_report.txt"
    said.write_text(
        "Patient: Zdzislawa Kowalska, MRN-778201, ACC-44071\nExam of 2021-03-11, Dr. Ada Orsini\n"
        "There is a mass in the right breast. No mass in the left breast since 11.03.2021.\n"
    )
    visits, _ = archive
    with chat_server(says("No mass in the left breast.")) as chat:
        words = ["read", *visits["current"], "--model", model, "--out", folder / "out", "--prior-report", said]
        words += [word for path in visits["prior"] for word in ("--prior", path)]
        shown = CliRunner().invoke(app, [str(word) for word in (*words, *options(chat))])
    assert shown.exit_code == 0, shown.output
    return chat, shown, folder


def test_nothing_that_says_whose_exam_it_is_leaves_the_machine(sent, archive):
    chat, _, folder = sent
    visits, root = archive
    files = [*visits["current"], *visits["prior"]]
    wanted = identifiers(files, (*WORDS, "ada orsini", str(root).lower(), str(folder).lower(), ".dcm", "2.25."))
    wanted |= {"11.03.2021", "2021-03-11", "2023-05-17"}
    assert len(wanted) > 30
    assert [r.method for r in chat.received] == ["GET", "POST"]
    for received in chat.received:
        raw = received.raw.lower()
        assert [word for word in wanted if word.encode() in raw] == []
    pictures = [base64.b64decode(p.partition(",")[2], validate=True) for p in chat.questions[0].pictures]
    for data in pictures:
        assert [word for word in wanted if word.encode() in data.lower()] == []
        assert re.findall(rb"(?:tEXt|zTXt|iTXt|eXIf|tIME|pHYs|iCCP)", data) == []


def test_each_view_is_sent_once_with_its_side_and_view_in_words(sent):
    (question,) = sent[0].questions
    assert len(question.pictures) == 8 and len(set(question.pictures)) == 2  # the drawn breasts: a right and a left one
    told = [w for w in question.words if w.startswith("This is")]
    places = [f"{side} breast, {view} view:" for side in ("right", "left") for view in ("CC", "MLO")]
    assert sorted(told) == sorted(
        [*(f"This is the {p}" for p in places), *(f"This is the prior exam, {p}" for p in places)]
    )
    assert [p["type"] for p in question.parts[1:17]] == ["text", "image_url"] * 8


def test_of_the_prior_report_the_sentences_of_known_words_are_sent_and_the_rest_is_told(sent):
    chat, shown, _ = sent
    (said,) = [w for w in chat.questions[0].words if "report of the prior exam" in w]
    assert said == "The report of the prior exam said: There is a mass in the right breast."
    assert "was not shown" in shown.stdout and "could name a patient" in " ".join(shown.stdout.split())


def named(monkeypatch, host: str) -> None:
    """Let a name lead to loopback, as a name server would."""
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda name, *rest, **more: real("127.0.0.1" if name == host else name, *rest, **more)
    )


def test_another_machine_is_told_in_one_line_and_loopback_is_not(run, archive, model, tmp_path, monkeypatch):
    named(monkeypatch, "gpu-7.example.org")
    with chat_server() as chat:
        other = f"http://gpu-7.example.org:{chat.port}/v1"
        lines = {}
        for url in (other, chat.url):
            words = ("--chat-endpoint", url, "--chat-model", MODEL)
            shown = run(
                "read", archive[0]["current"][0], "--model", model, "--out", tmp_path, "--writer", "chat", *words
            )
            assert shown.exit_code == 0, shown.output
            asked = run("chat", "ask", archive[0]["current"][0], "A mass?", *words)
            lines[url] = [[x for x in text.splitlines() if "sent to" in x] for text in (shown.stderr, asked.stderr)]
    line = f"warning: pictures are sent to gpu-7.example.org:{chat.port}, which is not this machine"
    assert lines == {other: [[line], [line]], chat.url: [[], []]}
    assert len(chat.questions) == 4 and chat.questions[0].headers["Host"] == f"gpu-7.example.org:{chat.port}"


def test_nothing_is_sent_where_no_endpoint_was_named(run, archive, model, tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://gpu-7.example.org/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    for command in (
        ("read", archive[0]["current"][0], "--writer", "chat"),
        ("chat", "ask", archive[0]["current"][0], "A mass?"),
    ):
        shown = run(*command, "--chat-model", MODEL)
        assert shown.exit_code == 2 and "no --chat-endpoint" in shown.stderr


def test_the_key_of_the_environment_goes_to_the_endpoint_alone_and_is_printed_nowhere(
    run, archive, model, tmp_path, monkeypatch
):
    monkeypatch.setenv("MAMMOSCRIBE_CHAT_KEY", "s3cret-key")
    with chat_server() as other, chat_server(replies(307, Location=other.url + "/chat/completions")) as chat:
        shown = run("read", archive[0]["current"][0], "--model", model, "--out", tmp_path / "out", *options(chat))
    assert shown.exit_code == 2 and f"redirects to 127.0.0.1:{other.port}" in shown.stderr
    assert not other.received and not (tmp_path / "out").exists()
    assert {r.headers["Authorization"] for r in chat.received} == {"Bearer s3cret-key"}
    assert "s3cret" not in shown.output


def test_without_patient_the_report_and_the_request_name_nobody(run, archive, model, tmp_path):
    wanted = identifiers([*archive[0]["current"], *archive[0]["prior"]], WORDS)
    with chat_server(hangs_up) as chat:
        failed = run(
            "read", archive[0]["current"][0], "--model", model, "--out", tmp_path, "--no-patient", *options(chat)
        )
    with chat_server() as chat:
        shown = run(
            "read", archive[0]["current"][0], "--model", model, "--out", tmp_path, "--no-patient", *options(chat)
        )
    assert failed.exit_code == 2 and shown.exit_code == 0, shown.output
    written = b"".join(p.read_bytes() for p in tmp_path.iterdir()) + shown.output.encode() + failed.output.encode()
    assert [w for w in wanted if w.encode() in written.lower() or w.encode() in chat.questions[0].raw.lower()] == []


# --- when the server fails --------------------------------------------------------------------------------------------


def test_a_server_that_is_away_is_one_sentence_before_anything_is_read(run, house, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
    words = ("--writer", "chat", "--chat-endpoint", url, "--chat-model", MODEL)
    (tmp_path / "m.csv").touch()
    for command in (
        ("read", "exam", "--out", tmp_path / "o"),
        ("predict", tmp_path / "m.csv", "--out", tmp_path / "r.csv"),
    ):
        shown = run(*command, *words)
        assert shown.exit_code == 2 and shown.stderr.startswith("error no answer from the chat server at 127.0.0.1:")
        assert len(shown.stderr.splitlines()) == 1
    assert house.loaded == [] and not (tmp_path / "r.csv").exists() and not (tmp_path / "o").exists()


def test_a_server_of_other_models_is_one_sentence_before_anything_is_sent(run, house, tmp_path):
    with chat_server(models=lists("phi-4")) as chat:
        shown = run("read", "exam", "--out", tmp_path, *options(chat))
    assert shown.exit_code == 2 and "has no model 'tiny-llava'; expected one of phi-4" in shown.stderr
    assert chat.questions == []


def test_predict_fills_a_table_and_an_exam_whose_answer_fails_is_a_row(run, archive, model, truth, tmp_path):
    visits, _ = archive
    exams = {"first": visits["current"], "second": visits["current"][:2], "third": visits["current"]}
    args = [
        "predict",
        manifest_of(tmp_path, exams),
        "--out",
        tmp_path / "r.csv",
        "--model",
        model,
    ]
    args += ["--reports", tmp_path / "reports"]
    good, bad = says(f"{truth[0]} {FALSE}"), replies(400, {"error": {"message": "At most 1 image(s)"}})
    with chat_server(good, bad, good) as chat:
        shown = run(*args, *options(chat))
        assert shown.exit_code == 0, shown.output
        rows = {(r["exam_id"], r["laterality"]): r for r in table(tmp_path / "r.csv")}
        assert list(rows) == [("first", "R"), ("first", "L"), ("second", ""), ("third", "R"), ("third", "L")]
        assert rows["second", ""]["status"] == "error"
        assert "refuses the question with 2 pictures (HTTP 400: At most 1 image(s))" in rows["second", ""]["message"]
        assert "2 claims were written by tiny-llava at 127.0.0.1" in rows["first", "R"]["message"]
        assert "the gate refused 1 of them" in rows["third", "L"]["message"]
        report = json.loads((tmp_path / "reports" / "third" / "report.json").read_text())
        assert [c["text"] for c in report["rejected_claims"]] == [FALSE]
        again = run(*args, *options(chat), "--retry-errors")
        assert "kept from before" in again.stderr and table(tmp_path / "r.csv")[2]["status"] in ("ok", "partial")
        other = run(*args, *options(chat), "--chat-px", 200)
    assert other.exit_code == 2 and "chat_px 896, now 200" in other.stderr
    made_by = json.loads((tmp_path / "r.csv.provenance.json").read_text())
    assert made_by["writer"] == "chat" and made_by["chat_model"] == MODEL and made_by["chat_host"] == "127.0.0.1"


def test_who_writes_can_be_handed_to_a_worker_process_without_the_key(monkeypatch):
    monkeypatch.setenv("MAMMOSCRIBE_CHAT_KEY", "s3cret-key")
    chosen = Authorship(
        WriterName.CHAT, None, ChatChoice(AtServer(Endpoint("localhost", 8000), MODEL, 9.0), Path("p.toml"), 7, 99)
    )
    sent = pickle.dumps(chosen)
    assert pickle.loads(sent) == chosen and b"s3cret" not in sent


def test_the_decoder_of_a_reader_without_one_is_an_error_in_every_row(run, archive, model, tmp_path):
    manifest = manifest_of(tmp_path, {"first": archive[0]["current"][:1]})
    shown = run("predict", manifest, "--out", tmp_path / "r.csv", "--model", model, "--writer", "decoder")
    assert shown.exit_code == 1 and "has no report decoder" in table(tmp_path / "r.csv")[0]["message"]


# --- prompts and questions --------------------------------------------------------------------------------------------


def test_own_prompts_are_what_is_sent(run, archive, model, tmp_path):
    from importlib.resources import files

    own = tmp_path / "mine.toml"
    words = files("mammoscribe.writers").joinpath("chat_prompts.toml").read_text()
    own.write_text(words.replace("Write the findings of the current exam.", "Befund bitte."))
    with chat_server() as chat:
        args = ("read", archive[0]["current"][0], "--model", model, "--out", tmp_path, *options(chat))
        shown = run(*args, "--prompts", own, "--chat-tokens", 55, "--chat-px", 128)
        own.write_text("[read]\n")
        refused = run(*args, "--prompts", own)
    assert shown.exit_code == 0, shown.output
    (question,) = chat.questions
    assert question.words[-1] == "Befund bitte." and json.loads(question.body)["max_tokens"] == 55
    picture = Image.open(io.BytesIO(base64.b64decode(question.pictures[0].partition(",")[2])))
    assert max(picture.size) <= 128
    assert refused.exit_code == 2 and "mine.toml lacks the table 'ask'" in refused.stderr


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "kowalska_mrn-778201.png"
    Image.fromarray((half_disc(chest_on_left=True, noise=0.01) * 255).astype(np.uint8)).save(path)
    return path


def asks(run, chat, *words):
    return run("chat", "ask", *words, "--chat-endpoint", chat.url, "--chat-model", MODEL)


def test_an_answer_is_printed_with_the_mark_that_nothing_checked_it(run, picture, archive):
    with chat_server(says("Yes, [bold]a mass[/bold].")) as chat:
        shown = asks(run, chat, picture, archive[0]["current"][0], "Is there a mass?")
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.splitlines()[0] == "Yes, [bold]a mass[/bold]."
    assert shown.stdout.splitlines()[-1] == (
        "Not gated: nothing has checked this answer against the pictures. Research use only. "
        f"Model: tiny-llava at 127.0.0.1:{chat.port}."
    )
    (question,) = chat.questions
    assert question.words == ["Picture 1 of 2:", "Picture 2 of 2:", "Is there a mass?"]
    assert [p["type"] for p in question.parts] == ["text", "image_url", "text", "image_url", "text"]
    assert b"kowalska" not in question.raw.lower() and b"778201" not in question.raw


def test_an_answer_that_was_cut_off_is_told(run, picture):
    with chat_server(says("Yes, there", finish="length")) as chat:
        assert "--chat-tokens gives it more" in asks(run, chat, picture, "A mass?").stderr


def test_a_question_may_be_long(run, picture):
    question = "Is there a mass? " * 400
    with chat_server() as chat:
        assert asks(run, chat, picture, question).exit_code == 0
    assert chat.questions[0].words[-1] == question.strip()


def test_a_model_that_counts_too_few_tokens_for_a_picture_is_told(run, picture):
    with chat_server(replies(200, {**completion("Yes."), "usage": {"prompt_tokens": 9}})) as chat:
        assert "may not have seen the pictures" in asks(run, chat, picture, "A mass?").stderr


def test_what_cannot_be_asked_is_one_sentence(run, picture, tmp_path):
    (tmp_path / "note.txt").write_text("hello")
    with chat_server() as chat:
        for words, said in (
            ((picture, picture), "is a file; expected the question as the last argument"),
            ((picture, " "), "an empty question"),
            ((tmp_path / "none.png", "A mass?"), "none.png"),
            ((tmp_path / "note.txt", "A mass?"), "note.txt"),
            ((tmp_path, "A mass?"), str(tmp_path)),
        ):
            shown = asks(run, chat, *words)
            assert shown.exit_code == 2 and said in shown.stderr, shown.output
            assert len(shown.stderr.splitlines()) == 1
        assert chat.questions == []


def test_asking_loads_no_torch(picture):
    code = (
        "import sys; from mammoscribe.cli import app\n"
        "try: app(sys.argv[1:])\n"
        "except SystemExit as left: assert not left.code, left.code\n"
        "assert 'torch' not in sys.modules"
    )
    with chat_server() as chat:
        words = ["chat", "ask", picture, "A mass?", "--chat-endpoint", chat.url, "--chat-model", MODEL]
        done = subprocess.run([sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
