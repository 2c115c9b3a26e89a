"""JSON and TOML of unknown origin: nested too deeply is an error of the text like any other, not one of the interpreter."""

import json
import tomllib
from pathlib import Path
from typing import Any

from mammoscribe.support.errors import InputError

_TOO_DEEP = "it is nested too deeply"


def json_value(text: str | bytes | bytearray) -> Any:
    """The value that a JSON text holds; ValueError (json.JSONDecodeError where it is no JSON) for anything else."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError(_TOO_DEEP) from error


def toml_table(text: str) -> dict[str, Any]:
    """The table that a TOML text holds; ValueError (tomllib.TOMLDecodeError where it is no TOML) for anything else."""
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise ValueError(_TOO_DEEP) from error


def read_toml(path: Path, expected: str, do: str = "") -> dict[str, Any]:
    """The table that a TOML file holds.

    Args:
        path: the file.
        expected, do: for the error when there is no such file.

    Raises:
        InputError: for a file that is not there, cannot be read, is no UTF-8 or no TOML.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path} is {'a folder' if path.is_dir() else 'not there'}", expected, do)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (UnicodeDecodeError, OSError) as error:
        raise InputError(f"{path} cannot be read ({error})", "TOML in UTF-8") from error
    try:
        return toml_table(text)
    except ValueError as error:
        written = "write expressions and paths with a backslash in '...'" if "\\" in text else ""
        raise InputError(f"{path} is not TOML ({error})", "", written) from error


def kind_of_value(value: object) -> str:
    """What a JSON value is, in words: `a list`, `a number`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    names = {dict: "an object", list: "a list", str: "a text", int: "a number", float: "a number"}
    return names.get(type(value), f"a {type(value).__name__}")
