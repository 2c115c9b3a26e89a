"""Checkpoints on disk: folders that are whole or absent, each with the SHA-256 of its files; the newest whole one is found."""

import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from mammoscribe.support.errors import InputError
from mammoscribe.support.files import file_mode, sha256_of, write_text

DIGESTS = "SHA256SUMS"
"""Digests of a folder's files, as `sha256sum -c` reads them."""
WEIGHTS = "weights.safetensors"
EMA = "ema.safetensors"


def step_folder(folder: Path, step: int) -> Path:
    """Where the checkpoint after `step` steps of the run in `folder` is."""
    return folder / "checkpoints" / f"step-{step:08d}"


def best_folder(folder: Path, step: int) -> Path:
    """Where the weights are that were best when they were validated after `step` steps."""
    return folder / "checkpoints" / f"best-{step:08d}"


def unfinished(target: Path) -> Path:
    """Where a folder is filled before it gets its name."""
    return target.parent / f".{target.name}.part"


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """A folder to fill that becomes `target` when the block ends well, and is removed when it does not."""
    part = unfinished(target)
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        yield part
        finish_folder(target)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def finish_folder(target: Path) -> None:
    """Write the digests of what is in the unfinished folder, and give it its name."""
    part = unfinished(target)
    lines = [f"{sha256_of(part / name)}  {name}\n" for name in _files(part)]
    write_text(part / DIGESTS, "".join(lines))
    if target.exists():
        shutil.rmtree(target)
    part.rename(target)


def is_whole(checkpoint: Path) -> bool:
    """Whether the files are those, and have the digests, that were written beside them."""
    try:
        lines = (checkpoint / DIGESTS).read_text(encoding="utf-8").split("\n")
        digests = {name: digest for digest, _, name in (line.partition("  ") for line in lines[:-1])}
        names = _files(checkpoint)
        ends_well = not lines[-1] and bool(names)
        return ends_well and names == sorted(digests) and all(sha256_of(checkpoint / n) == digests[n] for n in names)
    except (OSError, ValueError):
        return False


def _files(folder: Path) -> list[str]:
    """Names of the files in a checkpoint, without that of the digests."""
    paths = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in paths if name != DIGESTS)


def kept(folder: Path, kind: str = "step") -> list[tuple[int, Path]]:
    """(step, folder) of the run's checkpoints of a kind (`step` or `best`), from the first to the last."""
    name = re.compile(rf"{kind}-(\d+)")
    found = [(name.fullmatch(path.name), path) for path in (folder / "checkpoints").glob(f"{kind}-*")]
    return sorted((int(match[1]), path) for match, path in found if match)


def newest_whole(folder: Path) -> tuple[Path | None, list[Path]]:
    """The newest checkpoint whose files are as they were written, and newer ones that are damaged."""
    damaged: list[Path] = []
    for _, path in reversed(kept(folder)):
        if is_whole(path):
            return path, damaged
        damaged.append(path)
    return None, damaged


def tidy(folder: Path, keep_last: int) -> None:
    """Remove older checkpoints, the weights that are no longer the best, and what a killed process left unfinished."""
    for _, path in [*kept(folder)[:-keep_last], *kept(folder, "best")[:-1]]:
        shutil.rmtree(path)
    for path in (folder / "checkpoints").glob(".*.part"):
        shutil.rmtree(path)


def save_tensors(tensors: Mapping[str, Tensor], path: Path, about: Mapping[str, str]) -> None:
    """Write tensors to a safetensors file; those that share memory are written once for each name."""
    seen: set[int] = set()
    separate: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        own = tensor.detach().to("cpu").contiguous()
        start = own.untyped_storage().data_ptr()
        separate[name] = own.clone() if start in seen else own
        seen.add(start)
    save_file(separate, path, {"format": "pt", **about})
    path.chmod(file_mode())  # safetensors makes it readable by its owner alone


def load_tensors(path: Path) -> dict[str, Tensor]:
    """What `save_tensors` wrote.

    Raises:
        InputError: for a file that is not there or no safetensors file.
    """
    if not path.is_file():
        raise InputError(f"no weights at {path}", "a safetensors file")
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} cannot be read ({error})", "a safetensors file") from error


def weights_at(path: Path) -> Path:
    """The weights file of a path: a file, a checkpoint, or a run folder (its best weights, else its last).

    Raises:
        InputError: when there is none.
    """
    if path.is_file():
        return path
    for _, checkpoint in reversed(kept(path)[-1:] + kept(path, "best")[-1:]):
        return checkpoint / WEIGHTS
    if (path / WEIGHTS).is_file():
        return path / WEIGHTS
    raise InputError(f"no weights in {path}", f"a safetensors file, a folder with {WEIGHTS}, or a run folder")


@torch.no_grad()
def load_modules(path: Path, modules: Mapping[str, nn.Module]) -> list[str]:
    """Load weights that were saved as `module.parameter`, strictly for each module that the file has.

    Returns:
        names of the modules that the file does not have; they stay as they are.

    Raises:
        InputError: for a module in the file that is not among `modules`, and for a key that is missing or too many.
    """
    tensors = load_tensors(path)
    by_module: dict[str, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        top = max((n for n in modules if key.startswith(f"{n}.")), key=len, default="")
        if not top:
            raise InputError(f"{path.name} holds {key}", f"weights of {', '.join(modules)} only")
        by_module.setdefault(top, {})[key.removeprefix(f"{top}.")] = value
    for name, own in by_module.items():
        try:
            modules[name].load_state_dict(own)
        except RuntimeError as error:
            reason = " ".join(str(error).split())[:300]
            raise InputError(f"{path.name} does not fit {name}: {reason}") from error
    return [name for name, module in modules.items() if name not in by_module and module.state_dict()]
