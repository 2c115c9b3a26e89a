"""JSON and TOML of unknown origin: nested too deeply is an error of the text like any other, not one of the interpreter."""

import json
import tomllib
from typing import Any

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


def kind_of_value(value: object) -> str:
    """What a JSON value is, in words: `a list`, `a number`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    names = {dict: "an object", list: "a list", str: "a text", int: "a number", float: "a number"}
    return names.get(type(value), f"a {type(value).__name__}")
