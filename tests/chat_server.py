"""A real HTTP server on loopback that speaks OpenAI chat completions, well or badly, and keeps what it received."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODEL = "tiny-llava"
Act = Callable[[BaseHTTPRequestHandler], None]
"""What the server does with a request whose body was read."""


@dataclass(frozen=True)
class Received:
    """One request: everything that came over the connection is in `raw`."""

    method: str
    path: str
    headers: dict[str, str]
    raw: bytes
    body: bytes

    @property
    def parts(self) -> list[dict[str, Any]]:
        """The parts of the one message of a chat completion."""
        (message,) = json.loads(self.body)["messages"]
        return message["content"]

    @property
    def words(self) -> list[str]:
        return [part["text"] for part in self.parts if part["type"] == "text"]

    @property
    def pictures(self) -> list[str]:
        return [part["image_url"]["url"] for part in self.parts if part["type"] == "image_url"]


@dataclass
class Chat:
    """The running server: acts are taken in turn for questions, the last one for ever."""

    acts: Sequence[Act]
    models: Act
    port: int = 0
    received: list[Received] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def questions(self) -> list[Received]:
        return [r for r in self.received if r.method == "POST"]


def send(
    handler: BaseHTTPRequestHandler, status: int, body: bytes, kind: str = "application/json", **more: str
) -> None:
    handler.send_response(status)
    for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **more}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


def replies(status: int, value: Any = "", kind: str = "application/json", **headers: str) -> Act:
    """A reply with JSON, or with text or bytes as they are."""
    body = (
        value if isinstance(value, bytes) else value.encode() if isinstance(value, str) else json.dumps(value).encode()
    )
    return lambda handler: send(handler, status, body, kind, **headers)


def completion(text: Any, model: str = MODEL, finish: str = "stop", **message: Any) -> dict[str, Any]:
    """A chat completion as the protocol documents it."""
    return {
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": model,
        "choices": [{
            "index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text, **message},
        }],
        "usage": {"prompt_tokens": 4000, "completion_tokens": 1, "total_tokens": 4001},
    }  # fmt: skip


def says(text: Any, **more: Any) -> Act:
    """Answers with a text."""
    return replies(200, completion(text, **more))


def lists(*names: str) -> Act:
    """A list of models."""
    return replies(200, {"object": "list", "data": [{"id": name, "object": "model"} for name in names]})


def cut_off(handler: BaseHTTPRequestHandler) -> None:
    """Announces more than it sends."""
    handler.send_response(200)
    handler.send_header("Content-Length", "5000")
    handler.end_headers()
    handler.wfile.write(b'{"choices": [')


def hangs_up(handler: BaseHTTPRequestHandler) -> None:
    """Closes the connection without a word."""
    handler.close_connection = True


def drips(seconds: float) -> Act:
    """Sends a byte now and then for so long, so that no single wait is long."""

    def act(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        until = time.monotonic() + seconds
        with contextlib.suppress(OSError):
            while time.monotonic() < until:
                handler.wfile.write(b" ")
                handler.wfile.flush()
                time.sleep(0.02)

    return act


def waits(seconds: float) -> Act:
    """Says nothing for so long."""
    return lambda _: time.sleep(seconds)


@contextmanager
def chat_server(*acts: Act, models: Act | None = None) -> Iterator[Chat]:
    """A server on a free port of loopback; it does `acts` in turn for questions, and lists MODEL."""
    state = Chat(acts or (says("There is a mass."),), models or lists(MODEL))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._take(b"")
            state.models(self)

        def do_POST(self) -> None:
            self._take(self.rfile.read(int(self.headers["Content-Length"])))
            state.acts[min(len(state.questions), len(state.acts)) - 1](self)

        def _take(self, body: bytes) -> None:
            raw = self.raw_requestline + bytes(self.headers) + body
            state.received.append(Received(self.command, self.path, dict(self.headers), raw, body))

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *_: Any) -> None:
            pass  # a client that has had enough

    server = Server(("127.0.0.1", 0), Handler)
    state.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
