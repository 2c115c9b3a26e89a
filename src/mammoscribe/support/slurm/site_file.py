"""Reads the TOML file that describes a SLURM cluster; whatever is wrong in it is one sentence that names the key."""

import os
import re
import typing
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from mammoscribe.support.errors import InputError, InvalidNoun, MammoscribeError
from mammoscribe.support.lookup import look_up
from mammoscribe.support.parsing import read_toml
from mammoscribe.support.slurm.site import Job, PredictJob, Site, TrainJob

_JOBS: Mapping[str, type[Job]] = {"train": TrainJob, "predict": PredictJob, "merge": Job}
_SHARED = ("partition", "account", "sbatch")
"""Keys of a job that may be given once for all of them."""
_VARIABLE = re.compile(r"\$(?:\{(?P<braced>\w+)\}|(?P<plain>\w+))")
_WORDS = {
    int: "a whole number", str: "a text, in quotation marks", tuple: "a list of texts", Mapping: "a table",
}  # fmt: skip


def read_site(path: Path) -> Site:
    """The cluster that a TOML file describes.

    Raises:
        InputError: for a file that cannot be read, an unknown key (the nearest are named), a value of another type, and
            what `Site` and its jobs refuse.
    """
    found = read_toml(path, "a TOML file that describes the cluster", "docs/how_to/slurm.md has one to start from")
    try:
        return _site(found)
    except MammoscribeError as error:
        raise InputError(f"{path}: {error.found}", error.expected, error.do) from error


def _site(found: Mapping[str, Any]) -> Site:
    _check(found, {**_kinds(Job, _SHARED), **_kinds(Site)}, "this file")
    shared = {key: found[key] for key in _SHARED if key in found}
    given = {key: value for key, value in found.items() if key not in shared and key not in _JOBS}
    given |= {key: _expanded(given[key], key) for key in ("venv", "scratch") if key in given}
    given |= {key: tuple(given[key]) for key in ("modules", "setup") if key in given}
    for name in _JOBS:
        if name in found or name == "merge":
            given[name] = _job(found.get(name, {}), name, shared)
    return Site(**given)


def _job(found: Mapping[str, Any], name: str, shared: Mapping[str, Any]) -> Job:
    """A job from its table, and from what is given once for all jobs."""
    kind = _JOBS[name]
    _check(found, _kinds(kind), f"[{name}]")
    both = {**shared, **found, "sbatch": {**shared.get("sbatch", {}), **found.get("sbatch", {})}}
    needed = {"time": 'time = "12:00:00"'} | ({"shards": "shards = 16"} if kind is PredictJob else {})
    if name == "merge":
        both.setdefault("time", Site().merge.time)
    for key, example in needed.items():
        if key not in both:
            raise InputError(f"[{name}] without {key}", example)
    try:
        return kind(**both)
    except InvalidNoun as error:
        raise InputError(f"[{name}]: {error.found}", error.expected, error.do) from error


def _check(found: Mapping[str, Any], kinds: Mapping[str, type], where: str) -> None:
    """InputError for a key that is not known here, or a value of another type than its own."""
    for key, value in found.items():
        if key not in kinds:
            _check_place(key, where)
        kind = look_up(key, kinds, f"key of {where}")
        fits = {
            int: isinstance(value, int) and not isinstance(value, bool),
            str: isinstance(value, str),
            tuple: isinstance(value, list) and all(isinstance(v, str) for v in value),
            Mapping: isinstance(value, Mapping),
        }  # fmt: skip
        if not fits[kind]:
            raise InputError(f"{key} = {value!r} in {where}", _WORDS[kind])
        if isinstance(value, Mapping) and key in ("environment", "sbatch"):
            _check_table(value, key)


def _check_table(table: Mapping[str, Any], name: str) -> None:
    """InputError for a value that is no text (of [sbatch] also a number or true), and for a key that belongs further up."""
    for key, value in table.items():
        if key in _kinds(Site) or (name == "environment" and key in _kinds(Job)):
            raise _too_low(key, f"[{name}]")
        if not isinstance(value, (str,) if name == "environment" else (str, int)):
            raise InputError(f"{key} = {value!r} in [{name}]", "a text, in quotation marks")


def _check_place(key: str, where: str) -> None:
    """InputError for a key that is known in another place of the file."""
    if key in _kinds(Site):
        raise _too_low(key, where)
    tables = [f"[{name}]" for name, kind in _JOBS.items() if key in _kinds(kind)]
    if tables:
        raise InputError(f"{key} in {where}", f"it in {' or '.join(tables)}")


def _too_low(key: str, where: str) -> InputError:
    return InputError(f"{key} comes below {where}", "the tables in square brackets last", f"move {key} up")


def _kinds(noun: type, names: tuple[str, ...] = ()) -> dict[str, type]:
    """What TOML must hold for the fields of a dataclass, or those of `names`: a number, a text, a list or a table."""
    hints = typing.get_type_hints(noun)
    return {f.name: _kind(hints[f.name]) for f in fields(noun) if not names or f.name in names}


def _kind(hint: Any) -> type:
    if hint in (int, str):
        return hint
    if typing.get_origin(hint) in (tuple, Mapping):
        return typing.get_origin(hint)
    return str if hint == Path | None else Mapping


def _expanded(text: str, key: str) -> Path:
    """A path with ~ and $NAME replaced by what they stand for where the script is written."""

    def value(match: re.Match[str]) -> str:
        name = match["braced"] or match["plain"]
        if name not in os.environ:
            raise InputError(f"{key} = {text!r}, and {name} is not set here", "", "write the path out")
        return os.environ[name]

    path = _VARIABLE.sub(value, text)
    try:
        return Path(path).expanduser()
    except RuntimeError as error:  # ~someone who has no home here
        raise InputError(f"{key} = {text!r} ({error})", "", "write the path out") from error
