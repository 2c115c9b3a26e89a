"""`transformers` as it is used here: from local folders only, without its bars and warnings, its errors in one sentence."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mammoscribe.support.errors import InputError, MammoscribeError, MissingExtra, install_extra
from mammoscribe.support.files import write_text

EXTRA = install_extra("chat")


def transformers() -> Any:
    """The library.

    Raises:
        MissingExtra: when it is not installed, or not usable (a torchvision that does not fit torch breaks it).
    """
    try:
        import transformers as library
    except ImportError as error:
        raise MissingExtra("chat models need transformers", "", EXTRA) from error
    return library


def library_class(name: str) -> Any:
    """A class of the library.

    Raises:
        MissingExtra: when this version has none, or it cannot be imported beside what else is installed.
    """
    try:
        return getattr(transformers(), name)
    except (AttributeError, ImportError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:120]
        raise MissingExtra(
            f"transformers gives no {name} here ({reason})", "", f"{EXTRA}, without torchvision"
        ) from error


@contextmanager
def quiet() -> Iterator[None]:
    """No bars and warnings of the library: what they would say of missing weights is an error here."""
    logging = transformers().utils.logging
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


@contextmanager
def in_one_sentence(what: str, folder: Path) -> Iterator[None]:
    """Errors of the library, which have many types, as InputError about a file of a folder."""
    try:
        yield
    except (MammoscribeError, MemoryError):
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(f"{what} in {folder} cannot be read ({reason})", "the files as they were published") from error


PREPROCESSOR, PROCESSOR = "preprocessor_config.json", "processor_config.json"
"""Where a folder says how pictures are prepared; the second holds it as `image_processor` where transformers 5 wrote it."""


def preprocessing_place(folder: Path) -> tuple[Path, dict[str, Any], dict[str, Any]]:
    """(file, what it holds, the part of it that is about pictures).

    Raises:
        InputError: when the folder does not say how pictures are prepared.
    """
    for name in (PREPROCESSOR, PROCESSOR):
        path = folder / name
        try:
            held = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
        except (OSError, ValueError) as error:
            raise InputError(f"{path} cannot be read ({error})", "the file as it was published") from error
        inside = held.get("image_processor") if isinstance(held, dict) and name == PROCESSOR else held
        if isinstance(held, dict) and isinstance(inside, dict):
            return path, held, inside
    raise InputError(f"{folder} does not say how pictures are prepared", PREPROCESSOR, "fetch the folder again")


def image_processor(folder: Path, class_name: str, needs: Sequence[str]) -> Any:
    """The image processor of a folder.

    Args:
        folder: of a model.
        class_name: of the processor in `transformers`.
        needs: fields that the folder has to set; the library would fill in values of its own.

    Raises:
        InputError: when the folder does not say how pictures are prepared.
    """
    path, _, values = preprocessing_place(folder)
    absent = [name for name in needs if name not in values]
    if absent:
        raise InputError(f"{path} does not set {', '.join(absent)}", "the file as it was published")
    with in_one_sentence(path.name, folder):
        return library_class(class_name).from_dict(values)


def say_for_transformers_4(folder: Path) -> None:
    """Write tokenizer_config.json with the names that transformers 4 knows, too, where 5 has written names of its own."""
    path = folder / "tokenizer_config.json"
    held = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    changed = dict(held)
    if held.get("tokenizer_class") == "TokenizersBackend":
        changed["tokenizer_class"] = "PreTrainedTokenizerFast"
    if isinstance(held.get("extra_special_tokens"), list):
        changed["additional_special_tokens"] = changed.pop("extra_special_tokens")
    if changed != held:
        write_text(path, json.dumps(changed, indent=2, ensure_ascii=False) + "\n")
