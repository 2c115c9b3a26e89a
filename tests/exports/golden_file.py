"""Comparing text with a golden file; MAMMOSCRIBE_ACCEPT=1 writes the file anew."""

import os
from pathlib import Path


def same_as_golden(path: Path, text: str) -> None:
    if os.environ.get("MAMMOSCRIBE_ACCEPT") == "1":
        path.write_text(text, encoding="utf-8", newline="\n")
    assert path.is_file(), f"no golden file {path.name}; MAMMOSCRIBE_ACCEPT=1 writes it"
    assert text == path.read_text(encoding="utf-8"), f"{path.name} differs; look, then MAMMOSCRIBE_ACCEPT=1"
