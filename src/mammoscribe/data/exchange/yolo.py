"""Marked places as YOLO has them: a text file per picture, and data.yaml with the names of the classes."""

import json
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from mammoscribe.data.catalogue import Catalogue
from mammoscribe.data.exchange.boxes import BoxedPicture, Counts, boxed_pictures, categories_of, parts_of
from mammoscribe.data.exchange.pictures import PictureFolder
from mammoscribe.support.errors import InputError
from mammoscribe.support.files import write_text


def export_yolo(
    catalogue: Catalogue, out: Path, label: str | None = None, on_record: Callable[[], None] = lambda: None
) -> tuple[list[str], Counts]:
    """Write `images/train`, `labels/train`, ... and `data.yaml` (docs.ultralytics.com/datasets/detect).

    A line is `class x y width height`: the middle of the box and its size, as shares of the picture. A picture without
    marked places has an empty text file. Pictures are all in one folder per part: the trainer finds the labels of a
    picture by the last `images` in its path.

    Raises:
        InputError: when no picture has a marked place, no label can be chosen, none can be written, or the folder holds
            pictures already: the trainer would read them too.
    """
    for folder in (out / "images", out / "labels"):
        if folder.is_dir() and any(folder.iterdir()):
            raise InputError(
                f"{folder} holds files already", "a new folder: YOLO reads all that is in it", "give another --out"
            )
    label, categories = categories_of(catalogue, label)
    parts, _ = parts_of(catalogue)
    clean = catalogue.about.pseudonymous
    folders = {part: PictureFolder(catalogue.root, out / "images" / part, True, clean) for part in parts}
    counts = Counts.none()
    for part, picture in boxed_pictures(catalogue, label, folders, counts, on_record):
        name = PurePosixPath(picture.path).with_suffix(".txt")
        write_text(
            out / "labels" / part / name, "".join(_line(categories, picture, n) for n in range(len(picture.boxes)))
        )
    counts.check_any()
    write_text(out / "data.yaml", _data_yaml(parts, categories))
    return categories, counts


def _line(categories: list[str], picture: BoxedPicture, number: int) -> str:
    category, box = picture.boxes[number]
    x, y = box.centre
    across, down = picture.width_px, picture.height_px
    shares = (x / across, y / down, box.width / across, box.height / down)
    return f"{categories.index(category)} {' '.join(f'{share:.8f}' for share in shares)}\n"


def _data_yaml(parts: tuple[str, ...], categories: list[str]) -> str:
    """Paths start from the file's own folder; a catalogue without splits is both train and val, which the trainer needs."""
    paths = (
        {part: f"images/{part}" for part in parts} if len(parts) > 1 else dict.fromkeys(("train", "val"), "images/all")
    )
    lines = [f"{part}: {path}" for part, path in paths.items()]
    names = [f"  {number}: {json.dumps(name, ensure_ascii=False)}" for number, name in enumerate(categories)]
    return "\n".join([*lines, "names:", *names]) + "\n"
