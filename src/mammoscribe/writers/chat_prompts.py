"""The words in which a generator is asked, from a TOML file that users may replace."""

import hashlib
import string
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from mammoscribe.support.errors import InputError

PACKAGED, STARTER = "chat_prompts.toml", "starter_prompts.toml"
"""For any model; for starter-chat, which answers to the words that it was trained with."""
FILLED: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "read": {
        "instruction": (), "view": ("side", "projection"), "prior_view": ("side", "projection"),
        "prior_report": ("report",), "request": (),
    },
    "ask": {"picture": ("number", "count"), "question": ("question",)},
}  # fmt: skip
"""Tables, keys, and what is filled into each text."""
_MAY_LACK = frozenset({"number", "count"})
_MAY_BE_EMPTY = ("read", "instruction")


@dataclass(frozen=True)
class Prompts:
    """The words of a file, each filled by its own method.

    Args:
        words: table -> key -> text with its fields in braces; as `read_prompts` has checked them.
        sha256: of the file.
    """

    words: Mapping[str, Mapping[str, str]]
    sha256: str

    def fill(self, table: str, key: str, **values: str) -> str:
        """A text with its fields filled in."""
        return self.words[table][key].format(**values).strip()


@cache
def packaged_prompts(name: str = PACKAGED) -> Prompts:
    """The words that come with the package, by the name of their file."""
    return _prompts_of(files("mammoscribe.writers").joinpath(name).read_bytes(), name)


def read_prompts(path: Path | None) -> Prompts:
    """The words of a file; None for those of the package.

    Raises:
        InputError: for a file that cannot be read, with a key too few or too many, a text that is empty or none, or a
            field in braces that is not filled in there or is missing.
    """
    if path is None:
        return packaged_prompts()
    try:
        return _prompts_of(path.read_bytes(), str(path))
    except FileNotFoundError as error:
        raise InputError(f"no file {path}", "a TOML file with prompts") from error
    except IsADirectoryError as error:
        raise InputError(f"{path} is a folder", "a TOML file with prompts") from error


def _prompts_of(data: bytes, name: str) -> Prompts:
    try:
        given = tomllib.loads(data.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{name} is not TOML ({error})", "a TOML file in UTF-8") from error
    _check_keys(given, FILLED, name, "table")
    for table, fields in FILLED.items():
        if not isinstance(given[table], dict):
            raise InputError(f"{name}: {table} is no table", f"[{table}]")
        _check_keys(given[table], fields, f"{name} [{table}]", "key")
        for key, filled in fields.items():
            if (table, key) != _MAY_BE_EMPTY or given[table][key] != "":
                _check_text(given[table][key], filled, f"{name} [{table}] {key}")
    return Prompts(given, hashlib.sha256(data).hexdigest())


def _check_keys(given: Mapping[str, Any], known: Mapping[str, Any], where: str, what: str) -> None:
    """InputError for a key too many or too few."""
    extra, missing = sorted(set(given) - set(known)), sorted(set(known) - set(given))
    if extra:
        raise InputError(f"{where} has the unknown {what} {extra[0]!r}", f"one of {', '.join(known)}")
    if missing:
        raise InputError(f"{where} lacks the {what} {missing[0]!r}", f"all of {', '.join(known)}")


def _check_text(text: Any, filled: tuple[str, ...], where: str) -> None:
    """InputError for what is no text, or one with other fields in braces than are filled in."""
    if not isinstance(text, str) or not text.strip():
        raise InputError(f"{where} is {'empty' if isinstance(text, str) else 'no text'}", "words between quotes")
    named = ", ".join(f"{{{field}}}" for field in filled) or "no field in braces"
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError as error:
        raise InputError(f"{where}: {error}", f"{named}; a brace of your own is written twice") from error
    fields = [field for _, field, _, _ in parts if field is not None]
    shaped = any(shape or conversion for _, _, shape, conversion in parts)
    if shaped or set(fields) - set(filled):
        raise InputError(f"{where} has a field that is not filled in", f"{named}; a brace of your own is written twice")
    if missing := [field for field in filled if field not in fields and field not in _MAY_LACK]:
        raise InputError(f"{where} lacks the field {{{missing[0]}}}", named)
