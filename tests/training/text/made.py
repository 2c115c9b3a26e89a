"""A tokeniser of few words for the tests of the text stage."""

from pathlib import Path

from mammoscribe.training.text.pieces import Pieces

WORDS = (
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "a",
    "mass",
    "[",
    "]",
    "mask",
    "##s",
    "##ive",
    "in",
    "breast",
    ".",
)
CLS, SEP, MASK, A, MASS, ES, IVE, IN, BREAST, DOT = 2, 3, 4, 5, 6, 10, 11, 12, 13, 14


def pieces(folder: Path, max_tokens: int = 64, words=WORDS) -> Pieces:
    from transformers import BertTokenizer

    (folder / "vocab.txt").write_text("\n".join(words) + "\n")
    return Pieces(BertTokenizer.from_pretrained(str(folder), local_files_only=True), max_tokens)
