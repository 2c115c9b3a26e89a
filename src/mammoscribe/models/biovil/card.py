"""The card beside our copy of a published image-text model: its name, and the digest of the file it was made from."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from mammoscribe.support.errors import InputError
from mammoscribe.support.files import write_text

FORMAT = "mammoscribe.joint-weights/1"


@dataclass(frozen=True)
class JointCard:
    """What a file of ours is, which published file it was made from (itself where it was trained here), and both digests.

    `size_px` and `pixels` are of an image model trained here: the side of what it is shown, and the pre-processing
    (`published` or `whole`) of the pictures it learned from; None stands for what is published.
    """

    name: str
    source_file: str
    source_sha256: str
    weights_sha256: str
    format: str = FORMAT
    size_px: int | None = None
    pixels: str | None = None


def write_joint_card(card: JointCard, weights: Path) -> Path:
    """Write the card beside its `.safetensors` file, as `.json` of the same name."""
    return write_text(weights.with_suffix(".json"), json.dumps(asdict(card), indent=1) + "\n")


def read_joint_card(weights: Path) -> JointCard | None:
    """The card beside a safetensors file, or None where there is none of ours."""
    path = weights.with_suffix(".json")
    if not path.is_file():
        return None
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return JointCard(**values) if values.get("format") == FORMAT else None
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(f"{path.name} is not a readable card ({error})", f"JSON of {FORMAT}") from error
