"""Load folders of chat models with the transformers of this process and compare their scores; `chat_compat.py` runs it."""

import inspect
import sys
from pathlib import Path
from typing import Any

import torch
import transformers

CLOSE = 1e-4
NOT_NEEDED = "mm_token_type_ids"
"""Input that versions before 5 do not ask for."""


def loaded(folder: Path) -> str:
    """What happened to a folder, in one line that begins with ok, unknown or failed."""
    expected = torch.load(folder / "expected.pt", weights_only=True)
    kind = getattr(transformers, expected["class"], None)
    if kind is None:
        return f"unknown: this version has no {expected['class']}"
    try:
        network, info = kind.from_pretrained(str(folder), output_loading_info=True, torch_dtype=torch.float32)
    except Exception as error:
        return f"failed: {type(error).__name__}: {str(error)[:200]}"
    counts = {name: len(info[name]) for name in ("missing_keys", "unexpected_keys", "mismatched_keys")}
    if any(counts.values()):
        first = next(iter([*info["missing_keys"], *info["unexpected_keys"]]), "")
        return f"failed: {', '.join(f'{n} {name}' for name, n in counts.items())} ({first})"
    try:
        far = _far(network.eval(), expected)
    except Exception as error:
        return f"failed: 0 keys missing, 0 unexpected; it gives no scores ({type(error).__name__}: {str(error)[:120]})"
    tokens = _tokens(folder, expected)
    return f"{'ok' if far <= CLOSE else 'failed'}: 0 keys missing, 0 unexpected; scores differ by {far:.1e}; {tokens}"


def _far(network: Any, expected: dict[str, Any]) -> float:
    taken = inspect.signature(type(network).forward).parameters
    inputs = {name: tensor for name, tensor in expected["inputs"].items() if name != NOT_NEEDED or name in taken}
    with torch.no_grad():
        return float((network(**inputs).logits - expected["logits"]).abs().max())


def _tokens(folder: Path, expected: dict[str, Any]) -> str:
    try:
        ids = transformers.AutoTokenizer.from_pretrained(str(folder))(expected["sentence"])["input_ids"]
    except Exception as error:
        return f"the tokeniser does not load ({type(error).__name__}: {str(error)[:120]})"
    return "the same tokens" if ids == expected["ids"] else f"other tokens: {ids[:4]}..., not {expected['ids'][:4]}..."


def main(label: str, folders: list[str]) -> int:
    """Print a line for each folder; 1 where one failed."""
    transformers.utils.logging.set_verbosity_error()
    assert transformers.__version__ == label, (transformers.__version__, label)
    failed = False
    for folder in map(Path, folders):
        line = loaded(folder)
        failed = failed or line.startswith("failed")
        print(f"transformers {label}  {folder.name}: {line}", flush=True)
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1], sys.argv[2:]))
