"""Train the shipped report tokeniser anew: `python tools/train_tokenizer.py`; the same file comes out each time."""

import hashlib
from pathlib import Path

from mammoscribe.models.tokenizer import train_tokenizer
from mammoscribe.support.files import write_text
from mammoscribe.training.decoder.fact_tables import tokenizer_texts

TARGET = Path(__file__).parents[1] / "src" / "mammoscribe" / "models" / "weights" / "tokenizer.json"


def main() -> None:
    """Write the tokeniser and print its size and digest."""
    tokenizer = train_tokenizer(tokenizer_texts())
    content = tokenizer.to_json()
    write_text(TARGET, content)
    print(f"{TARGET.name}: {tokenizer.vocab_size} entries, sha256 {hashlib.sha256(content.encode()).hexdigest()}")


if __name__ == "__main__":
    main()
