"""Options of the commands that ask a chat server, and how they are read."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mammoscribe.cli.console import warn
from mammoscribe.support.chat.endpoint import Endpoint, endpoint_of
from mammoscribe.support.chat.exchange import Patience
from mammoscribe.support.chat.server import ChatServer
from mammoscribe.support.errors import InputError

if TYPE_CHECKING:
    from mammoscribe.writers.chat_prompts import Prompts

KEY = "MAMMOSCRIBE_CHAT_KEY"
"""Variable of the environment that holds the key of the server, where it asks for one."""
TIMEOUT_S, TOKENS, LONGEST_PX = 300.0, 1024, 896

ChatEndpoint = Annotated[
    str | None,
    typer.Option(
        "--chat-endpoint", metavar="URL",
        help="A server of OpenAI chat completions, such as http://localhost:8000/v1. Pictures are sent to it and nowhere else.",
    ),
]  # fmt: skip
ChatModel = Annotated[
    str | None, typer.Option("--chat-model", metavar="NAME", help="The model of --chat-endpoint, by its name there.")
]
PromptFile = Annotated[
    Path | None,
    typer.Option("--prompts", metavar="TOML", help="The words in which the chat model is asked, in place of ours."),
]
ChatTimeout = Annotated[
    float | None,
    typer.Option(
        "--chat-timeout", metavar="S", min=0.1, max=86_400, help=f"Seconds for one answer [default: {TIMEOUT_S:g}]."
    ),
]
ChatTokens = Annotated[
    int | None,
    typer.Option("--chat-tokens", metavar="N", min=1, max=100_000, help=f"Longest answer [default: {TOKENS}]."),
]
ChatPixels = Annotated[
    int | None,
    typer.Option(
        "--chat-px", metavar="N", min=64, max=4096, help=f"Longer side of the pictures sent [default: {LONGEST_PX}]."
    ),
]


@dataclass(frozen=True)
class ChatChoice:
    """A chat server and how it is asked, as given; plain values that can be handed to a worker process."""

    endpoint: Endpoint
    model: str
    prompt_file: Path | None = None
    timeout_s: float = TIMEOUT_S
    max_tokens: int = TOKENS
    longest_px: int = LONGEST_PX

    def server(self) -> ChatServer:
        """The server, with the key that the environment holds for it."""
        key = os.environ.get(KEY) or None
        return ChatServer(self.endpoint, self.model, Patience(self.timeout_s), self.max_tokens, key)

    def prompts(self) -> "Prompts":
        """The words in which it is asked; InputError for a file that does not fit."""
        from mammoscribe.writers.chat_prompts import read_prompts

        return read_prompts(self.prompt_file)

    def check(self) -> None:
        """Look at the prompts and whether the server is there, and say to whom pictures go that leave this machine.

        Raises:
            InputError: for prompts that do not fit, a server that is away, or one without this model.
        """
        self.prompts()
        self.server().check()
        if not self.endpoint.is_loopback:
            warn(f"pictures are sent to {self.endpoint.place}, which is not this machine")


@dataclass(frozen=True)
class ChatGiven:
    """The options of a chat server as they came from the command line; None for those that were not given."""

    endpoint: str | None
    model: str | None
    prompt_file: Path | None = None
    timeout_s: float | None = None
    max_tokens: int | None = None
    longest_px: int | None = None

    @property
    def first_name(self) -> str | None:
        """The first option that was given, None where there is none."""
        names = {
            "--chat-endpoint": self.endpoint, "--chat-model": self.model, "--prompts": self.prompt_file,
            "--chat-timeout": self.timeout_s, "--chat-tokens": self.max_tokens, "--chat-px": self.longest_px,
        }  # fmt: skip
        return next((name for name, value in names.items() if value is not None), None)

    def choice(self) -> ChatChoice:
        """The server that was chosen.

        Raises:
            InputError: without an endpoint or a model, or for an address that is none.
        """
        if self.endpoint is None or not (self.model or "").strip():
            missing = "--chat-endpoint" if self.endpoint is None else "--chat-model"
            raise InputError(
                f"no {missing}", "the address of a chat server and the name of its model",
                "--chat-endpoint http://localhost:8000/v1 --chat-model NAME",
            )  # fmt: skip
        return ChatChoice(
            endpoint_of(self.endpoint), self.model or "", self.prompt_file, self.timeout_s or TIMEOUT_S,
            self.max_tokens or TOKENS, self.longest_px or LONGEST_PX,
        )  # fmt: skip
