"""Published image-text models made into our own files: full precision, no pickle, a card that names the source."""

from pathlib import Path

from mammoscribe.models.biovil.card import JointCard
from mammoscribe.models.biovil.files import read_checkpoint, write_joint
from mammoscribe.models.biovil.image_model import load_image_model
from mammoscribe.models.biovil.published import published_name
from mammoscribe.models.biovil.space import IMAGE_FILES
from mammoscribe.models.biovil.text_model import WEIGHTS, load_text_model, text_weights
from mammoscribe.support.errors import InputError
from mammoscribe.support.files import write_bytes

TEXT_FILES = ("config.json", "vocab.txt", "tokenizer_config.json")


def import_published(path: Path, out: Path) -> list[JointCard]:
    """Convert an image file, or a folder with an image file, a text model or both; returns the cards written to `out`.

    Everything is loaded, strictly, before anything is written.

    Raises:
        InputError: when nothing is there to convert, or a file is damaged or of another layout.
    """
    image = path if path.is_file() else _only_image(path)
    has_text = path.is_dir() and any((path / name).is_file() for name in WEIGHTS)
    if image is None and not has_text:
        raise InputError(f"no published model at {path}", f"{IMAGE_FILES[1]}, or a folder of published files")
    pixels = None if image is None else load_image_model(image)
    text = load_text_model(path) if has_text else None
    if out.resolve() == (path if path.is_dir() else path.parent).resolve():
        raise InputError(f"{out} holds the published files", "another folder for the copy", "give another --out")
    cards = []
    if pixels is not None and image is not None:
        name = published_name(pixels.source_sha256) or pixels.model.config.name
        cards.append(write_joint(pixels.model, out / "image.safetensors", name, read_checkpoint(image)))
    if text is not None:
        name = published_name(text.source_sha256) or "bert"
        for file in TEXT_FILES:
            if (path / file).is_file():
                write_bytes(out / file, (path / file).read_bytes())
        cards.append(write_joint(text.model, out / "model.safetensors", name, read_checkpoint(text_weights(path))))
    return cards


def _only_image(folder: Path) -> Path | None:
    found = [folder / name for name in IMAGE_FILES if (folder / name).is_file()]
    if len(found) > 1:
        raise InputError(
            f"{' and '.join(p.name for p in found)} in {folder}", "one image model", "give the file itself"
        )
    return found[0] if found else None
