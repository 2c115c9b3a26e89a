"""Stand-ins for the loaders of trainers and detectors: they read files as those do, by their code and documentation.

Nothing here is shared with what writes the files. Each gives plain rows, or fails where the trainer would fail.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import yaml
from PIL import Image

TOKEN = "<image>"


@dataclass(frozen=True)
class Row:
    """What a trainer makes of one entry: pictures that it has opened, in order, and turns of who and what."""

    pictures: tuple[Image.Image, ...]
    turns: tuple[tuple[str, str], ...]

    @property
    def tokens(self) -> int:
        return sum(text.count(TOKEN) for _, text in self.turns)


def _opened(folder: Path, name: str) -> Image.Image:
    with Image.open(os.path.join(folder, name)) as picture:
        return picture.convert("RGB")


def _alternating(turns: list[dict]) -> None:
    """Both LLaVA loaders look roles up among human and gpt, drop a first answer, and want them in turn."""
    roles = [{"human": 0, "gpt": 1}[turn["from"]] for turn in turns]
    assert roles == [n % 2 for n in range(len(roles))]


def llava(file: Path, image_folder: Path) -> list[Row]:
    """haotian-liu/LLaVA, LazySupervisedDataset: one path under `image`; without that key the sample has no picture.

    `preprocess_multimodal` takes every mark out of a turn and puts one in front of it.
    """
    rows = []
    for entry in json.loads(file.read_text(encoding="ascii")):
        turns = [dict(turn) for turn in entry["conversations"]]
        pictures = ()
        if "image" in entry:
            pictures = (_opened(image_folder, entry["image"]),)
            for turn in turns:
                if TOKEN in turn["value"]:
                    turn["value"] = f"{TOKEN}\n{turn['value'].replace(TOKEN, '').strip()}".strip()
        _alternating(turns)
        rows.append(Row(pictures, tuple((turn["from"], turn["value"]) for turn in turns)))
    return rows


def llava_next(file: Path, image_folder: Path) -> list[Row]:
    """LLaVA-VL/LLaVA-NeXT, LazySupervisedDataset: `image` is a path or a list; only a single mark is moved to the front."""
    rows = []
    for entry in json.loads(file.read_text(encoding="ascii")):
        turns = [dict(turn) for turn in entry["conversations"]]
        found = entry.get("image", [])
        pictures = tuple(_opened(image_folder, name) for name in ([found] if isinstance(found, str) else found))
        if "image" in entry:
            for turn in turns:
                if turn["value"].count(TOKEN) == 1 and not turn["value"].startswith(TOKEN):
                    turn["value"] = f"{TOKEN}\n{turn['value'].replace(TOKEN, '').strip()}".strip()
        _alternating(turns)
        rows.append(Row(pictures, tuple((turn["from"], turn["value"]) for turn in turns)))
    return rows


def _columns(rows: list[dict]) -> list[dict]:
    """As a table of Arrow has them: the same keys in every row, each column of one type."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    for name in names:
        kinds = {type(row[name]) for row in rows if row.get(name) is not None}
        assert len(kinds) == 1, f"column {name} has {kinds}"
    return [{name: row.get(name) for name in names} for row in rows]


def llama_factory(dataset_dir: Path, name: str) -> list[Row]:
    """LLaMA-Factory: dataset_info.json says file, columns and tags; paths start from the folder of the data.

    Roles must alternate and end with an answer, and there are as many marks as pictures over all turns.
    """
    info = json.loads((dataset_dir / "dataset_info.json").read_text())[name]
    assert info["formatting"] == "sharegpt"
    tags, columns, rows = info["tags"], info["columns"], []
    lines = (dataset_dir / info["file_name"]).read_text(encoding="utf-8").splitlines()
    for entry in _columns([json.loads(line) for line in lines]):
        turns = [(m[tags["role_tag"]], m[tags["content_tag"]]) for m in entry[columns["messages"]]]
        spoken = turns[1:] if turns[0][0] == tags["system_tag"] else turns
        assert [who for who, _ in spoken] == [tags["user_tag"], tags["assistant_tag"]] * (len(spoken) // 2)
        row = Row(tuple(_opened(dataset_dir, p) for p in entry[columns["images"]]), tuple(turns))
        assert row.tokens == len(row.pictures), "the number of images does not match the number of <image> tokens"
        rows.append(row)
    return rows


def ms_swift(file: Path, root_image_dir: Path) -> list[Row]:
    """ms-swift: `messages` with known roles, contents that are texts, and `images` below ROOT_IMAGE_DIR."""
    rows = []
    for entry in _columns([json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]):
        for message in entry["messages"]:
            assert message["role"] in {"system", "user", "assistant"} and isinstance(message["content"], str)
        pictures = tuple(_opened(root_image_dir, path) for path in entry["images"])
        rows.append(Row(pictures, tuple((m["role"], m["content"]) for m in entry["messages"])))
    return rows


def imagefolder(folder: Path) -> dict[str, list[dict]]:
    """`datasets.load_dataset("imagefolder", data_dir=folder)`: splits by folder, columns by metadata.jsonl.

    A key that ends with `file_names` is a column of lists of pictures, whose paths start from the metadata file.
    """
    names = {"train": "train", "val": "validation", "test": "test"}
    files = sorted(folder.glob("*/metadata.jsonl"))
    found = {}
    for file in files:
        rows = _columns([json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()])
        assert rows, "a split without rows"
        for row in rows:
            (key,) = [key for key in row if key == "file_names" or key.endswith("_file_names")]
            paths = row.pop(key)
            assert not any(os.path.isabs(path) or ".." in path for path in paths)
            row[key.removesuffix("_file_names")] = [_opened(file.parent, path) for path in paths]
        found[names.get(file.parent.name, "train")] = rows
    return found


def trl(row: dict) -> list[dict]:
    """TRL, prepare_multimodal_messages: each empty image block of the messages gets the next picture of `images`."""
    left = list(row["images"])
    assert left == [] or all(isinstance(picture, Image.Image) for picture in left)
    messages = []
    for message in row["messages"]:
        assert message["role"] in {"system", "user", "assistant"}
        content = [part | {"image": left.pop(0)} if part["type"] == "image" else part for part in message["content"]]
        assert not any(TOKEN in part.get("text", "") for part in content), "a mark that the template does not know"
        messages.append({"role": message["role"], "content": content})
    assert not left, "number of images does not match number of image placeholders"
    return messages


def coco(file: Path, images: Path) -> dict[str, list[tuple[str, tuple[float, ...]]]]:
    """pycocotools: annotations by image; gives file name -> (category, (x, y, width, height)), every picture opened."""
    found = json.loads(file.read_text())
    names = {category["id"]: category["name"] for category in found["categories"]}
    assert len({a["id"] for a in found["annotations"]}) == len(found["annotations"])
    boxes = {}
    for image in found["images"]:
        with Image.open(images / image["file_name"]) as picture:
            assert picture.size == (image["width"], image["height"])
        boxes[image["file_name"]] = [
            (names[a["category_id"]], tuple(a["bbox"]))
            for a in found["annotations"]
            if a["image_id"] == image["id"] and not a["iscrowd"] and a["area"] == a["bbox"][2] * a["bbox"][3]
        ]
    assert sum(map(len, boxes.values())) == len(found["annotations"])
    return boxes


def yolo(data_yaml: Path, part: str) -> dict[str, list[tuple[str, tuple[float, ...]]]]:
    """Ultralytics: all pictures under the folder; labels where the last `images` of the path is `labels`.

    Gives file name -> (class, (x0, y0, x1, y1) in pixels). A picture without its text file has no label at all.
    """
    data = yaml.safe_load(data_yaml.read_text(encoding="utf-8"))
    assert {"train", "val"} <= set(data) and list(data["names"]) == list(range(len(data["names"])))
    boxes = {}
    for path in sorted((data_yaml.parent / data[part]).rglob("*.*")):
        with Image.open(path) as picture:
            width, height = picture.size
            assert picture.format in ("PNG", "JPEG") and picture.getexif().get(274, 1) == 1
        label = Path("/labels/".join(str(path).rsplit("/images/", 1))).with_suffix(".txt")
        boxes[path.name] = []
        for line in label.read_text().splitlines():
            number, *shares = line.split()
            x, y, w, h = (float(share) for share in shares)
            assert all(0 <= share <= 1 for share in (x, y, w, h))
            edges = ((x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height)
            boxes[path.name].append((data["names"][int(number)], tuple(round(e, 3) for e in edges)))
    return boxes
