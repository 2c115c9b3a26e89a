"""Marked places as COCO has them: one instances JSON per split, `bbox` as x, y, width, height in stored pixels."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mammoscribe.data.catalogue import Catalogue
from mammoscribe.data.exchange.boxes import BoxedPicture, Counts, boxed_pictures, categories_of, parts_of
from mammoscribe.data.exchange.pictures import PictureFolder
from mammoscribe.support.files import write_text


def export_coco(
    catalogue: Catalogue,
    out: Path,
    label: str | None = None,
    png: bool = True,
    on_record: Callable[[], None] = lambda: None,
) -> tuple[list[str], Counts]:
    """Write `annotations/instances_train.json`, ... (format of cocodataset.org); gives the categories and what was counted.

    Args:
        catalogue: of pictures, some with marked places.
        out: the folder.
        label: the label of a place that is its category; see `boxes.categories_of`.
        png: whether the pictures are written to `images`, from which `file_name` starts; else it starts from the
            dataset's folder and names its files, DICOM as they are.
        on_record: called after each record.

    Raises:
        InputError: when no picture has a marked place, or no label can be chosen, or none can be written.
    """
    label, categories = categories_of(catalogue, label)
    parts, _ = parts_of(catalogue)
    folder = PictureFolder(catalogue.root, out / "images", pixels_only=catalogue.about.pseudonymous) if png else None
    counts = Counts.none()
    numbers = {name: number for number, name in enumerate(categories, start=1)}
    found: dict[str, dict[str, list[dict[str, Any]]]] = {part: {"images": [], "annotations": []} for part in parts}
    for part, picture in boxed_pictures(catalogue, label, dict.fromkeys(parts, folder), counts, on_record):
        _add(found[part]["images"], found[part]["annotations"], picture, numbers)
    counts.check_any()
    listed = [{"id": number, "name": name, "supercategory": label} for name, number in numbers.items()]
    info = {"description": f"{catalogue.about.name}, exported by mammoscribe {catalogue.about.package}"}
    for part, lists in found.items():
        whole = {"info": info, "licenses": [{"id": 1, "name": catalogue.about.licence}], **lists, "categories": listed}
        write_text(out / "annotations" / f"instances_{part}.json", json.dumps(whole) + "\n")
    return categories, counts


def _add(
    images: list[dict[str, Any]], annotations: list[dict[str, Any]], picture: BoxedPicture, numbers: dict[str, int]
) -> None:
    image_id = len(images) + 1
    size = {"width": picture.width_px, "height": picture.height_px}
    images.append({"id": image_id, "file_name": picture.path, **size, "license": 1, "exam_id": picture.record_id})
    for category, box in picture.boxes:
        annotations.append({
            "id": len(annotations) + 1, "image_id": image_id, "category_id": numbers[category],
            "bbox": [box.x0, box.y0, box.width, box.height], "area": box.area, "iscrowd": 0, "segmentation": [],
        })  # fmt: skip
