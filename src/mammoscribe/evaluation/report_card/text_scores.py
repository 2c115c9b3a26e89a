"""Word overlap: BLEU-1..4, ROUGE-1/2/L, CIDEr-D, METEOR with exact matches; equal to the usual implementations.

Protocols (a figure of one is not comparable with one of another, so each is in its score's name):

- words: lower case, punctuation dropped, `2.5`, `bi-rads` and `o'clock` are one word each; for BLEU, CIDEr-D, METEOR.
- BLEU: of the whole set, clipped n-grams and brevity penalty as in coco-caption (pycocoevalcap), one reference.
- CIDEr-D: as in coco-caption, document frequencies from the references that are scored, times 10.
- METEOR: formula and alignment of nltk (alpha 0.9, beta 3, gamma 0.5) with its first stage only, the exact match: no
  stems and no synonyms, so that it is lower than METEOR with WordNet and no substitute for METEOR 1.5 (Java).
- ROUGE: F1 of rouge-score without its stemmer, with its own words (runs of ASCII letters and digits); mean of reports.

A score is a function of sums over reports, as `figures` needs it: sums of n-grams for BLEU, of the reports' values else.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

MAX_N = 4
_WORD = re.compile(r"\w+(?:[.'’/-]\w+)*")
_ROUGE_WORD = re.compile(r"[a-z0-9]+")
_SIGMA = 6.0
_ALPHA, _BETA, _GAMMA = 0.9, 3.0, 0.5
NGram = tuple[str, ...]


def words_of(text: str) -> list[str]:
    """The words that BLEU, CIDEr-D and METEOR count."""
    return _WORD.findall(text.lower())


class Words:
    """A text prepared for all scores."""

    def __init__(self, text: str) -> None:
        self.words = words_of(text)
        self.rouge_words = _ROUGE_WORD.findall(text.lower())

    @cached_property
    def ngrams(self) -> tuple[Counter[NGram], ...]:
        """Counts of n-grams, n from 1 to 4."""
        return tuple(_ngrams(self.words, n) for n in range(1, MAX_N + 1))

    @cached_property
    def rouge_ngrams(self) -> tuple[Counter[NGram], Counter[NGram]]:
        """Counts of words and pairs of words."""
        return _ngrams(self.rouge_words, 1), _ngrams(self.rouge_words, 2)


def _ngrams(words: Sequence[str], n: int) -> Counter[NGram]:
    return Counter(zip(*(words[i:] for i in range(n)), strict=False))


# --- BLEU ---------------------------------------------------------------------------------------------------------


def bleu_counts(candidate: Words, reference: Words) -> dict[str, float]:
    """What one pair adds to BLEU: lengths, n-grams, and those that the reference has too."""
    counts: dict[str, float] = {"bleu length": len(candidate.words), "bleu reference": len(reference.words)}
    for n in range(1, MAX_N + 1):
        given, true = candidate.ngrams[n - 1], reference.ngrams[n - 1]
        counts[f"bleu grams {n}"] = max(0, len(candidate.words) - n + 1)
        counts[f"bleu shared {n}"] = sum(min(count, true[gram]) for gram, count in given.items() if gram in true)
    return counts


# --- ROUGE --------------------------------------------------------------------------------------------------------


def rouge(candidate: Words, reference: Words) -> dict[str, float]:
    """ROUGE-1, ROUGE-2 and ROUGE-L (over the whole text) of one pair."""
    scores = {}
    for n in (1, 2):
        given, true = candidate.rouge_ngrams[n - 1], reference.rouge_ngrams[n - 1]
        shared = sum(min(count, true[gram]) for gram, count in given.items() if gram in true)
        scores[f"rouge {n}"] = _f1(shared, given.total(), true.total())
    common = longest_common_subsequence(candidate.rouge_words, reference.rouge_words)
    return scores | {"rouge l": _f1(common, len(candidate.rouge_words), len(reference.rouge_words))}


def _f1(shared: int, given: int, true: int) -> float:
    """2 shared / (given + true); 0 where either side is empty, as rouge-score has it."""
    return 2 * shared / (given + true) if given and true else 0.0


def longest_common_subsequence(one: Sequence[str], other: Sequence[str]) -> int:
    """Length of the longest common subsequence, by bits of one integer (Hyyro 2004): time grows with one length."""
    where: dict[str, int] = {}
    for i, word in enumerate(one):
        where[word] = where.get(word, 0) | 1 << i
    every = (1 << len(one)) - 1
    row = every
    for word in other:
        matched = row & where.get(word, 0)
        row = ((row + matched) | (row - matched)) & every
    return len(one) - row.bit_count()


# --- METEOR -------------------------------------------------------------------------------------------------------


def meteor_exact(candidate: Words, reference: Words) -> float:
    """METEOR of one pair, exact matches only; 0 without a common word."""
    matches = _aligned(candidate.words, reference.words)
    if not matches:
        return 0.0
    precision, recall = len(matches) / len(candidate.words), len(matches) / len(reference.words)
    mean = precision * recall / (_ALPHA * precision + (1 - _ALPHA) * recall)
    breaks = sum(b != (a[0] + 1, a[1] + 1) for a, b in pairwise(matches))
    return (1 - _GAMMA * ((breaks + 1) / len(matches)) ** _BETA) * mean


def _aligned(candidate: Sequence[str], reference: Sequence[str]) -> list[tuple[int, int]]:
    """(place, place) of equal words: from the end, each with the last that is free, as nltk aligns them."""
    free: dict[str, list[int]] = {}
    for j, word in enumerate(reference):
        free.setdefault(word, []).append(j)
    matches = [(i, places.pop()) for i in range(len(candidate) - 1, -1, -1) if (places := free.get(candidate[i]))]
    return matches[::-1]


# --- CIDEr-D ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Vector:
    """tf-idf weights of the n-grams of one text and their norms, by n; its length in pairs of words."""

    weights: tuple[Mapping[NGram, float], ...]
    norms: tuple[float, ...]
    length: int


class CiderD:
    """CIDEr-D with the document frequencies of a set of references.

    Args:
        references: texts of all that are scored, one for each exam.
    """

    def __init__(self, references: Iterable[str]) -> None:
        self._documents: Counter[NGram] = Counter()
        self._num = 0
        for text in references:
            self._num += 1
            for counts in Words(text).ngrams:
                self._documents.update(counts.keys())

    def vector(self, words: Words) -> Vector:
        """A text as it is compared; one that is compared often is worth keeping."""
        most = math.log(self._num)
        weights = tuple(
            {gram: count * (most - math.log(max(1, self._documents[gram]))) for gram, count in counts.items()}
            for counts in words.ngrams
        )
        norms = tuple(math.sqrt(sum(w * w for w in of_n.values())) for of_n in weights)
        return Vector(weights, norms, max(0, len(words.words) - 1))  # coco-caption's length is that of the pairs


def cider_d(candidate: Vector, reference: Vector) -> float:
    """CIDEr-D of one pair, 0 to 10."""
    penalty = math.exp(-((candidate.length - reference.length) ** 2) / (2 * _SIGMA**2))
    total = 0.0
    for n in range(MAX_N):
        norm = candidate.norms[n] * reference.norms[n]
        if norm:
            known = reference.weights[n]
            total += sum(min(w, known[g]) * known[g] for g, w in candidate.weights[n].items() if g in known) / norm
    return 10 * penalty * total / MAX_N


@dataclass(frozen=True)
class Prepared:
    """A text with all that its scores need."""

    words: Words
    vector: Vector


def prepared(text: str, cider: CiderD) -> Prepared:
    """The text, prepared once for any number of comparisons."""
    words = Words(text)
    return Prepared(words, cider.vector(words))


def text_counts(candidate: Prepared, reference: Prepared) -> dict[str, float]:
    """What one pair adds to every text score."""
    given, true = candidate.words, reference.words
    counts = bleu_counts(given, true) | rouge(given, true)
    return counts | {"meteor": meteor_exact(given, true), "cider": cider_d(candidate.vector, reference.vector)}
