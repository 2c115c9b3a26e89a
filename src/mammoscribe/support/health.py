"""Health of the installation: each check says what was found, and whether the package can work with it."""

import importlib
import importlib.metadata
import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from mammoscribe.support.files import sha256_of
from mammoscribe.support.workers import available_cores

IMPORTED = ("torch", "numpy", "scipy", "pydicom", "PIL", "safetensors", "tokenizers", "jsonschema", "jinja2")
DISTRIBUTIONS = {"PIL": "pillow"}
SYNTAXES = {
    "JPEG baseline": "1.2.840.10008.1.2.4.50",
    "JPEG 12 bit": "1.2.840.10008.1.2.4.51",
    "JPEG lossless": "1.2.840.10008.1.2.4.57",
    "JPEG lossless, first order": "1.2.840.10008.1.2.4.70",
    "JPEG-LS lossless": "1.2.840.10008.1.2.4.80",
    "JPEG-LS near lossless": "1.2.840.10008.1.2.4.81",
    "JPEG 2000 lossless": "1.2.840.10008.1.2.4.90",
    "JPEG 2000": "1.2.840.10008.1.2.4.91",
    "RLE": "1.2.840.10008.1.2.5",
}
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "firefox")
WEIGHTS = Path(str(resources.files("mammoscribe"))) / "models" / "weights"


@dataclass(frozen=True)
class Check:
    """One line of `mammoscribe doctor`; `ok` is None where the thing is only good to have."""

    name: str
    ok: bool | None
    found: str


def installation(out: Path, weights: Path = WEIGHTS) -> Iterator[Check]:
    """All checks in the order they are printed; `out` is the folder reports would be written to."""
    yield Check("python", sys.version_info >= (3, 11), f"{platform.python_version()} on {platform.platform()}")
    yield from map(package, IMPORTED)
    yield from decoders()
    yield from weight_files(weights)
    yield threads()
    yield writable(out)
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    yield Check("browser", True if browser else None, browser or "none found; report.html needs one to be looked at")


def package(module: str) -> Check:
    """Whether a module of the core imports, with its version."""
    try:
        importlib.import_module(module)
        version = importlib.metadata.version(DISTRIBUTIONS.get(module, module))
    except Exception as error:  # a broken wheel raises anything, and the doctor reports it
        return Check(module, False, f"cannot be imported: {type(error).__name__}: {error}")
    return Check(module, True, version)


def decoders() -> Iterator[Check]:
    """One check per compressed transfer syntax that mammograms come in (DICOM PS3.5 A.4)."""
    try:
        from pydicom.pixels.decoders.base import get_decoder
    except ImportError as error:
        yield Check("decoders", False, str(error))
        return
    for name, syntax in SYNTAXES.items():
        decoder = get_decoder(syntax)
        plugins = ", ".join(decoder.available_plugins) if decoder.is_available else "no decoder"
        yield Check(f"decode {name}", decoder.is_available, plugins)


def weight_files(folder: Path = WEIGHTS) -> Iterator[Check]:
    """Every card in `folder` with its weight file and digest, and the licence beside them."""
    cards = sorted(folder.glob("*.json"))
    if not any(card.with_suffix(".safetensors").is_file() for card in cards):
        yield Check("weights", False, f"no card with weights in {folder}")
    for card in cards:
        if card.with_suffix(".safetensors").is_file():
            yield weight_file(card)
    yield Check("weights licence", (folder / "LICENSE").is_file(), str(folder / "LICENSE"))


def weight_file(card: Path) -> Check:
    """Whether the weight file beside `card` has the SHA-256 that the card names."""
    try:
        expected = json.loads(card.read_text(encoding="utf-8"))["weights_sha256"]
    except (ValueError, KeyError):
        return Check(f"weights {card.stem}", False, f"{card.name} names no weights_sha256")
    found = sha256_of(card.with_suffix(".safetensors"))
    remark = found if found == expected else f"sha256 {found}, the card says {expected}"
    return Check(f"weights {card.stem}", found == expected, remark)


def threads() -> Check:
    """Cores this process may use, and what OMP_NUM_THREADS makes of them."""
    return Check(
        "threads", True, f"{available_cores()} cores, OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS', 'not set')}"
    )


def writable(out: Path) -> Check:
    """Whether a file can be written to `out`, or to the nearest folder above it that exists; leaves nothing behind."""
    folder = next(parent for parent in (out.absolute(), *out.absolute().parents) if parent.exists())
    try:
        with tempfile.NamedTemporaryFile(dir=folder):
            return Check("reports folder", True, str(out.absolute()))
    except OSError as error:
        return Check("reports folder", False, f"{folder}: {error.strerror}")
