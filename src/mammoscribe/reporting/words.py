"""Words for numbers and lists: calibrated likelihood words, counts, and comma lists.

The likelihood words follow the calibrated scale that the IPCC uses (Mastrandrea et al. 2010, guidance note, table 1),
so that a word always stands for the same band of probability.
"""

from collections.abc import Sequence

from mammoscribe.support.errors import InvalidNoun

LIKELIHOOD_WORDS: tuple[tuple[float, str], ...] = (
    (0.01, "exceptionally unlikely"),
    (0.10, "very unlikely"),
    (0.33, "unlikely"),
    (0.66, "about as likely as not"),
    (0.90, "likely"),
    (0.99, "very likely"),
    (1.0, "virtually certain"),
)
"""Upper edge of each band (inclusive) and its word."""

_COUNTS = ("no", "one", "two", "three", "four")


def likelihood_word(prob: float) -> str:
    """The word for a calibrated probability; a number outside 0..1 raises InvalidNoun."""
    if not 0.0 <= prob <= 1.0:
        raise InvalidNoun(f"probability {prob}", "a number from 0 to 1")
    return next(word for edge, word in LIKELIHOOD_WORDS if prob <= edge)


def count_word(count: int) -> str:
    """`one` .. `four`, digits above."""
    return _COUNTS[count] if 0 <= count < len(_COUNTS) else str(count)


def listed(items: Sequence[str], word: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`; `word` is put before the last."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {word} {items[-1]}"


def with_article(phrase: str) -> str:
    """The phrase with `a` or `an` before it."""
    return f"{'an' if phrase[:1].lower() in 'aeiou' else 'a'} {phrase}"


def capitalised(text: str) -> str:
    """First letter upper case, the rest as it is (unlike `str.capitalize`)."""
    return text[:1].upper() + text[1:]
