"""Fields of frozen dataclasses by name: set from text with their types, written as JSON, compared."""

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar, Union

from mammoscribe.support.errors import InputError
from mammoscribe.support.lookup import look_up

Noun = TypeVar("Noun")
YES, NO = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


@dataclass(frozen=True)
class Leaf:
    """One field that can be set: where it is, what type it has, what it holds."""

    path: tuple[str, ...]
    kind: Any
    value: Any


def leaves(noun: Any, above: tuple[str, ...] = ()) -> dict[str, Leaf]:
    """Every field of a dataclass and of those inside it by its dotted name; each entry of a mapping is a field too."""
    found: dict[str, Leaf] = {}
    kinds = typing.get_type_hints(type(noun))
    for field in dataclasses.fields(noun):
        if not field.init:
            continue
        value, path = getattr(noun, field.name), (*above, field.name)
        if dataclasses.is_dataclass(value):
            found |= leaves(value, path)
            continue
        found[".".join(path)] = Leaf(path, kinds[field.name], value)
        if isinstance(value, Mapping):
            inner = typing.get_args(kinds[field.name])[-1]
            found |= {".".join((*path, key)): Leaf((*path, key), inner, value[key]) for key in value}
    return found


def with_set(noun: Noun, changes: Mapping[str, str], what: str) -> Noun:
    """The same dataclass with fields set from text, checked as when it is built.

    Args:
        noun: a frozen dataclass, which may hold others.
        changes: name -> text. A name is dotted (`schedule.learning_rate`), or its last part where only one field ends so.
        what: the noun in a few words, for the error.

    Raises:
        InputError: for a name that no field has (the nearest are named) or that several have, and for text of another type.
    """
    table = leaves(noun)
    by_path: dict[tuple[str, ...], Any] = {}
    for name, text in changes.items():
        leaf = _find(name, table, what)
        if leaf.path in by_path:
            raise InputError(f"{'.'.join(leaf.path)} is set twice", "each field once")
        by_path[leaf.path] = _parsed(text.strip(), leaf, name)
    return _rebuilt(noun, by_path)


def _find(name: str, table: Mapping[str, Leaf], what: str) -> Leaf:
    if name in table:
        return table[name]
    ends = [full for full in table if full.rpartition(".")[2] == name]
    if len(ends) > 1:
        raise InputError(f"{name!r} could be {' or '.join(ends)}", "one of these names")
    if ends:
        return table[ends[0]]
    short = {full.rpartition(".")[2]: leaf for full, leaf in table.items()}
    return look_up(name, {**table, **short}, f"field of {what}")


def _rebuilt(noun: Any, by_path: Mapping[tuple[str, ...], Any]) -> Any:
    """The noun built anew, all its changes at once, so that only their sum has to be valid."""
    direct = {path[0]: value for path, value in by_path.items() if len(path) == 1}
    deeper: dict[str, dict[tuple[str, ...], Any]] = {}
    for path, value in by_path.items():
        if len(path) > 1:
            deeper.setdefault(path[0], {})[path[1:]] = value
    for name, inside in deeper.items():
        value = direct.get(name, getattr(noun, name))
        if isinstance(value, Mapping):
            direct[name] = {**value, **{path[0]: new for path, new in inside.items()}}
        else:
            direct[name] = _rebuilt(value, inside)
    return dataclasses.replace(noun, **direct)


def _parsed(text: str, leaf: Leaf, name: str) -> Any:
    found = f"{name}={text!r}"
    if isinstance(leaf.value, Mapping):
        if len(leaf.value) != 1:
            names = ", ".join(f"{'.'.join(leaf.path)}.{key}" for key in leaf.value)
            raise InputError(found, f"one of its entries ({names})")
        inner = typing.get_args(leaf.kind)[-1]
        return {key: _value(text, inner, found) for key in leaf.value}
    return _value(text, leaf.kind, found)


def _value(text: str, kind: Any, found: str) -> Any:
    """`text` as a value of the annotated type."""
    arguments = typing.get_args(kind)
    if typing.get_origin(kind) in (types.UnionType, Union):
        inner = [k for k in arguments if k is not types.NoneType]
        if len(inner) < len(arguments) and text.lower() in ("none", "null", ""):
            return None
        return _value(text, inner[0], found)
    if typing.get_origin(kind) is tuple:
        return tuple(_value(part.strip(), arguments[0], found) for part in text.split(",") if part.strip())
    if isinstance(kind, type) and issubclass(kind, Enum):
        return look_up(text, {str(member.value): member for member in kind}, f"value for {found.partition('=')[0]}")
    if kind is bool:
        return _truth(text, found)
    if kind in (int, float):
        return _number(text, kind, found)
    if kind in (str, Path):
        return kind(text)
    raise InputError(found, "a field that holds a number, a word, a path or a list of them", "change the recipe")


def _truth(text: str, found: str) -> bool:
    if text.lower() not in YES + NO:
        raise InputError(found, "true or false")
    return text.lower() in YES


def _number(text: str, kind: type, found: str) -> int | float:
    try:
        value = float(text)
    except ValueError as error:
        raise InputError(found, "a whole number" if kind is int else "a number") from error
    if not math.isfinite(value):
        raise InputError(found, "a finite number")
    if kind is float:
        return value
    if value != int(value):
        raise InputError(found, "a whole number")
    return int(text) if text.lstrip("+-").replace("_", "").isdigit() else int(value)


def plain(value: Any) -> Any:
    """A dataclass as JSON holds it: dicts, lists, numbers and words."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value) if f.init}
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, tuple | list):
        return [plain(inner) for inner in value]
    if isinstance(value, Enum):
        return value.value
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def flat(values: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Nested dicts as one dict with dotted names; lists stay whole."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{above}{key}"
        found |= flat(value, f"{name}.") if isinstance(value, Mapping) else {name: value}
    return found


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """`name before -> now` for every dotted name whose value differs between two plain dicts."""
    old, new, absent = flat(before), flat(now), "(absent)"
    names = sorted(old.keys() | new.keys())
    return [
        f"{n} {old.get(n, absent)} -> {new.get(n, absent)}" for n in names if old.get(n, absent) != new.get(n, absent)
    ]
