"""The contract with a server that is not ours: `transformers serve` with a tiny model, on loopback, without a network.

Run by `make check-serve`; it needs fastapi, uvicorn and openai, and is skipped without.
"""

import importlib.util
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

import numpy as np
import pytest

from mammoscribe.domain.view import Laterality
from mammoscribe.support.chat.endpoint import Endpoint
from mammoscribe.support.chat.exchange import Patience
from mammoscribe.support.chat.server import ChatServer
from mammoscribe.support.errors import InputError
from mammoscribe.writers.chat_pictures import png_of
from tests.cli.identified import archive, model
from tests.writers.test_chat_pictures import drawn
from tests.writers.tiny_llava import WORDS, write_tiny_llama, write_tiny_llava

__all__ = ["archive", "model"]
NEEDED = ("transformers", "fastapi", "uvicorn", "openai")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        any(importlib.util.find_spec(name) is None for name in NEEDED),
        reason=f"needs {', '.join(NEEDED)}: pip install 'transformers[serving]'",
    ),
]
START_S = 150


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """(endpoint, name of the model) of a running server."""
    with serving(write_tiny_llava(tmp_path_factory.mktemp("weights") / "tiny-llava")) as server:
        yield server


@contextmanager
def serving(folder):
    """A server of the model of a folder: (endpoint, name of the model)."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [sys.executable, "-m", "transformers.cli.transformers", "serve", str(folder), "--host", "127.0.0.1"]
    log = folder.parent / "log.txt"
    with log.open("w") as stream:
        server = subprocess.Popen(
            [*words, "--port", str(port), "--device", "cpu"], stdout=stream, stderr=stream,
            env={**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
    try:
        _wait(server, port, log)
        yield Endpoint("127.0.0.1", port), str(folder)
    finally:
        server.terminate()
        server.wait(30)


def _wait(server, port, log):
    for _ in range(START_S * 2):
        assert server.poll() is None, log.read_text()[-2000:]
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.5)
    pytest.fail(log.read_text()[-2000:])


def asked(served, *parts, name=None, **more):
    endpoint, folder = served
    server = ChatServer(endpoint, name or folder, Patience(120, tries=1), **{"max_tokens": 12, **more})
    server.check()
    return server.answer(parts)


def test_a_question_with_pictures_is_answered_in_words_of_the_model_and_its_end_is_known(served):
    grey = drawn(Laterality.LEFT).pixels
    answer = asked(served, "There is", png_of(grey), "mass :", png_of(1 - grey), "in the left breast ?")
    assert answer.is_cut and len(answer.text.split()) == 12
    assert set(answer.text.lower().split()) <= {*WORDS, "<unk>", "<image>", "<s>", "<pad>"}


def test_its_pictures_are_seen_and_their_order_matters(served):
    rng = np.random.default_rng(0)
    one, other = (png_of(np.kron(rng.random((4, 4)), np.ones((14, 14)))) for _ in range(2))
    answers = {
        asked(served, "right :", first, "left :", second, "seen :", max_tokens=24).text
        for first, second in ((one, other), (other, one), (one, one), (other, other))
    }
    assert len(answers) > 1


def test_another_model_than_the_one_it_serves_is_one_sentence(served):
    with pytest.raises(InputError, match=r"answers with the model|is pinned to"):
        asked(served, "mass", name="llava-hf/llava-1.5-7b-hf")


def test_a_model_of_words_alone_is_never_shown_the_picture_and_the_count_of_tokens_tells_so(served, tmp_path):
    parts = ("There is no mass in the right breast .", png_of(drawn(Laterality.LEFT).pixels), "seen :")
    with serving(write_tiny_llama(tmp_path / "tiny-llama")) as words:
        answer = asked(words, *parts)
    assert answer.text and answer.may_be_blind(parts)
    assert not asked(served, *parts).may_be_blind(parts)


def test_a_picture_that_it_cannot_open_is_one_sentence(served):
    with pytest.raises(InputError, match=r"the chat server at 127.0.0.1:\d+ (fails|refuses)"):
        asked(served, "mass", b"no picture")


def test_an_exam_is_read_with_it_and_no_word_of_its_own_is_printed(served, run, archive, model, tmp_path):
    import json

    endpoint, folder = served
    words = [
        "--writer",
        "chat",
        "--chat-endpoint",
        endpoint.url,
        "--chat-model",
        folder,
        "--chat-px",
        112,
        "--chat-tokens",
        40,
    ]
    shown = run("read", *archive[0]["current"], "--model", model, "--out", tmp_path, *words)
    assert shown.exit_code == 0, shown.output
    report = json.loads((tmp_path / "report.json").read_text())
    assert not any("not have seen" in warning for warning in report["warnings"])
    assert report["provenance"]["author"] == f"tiny-llava at 127.0.0.1:{endpoint.port}"
    assert any("cut off at its limit" in warning for warning in report["warnings"])
    asked_ = run("chat", "ask", archive[0]["current"][0], "mass ?", *words[2:])
    assert asked_.exit_code == 0 and "Not gated" in asked_.stdout, asked_.output


@pytest.fixture
def run():
    from typer.testing import CliRunner

    from mammoscribe.cli import app

    return lambda *args: CliRunner().invoke(app, [str(a) for a in args])
