"""A chat server over a real connection on loopback: what is sent, and one sentence for every way in which it can fail."""

import base64
import json
import socket
import subprocess
import sys
import threading
import time

import pytest

from mammoscribe.support.chat.endpoint import Endpoint, endpoint_of
from mammoscribe.support.chat.exchange import MAX_REPLY_BYTES, Patience, exchange
from mammoscribe.support.chat.question import LONGEST_ANSWER, Answer
from mammoscribe.support.chat.server import ChatServer
from mammoscribe.support.errors import InputError, InvalidNoun
from tests.chat_server import (
    MODEL,
    chat_server,
    completion,
    cut_off,
    drips,
    hangs_up,
    lists,
    replies,
    says,
    waits,
)

QUICK = Patience(timeout_s=5, tries=3, pause_s=0.01)
PNG = b"\x89PNG\r\n\x1a\n picture"


def asked(chat, model=MODEL, patience=QUICK, parts=("What is it?", PNG), **more):
    return ChatServer(endpoint_of(chat.url), model, patience, **more).answer(parts)


def test_words_and_pictures_are_sent_in_their_order_as_the_protocol_says():
    with chat_server(says(" A mass. ")) as chat:
        answer = asked(chat, parts=("Right breast:", PNG, "Report."), max_tokens=77)
    assert answer.text == "A mass." and not answer.is_cut
    (question,) = chat.questions
    assert question.path == "/v1/chat/completions" and question.headers["Content-Type"] == "application/json"
    body = json.loads(question.body)
    assert {k: v for k, v in body.items() if k != "messages"} == {
        "model": MODEL, "temperature": 0, "max_tokens": 77, "stream": False,
    }  # fmt: skip
    assert [m["role"] for m in body["messages"]] == ["user"]
    assert question.words == ["Right breast:", "Report."]
    assert [p["type"] for p in question.parts] == ["text", "image_url", "text"]
    head, _, data = question.pictures[0].partition(",")
    assert head == "data:image/png;base64" and base64.b64decode(data) == PNG


def test_only_these_headers_go_with_a_question_and_the_key_only_where_there_is_one():
    with chat_server() as chat:
        asked(chat)
        asked(chat, key="s3cret")
    plain, keyed = chat.questions
    known = {"Host", "Accept", "Accept-Encoding", "User-Agent", "Content-Type", "Content-Length"}
    assert set(plain.headers) == known and plain.headers["User-Agent"] == "mammoscribe"
    assert set(keyed.headers) - known == {"Authorization"} and keyed.headers["Authorization"] == "Bearer s3cret"
    assert "s3cret" not in repr(ChatServer(Endpoint("localhost", 1), MODEL, key="s3cret"))


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ([{"type": "text", "text": "A mass."}, {"type": "text", "text": "No more."}], "A mass.\nNo more."),
        ("<think>Could be a cyst.\nOr not.</think>\n\nA mass.", "A mass."),
        ("A mass.<thinking>and without end", "A mass."),
        ("The prompt opened this thought.</think>\nA mass.", "A mass."),
        ("A \x1b[31mmass\x07.\r\n\u202eNo \ud83d cyst.", "A \\x1b[31mmass\\x07.\n\\u202eNo \\ud83d cyst."),
    ],
)
def test_an_answer_is_its_words_without_what_was_thought_aloud(content, text):
    with chat_server(says(content)) as chat:
        assert asked(chat).text == text


def test_an_answer_that_the_limit_of_tokens_ended_is_known_as_cut():
    with chat_server(says("A mass. There is", finish="length")) as chat:
        assert asked(chat).is_cut


@pytest.mark.parametrize(
    "first", [replies(500, "boom"), replies(503), replies(429, Retry_After="0"), cut_off, hangs_up]
)
def test_what_may_pass_is_tried_again(first):
    with chat_server(first, first, says("A mass.")) as chat:
        assert asked(chat).text == "A mass."
    assert len(chat.questions) == 3 and len({q.body for q in chat.questions}) == 1


def test_pauses_grow_and_the_wish_of_the_server_goes_before():
    pauses = []
    acts = replies(500), replies(503, Retry_After="7"), replies(500), replies(503, Retry_After="86400"), says("x")
    with chat_server(*acts) as chat:
        patience = Patience(timeout_s=5, tries=5, pause_s=2)
        exchange(endpoint_of(chat.url), "/chat/completions", b"{}", patience, sleep=pauses.append)
    assert pauses == [2, 7, 8, 30]


WRONG = {
    "500 each time": (replies(500, {"error": {"message": "CUDA out of memory"}}), "fails (HTTP 500: CUDA out of memory)", 3),
    "cut off each time": (cut_off, "the answer broke off", 3),
    "closed each time": (hangs_up, "the connection was closed before the answer", 3),
    "no JSON": (replies(200, "<html>Welcome</html>", "text/html"), "answers with no JSON (text/html, beginning '<html>", 1),
    "cut JSON": (replies(200, '{"choices": ['), "answers with no JSON", 1),
    "deep JSON": (replies(200, "[" * 100_000), "answers with no JSON", 1),
    "no bytes": (replies(200, ""), "answers with no JSON", 1),
    "other JSON": (replies(200, {"hello": 1}), "JSON that is no chat completion", 1),
    "a list": (replies(200, [1]), "JSON that is no chat completion", 1),
    "null": (replies(200, "null"), "answers with no JSON", 1),
    "no choices": (replies(200, {"choices": []}), "JSON that is no chat completion", 1),
    "a choice of text": (replies(200, {"choices": ["x"]}), "JSON that is no chat completion", 1),
    "content that is a number": (says(3), "JSON that is no chat completion", 1),
    "an error as an answer": (replies(200, {"error": {"message": "no such engine"}}), "an error (no such engine)", 1),
    "picture refused": (replies(400, {"error": {"message": "At most 0 image(s)"}}), "refuses the question with its picture (HTTP 400: At most 0 image(s))", 1),
    "too large": (replies(413, "", "text/plain"), "refuses the question with its picture (HTTP 413)", 1),
    "details": (replies(422, {"detail": "Unsupported fields"}), "(HTTP 422: Unsupported fields)", 1),
    "no such model": (replies(404, {"error": {"message": "The model `x` does not exist."}}), "no model 'tiny-llava' (HTTP 404: The model `x`", 1),
    "no such path": (replies(404, "<p>nothing</p>", "text/html"), "knows no chat completions at /v1", 1),
    "another key": (replies(401, {"error": "bad key"}), "MAMMOSCRIBE_CHAT_KEY", 1),
    "another model": (says("A mass.", model="llama-3"), "answers with the model 'llama-3'", 1),
    "refused in words": (replies(200, completion(None, refusal="I cannot help with that.")), "refuses to answer (I cannot help with that.)", 1),
    "filtered": (says("", finish="content_filter"), "refuses to answer (its filter of contents)", 1),
    "no words": (says("  \n"), "answers with no words", 1),
    "null words": (says(None), "answers with no words", 1),
    "thoughts alone": (says("<think>Hm."), "answers with no words", 1),
    "endless": (says("mass " * LONGEST_ANSWER), "characters", 1),
    "huge": (replies(200, b" " * (MAX_REPLY_BYTES + 1)), "sends more than 4 MiB", 1),
    "no HTTP": (lambda h: h.wfile.write(b"220 mail.example.org ESMTP\r\n"), "what came is not HTTP", 3),
    "204": (replies(204), "answers with no JSON", 1),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_every_failure_is_one_sentence_about_the_server(case):
    act, said, tries = WRONG[case]
    with chat_server(act) as chat, pytest.raises(InputError) as refused:
        asked(chat)
    sentence = refused.value.sentence()
    assert said in sentence and f"127.0.0.1:{chat.port}" in sentence
    assert "\n" not in sentence and sentence.endswith(".") and len(sentence) < 700
    assert len(chat.questions) == tries


@pytest.mark.parametrize("act", [waits(3), drips(3)], ids=["silent", "dripping"])
def test_a_time_out_counts_from_the_first_byte_and_is_not_tried_again(act):
    with chat_server(act) as chat:
        began = time.monotonic()
        with pytest.raises(InputError, match=r"did not answer within 0.3 s.*--chat-timeout"):
            asked(chat, patience=Patience(timeout_s=0.3, tries=3, pause_s=0))
        assert time.monotonic() - began < 2
    assert len(chat.questions) == 1


def test_a_server_that_is_away_is_one_sentence_that_says_what_to_do():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    server = ChatServer(Endpoint("127.0.0.1", port), MODEL, QUICK)
    for ask in (server.check, lambda: server.answer(["x"])):
        with pytest.raises(
            InputError, match=rf"no answer from the chat server at 127.0.0.1:{port} \(Connection refused\)"
        ):
            ask()


@pytest.mark.parametrize("host", ["no-such-host.invalid", "x" * 70 + ".invalid"])
def test_a_host_that_has_no_address_is_one_sentence(host):
    with pytest.raises(InputError, match="no answer from the chat server at"):
        ChatServer(Endpoint(host, 80), MODEL, QUICK).answer(["x"])


@pytest.mark.parametrize("state", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(state):
    with chat_server() as other, chat_server(replies(state, Location=other.url + "/chat/completions")) as chat:
        with pytest.raises(InputError, match=f"redirects to 127.0.0.1:{other.port}") as refused:
            asked(chat, key="s3cret")
        assert not other.received
        assert "s3cret" not in str(refused.value)


def test_no_proxy_of_the_environment_is_used(monkeypatch):
    with chat_server() as proxy, chat_server() as chat:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        monkeypatch.delenv("no_proxy", raising=False)
        asked(chat)
        with pytest.raises(InputError):
            ChatServer(Endpoint("no-such-host.invalid", 80), MODEL, QUICK).answer(["x"])
    assert not proxy.received and len(chat.questions) == 1


def test_a_server_that_does_not_speak_tls_is_one_sentence():
    with chat_server() as chat, pytest.raises(InputError, match="no answer from the chat server"):
        ChatServer(Endpoint("127.0.0.1", chat.port, encrypted=True), MODEL, QUICK).answer(["x"])


def test_a_reply_that_comes_before_the_whole_question_was_read_is_heard():
    """As servers do that refuse a large body at its first bytes."""
    listener = socket.create_server(("127.0.0.1", 0))

    def refuse() -> None:
        link, _ = listener.accept()
        link.recv(1000)
        body = b'{"error":"too large"}'
        head = b"HTTP/1.1 413 Too Large\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        link.sendall(head % len(body) + body)
        link.close()  # what comes later is answered with a reset

    thread = threading.Thread(target=refuse, daemon=True)
    thread.start()
    with listener, pytest.raises(InputError, match="HTTP 413: too large"):
        ChatServer(Endpoint("127.0.0.1", listener.getsockname()[1]), MODEL, QUICK).answer([bytes(4 << 20)])
    thread.join()


@pytest.mark.parametrize(
    ("model", "by"),
    [
        ("tiny-llava", "tiny-llava@main"),
        ("gpt-4o", "gpt-4o-2024-08-06"),
        ("qwen", "qwen:latest"),
        ("/models/tiny", "/models/tiny@main"),
        ("tiny.gguf", "/srv/models/tiny.gguf"),
        ("Org/Tiny", "org/tiny"),
    ],
)
def test_a_model_is_known_by_its_revision_version_or_folder(model, by):
    with chat_server(says("A mass.", model=by)) as chat:
        assert asked(chat, model=model).text == "A mass."


@pytest.mark.parametrize(("model", "by"), [("llava-7b", "llava-7b-chat"), ("llava", "org/llava"), ("a/tiny", "b/tiny")])
def test_a_model_of_a_longer_name_is_another_model(model, by):
    with chat_server(says("A mass.", model=by)) as chat, pytest.raises(InputError, match="answers with the model"):
        asked(chat, model=model)


@pytest.mark.parametrize(
    "models",
    [
        lists(MODEL),
        lists("other", MODEL),
        lists(),
        replies(404),
        replies(501),
        replies(200, "x"),
        replies(200, {"data": 3}),
    ],
)
def test_a_server_that_has_the_model_or_says_nothing_of_it_passes_the_check(models):
    with chat_server(models=models) as chat:
        ChatServer(endpoint_of(chat.url), MODEL, QUICK).check()
    assert [(r.method, r.path) for r in chat.received] == [("GET", "/v1/models")]


def test_a_server_of_other_models_is_told_before_anything_is_sent():
    with chat_server(models=lists("llama-3", "phi")) as chat, pytest.raises(InputError, match="one of llama-3, phi"):
        ChatServer(endpoint_of(chat.url), MODEL, QUICK).check()
    with chat_server(models=lists("llama-3")) as chat:
        ChatServer(endpoint_of(chat.url), "/srv/models/mine", QUICK).check()  # a folder, which servers do not list


def test_a_key_that_no_header_can_hold_is_one_sentence():
    with chat_server() as chat, pytest.raises(InputError, match="a request that cannot be sent"):
        asked(chat, key="a\r\nX-Evil: 1")


@pytest.mark.parametrize("wrong", [{"timeout_s": 0}, {"timeout_s": float("nan")}, {"tries": 0}, {"pause_s": -1}])
def test_patience_is_positive(wrong):
    with pytest.raises(InvalidNoun):
        Patience(**wrong)


@pytest.mark.parametrize("wrong", [{"model": " "}, {"model": "x", "max_tokens": 0}])
def test_a_chat_server_has_a_model_and_tokens(wrong):
    with pytest.raises(InvalidNoun):
        ChatServer(Endpoint("localhost", 1), **wrong)


def test_asking_loads_no_torch():
    code = "import sys, mammoscribe.support.chat.server; assert not {'torch', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("usage", "read"),
    [({"prompt_tokens": 12}, 12), ({}, None), (None, None), ({"prompt_tokens": "x"}, None), (3, None)],
)
def test_the_tokens_that_a_server_counted_are_known_where_it_counts(usage, read):
    with chat_server(replies(200, {**completion("A mass."), "usage": usage})) as chat:
        assert asked(chat).tokens_read == read


@pytest.mark.parametrize(
    ("tokens", "parts", "blind"),
    [
        (40, ("one two three", PNG), False),
        (30, ("one two three", PNG), True),
        (3, ("one two three",), False),
        (None, (PNG,), False),
    ],
)
def test_few_tokens_for_pictures_are_suspicious_and_for_words_alone_they_are_not(tokens, parts, blind):
    assert Answer("x", tokens_read=tokens).may_be_blind(parts) is blind
