"""Training a WordPiece vocabulary in the layout of the published `vocab.txt`: lower case, accents stripped, `##` inside words."""

from collections import Counter
from collections.abc import Iterable, Sequence

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from mammoscribe.support.errors import InputError

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
"""With the ids 0 to 4, as in the published vocabulary."""
INSIDE = "##"
LETTERS = 1000
"""How many different characters at most are pieces of their own; rarer ones become `[UNK]`."""
SEEN = 2
"""How often two pieces have to follow each other to become one."""


def train_vocabulary(texts: Sequence[str], size: int) -> tuple[str, ...]:
    """At most `size` pieces, in the order of their ids; the same texts always give the same.

    Every character is handed to the trainer before it sees a text, in a fixed order: it breaks ties between equally
    frequent pairs by piece id, and would otherwise number characters in hash order.

    Args:
        texts: what is learned from.
        size: pieces, special ones and single characters included.

    Raises:
        InputError: when the characters alone are more.
    """
    learner = _wordpiece()
    letters = _letters(learner, texts)
    if size < len(SPECIAL) + len(letters):
        raise InputError(
            f"a vocabulary of {size} pieces", f"at least {len(SPECIAL) + len(letters)}, so that each character has one"
        )
    trainer = trainers.WordPieceTrainer(
        vocab_size=size, min_frequency=SEEN, special_tokens=[*SPECIAL, *letters], limit_alphabet=0,
        show_progress=False,
    )  # fmt: skip
    learner.train_from_iterator(texts, trainer)
    numbers = learner.get_vocab()
    return tuple(sorted(numbers, key=numbers.__getitem__))


def vocabulary_file(pieces: Iterable[str]) -> bytes:
    """The content of `vocab.txt`: one piece a line, its id being the number of its line from 0."""
    return "".join(f"{piece}\n" for piece in pieces).encode()


def _wordpiece() -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(vocab={"[UNK]": 0}, unk_token="[UNK]"))  # noqa: S106 - no password
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def _letters(tokenizer: Tokenizer, texts: Iterable[str]) -> list[str]:
    """The most frequent characters, each as the first of a word and inside one, in a fixed order."""
    seen: Counter[str] = Counter()
    for text in texts:
        seen.update(tokenizer.normalizer.normalize_str(text))
    characters = sorted((c for c in seen if not c.isspace()), key=lambda c: (-seen[c], c))[:LETTERS]
    return [*sorted(characters), *(INSIDE + c for c in sorted(characters))]
