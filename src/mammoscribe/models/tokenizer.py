"""The report tokeniser: a small lower-case WordPiece with section and evidence marks, and case restored on decoding.

A leading space is written into the piece (`▁breast`), so joining the pieces gives the text back, but for its case and
runs of white space. The marks (`[EVID]`, `[FINDINGS]`, ...) are entries of the vocabulary that no text can spell: text
is lower-cased and split at brackets first, so a prior report that contains the letters `[EVID]` stays plain text.
"""

import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from importlib import resources
from pathlib import Path

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from mammoscribe.domain.evidence import Section
from mammoscribe.support.errors import InputError, InvalidNoun

PAD, UNK, BOS, SEP, EVID, EOS = "[PAD]", "[UNK]", "[BOS]", "[SEP]", "[EVID]", "[EOS]"
SECTION_MARKS: dict[Section, str] = {s: f"[{s.value.upper()}]" for s in Section}
MARKS = (PAD, UNK, BOS, SEP, EVID, EOS, *SECTION_MARKS.values())
MAX_VOCABULARY = 2000

_SPACE = "▁"
_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789.,;:-/()%'+~?![]\"&<>=#*_"
_SPLIT = Regex(rf"{_SPACE}?[a-z]+|{_SPACE}?[0-9]+|{_SPACE}?[^a-z0-9{_SPACE}]|{_SPACE}")
_CASED = (
    (re.compile(r"\bbi-rads\b"), lambda _: "BI-RADS"),
    (re.compile(r"\b(?:acr|cc|mlo|mri)\b"), lambda m: m[0].upper()),
    (re.compile(r"\b([rl])(?=[ -]?(?:CC|MLO)\b)"), lambda m: m[0].upper()),
    (re.compile(r"(?<=BI-RADS )((?:category )?)4([abc])\b"), lambda m: f"{m[1]}4{m[2].upper()}"),
    (re.compile(r"(?:^|(?<=[.!?] ))[a-z]"), lambda m: m[0].upper()),
)


class ReportTokenizer:
    """Text to pieces and back, and the ids of the marks.

    Args:
        backend: a WordPiece tokeniser whose vocabulary holds every mark.

    Raises:
        InvalidNoun: when a mark is missing or the vocabulary has more than `MAX_VOCABULARY` entries.
    """

    def __init__(self, backend: Tokenizer) -> None:
        ids = {m: backend.token_to_id(m) for m in MARKS}
        missing = [m for m, i in ids.items() if i is None]
        if missing:
            raise InvalidNoun(f"a report tokeniser without {', '.join(missing)}", "every mark in the vocabulary")
        if backend.get_vocab_size() > MAX_VOCABULARY:
            raise InvalidNoun(f"a vocabulary of {backend.get_vocab_size()}", f"at most {MAX_VOCABULARY}")
        self._backend = backend
        self._marks = {m: i for m, i in ids.items() if i is not None}

    @property
    def vocab_size(self) -> int:
        """Number of entries, marks included."""
        return self._backend.get_vocab_size()

    def mark(self, name: str) -> int:
        """Id of one of `MARKS`."""
        if name not in self._marks:
            raise InvalidNoun(f"{name!r} is no mark", f"one of {', '.join(MARKS)}")
        return self._marks[name]

    def section(self, section: Section) -> int:
        """Id of the mark that opens a sentence of that section."""
        return self.mark(SECTION_MARKS[section])

    @cached_property
    def sections(self) -> dict[int, Section]:
        """Mark id -> section."""
        return {self.section(s): s for s in Section}

    @cached_property
    def mark_ids(self) -> frozenset[int]:
        """Ids of all marks; every other id is a piece of text."""
        return frozenset(self._marks.values())

    def encode(self, text: str) -> list[int]:
        """Ids of the pieces of `text`, without marks."""
        return self._backend.encode(text, add_special_tokens=False).ids

    def decode(self, ids: Sequence[int]) -> str:
        """Text of the pieces, marks skipped, with sentence case and `BI-RADS 4A`, `CC`, `MLO` restored."""
        pieces = (self._backend.id_to_token(i) or "" for i in ids if i not in self.mark_ids)
        text = "".join(p.removeprefix("##") for p in pieces).replace(_SPACE, " ").strip()
        for pattern, replacement in _CASED:
            text = pattern.sub(replacement, text)
        return text

    def to_json(self) -> str:
        """The file's content; `load_tokenizer` reads it back."""
        return self._backend.to_str(pretty=True) + "\n"


def load_tokenizer(path: Path | None = None) -> ReportTokenizer:
    """The tokeniser in `path`, or the one that ships with the package.

    Raises:
        InputError: when the file is absent or is not a tokeniser.
    """
    source = resources.files("mammoscribe.models") / "weights" / "tokenizer.json" if path is None else Path(path)
    try:
        return ReportTokenizer(Tokenizer.from_str(source.read_text(encoding="utf-8")))
    except OSError as error:
        raise InputError(f"no tokeniser file {source}", "tokenizer.json") from error
    except Exception as error:  # the tokenizers library raises plain Exception
        if isinstance(error, InvalidNoun):
            raise
        raise InputError(f"{source} is not a tokeniser file ({error})", "tokenizer.json") from error


def train_tokenizer(texts: Iterable[str], vocab_size: int = MAX_VOCABULARY) -> ReportTokenizer:
    """A WordPiece of at most `vocab_size` entries over `texts`; the same texts give the same vocabulary.

    Every letter is handed to the trainer before it sees a text, in a fixed order: it breaks ties between equally
    frequent pairs by piece id, and would otherwise number continuation letters in hash order.
    """
    letters = [_SPACE, *_ALPHABET, *(f"##{c}" for c in _ALPHABET)]
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocab_size, min_frequency=3, special_tokens=[*MARKS, *letters], show_progress=False
    )
    learner = _backend({UNK: 0})
    learner.train_from_iterator(texts, trainer)
    return ReportTokenizer(_backend(learner.get_vocab()))


def _backend(vocab: dict[str, int]) -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(vocab=vocab, unk_token=UNK))
    tokenizer.normalizer = normalizers.Sequence([
        normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase(),
        normalizers.Replace(Regex("[‐-―−]"), "-"), normalizers.Replace(Regex("[‘’]"), "'"),
        normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip(),
    ])  # fmt: skip
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Metaspace(replacement=_SPACE, prepend_scheme="always"),
        pre_tokenizers.Split(_SPLIT, behavior="isolated"),
    ])  # fmt: skip
    return tokenizer
