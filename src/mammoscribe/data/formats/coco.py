"""Boxes in COCO's format (cocodataset.org, "instances"): one row per annotation, with its picture, edges and category."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mammoscribe.data.dataset import Fault
from mammoscribe.data.formats.tables import Row, encoding_of
from mammoscribe.support.errors import InputError
from mammoscribe.support.parsing import json_value, kind_of_value

MAX_EDGE = 1e9
"""Larger numbers, infinity and NaN are no edges of a box."""
_LISTS = ("images", "annotations", "categories")


def coco_rows(path: Path) -> Iterator[Row | Fault]:
    """Every annotation as a row: `file_name`, `x0`, `y0`, `x1`, `y1`, `category`, and its `attributes` by their names.

    The line of a row is the place of the annotation in the file, from 1. `bbox` is x, y, width, height; where it is not
    four numbers the edges are blank. An annotation of a picture that the file does not list is a Fault.

    Raises:
        InputError: when the file is not there or is no COCO file.
    """
    whole = _whole(path)
    images = {_key(image.get("id")): image for image in _objects(path, whole, "images")}
    names = {_key(kind.get("id")): _text(kind.get("name", "")) for kind in _objects(path, whole, "categories")}
    for number, entry in enumerate(_objects(path, whole, "annotations"), start=1):
        image = images.get(_key(entry.get("image_id")), {})
        fields = {
            **_attributes(entry),
            **_edges(entry.get("bbox")),
            "category": names.get(_key(entry.get("category_id")), ""),
        }
        row = Row(path.name, number, fields | {"file_name": str(image.get("file_name") or "")})
        if row.get("file_name"):
            yield row
        else:
            yield row.fault(f"the annotation is of image_id {entry.get('image_id')!r}", "the id of an entry of images")


def _whole(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        raise InputError(f"{path} is {'a folder' if path.is_dir() else 'not there'}", "a COCO file")
    try:
        found = json_value(path.read_text(encoding=encoding_of(path)))
    except ValueError as error:  # also a text that cannot be decoded
        raise InputError(f"{path} is not JSON ({error})", "a COCO file") from error
    if not isinstance(found, dict):
        raise InputError(f"{path} is {kind_of_value(found)}", f"an object with {', '.join(_LISTS)}, as COCO has it")
    return found


def _objects(path: Path, whole: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    found = whole.get(key)
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise InputError(f"{path}: {key} is {kind_of_value(found)}", f"a list of objects under {', '.join(_LISTS)}")
    return found


def _key(number: object) -> str:
    """An id as text: some programs write it in quotation marks in one list and not in the other."""
    return str(number)


def _edges(bbox: object) -> Mapping[str, str]:
    numbers = bbox if isinstance(bbox, list) and len(bbox) == 4 and all(map(_is_number, bbox)) else None
    if numbers is None:
        return dict.fromkeys(("x0", "y0", "x1", "y1"), "")
    x, y, width, height = numbers
    return {
        name: repr(edge) for name, edge in zip(("x0", "y0", "x1", "y1"), (x, y, x + width, y + height), strict=True)
    }


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < MAX_EDGE


def _attributes(entry: Mapping[str, Any]) -> Mapping[str, str]:
    found = entry.get("attributes")
    if not isinstance(found, dict):
        return {}
    return {_text(name): _text(value) for name, value in found.items() if isinstance(value, str | int | float)}


def _text(value: object) -> str:
    """As text on one line, without characters that cannot be printed."""
    return "".join(c if c.isprintable() else " " for c in str(value)).strip()
