"""Options of the commands that ask a chat model, at a server or in a folder, and how they are read."""

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
    from mammoscribe.models.chat.family import Canvas
    from mammoscribe.support.chat.question import Generator
    from mammoscribe.writers.chat_local import LocalChat
    from mammoscribe.writers.chat_prompts import Prompts

KEY = "MAMMOSCRIBE_CHAT_KEY"
"""Variable of the environment that holds the key of the server, where it asks for one."""
TIMEOUT_S, TOKENS, LONGEST_PX = 300.0, 1024, 896
STARTER_TOKENS = 384
"""Of an answer of starter-chat, whose reports have 100 to 250."""

ChatEndpoint = Annotated[
    str | None,
    typer.Option(
        "--chat-endpoint", metavar="URL",
        help="A server of OpenAI chat completions, such as http://localhost:8000/v1. Pictures are sent to it and nowhere else.",
    ),
]  # fmt: skip
ChatModel = Annotated[
    str | None,
    typer.Option(
        "--chat-model", metavar="NAME_OR_DIR",
        help="The model of --chat-endpoint, by its name there; without an endpoint a folder, whose model runs in this process [default: starter-chat].",
    ),
]  # fmt: skip
PromptFile = Annotated[
    Path | None,
    typer.Option("--prompts", metavar="TOML", help="The words in which the chat model is asked, in place of ours."),
]
ChatTimeout = Annotated[
    float | None,
    typer.Option(
        "--chat-timeout", metavar="S", min=0.1, max=86_400,
        help=f"With --chat-endpoint: seconds for one answer [default: {TIMEOUT_S:g}].",
    ),
]  # fmt: skip
ChatTokens = Annotated[
    int | None,
    typer.Option("--chat-tokens", metavar="N", min=1, max=100_000, help=f"Longest answer [default: {TOKENS}]."),
]
ChatPixels = Annotated[
    int | None,
    typer.Option(
        "--chat-px",
        metavar="N",
        min=64,
        max=4096,
        help=f"Longer side of the pictures that it is shown [default: {LONGEST_PX}].",
    ),
]


@dataclass(frozen=True)
class AtServer:
    """A model that a chat server has.

    Args:
        endpoint: of the server.
        model: its name there.
        timeout_s: for one answer.
    """

    endpoint: Endpoint
    model: str
    timeout_s: float = TIMEOUT_S

    def generator(self, max_tokens: int, device: str) -> ChatServer:  # noqa: ARG002
        """The server; it has devices of its own."""
        return self._server(max_tokens)

    def check(self) -> None:
        """Look whether the server is there, and say to whom pictures go that leave this machine.

        Raises:
            InputError: for a server that is away, or one without this model.
        """
        self._server().check()
        if not self.endpoint.is_loopback:
            warn(f"pictures are sent to {self.endpoint.place}, which is not this machine")

    def canvas(self) -> None:
        """None: a server is shown pictures of any size."""

    def by_breast(self) -> bool:
        """False: a server is asked about the whole exam."""
        return False

    def check_workers(self, workers: int) -> None:
        """Any number of processes can ask one server."""

    def made_by(self) -> dict[str, str | float | None]:
        """Which model it is, for the provenance of a table."""
        return {"chat_model": self.model, "chat_host": self.endpoint.host}

    def _server(self, max_tokens: int = TOKENS) -> ChatServer:
        """The server, with the key that the environment holds for it."""
        key = os.environ.get(KEY) or None
        return ChatServer(self.endpoint, self.model, Patience(self.timeout_s), max_tokens, key)


@dataclass(frozen=True)
class InFolder:
    """A model in a folder of this machine, or in a run of `mammoscribe train chat`: it runs in this process."""

    folder: Path

    def generator(self, max_tokens: int, device: str) -> "LocalChat":
        """The model, loaded; InputError when it cannot be."""
        from mammoscribe.models.devices import chosen_device
        from mammoscribe.writers.chat_local import load_local_chat

        return load_local_chat(self.folder, chosen_device(device), max_tokens)

    def check(self) -> None:
        """Look whether the folder is that of a chat model, without loading it.

        Raises:
            InputError: for one without config.json or weights, or of a family that is not built here.
        """
        from mammoscribe.models.chat.place import chat_folder_at, model_name, weight_files

        folder = chat_folder_at(self.folder)
        weight_files(folder)
        model_name(folder)
        if self.canvas() is not None:
            from mammoscribe.models.chat.starter import check_whole

            check_whole(folder)

    def canvas(self) -> "Canvas | None":
        """The canvas of a reader on which the model is shown views; None for pictures of any size."""
        from mammoscribe.models.chat.place import canvas_of, chat_folder_at

        return canvas_of(chat_folder_at(self.folder))

    def by_breast(self) -> bool:
        """Whether the model learned to report on one breast at a time."""
        from mammoscribe.models.chat.place import chat_folder_at, reports_by_breast

        return reports_by_breast(chat_folder_at(self.folder))

    def check_workers(self, workers: int) -> None:
        """InputError for more than one process: each would hold the model, and run out of memory after hours."""
        if workers > 1:
            raise InputError(
                f"--workers {workers} with the chat model in {self.folder}, of which each worker would hold a copy",
                "--workers 0 or 1", "give machines a --shard each, or serve the model and give --chat-endpoint",
            )  # fmt: skip

    def made_by(self) -> dict[str, str | float | None]:
        """Which model it is, for the provenance of a table."""
        from mammoscribe.models.chat.place import chat_folder_at, model_name, weights_sha256

        folder = chat_folder_at(self.folder)
        return {"chat_model": model_name(folder), "writer_weights_sha256": weights_sha256(folder)}


@dataclass(frozen=True)
class ChatChoice:
    """A chat model and how it is asked, as given; plain values that can be handed to a worker process.

    Args:
        model: where it is.
        prompt_file: the words in which it is asked, None for those of the package.
        max_tokens: of one answer.
        longest_px: longer side of the pictures.
    """

    model: AtServer | InFolder
    prompt_file: Path | None = None
    max_tokens: int = TOKENS
    longest_px: int = LONGEST_PX

    def generator(self, device: str) -> "Generator":
        """What is asked; a model in a folder is loaded and runs on the device of this name.

        Raises:
            InputError: when it cannot be loaded.
        """
        return self.model.generator(self.max_tokens, device)

    def prompts(self) -> "Prompts":
        """The words in which it is asked; InputError for a file that does not fit."""
        from mammoscribe.writers.chat_prompts import STARTER, packaged_prompts, read_prompts

        if self.prompt_file is None and self.model.canvas() is not None:
            return packaged_prompts(STARTER)
        return read_prompts(self.prompt_file)

    def check(self) -> None:
        """Look at the prompts and the model; InputError for prompts that do not fit, or a model that is not there."""
        self.prompts()
        self.model.check()

    def made_by(self) -> dict[str, str | float | None]:
        """What of it decides about the reports of a run."""
        return {
            **self.model.made_by(), "chat_tokens": self.max_tokens, "chat_px": self.longest_px,
            "prompts_sha256": self.prompts().sha256,
        }  # fmt: skip


@dataclass(frozen=True)
class ChatGiven:
    """The options of a chat model as they came from the command line; None for those that were not given."""

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
        """The model that was chosen: of the endpoint where one is given, else in a folder, else starter-chat.

        Raises:
            InputError: for an endpoint without a model, no starter-chat where it is needed, an address that is none, a
                folder that is not there, or an option that the model has no use for.
        """
        if self.endpoint is not None and not (self.model or "").strip():
            raise InputError("no --chat-model", "the name of a model at the endpoint", "--chat-model NAME")
        model = self._model(self.model or "")
        if self.longest_px is not None and model.canvas() is not None:
            raise InputError("--chat-px for starter-chat, which sees views as its reader does", "none")
        usual = TOKENS if model.canvas() is None else STARTER_TOKENS
        return ChatChoice(model, self.prompt_file, self.max_tokens or usual, self.longest_px or LONGEST_PX)

    def _model(self, name: str) -> AtServer | InFolder:
        if self.endpoint is not None:
            return AtServer(endpoint_of(self.endpoint), name, self.timeout_s or TIMEOUT_S)
        if not name.strip():
            from mammoscribe.models.chat.place import starter_place

            name = str(starter_place())
        if not Path(name).is_dir():
            found = f"no --chat-endpoint, and no folder {name}"
            raise InputError(found, "the address of a chat server, or the folder of a chat model as --chat-model")
        if self.timeout_s is not None:
            found = "--chat-timeout with a chat model in a folder, which is waited for"
            raise InputError(found, "it with --chat-endpoint only")
        return InFolder(Path(name))
