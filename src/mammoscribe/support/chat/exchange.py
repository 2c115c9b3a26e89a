"""One request to a chat server and its reply: within a time, tried again, to the named host and to no other.

No proxy is used, whatever the environment says, and no redirect is followed: each would be a host that nobody named.
"""

import contextlib
import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from mammoscribe.support.chat.endpoint import Endpoint
from mammoscribe.support.errors import InputError, InvalidNoun

MAX_REPLY_BYTES = 4 << 20
"""More than any report; a server that sends more sends something else."""
AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
"""HTTP states that another try may change (RFC 9110 section 15, RFC 6585 section 4, RFC 8470)."""
LONGEST_PAUSE_S = 30.0
CONNECT_S = 20.0
QUOTED_CHARS = 200


@dataclass(frozen=True)
class Patience:
    """How long a server is waited for, and how often it is asked.

    Args:
        timeout_s: of one try, from the first byte sent to the last one received.
        tries: at most so many, after a connection that broke and a state that may pass. A time that ran out is not tried
            again: the server may still be at it.
        pause_s: before the second try; doubled before each further one, unless the server says how long.
    """

    timeout_s: float = 300.0
    tries: int = 3
    pause_s: float = 1.0

    def __post_init__(self) -> None:
        if not (self.timeout_s > 0 and self.tries >= 1 and self.pause_s >= 0):
            raise InvalidNoun(f"{self}", "a time above 0, at least one try, and a pause that is not negative")


@dataclass(frozen=True)
class Reply:
    """What a server replied: state, media type, body, and where it redirects or how long it asks to wait ("" if not)."""

    status: int
    media_type: str
    body: bytes
    location: str = ""
    retry_after: str = ""

    def json(self) -> Any:
        """The body as JSON values; None where it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


class _Broken(Exception):
    """The connection could not be made, or broke before the reply was whole."""


def exchange(
    endpoint: Endpoint, path: str, body: bytes | None = None, patience: Patience | None = None, key: str | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Reply:  # fmt: skip
    """The reply to a POST of JSON, or to a GET where there is no body; of the last try, whatever its state.

    Args:
        endpoint: the server, and the only host that anything is sent to.
        path: below the endpoint's, such as `/chat/completions`.
        body: JSON in UTF-8.
        patience: how long and how often.
        key: sent as a bearer token.
        sleep: waits between two tries.

    Raises:
        InputError: when no try was answered, the time ran out, or the reply is a redirect or longer than 4 MiB.
    """
    patience = patience or Patience()
    pause, reason = patience.pause_s, ""
    for left in reversed(range(patience.tries)):
        try:
            reply = _once(endpoint, path, body, patience.timeout_s, key)
        except _Broken as broken:
            reason, wait = str(broken), pause
        else:
            if reply.status not in AGAIN or not left:
                return _direct(endpoint, reply)
            wait = _asked_pause(reply) or pause
        if left:
            sleep(min(wait, LONGEST_PAUSE_S))
            pause *= 2
    raise InputError(
        f"no answer from the chat server at {endpoint.place} ({reason})",
        f"a server that speaks OpenAI chat completions at {endpoint.url}", "start it, or give another --chat-endpoint",
    )  # fmt: skip


def _direct(endpoint: Endpoint, reply: Reply) -> Reply:
    """The reply, which is no redirect."""
    if 300 <= reply.status < 400:
        try:
            host = urlsplit(reply.location).netloc.rpartition("@")[2] or endpoint.place
        except ValueError:
            host = "an address that cannot be read"
        raise InputError(
            f"the chat server at {endpoint.place} redirects to {host} (HTTP {reply.status})",
            "an answer of its own: nothing is sent to an address that was not given", "give the right --chat-endpoint",
        )  # fmt: skip
    return reply


def _asked_pause(reply: Reply) -> float:
    """Seconds that the server asks to wait (RFC 9110 section 10.2.3); 0 where it gives none."""
    return float(reply.retry_after) if reply.retry_after.isdecimal() and len(reply.retry_after) < 6 else 0.0


def _once(endpoint: Endpoint, path: str, body: bytes | None, timeout_s: float, key: str | None) -> Reply:
    """One try.

    Raises:
        _Broken: when the connection cannot be made or breaks.
        InputError: when the time ran out, or the reply is too long.
    """
    headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "mammoscribe"}
    headers |= {"Content-Type": "application/json"} if body is not None else {}
    headers |= {"Authorization": f"Bearer {key}"} if key else {}
    began = time.monotonic()
    late = InputError(
        f"the chat server at {endpoint.place} did not answer within {timeout_s:g} s", "an answer in that time",
        "give it more with --chat-timeout",
    )  # fmt: skip
    connection = _connected(endpoint, min(timeout_s, CONNECT_S))
    with contextlib.closing(connection), _ending(connection, timeout_s - (time.monotonic() - began)) as ended:
        try:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it may have refused a large body unread
                connection.request("GET" if body is None else "POST", endpoint.path + path, body, headers)
            reply = _read(connection.getresponse(), endpoint)
        except (OSError, http.client.HTTPException) as error:
            if ended.is_set() or isinstance(error, TimeoutError):
                raise late from error
            raise _Broken(_why(error)) from error
        except ValueError as error:  # a path or a key with characters that no header can hold
            raise InputError(f"a request that cannot be sent ({error})", "an address and a key in ASCII") from error
        if ended.is_set():  # a body without a length ends with the connection
            raise late
        return reply


def _connected(endpoint: Endpoint, timeout_s: float) -> http.client.HTTPConnection:
    """A connection to the endpoint's own host, without any proxy."""
    if endpoint.encrypted:
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            endpoint.host, endpoint.port, timeout=timeout_s, context=ssl.create_default_context()
        )
    else:
        connection = http.client.HTTPConnection(endpoint.host, endpoint.port, timeout=timeout_s)
    try:
        connection.connect()
    except (OSError, UnicodeError) as error:
        connection.close()
        raise _Broken(_why(error)) from error
    return connection


@contextmanager
def _ending(connection: http.client.HTTPConnection, seconds: float) -> Iterator[threading.Event]:
    """Break the connection when the time is over, however slowly bytes may still come; the event says that it was so.

    A time-out of the socket alone begins anew with every byte.
    """
    ended, link = threading.Event(), connection.sock
    link.settimeout(None)

    def end() -> None:
        ended.set()
        with contextlib.suppress(OSError):
            socket.socket.shutdown(link, socket.SHUT_RDWR)

    timer = threading.Timer(max(seconds, 0.001), end)
    timer.daemon = True
    timer.start()
    try:
        yield ended
    finally:
        timer.cancel()


def _read(response: http.client.HTTPResponse, endpoint: Endpoint) -> Reply:
    body = response.read(MAX_REPLY_BYTES + 1)
    if len(body) > MAX_REPLY_BYTES:
        raise InputError(
            f"the chat server at {endpoint.place} sends more than {MAX_REPLY_BYTES >> 20} MiB", "one answer in JSON"
        )
    if response.length:  # `read(n)` gives what came before the connection ended, and no error
        raise http.client.IncompleteRead(body, response.length)
    header = response.headers.get
    media_type = header("Content-Type", "").split(";")[0].strip()
    return Reply(response.status, media_type, body, header("Location", ""), header("Retry-After", "").strip())


def _why(error: Exception) -> str:
    """What broke a connection, in words."""
    if isinstance(error, http.client.IncompleteRead):
        return "the answer broke off"
    if isinstance(error, http.client.RemoteDisconnected | ConnectionResetError):
        return "the connection was closed before the answer"
    if isinstance(error, TimeoutError):
        return "no connection in time"
    if isinstance(error, http.client.HTTPException):
        return "what came is not HTTP"
    if isinstance(error, UnicodeError):
        return "the name of the host cannot be used"
    return getattr(error, "verify_message", "") or getattr(error, "strerror", "") or type(error).__name__
