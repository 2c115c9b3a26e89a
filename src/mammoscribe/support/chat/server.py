"""A generator behind OpenAI chat completions: words and pictures in, words out, and one sentence for whatever goes wrong.

Spoken by vLLM, SGLang, the server of llama.cpp and `transformers serve`. Only fields that all four take are sent
(platform.openai.com/docs/api-reference/chat).
"""

import base64
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mammoscribe.support.chat.endpoint import COMPLETIONS, Endpoint
from mammoscribe.support.chat.exchange import QUOTED_CHARS, Patience, Reply, exchange
from mammoscribe.support.chat.question import Answer, Part, answer_of
from mammoscribe.support.errors import InputError, InvalidNoun, printable

LOOK_S = 10.0
"""Seconds that a server may take to list its models."""
_SLASH = r"[/\\]"


@dataclass(frozen=True)
class ChatServer:
    """One model of one chat server.

    Args:
        endpoint: where it listens.
        model: its name there.
        patience: how long it is waited for.
        max_tokens: of one answer.
        key: sent to this endpoint as a bearer token, None for a server that asks for none.

    Raises:
        InvalidNoun: without the name of a model or a token to answer with.
    """

    endpoint: Endpoint
    model: str
    patience: Patience = Patience()
    max_tokens: int = 1024
    key: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not self.model.strip() or self.max_tokens < 1:
            raise InvalidNoun(f"the chat model {self.model!r} with {self.max_tokens} tokens", "a name, and 1 or more")

    @property
    def name(self) -> str:
        """Who writes, as a report says it: `llava-1.5-7b at localhost:8000`; of a folder of weights its own name."""
        return f"{re.split(_SLASH, self.model.rstrip('/'))[-1] if _is_path(self.model) else self.model} at {self.endpoint.place}"

    def check(self) -> None:
        """Look whether the server is there, and lists this model where it lists any.

        A server need not have such a list, and one that loads models from folders does not list those.

        Raises:
            InputError: when it cannot be reached, or has other models only.
        """
        patience = replace(self.patience, timeout_s=min(self.patience.timeout_s, LOOK_S))
        reply = exchange(self.endpoint, "/models", None, patience, self.key)
        listed = _names_listed(reply) if reply.status == 200 else []
        if listed and not _is_path(self.model) and not any(_same_model(name, self.model) for name in listed):
            raise InputError(
                f"the chat server at {self.endpoint.place} has no model {self.model!r}",
                f"one of {', '.join(listed[:5])}{' ...' if len(listed) > 5 else ''}", "give it as --chat-model",
            )  # fmt: skip

    def answer(self, parts: Sequence[Part]) -> Answer:
        r"""What the model answers to one question of words and pictures, without what it thought aloud before.

        Characters that a terminal obeys and does not show are written out, such as `\x1b`.

        Raises:
            InputError: when the server is away, takes too long, answers with something else than a chat completion, has
                another model, or refuses the question or its pictures; when the answer is empty or endless.
        """
        body = json.dumps(request_body(self.model, parts, self.max_tokens)).encode()
        reply = exchange(self.endpoint, COMPLETIONS, body, self.patience, self.key)
        self._check_state(reply, sum(isinstance(part, bytes) for part in parts))
        answered = reply.json()
        if answered is None:
            begins = printable(reply.body[:60].decode("utf-8", "replace"))
            what = f"answers with no JSON ({reply.media_type or 'of no type'}, beginning {begins!r})"
            raise self._wrong(what, "a chat completion (JSON)")
        choice = self._choice(answered)
        self._check_model(answered)
        return replace(self._written(choice), tokens_read=_tokens_read(answered))

    def _check_state(self, reply: Reply, num_pictures: int) -> None:
        """InputError for a reply of which HTTP says that it is no answer."""
        status = reply.status
        if 200 <= status < 300:
            return
        said = _said(reply)
        state = f"HTTP {status}{f': {said}' if said else ''}"
        if status in (401, 403):
            raise self._wrong(f"asks for another key ({state})", "its key in MAMMOSCRIBE_CHAT_KEY")
        if status in (404, 405, 501):
            raise self._wrong(
                f"knows no chat completions at {self.endpoint.path or '/'}, or no model {self.model!r} ({state})",
                "an address such as http://localhost:8000/v1, and a model that it serves",
            )
        if status < 500:
            asked = (
                f"the question with {num_pictures} pictures" if num_pictures != 1 else "the question with its picture"
            )
            raise self._wrong(
                f"refuses {asked if num_pictures else 'the question'} ({state})",
                f"a model {self.model!r}{' that takes so many pictures of this size' if num_pictures else ''}",
            )
        raise self._wrong(f"fails ({state}), also when asked again", "an answer", "look at the log of the server")

    def _choice(self, answered: Any) -> dict[str, Any]:
        """The first choice of a chat completion."""
        error = answered.get("error") if isinstance(answered, dict) else None
        if error:
            raise self._wrong(f"answers with an error ({_words_of(error)})", "a chat completion")
        try:
            choice = answered["choices"][0]
            if isinstance(choice["message"], dict):
                return choice
        except (KeyError, IndexError, TypeError):
            pass
        raise self._wrong("answers with JSON that is no chat completion", "choices[0].message.content")

    def _check_model(self, answered: dict[str, Any]) -> None:
        """InputError for an answer of another model than the one that was asked: the report names who wrote."""
        by = answered.get("model")
        if isinstance(by, str) and by and not _same_model(by, self.model):
            raise self._wrong(
                f"answers with the model {by!r}", f"{self.model!r}", "give the one it has as --chat-model"
            )

    def _written(self, choice: dict[str, Any]) -> Answer:
        message, reason = choice["message"], choice.get("finish_reason")
        refusal = message.get("refusal")
        if refusal or reason == "content_filter":
            said = printable(str(refusal), QUOTED_CHARS) if refusal else "its filter of contents"
            raise self._wrong(f"refuses to answer ({said})", "a model that answers about mammograms")
        text = _text_of(message.get("content"))
        if text is None:
            raise self._wrong("answers with JSON that is no chat completion", "words in choices[0].message.content")
        return answer_of(text, reason == "length", self._who)

    @property
    def _who(self) -> str:
        return f"the chat server at {self.endpoint.place}"

    def _wrong(self, what: str, expected: str, do: str = "") -> InputError:
        return InputError(f"{self._who} {what}", expected, do)


def request_body(model: str, parts: Sequence[Part], max_tokens: int) -> dict[str, Any]:
    """The JSON of a request: one turn of the user, since some models know no system turn; the likeliest words."""
    return {
        "model": model,
        "messages": [{"role": "user", "content": [_part(part) for part in parts]}],
        "temperature": 0,
        "max_tokens": max_tokens,
        "stream": False,
    }


def _part(part: Part) -> dict[str, Any]:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{base64.b64encode(part).decode()}"}}


def _text_of(content: Any) -> str | None:
    """The words of a message: a text, or a list of parts with texts; None where it is neither."""
    if content is None:
        return ""
    if isinstance(content, list):
        texts = [part.get("text") for part in content if isinstance(part, dict) and part.get("type") == "text"]
        content = "\n".join(text for text in texts if isinstance(text, str))
    return content if isinstance(content, str) else None


def _tokens_read(answered: dict[str, Any]) -> int | None:
    """Tokens of the question, as the server counts them; None where it does not."""
    usage = answered.get("usage")
    count = usage.get("prompt_tokens") if isinstance(usage, dict) else None
    return count if isinstance(count, int) and count > 0 else None


def _names_listed(reply: Reply) -> list[str]:
    """Names of a list of models; none where it is no such list."""
    listed = reply.json()
    rows = listed.get("data") if isinstance(listed, dict) else None
    named = [row.get("id") for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return [name for name in named if isinstance(name, str)]


def _is_path(name: str) -> bool:
    return name.startswith(("/", "./", "../", "~", "\\")) or name[1:3] in (":\\", ":/")


def _same_model(one: str, other: str) -> bool:
    """Whether two names are of one model: without a revision (`@main`), the date of a version, or folders before it."""
    one, other = (name.split("@")[0].rstrip("/").casefold() for name in (one, other))
    if one == other or re.fullmatch(rf"{re.escape(other)}[-:](?:\d[\d-]*|latest)", one):
        return True
    return (_is_path(one) or _is_path(other)) and re.split(_SLASH, one)[-1] == re.split(_SLASH, other)[-1]


def _said(reply: Reply) -> str:
    """What a server says of its error, shortened: the message of its JSON, or the beginning of its text."""
    value = reply.json()
    if isinstance(value, dict):
        return _words_of(value.get("error") or value.get("detail") or value.get("message") or "")
    return "" if reply.media_type == "text/html" else _words_of(reply.body[:QUOTED_CHARS].decode("utf-8", "replace"))


def _words_of(error: Any) -> str:
    if isinstance(error, dict):
        error = error.get("message") or error.get("type") or error
    return printable(" ".join(str(error).split())[:QUOTED_CHARS])
